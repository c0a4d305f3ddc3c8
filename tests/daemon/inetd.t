# SPDX-License-Identifier: ISC
# One connection on descriptors 0 and 1, as inetd and xinetd give it, found by
# itself or told by --inetd.

use strict;
use warnings;

use IO::Socket::IP;
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER);
use Test::More;

use Proc;
use Restante;
use Tls;

my @text = ("Subject: one\n\nfirst", "Subject: two\n\nsecond");
my $box = "secret\n" . Restante::mbox(@text);
my @users = (users => { alice => $box });

# A server on a pair of pipes, or on one Unix socket: not by itself.
sub on_pipes
{
	my ($socket, %opt) = @_;
	my $d = Restante->new(@users, %opt);
	my @args = ('--inetd', '-o', 'log=stderr');
	my ($to, $from, $in, $out);

	if ($socket) {
		socketpair $in, $to, AF_UNIX, SOCK_STREAM, PF_UNSPEC
		    or die "socketpair: $!";
		($out, $from) = ($in, $to);
	} else {
		pipe $in, $to or die "pipe: $!";
		pipe $from, $out or die "pipe: $!";
	}
	open my $log, '>>', $d->{log} or die "$d->{log}: $!";
	$d->launch([ fileno $in, fileno $out, fileno $log ], $d->command,
	    @args);
	close $in;
	close $out;
	return ($d, $to, $from);
}

# Everything that comes until the end.
sub hear
{
	my ($from) = @_;
	my $all = '';

	local $SIG{ALRM} = sub { die 'no end of answers' };
	alarm Restante::PATIENCE;
	while (sysread $from, $all, 65536, length $all) {
	}
	alarm 0;
	return $all;
}

