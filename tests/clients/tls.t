# SPDX-License-Identifier: ISC
# Real clients over TLS: by STLS, and from the first octet by stunnel and HAProxy in
# front, set up as the samples in etc/ say.  P3-108, P3-401, P3-408, P3-409.
use strict;
use warnings;

use Test::More;

use Front;
use Letters;
use Restante;
use Tls;

plan skip_all => Tls::missing() if Tls::missing();

my $scratch = Letters::stage();
my ($certificate, $key) = Tls::files();
my ($box) = Letters::mailboxes();
my $mark = '=== end ===';

sub wait_for_port
{
	my ($port) = @_;

	return Restante::wait_for(sub {
		IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port)
	});
}

sub start
{
	my (%opt) = @_;

	return Restante->start(%opt, users => { alice => $box->{text} },
	    options => ['plaintext-auth=tls', @{ $opt{options} || [] }]);
}

sub by_stls
{
	my $d = start(options => [Tls::options()]);

	return ($d, $d->port);
}

sub by_stunnel
{
	my $d = start(flags => 'proxy tls',
	    options => ['trusted-proxies=127.0.0.1']);
	my $port = Restante::free_port();

	Restante::spew("$scratch/stunnel.conf",
	    Front::sample('stunnel-pop3s.conf',
	    'setuid = stunnel4' => 'foreground = yes',
	    'setgid = stunnel4' => 'syslog = no',
	    ':::995' => "127.0.0.1:$port",
	    '127.0.0.1:1995' => '127.0.0.1:' . $d->port,
	    '/etc/ssl/certs/mail.example.org.pem' => $certificate,
	    '/etc/ssl/private/mail.example.org.key' => $key));
	my $pid = Front::spawn("$scratch/stunnel.log", Tls::HELPER,
	    "$scratch/stunnel.conf");
	wait_for_port($port) or die Restante::slurp("$scratch/stunnel.log");
	return ($d, $port, $pid);
}

sub by_haproxy
{
	my $d = start(flags => 'proxy',
	    options => ['trusted-proxies=127.0.0.1']);
	my ($plain, $port) = map { Restante::free_port() } 1 .. 2;
	my $pid = Front::haproxy($scratch, $d, $plain, $port);

	wait_for_port($port) or die Restante::slurp("$scratch/haproxy.log");
	return ($d, $port, $pid);
}

sub delivered
{
	my @got = split /^$mark\n/m, Letters::slurp("$scratch/mail");

	return \@got;
}

my @wanted = Letters::local_ends(@{ Letters::wires($box) });

sub with_curl
{
	my ($way, $port, $stls) = @_;
	my $url = $stls ? "pop3://localhost:$port" : "pop3s://localhost:$port";
	my @got;

	for my $n (1 .. @wanted) {
		my ($status, $out, $err) = Letters::run(Letters::tool('curl'),
		    '-q', '-sS', '--ssl-reqd', '--cacert', $certificate,
		    '-4', '--interface', '127.0.0.3',
		    '-u', 'alice:secret', "$url/$n");
		is $status, 0, "$way: curl --ssl-reqd, $n" or diag $err;
		push @got, $out;
	}
	Letters::same(\@got, Letters::wires($box), "$way: curl, octet for octet");
}

sub with_fetchmail
{
	my ($way, $port, $stls) = @_;
	my $how = $stls ? "sslproto 'TLS1.2+'" : "ssl sslproto 'TLS1.2+'";

	Restante::spew("$scratch/settings", <<"EOF");
set no syslog
set invisible
poll localhost protocol pop3 port $port uidl
	user alice password secret $how sslcertck sslcertfile $certificate
	no rewrite keep fetchall
	mda "cat >>$scratch/mail && echo $mark >>$scratch/mail"
EOF
	unlink "$scratch/mail", "$scratch/ids";
	my ($status, $out, $err) = Letters::run(Letters::tool('fetchmail'),
	    '-f', "$scratch/settings", '-i', "$scratch/ids",
	    '--pidfile', "$scratch/pid");
	is $status, 0, "$way: fetchmail" or diag $out . $err;
	Letters::same(delivered(), \@wanted, "$way: fetchmail, every message");
}

sub with_mpop
{
	my ($way, $port, $stls) = @_;
	my $starttls = $stls ? 'on' : 'off';

	Restante::spew("$scratch/settings", <<"EOF");
account default
host localhost
port $port
tls on
tls_starttls $starttls
tls_trust_file $certificate
auth user
user alice
password secret
keep on
received_header off
uidls_file $scratch/ids
delivery mda cat >>$scratch/mail && echo $mark >>$scratch/mail
EOF
	unlink "$scratch/mail", "$scratch/ids";
	my ($status, $out, $err) = Letters::run(Letters::tool('mpop'),
	    '-C', "$scratch/settings");
	is $status, 0, "$way: mpop" or diag $out . $err;
	Letters::same(delivered(), \@wanted, "$way: mpop, every message");
}

sub with_openssl
{
	my ($way, $port, $stls) = @_;

	Restante::spew("$scratch/words",
	    "USER alice\nPASS secret\nSTAT\nQUIT\n");
	my $out = qx(openssl s_client -quiet -crlf -verify_return_error \\
	    -CAfile $certificate @{[ $stls ? '-starttls pop3' : '' ]} \\
	    -connect localhost:$port <$scratch/words 2>$scratch/err);
	is $?, 0, "$way: openssl" or diag Restante::slurp("$scratch/err");
	like $out, qr/^\+OK @{[ scalar @wanted ]} \d+\r?$/m,
	    "$way: openssl s_client, STAT";
}

my @ways = ([ 'STLS', \&by_stls, 1 ], [ 'stunnel', \&by_stunnel ],
    [ 'HAProxy', \&by_haproxy, 0, 'haproxy' ]);
for (@ways) {
	my ($way, $start, $stls, $package) = @$_;

	SKIP: {
		skip "$package is not installed", 1
		    if $package && !Restante::program($package);
		my ($d, $port, $pid) = $start->();

		with_openssl($way, $port, $stls);
		for ([ 'curl', \&with_curl ], [ 'fetchmail', \&with_fetchmail ],
		    [ 'mpop', \&with_mpop ]) {
			my ($name, $with) = @$_;
			SKIP: {
				skip "$name is not installed", 1
				    if !Restante::program($name);
				$with->($way, $port, $stls);
				next if $name ne 'curl';
				ok $d->log_like(
				    qr/login: user=alice addr=127\.0\.0\.3 /),
				    "$way: the log has the client's address";
			}
		}
		Front::stop($pid) if defined $pid;
		is $d->stop, 0, "$way: the server ends";
		is $d->mbox('alice'), Reference::completed($box->{text}),
		    "$way: nothing was changed";
	}
}

done_testing;
