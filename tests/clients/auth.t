# SPDX-License-Identifier: ISC
# Every way of logging in that clients know, with every form of password line: each
# logs in, or is refused, as restante.8 says.
use strict;
use warnings;

use Digest::SHA qw(sha256);
use MIME::Base64 qw(encode_base64);
use Test::More;

use Letters;
use Restante;
use Scram;

# What is kept of a password for SCRAM.
sub scram_line
{
	my ($password, $salt, $count) = @_;
	my ($client, $server) = Scram::pair($password, $salt, $count);

	return "{SCRAM-SHA-256}$count," . join ',',
	    map { encode_base64($_, '') } $salt, sha256($client), $server;
}

my %line = (
	plain => 'secret',
	hash => crypt('secret', '$6$saltsalt'),
	scram => scram_line('secret', 'sixteen octets..', 5000),
);
# The table of restante.8.
my %serves = (
	(map { $_ => { plain => 1, hash => 1, scram => 1 } } qw(PASS PLAIN LOGIN)),
	(map { $_ => { plain => 1 } } qw(APOP CRAM-MD5)),
	'SCRAM-SHA-256' => { plain => 1, scram => 1 },
);
my $box = Restante::mbox("Subject: one\n\nfirst\n");
my $d = Restante->start(options => [ 'login-tries=100',
    'mechanisms=PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256' ],
    users => { map { $_ => "$line{$_}\n$box" } keys %line });
my $home = Letters::stage();

# Each returns whether it was let in, and what it said.
sub by_curl
{
	my ($server, $options, $user, $password) = @_;
	my ($status, $out, $err) = Letters::run(Restante::program('curl'), '-q',
	    '-sS', '-u', "$user:$password", '--login-options', "AUTH=$options",
	    'pop3://127.0.0.1:' . $server->port . '/1');

	return ($status == 0 && $out =~ /first/, $err);
}

sub by_mpop
{
	my ($server, $auth, $user, $password) = @_;

	Restante::spew("$home/mpoprc", <<"EOF");
account default
host 127.0.0.1
port @{[ $server->port ]}
tls off
auth $auth
user $user
password $password
uidls_file $home/ids
delivery mda cat
EOF
	my ($status, $out, $err) = Letters::run(Restante::program('mpop'), '-C',
	    "$home/mpoprc", '--status-only');
	return ($status == 0 && $out =~ /1 message\b/, $out . $err);
}

sub by_fetchmail
{
	my ($server, $how, $user, $password) = @_;
	my ($protocol, $auth) = split / /, $how;

	Restante::spew("$home/fetchmailrc", <<"EOF");
set no syslog
poll 127.0.0.1 protocol $protocol port @{[ $server->port ]} auth $auth
	user $user password $password sslproto ''
EOF
	my ($status, $out, $err) = Letters::run(Restante::program('fetchmail'),
	    '-c', '-f', "$home/fetchmailrc", '-i', "$home/seen",
	    '--pidfile', "$home/pid");
	return ($status == 0 && $out =~ /1 message\b/, $out . $err);
}

