# SPDX-License-Identifier: ISC
# The original POP, RFC 918: its commands and replies.
use strict;
use warnings;

use Test::More;

use Clock ();
use Pop1;
use Restante;

my $ok = qr/\A\+OK /;
my $err = qr/\A-ERR /;
my $mbox = Restante::mbox("Subject: one\n\n1\n",
    "Subject: two\n\n.\n..dots\n.\nFrom here on\n>From there\n");
my $alice = "secret\n$mbox";
my $stream = Pop1::expected($alice);
my $size = length $stream;
my $d = Pop1->start(users => {
	alice => $alice,
	bob => "other\n" . Restante::mbox("Subject: of bob\n\nx\n"),
	empty => "none\n",
	'a.b' => "dots\n",
}, options => ['login-tries=100']);

sub session { return Pop1->session($d, 'alice', 'secret') }

# A new mailbox text for alice, under the eyes of no session.
sub fresh { Restante::spew($d->path('alice'), $alice) }

# Greeting.
my $c = Pop1->connect($d);
like $c->greeting, qr/\A\+OK [^<>]+\z/,
    'P1-001 the greeting is +OK, and holds no timestamp';
ok $c->silent(0.05), 'P1-001 and nothing follows it';

# USER and PASS.
like $c->cmd('USER alice'), $ok, 'P1-002 USER is answered +OK';
like $c->cmd('PASS secret'), $ok, 'P1-002 PASS is answered +OK';
is $c->begin('RETR mailbox'), $size, 'P1-002 RETR is answered #xxx';
is $c->cmd('NOOP'), '+OK nothing done', 'P1-002 NOOP is answered +OK';
$c->send("RCEV\r\n");
is $c->octets($size), $stream, 'P1-002 RCEV is answered with the data';
like $c->cmd('RCVD'), $ok, 'P1-002 RCVD is answered +OK';
is $c->begin('RDEL mailbox'), $size, 'P1-002 RDEL is answered #xxx';
like $c->cmd('RSET'), $ok, 'P1-002 RSET is answered +OK';
like $c->cmd('QUIT'), $ok, 'P1-002 QUIT is answered +OK';
ok $c->eof, 'P1-010 and closes';
is $d->mbox('alice'), $alice, 'P1-005 RETR keeps the mail';

$c = Pop1->connect($d);
like $c->cmd('PASS secret'), $err, 'P1-004 PASS needs USER';
like $c->cmd('USER alice'), $ok, 'P1-004 after which USER';
like $c->cmd('NOOP'), $err, 'P1-004 and something else';
like $c->cmd('PASS secret'), $err, 'P1-004 lose the name';
like $c->cmd('USER nobody'), $err, 'P1-004 a name that is none is refused';
like $c->cmd('PASS secret'), $err, 'P1-004 and no password fits it';
like $c->login('alice', 'wrong'), $err, 'P1-004 a wrong password is refused';
like $c->cmd('PASS secret'), $err, 'P1-004 and leads back to the start';
like $c->cmd('USER alice'), $ok, 'P1-004 so does';
like $c->cmd('PASS'), $err, 'P1-004 none at all';
like $c->cmd('PASS secret'), $err, 'P1-004 as a refusal of PASS does';
like $c->login('alice', 'secret'), $ok, 'P1-004 where USER is good again';
$c->close;
$c = Pop1->connect($d);
like $c->cmd('USER alice'), $ok, 'P1-004 a name,';
like $c->cmd('QUIT'), $ok, 'P1-004 and QUIT instead of a password';
ok $c->eof, 'P1-004 closes';

# Many transactions in one session; RDEL.
$c = session();
is $c->fetch('RETR mailbox'), $stream, 'P1-003 a transaction' for 1 .. 3;
is $c->fetch('RDEL mailbox'), $stream, 'P1-005 RDEL gives the same data';
is $d->mbox('alice'), "secret\n", 'P1-008 which is gone when RCVD is answered';
is $c->begin('RETR mailbox'), 0, 'P1-015 an empty mailbox has #0';
$c->send("RCEV\r\nNOOP\r\n");
is $c->status, '+OK nothing done', 'P1-015 and RCEV sends nothing';
is $c->cmd('RCVD'), '+OK 0 messages kept', 'P1-015 but is a transaction';
is $c->fetch('RDEL mailbox'), '', 'P1-015 also with RDEL';
is $d->mbox('alice'), "secret\n", 'P1-015 which finds nothing to delete';
fresh();
is $c->fetch('RETR mailbox'), $stream,
    'P1-003 mail that comes between transactions is in the next';
