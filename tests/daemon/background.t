# SPDX-License-Identifier: ISC
# -b: the pid file, the lock on it, and the start from a program that goes on.

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Temp ();
use POSIX ();
use Test::More;

use Front;
use Proc;
use Restante;

my $dir = File::Temp->newdir('background-XXXXXXXX', TMPDIR => 1);
my $pid_file = "$dir/restante.pid";
my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");
my @running;

END {
	local $?;
	kill KILL => $_ for grep { kill 0 => $_ } @running;
}

mkdir "$dir/Users" or die "mkdir: $!";
Restante::spew("$dir/Users/alice", $box);

# Runs the program to its return.  Its status, and what it says before the log
# is taken elsewhere.
sub run
{
	my ($port, @args) = @_;

	# A server that runs already may have something to say there, too.
	Restante::spew("$dir/said", '');
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/said";
		open STDERR, '>&', \*STDOUT;
		my @command = (Restante::binary(), '-f', '/dev/null', '-d',
		    "$dir/Users", '-l', '127.0.0.1', '-p', $port, '-o',
		    'user=nobody', '-o', "pid-file=$pid_file", '-o',
		    'login-pause=0', @args);
		{ no warnings; exec { $command[0] } @command; }
		POSIX::_exit(127);
	}
	Restante::wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid })
	    or kill(KILL => $pid), die 'the program does not return';
	return ($?, Restante::slurp("$dir/said"));
}

# The pid in the file, once it is there; noted, so that it is ended.
sub started
{
	my $pid = Restante::wait_for(sub {
		return if !-e $pid_file;
		return Restante::slurp($pid_file) =~ /^(\d+)\n\z/ ? $1 : undef;
	}) // die 'no pid in the pid file';

	push @running, $pid;
	return $pid;
}

# A client of the server at the port, as soon as it answers.
sub client
{
	my $d = Front::at(@_);

	return Restante::wait_for(sub { eval { $d->connect } });
}

my $port = Restante::free_port();
my ($status, $said) = run($port, '-b', '-o', 'log=stderr');
is $status, 0, 'the program returns, with status 0';
like Restante::slurp($pid_file), qr/^\d+\n\z/,
    'and the pid file is written by then';
my $pid = started();
my ($pgrp, $session) = Proc::file($pid, 'stat') =~ /\) \S \d+ (\d+) (\d+) /;
is $session, $pid, 'the server has a session of its own, no terminal';
like Proc::file($pid, 'cmdline'), qr/^restante: master/,
    'the pid is the master\'s';
is +(stat $pid_file)[2] & 07777, 0644, 'others can read the file, and no more';
open my $fh, '<', $pid_file or die "$pid_file: $!";
ok !flock($fh, LOCK_EX | LOCK_NB), 'the file is locked';

my $c = client($port);
like $c->login('alice', 'secret'), qr/^\+OK.* 1 message /, 'it serves';

# Another one.
($status, $said) = run(Restante::free_port(), '-b');
is $status, 1 << 8, 'a second one returns with status 1';
like $said, qr/already running/, 'and says why';
is Restante::slurp($pid_file), "$pid\n", 'the file is as it was';
SKIP: {
	skip 'only root has a keeper of its own', 2 if $> != 0;
	my $owner = (stat "$dir/Users/.restante")[4];

	is +(run(Restante::free_port(), '-b', '-o', 'keeper-user=daemon'))[0],
	    1 << 8, 'so does one with another keeper';
	is +(stat "$dir/Users/.restante")[4], $owner,
	    'which is not given .restante';
}
($status, $said) = run($port, '-b');
is $status, 1 << 8, 'so does one on the same port';
like $said, qr/listening on 127\.0\.0\.1 port $port: /, 'and says why';

like $c->cmd('NOOP'), qr/^\+OK/, 'the first one goes on';
kill TERM => $pid;
like $c->cmd('QUIT'), qr/^\+OK/, 'SIGTERM: its session ends well';
$c->close;
ok Proc::gone($pid), 'SIGTERM: it ends';
ok !-e $pid_file, 'SIGTERM: without its file';

# A file that a dead server has left does not matter.
$port = Restante::free_port();
is +(run($port, '-b', '-o', 'log=stderr'))[0], 0, 'again: it starts';
$pid = started();
ok client($port), 'again: it serves';
kill KILL => $pid;
ok Proc::gone($pid), 'SIGKILL: it ends';
is Restante::slurp($pid_file), "$pid\n", 'SIGKILL: its file is left';
# Its listener lets go of the port when it sees that it is alone.
ok Restante::wait_for(sub {
	(run($port, '-b', '-o', 'log=stderr'))[0] == 0
}), 'SIGKILL: the next one starts nevertheless, on the same port';
my $next = Restante::wait_for(sub {
	my ($n) = Restante::slurp($pid_file) =~ /^(\d+)\n\z/;
	return defined $n && $n != $pid ? $n : undef;
});
push @running, $next;
ok client($port), 'SIGKILL: and serves';
kill TERM => $next;
ok Proc::gone($next), 'and ends';

# Who has the number may use it at once.
my $ended_well = 0;
for (1 .. 20) {
	system('sh', '-c', 'exec "$@" 2>/dev/null', 'sh', Restante::binary(),
	    '-b', '-f', '/dev/null', '-d', "$dir/Users",
	    '-l', '127.0.0.1', '-p', Restante::free_port(), '-o',
	    'user=nobody', '-o', "pid-file=$pid_file", '-o', 'log=stderr');
	$pid = Restante::slurp($pid_file) + 0;
	push @running, $pid;
	kill HUP => $pid;
	kill TERM => $pid;
	Proc::gone($pid) or die 'it does not end';
	$ended_well++ if !-e $pid_file;
	unlink $pid_file;
}
is $ended_well, 20, 'signals right behind the start are obeyed';

# What is in the file's place is not written to.
Restante::spew("$dir/precious", "data\n");
symlink 'precious', $pid_file or die "symlink: $!";
($status, $said) = run(Restante::free_port(), '-b');
is $status, 1 << 8, 'a symbolic link in the place of the file: no start';
is Restante::slurp("$dir/precious"), "data\n", 'and no harm';
unlink $pid_file;
($status, $said) = run(Restante::free_port(), '-b', '-o',
    "pid-file=$dir/none/restante.pid");
is $status, 1 << 8, 'no directory for the file: no start';
like $said, qr/pid file, \S+: No such file/, 'and it says why';

done_testing;
