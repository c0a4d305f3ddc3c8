# SPDX-License-Identifier: ISC
# How the server ends, and what becomes of its sessions and of its port.

use strict;
use warnings;

use IO::Socket::IP ();
use POSIX ();
use Socket qw(SOCK_STREAM);
use Test::More;

use Clock qw(time);
use Proc;
use Restante;

my @text = ("Subject: one\n\nfirst", "Subject: two\n\nsecond");
my $box = "secret\n" . Restante::mbox(@text);

sub start
{
	return Restante->start(users => { alice => $box, bob => $box }, @_);
}

# Whether another program could listen on the server's port now.
sub port_is_free
{
	my ($d) = @_;

	return defined IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => $d->port, Listen => 1, ReuseAddr => 1,
	    Type => SOCK_STREAM);
}

sub refuses
{
	my ($d) = @_;

	return !defined IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $d->port, Type => SOCK_STREAM);
}

# What a session that may finish must still be able to do.
sub finishes
{
	my ($c, $when) = @_;
	my ($status, @lines) = $c->multi('RETR 2');

	is "@lines", 'Subject: two  second', "$when: it reads";
	like $c->cmd('DELE 1'), qr/^\+OK/, "$when: marks";
	like $c->cmd('QUIT'), qr/^\+OK.*1 message left/, "$when: and deletes";
	ok $c->eof, "$when: and ends";
	$c->close;
}

# Whoever starts it may ignore and block what it likes.
{
	my $d = start(options => [ 'mechanisms=auto' ], before => sub {
		my $all = POSIX::SigSet->new;

		$all->fillset;
		$SIG{CHLD} = 'IGNORE';
		POSIX::sigprocmask(POSIX::SIG_SETMASK, $all);
	});
	my $c = $d->session('alice', 'secret');

	like join("\n", $d->connect->multi('CAPA')), qr/^SASL .*SCRAM/m,
	    'signals ignored and blocked: the password lines were looked at';
	unlike $d->stderr, qr/not looked at/, '... and nothing else is said';
	kill KILL => Proc::find($d, qr/^keeper\z/);
	ok $d->log_like(qr/the keeper has ended, by signal 9/),
	    '... the end of a process is seen';
	kill HUP => $d->pid;
	ok $d->log_like(qr/the new configuration is in force/),
	    '... SIGHUP is heard';
	kill TERM => $d->pid;
	ok $d->log_like(qr/ending; sessions may finish/), '... so is SIGTERM';
	like $c->cmd('QUIT'), qr/^\+OK/, '... and sessions finish';
	is $d->wait, 0, '... before it ends';
}

for my $signal (qw(TERM INT)) {
	my $d = start();
	my $c = $d->session('alice', 'secret');
	my $idle = $d->connect;

	ok !port_is_free($d), "SIG$signal: the port is in use before";
	kill $signal => $d->pid;
	ok $d->log_like(qr/ending; sessions may finish/), "SIG$signal: is told";
	ok Restante::wait_for(sub { port_is_free($d) }),
	    "SIG$signal: the port is free";
	ok refuses($d), "SIG$signal: nobody else gets in";
	ok $d->alive, "SIG$signal: the master waits";
	finishes($c, "SIG$signal, a session");
	is $idle->cmd('USER bob'), '+OK bob is a valid mailbox',
	    "SIG$signal: one that was connected can still name itself";
	like $idle->cmd('PASS secret'), qr/^\+OK/,
	    "SIG$signal: and log in, the keeper waits for it";
	like $idle->cmd('QUIT'), qr/^\+OK/, "SIG$signal: and end";
	$idle->close;
	is $d->wait, 0, "SIG$signal: then all ends, with status 0";
	like $d->mbox('alice'), qr/\ASubject: two|^Subject: two/m,
	    "SIG$signal: the message that was kept";
	unlike $d->mbox('alice'), qr/^first/m,
	    "SIG$signal: and the one that was deleted";
	ok $d->stderr =~ /^restante: ended$/m, "SIG$signal: is told, too";
}

for my $second (qw(TERM INT)) {
	my $d = start();
	my $c = $d->session('alice', 'secret');
	my $stranger = $d->connect;
	my $named = $d->connect;

	$named->cmd('USER bob');
	$c->cmd("DELE $_") for 1, 2;
	kill TERM => $d->pid;
	ok $d->log_like(qr/ending; sessions may finish/), 'once';
	kill $second => $d->pid;
	ok $d->log_like(qr/ending all sessions/), "and again, by SIG$second";
	for my $one ($c, $stranger, $named) {
		ok $one->eof, 'a session has ended';
		$one->close;
	}
	is $d->wait, 0, 'all has ended, with status 0';
	is $d->mbox('alice'), $box, 'nothing is deleted';
	is scalar(() = $d->stderr =~ /reason=shutdown/g), 3,
	    'the log says why, of each';

	$d->restart;
	like $d->connect->login('alice', 'secret'), qr/^\+OK.* 2 messages/,
	    'nothing is locked';
}

