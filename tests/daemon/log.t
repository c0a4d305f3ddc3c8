# SPDX-License-Identifier: ISC
# What the log says, and what ps shows.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Proc;
use Restante;

my @text = map { "Subject: $_\n\n$_ " . 'x' x 100 } qw(one two three);
my $box = "secret\n" . Restante::mbox(@text);
my $octets = length "Subject: two\r\n\r\ntwo " . 'x' x 100 . "\r\n";
my $d = Restante->start(users => { alice => $box, bob => $box },
    options => [ 'login-tries=5', 'idle-timeout=600' ]);

# The lines that have come since the last call, once there are so many.  Those
# of keeper and session come by two ways, and may overtake each other.
my $seen = 1; # "ready"
sub lines
{
	my ($want) = @_;
	my @lines;

	Restante::wait_for(sub {
		@lines = split /\n/, $d->stderr;
		return @lines >= $seen + $want;
	});
	@lines = map { s/ seconds=\d+ / seconds=0 /r } splice @lines, $seen;
	$seen += @lines;
	# Who is still there has the lock, and the next would have to say so.
	Proc::none($d, qr/^session/);
	return ((grep { /keeper:/ } @lines), grep { !/keeper:/ } @lines);
}

sub ended
{
	my (%is) = @_;

	return "restante: session: end: user=$is{user} addr=127.0.0.1 " .
	    "retrieved=$is{retrieved} octets=$is{octets} " .
	    "deleted=$is{deleted} left=$is{left} seconds=0 " .
	    "reason=$is{reason}";
}

sub login
{
	return "restante: keeper: login: user=$_[0] addr=127.0.0.1 by=$_[1]";
}

sub refused
{
	return "restante: keeper: login refused: user=$_[0] addr=127.0.0.1 " .
	    "by=$_[1] why=$_[2]";
}

my %nothing = (user => '-', retrieved => 0, octets => 0, deleted => 0,
    left => 0);
my %alice = (%nothing, user => 'alice', left => 3);

# Each way in which a session ends, with the right figures.
{
	my $c = $d->session('alice', 'secret');
	$c->text('RETR 2') for 1 .. 3;
	$c->text('TOP 1 1');
	$c->cmd('RETR 9');
	$c->cmd('DELE 1');
	$c->cmd('QUIT');
	$c->close;
	is_deeply [ lines(2) ], [ login('alice', 'PASS'),
	    ended(%alice, retrieved => 3, octets => 3 * $octets, deleted => 1,
		left => 2, reason => 'quit') ], 'a whole session';
	$d->user(alice => $box);
}

my @ends = (
	[ 'lost', sub { $_[0]->close } ],
	[ 'lost', sub { $_[0]->abort } ],
	[ 'lost', sub { $_[0]->half_close; $_[0]->raw_until; $_[0]->close } ],
	[ 'bad-commands', sub {
		$_[0]->send("NONE\r\n" x 100);
		$_[0]->raw_until;
		$_[0]->close
	} ],
);
for my $end (@ends) {
	my ($reason, $do) = @$end;
	my $c = $d->connect;
	$do->($c);
	is_deeply [ lines(1) ], [ ended(%nothing, reason => $reason) ],
	    "$reason before a login";
	$c = $d->session('alice', 'secret');
	$c->cmd('DELE 1');
	$do->($c);
	is_deeply [ lines(2) ], [ login('alice', 'PASS'),
	    ended(%alice, reason => $reason) ], "$reason in a session";
}
{
	my $c = $d->connect;
	$c->cmd('QUIT');
	$c->close;
	is_deeply [ lines(1) ], [ ended(%nothing, reason => 'quit') ],
	    'quit before a login';
}

# Who is killed says nothing, but is not forgotten.
{
	my $c = $d->session('alice', 'secret');
	my ($pid) = $c->stamp =~ /<(\d+)/;

	kill KILL => $pid;
	$c->close;
	is_deeply [ lines(2) ], [ login('alice', 'PASS'),
	    "restante: session: killed: addr=127.0.0.1 process=$pid signal=9" ],
	    'a session is killed';
}

