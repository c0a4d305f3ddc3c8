# SPDX-License-Identifier: ISC
# Passwords as they are: who may send them without TLS.  P3-108.
use strict;
use warnings;

use Test::More;
use IO::Socket::IP ();
use Restante;

my %users = (alice => "secret\n" . Restante::mbox("Subject: one\n\n1\n"));

# An address of this machine that is not its own business alone.
sub outer_address
{
	my $s = IO::Socket::IP->new(Proto => 'udp', PeerHost => '192.0.2.1',
	    PeerPort => 9) or return;
	my $address = $s->sockhost;

	return $address =~ /^127\./ ? undef : $address;
}

sub taken
{
	my ($d, $from, %opt) = @_;
	my $c = $d->connect(%opt);

	subtest "P3-108 $from: plain passwords" => sub {
		ok $c->announced('USER'), 'USER is announced';
		like join("\n", $c->multi('CAPA')), qr/^SASL .*PLAIN/m, 'PLAIN, too';
		like $c->login('alice', 'secret'), qr/^\+OK/, 'and logs in';
		ok $c->announced('USER'), 'USER is announced after the login';
	};
}

sub refused
{
	my ($d, $from, %opt) = @_;
	my $c = $d->connect(%opt);

	subtest "P3-108 $from: no plain passwords" => sub {
		ok !$c->announced('USER'), 'USER is not announced';
		ok $c->announced('TOP'), 'other things are';
		like $c->cmd('USER alice'), qr/^-ERR \[AUTH\] .*TLS/, 'USER';
		like $c->cmd('PASS secret'), qr/^-ERR \[AUTH\] .*TLS/, 'PASS';
		like $c->cmd('USER nobody-such'), qr/^-ERR \[AUTH\] .*TLS/,
		    'a name that does not exist: no other answer';
		like $c->cmd("AUTH $_"), qr/^-ERR \[AUTH\] .*TLS/, "AUTH $_"
		    for 'PLAIN', 'LOGIN', 'PLAIN AGFsaWNlAHNlY3JldA==';
		my ($sasl) = grep { /^SASL / } ($c->multi('CAPA'));
		unlike $sasl, qr/ (?:PLAIN|LOGIN)\b/, 'nor announced';
		like $sasl, qr/ SCRAM-SHA-256/, 'what needs no TLS is';
		like $c->cmd('STAT'), qr/^-ERR/, 'nobody is logged in';
		like $c->cmd('QUIT'), qr/^\+OK/, 'the session goes on';
	};
}

my $outer = outer_address();

{
	my $d = Restante->start(users => \%users,
	    options => ['plaintext-auth=tls']);

	refused($d, 'tls, from this machine');
	my $c = $d->connect;
	require Digest::MD5;
	like $c->cmd('APOP alice ' . Digest::MD5::md5_hex($c->stamp . 'secret')),
	    qr/^\+OK/, 'P3-108 APOP is no plain password';
	is $d->stop, 0;
}

{
	my $d = Restante->start(users => \%users,
	    options => [ 'plaintext-auth=tls', 'mechanisms=CRAM-MD5' ]);
	my $c = $d->connect;

	is $c->cmd("AUTH $_"), '-ERR that mechanism is not offered here',
	    "P3-361 TLS is not what AUTH $_ lacks" for qw(PLAIN LOGIN);
	is $d->stop, 0;
}

{
	my $d = Restante->start(users => \%users, flags => 'tls',
	    options => ['plaintext-auth=tls']);

	taken($d, 'tls, where a TLS proxy passes them on');
	is $d->stop, 0;
}

{
	my $d = Restante->start(users => \%users, flags => 'pop1',
	    options => ['plaintext-auth=tls']);
	my $c = $d->connect;

	like $c->cmd('USER alice'), qr/^-ERR \[AUTH\]/,
	    'P3-108 the logins of RFC 918 are plain passwords';
	is $d->stop, 0;
}

SKIP: {
	skip 'this machine has no address but loopback', 5 if !defined $outer;
	my $d = Restante->start(users => \%users, listen => ['-l', '0.0.0.0']);

	taken($d, 'auto, no way to use TLS, from another host', host => $outer);
	is $d->stop, 0;
	my $port = Restante::free_port();
	$d = Restante->start(users => \%users, flags => 'tls',
	    options => ["listen=$outer:$port"]);
	taken($d, 'auto, from this machine');
	$d->{port} = $port;
	refused($d, 'auto, TLS elsewhere, from another host', host => $outer);
	is $d->stop, 0;
}

done_testing;