# So has one that waits for a client to read, which is not gone.
{
	my $d = start();

	$d->user(large => "secret\n" . Restante::mbox("A: b\n\n" .
	    "0123456789abcdef\n" x 1_000_000));
	my $c = $d->session('large', 'secret');
	$c->send("RETR 1\r\n");
	$c->ready(Clock::time() + Restante::PATIENCE);
	kill TERM => $d->pid;
	ok $d->log_like(qr/ending; sessions may finish/), 'a client does not read';
	kill TERM => $d->pid;
	ok $d->log_like(qr/end: user=large .*reason=shutdown/),
	    'the log does not call it lost';
	$c->close;
	is $d->wait, 0, 'all has ended';
}

# Two requests at once are two.
{
	my $d = start();
	my $c = $d->session('alice', 'secret');

	kill STOP => $d->pid;
	kill $_ => $d->pid for qw(TERM INT);
	kill CONT => $d->pid;
	ok $c->eof, 'SIGTERM and SIGINT at once end all sessions';
	$c->close;
	is $d->wait, 0, 'with status 0';
}

# A last answer is in the system's hands, and a command comes at the same moment
# as the end.
{
	my $d = start(users => { alice => "secret\n" . Restante::mbox(
	    "Subject: large\n\n" . "text\n" x 30_000) });
	my $c = $d->session('alice', 'secret');
	my $session = Proc::find($d, qr/^session/);

	$c->send("RETR 1\r\n");
	ok $c->ready(time + Restante::PATIENCE), 'an answer has begun';
	ok Restante::wait_for(sub {
		Proc::status($session)->{State} =~ /^S/;
	}), 'it is written, and the session waits for a command';
	Proc::halt($session);
	$c->socket->syswrite("NOOP\r\n") or die "writing: $!";
	kill TERM => $d->pid;
	ok $d->log_like(qr/sessions may finish/), 'the server ends';
	kill TERM => $d->pid;
	ok $d->log_like(qr/ending all sessions/), 'at once';
	kill CONT => $session;
	is $d->wait, 0, 'with status 0';
	like $c->raw_until, qr/\A\+OK [^\n]+\n.*text\r\n\.\r\n\z/s,
	    'all of the answer arrives';
	ok !$c->was_reset, 'and then the end';
	$c->close;
}

# A session that is busy with a client that does not read.
{
	my $d = start(users => { alice => "secret\n" . Restante::mbox(
	    "Subject: large\n\n" . "text\n" x 2_000_000) });
	my $c = $d->session('alice', 'secret');

	$c->send("RETR 1\r\n");
	ok $c->ready(time + Restante::PATIENCE), 'a large answer has begun';
	kill TERM => $d->pid;
	ok $d->log_like(qr/sessions may finish/), 'once';
	kill TERM => $d->pid;
	is $d->wait, 0, 'again: ends though nobody reads';
}

{
	my $d = start();
	my $c = $d->session('alice', 'secret');
	my $idle = $d->connect;

	Proc::slay($d->pid);
	$d->alive;
	ok Restante::wait_for(sub { port_is_free($d) }),
	    'SIGKILL of the master: the port is free';

	# Another server on the same port, with the same directory.
	my $e = Restante->new(dir => $d->dir);
	$e->{port} = $d->port;
	{
		no warnings 'redefine';
		local *Restante::free_port = sub { return $d->port };
		$e->start;
	}
	is $e->port, $d->port, 'SIGKILL of the master: a new one listens there';
	like $e->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'SIGKILL of the master: a session keeps its lock';
	finishes($c, 'SIGKILL of the master, the session');
	like $e->connect->login('alice', 'secret'), qr/^\+OK.* 1 message /,
	    'SIGKILL of the master: then the new server has the mailbox';
	like $idle->login('bob', 'secret'), qr/^\+OK/,
	    'SIGKILL of the master: who was connected can log in';
	$idle->cmd('QUIT');
	ok $idle->eof, 'SIGKILL of the master: and end';
	$idle->close;
	is $e->stop, 0, 'SIGKILL of the master: the new one ends';
	ok Proc::none($d, qr{^}),
	    'SIGKILL of the master: nothing of the old one is left';
}

done_testing;
