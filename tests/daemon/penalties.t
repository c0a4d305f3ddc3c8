# SPDX-License-Identifier: ISC
# Failures are counted by address, and slow the next try from there: in all
# connections, and in every way of starting.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Restante;

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");
# One second is the least that can be told from none.
my @options = ('trusted=127.0.0.9', 'login-penalty=1', 'login-tries=100',
    'hide-users=yes');
my $d = Restante->start(users => { map { ($_, $box) } qw(alice bob carol) },
    options => \@options);

# Seconds.
use constant PENALTY => 1;

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

# Under load the others take their time, too, but not all of them.
is fails('127.0.0.1', 3), 0, 'three failures cost nothing';
is fails('127.0.0.1', 1), 0, 'nor does the fourth';
my ($line, $took) = try_from('127.0.0.1', 'alice', 'secret');
like $line, qr/^\+OK/, 'behind it, a right password';
cmp_ok $took, '>=', PENALTY, 'waits';
($line, $took) = try_from('127.0.0.1', 'nobody', 'x');
cmp_ok $took, '>=', PENALTY, 'and so does a try for nobody';
($line, $took) = try_from('127.0.0.2', 'alice', 'secret');
like $line, qr/^\+OK/, 'from another address, one';
cmp_ok $took, '<', 1, 'does not wait';

# What a forgotten mail program sends.
for (1 .. 8) {
	($line, $took) = try_from('127.0.0.3', 'alice', 'old');
	last if $took >= PENALTY;
}
cmp_ok $took, '<', 1, 'the same wrong password counts once';
# What a guesser does.
my $slow = 0;
for my $name (qw(alice bob carol dave erin)) {
	($line, $took) = try_from('127.0.0.4', $name, 'old');
	$slow++ if $took >= PENALTY;
}
# Under load others may seem slow.
cmp_ok $slow, '>=', 1, 'the same for one name after the other does not';
is fails('127.0.0.9', 8), 0, 'who is trusted never waits';

# In another start, and another way of starting, too.
$d->restart;
(undef, $took) = try_from('127.0.0.1', 'alice', 'secret');
cmp_ok $took, '>=', PENALTY, 'after a restart it still waits';
(undef, $took) = try_from('127.0.0.2', 'alice', 'secret');
cmp_ok $took, '<', 1, 'and another still does not';
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
	($line, $took) = try_from('127.0.0.1', 'alice', 'secret');
	like $line, qr/^\+OK/, 'whatever is in it, logins go on';
	cmp_ok $took, '<', 1, 'as if it were new';
}
unlink $file or die "$file: $!";
mkdir $file or die "$file: $!";
like +(try_from('127.0.0.1', 'alice', 'secret'))[0], qr/^\+OK/,
    'and where it cannot be made';
like +(try_from('127.0.0.1', 'alice', 'wrong'))[0], qr/^-ERR \[AUTH\]/,
    'or refused';
ok $d->log_like(qr/keeper: opening the penalties: /), 'it is logged';

# It doubles with each further one, up to what is set.
$d = Restante->start(users => { alice => $box },
    options => [ @options, 'trusted=', 'login-penalty=2' ]);
is fails('127.0.0.1', 4), 0, 'four failures';
is_deeply [ map { int +(try_from('127.0.0.1', 'alice', "wrong $_"))[1] } 1 .. 3 ],
    [ 1, 2, 2 ], 'then one second, two, and no more than two';
$d = Restante->start(users => { alice => $box },
    options => [ @options, 'trusted=', 'login-penalty=0' ]);
is fails('127.0.0.1', 6), 0, 'where no penalty is set there is none';

done_testing;
