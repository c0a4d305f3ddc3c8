# SPDX-License-Identifier: ISC
# The sample for Exim, and the real program: its appendfile transport, and its
# pipe transport with restantectl.
use strict;
use warnings;

use FindBin;
use Test::More;

use Delivery;
use Enclave;
use Restante;

my @packages = qw(exim4-base exim4-daemon-light);
my $lacking = Enclave::lacking(@packages);
plan skip_all => $lacking if defined $lacking;

my ($routers, $transports) = Restante::slurp(
    "$FindBin::Bin/../../etc/exim-restante.conf") =~
    /^# Among the routers:\n(.*)^# Among the transports[^\n]*\n(.*)/ms
    or die 'no sample';

# It tries again as often as it should nowhere else.
sub setup
{
	my ($router) = @_;

	return Enclave::account('Debian-exim', 5001) . <<"END";
mkdir -p /var/spool/exim4 /var/log/exim4 /etc/exim4
chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4
cat >/etc/exim4/exim4.conf <<'CONF'
primary_hostname = mail.example.org
keep_environment =
begin routers
$router
begin transports
$transports
begin retry
*  *  F,1h,1s
CONF
chmod 644 /etc/exim4/exim4.conf
END
}

for my $way (qw(appendfile pipe)) {
	my $router = $routers;

	$router =~ s/transport = restante$/transport = restante_pipe/m
	    if $way eq 'pipe';
	my $t = Delivery->new(owner => Enclave::OWNER);
	my $e = Enclave->new($t->dir, \@packages, setup($router));

	# A queue run in the foreground tries all that waits.
	$t->{settle} = sub {
		return Restante::wait_for(sub {
			$e->run('exim4', '-qff');
			return $e->run('exim4', '-bpc') =~ /^0$/;
		}) || diag $e->run('head', '-n', 12, '/var/log/exim4/mainlog');
	};
	$t->try("Exim, $way", sub {
		return $e->command('exim4', '-i', '-odf', '-f', $_[1],
		    'Alice@Example.Org');
	});
	like($e->run('exim4', '-bt', 'nobody@example.org'), qr/undeliverable/,
	    '... refuses who is not there');
}

done_testing;
