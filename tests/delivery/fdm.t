# SPDX-License-Identifier: ISC
# The sample for fdm, and the real program.
use strict;
use warnings;

use Test::More;

use Delivery;
use Letters;
use Restante;

my $t = Delivery->new;
my $fdm = Letters::tool('fdm');
my $conf = $t->sample('fdm.conf');

# Several at once share a lock file, and the later ones end: one at a time.
$t->try('fdm', sub {
	return ($fdm, '-f', $conf, '-l', '-a', 'stdin', 'fetch');
});

done_testing;
