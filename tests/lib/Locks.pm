# SPDX-License-Identifier: ISC
# The record locks that delivery agents take.
package Locks;

use strict;
use warnings;

use Config;
use Exporter qw(import);
use Fcntl qw(SEEK_SET);

our @EXPORT_OK = qw(record_lock F_OFD_SETLK);

use constant F_OFD_SETLK => 37;

# Why they cannot be had here, or nothing.
sub missing
{
	return $Config{ptrsize} == 8 ? undef :
	    'struct flock is known with 64-bit numbers only';
}

# Does with a lock over all of a file, or what is behind start, as fcntl() does; the
# command may be F_OFD_SETLK, too.
sub record_lock
{
	my ($fh, $command, $type, $start) = @_;

	return fcntl $fh, $command, pack 's s x![q] q q i x![q]', $type,
	    SEEK_SET, $start // 0, 0, 0;
}

1;
