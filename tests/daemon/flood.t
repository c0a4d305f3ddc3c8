# SPDX-License-Identifier: ISC
# Abuse: slow connections by the thousand, connections that come and go, a client
# that never reads, a line of 100 MB, no processes.  Others log in meanwhile, the
# server recovers by itself, and nothing is left behind.

use strict;
use warnings;

use IO::Socket::IP ();
use List::Util qw(max);
use Socket qw(AI_NUMERICHOST AI_NUMERICSERV SOCK_STREAM);
use Test::More;

use Clock qw(time);
use Proc;
use Restante;

# What a login may take beside slow ones, in seconds; on a machine that is busy with
# something else, so many times what it takes without them.  What keeps both at
# once from being so is not the server, in one of so many rounds.
use constant { QUICK => 0.050, TIMES => 5, ROUNDS => 5 };
# One line of each kind of refusal, and seconds after which there may be another.
use constant { KINDS => 4, BURST => 10 };

# Many descriptors, if that is allowed here.
if (!$ENV{FLOOD_DESCRIPTORS}) {
	$ENV{FLOOD_DESCRIPTORS} = 1;
	exec '/bin/sh', '-c', 'ulimit -n 4096 2>/dev/null; exec "$@"', 'sh',
	    $^X, (map { "-I$_" } @INC), $0 or die "sh: $!";
}
# Sanitizers keep what is freed, and make a process dear.
my $sanitized = Proc::sanitized(Restante::binary());
my $slow = $sanitized ? 400 : 2000;

chomp(my $descriptors = qx(/bin/sh -c 'ulimit -n'));
if ($descriptors ne 'unlimited' && $descriptors <= $slow + 100) {
	$slow = $descriptors - 100;
	diag "only $slow connections: more descriptors are not allowed here";
}

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");
my $large = "secret\n" . Restante::mbox("Subject: large\n\n" . "x\n" x 2e6);

# Nobody is trusted: all addresses of this machine are strangers.
sub server
{
	my (@options) = @_;

	return Restante->start(options => [ 'trusted=', @options ],
	    users => { alice => $box, bob => $box, large => $large });
}

sub memory
{
	my ($pid) = @_;

	return $sanitized ? 0 : Proc::status($pid)->{VmRSS} =~ s/ kB//r;
}

# What the processes that stay have, once the listener has nothing of sessions.
sub belongings
{
	my ($d) = @_;
	my %has;
	my $listener = Proc::find($d, qr/^listener/);

	Restante::wait_for(sub {
		(Proc::file($listener, "task/$listener/children") // '') eq ''
	});
	for my $what ('listener', 'keeper') {
		my $pid = Proc::find($d, qr/^$what/);
		$has{"$what: process"} = $pid;
		$has{"$what: memory"} = memory($pid);
		$has{"$what: descriptors"} =
		    keys %{ Proc::descriptors($pid) } if $> == 0;
	}
	Restante::wait_for(sub {
		return 16 >= Proc::all($d, qr/^idle attendant/);
	}) or die 'too many idle attendants';
	return \%has;
}

# All that came has gone, and those that stay have what they had.
sub nothing_left
{
	my ($what, $d, $before) = @_;

	ok Proc::none($d, qr/^(?:session|attendant)/), "$what: all are gone";
	my $now;
	Restante::wait_for(sub {
		$now = belongings($d);
		return !grep { /descriptors/ && $now->{$_} != $before->{$_} }
		    keys %$now;
	});
	for my $kind (sort keys %$now) {
		if ($kind =~ /memory/) {
			cmp_ok $now->{$kind}, '<', $before->{$kind} + 1024,
			    "$what: $kind";
		} else {
			is $now->{$kind}, $before->{$kind}, "$what: $kind";
		}
	}
	like $d->session('alice', 'secret')->cmd('QUIT'), qr/^\+OK/,
	    "$what: and all goes on";
}

# Seconds of a login, with its connection, from an address of its own.  Who is told
# to come again does: those who make way may take their time on a busy machine.
sub time_login
{
	my ($d) = @_;
	my $start = time;
	my $c;

	Restante::wait_for(sub {
		$c = $d->connect(from => '127.0.0.3');
		return ($c->login('alice', 'secret') // '') =~ /^\+OK/;
	}) or die 'no login';
	my $took = time - $start;
	$c->cmd('QUIT');
	$c->close;
	return $took;
}

# The median of some.
sub time_logins
{
	my ($d) = @_;
	my @took = sort { $a <=> $b } map { time_login($d) } 1 .. 30;

	return $took[15];
}

sub stranger
{
	my ($d) = @_;

	return IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $d->port, LocalHost => '127.0.0.2',
	    Type => SOCK_STREAM,
	    GetAddrInfoFlags => AI_NUMERICHOST | AI_NUMERICSERV)
	    // die "connecting: $@";
}

# Slow connections, with the limits as they are and with those that let all of
# them in to make each other leave.
for my $limits ([], [ 'max-per-address=100000', 'max-sessions=200' ]) {
	my $d = server(@$limits);
	my $what = @$limits ? 'slow ones that make way' : 'slow ones';
	my $start = time;
	my ($usual, $median, @slow);
	local $SIG{PIPE} = 'IGNORE';

	time_login($d);
	my $before = belongings($d);
	for (1 .. ROUNDS) {
		close $_ for splice @slow;
		Proc::none($d, qr/^(?:session|attendant)/);
		$usual = time_logins($d);
		@slow = map { stranger($d) } 1 .. $slow;
		# Those that are in go on, an octet at a time.
		syswrite $_, 'U' for @slow;
		$median = time_logins($d);
		syswrite $_, 'S' for @slow;
		note sprintf '%s: a login takes %.1f ms, without them %.1f ms',
		    $what, 1000 * $median, 1000 * $usual;
		last if $median < max(QUICK, TIMES * $usual);
	}
	cmp_ok $median, '<', max(QUICK, TIMES * $usual),
	    sprintf '%s: with %d from one address, one from another logs in '
	    . 'as before', $what, $slow;
	cmp_ok scalar(grep { /^session/ } values %{ Proc::titles($d) }), '<=',
	    300, "$what: they have no more sessions than there may be";
	close $_ for splice @slow;
	nothing_left($what, $d, $before);
	$d->stop;
	cmp_ok scalar(() = $d->stderr =~ /refused: addr=/g), '<=',
	    KINDS * (1 + (time - $start) / BURST),
	    "$what: the log has some lines of it, not thousands";
}

my $d = server('max-per-address=100000');
time_login($d);
my $before = belongings($d);

# Connections that come and go at once, with a reset or in order, some with a
# command, some with noise.
for my $i (1 .. 600) {
	my $s = stranger($d);

	$s->setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, pack 'ii', 1, 0)
	    if $i % 3 == 0;
	syswrite $s, "USER alice\r\n" if $i % 2 == 0;
	syswrite $s, join '', map { chr rand 256 } 1 .. 1000 if $i % 5 == 0;
	close $s;
}
time_login($d);
nothing_left('a flood', $d, $before);

