# SPDX-License-Identifier: ISC
# The real HAProxy and the real nginx in front, set up as the samples say.

use strict;
use warnings;

use Test::More;

use Front;
use Proc;
use Restante;
use Tls;

my @mail = map { "Subject: $_\n\ntext" } 1 .. 2;
my $box = "secret\n" . Restante::mbox(@mail);
my $scratch = File::Temp->newdir('proxies-XXXXXXXX', TMPDIR => 1);

# A server for proxies.
sub start
{
	return Restante->start(users => { alice => $box, zoe => $box },
	    flags => 'proxy', options => [ 'trusted-proxies=127.0.0.1', @_ ]);
}

# Waits until something greets there.
sub wait_for_greeting
{
	my ($front, $log) = @_;

	return if Restante::wait_for(sub { eval { $front->connect } });
	die "nobody is there:\n" . (-e $log ? Restante::slurp($log) : '');
}

sub fetches
{
	my ($c, $how) = @_;
	my ($status, @lines) = $c->multi('RETR 2');

	is "@lines", 'Subject: 2  text', "$how: a message";
	like $c->cmd('QUIT'), qr/^\+OK/, "$how: the end";
	$c->close;
}

# Each way of saying whose connection it is; the sample's is the last.
sub with_haproxy
{
	my ($say, $tls) = @_;
	my $d = start('plaintext-auth=' . ($tls ? 'tls' : 'yes'));
	my ($plain, $secure) = map { Restante::free_port() } 1 .. 2;
	my ($certificate) = Tls::files();
	my $pid = Front::haproxy($scratch, $d, $plain, $secure,
	    'send-proxy-v2-ssl' => $say, 'inter 10s' => 'inter 100ms');
	my $front = Front::at($plain);

	wait_for_greeting($front, "$scratch/haproxy.log");
	my $c = $front->connect(from => '127.0.0.9');
	ok Proc::find($d, qr/^session - 127\.0\.0\.9\z/),
	    'the client\'s address is known';
	if ($tls) {
		like $c->cmd('USER alice'), qr/^-ERR \[AUTH\]/,
		    'without TLS no password is taken';
		$c->close;
	} else {
		like $c->login('alice', 'secret'), qr/^\+OK/, 'a login';
		fetches($c, 'without TLS');
		ok $d->log_like(qr/login: user=alice addr=127\.0\.0\.9 /),
		    'and told';
	}

	my @curl = ('curl', '-q', '-sS', '--cacert', $certificate, '-4',
	    '--interface', '127.0.0.10', '-u', 'alice:secret',
	    "pop3s://localhost:$secure/2", '-o', "$scratch/got");
	is system(@curl), 0, 'over TLS: curl';
	is Restante::slurp("$scratch/got"), "Subject: 2\r\n\r\ntext\r\n",
	    'over TLS: a message';
	ok $d->log_like(qr/login: user=alice addr=127\.0\.0\.10 /),
	    'over TLS: the client\'s address';
	# Its checks of who is there are its own.
	ok $d->log_like(qr/end: user=- addr=127\.0\.0\.1 .*reason=lost/),
	    'a check of HAProxy\'s' if $say =~ /v2/;
	Front::stop($pid);
	is $d->stop, 0, 'the server ends';
}

SKIP: {
	skip 'haproxy is not installed', 3 if !-x '/usr/sbin/haproxy';
	skip 'curl is not installed', 3 if !Restante::program('curl');
	skip 'openssl is not installed', 3 if !Restante::program('openssl');
	subtest 'HAProxy, send-proxy' => sub { with_haproxy('send-proxy') };
	subtest 'HAProxy, send-proxy-v2' =>
	    sub { with_haproxy('send-proxy-v2') };
	subtest 'HAProxy, send-proxy-v2-ssl' =>
	    sub { with_haproxy('send-proxy-v2-ssl', 1) };
}

# Two servers with the same names in them: who is where shows in who answers.
sub with_nginx
{
	my @d = map { start() } 1 .. 2;
	my ($port, $which) = map { Restante::free_port() } 1 .. 2;
	my $front = Front::at($port);
	my $nginx = Front::nginx($scratch,
	    'listen 110' => "listen 127.0.0.1:$port",
	    '127.0.0.1:9110' => "127.0.0.1:$which",
	    'default    192.0.2.11' => 'default ' . $d[0]->port,
	    '~*^[n-z]   192.0.2.12' => '~*^[n-z] ' . $d[1]->port,
	    'Auth-Server $machine' => 'Auth-Server 127.0.0.1',
	    'Auth-Port 1110' => 'Auth-Port $machine');

	wait_for_greeting($front, "$scratch/nginx.error");
	for my $case ([ 'alice', 0 ], [ 'zoe', 1 ]) {
		my ($user, $where) = @$case;
		my $c = $front->connect(from => '127.0.0.7');

		like $c->login($user, 'secret'), qr/^\+OK.* 2 messages /,
		    "$user: a login";
		fetches($c, $user);
		my $who = qr/login: user=$user addr=127\.0\.0\.7 /;
		ok $d[$where]->log_like($who),
		    "$user: on the right machine, with the client's address";
		unlike $d[1 - $where]->stderr, $who, "$user: on no other";
	}

	my $c = $front->connect(from => '127.0.0.8');
	like $c->login('zoe', 'wrong'), qr/^-ERR \[AUTH\]/,
	    'a wrong password: what restante says comes through';
	$c->close;
	ok $d[1]->log_like(qr/login refused: user=zoe addr=127\.0\.0\.8 /),
	    'a wrong password: counts for the client';
	my $held = $front->connect;
	like $held->login('alice', 'secret'), qr/^\+OK/, 'a session';
	$c = $front->connect;
	like $c->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'another one: what restante says comes through';
	my ($status, @capabilities) = $front->connect->multi('CAPA');
	my ($own) = $held->multi('CAPA');
	like $status, qr/^\+OK/, 'CAPA of nginx';
	like $own, qr/^\+OK/, 'CAPA of restante';
	$held->close;
	Front::stop($nginx);
	is $_->stop, 0, 'a server ends' for @d;
}

SKIP: {
	skip 'nginx and its mail module are not installed', 1
	    if !-x '/usr/sbin/nginx' ||
	    !-e '/usr/lib/nginx/modules/ngx_mail_module.so';
	subtest 'nginx' => \&with_nginx;
}

done_testing;
