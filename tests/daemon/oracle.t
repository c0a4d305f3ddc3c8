# SPDX-License-Identifier: ISC
# A refusal tells nothing by its time, nor does a challenge: not whether there is
# such a user, nor what the password line is.  As a statistic: with how much luck
# somebody who has two refusals, of an unknown name and of another, says by their
# times which is which.
# That is the area under the ROC curve; half is no luck at all.
#
# TRIES (of each kind) is 500 in .ci/run, and then the bound is the one that is
# wanted; make check has time for fewer, which say less.

use strict;
use warnings;

use List::Util qw(max min shuffle);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(CLOCK_PROCESS_CPUTIME_ID clock_gettime);

use Clock qw(time);
use Restante;

# So many times what a hash takes by itself it may take beside others.
use constant { BUSY => 1.25 };

my $tries = $ENV{TRIES} // 50;
# Of so many tries that show nothing, one in ten thousand is further away; and for
# those that are wanted, a deviation in one round must come again in two others.
my $bound = $tries >= 500 ? 0.05 : 3.9 * sqrt((2 * $tries + 1) / 12) / $tries;

my $box = Restante::mbox("Subject: one\n\nfirst");
my %lines = (
	plain => 'secret',
	locked => '!secret',
	nothing => '',
	md5 => crypt('secret', '$1$abcdefgh$'),
	# Where there is time, what they cost by default.
	sha512 => crypt('secret', $tries < 500 ? '$6$rounds=1000$abcdefgh$' :
	    '$6$abcdefgh$'),
	yescrypt => crypt('secret', $tries < 500 ? '$y$j5T$abcdefgh$' :
	    '$y$j7T$abcdefgh$'),
);
# A method that this libcrypt does not know gives no line.
delete @lines{ grep { !defined $lines{$_} || $lines{$_} =~ /^\*/ }
    keys %lines };

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return $sorted[@sorted / 2];
}

# How often one of the first is less than one of the second; ties are halves.
sub area
{
	my ($one, $two) = @_;
	my ($wins, $at, $below) = (0, 0, 0);
	my @one = sort { $a <=> $b } @$one;

	for my $t (sort { $a <=> $b } @$two) {
		$below++ while $below < @one && $one[$below] < $t;
		$at = $below if $at < $below;
		$at++ while $at < @one && $one[$at] == $t;
		$wins += ($below + $at) / 2;
	}
	return $wins / (@$one * @$two);
}

is area([ 1, 2 ], [ 3, 4 ]), 1, 'the statistic: always later';
is area([ 3, 4 ], [ 1, 2 ]), 0, 'never';
is area([ 1, 2, 3 ], [ 1, 2, 3 ]), 0.5, 'the same';

# How much longer something took than the processor had to do with it, for others:
# a refusal is at a fixed time as long as there is a processor for it.
my ($spent, $passed) = (0, 0);

sub others
{
	my ($cpu, $wall) = (clock_gettime(CLOCK_PROCESS_CPUTIME_ID), time);
	my $hash = crypt 'secret', '$6$abcdefgh$';

	$spent += clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu;
	$passed += time - $wall;
	return $passed / $spent;
}

# What is asked, and what answers it, which is what takes the time.
my %ways = (
	PASS => [ sub { "PASS wrong$_[1]" }, qr/^-ERR \[AUTH\]/ ],
	APOP => [ sub { "APOP $_[0] " . '0' x 32 }, qr/^-ERR \[AUTH\]/ ],
	SCRAM => [ sub { 'AUTH SCRAM-SHA-256 ' .
	    encode_base64("n,,n=$_[0],r=mine", '') }, qr/^\+ ./ ],
);

# Seconds that the answers to each name take, in an order that says nothing; by
# connections that say nothing either: one may have a busier processor than others.
sub measure
{
	my ($d, $names, $way) = @_;
	my (@clients, %took);

	($spent, $passed) = (0, 0);
	for my $i (0 .. $tries - 1) {
		others();
		@clients = map { $d->connect } @$names if $i % 90 == 0;
		@clients = shuffle @clients;
		my @names = shuffle @$names;
		for my $n (0 .. $#names) {
			my ($name, $c) = ($names[$n], $clients[$n]);
			my ($command, $answer) = @{ $ways{$way} };
			$command = $command->($name, $i);
			$c->cmd("USER $name") if $way eq 'PASS';
			my $start = time;
			my $line = $c->cmd($command);
			push @{ $took{$name} }, time - $start;
			die "not as it is answered: $line" if $line !~ $answer;
			$c->cmd('*') if $way eq 'SCRAM';
		}
	}
	return \%took;
}