is $d->mbox('alice'), $alice, 'P1-005 which RETR keeps, RDEL or not before';
$c->close;
$c = Pop1->session($d, 'empty', 'none');
is $c->begin('RDEL mailbox'), 0, 'P1-015 one that never held mail, too';
$c->close;

# The data.
my @messages = Pop1::split_mbox($stream);
is @messages, 2, 'P1-019 the data comes apart into its messages';
my $pop3 = $d->session('alice', 'secret');
for my $n (1 .. @messages) {
	is $messages[$n - 1][1], ($pop3->text("RETR $n"))[1],
	    "P1-019 message $n is what POP3 says it is";
	like $messages[$n - 1][0], qr/\AFrom sender\@example\.org /,
	    "P1-019 behind the separator line that it has";
}
$pop3->cmd('QUIT');
unlike $stream, qr/(?<!\r)\n/, 'P1-013 all its lines end with CRLF';
like $stream, qr/\r\n\.\r\n\.\.dots\r\n\.\r\n/, 'P1-013 no dot is doubled';
$c = session();
is $c->begin('RETR'), $size, 'P1-006 the count';
$c->send("RCEV\r\n");
is $c->octets($size), $stream, 'P1-006 is the number of octets of the data';
ok $c->silent(0.1), 'P1-006 P1-007 behind which no terminator comes';
like $c->cmd('RSET'), $ok, 'P1-006 but the next reply';
$c->close;

# Which mailbox.
$c = session();
for my $name ('mailbox', 'MAILBOX', 'inbox', 'InBox', 'alice') {
	is $c->begin("RETR $name"), $size, "P1-016 $name is one's own";
	$c->cmd('RSET');
}
is $c->begin('RETR'), $size, 'P1-016 and so is none';
$c->cmd('RSET');
for my $name ('bob', 'nobody', 'Alice', 'alice.lock', '.', '..', '/', '../bob',
	'./alice', '/etc/passwd', '.restante/secret', 'alice/', '*', '%s%n',
	'x' x 400) {
	my $shown = length $name > 40 ? 'a long name' : $name;
	is $c->begin("RETR $name"), '-ERR you have no such mailbox',
	    "P1-016 $shown is none";
	is $c->begin("RDEL $name"), '-ERR you have no such mailbox',
	    "P1-016 with RDEL neither";
}
like $c->begin('RETR alice bob'), $err, 'P1-016 nor are two';
is $c->begin('RETR mailbox'), $size, 'P1-016 all that leaves the session as it was';
$c->close;

# Form of commands.
$c = session();
for my $verb ('rdel mailbox', 'Retr mailbox', 'RDEL') {
	is $c->begin($verb), $size, "P1-013 $verb is a command";
	like $c->cmd($verb =~ /^r/ ? 'rset' : 'rSeT'), $ok,
	    'P1-013 and so is RSET in small letters';
}
$c->send("RETR mailbox\nrcev\nRcvd\nNoop\r\n");
is $c->line, "#$size", 'P1-013 a bare LF ends a command';
is $c->octets($size), $stream, 'P1-013 and data never';
is $c->status, '+OK 2 messages kept', 'P1-013 nor a reply';
is $c->status, '+OK nothing done', 'P1-013 in their order';
$c->send("RETR\r\nRECV\r\nRCVD\r\n");
is $c->line, "#$size", 'P1-012 RECV, as the diagram has it';
is $c->octets($size), $stream, 'P1-012 is RCEV';
is $c->status, '+OK 2 messages kept', 'P1-012 to the end';
for my $line ('RCEV now', 'RCVD 1', 'NOOP x', 'RSET x', 'QUIT x', 'LIST',
	'STAT', 'RETR 1', 'DELE 1', 'UIDL', 'CAPA', 'APOP a b', 'TOP 1 1',
	'BOGUS', '', 'RETR  mailbox', "RETR\tmailbox", "RDEL \xe9") {
	(my $shown = $line) =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	like $c->begin($line), qr/\A-ERR [\x20-\x7e]+\z/,
	    "P1-020 \"$shown\" is answered -ERR";
}
is $c->begin('RETR'), $size, 'P1-020 and changes nothing';
$c->close;

