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

# Who is not there is refused, and nothing is made; nor is anything else found.
my $letter = $t->scratch . '/letter';
Restante::spew($letter, "Subject: a\n\nb\n");
Restante::spew($t->dir . '/../beside', '');
for my $name ('nobody', '', '.', '../beside', '.restante/alice.journal',
    "alice\nx", 'alice" -o "') {
	my $before = $t->{u}->snapshot;

	waitpid $t->start($letter, $maildrop, '-f', 'me@example.org', $rc, $name), 0;
	is($? >> 8, 67, "\"$name\" is refused");
	is_deeply($t->{u}->snapshot, $before, '... and nothing changes');
}
is(Restante::slurp($t->dir . '/../beside'), '', '... anywhere');

done_testing;
