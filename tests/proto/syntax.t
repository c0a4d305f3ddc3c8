# SPDX-License-Identifier: ISC
# The form of a command: RFC 1939 section 3, RFC 2449 sections 3 and 4.
use strict;
use warnings;

use Test::More;

use Restante;

my $long = 'p' x 248;	# "PASS ", this and CRLF are 255 octets
my $forty = 'u' x 40;
my $mbox = Restante::mbox("Subject: one\n\n1\n", "Subject: two\n\n2\n");
my $size = length "Subject: one\r\n\r\n1\r\n";
my $both = '+OK 2 ' . 2 * $size;
my $d = Restante->start(users => {
	alice => "secret\n$mbox",
	long => "$long\n",
	longest => 'q' x 505 . "\n",	# and these are 512
	$forty => 'w' x 40 . "\n",
}, options => ['login-tries=100']);

# All replies to the octets sent: the one to LAST, which no other command here
# gives, shows that no further one comes.
sub replies
{
	my ($c, $octets) = @_;
	my @got;

	$c->send($octets . "LAST\r\n");
	for (;;) {
		my $line = $c->status;
		last if !defined $line || $line eq '+OK 0';
		push @got, $line;
	}
	return @got;
}

sub one_error
{
	my ($c, $octets, $name) = @_;
	my @got = replies($c, $octets);

	ok @got == 1 && $got[0] =~ /\A-ERR /, $name
	    or diag explain \@got;
}

my $c = $d->session('alice', 'secret');

for my $verb (qw(stat STAT Stat sTaT)) {
	is $c->cmd($verb), $both, "P3-020 $verb is a keyword";
}
$c->close;

