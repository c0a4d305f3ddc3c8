# SPDX-License-Identifier: ISC
# STLS under a server that offers UCSPI-TLS.  No Debian package has one, so a small
# one is in here: it does what the protocol says, with the real stunnel.
use strict;
use warnings;

use IO::Handle ();
use IO::Socket::IP ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;

use Restante;
use Tls;

plan skip_all => Tls::missing() if Tls::missing();

my %users = (alice => "secret\n" . Restante::mbox("Subject: one\n\n1\n"));

sub connection
{
	my $listen = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => 0, Listen => 1, Type => SOCK_STREAM)
	    or die "listening: $@";
	my $near = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $listen->sockport, Type => SOCK_STREAM)
	    or die "connecting: $@";

	return ($near, $listen->accept);
}

# The server: a connection, restante on it, and TLS once it is asked for.
sub start
{
	my (%opt) = @_;
	my $d = Restante->new(users => \%users, %opt);
	my ($near, $client) = connection();
	my ($control, $app_control) = IO::Socket->new->socketpair(
	    AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	pipe my $app_in, my $to_app or die "pipe: $!";
	pipe my $from_app, my $app_out or die "pipe: $!";
	open my $log, '>>', $d->{log} or die "$d->{log}: $!";

	$d->{pass} = { SSLCTLFD => $app_control, SSLREADFD => $app_in,
	    SSLWRITEFD => $app_out };
	$d->launch([ fileno $client, fileno $client, fileno $log ],
	    $d->command, '-o', 'log=stderr');
	Tls::spawn(sub {
		close $_ for $app_control, $app_in, $app_out, $near;
		sysread $control, my $word, 10 or POSIX::_exit(0);
		POSIX::_exit(1) if $word ne 'y';
		my $plain = Tls::serve($client, $d->{scratch})
		    or POSIX::_exit(0);
		close $client;
		Tls::relay([ $plain, $to_app ], [ $from_app, $plain ]);
		POSIX::_exit(0);
	});
	close $_ for $client, $control, $app_control, $app_in, $app_out,
	    $to_app, $from_app;

	my $c = Restante::Client->new($near);
	push @{ $d->{clients} }, $c;
	$c->{greeting} = $c->status;
	return ($d, $c);
}

{
	my ($d, $c) = start(options => ['plaintext-auth=tls']);

	ok $c->announced('STLS'), 'P3-400 UCSPI-TLS: STLS is announced';
	ok !$c->announced('USER'), 'P3-108 USER is not';
	$c->send("STLS\r\nNOOP\r\nUSER alice\r\n");
	like $c->status, qr/^\+OK/, 'P3-401 UCSPI-TLS: STLS';
	my $t = Tls->over($c);
	like $t->cmd('PASS secret'), qr/^-ERR USER first/,
	    'P3-405 UCSPI-TLS: what came behind STLS was thrown away';
	ok !$t->announced('STLS'), 'P3-400 UCSPI-TLS: not announced any more';
	like $t->login('alice', 'secret'), qr/^\+OK/, 'a login';
	like $t->cmd('DELE 1'), qr/^\+OK/, 'a deletion';
	like $t->cmd('QUIT'), qr/^\+OK/, 'QUIT';
	ok $t->eof, 'the connection ends';
	is $t->ended, 0, 'openssl has no complaint';
	like $t->messages, qr/<<< [^\n]*Alert[^\n]* close_notify/,
	    'P3-413 UCSPI-TLS: close_notify';
	is $d->wait, 0, 'the server ends by itself';
	is $d->mbox('alice'), "secret\n", 'the deletion was done';
	ok $d->log_like(qr/end: user=alice addr=127\.0\.0\.1 .*reason=quit/),
	    'the log has the address of the client';
}

{
	my ($d, $c) = start();

	like $c->login('alice', 'secret'), qr/^\+OK/,
	    'who does not want TLS goes without';
	like $c->cmd('STLS'), qr/^-ERR/, 'P3-402 STLS in TRANSACTION';
	like $c->cmd('QUIT'), qr/^\+OK/, 'QUIT';
	$c->close;
	is $d->wait, 0, 'the server ends by itself';
}

{
	my ($d, $c) = start();

	like $c->cmd('STLS'), qr/^\+OK/, 'STLS, and then no TLS';
	$c->send("USER alice\r\nPASS secret\r\nQUIT\r\n");
	unlike $c->raw_until, qr/\+OK|-ERR/, 'P3-410 nothing is answered';
	is $d->wait, 0, 'the server ends by itself';
	unlike $d->stderr, qr/login:/, 'nobody has logged in';
}

# Numbers in the environment that lead nowhere are no offer.
for my $name (qw(SSLCTLFD SSLREADFD SSLWRITEFD)) {
	for my $value ('', '-1', '3x', '63', '99999999999') {
		local @ENV{qw(SSLCTLFD SSLREADFD SSLWRITEFD)} = (0, 0, 1);
		local $ENV{$name} = $value;
		my $c = Restante->inetd(users => \%users);

		ok !$c->announced('STLS'), "$name=$value: STLS is not offered";
		like $c->cmd('STLS'), qr/^-ERR/, 'nor done';
		$c->cmd('QUIT');
		$c->close;
		is $c->server->wait, 0, 'and the session is as others are';
	}
}

done_testing;
