# SPDX-License-Identifier: ISC
# SIGHUP: the configuration is read again, for those who come from then on.

use strict;
use warnings;

use IO::Socket::IP;
use POSIX ();
use Test::More;

use Clock qw(time);
use Proc;
use Restante;

my $box = "secret\n" . Restante::mbox(map { "Subject: $_\n\ntext" } 1 .. 3);

# A server that listens where its file says.
sub start
{
	my ($lines, @args) = @_;
	my $d = Restante->new(users => { map { ($_ => $box) }
	    'alice', 'bob', map { "user$_" } 1 .. 4 },
	    args => [ '-f', '/dev/null' ]);
	my $conf = "$d->{scratch}/conf";

	$d->{args} = [ '-f', $conf ];
	$d->{conf} = $conf;
	Restante::spew($conf, $lines);
	$d->launch_logged($d->command, @args);
	$d->log_like(qr/: ready\z/) or die "no start:\n" . $d->stderr;
	return $d;
}

# Has it read a new file; how it went, by the last line that says it.
sub reload
{
	my ($d, $lines) = @_;
	my $said = sub {
		return $d->stderr =~ /^restante: the (?:old|new) config.*$/mg;
	};
	my $before = () = $said->();

	Restante::spew($d->{conf}, $lines);
	kill HUP => $d->pid;
	return Restante::wait_for(sub {
		my @lines = $said->();
		return @lines > $before ? $lines[-1] : undef;
	});
}

sub greeting
{
	my ($d, $port, $host) = @_;
	local $d->{port} = $port;

	return eval { $d->connect(host => $host)->greeting };
}

# Logs in and out, over and over, in a process of its own.  What is returned ends
# it, and yields how many logins went well, and what came instead of others.
sub log_in_and_out
{
	my ($d, $user) = @_;

	pipe my $stop, my $going or die "pipe: $!";
	pipe my $told, my $tell or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		my ($good, $bad, $ready) = (0, '', '');
		my $end = time + 2 * Restante::PATIENCE;

		vec($ready, fileno $stop, 1) = 1;
		# Once at least.
		until (time > $end || ($good > 0 &&
		    select my $now = $ready, undef, undef, 0)) {
			my $c = eval { $d->connect };
			my $said = $c ? $c->login($user, 'secret') : $@;

			# The one before may not have let go of the lock yet.
			next if $said =~ /^-ERR \[IN-USE\]/;
			$said =~ /^\+OK/ ? $good++ : ($bad .= "$said\n");
			$c->cmd('QUIT') if $said =~ /^\+OK/;
			$c->close if $c;
		}
		syswrite $tell, "$good\n$bad";
		POSIX::_exit(0);
	}
	close $tell;
	return sub {
		syswrite $going, 'x';
		my ($good, @bad) = <$told>;
		waitpid $pid, 0;
		return ($good, @bad);
	};
}

my $new = 'restante: the new configuration is in force';
my $old = 'restante: the old configuration stays in force';

{
	my ($port, $other) = map { Restante::free_port() } 1 .. 2;
	my @conf = (
		"listen 127.0.0.1:$port\nhide-users yes\n",
		"listen 127.0.0.1:$port\nlisten 127.0.0.1:$other\n" .
		    "hide-users no\napop no\n",
	);
	my $d = start($conf[0]);
	$d->{port} = $port;
	my $c = $d->session('alice', 'secret');
	my $idle = $d->connect;
	my $reloads = 0;

	$c->cmd('DELE 2');
	my @clients = map { log_in_and_out($d, "user$_") } 1 .. 4;

	for my $round (1 .. 20) {
		$reloads++ if reload($d, $conf[$round % 2]) eq $new;
	}
	for my $client (@clients) {
		my ($good, @wrong) = $client->();

		cmp_ok $good, '>', 0, 'logins meanwhile';
		is "@wrong", '', 'none of them fails';
	}
	is $reloads, 20, '20 SIGHUPs, each is obeyed';

	is reload($d, $conf[1]), $new, 'once more';
	like greeting($d, $port), qr/ready\z/, 'new sessions have no timestamp';
	like greeting($d, $other), qr/^\+OK/, 'there is another port';
	like $d->connect->cmd('USER nobody'), qr/^-ERR/, 'and names are told';
	is reload($d, $conf[0]), $new, 'back';
	like greeting($d, $port), qr/>\z/, 'new sessions have a timestamp';
	is greeting($d, $other), undef, 'the other port is closed';
	like $d->connect->cmd('USER nobody'), qr/^\+OK/, 'names are hidden';

	my ($status, @lines) = $c->multi('RETR 1');
	is "@lines", 'Subject: 1  text', 'a session of before goes on';
	like $c->cmd('QUIT'), qr/^\+OK\b.*\b2 messages left/, 'to its end';
	$c->close;
	like $idle->login('alice', 'secret'), qr/^\+OK.* 2 messages /,
	    'one that had not logged in still can';
	like $idle->cmd('QUIT'), qr/^\+OK/, 'and end';
	$idle->close;
	unlike $d->stderr, qr/telling the listener/,
	    'that the old listener is gone is no fault';
	ok Proc::find($d, qr/^listener\z/), 'one listener is left';
	ok Proc::find($d, qr/^keeper\z/), 'and one keeper';
	is $d->stop, 0, 'it ends';
}

