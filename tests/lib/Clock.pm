# SPDX-License-Identifier: ISC
# The clock that the server waits by: nobody sets it, and it stands still where the
# machine does.
#
#	use Clock qw(time);
package Clock;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(CLOCK_MONOTONIC clock_gettime);

our @EXPORT_OK = qw(time);

sub time ()
{
	return clock_gettime(CLOCK_MONOTONIC);
}

1;
