# SPDX-License-Identifier: ISC
# Mail that is appended during a session by a program that takes no lock: it is
# not shown, and survives whatever the session deletes.  With both settings of
# "lock", since what is promised does not depend on it.

use strict;
use warnings;

use Test::More;

use Restante;

my @text = map { "Subject: $_\n\nbody of $_" } qw(one two three four);
my $box = "secret\n" . Restante::mbox(@text);
my @late = map { "Subject: $_\n\ncame $_" } qw(late later);

# The subjects that a session sees.
sub subjects
{
	my ($c) = @_;
	my ($status, @lines) = $c->multi('LIST');

	return map {
		my ($n) = split / /;
		my (undef, @message) = $c->multi("RETR $n");
		$message[0] =~ s/^Subject: //r
	} @lines;
}

my %deletions = (
	none => [],
	first => [ 1 ],
	last => [ 4 ],
	middle => [ 2, 3 ],
	ends => [ 1, 4 ],
	all => [ 1 .. 4 ],
);
my %name = (1 => 'one', 2 => 'two', 3 => 'three', 4 => 'four');

for my $lock (qw(session update)) {
	my $d = Restante->start(options => [ "lock=$lock" ]);

	for my $which (sort keys %deletions) {
		my %gone = map { ($name{$_}, 1) } @{ $deletions{$which} };
		my @kept = grep { !$gone{$_} } @name{ 1 .. 4 };
		my $what = "lock $lock, deleting $which";

		$d->user($which => $box);
		my $c = $d->session($which, 'secret');
		my $stat = $c->cmd('STAT');
		my ($uidl) = join "\n", $c->multi('UIDL');
		$d->append($which, Restante::mbox($late[0]));

		is $c->cmd('STAT'), $stat, "$what: STAT does not show it";
		is join("\n", $c->multi('UIDL')), $uidl,
		    "$what: nor does UIDL";
		like $c->cmd($_), qr/^-ERR/, "$what: nor $_"
		    for 'RETR 5', 'DELE 5', 'TOP 5 0', 'LIST 5', 'UIDL 5';
		is_deeply [ subjects($c) ], [ @name{ 1 .. 4 } ],
		    "P3-143 $what: it is not read";
		like $c->cmd('RSET'), qr/^\+OK.* 4 messages/,
		    "P3-222 $what: nor after RSET";

		$c->cmd("DELE $_") for @{ $deletions{$which} };
		$d->append($which, Restante::mbox($late[1]));
		my $left = @kept == 0 ? 'maildrop empty' : @kept == 1 ?
		    '1 message left' : @kept . ' messages left';
		like $c->cmd('QUIT'), qr/^\+OK.*\(\Q$left\E\)/,
		    "$what: the reply counts what the session knew";
		$c->close;

		my $stored = $d->mbox($which);
		like $stored, qr/\Asecret\n/, "$what: the first line stays";
		ok $stored =~ /^Subject: \Q$_\E\n\ncame \Q$_\E$/m,
		    "P3-143 MB-004 $what: $_ is in the file" for qw(late later);

		$c = $d->session($which, 'secret');
		is_deeply [ subjects($c) ], [ @kept, 'late', 'later' ],
		    "P3-143 $what: the next session has what is left, and it";
		$c->cmd('QUIT');
		$c->close;
	}

	# To a mailbox that is empty, and behind messages that are all gone.
	$d->user(empty => "secret\n");
	my $c = $d->session('empty', 'secret');
	$d->append('empty', Restante::mbox($late[0]));
	is $c->cmd('STAT'), '+OK 0 0', "lock $lock, empty: not shown";
	like $c->cmd('QUIT'), qr/^\+OK.*maildrop empty/,
	    "lock $lock, empty: QUIT";
	$c->close;
	$c = $d->session('empty', 'secret');
	is_deeply [ subjects($c) ], [ 'late' ], "lock $lock, empty: there";
	$d->append('empty', Restante::mbox($late[1]));
	$c->cmd('DELE 1');
	$c->cmd('QUIT');
	$c->close;
	$c = $d->session('empty', 'secret');
	is_deeply [ subjects($c) ], [ 'later' ],
	    "lock $lock: the one goes, the other stays";
	$c->cmd('DELE 1');
	$c->cmd('QUIT');
	$c->close;
	$d->append('empty', Restante::mbox($late[0]));
	$c = $d->session('empty', 'secret');
	is_deeply [ subjects($c) ], [ 'late' ],
	    "lock $lock: between sessions";
	$c->close;

	# A delivery that is not finished when the session ends.
	$d->user(half => $box);
	my ($part, $rest) = Restante::mbox($late[0]) =~ /\A(.{60})(.*)\z/s;
	$c = $d->session('half', 'secret');
	$d->append('half', $part);
	$c->cmd('DELE 1');
	like $c->cmd('QUIT'), qr/^\+OK/, "lock $lock, half a message: QUIT";
	$c->close;
	$d->append('half', $rest);
	$c = $d->session('half', 'secret');
	is_deeply [ subjects($c) ], [ qw(two three four late) ],
	    "lock $lock, half a message: whole";
	is $d->stop, 0, "lock $lock: the server ends";
}

done_testing;
