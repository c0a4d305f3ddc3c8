# SPDX-License-Identifier: ISC
# The sample for maildrop, and the real program.
use strict;
use warnings;

use Test::More;

use Delivery;
use Letters;
use Restante;

my $t = Delivery->new;
my $maildrop = Letters::tool('maildrop');
my $rc = $t->sample('maildroprc');

$t->try('maildrop', sub {
	return ($maildrop, '-f', $_[1], $rc, 'alice');
});

done_testing;