# What is wrong changes nothing, and is told.
{
	my $port = Restante::free_port();
	my $d = start("listen 127.0.0.1:$port\nhide-users yes\n");
	my %wrong = (
		"apop no\nhide-user no\n" =>
		    qr/: configuration: \S+:2:1: .* did you mean "hide-users"/,
		"apop no\nlisten 127.0.0.1:$port\nlisten 192.0.2.1:110\n" =>
		    qr/: listening on 192\.0\.2\.1 port 110: /,
	);

	$d->{port} = $port;
	for my $lines (sort keys %wrong) {
		is reload($d, $lines), $old, 'a wrong configuration';
		like $d->stderr, $wrong{$lines}, 'the log says what is wrong';
		like greeting($d, $port), qr/>\z/, 'the old one is in force';
	}
	unlink $d->{conf};
	kill HUP => $d->pid;
	ok $d->log_like(qr/configuration: \S+conf: No such file/),
	    'no file: the log says so';
	is reload($d, "listen 127.0.0.1:$port\napop no\n"), $new,
	    'a right one: taken';
	like greeting($d, $port), qr/ready\z/, 'and in force';
	is $d->stop, 0, 'it ends';
}

# So it does with another keeper: what is the old one's stays so.
SKIP: {
	skip 'only root has a keeper of its own', 4 if $> != 0;
	my $port = Restante::free_port();
	my $d = Restante->new(users => { alice => $box },
	    args => [ '-f', '/dev/null' ]);
	my ($uid, $gid) = (getpwnam 'mail')[2, 3];

	chmod 0755, $d->dir or die 'chmod: ' . $d->dir;
	chown $uid, $gid, $d->dir, $d->path('alice') or die 'chown: ' . $d->dir;
	$d->{conf} = "$d->{scratch}/conf";
	$d->{args} = [ '-f', $d->{conf} ];
	$d->{port} = $port;
	Restante::spew($d->{conf}, "listen 127.0.0.1:$port\n");
	$d->launch_logged($d->command);
	$d->log_like(qr/: ready\z/) or die "no start:\n" . $d->stderr;
	is reload($d, "listen 127.0.0.1:$port\nlisten 192.0.2.1:110\n" .
	    "keeper-user daemon\n"), $old, 'a new keeper, and a wrong address';
	like $d->connect->login('alice', 'secret'), qr/^\+OK/,
	    'the old keeper can still work';
	is reload($d, "listen 127.0.0.1:$port\nkeeper-user daemon\n"), $new,
	    'a new keeper alone';
	is +(stat $d->path('.restante'))[4], (getpwnam 'daemon')[2],
	    'has the directory that is its own';
}

# The command line stays on top.
{
	my $port = Restante::free_port();
	my $d = start("apop yes\nhide-users no\n", '-l', '127.0.0.1', '-p',
	    $port, '-o', 'apop=no');
	$d->{port} = $port;

	is reload($d, "apop yes\nhide-users yes\nlisten 127.0.0.1:1\n"), $new,
	    'settings that the command line has, too';
	like greeting($d, $port), qr/ready\z/, 'it wins';
	like $d->connect->cmd('USER nobody'), qr/^\+OK/, 'others are new';
}

