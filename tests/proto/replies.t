# SPDX-License-Identifier: ISC
# The form of a reply: RFC 1939 sections 3 and 11, RFC 2449 section 3.
use strict;
use warnings;

use Test::More;

use Restante;

# What is stored, and what the client has to get: octets of its own choice.
my @cases = (
	[ 'P3-065 a dot at the begin of a line',
	    "A: b\n\n.one\n", "A: b\r\n\r\n.one\r\n" ],
	[ 'P3-066 a dot alone, two, three, one behind a blank',
	    "A: b\n\n.\n..\n...\n .\n.\n",
	    "A: b\r\n\r\n.\r\n..\r\n...\r\n .\r\n.\r\n" ],
	[ 'P3-065 dots in the header',
	    ".A: b\n.\n\nx\n", ".A: b\r\n.\r\n\r\nx\r\n" ],
	[ 'P3-065 what looks like a terminator and a reply',
	    "A: b\n\n.\r\n+OK\r\n.\n", "A: b\r\n\r\n.\r\n+OK\r\n.\r\n" ],
	[ 'P3-069 LF counts as CRLF',
	    "A: b\nC: d\n\ne\n", "A: b\r\nC: d\r\n\r\ne\r\n" ],
	[ 'P3-070 CRLF is CRLF',
	    "A: b\r\nC: d\r\n\r\ne\r\n", "A: b\r\nC: d\r\n\r\ne\r\n" ],
	[ 'P3-070 LF and CRLF in one message',
	    "A: b\r\nC: d\n\r\ne\nf\r\n", "A: b\r\nC: d\r\n\r\ne\r\nf\r\n" ],
	[ 'P3-070 CR CR LF keeps its CRs',
	    "A: b\n\nx\r\r\ny\n", "A: b\r\n\r\nx\r\r\ny\r\n" ],
	[ 'P3-073 a CR alone, and a dot behind it',
	    "A: b\n\nx\r.y\n\r.\n", "A: b\r\n\r\nx\r.y\r\n\r.\r\n" ],
	[ 'P3-072 all octets',
	    "A: b\n\n" . join('', map { chr } 0 .. 255) . "\n",
	    "A: b\r\n\r\n" . join('', map { $_ == 10 ? "\r\n" : chr } 0 .. 255)
		. "\r\n" ],
	[ 'P3-072 NULs', "A: \0b\n\n\0\n\0\0\n",
	    "A: \0b\r\n\r\n\0\r\n\0\0\r\n" ],
	[ 'P3-072 a line of 400,000 octets',
	    "A: b\n\n" . 'x' x 400_000 . "\n",
	    "A: b\r\n\r\n" . 'x' x 400_000 . "\r\n" ],
	[ 'P3-184 a separator in its place only',
	    "A: b\n\n>From x\nFrom y\n", "A: b\r\n\r\n>From x\r\nFrom y\r\n" ],
);
my $d = Restante->start(users => {
	alice => "secret\n" . Restante::mbox(map { $_->[1] } @cases),
	empty => "secret\n",
	unended => "secret\n" .
	    "From a\@example.org Thu Nov 20 18:27:05 2025\nA: b\n\nlast",
});

# The client of these tests dies when a status line is not one (P3-060, P3-062,
# P3-076), too long (P3-061), or when a body's dots or line ends are not right.
my $c = $d->session('alice', 'secret');
my ($status, @list) = $c->multi('LIST');
is @list, @cases, 'P3-064 one line a message';