# Each refusal, in the order that fail2ban would see; names only of users that
# there are, since a password may have been typed in the place of one.
{
	my $c = $d->connect;
	$c->login('alice', 'wrong');
	$c->cmd('APOP bob ' . '0' x 32);
	$c->cmd('APOP nobody ' . '0' x 32);
	$c->cmd('APOP ../bob ' . '0' x 32);
	$c->login('bob', 'worse');
	ok $c->eof, 'five tries';
	$c->close;
	is_deeply [ lines(6) ], [
		refused('alice', 'PASS', 'wrong-credential'),
		refused('bob', 'APOP', 'wrong-credential'),
		refused('-', 'APOP', 'unknown-user'),
		refused('-', 'APOP', 'unknown-user'),
		refused('bob', 'PASS', 'wrong-credential'),
		ended(%nothing, reason => 'login-tries'),
	], 'refusals';

	$c = $d->connect;
	$c->cmd('APOP bob ' . md5_hex($c->stamp . 'secret'));
	$c->close;
	is_deeply [ lines(2) ], [ login('bob', 'APOP'),
	    ended(%alice, user => 'bob', reason => 'lost') ], 'APOP';
}

# Nothing that a stranger says gets there.
{
	my @said = ("secretword", "\e[2Jsecretword", "x\nrestante: secretword",
	    "%s%n%x", "secretword\0", "\x80\xffsecretword", "a\rsecretword");
	for my $said (@said) {
		my $c = $d->connect;
		$c->send("USER $said\r\nPASS $said\r\nAPOP $said x\r\n" .
		    "APOP x $said\r\n$said\r\n$said x\r\n");
		$c->half_close;
		$c->raw_until;
		$c->close;
	}
	ok Proc::none($d, qr/^session/), 'strangers have gone';
	$d->connect->cmd('QUIT');
	lines(@said + 1);
	ok $d->stderr !~ /secretword/, 'no word of a stranger is logged';
	is scalar(grep { !/\Arestante: [\x20-\x7e]*\z/ }
	    split /\n/, $d->stderr), 0, 'every line is a line, in ASCII';
}

# ps: RFC 1939 has nothing to say, but an administrator wants to know.
{
	my $stranger = $d->connect;
	my $named = $d->connect;
	$named->cmd('USER bob');
	my $c = $d->session('alice', 'secret');
	my @long = ('x' x 64, 'secret');
	$d->user($long[0] => $box);
	my $long = $d->session(@long);

	ok Restante::wait_for(sub {
		4 == grep { /^session/ } values %{ Proc::titles($d) }
	}), 'four sessions';
	# Those of who is in are to be idle.
	Proc::find($d, qr/^attendant/);
	# How many of these there are is a matter of who was sooner.
	is_deeply [ grep { $_ ne 'idle attendant' }
	    sort values %{ Proc::titles($d) } ], [
		'attendant 127.0.0.1',
		'keeper',
		'listener',
		'master',
		'session - 127.0.0.1',
		'session - 127.0.0.1',
		'session alice 127.0.0.1',
		"session $long[0] 127.0.0.1",
	], 'what ps shows';
	$c->cmd('QUIT');
	$c->close;
	ok Proc::none($d, qr/^session alice/), 'and no longer';
}
is $d->stop, 0, 'the server ends';
like $d->stderr, qr/\Arestante: ready\n/, 'the first line';
my $first = qr/^restante: ending; sessions may finish\n/m;
my $end = qr/restante: session: end: .*\n/;
like $d->stderr, qr/$first$end*restante: ended\n\z/, 'the last lines';

# What could not be retrieved was not.
{
	my $e = Restante->start(users => { alice => $box });
	my $c = $e->session('alice', 'secret');

	$e->user(alice => $box =~ s/^From /Frxm /mr);
	like $c->cmd('RETR 1'), qr/^-ERR \[SYS\/TEMP\]/, 'a changed message';
	is $c->cmd('LAST'), '+OK 0', 'is not the last that was accessed';
	$c->cmd('QUIT');
	ok $e->log_like(qr/end: user=alice .* retrieved=0 octets=0 /),
	    'nor retrieved';
	is $e->stop, 0, 'the server ends';
}

# How much is logged.
for my $level (qw(error warn info debug)) {
	my $e = Restante->start(users => { alice => $box },
	    options => [ "log-level=$level" ]);
	my $c = $e->connect;
	$c->login('alice', 'wrong');
	$c->login('alice', 'secret');
	$c->cmd('QUIT');
	$c->close;
	$e->stop;
	my $line = qr/(?:login refused|login|end): user=alice/;
	is scalar(() = $e->stderr =~ /$line/g),
	    $level =~ /info|debug/ ? 3 : 0, "log-level $level";
}
{
	my $e = Restante->start(users => { alice => $box },
	    options => [ 'log-level=error' ], args => [ '-v' ]);
	$e->session('alice', 'secret')->close;
	ok $e->log_like(qr/reason=lost/), '-v: more than is set';
}

done_testing;