my $soonest;	# refusal

# Seconds of the processor that the most expensive line takes to check, with the
# longest password; of several attempts the best, since others want its caches, too.
sub price
{
	return max(map {
		my $line = $_;
		min(map {
			my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
			my $hash = crypt 'x' x 511, $line;
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start;
		} 1 .. 7);
	} grep { /^\$/ } values %lines);
}

sub says_nothing
{
	my ($what, $d, $way, @names) = @_;
	my @left = sort @names;
	my $shown = 0;
	my @notes;

	for my $round (1 .. 6) {
		my $took = measure($d, [ 'nobody', @left ], $way);
		my @seen;

		for my $name (@left) {
			my $area = area($took->{nobody}, $took->{$name});
			push @notes, sprintf '%s, %s: %s: %.3f, median %.3f ms',
			    $what, $way, $name, $area,
			    1000 * median(@{ $took->{$name} });
			note $notes[-1];
			push @seen, $name if abs($area - 0.5) > $bound;
			next if $way eq 'SCRAM';
			$soonest = min($soonest // 1000, @{ $took->{$name} });
		}
		@left = @seen or last;
		# What is seen where the processor is not to be had says nothing.
		last if others() < BUSY && ++$shown == 3;
	}
	SKIP: {
		skip "$what: others want the processor, and @left may show", 1
		    if @left && $shown < 3;
		is "@left", '', sprintf '%s: the times of %s tell nothing, '
		    . 'within %.3f', $what, $way, $bound or diag map { "$_\n" } @notes;
	}
	return;
}

sub start
{
	my (%lines) = @_;
	my $d = Restante->start(options => [ 'login-tries=100',
	    'hide-users=yes', 'mechanisms=PLAIN SCRAM-SHA-256' ],
	    users => { map { ($_, "$lines{$_}\n$box") } keys %lines });

	return $d;
}

my $d = start(%lines);
ok Restante::wait_for(sub {
	my $file = $d->path('.restante/penalties');
	return -e $file && substr(Restante::slurp($file), 0, 512) =~ /\$\w\$[^\0]*\.\.\./;
}), 'the price of a hash is learned from the lines';
says_nothing('a site of many lines', $d, 'PASS', keys %lines);
cmp_ok $soonest, '>', price(),
    'a refusal leaves later than the slowest hash takes';
says_nothing('a site of many lines', $d, 'APOP', qw(plain sha512));
$d->stop;

$d = start(plain => 'secret', locked => '!secret');
says_nothing('a site of plain lines', $d, 'PASS', qw(plain locked));
$d->stop;

# RFC 7677 section 3; of a hash nobody can log in so.
$d = start(plain => 'secret', md5 => $lines{md5} // '', scram =>
    '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,' .
    'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,' .
    'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=');
says_nothing('a site of SCRAM', $d, 'SCRAM', qw(plain md5 scram));
$d->stop;

# What would be seen if it could be: a right password is answered sooner, by ten
# milliseconds; where even those are lost among what others do, by a second.
my $seen;
for my $pause (0, 0, 0, 1) {
	my (@right, @wrong);

	$d = Restante->start(users => { plain => "secret\n$box" },
	    options => [ "login-pause=$pause", 'login-penalty=0' ]);
	for (1 .. ($pause ? 10 : 30)) {
		my $c = $d->connect;
		my $start = time;
		$c->cmd("USER plain");
		my $line = $c->cmd('PASS secret');
		push @right, time - $start;
		like $line, qr/^\+OK/, 'a login' if $line !~ /^\+OK/;
		$c->cmd('QUIT');
		$c = $d->connect;
		$start = time;
		$c->login('plain', 'wrong');
		push @wrong, time - $start;
	}
	$seen = area(\@right, \@wrong);
	note sprintf 'a right one and a wrong one, %.3f', $seen;
	last if $seen > 0.9;
}
cmp_ok $seen, '>', 0.9, 'the statistic: a difference is seen';

done_testing;
