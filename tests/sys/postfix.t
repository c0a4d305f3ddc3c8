# SPDX-License-Identifier: ISC
# The sample for Postfix, and the real programs: virtual(8), and pipe(8) with
# restantectl.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(sleep);

use Delivery;
use Enclave;
use Restante;

my @packages = ('postfix');
my $lacking = Enclave::lacking(@packages);
plan skip_all => $lacking if defined $lacking;

my $sample = Restante::slurp("$FindBin::Bin/../../etc/postfix-restante.cf");
my ($service) = $sample =~ /^#(restante unix .*\n#  .*\n)/m or die 'no service';
$service =~ s/\n#/\n/;

# It looks into its queue more often than it should elsewhere.
sub setup
{
	my ($main) = @_;

	return Enclave::account('postfix', 5001) .
	    Enclave::account('postdrop', 5002) . <<"END";
mkdir -p /var/spool/postfix /var/lib/postfix
chown postfix /var/lib/postfix
cat >/etc/postfix/main.cf <<'MAIN'
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.org
mydestination =
inet_interfaces = loopback-only
maillog_file = /var/log/postfix.log
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
$main
MAIN
grep -v '^smtp  *inet' /usr/share/postfix/master.cf.dist >/etc/postfix/master.cf
cat >>/etc/postfix/master.cf <<'MASTER'
$service
MASTER
echo 'alice\@example.org alice' >/etc/postfix/restante-users
chown root:postdrop /usr/sbin/postdrop /usr/sbin/postqueue
chmod 2755 /usr/sbin/postdrop /usr/sbin/postqueue
postfix start
END
}

for my $way ('virtual(8)', 'pipe(8) with restantectl') {
	my $main = $sample;

	if ($way =~ /pipe/) {
		$main =~ s/^virtual_transport = .*//m;
		$main =~ s/^#(?=virtual_transport|restante_dest)//mg;
	}
	my $t = Delivery->new(owner => Enclave::OWNER);
	my $e = Enclave->new($t->dir, \@packages, setup($main));

	# A word to pickup(8) that gets lost would have it wait for a minute; and
	# so long a letter waits that qmgr(8) wanted to have again before its
	# delivery had let it go ("skipped, still being delivered").
	$t->{settle} = sub {
		return Restante::wait_for(sub {
			return 1 if $e->run('postqueue', '-p') =~ /is empty/;
			$e->run('postkick', 'public', 'pickup', 'W');
			$e->run('postqueue', '-f');
			sleep 0.5;
			return;
		}) || diag $e->run('tail', '-n', 20, '/var/log/postfix.log');
	};
	$t->try($way, sub {
		return $e->command('sendmail', '-f', $_[1], 'Alice@Example.Org');
	});
}

done_testing;
