# SPDX-License-Identifier: ISC
# STLS as it looks on the wire: RFC 2595 section 4, with the real stunnel behind
# tls-helper.  P3-400 to P3-413.
use strict;
use warnings;

use Test::More;
use Restante;
use Tls;

plan skip_all => Tls::missing() if Tls::missing();

my %users = (
	alice => "secret\n" . Restante::mbox("Subject: one\n\n.dot\n" .
	    "x" x 100_000 . "\n", "Subject: two\n\n2\n"),
);
my $d = Restante->start(users => \%users, options => [
	Tls::options(), 'plaintext-auth=tls', 'login-tries=3' ]);

{
	my $c = $d->connect;

	ok $c->announced('STLS'), 'P3-400 STLS is announced before the login';
	ok !$c->announced('USER'), 'P3-108 USER is not announced in clear';
	like $c->cmd('STLS now'), qr/^-ERR/, 'P3-411 STLS takes no argument';
	like $c->cmd('stls'), qr/^\+OK/, 'P3-401 STLS, in small letters';

	my $t = Tls->over($c);
	like $t->cmd('STLS'), qr/^-ERR/,
	    'P3-401 no greeting comes; P3-403 no TLS within TLS';
	ok !$t->announced('STLS'), 'P3-310 P3-400 STLS is not announced any more';
	ok $t->announced('USER'), 'P3-310 P3-407 USER is announced now';
	like $t->cmd('STAT'), qr/^-ERR/, 'P3-401 nobody is logged in';
	like $t->login('alice', 'secret'), qr/^\+OK/, 'a login over TLS';
	ok !$t->announced('STLS'), 'P3-400 STLS is not announced afterwards';
	like $t->cmd('STLS'), qr/^-ERR/, 'P3-402 STLS in TRANSACTION';
	my ($status, $text) = $t->text('RETR 1');
	is length $text, length("Subject: one\r\n\r\n.dot\r\n") + 100_002,
	    'a message that is longer than a record';
	is scalar(() = $t->multi('LIST')), 3, 'the mailbox has two messages';
	like $t->cmd('DELE 2'), qr/^\+OK/, 'a deletion';
	like $t->cmd('QUIT'), qr/^\+OK/, 'QUIT';
	ok $t->eof, 'the connection ends';
	is $t->ended, 0, 'openssl has no complaint';
	like $t->messages, qr/<<< [^\n]*Alert[^\n]* close_notify/,
	    'P3-413 close_notify is sent';
	unlike $d->mbox('alice'), qr/Subject: two/, 'the deletion was done';
}

# Commands behind STLS, in its segment: whoever can slip them into the clear part
# of a connection must not have them answered in the other one.
{
	my $c = $d->connect;

	$c->send("STLS\r\nCAPA\r\nUSER alice\r\nNOOP\r\nUSER");
	like $c->status, qr/^\+OK/, 'P3-405 STLS with more behind it';
	my $t = Tls->over($c);
	like $t->cmd(' x'), qr/^-ERR unknown command/,
	    'P3-405 nothing is answered, and no piece of a line is left';
	like $t->cmd('PASS secret'), qr/^-ERR/, 'P3-406 no name is remembered';
	like $t->cmd('QUIT'), qr/^\+OK/, 'the session goes on';
}

{
	my $e = Restante->start(users => \%users, options => [
		Tls::options(), 'login-tries=3' ]);
	my $c = $e->connect;

	like $c->cmd('USER alice'), qr/^\+OK/, 'USER in clear';
	like $c->cmd('PASS wrong'), qr/^-ERR/, 'a failure in clear';
	like $c->cmd('USER alice'), qr/^\+OK/, 'USER in clear, again';
	like $c->cmd('STLS'), qr/^\+OK/, 'STLS';
	my $t = Tls->over($c);
	like $t->cmd('PASS secret'), qr/^-ERR USER first/,
	    'P3-406 a name given in clear is forgotten';
	like $t->login('alice', 'wrong'), qr/^-ERR \[AUTH\]/, 'second failure';
	like $t->login('alice', 'wrong'), qr/^-ERR \[AUTH\].* too often/,
	    'failures in clear still count';
	ok $t->eof, 'the third ends the connection';

	$c = $e->session('alice', 'secret');
	like $c->cmd('STLS'), qr/^-ERR/, 'P3-402 STLS in TRANSACTION, in clear';
	ok !$c->announced('STLS'), 'P3-400 where it is not announced';
	is $e->stop, 0, 'the server ends';
}

# A language is asked for in clear, too, by whoever it was.
{
	my $c = $d->connect;

	like $c->cmd('LANG de'), qr/^\+OK de /, 'LANG in clear';
	$c->cmd('STLS');
	is +Tls->over($c)->cmd('NOOP'), '-ERR log in first',
	    'P3-454 English again, over TLS';
}

{
	my $c = $d->connect;

	like $c->cmd('UTF8'), qr/^\+OK/, 'UTF8 in clear';
	like $c->cmd('STLS'), qr/^-ERR/, 'P3-412 STLS after UTF8';
	ok !$c->announced('STLS'), 'P3-400 and it is not announced';
	like $c->cmd('QUIT'), qr/^\+OK/, 'the session goes on';
}

{
	my $c = $d->connect;

	like $c->cmd('STLS'), qr/^\+OK/, 'STLS, and then no TLS';
	$c->send("USER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\n");
	my $rest = $c->raw_until;
	unlike $rest, qr/\+OK|-ERR/, 'P3-410 nothing is answered in clear';
	ok $d->log_like(qr/end: user=- .* reason=tls-handshake/),
	    'the log says why it ended';

	$c = $d->connect;
	$c->cmd('STLS');
	$c->close;
	my $t = Tls->connect($d);
	like $t->cmd('QUIT'), qr/^\+OK/, 'P3-410 the server goes on';
}

for my $old (qw(tls1 tls1_1)) {
	my $c = $d->connect;

	$c->cmd('STLS');
	my $t = Tls->over($c, "-$old", '-cipher', 'DEFAULT@SECLEVEL=0');
	ok $t->eof, "P3-408 no $old";
	isnt $t->ended, 0, 'openssl says so';
	# openssl speaks it, and the server is who refuses.
	like $t->messages, qr/>>> [^\n]*ClientHello/, "openssl offered $old";
	like $t->messages, qr/<<< [^\n]*Alert[^\n]* protocol_version/,
	    'P3-408 and was told why not';
}
for my $new (qw(tls1_2 tls1_3)) {
	my $t = Tls->connect($d, "-$new");

	like $t->cmd('QUIT'), qr/^\+OK/, "P3-408 $new";
	ok $t->eof, 'QUIT ends it';
}

{
	my $e = Restante->start(users => \%users);
	my $c = $e->connect;

	ok !$c->announced('STLS'), 'P3-400 not announced where it is not set up';
	like $c->cmd('STLS'), qr/^-ERR/, 'P3-400 nor done';
	like $c->cmd('QUIT'), qr/^\+OK/, 'the session goes on';
	is $e->stop, 0;
}

# A session over TLS that is idle does not keep the server.
{
	my $t = Tls->connect($d);

	like $t->login('alice', 'secret'), qr/^\+OK/, 'a session';
	kill TERM => $d->pid;
	ok $d->log_like(qr/ending; sessions may finish/), 'asked to end';
	kill TERM => $d->pid;
	ok $t->eof, 'a second SIGTERM ends a session over TLS';
	is $d->wait, 0, 'and the server';
}

done_testing;
