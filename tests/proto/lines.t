# SPDX-License-Identifier: ISC
# Lines that are too long: one -ERR each, and their tail is never a command.
use strict;
use warnings;

use Test::More;

use Restante;

use constant LIMIT => 512;	# octets, CRLF included

my $too_long = '-ERR a line that is too long or holds a NUL';
my $d = Restante->start(users => {
	alice => "secret\n" . Restante::mbox("Subject: a\n\n1\n"),
	bob => 'b' x 507 . "\n",	# a password that cannot be typed
});

# A line of so many octets.  Behind what is kept of it stand commands, at every
# phase of what a buffer might be cut to.
sub line_of
{
	my ($octets, $end) = @_;
	my $fill = "\rDELE 1\rQUIT\rSTAT";
	my $line = 'NOOP ' . $fill x (1 + $octets / length $fill);

	return substr($line, 0, $octets - length $end) . $end;
}

for my $end ("\r\n", "\n") {
	my $shown = $end eq "\n" ? 'LF' : 'CRLF';
	my $c = $d->session('alice', 'secret');

	for my $octets (LIMIT - 1 .. LIMIT + 2, 8190 .. 8196, 65535 .. 65537,
	    1_000_000) {
		my $line = line_of($octets, $end);
		die if length $line != $octets;
		$c->send($line . "STAT\r\n");
		my $expected = $octets > LIMIT ? $too_long :
		    '-ERR only printable ASCII, please';
		is $c->status, $expected,
		    "P3-026 one -ERR for $octets octets, ended by $shown";
		is $c->status, '+OK 1 17', 'P3-026 and then it goes on';
	}
	ok $c->silent(0.02), 'P3-026 with no reply too many';
	$c->close;
}

# The same line, its end in a segment of its own, and its CR and LF apart.
my $c = $d->session('alice', 'secret');
for my $cut (1, 2, 3, 100) {
	my $line = line_of(2000, "\r\n");

	$c->send(substr $line, 0, -$cut);
	ok $c->silent(0.02), 'P3-026 no reply before the end of the line';
	$c->send(substr($line, -$cut) . "STAT\r\n");
	is $c->status, $too_long, "P3-026 cut $cut before its end: one -ERR";
	is $c->status, '+OK 1 17', 'P3-026 and it goes on';
}

# Two in a row; one behind a good command; a good one of the longest length.
$c->send(line_of(600, "\r\n") x 3 . "NOOP\r\n" . line_of(600, "\r\n"));
is_deeply [ map { scalar $c->status } 1 .. 5 ],
    [ ($too_long) x 3, '+OK nothing done', $too_long ],
    'P3-026 as many errors as lines';

# What the end of a long line leaves is not the begin of the next: its tail is
# right behind the limit, and behind the buffer's size.
for my $before (LIMIT - 2 .. LIMIT + 2, 8190 .. 8194, 8702 .. 8706) {
	$c->send('x' x $before . "DELE 1\r\n");
	is $c->status, $before + 8 > LIMIT ? $too_long : '-ERR unknown command',
	    "P3-026 DELE behind $before octets is no command";
}
is $c->cmd('STAT'), '+OK 1 17', 'P3-026 nothing was deleted';
$c->close;

# A NUL does not make a long line shorter, nor a short one longer.
$c = $d->session('alice', 'secret');
$c->send('NOOP' . "\0" x 1000 . "\r\nNOOP\0\r\nNOOP\r\n");
is_deeply [ map { scalar $c->status } 1 .. 3 ],
    [ ($too_long) x 2, '+OK nothing done' ], 'P3-034 NULs in lines of any size';
$c->close;

# Before the login, and with a password.
$c = $d->connect;
$c->send('USER ' . 'a' x 100_000 . "\r\n");
is $c->status, $too_long, 'P3-026 before the login, too';
$c->cmd('USER alice');
$c->send('PASS secret' . ' ' x 600 . "\r\n");
is $c->status, $too_long, 'P3-026 a password that is too long';
is $c->cmd('PASS secret'), '-ERR USER first',
    'P3-093 uses up what USER said';
$c->cmd('USER bob');
$c->send('PASS ' . 'b' x 507 . "\r\n");
is $c->status, $too_long, 'P3-026 also if it would be the right one';
$c->cmd('USER bob');
is $c->cmd('PASS ' . 'b' x 505), '-ERR [AUTH] wrong name or password',
    'P3-095 and a piece of it is a wrong one';
$c->close;

# The end of the connection does not end a line.
$c = $d->session('alice', 'secret');
$c->send("DELE 1\r\nQUIT");
like $c->status, qr/\A\+OK/, 'P3-277 a whole line';
$c->half_close;
ok $c->eof, 'P3-277 a line without an end is no command';
$c->close;
$d->stop;
like $d->mbox('alice'), qr/Subject: a/, 'P3-277 nothing was deleted';

done_testing;