# A client that asks for much and reads none of it.
{
	my $c = $d->connect;

	$c->login('large', 'secret');
	my $session = Proc::find($d, qr/^session large/);
	$c->send("RETR 1\r\n" x 50);
	time_login($d);
	cmp_ok memory($session), '<', 16 * 1024,
	    'a client that never reads: what it waits for is not kept';
	$c->close;
	nothing_left('a client that never reads', $d, $before);
}
{
	my $e = server('write-timeout=1');

	time_login($e);
	my $had = belongings($e);
	my $c = $e->session('large', 'secret');
	$c->send("RETR 1\r\n" x 50);
	ok $e->log_like(qr/end: user=large .* reason=not-reading/),
	    'a client that never reads is given up';
	$c->close;
	nothing_left('a client that was given up', $e, $had);
}

# A line of 100 MB, before the login and behind it.
for my $in (0, 1) {
	my $what = $in ? 'a long line behind the login' : 'a long line';
	my $c = $d->connect;

	$c->login('bob', 'secret') if $in;
	my $session = Proc::find($d, qr/^session/);
	for (1 .. 100) {
		$c->send('x' x 1e6) or last;
	}
	cmp_ok memory($session), '<', 16 * 1024,
	    "$what: is not kept";
	time_login($d);
	$c->send("\r\n");
	like $c->status, qr/^-ERR/, "$what: is refused";
	like $c->cmd('QUIT'), qr/^\+OK/, "$what: once";
	$c->close;
	nothing_left($what, $d, $before);
}
$d->stop;

# No processes: each in turn cannot fork.
SKIP: {
	my $n = Restante->new(options => [ 'trusted=' ],
	    users => { alice => $box });

	# Whoever is root has no such limit.
	if ($> == 0) {
		chmod 0755, $n->{scratch};
		chown 12345, 12345, $n->dir, $n->path('alice')
		    or die "chown: $!";
	}
	$n->start;
	time_login($n);
	my $had = belongings($n);
	for my $what ('listener', 'keeper') {
		my $pid = Proc::find($n, qr/^$what/);
		my $limit = Proc::limits($pid)->{'Max processes'}
		    =~ s/ /:/r;
		my $uid = (split ' ', Proc::status($pid)->{Uid})[0];
		my $set = sub {
			my $su = $> == 0 ? "setpriv --reuid=$uid --regid=$uid "
			    . '--clear-groups' : '';
			return system("$su prlimit --pid $pid "
			    . "--nproc=$_[0] 2>/dev/null") == 0;
		};
		my $soft = $limit =~ s/:.*//r;
		my $hard = $limit =~ s/.*://r;

		skip 'the limits of another process cannot be set here', 1
		    if !$set->("1:$hard");
		# One that there is already would do.
		Proc::slay($_) for Proc::all($n, qr/^idle attendant/);
		my $c = $n->connect(silent => 1);
		my $line = $c->status;
		$line = $c->login('alice', 'secret')
		    if $line =~ /^\+OK/;
		like $line, qr/^-ERR \[SYS\/TEMP\]/,
		    "no process for the $what: who comes is told";
		$set->("$soft:$hard");
		ok Restante::wait_for(sub {
			my $c = $n->connect(silent => 1);
			return $c->status =~ /^\+OK/ &&
			    $c->login('alice', 'secret') =~ /^\+OK/ &&
			    $c->cmd('QUIT');
		}), "processes for the $what again: logins";
		$c->close;
	}
	nothing_left('no processes', $n, $had);
}

done_testing;
