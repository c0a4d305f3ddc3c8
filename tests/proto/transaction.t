# SPDX-License-Identifier: ISC
# STAT, LIST, RETR, DELE, NOOP, RSET: RFC 1939 section 5; LAST: RFC 1460.
use strict;
use warnings;

use Test::More;

use Reference;
use Restante;

my @texts = map { "Subject: $_\n\n" . "line\n" x $_ } 1 .. 5;
my @sizes = map { length Reference::on_the_wire($_) } @texts;
my $mbox = Restante::mbox(@texts);
my $d = Restante->start(
	users => { alice => "secret\n$mbox", empty => "secret\n" });
my $c = $d->session('alice', 'secret');

sub sum
{
	my $sum = 0;

	$sum += $sizes[$_ - 1] for @_;
	return $sum;
}

# What STAT, LIST and UIDL say when these messages are left.
sub shows
{
	my ($session, $left, $name) = @_;
	my $count = @$left;
	my $octets = sum(@$left);
	my $s = $count == 1 ? '' : 's';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is $session->cmd('STAT'), "+OK $count $octets", "$name: STAT";
	is_deeply [ $session->multi('LIST') ],
	    [ "+OK $count message$s ($octets octets)",
	    map { "$_ $sizes[$_ - 1]" } @$left ], "$name: LIST";
	my ($status, @uidl) = $session->multi('UIDL');
	is_deeply [ map { (split)[0] } @uidl ], $left, "$name: UIDL";
}

shows($c, [ 1 .. 5 ], 'P3-107 P3-150 P3-160 P3-165 after the login');
for my $n (1 .. 5) {
	is $c->cmd("LIST $n"), "+OK $n $sizes[$n - 1]", "P3-162 P3-165 LIST $n and nothing else";
	my ($status, $text) = $c->text("RETR $n");
	is $status, "+OK $sizes[$n - 1] octets", "P3-180 RETR $n";
	is $text, Reference::on_the_wire($texts[$n - 1]), 'P3-180 the message';
	is length $text, $sizes[$n - 1], 'P3-164 as long as LIST says';
	is +($c->text("RETR $n"))[1], $text, 'P3-183 the same a second time';
}
is $c->cmd('LIST 01'), "+OK 1 $sizes[0]", 'P3-167 leading zeros do not count';

# P3-163, P3-168, P3-181, P3-202: numbers of no message, for every command.
my %no_number = (
	0 => '-ERR messages are numbered from 1',
	'00' => '-ERR messages are numbered from 1',
	(map { $_ => '-ERR no such message, only 5 in the maildrop' }
	    6, 10, 99999, 4294967295, 4294967296, 4294967297, 8589934593,
	    '9223372036854775807', '9223372036854775809',
	    '18446744073709551615', '18446744073709551616',
	    '18446744073709551617', '184467440737095516161', '1' x 200),
	(map { $_ => '-ERR that is not a message number' }
	    '-1', '+1', '-0', '0x1', '1x', 'x', '1.0', '1,2', '1-2', '1:2', '*',
	    '#1', '1e0', '"1"', '1;', 'ALL', '1' x 200 . 'x'),
);
for my $n (sort keys %no_number) {
	for my $verb (qw(LIST RETR DELE UIDL)) {
		is $c->cmd("$verb $n"), $no_number{$n},
		    "P3-163 P3-167 P3-168 $verb " . substr $n, 0, 30;
	}
	is $c->cmd("TOP $n 1"), $no_number{$n}, 'P3-238 and TOP';
}
is $c->cmd($_), '-ERR this command needs an argument',
    "P3-181 P3-202 $_ without an argument" for qw(RETR DELE);
shows($c, [ 1 .. 5 ], 'P3-202 nothing is marked');

# DELE
is $c->cmd('DELE 2'), '+OK message 2 deleted', 'P3-200 DELE';
shows($c, [ 1, 3, 4, 5 ], 'P3-151 P3-166 P3-203 one deleted');
is $c->cmd("$_"), '-ERR message 2 is deleted already',
    "P3-163 P3-201 P3-256 $_ of a deleted message is -ERR"
    for 'DELE 2', 'LIST 2', 'RETR 2', 'TOP 2 0', 'UIDL 2', 'LIST 02';
is $c->cmd('DELE 3 4'), '-ERR too many arguments', 'P3-204 DELE of two';
is $c->cmd('DELE 3,4'), '-ERR that is not a message number', 'P3-204 or so';
shows($c, [ 1, 3, 4, 5 ], 'P3-204 marks neither');
is $d->mbox('alice'), "secret\n$mbox", 'P3-200 the store is as it was';
is $c->cmd('DELE 5'), '+OK message 5 deleted', 'P3-203 the last one';
is $c->cmd('LIST 5'), '-ERR message 5 is deleted already', 'P3-166 is deleted';
is $c->cmd('RETR 6'), '-ERR no such message, only 5 in the maildrop',
    'P3-166 and numbers are as they were';