{
	my $c = Restante->inetd(@users, log => 1);
	my $d = $c->server;

	like $c->greeting, qr/^\+OK \S+ POP3 server ready <[^>]+>\z/,
	    'by itself: greets';
	# Nobody waits for the attendant before the first request.
	Proc::find($d, qr/^attendant/);
	is_deeply [ sort values %{ Proc::titles($d) } ],
	    [ 'attendant 127.0.0.1', 'master for 127.0.0.1',
	    'session - 127.0.0.1' ], 'by itself: three processes';
	like $c->login('alice', 'secret'), qr/^\+OK.* 2 messages/,
	    'by itself: logs in';
	ok Proc::none($d, qr/^attendant/), 'by itself: the attendant is gone';
	ok Proc::find($d, qr/^session alice 127\.0\.0\.1\z/),
	    'by itself: ps tells who it is';
	is_deeply [ ($c->multi('RETR 1'))[1 .. 3] ],
	    [ 'Subject: one', '', 'first' ], 'by itself: reads';
	like $c->cmd('DELE 1'), qr/^\+OK/, 'by itself: marks';
	like $c->cmd('QUIT'), qr/^\+OK.*1 message left/, 'by itself: deletes';
	ok $c->eof, 'by itself: ends the connection';
	$c->close;
	is $d->wait, 0, 'by itself: ends with status 0';
	unlike $d->mbox('alice'), qr/first/, 'by itself: it is gone';
	my @log = map { s/ retrieved=.*//r } split /\n/, $d->stderr;
	is_deeply \@log, [
		'restante: keeper: login: user=alice addr=127.0.0.1 by=PASS',
		'restante: session: end: user=alice addr=127.0.0.1',
	], 'by itself: is logged, and nothing else';
}

# A client that can have no session is told so, and not why.
my $none = "-ERR [SYS/TEMP] no session can be started now\r\n";
{
	my $c = Restante->inetd(dir => '/nonexistent', silent => 1);

	is $c->raw_until, $none, 'no directory: no session, and not why';
	isnt $c->server->wait, 0, 'no directory: the status says so';
}
{
	my $c = Restante->inetd(@users, options => [ 'user=root' ],
	    silent => 1);

	is $c->raw_until, $none, 'sessions of root: no session, and not why'
	    if $> == 0;
	$c->close;
	$c->server->wait;
}

for my $how ('pipes', 'a socket of another kind') {
	my ($d, $to, $from) = on_pipes($how ne 'pipes');

	syswrite $to, "USER alice\r\nPASS secret\r\nSTAT\r\nDELE 2\r\nQUIT\r\n";
	my @line = split /\r\n/, hear($from);
	is scalar(@line), 6, "--inetd on $how: all is answered";
	like $line[$_], qr/^\+OK/, "--inetd on $how: line $_ is right"
	    for 0 .. 5;
	like $line[3], qr/^\+OK 2 /, "--inetd on $how: it is the mailbox";
	close $_ for $to, $from;
	is $d->wait, 0, "--inetd on $how: ends with status 0";
	ok $d->stderr =~ /end: user=alice addr=local .*deleted=1 left=1/,
	    "--inetd on $how: the client is called local";
	unlike $d->mbox('alice'), qr/second/, "--inetd on $how: deletes";
}

# A TLS helper takes over a socket, and nothing else.
SKIP: {
	skip Tls::missing(), 4 if Tls::missing();
	for my $socket (0, 1) {
		my ($d, $to, $from) = on_pipes($socket,
		    options => [Tls::options()]);

		syswrite $to, "CAPA\r\nQUIT\r\n";
		is scalar(() = hear($from) =~ /^STLS\r$/mg), $socket,
		    "P3-400 STLS on $socket socket";
		close $_ for $to, $from;
		is $d->wait, 0, 'ends with status 0';
	}
}

# A client that has said all and closes its end is answered nevertheless.
{
	my ($d, $to, $from) = on_pipes(0);

	syswrite $to, "USER alice\r\nPASS secret\r\nDELE 1\r\nSTAT\r\n";
	close $to;
	my @line = split /\r\n/, hear($from);
	is scalar(@line), 5, 'half-closed: all is answered';
	is $d->wait, 0, 'half-closed: it ends';
	is $d->mbox('alice'), $box, 'half-closed: nothing is deleted';
}

# A client that does not read holds its mailbox no longer than anywhere else.
for my $how ('pipes', 'a socket of another kind') {
	my ($d, $to, $from) = on_pipes($how ne 'pipes',
	    users => { alice => "secret\n" . Restante::mbox("A: b\n\n" .
		    "0123456789abcdef\n" x 100_000) },
	    options => ['write-timeout=1']);

	syswrite $to, "USER alice\r\nPASS secret\r\nRETR 1\r\n";
	ok $d->log_like(qr/end: user=alice .* reason=not-reading/),
	    "--inetd on $how: a client that does not read is given up";
	close $_ for $to, $from;
	is $d->wait, 0, "--inetd on $how: the server ends";
}

# Nor is it obeyed in what it has said in advance: no letter goes that was not sent.
{
	my $letter = "secret\n" . Restante::mbox("A: b\n\n" .
	    "0123456789abcdef\n" x 10_000);
	my ($d, $to, $from) = on_pipes(0, users => { alice => $letter },
	    options => ['write-timeout=1']);

	syswrite $to, "USER alice\r\nPASS secret\r\n";
	while (defined(my $line = <$from>)) {
		last if $line =~ /maildrop has 1 message/;
	}
	syswrite $to, "RETR 1\r\nDELE 1\r\nQUIT\r\n";
	ok $d->log_like(qr/end: user=alice .* deleted=0 left=1 .*=not-reading/),
	    'P3-272 QUIT said in advance by a client that does not read';
	ok $d->mbox('alice') eq $letter, 'P3-272 deletes nothing';
	close $_ for $to, $from;
	is $d->wait, 0, 'P3-272 and the server ends';
}

# The client goes, or a process dies: nothing is left, nothing is lost.
for my $part ('client', 'session', 'attendant', 'master') {
	my $c = Restante->inetd(@users, log => 1);
	my $d = $c->server;

	$c->cmd('USER alice');
	if ($part eq 'attendant') {
		Proc::slay(Proc::find($d, qr/^attendant/));
		like $c->cmd('PASS secret'), qr/^-ERR \[SYS\/TEMP\]/,
		    "$part killed: is told";
		ok $c->eof, "$part killed: the session ends";
	} else {
		like $c->cmd('PASS secret'), qr/^\+OK/, "$part: logged in";
		$c->cmd('DELE 1');
		Proc::slay(Proc::find($d, qr/^$part/)) if $part ne 'client';
	}
	if ($part =~ /session|attendant/) {
		ok $d->log_like(qr/the $part has ended, by signal 9/),
		    "$part killed: is logged";
	}
	if ($part eq 'master') {
		$d->alive;
		like $c->cmd('QUIT'), qr/^\+OK.*1 message left/,
		    "$part killed: the session can end its work";
	}
	$c->close;
	is $d->wait, $part eq 'master' ? 9 : 0,
	    "$part gone: the master's status";
	ok Proc::none($d, qr{^}),
	    "$part gone: no process is left";
	is $d->mbox('alice'), $box, "$part gone: nothing is deleted"
	    if $part ne 'master';
}

# The connection is its session's: an attendant that is at work keeps it for nobody.
{
	my $c = Restante->inetd(@users, log => 1);
	my $d = $c->server;

	$c->cmd('USER alice');
	my $attendant = Proc::find($d, qr/^attendant/);
	kill STOP => $attendant;
	Proc::slay(Proc::find($d, qr/^session/));
	ok $c->eof, 'the session ends: so does the connection';
	kill CONT => $attendant;
	$c->close;
	is $d->wait, 0, 'and then the rest';
}

# As with the server that listens: once to finish, twice to end.
{
	my $c = Restante->inetd(@users, log => 1);
	my $d = $c->server;

	$c->login('alice', 'secret');
	kill TERM => $d->pid;
	ok $d->log_like(qr/sessions may finish/), 'SIGTERM: is told';
	like $c->cmd('DELE 1'), qr/^\+OK/, 'SIGTERM: the session goes on';
	kill TERM => $d->pid;
	ok $c->eof, 'SIGTERM again: it ends';
	$c->close;
	is $d->wait, 0, 'SIGTERM again: with status 0';
	is $d->mbox('alice'), $box, 'SIGTERM again: nothing is deleted';
}

# A client that has reset the connection is one nevertheless: no other server, which
# listens where the configuration says, is started in its place.
for my $how ([], ['--inetd']) {
	my $d = Restante->new(@users);
	my $listen = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => 0, Listen => 1, Type => SOCK_STREAM)
	    or die "listening: $@";
	my $client = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $listen->sockport, Type => SOCK_STREAM)
	    or die "connecting: $@";
	my $peer = $listen->accept or die "accepting: $!";

	setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
	    or die "SO_LINGER: $!";
	close $client;
	open my $log, '>>', $d->{log} or die "$d->{log}: $!";
	$d->launch([ fileno $peer, fileno $peer, fileno $log ], $d->command,
	    '-o', 'log=stderr', @$how, '-l', '127.0.0.1', '-p', 0);
	close $peer;
	ok $d->log_like(qr/end: user=- addr=unknown .*=lost/),
	    "reset, @$how: is a client that is gone";
	unlike $d->stderr, qr/ready/, "reset, @$how: no server is started";
	$d->stop;
}

# What is wrong with the options is no business of a client.
for my $wrong ([ '-o', 'nonsense=1' ], [ '-x' ], [ '-f', '/nonexistent' ]) {
	my $c = Restante->inetd(users => { alice => $box }, args => $wrong,
	    silent => 1);

	is $c->raw_until, $none, "@$wrong: no session, and not why";
	isnt $c->server->wait, 0, "@$wrong: the server ends";
}

done_testing;