for my $n (1 .. @cases) {
	my ($name, $stored, $wire) = @{ $cases[$n - 1] };
	my ($size) = $list[$n - 1] =~ /\A$n (\d+)\z/;
	my ($status, $text) = $c->text("RETR $n");

	ok $text eq $wire, "$name: RETR"
	    or diag length($text), ' octets, not ', length $wire;
	is $size, length $wire, "P3-068 $name: the size in LIST";
	is +($status =~ /\A\+OK (\d+) octets?\z/)[0], $size,
	    "P3-068 $name: the size in RETR";
	# As it is on the wire, dots doubled.
	$c->send("RETR $n\r\n");
	$c->status;
	(my $stuffed = $wire) =~ s/(\A|\n)\./$1../g;
	ok $c->stuffed eq "$stuffed.\r\n", "P3-065 $name: on the wire";
}
is +(split ' ', $c->cmd('STAT'))[2], eval join('+', map { length $_->[2] } @cases),
    'P3-068 STAT is the sum';

# P3-061 and P3-063: whatever the client sends, the answer is short, has a text,
# and repeats nothing of it.
for my $verb (qw(LIST RETR TOP UIDL DELE STAT XXXX)) {
	for my $arg ('9' x 400, 'A%n%s' x 80, "\x1b[2J", "1 \x07", '<b>') {
		my $reply = $c->cmd("$verb $arg");

		like $reply, qr/\A-ERR [^\[].{3,80}\z/,
		    "P3-061 P3-063 $verb with something odd: short, with a text";
		is index($reply, substr $arg, 0, 8), -1, 'not said back'
		    if length $arg > 8;
	}
	$c->cmd('NOOP');
}
my @errors = map { "$_ 99" } qw(LIST UIDL RETR DELE);
$c->send(join '', map { "$_\r\n" } @errors, 'TOP 99 1', 'NOOP');
is_deeply [ map { (split ' ', $c->status)[0] } 1 .. 6 ],
    [ ('-ERR') x 5, '+OK' ], 'P3-067 an -ERR is a single line';
$c->send("STAT\r\nRETR 1\r\nLIST 2\r\nBOGUS\r\nNOOP\r\n");
is $c->status, "+OK @{[ scalar @cases ]} " .
    eval(join '+', map { length $_->[2] } @cases), 'P3-074 the first reply';
is +($c->text)[1], $cases[0][2], 'P3-074 the second';
is $c->status, '+OK 2 ' . length $cases[1][2], 'P3-074 the third';
is $c->status, '-ERR unknown command', 'P3-074 the fourth';
is $c->status, '+OK nothing done', 'P3-074 the fifth';
ok $c->silent(0.02), 'P3-074 exactly one reply a command';
$c->close;

$c = $d->session('unended', 'secret');
is $c->cmd('LIST 1'), '+OK 1 ' . length "A: b\r\n\r\nlast\r\n",
    'P3-071 a last line without an end counts with one';
is +($c->text('RETR 1'))[1], "A: b\r\n\r\nlast\r\n", 'P3-071 and gets one';
$c->close;

$c = $d->session('empty', 'secret');
for my $verb ('LIST', 'UIDL') {
	$c->send("$verb\r\n");
	like $c->status, qr/\A\+OK/, "P3-064 $verb of nothing";
	is $c->stuffed, ".\r\n", 'P3-064 is a terminator';
}

# P3-075: the file is cut while a session holds it (by somebody who does not care
# for locks): no terminator makes half a message look whole.
$d->user(cut => "secret\n" . Restante::mbox("A: b\n\n" . "line\n" x 100_000));
$c = $d->session('cut', 'secret');
truncate $d->path('cut'), 200_000 or die;
$c->send("RETR 1\r\nNOOP\r\n");
like $c->status, qr/\A\+OK/, 'P3-075 a message of which a part is lost';
my $rest = $c->raw_until(undef);
like $rest, qr/\AA: b\r\n\r\nline\r\n/, 'P3-075 is begun';
unlike $rest, qr/\.\r\n/, 'P3-075 and never ended: the connection is';
$c->close;
ok $d->log_like(qr/reading message 1 of cut/), 'P3-075 the log tells';
ok $d->log_like(qr/user=cut .*reason=unreadable-message/), 'P3-075 why';

done_testing;
