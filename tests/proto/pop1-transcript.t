# SPDX-License-Identifier: ISC
# The telnet session of RFC 918's normal scenario that README.md shows, said again
# to the server: it must answer to the letter, and the count must be that of the
# lines shown.
use strict;
use warnings;

use FindBin ();
use Test::More;

use Pop1;
use Restante;

my @lines = map { s/\A {4}//r }
    grep { /\A {4}\$ telnet localhost 1109\z/ .. /\A {4}Connection closed/ }
    split /\n/, Restante::slurp("$FindBin::Bin/../../README.md");
my $command = qr/\A(?:USER|PASS|RETR|RDEL|RCEV|RCVD|NOOP|RSET|QUIT)\b/;

# What telnet says itself.
like shift @lines, qr/\A\$ telnet /, 'it begins with a command';
shift @lines while @lines && $lines[0] !~ /\AEscape character/;
shift @lines;
is pop @lines, 'Connection closed by foreign host.', 'and ends with the end';

# Taken apart: [ what is typed, what is answered ]; a line of data may look like
# a command, so the count tells where data ends.
my @turns = [ undef, shift @lines ];
my ($count, $data) = (0, '');
while (@lines) {
	my $typed = shift @lines;
	my $answer = '';

	like $typed, $command, "$typed is typed" or last;
	if ($typed eq 'RCEV') {
		$answer .= shift(@lines) . "\r\n"
		    while @lines && length $answer < $count;
		is length $answer, $count, 'as much data is shown as is told';
		$data = $answer;
		push @turns, [ $typed, $answer ];
		next;
	}
	$answer = shift @lines;
	$count = $1 if $answer =~ /\A#(\d+)\z/;
	push @turns, [ $typed, $answer ];
}
my ($user, $password) = map { ($_->[0] // '') =~ /\A(?:USER|PASS) (.*)/ } @turns;
ok defined $user && defined $password && $data ne '', 'it fetches mail';

my $d = Pop1->start(
	users => { $user => "$password\n" . $data =~ s/\r\n/\n/gr });
my $c = Pop1->connect($d);
my ($host) = $c->greeting =~ /\A\+OK (\S+) /;
my ($shown) = $turns[0][1] =~ /\A\+OK (\S+) /;
is $c->greeting =~ s/\Q$host\E/$shown/r, (shift @turns)->[1], 'the greeting';
for my $turn (@turns) {
	my ($typed, $answer) = @{$turn};

	$c->send("$typed\r\n");
	if ($typed eq 'RCEV') {
		is $c->octets(length $answer), $answer, 'the data';
		next;
	}
	is $c->line =~ s/ \Q$host\E / $shown /r, $answer, "$typed: $answer";
}
ok $c->eof, 'the connection is closed';
is $d->mbox($user), "$password\n", 'and the mail is gone';

done_testing;
