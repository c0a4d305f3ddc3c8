# SPDX-License-Identifier: ISC
# The sample for OpenSMTPD, and the real program.
use strict;
use warnings;

use FindBin;
use Test::More;

use Delivery;
use Enclave;
use Restante;

my @packages = ('opensmtpd');
my $lacking = Enclave::lacking(@packages);
plan skip_all => $lacking if defined $lacking;

my $sample = Restante::slurp("$FindBin::Bin/../../etc/smtpd-restante.conf");
my $t = Delivery->new(owner => Enclave::OWNER);
my $e = Enclave->new($t->dir, \@packages, Enclave::account('opensmtpd', 5001) .
    Enclave::account('opensmtpq', 5002) . <<"END");
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
chgrp opensmtpq /usr/sbin/smtpctl
chmod 2755 /usr/sbin/smtpctl
cat >/etc/smtpd.conf <<'CONF'
listen on socket
$sample
CONF
smtpd -n
smtpd -d >/var/log/smtpd.log 2>&1 &
for i in \$(seq 100); do
	smtpctl show status >/dev/null && break
	sleep 0.2
done
END

# What has to wait is tried again at once.
$t->{settle} = sub {
	return Restante::wait_for(sub {
		$e->run('sh', '-c', 'smtpctl schedule all 2>&1');
		return $e->run('smtpctl', 'show', 'queue') eq '';
	}) || diag $e->run('head', '-n', 20, '/var/log/smtpd.log');
};
$t->{tried} = sub {
	return $e->run('cat', '/var/log/smtpd.log') =~ /result=TempFail/;
};
$t->try('OpenSMTPD', sub {
	return $e->command('sendmail', '-f', $_[1], 'Alice@Example.Org');
});
unlike($e->run('cat', '/var/log/smtpd.log'), qr/result=PermFail/,
    '... gives nothing back');
like($e->run('cat', '/var/log/smtpd.log'), qr/result=TempFail/,
    '... was told to come again');

done_testing;
