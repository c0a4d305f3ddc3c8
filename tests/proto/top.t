# SPDX-License-Identifier: ISC
# TOP: RFC 1939 section 7.
use strict;
use warnings;

use Test::More;

use Restante;

my $body = join '', map { "$_\n" } 1 .. 10;
my @cases = (
	# name, stored, n => wire, n => wire ...
	[ 'a message', "A: b\nC: d\n\n$body",
	    0 => "A: b\r\nC: d\r\n\r\n",
	    1 => "A: b\r\nC: d\r\n\r\n1\r\n",
	    3 => "A: b\r\nC: d\r\n\r\n1\r\n2\r\n3\r\n" ],
	[ 'of CRLF lines', "A: b\r\n\r\n1\r\n2\r\n",
	    0 => "A: b\r\n\r\n", 1 => "A: b\r\n\r\n1\r\n" ],
	[ 'with blank lines in its body', "A: b\n\n\n\n1\n\n2\n",
	    0 => "A: b\r\n\r\n", 1 => "A: b\r\n\r\n\r\n",
	    2 => "A: b\r\n\r\n\r\n\r\n", 3 => "A: b\r\n\r\n\r\n\r\n1\r\n" ],
	[ 'with dots', ".A: b\n\n.\n..\n",
	    0 => ".A: b\r\n\r\n", 1 => ".A: b\r\n\r\n.\r\n" ],
	[ 'P3-236 with headers only', "A: b\nC: d\n",
	    0 => "A: b\r\nC: d\r\n", 5 => "A: b\r\nC: d\r\n" ],
	[ 'P3-237 without headers', "\n1\n2\n",
	    0 => "\r\n", 1 => "\r\n1\r\n" ],
	[ 'of a blank line', "\n", 0 => "\r\n", 1 => "\r\n" ],
	[ 'with a line of a blank', "A: b\n \nC: d\n\n1\n",
	    0 => "A: b\r\n \r\nC: d\r\n\r\n" ],
	[ 'with a line of a CR that is no line end', "A: b\n\r\r\n\n1\n",
	    0 => "A: b\r\n\r\r\n\r\n", 1 => "A: b\r\n\r\r\n\r\n1\r\n" ],
	[ 'with long lines',
	    'A: ' . 'b' x 70_000 . "\n\n" . 'c' x 300_000 . "\nd\n",
	    0 => 'A: ' . 'b' x 70_000 . "\r\n\r\n",
	    1 => 'A: ' . 'b' x 70_000 . "\r\n\r\n" . 'c' x 300_000 . "\r\n" ],
);
my $d = Restante->start(users => {
	alice => "secret\n" . Restante::mbox(map { $_->[1] } @cases),
	bob => "secret\n" . Restante::mbox("A: b\n\n" . ".\n" x 140_000),
});
my $before = $d->mbox('alice');
my $c = $d->session('alice', 'secret');

for my $n (1 .. @cases) {
	my ($name, $stored, %top) = @{ $cases[$n - 1] };
	my ($status, $whole) = $c->text("RETR $n");

	for my $lines (sort { $a <=> $b } keys %top) {
		my ($status, $text) = $c->text("TOP $n $lines");
		is $status, '+OK top of message follows', 'P3-231 TOP: +OK';
		ok $text eq $top{$lines},
		    "P3-231 P3-233 TOP $n $lines of a message $name"
		    or diag length($text), ' octets, not ', length $top{$lines};
	}
	for my $lines (10, 99999999, 4294967295, 4294967296, 4294967297,
	    '9223372036854775808', '18446744073709551615',
	    '18446744073709551616', '18446744073709551617', '9' x 100) {
		ok +($c->text("TOP $n $lines"))[1] eq $whole,
		    "P3-232 P3-234 TOP $n " . substr($lines, 0, 22) . ' is RETR';
	}
}
is +($c->text('TOP 1 02'))[1], "A: b\r\nC: d\r\n\r\n1\r\n2\r\n", 'TOP 1 02';

# P3-230, P3-235
is $c->cmd('TOP'), '-ERR this command needs an argument', 'P3-230 TOP';
is $c->cmd('TOP 1'), '-ERR this command needs another argument',
    'P3-230 P3-235 TOP 1';
is $c->cmd('TOP 1 2 3'), '-ERR too many arguments', 'P3-230 TOP 1 2 3';
is $c->cmd("TOP 1 $_"), '-ERR that is not a number of lines', "P3-235 TOP 1 $_"
    for '-1', '+1', 'x', '1x', '0x1', '1.0', '*', '9' x 30 . 'x', '-' x 100;
is $c->cmd('TOP 0 1'), '-ERR messages are numbered from 1', 'P3-238 TOP 0 1';
is $c->cmd('TOP x y'), '-ERR that is not a message number',
    'one -ERR where both are wrong';
is $c->cmd("TOP @{[ @cases + 1 ]} 0"),
    "-ERR no such message, only @{[ scalar @cases ]} in the maildrop",
    'P3-238 TOP of no message';
like $c->cmd('DELE 2'), qr/\A\+OK/, 'DELE 2';
is $c->cmd('TOP 2 0'), '-ERR message 2 is deleted already',
    'P3-238 TOP of a deleted message';
$c->cmd('RSET');
$c->cmd('QUIT');
$c->close;
is $d->mbox('alice'), $before, 'P3-239 TOP has no side effect';

# Around the sizes of the server's buffers.
$c = $d->session('bob', 'secret');
for my $lines (32762 .. 32770, 65530 .. 65540, 87370 .. 87390, 131060 .. 131075) {
	my ($status, $text) = $c->text("TOP 1 $lines");
	ok $text eq "A: b\r\n\r\n" . ".\r\n" x $lines, "P3-231 TOP 1 $lines";
}

done_testing;
