# SPDX-License-Identifier: ISC
# Expensive hashes cannot occupy the machine: no more are checked at once than
# there are processors, and one for each address that is not trusted, so that
# nobody waits behind all that somebody else has sent.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Restante;

# So often it may be over before this test has looked, or the one from elsewhere
# come too late to be in the middle of it.
use constant { ATTEMPTS => 5 };
use constant { CLIENTS => 12, PLACES_AT => 2 ** 40, CLIENTS_AT => 2 ** 41 };

my $box = Restante::mbox("Subject: one\n\nfirst");
# About a tenth of a second each.
my $hash = crypt 'secret', '$6$rounds=150000$abcdefgh$';
chomp(my $processors = qx(getconf _NPROCESSORS_ONLN));

plan skip_all => 'this system does not say who holds locks'
    if !-r '/proc/locks';

my $d = Restante->start(options => [ 'trusted=127.0.0.9', 'login-penalty=0' ],
    users => { alice => "$hash\n$box", bob => "secret\n$box" });
my $inode;
ok Restante::wait_for(sub {
	$inode = (stat $d->path('.restante/penalties'))[1];
}), 'the file that has the places';

# How many places are held.
sub busy
{
	open my $fh, '<', '/proc/locks' or die "/proc/locks: $!";
	# A place may have changed hands while the list was read: it counts once.
	my %held;
	for (<$fh>) {
		my ($start) = / OFDLCK .* \S+:\S+:$inode (\d+) /;
		$held{$start} = 1 if !/->/ && defined $start &&
		    $start >= PLACES_AT && $start < CLIENTS_AT;
	}
	return scalar keys %held;
}

# The most that were held while all from an address were refused; and when one
# from elsewhere was.
sub burst
{
	my ($from) = @_;
	my @clients = map { $d->connect(from => $from) } 1 .. CLIENTS;
	my $other = $d->connect(from => '127.0.0.3');
	my ($most, $answered, $before) = (0, 0);

	$_->cmd('USER alice') for @clients, $other;
	# Another password each: the same would be a failure once.
	$clients[$_]->send("PASS wrong$_\r\n") for 0 .. $#clients;
	sleep 0.02;
	$other->send("PASS secret\r\n");
	my $deadline = time + Restante::PATIENCE;
	while ($answered < @clients && time < $deadline) {
		my $busy = busy();

		$most = $busy if $busy > $most;
		$answered = grep { !$_->silent(0) } @clients;
		$before //= $answered if !$other->silent(0);
		sleep 0.002;
	}
	like $_->status, qr/^-ERR \[AUTH\]/, "from $from: refused"
	    for @clients;
	like $other->status, qr/^\+OK/, "beside $from: one from elsewhere is in";
	$other->cmd('QUIT');
	$_->close for @clients, $other;
	return ($most, $before // CLIENTS);
}

my ($most, $before);
for (1 .. ATTEMPTS) {
	($most, $before) = burst('127.0.0.9');
	last if $most > 0;
}
cmp_ok $most, '>=', 1, 'hashes are checked in places';
cmp_ok $most, '<=', $processors, 'as many as there are processors';
for (1 .. ATTEMPTS) {
	($most, $before) = burst('127.0.0.2');
	last if $most > 2 || $before < CLIENTS;
}
cmp_ok $most, '<=', 2, 'of one address one, and one of the other\'s';
cmp_ok $before, '<', CLIENTS, 'who has to wait for a few only';
is busy(), 0, 'all places are given back';

# The longest password is not cut: it is another one.
my $long = 's' x 505;
my $c = $d->connect;
$d->user(carol => "$long\n$box");
like $c->login('carol', substr $long, 0, 504), qr/^-ERR \[AUTH\]/,
    'the longest password but an octet is wrong';
like $c->login('carol', $long . 's'), qr/^-ERR (?!\[AUTH\])/,
    'one octet more than there may be is no command';
like $c->login('carol', $long), qr/^\+OK/, 'the longest is right';

done_testing;