# A fold that knows more letters than ASCII's: KELVIN SIGN, DOTLESS I, LONG S,
# and bit 5 flipped in a letter and in a sign.
$c = $d->session('alice', 'secret');
for my $verb ("L\xc4\xb0ST", "L\xc4\xb1ST", "LI\xc5\xbfT", "\xf3TAT", "[TAT",
	"\x13TAT", "STA4") {
	(my $shown = $verb) =~ s/([^A-Za-z0-9[])/sprintf '\\x%02x', ord $1/ge;
	like $c->cmd($verb), qr/\A-ERR/, "P3-020 $shown is no keyword";
}

# Separators and ends.
is $c->cmd('LIST 1'), "+OK 1 $size", 'P3-021 one SP before an argument';
one_error($c, "LIST\t1\r\n", 'P3-036 a TAB separates nothing');
one_error($c, "TOP 1\t0\r\n", 'P3-036 also between arguments');
one_error($c, " STAT\r\n", 'P3-037 a blank at the begin is an error');
one_error($c, " \r\n", 'P3-037 a blank alone is an error');
one_error($c, "LIST  1\r\n", 'P3-037 two blanks are an error');
one_error($c, "TOP 1  0\r\n", 'P3-037 also between arguments');
is_deeply [ replies($c, "STAT \r\n") ], [$both],
    'P3-037 a blank at the end does not count';
is_deeply [ replies($c, "LIST 1 \r\n") ], ["+OK 1 $size"],
    'P3-037 also behind an argument';
is_deeply [ replies($c, "STAT\n") ], [$both],
    'P3-032 a bare LF ends a line';
is_deeply [ replies($c, "STAT\nLIST 1\r\nSTAT\n") ],
    [ $both, "+OK 1 $size", $both ],
    'P3-032 one reply a line, however lines end';
one_error($c, "NOOP\rNOOP\r\n", 'P3-033 a CR alone ends no line');
one_error($c, "NOOP\r\r\n", 'P3-033 nor does the first of two');
one_error($c, "\rNOOP\r\n", 'P3-033 nor one at the begin');
one_error($c, "\r\n", 'P3-031 an empty line is one error');
my @errors = replies($c, "\r\n" x 5);
is @errors, 5, 'P3-031 five are five';
one_error($c, "\n", 'P3-031 also one that is ended by LF');

# Octets that are no text.  \0, or a name in front of it, hides nothing.
one_error($c, "STAT\0x\r\n", 'P3-034 a NUL makes a line invalid');
one_error($c, "STAT\0\r\n", 'P3-034 also at its end');
one_error($c, "\0STAT\r\n", 'P3-034 and at its begin');
one_error($c, "\0\r\n", 'P3-034 and alone');
one_error($c, "LIST 1\0\r\n", 'P3-034 and in an argument');
for my $octet (1 .. 9, 11 .. 31, 127 .. 255) {
	$c->send('STAT' . chr($octet) . "\r\nSTAT " . chr($octet) . "1\r\n" .
	    chr($octet) . "STAT\r\n");
	is_deeply [ map { scalar $c->status } 1 .. 3 ],
	    [ ('-ERR only printable ASCII, please') x 3 ],
	    sprintf 'P3-022 P3-035 octet 0x%02x is an error', $octet;
	$c->cmd('NOOP');	# errors are not endless
}
is $c->cmd('STAT'), $both, 'P3-035 and nothing else has come of it';
$c->close;

# Lengths.
$c = $d->connect;
like $c->login($forty, 'w' x 40), qr/\A\+OK/,
    'P3-023 arguments of 40 characters work';
$c->close;
$c = $d->connect;
is length("PASS $long\r\n"), 255, 'P3-024 a line of 255 octets';
like $c->login('long', $long), qr/\A\+OK/, 'P3-024 works';
$c->close;
$c = $d->connect;
like $c->login('longest', 'q' x 505), qr/\A\+OK/,
    'P3-025 so does the longest line, of 512';
$c->close;

# Unknown, not here, not now.
$c = $d->connect;
is $c->cmd('XTND XMIT'), '-ERR unknown command',
    'P3-027 an unknown command is an error';
is $c->cmd('A'), '-ERR unknown command', 'P3-027 a short one';
is $c->cmd('ABCDEFGHIJ'), '-ERR unknown command', 'P3-027 a long one';
is $c->cmd('AUTH GSSAPI'), '-ERR that mechanism is not offered here',
    'P3-028 nor is any mechanism';
is $c->cmd('USER'), '-ERR this command needs an argument',
    'P3-029 a missing argument is an error';
is $c->cmd('RETR 1'), '-ERR log in first', 'P3-030 so is the wrong state';
like $c->cmd($_), qr/\A-ERR unknown command/, "P3-041 $_"
    for 'GET / HTTP/1.1', 'HELO x', 'EHLO example.org', '* OK IMAP4rev1',
	'a1 LOGIN alice secret';
like $c->cmd('USER alice'), qr/\A\+OK/, 'P3-041 and the session goes on';
$c->close;

# Superfluous arguments.
$c = $d->session('alice', 'secret');
is $c->cmd("$_ 1"), '-ERR this command takes no argument',
    "P3-038 P3-154 $_ takes no argument" for qw(STAT NOOP RSET QUIT CAPA LAST);
is $c->cmd("$_ 1 2"), '-ERR too many arguments', "P3-038 $_ takes one"
    for qw(LIST RETR DELE UIDL);
is $c->cmd('TOP 1 2 3'), '-ERR too many arguments', 'P3-038 TOP takes two';
like $c->cmd('DELE 1'), qr/\A\+OK/, 'P3-039 something to delete';
like $c->cmd('QUIT now'), qr/\A-ERR/, 'P3-039 QUIT with an argument';
is $c->cmd('STAT'), "+OK 1 $size", 'P3-039 does not quit';
$c->close;
$d->log_like(qr/end: user=alice.*reason=lost/);
is $d->mbox('alice'), "secret\n$mbox", 'P3-039 and does not delete';

# Nonsense does not go on for ever.
$c = $d->connect;
my ($errors, $line) = 0;
while (defined($line = $c->cmd('BOGUS'))) {
	like $line, qr/\A-ERR/, 'P3-040 an answer' if $errors++ == 0;
	last if $errors > 1000;
}
is $errors, 100, 'P3-040 after 100 errors in a row, each answered, it closes';
$c->close;
ok $d->log_like(qr/reason=bad-commands/), 'P3-040 and says so in the log';
$c = $d->connect;
$errors = 0;
for (1 .. 30) {
	$errors += grep { /\A-ERR/ } map { scalar $c->cmd('BOGUS') } 1 .. 9;
	$c->multi('CAPA');
}
is $errors, 270, 'P3-040 sense between the nonsense keeps it open';

done_testing;
