# SPDX-License-Identifier: ISC
# What is a message: the form of a mailbox, as the wire shows it.
use strict;
use warnings;

use Test::More;

use Reference qw(agrees);
use Restante;

my $date = 'Thu Nov 20 18:27:05 2025';
my $from = "From a\@example.org $date\n";
my $one = "${from}A: 1\n\none\n\n";
my $two = "${from}A: 2\n\ntwo\n\n";

# name, what is behind the password line, and the messages on the wire.
my @cases = (
	[ 'no message', '' ],
	[ 'one', $one, "A: 1\r\n\r\none\r\n" ],
	[ 'two', $one . $two, "A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'no blank line behind the last', $from . "A: 1\n\none\n",
	    "A: 1\r\n\r\none\r\n" ],
	[ 'P3-071 no line end', $from . "A: 1\n\none", "A: 1\r\n\r\none\r\n" ],
	[ 'P3-071 a CR at the end', $from . "A: 1\n\none\r",
	    "A: 1\r\n\r\none\r\n" ],
	[ 'a separator alone', $from, '' ],
	[ 'a separator without a line end', substr($from, 0, -1), '' ],
	[ 'messages of nothing', "$from\n$from\n$from\n", '', '', '' ],
	[ 'messages of a blank line', "$from\n\n$from\n\n", "\r\n", "\r\n" ],
	[ 'headers only', "${from}A: 1\n\n${from}A: 2\n\n",
	    "A: 1\r\n", "A: 2\r\n" ],
	[ 'MB-002 blank lines at the end', "${from}A: 1\n\none\n\n\n\n$two",
	    "A: 1\r\n\r\none\r\n\r\n\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'blank lines before the first', "\n\n\n$one",
	    "A: 1\r\n\r\none\r\n" ],

	# MB-001, MB-005: where a separator may stand.
	[ 'MB-005 no blank line before it', "${from}A: 1\n\none\n$two",
	    "A: 1\r\n\r\none\r\nFrom a\@example.org $date\r\n" .
	    "A: 2\r\n\r\ntwo\r\n" ],
	[ 'MB-005 in the header', "${from}A: 1\n${from}B: 1\n\none\n\n",
	    "A: 1\r\nFrom a\@example.org $date\r\nB: 1\r\n\r\none\r\n" ],
	[ 'a blank before it', "${from}A: 1\n\n $from\n",
	    "A: 1\r\n\r\n From a\@example.org $date\r\n" ],
	[ 'P3-184 > before it', "${from}A: 1\n\n>$from>>$from\n",
	    "A: 1\r\n\r\n>From a\@example.org $date\r\n" .
	    ">>From a\@example.org $date\r\n" ],
	[ 'behind a line of a blank', "${from}A: 1\n\nx\n \n$from\n",
	    "A: 1\r\n\r\nx\r\n \r\nFrom a\@example.org $date\r\n" ],
	[ 'behind a line of two CRs', "${from}A: 1\n\nx\n\r\r\n$from\n",
	    "A: 1\r\n\r\nx\r\n\r\r\nFrom a\@example.org $date\r\n" ],
	[ 'behind a blank line of CR and LF', "${from}A: 1\n\nx\n\r\n$two",
	    "A: 1\r\n\r\nx\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'behind a line with a NUL', "${from}A: 1\n\nx\n\0\n$from\n",
	    "A: 1\r\n\r\nx\r\n\0\r\nFrom a\@example.org $date\r\n" ],
	[ 'a CR before it', "${from}A: 1\n\nx\n\n\r$from\n",
	    "A: 1\r\n\r\nx\r\n\r\n\rFrom a\@example.org $date\r\n" ],

	# What is before the first separator is nobody's.
	[ 'garbage', "garbage\nmore\n" ],
	[ 'garbage, and a message', "garbage\n.\n\n$one",
	    "A: 1\r\n\r\none\r\n" ],
	[ 'garbage right before a separator', "garbage\n$one" ],
	[ 'garbage that looks like mail', "A: b\n\nbody\n\n$one",
	    "A: 1\r\n\r\none\r\n" ],

	# Line ends.
	[ 'P3-070 CRLF', ($one . $two) =~ s/\n/\r\n/gr,
	    "A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'P3-070 CRLF, no blank line at the end', $from =~ s/\n/\r\n/r .
	    "A: 1\r\n\r\none\r\n", "A: 1\r\n\r\none\r\n" ],
	[ 'P3-070 LF, then CRLF', $one . $two =~ s/\n/\r\n/gr,
	    "A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'P3-070 CRLF but for the separators', $from . "A: 1\r\n\r\none\r\n\r\n" .
	    "${from}A: 2\r\n\r\ntwo\r\n\n", "A: 1\r\n\r\none\r\n",
	    "A: 2\r\n\r\ntwo\r\n" ],

	# Tombstones are no messages.
	[ 'a tombstone', 'From ' . "\0" x 50 . "\n\n" ],
	[ 'a tombstone first', 'From ' . "\0" x 50 . "\n\n$one",
	    "A: 1\r\n\r\none\r\n" ],
	[ 'a tombstone between', $one . 'From ' . "\0" x 9000 . "\n\n$two",
	    "A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'tombstones last', $one . ('From ' . "\0" x 5 . "\n\n") x 3,
	    "A: 1\r\n\r\none\r\n" ],

	# The body decides nothing.
	[ 'Content-Length that lies', "${from}Content-Length: 9999\n\none\n\n$two",
	    "Content-Length: 9999\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ],
	[ 'P3-072 NULs everywhere', "${from}A: \0\n\n\0\0\n\0\n\n" .
	    "${from}\0A: 2\n\n\0", "A: \0\r\n\r\n\0\0\r\n\0\r\n",
	    "\0A: 2\r\n\r\n\0\r\n" ],
);

# MB-001: what a separator looks like, and what not.
for my $good ('From a Thu Nov  6 08:07:05 2025', 'From a Thu Nov 6 08:07:05 2025',
	'From a Thu Nov 06 08:07:05 2025', 'From a Thu Nov 20 18:27 2025',
	'From a Thu Nov 20 18:27:05 CET 2025',
	'From a Thu Nov 20 18:27:05 2025 +0100',
	'From a!b Thu Nov 20 18:27:05 2025 remote from c',
	'From "a b"@example.org Thu Nov 20 18:27:05 2025',
	'From - Thu Nov 20 18:27:05 2025', 'From  Thu Nov 20 18:27:05 2025',
	'From a  Thu Nov 20 18:27:05 2025', "From \xe4 Thu Nov 20 18:27:05 2025",
	'From ' . 'a' x 990 . " $date") {
	push @cases, [ "MB-001 \"$good\"", "$one$good\nA: 2\n\ntwo\n\n",
	    "A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n" ];
}
for my $bad ('From here on it rains', 'From ', 'From', 'From:', 'From: a',
	'From a', 'From a 20 Nov 2025', 'From a Thu Nov 20 2025',
	'From a Thu, 20 Nov 2025 18:27:05 +0000',
	'From a thu Nov 20 18:27:05 2025', 'From a Thu nov 20 18:27:05 2025',
	'From a Thur Nov 20 18:27:05 2025', 'From a Thu Nov 20 18:27:05',
	'From a Thu Nov 20 18:27:05 25', 'From a Thu Nov 20 18:27:05 20255',
	'From a Thu Nov 20 18-27-05 2025', 'From a Thu Nov 20 8:27:05 2025',
	'From a Thu Nov xx 18:27:05 2025', 'From a Thu  Nov 20 18:27:05 2025',
	"From a\tThu Nov 20 18:27:05 2025", "from a $date", "FROM a $date",
	" From a $date", "\0From a $date", "From\ta $date", "From-a $date",
	'From aThu Nov 20 18:27:05 2025', "Frog a $date",
	'From ' . 'a' x 1100 . " $date") {
	push @cases, [ 'MB-001 no separator: "' . substr($bad, 0, 50) . '"',
	    "${from}A: 1\n\none\n\n$bad\nA: 2\n\n",
	    "A: 1\r\n\r\none\r\n\r\n$bad\r\nA: 2\r\n" ];
}

# A pattern of a few octets over and over has something of it on every border of
# every buffer, at each of its phases.
sub repeated
{
	my ($pattern, $octets) = @_;

	return $pattern x (1 + $octets / length $pattern);
}
for my $pattern (".\n", "..\n", ".x\n", ".\r\n", "\r\n", "\n", "\r\r\n", "\r", ".",
	"\n.\n", "\n\n.\r\n", "From \n", "\nFrom a\n") {
	for my $phase (0 .. length($pattern) - 1) {
		my $body = 'x' x $phase . repeated($pattern, 270_000) . "\n";
		push @cases, [ "P3-065 \"$pattern\" over and over, behind $phase",
		    "${from}A: 1\n\n$body\n",
		    Reference::on_the_wire("A: 1\n\n$body") ];
	}
}
# A dot line, and the parts of a line end, at each octet around the borders.
for my $border (65536, 131072, 262144) {
	my @messages = map { 'x' x $_ . "\n.\n\r\n.x\r\n..\n" }
	    $border - 12 .. $border + 4;
	my @ended = map { 'x' x $_ } $border - 9 .. $border + 3;
	push @cases, [ "P3-065 dots around octet $border",
	    join('', map { "$from\n$_\n" } @messages),
	    map { Reference::on_the_wire("\n$_") } @messages ];
	push @cases, [ "P3-071 ends around octet $border",
	    join('', map { "$from\n$_\n\n" } @ended),
	    map { "\r\n$_\r\n" } @ended ];
}
for my $length (300_000, 1_000_000, 5_000_000) {
	push @cases, [ "P3-072 a line of $length octets",
	    "${from}A: " . 'x' x $length . "\n\n.y\n\n$two",
	    'A: ' . 'x' x $length . "\r\n\r\n.y\r\n", "A: 2\r\n\r\ntwo\r\n" ];
}

my $d = Restante->start;
for my $i (0 .. $#cases) {
	my ($name, $text, @wire) = @{ $cases[$i] };
	$name =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	my $stored = "secret\n$text";
	$d->user("user$i", $stored);
	my $c = $d->session("user$i", 'secret');
	my @messages = agrees($c, $stored, $name);
	# The reference is not asked what is right here.
	is_deeply [ map { length $_->{wire} } @messages ],
	    [ map { length } @wire ], 'the octets are those expected';
	is +(grep { $messages[$_]{wire} ne $wire[$_] } 0 .. $#wire), 0,
	    'and so are the messages';
	$c->cmd('QUIT');
	$c->close;
	ok $d->mbox("user$i") eq Reference::completed($stored),
	    'P3-182 the file is as it was, its end completed';

	# Deleting all of it leaves what belongs to no message.
	next if !@wire || $i % 3;
	$c = $d->session("user$i", 'secret');
	$c->cmd("DELE $_") for 1 .. @wire;
	like $c->cmd('QUIT'), qr/\(maildrop empty\)\z/, 'all deleted';
	$c->close;
	my ($before) = $stored =~ /\A(secret\n(?:(?!From ).*\n)*)/;
	is substr($d->mbox("user$i"), 0, length $before), $before,
	    'what was before the first message is there';
	$c = $d->session("user$i", 'secret');
	is $c->cmd('STAT'), '+OK 0 0', 'and no message is';
	$c->close;
}

# The password line.
for my $case ([ 'no line end', 'secret', "secret\n" ],
	[ 'CRLF', "secret\r\n", "secret\r\n" ],
	[ 'CRLF and a message', "secret\r\n$one", "secret\r\n$one" ],
	[ 'a message, no blank line', "secret\n" . substr($one, 0, -1),
	    "secret\n$one" ]) {
	my ($name, $text, $left) = @$case;
	$d->user('line', $text);
	my $c = $d->session('line', 'secret');
	agrees($c, $text, "the password line: $name");
	$c->cmd('QUIT');
	$c->close;
	is $d->mbox('line'), $left, 'the end is completed, and nothing else';
}

{
	$d->user('end', "secret\n${from}A: 1\n\none\n\r");
	my $c = $d->session('end', 'secret');
	is $c->cmd('STAT'), '+OK 1 ' . length "A: 1\r\n\r\none\r\n",
	    'a blank line of which the LF is missing is completed';
	$c->close;
}
{
	$d->user('nul', "secret\n${one}From a\0b $date\nA: 2\n\n");
	my $c = $d->session('nul', 'secret');
	like $c->cmd('STAT'), qr/\A\+OK 1 /, 'no separator holds a NUL';
	$c->close;
}
{
	$d->user('nobody', "secret\n$one" . 'From ' . "\0" x 9000 .
	    "\n\n\nnobody's\n\n$two$one");
	my $c = $d->session('nobody', 'secret');
	my $before = $c->cmd('UIDL 1');
	$c->cmd('DELE 2');
	$c->cmd('QUIT');
	$c->close;
	# A mailbox without its index is to show the same.
	unlink $d->path('.restante/nobody.index');
	$c = $d->session('nobody', 'secret');
	is $c->cmd('UIDL 1'), $before,
	    'what is behind a tombstone does not get into the message before it';
	$c->close;
}

done_testing;
