# SPDX-License-Identifier: ISC
# Random mailboxes, random deletions: what a plain reading of the file says is
# what the server says.  SEED=n repeats a run.
use strict;
use warnings;

use Test::More;

use Reference qw(agrees);
use Restante;

my $seed = $ENV{SEED} // time;

sub one_of
{
	return $_[ rand @_ ];
}

my @separators = map { "From $_ Thu Nov 20 18:27:05 2025" } 'a', 'b@example.org',
    '"c d"';
my @lines = ('', '', '', 'A: b', 'Subject: x', 'text', '.', '..', '.x', ' ',
    'From x', 'From ', '>From y', '>', "\r", "x\ry", "\0", "x\0y", "\xff",
    'x' x 63, 'x' x 64, 'x' x 65, 'x' x 1030);

# A piece of a mailbox: often what is where it belongs, else anything.
sub piece
{
	my $end = one_of("\n", "\n", "\n", "\r\n");
	my $choice = rand;

	return one_of(@separators) . $end . "A: b$end$end" . "text$end$end"
	    if $choice < 0.2;
	return one_of(@separators) . $end if $choice < 0.35;
	return "\nFrom " . "\0" x (1 + rand 200) . "\n\n" .
	    one_of(@separators) . $end if $choice < 0.4;
	return 'x' x rand(9000) . $end if $choice < 0.42;
	return one_of(@lines) x (1 + rand 3) . $end;
}

my $d = Restante->start;
srand $seed;	# what starts a server draws numbers, too
my $wrong = 0;
for my $round (1 .. 250) {
	my $text = one_of("secret\n", "secret\n", "secret\r\n") .
	    join '', map { piece() } 1 .. rand 40;
	chop $text if rand() < 0.2 && length $text > 20;
	$d->user("user$round", $text);

	my $c = $d->session("user$round", 'secret');
	my @messages = agrees($c, $text, "mailbox $round of seed $seed");
	my %delete = map { $_ => 1 } grep { rand() < 0.4 } 1 .. @messages;
	%delete = map { $_ => 1 } 1 .. @messages if rand() < 0.1;
	my @kept = map { $messages[$_ - 1] } grep { !$delete{$_} } 1 .. @messages;
	$c->cmd("DELE $_") for keys %delete;
	my $reply = $c->cmd('QUIT');
	$c->close;
	my $words = @kept == 0 ? 'maildrop empty' :
	    @kept == 1 ? '1 message left' : @kept . ' messages left';
	is $reply =~ s/\A.*\((.*)\)\z/$1/r, $words, 'QUIT of a random part';

	# The next session, and one that has to scan: without the index a twin may
	# take the id of a deleted one.
	my $left = $d->mbox("user$round");
	$c = $d->session("user$round", 'secret');
	my ($status, @uidl) = $c->multi('UIDL');
	is_deeply \@uidl,
	    [ map { ($_ + 1) . " $kept[$_]{id}" } 0 .. $#kept ],
	    'the kept ones, with their unique-ids';
	is_deeply [ map { ($c->text("RETR $_"))[1] } 1 .. @kept ],
	    [ map { $_->{wire} } @kept ], 'and their octets';
	$c->close;
	unlink $d->path(".restante/user$round.index") or die;
	$c = $d->session("user$round", 'secret');
	my @shown = agrees($c, $left, 'a plain reading of what is left');
	is_deeply [ map { $_->{wire} } @shown ], [ map { $_->{wire} } @kept ],
	    'is what was kept';
	$c->close;
	unlink $d->path("user$round");
	last if !Test::More->builder->is_passing && ++$wrong > 3;
}
diag "SEED=$seed repeats this" if $wrong;

done_testing;
