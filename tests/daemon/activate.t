# SPDX-License-Identifier: ISC
# Started by systemd: sockets that are passed, connections that are passed, and
# the words that the service manager wants to hear.

use strict;
use warnings;

use IO::Socket::IP ();
use IO::Socket::UNIX ();
use Socket qw(MSG_DONTWAIT SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(CLOCK_MONOTONIC clock_gettime);

use Restante;

my @users = (users => { alice => "secret\n" .
    Restante::mbox("Subject: one\n\nfirst") });

sub reply
{
	my ($d, $port, $line, $host) = @_;
	local $d->{port} = $port;
	my $c = eval { $d->connect(host => $host) } or return;

	return $c->cmd($line) if defined $line;
	return $c->greeting;
}

SKIP: {
	my $activate = '/usr/bin/systemd-socket-activate';
	skip "no $activate", 2 if !-x $activate;

	subtest 'listening sockets' => sub {
		my @port = map { Restante::free_port() } 1 .. 3;
		my $d = Restante->new(@users);
		my $conf = "$d->{scratch}/conf";

		$d->{args} = [ '-f', $conf ];
		Restante::spew($conf, "listen 127.0.0.1:$port[1] pop1\n" .
		    "listen 127.0.0.1:$port[2]\n");
		$d->launch_logged($activate, '-l', "127.0.0.1:$port[0]", '-l',
		    "127.0.0.1:$port[1]", $d->command);
		# It is started by the first connection.
		ok Restante::wait_for(sub {
			reply($d, $port[0]) || !$d->alive
		}), 'it is started';
		ok $d->log_like(qr/: ready\z/), 'and ready';
		like reply($d, $port[0]), qr/^\+OK.*POP3/, 'the first socket';
		like reply($d, $port[1]), qr/^\+OK.*POP server/,
		    'the second one speaks what the line with its address says';
		is reply($d, $port[2]), undef, 'no other is opened';

		local $d->{port} = $port[0];
		my $c = $d->session('alice', 'secret');
		Restante::spew($conf, "listen 127.0.0.1:$port[2]\napop no\n");
		kill HUP => $d->pid;
		ok $d->log_like(qr/new configuration/), 'SIGHUP';
		like reply($d, $port[0]), qr/^\+OK.*POP3.*ready\z/,
		    'SIGHUP: the first socket stays';
		like reply($d, $port[1]), qr/^\+OK.*POP3/,
		    'SIGHUP: so does the other, with what is said of it now';
		is reply($d, $port[2]), undef, 'SIGHUP: still no other';
		like $c->cmd('QUIT'), qr/^\+OK/, 'a session of before';
		$c->close;
		is $d->stop, 0, 'it ends';
	};

	subtest 'a connection for each start' => sub {
		my $d = Restante->new(@users);

		$d->{port} = Restante::free_port();
		$d->launch_logged($activate, '--accept', '--inetd', '-l',
		    "127.0.0.1:$d->{port}", $d->command);
		my $c = Restante::wait_for(sub { eval { $d->connect } });
		like $c->login('alice', 'secret'), qr/^\+OK/, 'a login';
		like reply($d, $d->port, 'USER alice'), qr/^\+OK/,
		    'another connection';
		like $c->cmd('QUIT'), qr/^\+OK/, 'the end';
		ok $c->eof, 'of the connection, too';
		$d->stop;
	};
}

# LISTEN_PID says for whom the descriptors are.
for my $case (
	[ 'for nobody', 'LISTEN_PID=1 LISTEN_FDS=1', qr/: ready$/m ],
	[ 'none', 'LISTEN_PID=$$ LISTEN_FDS=0', qr/: ready$/m ],
	[ 'too many', 'LISTEN_PID=$$ LISTEN_FDS=65', qr/LISTEN_FDS is not/ ],
	[ 'no number', 'LISTEN_PID=$$ LISTEN_FDS=x', qr/LISTEN_FDS is not/ ],
	[ 'not open', 'LISTEN_PID=$$ LISTEN_FDS=1',
	    qr/descriptor 3 is no listening socket/ ],
	[ 'a file', '3</dev/null LISTEN_PID=$$ LISTEN_FDS=1',
	    qr/descriptor 3 is no listening socket/ ],
) {
	my ($what, $variables, $said) = @$case;
	my $d = Restante->new(@users);
	my ($file, $set) = $variables =~ /^(3\S+ )?(.*)$/;

	$d->{port} = Restante::free_port();
	$file = $file ? "exec $file;" : '';
	$d->launch_logged('/bin/sh', '-c', "$file export $set; exec \"\$@\"", 'sh',
	    $d->command, '-l', '127.0.0.1', '-p', $d->{port});
	ok Restante::wait_for(sub {
		$d->stderr =~ /: ready$/m || !$d->alive
	}), "$what: the start";
	like $d->stderr, $said, "$what: goes as it should";
	$d->stop;
}

# sd_notify(3): to a name in a directory, and to one that is in none.
my $scratch = File::Temp->newdir('activate-XXXXXXXX', TMPDIR => 1);
for my $name ("$scratch/notify", "\@restante-test-$$") {
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
	    Local => $name =~ s/^@/\0/r) or die "$name: $!";
	my $hear = sub {
		return Restante::wait_for(sub {
			my $word;

			$s->recv($word, 1000, MSG_DONTWAIT);
			return $word;
		});
	};
	local $ENV{NOTIFY_SOCKET} = $name;
	my $d = Restante->start(@users);

	is $hear->(), 'READY=1', 'it says that it is ready';
	my $before = int(clock_gettime(CLOCK_MONOTONIC) * 1e6);
	kill HUP => $d->pid;
	my $word = $hear->();
	like $word, qr/^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+\z/,
	    'that it reloads, and when';
	cmp_ok $word =~ s/.*=//sr, '>=', $before,
	    'not before it was told to: that would be another reload';
	is $hear->(), 'READY=1', 'that it is ready again';
	like reply($d, $d->port), qr/^\+OK/, 'it serves';
	is $d->stop, 0, 'it ends';
	is $hear->(), 'STOPPING=1', 'and has said so';
	ok !defined $s->recv(my $more, 1000, MSG_DONTWAIT), 'and nothing else';
}
{
	local $ENV{NOTIFY_SOCKET} = "$scratch/nobody";
	my $d = Restante->start(@users);

	like reply($d, $d->port), qr/^\+OK/, 'nobody listens: it serves';
	ok $d->log_like(qr/telling the service manager: /), 'and says so';
}

done_testing;
