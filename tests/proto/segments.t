# SPDX-License-Identifier: ISC
# P3-042: the input may be cut anywhere: the replies are the same.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Restante;

my $text = "Subject: one\n\n.1\n2\n";
my $mbox = "secret with blanks\n" . Restante::mbox($text, $text);
# As many at a time as it takes to make the waits between segments short.
my @names = map { "user$_" } 10 .. 59;
my $d = Restante->start(users => { map { $_ => $mbox } @names });

# Everything is in it: errors, both line ends, CRs, NULs, a line that is too long.
sub script
{
	my ($name) = @_;

	return join '', map { s/NAME/$name/r } "CAPA\r\n", "USER NAME\r\n",
	    "PASS wrong\r\n", "STAT\r\n", "user NAME\n",
	    "PASS secret with blanks\r\n", "STAT\r\n", "LIST\r\n", "\r\n",
	    "UIDL 2\r\n", "TOP 1 1\r\n", "RETR 2\n", "NOOP\rNOOP\r\n",
	    "DELE 1\r\n", "DELE 1\r\n", "ST\0AT\r\n", "LIST " . 'x' x 600 .
	    "\r\n", "LIST\r\n", "RSET\r\n", "QUIT \r\n", "DELE 1\r\n";
}

sub replies
{
	my ($c, $name) = @_;
	my $got = $c->raw_until(undef);

	$c->close;
	$got =~ s/<[^>]*>/<stamp>/;
	$got =~ s/\b$name\b/NAME/g;
	return $got;
}

my $c = $d->connect(silent => 1);
$c->send(script($names[0]));
my $expected = replies($c, $names[0]);
is +(() = $expected =~ /^(?:\+OK|-ERR)/mg), 21, 'a reply a command';
like $expected, qr/\+OK \S+ POP3 server signing off \(2 messages left\)\r\n\z/,
    'the last one to QUIT';

# Two segments, cut at every octet.
my $length = length script($names[0]);
my @cuts = 1 .. $length - 1;
my @different;
while (@cuts) {
	my @clients;

	for my $name (@names) {
		my $cut = shift @cuts // last;
		my $client = $d->connect(silent => 1);
		my $octets = script($name);
		$client->send(substr $octets, 0, $cut);
		push @clients, [ $client, $name, $cut, substr $octets, $cut ];
	}
	sleep 0.01;	# the server has read what came
	$_->[0]->send($_->[3]) for @clients;
	for (@clients) {
		my ($client, $name, $cut) = @$_;
		push @different, $cut if replies($client, $name) ne $expected;
	}
}
is "@different", '', "P3-042 cut in two, at each of $length octets";

# One octet at a time.
my @slow = map { [ $d->connect(silent => 1), $_ ] } @names[0, 1];
for my $i (0 .. $length - 1) {
	$_->[0]->send(substr script($_->[1]), $i, 1) for @slow;
	sleep 0.0002;
}
is replies(@$_), $expected, 'P3-042 an octet a segment' for @slow;

# From inetd, whole and cut at some places.
for my $cut (0, 1, 7, 50, 100, $length - 3) {
	my $client = Restante->inetd(users => { $names[0] => $mbox },
	    silent => 1);
	my $octets = script($names[0]);
	$client->send(substr $octets, 0, $cut);
	sleep 0.01 if $cut;
	$client->send(substr $octets, $cut);
	is replies($client, $names[0]), $expected, "P3-042 from inetd, cut at $cut";
}

done_testing;
