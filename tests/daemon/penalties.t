# SPDX-License-Identifier: ISC
# Failures are counted by address, and slow the next try from there: in all
# connections, and in every way of starting.

use strict;
use warnings;

use Test::More;

use Clock qw(time);
use Restante;

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");
# One second is the least that can be told from none.
my @options = ('trusted=127.0.0.9', 'login-penalty=1', 'login-tries=100',
    'hide-users=yes');
my $d = Restante->start(users => { map { ($_, $box) } qw(alice bob carol) },
    options => \@options);

# Seconds; and how often what seems to wait for one may be tried again: somebody else
# may have had the processor.
use constant { PENALTY => 1, ATTEMPTS => 5 };

# What a try from an address is told, and how long that took.
sub try_from
{
	my ($from, $name, $password) = @_;
	my $c = $d->connect(from => $from);
	my $start = time;
	my $line = $c->login($name, $password);
	my $took = time - $start;

	$c->cmd('QUIT');
	$c->close;
	return ($line, $took);
}

sub fails
{
	my ($from, $times) = @_;
	my $slow = 0;

	for (1 .. $times) {
		my ($line, $took) = try_from($from, 'alice', "wrong $_ $times");
		die "not refused: $line" if $line !~ /^-ERR \[AUTH\]/;
		$slow++ if $took >= PENALTY;
	}
	return $slow;
}

# An address that nobody has come from.
my $others = 0;
sub stranger
{
	return '127.0.1.' . ++$others;
}

# Whether it does not wait; the code yields the seconds, and begins anew.
sub does_not_wait
{
	my ($what, $code) = @_;
	my $took;

	for (1 .. ATTEMPTS) {
		$took = $code->();
		last if $took < PENALTY;
	}
	cmp_ok $took, '<', PENALTY, $what;
}

# A right password from there, which is taken.
sub right_one
{
	my ($from) = @_;
	my ($line, $took) = try_from($from, 'alice', 'secret');

	die "not taken: $line" if $line !~ /^\+OK/;
	return $took;
}

my $from;
my $slow;
for (1 .. ATTEMPTS) {
	$slow = fails($from = stranger(), 4);
	last if $slow == 0;
}
is $slow, 0, 'three failures cost nothing, nor does the fourth';
my ($line, $took) = try_from($from, 'alice', 'secret');
like $line, qr/^\+OK/, 'behind it, a right password';
cmp_ok $took, '>=', PENALTY, 'waits';
($line, $took) = try_from($from, 'nobody', 'x');
cmp_ok $took, '>=', PENALTY, 'and so does a try for nobody';
does_not_wait('from another address, one does not wait',
    sub { right_one('127.0.0.2') });

# What a forgotten mail program sends.
does_not_wait('the same wrong password counts once', sub {
	my $program = stranger();

	for (1 .. 8) {
		($line, $took) = try_from($program, 'alice', 'old');
		last if $took >= PENALTY;
	}
	return $took;
});
# What a guesser does.
$slow = 0;
for my $name (qw(alice bob carol dave erin)) {
	($line, $took) = try_from('127.0.0.4', $name, 'old');
	$slow++ if $took >= PENALTY;
}
# Under load others may seem slow.
cmp_ok $slow, '>=', 1, 'the same for one name after the other does not';
for (1 .. ATTEMPTS) {
	$slow = fails('127.0.0.9', 8);
	last if $slow == 0;
}
is $slow, 0, 'who is trusted never waits';

# In another start, and another way of starting, too.
$d->restart;
(undef, $took) = try_from($from, 'alice', 'secret');
cmp_ok $took, '>=', PENALTY, 'after a restart it still waits';
does_not_wait('and another still does not', sub { right_one('127.0.0.2') });
fails('127.0.0.1', 4);
my $c = Restante->inetd(dir => $d->dir, options => \@options);
my $start = time;
like $c->login('alice', 'secret'), qr/^\+OK/, 'from inetd';
cmp_ok time - $start, '>=', PENALTY, 'it waits as well';
$c->cmd('QUIT');
$c->close;

# The file holds no password, and nothing depends on it.
my $file = $d->path('.restante/penalties');
unlike Restante::slurp($file), qr/wrong|old|alice|bob/,
    'no password and no name is in the file';
is +(stat $file)[2] & 07777, 0600, 'which is its owner\'s alone';
for my $content ('', 'x', "\0" x 100000, "\xff" x 100000,
    join '', map { chr rand 256 } 1 .. 100000) {
	Restante::spew($file, $content);
	does_not_wait('whatever is in it, logins go on as if it were new',
	    sub { right_one('127.0.0.1') });
}
unlink $file or die "$file: $!";
mkdir $file or die "$file: $!";
like +(try_from('127.0.0.1', 'alice', 'secret'))[0], qr/^\+OK/,
    'and where it cannot be made';
like +(try_from('127.0.0.1', 'alice', 'wrong'))[0], qr/^-ERR \[AUTH\]/,
    'or refused';
ok $d->log_like(qr/keeper: opening the penalties: /), 'it is logged';

# It doubles with each further one, up to what is set, or half of what a login may
# take.
for my $limits ([ 'login-penalty=2' ],
    [ 'login-penalty=15', 'login-timeout=4' ]) {
	$d = Restante->start(users => { alice => $box },
	    options => [ @options, 'trusted=', @$limits ]);
	my @took;
	for (1 .. ATTEMPTS) {
		$from = stranger();
		@took = (fails($from, 4), map {
			int +(try_from($from, 'alice', "wrong $_"))[1]
		} 1 .. 3);
		last if "@took" eq '0 1 2 2';
	}
	is "@took", '0 1 2 2',
	    "four failures, then one second, two, and no more: @$limits";
}
$d = Restante->start(users => { alice => $box },
    options => [ @options, 'trusted=', 'login-penalty=0' ]);
for (1 .. ATTEMPTS) {
	$slow = fails(stranger(), 6);
	last if $slow == 0;
}
is $slow, 0, 'where no penalty is set there is none';

# Who has one address of IPv6 has a network of them.
$d = Restante->start(users => { alice => $box }, flags => 'proxy',
    options => [ @options, 'trusted-proxies=127.0.0.1' ]);
sub try_for
{
	my ($address, $password) = @_;
	my $c = $d->connect(silent => 1);

	$c->send("PROXY TCP6 $address 2001:db8::110 1 110\r\n");
	$c->status;
	my $start = time;
	my $line = $c->login('alice', $password);
	my $took = time - $start;

	$c->close;
	return ($line, $took);
}
try_for("2001:db8:1:1::$_", "wrong $_") for 1 .. 4;
($line, $took) = try_for('2001:db8:1:1:ffff:ffff:ffff:ffff', 'secret');
like $line, qr/^\+OK/, 'behind four failures from a network, another address';
cmp_ok $took, '>=', PENALTY, 'in it waits';
my $networks = 1;
does_not_wait('in another, one does not wait', sub {
	return +(try_for('2001:db8:1:' . ++$networks . '::1', 'secret'))[1];
});

done_testing;