shows($c, [ 1, 3, 4 ], 'P3-166 two deleted');
like $c->cmd("DELE $_"), qr/\A\+OK/, "DELE $_" for 1, 3;
shows($c, [4], 'P3-151 one left');
like $c->cmd('DELE 4'), qr/\A\+OK/, 'DELE 4';
is $c->cmd('STAT'), '+OK 0 0', 'P3-152 all deleted: STAT';
is_deeply [ $c->multi('LIST') ], ['+OK 0 messages (0 octets)'],
    'P3-161 all deleted: LIST';
is_deeply [ $c->multi('UIDL') ], ['+OK unique-ids follow'],
    'P3-259 all deleted: UIDL';

# NOOP, RSET
is $c->cmd('NOOP'), '+OK nothing done', 'P3-215 NOOP';
is $c->cmd('STAT'), '+OK 0 0', 'P3-215 has no effect';
is $c->cmd('RSET'), "+OK maildrop has 5 messages (@{[ sum(1 .. 5) ]} octets)",
    'P3-220 RSET';
shows($c, [ 1 .. 5 ], 'P3-221 RSET unmarks all');
is $c->cmd('RSET'), "+OK maildrop has 5 messages (@{[ sum(1 .. 5) ]} octets)",
    'P3-220 also when nothing is marked';
my $second = $d->connect;
like $second->login('alice', 'secret'), qr/\A-ERR \[IN-USE\]/,
    'P3-222 the lock stays';
$second->close;
is $c->cmd('DELE 2'), '+OK message 2 deleted', 'P3-221 and DELE works again';
$c->cmd('RSET');
like $c->cmd('QUIT'), qr/\(5 messages left\)\z/, 'P3-221 QUIT behind RSET';
$c->close;
is $d->mbox('alice'), "secret\n$mbox",
    'P3-182 P3-221 P3-239 nothing was altered by all of this';

# Another session sees the same.
$c = $d->session('alice', 'secret');
shows($c, [ 1 .. 5 ], 'P3-183 the next session');
is +($c->text('RETR 3'))[1], Reference::on_the_wire($texts[2]),
    'P3-183 the same octets';

# LAST: the highest number that was accessed; RSET sets it back.
$c->cmd('RSET');
is $c->cmd('LAST'), '+OK 0', 'LAST of nothing';
$c->text('RETR 2');
is $c->cmd('LAST'), '+OK 2', 'LAST behind RETR';
$c->text('RETR 1');
is $c->cmd('LAST'), '+OK 2', 'LAST is the highest';
$c->cmd('DELE 4');
is $c->cmd('LAST'), '+OK 4', 'LAST behind DELE';
$c->cmd('RETR 4');
$c->cmd('RETR 9');
$c->text('TOP 5 0');
is $c->cmd('LAST'), '+OK 4', 'LAST is of what succeeded';
$c->cmd('RSET');
is $c->cmd('LAST'), '+OK 0', 'LAST behind RSET';
$c->close;

# Nothing in it.
$c = $d->session('empty', 'secret');
is $c->cmd('STAT'), '+OK 0 0', 'P3-152 STAT of an empty maildrop';
is_deeply [ $c->multi('LIST') ], ['+OK 0 messages (0 octets)'],
    'P3-161 LIST of an empty maildrop';
is $c->cmd("$_ 1"), '-ERR no such message, only 0 in the maildrop',
    "P3-163 $_ 1 of an empty maildrop" for qw(LIST RETR DELE UIDL);
is $c->cmd('RSET'), '+OK maildrop has 0 messages (0 octets)', 'P3-220 RSET';
like $c->cmd('QUIT'), qr/\(maildrop empty\)\z/, 'QUIT';
$c->close;

# P3-153, P3-185: sizes beyond 32 bits.  The file is a hole, the scan is not.
# A sparse message is one line of NULs.
SKIP: {
	my $size = 4 * 1024 ** 3 + 5;
	my $path = $d->path('large');

	skip 'set LARGE=1 to try a message of 4 GB', 4 if !$ENV{LARGE};
	$d->user(large => "secret\n" . Restante::mbox("A: b\n\n1\n") .
	    "From a\@example.org Thu Nov 20 18:27:05 2025\nA: b\n\n");
	my $head = -s $path;
	truncate $path, $head + $size or skip "no sparse file: $!", 4;
	$d->append('large', "\n\n" . Restante::mbox("A: b\n\n3\n"));
	$c = $d->session('large', 'secret');
	my $octets = 8 + $size + 2;
	is $c->cmd('LIST 2'), "+OK 2 $octets", 'P3-153 LIST beyond 2^32';
	is $c->cmd('STAT'), '+OK 3 ' . ($octets + 22), 'P3-153 STAT';
	is $c->cmd('LIST 3'), '+OK 3 11', 'P3-153 and what is behind it';
	$c->cmd("DELE $_") for 2, 1;
	$c->cmd('QUIT');
	$c->close;
	$c = $d->session('large', 'secret');
	is +($c->text('RETR 1'))[1], "A: b\r\n\r\n3\r\n", 'P3-271 is left';
	$c->close;
}

done_testing;
