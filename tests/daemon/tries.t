# SPDX-License-Identifier: ISC
# Wrong credentials: what they cost, that nobody learns from it which users
# there are, and that a few of them end a connection.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Restante;

use constant { ATTEMPTS => 5 };

my $box = Restante::mbox("Subject: one\n\nfirst");
my $hash = crypt 'secret', '$6$abcdefgh';
my %users = (
	plain => "secret\n$box",
	hashed => "$hash\n$box",
	locked => "!secret\n$box",
	from => $box,
);
# Those that are there, and one that is not.
my @names = (sort(keys %users), 'nobody');

# Has all of them say their lines, and waits for the answers: the seconds that each
# took, whoever is first.
sub take_times
{
	my (%client) = @_;
	my $start = time;
	my %took;

	$_->send($_->{command}) for values %client;
	Restante::wait_for(sub {
		for (grep { !defined $took{$_} } keys %client) {
			$took{$_} = time - $start if !$client{$_}->silent(0);
		}
		return keys %took == keys %client;
	}) or die 'no answer';
	return %took;
}

# P3-096, P3-103: the pause is the same for all, and grows.  Whether one is longer
# than it should be may be a matter of who else wants the processor.
for my $attempt (1 .. ATTEMPTS) {
	my $d = Restante->start(users => \%users,
	    options => [ 'login-pause=1', 'hide-users=yes' ]);
	my ($longest, %client) = (0);

	for my $name (@names, '../plain') {
		for my $way (qw(PASS APOP)) {
			my $c = $client{"$name by $way"} = $d->connect;
			$c->{user} = $name if $way eq 'PASS';
			$c->{command} = $way eq 'PASS' ? "PASS wrong\r\n" :
			    "APOP $name " . md5_hex('wrong') . "\r\n";
		}
	}
	for my $pause (1, 2) {
		$_->cmd("USER $_->{user}")
		    for grep { defined $_->{user} } values %client;
		my %took = take_times(%client);
		my %said = map { $_->status => 1 } values %client;

		is_deeply [ keys %said ],
		    [ '-ERR [AUTH] wrong name or password' ],
		    "P3-096 P3-103 pause $pause: all are told the same";
		my @early = grep { $took{$_} < $pause } sort keys %took;
		is "@early", '', "P3-103 pause $pause: nobody is told sooner";
		$longest = max($longest, map { $_ - $pause } values %took);
	}
	$_->close for values %client;
	is $d->stop, 0, 'and the server ends';
	next if $longest >= 0.9 && $attempt < ATTEMPTS;
	cmp_ok $longest, '<', 0.9, 'P3-103 nor much later';
	last;
}

{
	my $d = Restante->start(users => \%users,
	    options => [ 'login-pause=1', 'hide-users=yes' ]);

	# Begun all over a millisecond: the server counts in whole ones.
	my @later = map { $d->connect } 1 .. 40;
	for my $c (@later) {
		$c->cmd('USER plain');
		$c->{asked} = time;
		$c->send("PASS wrong\r\n");
		sleep 0.0073;
	}
	my @waited = map { $_->status; time - $_->{asked} } @later;
	is scalar(grep { $_ < 1 } @waited), 0, 'P3-103 nor by a part of one';
	$_->close for @later;
}

# A right one costs nothing, and neither does a wrong one of others.
{
	my $d = Restante->start(users => \%users,
	    options => [ 'login-pause=60', 'hide-users=yes' ]);
	my @wrong = map { $d->connect } 1 .. 3;
	my $c = $d->connect;

	$_->send("USER plain\r\nPASS wrong\r\n") for @wrong;
	ok Restante::wait_for(sub {
		3 == (() = $d->stderr =~ /login refused/g)
	}), 'wrong ones wait for a minute';
	my $start = time;
	like $c->login('plain', 'secret'), qr/^\+OK/, 'the right one';
	cmp_ok time - $start, '<', 30, 'is not kept waiting';
	$c->close;

	# Nor does one that goes while it waits keep anything.
	$_->abort for @wrong;
	is $d->stop, 0, 'and the server ends';
}

# The number of tries.
for my $tries (1, 3) {
	my $d = Restante->start(users => \%users,
	    options => [ "login-tries=$tries" ]);

	for my $name (@names) {
		for my $way (qw(PASS APOP)) {
			my $c = $d->connect;
			my (@said, $last);
			while (@said < 10) {
				if ($way eq 'PASS') {
					my $user = $c->cmd("USER $name");
					last if !defined $user;
					$last = $user =~ /^\+OK/ ?
					    $c->cmd('PASS wrong') : $user;
				} else {
					$last = $c->cmd("APOP $name " .
					    '0' x 32);
				}
				last if !defined $last;
				push @said, $last;
				last if $c->eof(0.05);
			}
			# USER tells of those that are not there, for nothing.
			if ($name eq 'nobody' && $way eq 'PASS') {
				is scalar(@said), 10, "$name by $way: USER";
				next;
			}
			is scalar(@said), $tries,
			    "P3-040 $name by $way: $tries, then the end";
			is scalar(grep { /^-ERR \[AUTH\] / } @said), $tries,
			    "$name by $way: [AUTH] each";
			$c->close;
		}
	}

	# Refusals that are mixed count together; others do not count.
	my $c = $d->connect;
	$c->cmd('USER plain');
	$c->cmd('CAPA') =~ /^\+OK/ and $c->stuffed;
	$c->cmd('PASS secret') =~ /^-ERR USER first/ or fail 'PASS';
	$c->cmd('STAT');
	$c->cmd('NONE');
	like $c->login('plain', 'secret'), qr/^\+OK/,
	    "$tries tries: commands out of place are no tries";
	$c->close;
}

# hide-users.
for my $hide (qw(yes no)) {
	my $d = Restante->start(users => \%users,
	    options => [ "hide-users=$hide", 'login-tries=100' ]);
	my $c = $d->connect;
	my %said;

	for my $name (@names, '../plain', 'x' x 65, '.', 'a b') {
		push @{ $said{ $c->cmd("USER $name") } }, $name;
	}
	if ($hide eq 'no') {
		like $_, qr/^(?:\+OK \w+ is a valid mailbox|-ERR )/,
		    "hide-users no: $_" for sort keys %said;
		ok !grep({ /^\+OK/ && /nobody|\.|x{9}/ } keys %said),
		    'hide-users no: only those that are there';
		next;
	}
	my ($ok) = grep { /^\+OK/ } keys %said;
	is_deeply [ @{ $said{$ok} } ], [ @names, '../plain', 'x' x 65, '.' ],
	    'P3-092 hide-users yes: USER says the same of all';
	for my $name (@names, '../plain', 'x' x 65, '.') {
		$c->cmd("USER $name");
		is $c->cmd('PASS wrong'), '-ERR [AUTH] wrong name or password',
		    'P3-103 hide-users yes: PASS, too';
	}
	like $c->login('plain', 'secret'), qr/^\+OK/,
	    'hide-users yes: who knows the password gets in';
}

done_testing;
