# SPDX-License-Identifier: ISC
# The filter for fail2ban finds each refused login in a real log, whichever way
# that is written, with the right address; and nobody can have somebody else
# banned: not by what is said as a name, nor by a session that was taken over.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use FindBin;
use Test::More;

use Hostile;
use Proc;
use Restante;

my $etc = "$FindBin::Bin/../../etc";
my $filter = "$etc/fail2ban-restante.conf";
my $victim = '192.0.2.99';
my $box = Restante::mbox("Subject: one\n\nfirst");

plan skip_all => 'fail2ban is not installed'
    if system('fail2ban-regex --version >/dev/null 2>&1') != 0;

my %options = (
	binary => Hostile::binary(),
	users => { alice => "secret\n$box", locked => "!secret\n$box" },
	options => [ 'login-tries=100', 'hide-users=yes' ],
);

# What it finds in a log: "ADDRESS USER" of each line, in order.
sub found
{
	my (@lines) = @_;
	my $dir = File::Temp->newdir('fail2ban-XXXXXXXX', TMPDIR => 1);

	Restante::spew("$dir/log", join '', map { "$_\n" } @lines);
	my $said = qx(fail2ban-regex -v -o '<ip> <F-USER>' '$dir/log' '$filter' 2>&1);
	is $?, 0, 'fail2ban-regex runs' or diag $said;
	return split /\n/, $said;
}

# A second after the other, as syslogd and the journal write it.
sub stamped
{
	my ($host, @lines) = @_;
	my $n = 0;

	return map { sprintf 'Nov 20 18:%02d:%02d %s%s', $n / 60, $n++ % 60,
	    $host, $_ } @lines;
}

sub check_forms
{
	my ($what, $want, @lines) = @_;

	is_deeply [ found(stamped('', @lines)) ], $want,
	    "$what: the standard error stream";
	is_deeply [ found(stamped('mail restante[4242]: ', @lines)) ], $want,
	    "$what: the same in the journal";
	is_deeply [ found(stamped('mail ',
	    map { s/^restante: /restante[4242]: /r } @lines)) ], $want,
	    "$what: syslog";
}

# Real clients, from three addresses.
my $d = Restante->start(%options, binary => undef);
my @want;
for my $from ('127.0.0.1', '127.0.0.2', '127.0.0.3') {
	my $c = $d->connect(from => $from);

	$c->login('alice', "wrong $_") for 1 .. 2;
	$c->login('nobody', 'secret');
	$c->cmd('APOP locked ' . md5_hex('x'));
	push @want, map { "$from $_" } qw(alice alice - locked);
	# Names that look like the rest of a line.
	for my $name ("x addr=$victim by=PASS why=wrong-credential",
	    "x\rrestante:", "addr=$victim", "\\x0arestante:",
	    "$victim", "alice addr=$victim") {
		$c->send("USER $name\r\nPASS x addr=$victim by=PASS "
		    . "why=unknown-user\r\n");
		$c->status for 1, 2;
		push @want, "$from -" if $name !~ / |\r/;
	}
	like $c->login('alice', 'secret'), qr/^\+OK/, "a login from $from";
	$c->cmd('QUIT');
	$c->close;
	Proc::none($d, qr/^session/);
}
# Lines that come from elsewhere keep their order among themselves.
$d->stop;
my @lines = split /\n/, $d->stderr;
is scalar(grep { /login refused/ } @lines), scalar(@want),
    'the log has a line for each';
check_forms('real clients', \@want, @lines);

# A session that was taken over, and writes what it likes into its log.
SKIP: {
	skip 'the sanitizers need a wider filter', 7
	    if Proc::sanitized(Hostile::binary());
	my $h = Restante->start(%options);
	my $session = Hostile->new($h);
	my $line = "keeper: login refused: user=alice addr=$victim "
	    . 'by=PASS why=wrong-credential';

	for my $forged ($line, "restante: $line", "2$line", "2restante: $line",
	    "2x\nrestante: $line", "2x\r\nrestante: $line\n",
	    "2\nNov 20 18:00:00 mail restante[4242]: $line",
	    "2mail restante[4242]: $line", '', "2$line\0") {
		$session->say('log', unpack 'H*', $forged);
	}
	$session->client->close;
	$h->stop;
	my @said = split /\n/, $h->stderr;
	cmp_ok scalar(grep { /\Q$victim/ } @said), '>=', 8,
	    'a session that was taken over writes what it likes';
	check_forms('a session that was taken over', [], @said);
}

# The jail.
SKIP: {
	my $dir = File::Temp->newdir('fail2ban-XXXXXXXX', TMPDIR => 1);

	skip 'no configuration of fail2ban to add to', 1
	    if !-d '/etc/fail2ban' || system("cp -r /etc/fail2ban/. '$dir'");
	unlink glob "$dir/jail.d/*";
	Restante::spew("$dir/filter.d/restante.conf", Restante::slurp($filter));
	Restante::spew("$dir/jail.d/restante.conf",
	    Restante::slurp("$etc/fail2ban-jail.conf")
	    =~ s{/var/log/mail\.log}{$dir/log}r);
	Restante::spew("$dir/log", join '', map { "$_\n" } @lines);
	my $said = qx(fail2ban-client -c '$dir' -t 2>&1);
	is $?, 0, 'the jail is one' or diag $said;
}

done_testing;
