# SPDX-License-Identifier: ISC
# The sample for procmail, and the real program.
use strict;
use warnings;

use Test::More;

use Delivery;
use Letters;
use Restante;

my $t = Delivery->new;
my $procmail = Letters::tool('procmail');
my $rc = $t->sample('procmailrc');
my $deliver = sub {
	return ($procmail, '-t', '-f', $_[1], 'MAILBOX=alice', $rc);
};

$t->try('procmail with restantectl', $deliver);
$rc = $t->sample('procmailrc', sub {
	s/^:0 w\n.*?(?=^# Or)//ms or die 'no first way';
	s/^#(?=:0|\||\/|\* )//mg;
});
$t->try('procmail by itself', $deliver);

# What cannot be delivered comes again, and goes nowhere else; nor is a mailbox made.
my ($letter, $elsewhere) = map { $t->scratch . "/$_" } qw(letter elsewhere);
Restante::spew($letter, "Subject: a\n\nb\n");
Restante::spew($t->dir . '/../beside', '');
mkdir $t->dir . '/directory' or die "mkdir: $!";
for my $name ('nobody', '', '.', '../beside', '.restante/alice.journal',
    'alice" -o "', 'directory') {
	my $before = $t->{u}->snapshot;

	waitpid $t->start($letter, $procmail, '-t', '-f', 'me@example.org',
	    "DEFAULT=$elsewhere", "ORGMAIL=$elsewhere", "MAILBOX=$name", $rc), 0;
	is($? >> 8, 75, "\"$name\" has to wait");
	is_deeply($t->{u}->snapshot, $before, '... and nothing changes');
}
is(Restante::slurp($t->dir . '/../beside'), '', '... anywhere');
ok(!-e $elsewhere, '... nor is it left elsewhere');

done_testing;
