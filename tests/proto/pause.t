# SPDX-License-Identifier: ISC
# The pause behind a wrong credential: it grows, and tells nobody who is there.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Restante;

my $pause = Restante->start(users => { alice => "secret\n" }, options => ['login-pause=1']);
my %asks = (
	known => [ 'USER alice', 'PASS x' ],
	apop => [ 'APOP alice ' . '0' x 32 ],
	unknown => [ 'APOP unknown ' . '0' x 32 ],
	odd => ['APOP ../alice x'],
);
my (%waits, %took);
my @open = map { [ $_, $pause->connect ] } sort keys %asks;
for my $try (1, 2) {
	for (@open) {
		my ($who, $client) = @$_;
		my @lines = @{ $asks{$who} };
		$client->cmd($_) for @lines[ 0 .. $#lines - 1 ];
		$took{$who} = time;
		$client->send("$lines[-1]\r\n");
	}
	for (@open) {
		my ($who, $client) = @$_;
		is $client->status, '-ERR [AUTH] wrong name or password',
		    "P3-096 P3-103 refusal $try, $who";
		$waits{$who}[$try] = time - $took{$who};
	}
}
for my $who (sort keys %asks) {
	my ($first, $second) = @{ $waits{$who} }[ 1, 2 ];
	ok $first >= 0.99 && $first < 1.6, "P3-103 a pause of a second: $who"
	    or diag $first;
	ok $second >= 1.99 && $second < 2.6, "P3-103 then of two: $who" or diag $second;
}

done_testing;
