# SPDX-License-Identifier: ISC
# A mailbox that another program changed in place between two sessions, so that
# its end is where it was, and got mail behind it: what a cheap look does not see.

use strict;
use warnings;
use Test::More;
use Pop1;
use Restante;

my @line = ('x' x 70) x 4000;

sub letter
{
	my ($n, @body) = @_;

	return Restante::mbox("Subject: $n\n\n" . join "\n", "body $n", @body);
}

# Takes ten octets from one message and gives them to another, adds a third.
sub edit
{
	my ($d, $from, $to) = @_;
	my $text = $d->mbox('alice');

	$text =~ s/body $from\nx{40}/"body $from\n" . 'x' x 30/e
	    && $text =~ s/body $to\nx{40}/"body $to\n" . 'x' x 50/e
	    or die 'nothing to edit';
	open my $fh, '+<:raw', $d->path('alice') or die $!;
	print {$fh} $text, letter(9, 'new') or die $!;
	close $fh or die $!;
	return;
}

my $d = Restante->start;

$d->user('alice', "secret\n" . join '',
	map { letter($_, 'x' x 40) } 1 .. 5);
my $c = $d->session('alice', 'secret');
like($c->cmd('QUIT'), qr/\A\+OK/, 'there is an index');
$c->close;
edit($d, 2, 4);

# The first try may fail, and shows it; the next one has all.
$c = $d->session('alice', 'secret');
for my $n (1 .. 6) {
	my $status = eval { ($c->multi("RETR $n"))[0] };
	last if !defined $status;
}
$c->close;
$c = $d->session('alice', 'secret');
my @wrong = grep {
	my ($status, @got) = $c->multi("RETR $_");
	$status !~ /\A\+OK/ || $got[0] ne 'Subject: ' . ($_ == 6 ? 9 : $_)
} 1 .. 6;
is("@wrong", '', 'the session after a failure has every message');
$c->close;

# With a tombstone between the two, and a deletion that compacts.
$d->user('alice', "secret\n" . join '', letter(1, @line),
	letter(2, 'x' x 40), letter(3, 'x' x 9000), letter(4, 'x' x 40),
	letter(5, 'x' x 40), letter(6, @line));
$c = $d->session('alice', 'secret');
$c->cmd('DELE 3');
like($c->cmd('QUIT'), qr/\A\+OK/, 'one message is deleted');
$c->close;
like($d->mbox('alice'), qr/^From \0/m, 'and there is its tombstone');
edit($d, 2, 4);
$c = $d->session('alice', 'secret');
$c->cmd('DELE 5');
like($c->cmd('QUIT'), qr/\A(?:\+OK|-ERR \[SYS\/TEMP\])/, 'another one');
$c->close;
$c = $d->session('alice', 'secret');
my %is_there;
for my $n (1 .. ($c->cmd('STAT') =~ /\A\+OK (\d+)/)[0]) {
	my ($status, @got) = $c->multi("RETR $n");
	$is_there{$1}++ if @got && $got[0] =~ /\ASubject: (\d+)\z/;
}
$c->close;
is(join(' ', grep { ($is_there{$_} // 0) != 1 } 1, 2, 4, 5, 9), '',
	'every message that was kept is there once');

# Two of the same length that change places, between others that are deleted.
$d->user('alice', "secret\n" . Restante::mbox(
	map { "Subject: $_\n\nbody $_\n" } 1 .. 7));
$c = $d->session('alice', 'secret');
$c->cmd('QUIT');
$c->close;
my $text = $d->mbox('alice');
$text =~ s/(Subject: )([36])(\n\nbody )[36]/$1 . (9 - $2) . $3 . (9 - $2)/ge;
open my $fh, '+<', $d->path('alice') or die "open: $!";
print $fh $text, Restante::mbox("Subject: 8\n\nnew\n") or die "write: $!";
close $fh or die "close: $!";
$c = $d->session('alice', 'secret');
$c->cmd("DELE $_") for 2 .. 4;
is($c->cmd('QUIT'), '-ERR [SYS/TEMP] nothing was deleted',
	'a letter that nobody saw there is not deleted');
$c->close;
$c = $d->session('alice', 'secret');
is(join(' ', map { my (undef, @got) = $c->multi("RETR $_"); $got[0] =~ /(\d)/ }
    1 .. 8), '1 2 6 4 5 3 7 8', 'the next session has them as they are');
$c->close;

is($d->stop, 0, 'it ends');

# The original POP, which can say nothing of it but end.
$d = Pop1->start(users => { alice => "secret\n" . join '',
	map { letter($_, 'x' x 40) } 1 .. 5 });
$c = Pop1->session($d, 'alice', 'secret');
is($c->fetch('RETR'), Pop1::expected($d->mbox('alice')), 'there is an index');
$c->close;
edit($d, 2, 4);
$c = Pop1->session($d, 'alice', 'secret');
$c->begin('RETR');
$c->send("RCEV\r\n");
isnt($c->raw_until(undef), Pop1::expected($d->mbox('alice')),
	'RCEV breaks off');
$c->close;
$c = Pop1->session($d, 'alice', 'secret');
is(eval { $c->fetch('RETR') }, Pop1::expected($d->mbox('alice')),
	'the session after that has every message');
$c->close;
is($d->stop, 0, 'it ends');
done_testing;