# Order.
$c = Pop1->connect($d);
like $c->begin($_), $err, "P1-012 $_ before the login"
    for 'RETR mailbox', 'RDEL mailbox', 'RCEV', 'RECV', 'RCVD';
$c->login('alice', 'secret');
like $c->begin($_), $err, "P1-012 $_ without a transaction"
    for 'RCEV', 'RECV', 'RCVD';
$c->begin('RDEL');
like $c->begin('RCVD'), $err, 'P1-012 RCVD before RCEV';
is $d->mbox('alice'), $alice, 'P1-012 deletes nothing';
$c->send("RCEV\r\n");
$c->octets($size);
like $c->begin($_), $err, "P1-012 $_ behind RCEV" for 'RCEV', 'RETR', 'RDEL';
is $c->cmd('NOOP'), '+OK nothing done', 'P1-017 NOOP in a transaction';
is $d->mbox('alice'), $alice, 'P1-017 does nothing';
is $c->cmd('RCVD'), '+OK 2 messages deleted', 'P1-012 and RCVD is still good';
is $d->mbox('alice'), "secret\n", 'P1-012 for what it says';
$c->close;

# Ways to end a transaction without deleting.
my %aborts = (
	'P1-009 RSET' => sub { $_[0]->cmd('RSET') =~ $ok },
	'P1-018 QUIT' => sub { $_[0]->cmd('QUIT') =~ $ok && $_[0]->eof },
	'P1-011 a lost connection' => sub { $_[0]->close; 1 },
	'P1-011 a half-closed connection' =>
	    sub { $_[0]->half_close; $_[0]->eof },
);
for my $abort (sort keys %aborts) {
	for my $sent (0, 1) {
		my $where = $sent ? 'behind RCEV' : 'behind RDEL';
		fresh();
		$c = session();
		$c->begin('RDEL');
		if ($sent) {
			$c->send("RCEV\r\n");
			$c->octets($size);
		}
		ok $aborts{$abort}->($c), "$abort $where";
		my $other = session();
		my $told = $other->begin_in_the_end('RETR');
		is $told, $size, "$abort $where deletes nothing and unlocks";
		$other->close;
		$c->close;
		Restante::wait_for(sub {
			my $p = $d->connect;
			my $reply = $p->login('alice', 'secret');
			$p->cmd('QUIT');
			$p->close;
			$reply !~ /IN-USE/;
		});
	}
}
is $d->mbox('alice'), $alice, 'P1-009 P1-011 P1-018 not a bit of it';
$c = session();
like $c->cmd('RSET'), $ok, 'P1-009 RSET without a transaction';
$c->begin('RDEL');
$c->send("RCEV\r\n");
$c->octets($size);
$c->cmd('RSET');
is $c->fetch('RDEL'), $stream, 'P1-009 after RSET another one can begin';
$c->close;

# As POP3: the log, and the end of patience.
ok $d->log_like(qr/login: user=alice addr=127\.0\.0\.1 by=PASS\z/),
    'a login is logged as that of POP3';
ok $d->log_like(qr/login refused: user=alice addr=127\.0\.0\.1 by=PASS why=wrong-credential\z/),
    'so is a refused one';
fresh();
$c = session();
$c->fetch($_) for 'RETR', 'RDEL';
$c->cmd('QUIT');
$c->close;
my $twice = 2 * @messages;
my $octets = 2 * $size;
my $count = @messages;
ok $d->log_like(qr/end: user=alice addr=127\.0\.0\.1 retrieved=$twice octets=$octets deleted=$count left=0 seconds=\d+ reason=quit\z/),
    'and the end says what became of the mail';
$c = Pop1->connect($d);
my $errors = 0;
$errors++ while defined $c->cmd('BOGUS');
is $errors, 100, 'nonsense ends a session after 100 lines';

$d->stop;
my $strict = Pop1->start(users => { alice => $alice },
    options => [ 'login-tries=1', 'login-pause=1', 'hide-users=yes' ]);
$c = Pop1->connect($strict);
like $c->cmd('USER nobody'), $ok, 'P1-004 hidden users are not told';
my $before = Clock::time();
like $c->cmd('PASS x'), qr/\A-ERR .* once too often/,
    'P1-004 but at PASS, where failures are counted';
cmp_ok Clock::time() - $before, '>=', 0.99, 'P1-004 after a pause';
ok $c->eof, 'P1-004 and end the session';

done_testing;
