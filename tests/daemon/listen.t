# SPDX-License-Identifier: ISC
# Where the server listens: IPv4, IPv6, several places, and what it says when it
# cannot.

use strict;
use warnings;

use IO::Socket::IP ();
use Socket qw(AF_INET6 SOCK_STREAM);
use Test::More;

use Proc;
use Restante;

my @users = (users => { alice => "secret\n" .
    Restante::mbox("Subject: one\n\nfirst") });
my $six = IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0,
    Listen => 1, Type => SOCK_STREAM);

diag 'no IPv6 here: its tests are skipped' if !$six;

# A whole session by way of that address.
sub serves
{
	my ($d, $host, $how) = @_;
	my $c = eval { $d->connect(host => $host) };

	return fail "$how: $@" if !$c;
	my $own = $c->socket->sockhost;
	like $c->login('alice', 'secret'), qr/^\+OK.* 1 message /,
	    "$how: serves $host";
	ok Proc::find($d, qr/^session alice \Q$own\E\z/),
	    "$how: and ps shows the address";
	$c->cmd('QUIT');
	$c->close;
	ok $d->log_like(qr/end: user=alice addr=\Q$own\E /),
	    "$how: and so does the log";
}

sub is_shut
{
	my ($d, $host, $how) = @_;

	ok !eval { $d->connect(host => $host) }, "$how: not on $host";
}

{
	my $d = Restante->start(@users, listen => [ '-l', '127.0.0.1' ]);
	serves($d, '127.0.0.1', '-l 127.0.0.1');
	is_shut($d, '127.0.0.2', '-l 127.0.0.1');
	is_shut($d, '::1', '-l 127.0.0.1');
}

{
	my $d = Restante->start(@users,
	    listen => [ '-l', '127.0.0.2', '-l', '127.0.0.3' ]);
	serves($d, $_, 'two addresses') for '127.0.0.2', '127.0.0.3';
	is_shut($d, '127.0.0.1', 'two addresses');
}

{
	my $d = Restante->start(@users, listen => []);
	serves($d, '127.0.0.1', 'all addresses');
	SKIP: {
		skip 'no IPv6 here', 3 if !$six;
		serves($d, '::1', 'all addresses');
	}
}

SKIP: {
	skip 'no IPv6 here', 11 if !$six;
	my $d = Restante->start(@users, listen => [ '-l', '::1' ]);
	serves($d, '::1', '-l ::1');
	is_shut($d, '127.0.0.1', '-l ::1');

	my $e = Restante->start(@users,
	    listen => [ '-l', '::1', '-l', '127.0.0.1' ]);
	serves($e, $_, 'one of each') for '::1', '127.0.0.1';
	like $e->connect(host => '::1')->greeting, qr/^\+OK/, 'one of each';
}

# Settings, and the command line in their place.
{
	my @ports = map { Restante::free_port() } 1 .. 2;
	my $d = Restante->new(@users);
	my $conf = "$d->{scratch}/conf";
	my $client = sub {
		my ($host, $port) = @_;
		local $d->{port} = $port;
		return eval { $d->connect(host => $host)->greeting };
	};

	Restante::spew($conf, "listen 127.0.0.1:$ports[0]\n" .
	    "listen 127.0.0.2:$ports[1]\n");
	my @given = ($d->command, '-f', $conf, '-o', 'log=stderr');
	$d->launch_logged(@given);
	ok $d->log_like(qr/: ready\z/), 'listen lines: the server starts';
	like $client->('127.0.0.1', $ports[0]), qr/^\+OK/, 'listen: the first';
	like $client->('127.0.0.2', $ports[1]), qr/^\+OK/, 'listen: the second';
	is $client->('127.0.0.2', $ports[0]), undef, 'listen: no other';
	is $d->stop, 0, 'listen: it ends';

	delete $d->{stopped};
	my $other = Restante::free_port();
	$d->launch_logged(@given, '-l', '127.0.0.1', '-p', $other);
	ok $d->log_like(qr/: ready\z/), '-l and -p beside them';
	like $client->('127.0.0.1', $other), qr/^\+OK/, '-l and -p win';
	is $client->($_->[0], $_->[1]), undef,
	    '-l and -p: the lines do not count'
	    for [ '127.0.0.1', $ports[0] ], [ '127.0.0.2', $ports[1] ];
	is $d->stop, 0, '-l and -p: it ends';
}

# What cannot be listened on is told, and nothing is left.
{
	# On no other address is it to be taken: none of a client's.
	my $port = Restante::free_port();
	my $taken = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => $port, Listen => 1, Type => SOCK_STREAM)
	    or die "listening: $@";
	my %why = (
		'127.0.0.1' => qr/on 127\.0\.0\.1 port $port: Address already/,
		'192.0.2.1' => qr/on 192\.0\.2\.1 port $port: Cannot assign/,
		# The first one is let go again.
		'127.0.0.9 127.0.0.1' => qr/on 127\.0\.0\.1 port $port: /,
	);

	for my $hosts (sort keys %why) {
		my $d = Restante->new(@users);
		$d->launch_logged($d->command,
		    (map { ('-l', $_) } split / /, $hosts), '-p', $port);
		is $d->wait, 1 << 8, "$hosts: ends with status 1";
		like $d->stderr, $why{$hosts}, "$hosts: and says why";
	}
}

done_testing;