# The same port on all addresses, and on one.
{
	my ($port, $other) = map { Restante::free_port() } 1 .. 2;
	my $d = start("listen 127.0.0.1:$port\nlisten 127.0.0.1:$other\n");

	is greeting($d, $port, '127.0.0.2'), undef, 'one address';
	for my $round (1 .. 2) {
		is reload($d, "listen *:$port\nlisten 127.0.0.1:$other\n"),
		    $new, 'all addresses';
		like greeting($d, $port, "127.0.0.$_"), qr/^\+OK/, "served, $_"
		    for 1 .. 2;
		is reload($d, "listen 127.0.0.1:$port\n" .
		    "listen 127.0.0.1:$other\n"), $new, 'one again';
		like greeting($d, $port, '127.0.0.1'), qr/^\+OK/, 'served';
		is greeting($d, $port, '127.0.0.2'), undef, 'others are not';
	}
	ok !IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $other,
	    Type => SOCK_STREAM, Listen => 1, ReusePort => 1),
	    'what stayed is shared with nobody';
	my $e = Restante->new;
	$e->launch_logged($e->command, '-l', '127.0.0.1', '-p', $port);
	is $e->wait, 1 << 8, 'no other server gets the port';
	like $e->stderr, qr/Address already in use/, 'it is told';
}

# Another directory.
{
	my $port = Restante::free_port();
	my $d = start("listen 127.0.0.1:$port\n");
	my $c = do { local $d->{port} = $port; $d->session('bob', 'secret') };
	my $dir = "$d->{scratch}/Other";

	$d->{port} = $port;
	ok $c, 'a session';
	is reload($d, "listen 127.0.0.1:$port\nusers $dir\n"), $new,
	    '-d is of the command line';
	like $d->connect->login('alice', 'secret'), qr/^\+OK/, 'and stays';
	is $d->stop, 0, 'it ends';

	mkdir $dir, 0700 or die "$dir: $!";
	Restante::spew("$dir/carol", $box);
	my $e = Restante->new(users => { alice => $box });
	$e->{conf} = "$e->{scratch}/conf";
	$e->{port} = $port;
	Restante::spew($e->{conf}, "users $e->{dir}\nlisten 127.0.0.1:$port\n");
	$e->launch_logged(Restante::binary(), '-f', $e->{conf}, '-o',
	    'user=nobody');
	$e->log_like(qr/: ready\z/) or die $e->stderr;
	$c = $e->session('alice', 'secret');
	is reload($e, "users $dir.none\nlisten 127.0.0.1:$port\n"), $old,
	    'a directory that is not there';
	like $e->stderr, qr/directory of mailboxes, .*none: No such file/,
	    'it is told';
	is reload($e, "users $dir\nlisten 127.0.0.1:$port\n"), $new,
	    'a directory that is';
	like $e->connect->login('carol', 'secret'), qr/^\+OK/, 'its users';
	like $e->connect->cmd('USER alice'), qr/^-ERR/, 'and no others';
	like $c->cmd('DELE 1'), qr/^\+OK/, 'a session in the old one';
	like $c->cmd('QUIT'), qr/^\+OK\b.*\b2 messages left/, 'ends well';
}

# No process can be had, first for the listener and then for the keeper: as with
# anything else that is wrong, those before them go on.
SKIP: {
	my $forks = $> == 0 ? 4 : 3; # of the master, at a start or reload
	my $when = 2 * $forks . '..' . (3 * $forks - 1) . '+' . ($forks - 1);
	my ($strace, @how) = Proc::failing(9, clone => 'EAGAIN', $when);
	my $d = Restante->new(users => { alice => $box });

	$d->{conf} = "$d->{scratch}/conf";
	$d->{port} = Restante::free_port();
	Restante::spew($d->{conf}, "users $d->{dir}\nlisten 127.0.0.1:$d->{port}\n");
	$d->launch_logged($strace, '-D', @how, Restante::binary(), '-f',
	    $d->{conf}, '-o', 'user=nobody');
	$d->log_like(qr/: ready\z/) or die $d->stderr;
	my $c = $d->session('alice', 'secret');
	for my $who ('listener', 'keeper') {
		is reload($d, "users $d->{dir}\nlisten 127.0.0.1:$d->{port}\n" .
		    "hide-users yes\n"), $old, "no process for the $who";
		like $d->stderr, qr/starting processes: Resource temporarily/,
		    'it is told';
		like $d->connect->cmd('USER bob'), qr/^-ERR/,
		    'the old ones serve, as before';
	}
	is reload($d, "users $d->{dir}\nlisten 127.0.0.1:$d->{port}\n" .
	    "hide-users yes\n"), $new, 'then there are some';
	like $d->connect->cmd('USER bob'), qr/^\+OK/, 'who serve as it says';
	like $c->cmd('QUIT'), qr/^\+OK/, 'and who was there could stay';
}

done_testing;