sub by_getmail
{
	my ($server, $apop, $user, $password) = @_;

	Restante::spew("$home/getmailrc", <<"EOF");
[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = @{[ $server->port ]}
username = $user
password = $password
use_apop = $apop
[destination]
type = MDA_external
path = /bin/cat
allow_root_commands = true
[options]
delete = false
max_message_size = 1
EOF
	unlink glob "$home/oldmail-*";
	my ($status, $out, $err) =
	    Letters::run(Restante::program('getmail'), '--getmaildir', $home);
	return ($status == 0 && "$out$err" =~ /\b1 skipped/, $out . $err);
}

sub by_perl
{
	my ($server, $mechanism, $user, $password) = @_;
	my $c = Net::POP3->new('127.0.0.1', Port => $server->port, Timeout => 20)
	    or die "no connection: $@";
	my $in = $c->auth(Authen::SASL->new(mechanism => $mechanism,
	    callback => { user => $user, pass => $password, authname => '' }));
	my $list = $in && $c->list;

	$c->quit;
	return ($in && keys %$list == 1, $c->message);
}

# A program or module, what it is told, how the log calls that, what does it.
my @clients = (
	map({ [ curl => $_, s/^\+//r, \&by_curl ] }
	    qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 +APOP)),
	map({ [ mpop => $_->[0], $_->[1], \&by_mpop ] }
	    [ 'user', 'PASS' ], [ 'apop', 'APOP' ], [ 'plain', 'PLAIN' ],
	    [ 'login', 'LOGIN' ], [ 'cram-md5', 'CRAM-MD5' ],
	    [ 'scram-sha-256', 'SCRAM-SHA-256' ]),
	[ fetchmail => 'pop3 password', 'PASS', \&by_fetchmail ],
	[ fetchmail => 'apop password', 'APOP', \&by_fetchmail ],
	[ fetchmail => 'pop3 cram-md5', 'CRAM-MD5', \&by_fetchmail ],
	[ getmail => 'false', 'PASS', \&by_getmail ],
	[ getmail => 'true', 'APOP', \&by_getmail ],
	map({ [ 'Authen::SASL' => $_, $_, \&by_perl ] }
	    qw(PLAIN LOGIN CRAM-MD5)),
);

# Why a client cannot do what it should, or nothing.
sub lacks
{
	my ($client, $method) = @_;

	if ($client eq 'Authen::SASL') {
		return eval {
			require Authen::SASL;
			require Net::POP3;
			Authen::SASL->new(mechanism => $method)->client_new(1);
		} ? undef : 'libauthen-sasl-perl or libdigest-hmac-perl is not ' .
		    'installed';
	}
	my $program = Restante::program($client) //
	    return "$client is not installed";
	return 'this curl was built without SCRAM'
	    if $client eq 'curl' && $method =~ /SCRAM/ &&
	    `$program -V` !~ /\bgsasl\b/;
	return 'this mpop was built without SASL'
	    if $client eq 'mpop' && $method =~ /SCRAM|CRAM|LOGIN/ &&
	    `$program --version` !~ /\b\L$method\b/;
	return;
}

for my $row (@clients) {
	my ($client, $told, $method, $try) = @$row;
	my $lacks = lacks($client, $method);

	SKIP: {
		skip "$client, $told: $lacks", 1 if defined $lacks;
		for my $form (qw(plain hash scram)) {
			my $seen = length $d->stderr;
			my ($in, $said) = $try->($d, $told, $form, 'secret');
			my $wanted = $serves{$method}{$form} ? 'in' : 'out';
			my $log = qr/login: user=$form addr=\S+ by=\Q$method\E\n/;

			$log = qr/refused: user=$form addr=\S+ by=\Q$method\E /
			    if $wanted eq 'out';
			is $in ? 'in' : 'out', $wanted,
			    "$client, $told: a line of the form $form"
			    or diag $said, substr $d->stderr, $seen;
			ok Restante::wait_for(sub {
				substr($d->stderr, $seen) =~ $log;
			}), "$client, $told: and it was $method";
		}
		my ($in) = $try->($d, $told, 'plain', 'wrong');
		ok !$in, "$client, $told: a wrong password is refused";
	}
}

# Left to themselves they take the best of what is offered, and that is what
# hashes can serve.
my $hashes = Restante->start(options => [ 'apop=no' ],
    users => { hash => "$line{hash}\n$box" });
for my $row ([ curl => '*', \&by_curl ],
    [ fetchmail => 'pop3 any', \&by_fetchmail ]) {
	my ($client, $told, $try) = @$row;

	SKIP: {
		skip "$client is not installed", 1 if !Restante::program($client);
		my ($in, $said) = $try->($hashes, $told, 'hash', 'secret');
		ok $in, "$client: finds its way to a hash by itself"
		    or diag $said;
	}
}

is $d->stop, 0, 'the server ends';
done_testing;
