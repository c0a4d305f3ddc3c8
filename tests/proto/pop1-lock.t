# SPDX-License-Identifier: ISC
# RFC 918 holds a mailbox from RETR or RDEL to the end of the transaction, not
# from the login: against POP3, delivery agents, and whoever replaces a file.
use strict;
use warnings;

use Fcntl qw(:flock F_SETLK F_WRLCK SEEK_SET);
use Test::More;
use Time::HiRes qw(sleep);

use Locks qw(record_lock);
use Pop1;
use Proc;
use Restante;

my $ok = qr/\A\+OK /;
my $in_use = qr/\A-ERR \[IN-USE\] /;
my $replaced = qr/\A-ERR \[SYS\/TEMP\] the maildrop was replaced /;
my $mbox = Restante::mbox("Subject: one\n\n1\n", "Subject: two\n\n2\n");
my $new = Restante::mbox("Subject: new\n\nnew\n");
my $full = "secret\n$mbox";
my $stream = Pop1::expected($full);
my $size = length $stream;
my $d = Pop1->start(users => { alice => $full });
my $path = $d->path('alice');
my $c;

sub session { return Pop1->session($d, 'alice', 'secret') }
sub fresh { Restante::spew($path, $full) }

# POP3 and this, one mailbox.
my $pop3 = $d->session('alice', 'secret');
$c = session();
pass 'a login is possible while POP3 holds the mailbox';
like $c->begin('RETR'), $in_use, 'P1-005 but RETR is not';
like $c->begin('RDEL'), $in_use, 'P1-005 nor is RDEL';
like $c->begin('RCEV'), qr/\A-ERR not now: RETR or RDEL/,
    'P1-005 and the state is kept';
ok $d->log_like(qr/transaction put off: user=alice addr=127\.0\.0\.1 why=in-use/),
    'the log tells of it';
$pop3->cmd('DELE 1');
is $pop3->cmd('STAT'), '+OK 1 ' . length "Subject: two\r\n\r\n2\r\n",
    'POP3 goes on';
like $pop3->cmd('QUIT'), $ok, 'and ends';
my $rest = Pop1::expected($d->mbox('alice'));
is $c->fetch('RETR'), $rest, 'P1-005 the next RETR has what POP3 left';
$pop3->close;
fresh();
is $c->begin('RDEL'), $size, 'P1-005 a transaction is open';
$pop3 = $d->connect;
like $pop3->login('alice', 'secret'), $in_use, 'P1-005 POP3 is refused';
my $second = session();
like $second->begin('RETR'), $in_use, 'P1-005 and so is a second one like it';
$c->send("RCEV\r\n");
is $c->octets($size), $stream, 'P1-005 which it does not notice';
like $pop3->login('alice', 'secret'), $in_use, 'P1-005 POP3 is refused still';
is $c->cmd('RCVD'), '+OK 2 messages deleted', 'P1-008 the end';
like $pop3->login('alice', 'secret'), qr/\A\+OK alice's maildrop has 0 /,
    'P1-008 unlocks: POP3 can log in';
like $pop3->cmd('QUIT'), $ok, 'and out';
is $second->begin('RETR'), 0, 'P1-008 and the other one has its turn';
$second->cmd('QUIT');
is $c->begin('RETR'), 0, 'P1-018 QUIT unlocks';
$c->cmd('RSET');
like $pop3->greeting, $ok, 'POP3 spoke all the time';
$_->close for $c, $second, $pop3;

# Delivery agents: what they would wait for.
sub flock_is_free
{
	open my $fh, '+<', $path or die "$path: $!";
	return flock $fh, LOCK_EX | LOCK_NB;
}

sub record_lock_is_free
{
	open my $fh, '+<', $path or die "$path: $!";
	return record_lock($fh, F_SETLK, F_WRLCK);
}

my %lock = (flock => \&flock_is_free);
$lock{'a record lock'} = \&record_lock_is_free if !Locks::missing();
fresh();
$c = session();
for my $kind (sort keys %lock) {
	ok $lock{$kind}->(), "P1-003 $kind is free behind PASS";
	for my $verb ('RETR', 'RDEL') {
		is $c->begin($verb), $size, $verb;
		ok !$lock{$kind}->(), "P1-003 $kind is held behind $verb";
		$c->send("RCEV\r\n");
		$c->octets($size);
		ok !$lock{$kind}->(), "P1-003 $kind is held behind RCEV";
		like $c->cmd($verb eq 'RETR' ? 'RCVD' : 'RSET'), $ok, 'the end';
		ok $lock{$kind}->(), "P1-009 $kind is free behind the end";
	}
	is $c->begin('RETR'), $size, 'and once more';
	$c->cmd('QUIT');
	ok $lock{$kind}->(), "P1-018 $kind is free behind QUIT";
	$c->close;
	$c = session();
}
SKIP: {
	skip Locks::missing(), 1 if Locks::missing();
	pass 'record locks were looked at';
}

# An agent that waits for its lock, with the file open since before.
open my $agent, '+>>:raw', $path or die "$path: $!";
$c->begin('RDEL');
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	flock $agent, LOCK_EX;
	syswrite $agent, $new;
	POSIX::_exit(0);
}
close $agent;
$c->send("RCEV\r\n");
is $c->octets($size), $stream, 'P1-014 an agent waits, the data comes';
is waitpid($pid, POSIX::WNOHANG), 0, 'P1-014 it still waits';
is $c->cmd('RCVD'), '+OK 2 messages deleted', 'P1-014 what was sent is deleted';
is waitpid($pid, 0), $pid, 'P1-014 and it delivers';
is $d->mbox('alice'), "secret\n$new", 'P1-014 what survives';
is $c->fetch('RDEL'), Pop1::expected("secret\n$new"),
    'P1-014 and is in the next transaction';

# One that waits for nobody.
for my $when ('before RCEV', 'behind RCEV') {
	fresh();
	is $c->begin('RDEL'), $size, "P1-014 mail comes without a lock $when";
	$d->append('alice', $new) if $when eq 'before RCEV';
	$c->send("RCEV\r\n");
	is $c->octets($size), $stream, "P1-014 $when: it is not in the data";
	$d->append('alice', $new) if $when eq 'behind RCEV';
	is $c->cmd('RCVD'), '+OK 2 messages deleted', "P1-014 $when: deleted";
	is $c->fetch('RETR'), Pop1::expected("secret\n$new"),
	    "P1-014 $when: it survives, alone";
}
# Between the transactions it is just mail.
fresh();
is $c->fetch('RETR'), $stream, 'P1-014 mail in two transactions,';
$d->append('alice', $new);
is $c->fetch('RDEL'), $stream . Pop1::expected("secret\n$new"),
    'P1-014 the second has what came between';
is $d->mbox('alice'), "secret\n", 'P1-014 and deletes it';
$c->close;

# A mailbox that is another one behind the session's back.
my %replace = (
	'replaced by rename' => sub {
		Restante::spew("$path.new", $full);
		rename "$path.new", $path or die "rename: $!";
	},
	'removed and made again' => sub {
		unlink $path or die "unlink: $!";
		fresh();
	},
	'removed' => sub { unlink $path or die "unlink: $!" },
	'linked a second time' => sub {
		link $path, "$path.link" or die "link: $!";
	},
	'left without its journal' => sub {
		unlink $d->dir . '/.restante/alice.journal'
		    or die "unlink: $!";
	},
);
for my $how (sort keys %replace) {
	fresh();
	unlink "$path.link";
	$c = session();
	is $c->begin('RETR'), $size, "a mailbox that will be $how";
	$c->cmd('RSET');
	$replace{$how}->();
	like $c->begin('RETR'), $replaced, "P1-005 $how: RETR is -ERR";
	like $c->begin('RDEL'), $replaced, "P1-005 $how: RDEL is -ERR";
	like $c->begin('RCEV'), qr/\A-ERR not now: RETR or RDEL/,
	    "P1-005 $how: there is no transaction";
	ok flock_is_free(), "P1-005 $how: and no lock" if -e $path;
	unlink "$path.link";
	if ($how =~ /link/) {
		is $c->begin('RETR'), $size, "P1-005 $how: until it is not";
	}
	like $c->cmd('QUIT'), $ok, "P1-005 $how: the session goes on";
	$c->close;
	fresh();
	$c = session();
	is $c->fetch('RETR'), $stream, "P1-005 $how: a new login is good";
	$c->close;
}

# In a transaction: nothing is deleted, in the old file or in the new.
for my $how ('replaced by rename', 'linked a second time') {
	fresh();
	$c = session();
	$c->begin('RDEL');
	$c->send("RCEV\r\n");
	$c->octets($size);
	open my $old, '<:raw', $path or die "$path: $!";
	$replace{$how}->();
	is $c->cmd('RCVD'), '-ERR [SYS/TEMP] nothing was deleted',
	    "P1-008 $how in a transaction: RCVD is -ERR";
	is do { local $/; <$old> }, $full, "P1-008 $how: the old file is whole";
	is $d->mbox('alice'), $full, "P1-008 $how: and so is what is there";
	ok flock_is_free(), "P1-008 $how: unlocked";
	like $c->cmd('RSET'), $ok, "P1-008 $how: the session goes on";
	unlink "$path.link";
	$c->close;
}

# A program that has no respect for locks: what cannot be sent as it was told is
# not, and what cannot be deleted as it was sent is not.
sub overwrite
{
	my ($offset, $text) = @_;

	open my $fh, '+<:raw', $path or die "$path: $!";
	seek $fh, $offset, SEEK_SET;
	print {$fh} $text;
	close $fh or die "$path: $!";
}

my %damage = (
	'a header' => sub { overwrite(index($full, 'Subject: one'), 'Sabject') },
	'a separator' => sub { overwrite(index($full, 'From'), 'Fram') },
	'line ends' => sub { overwrite(length($full) - 3, "\n") },
	'the length' => sub { truncate $path, length($full) - 10 or die },
);
for my $what (sort keys %damage) {
	fresh();
	$c = session();
	is $c->begin('RDEL'), $size, "somebody will change $what";
	$damage{$what}->();
	my $damaged = $d->mbox('alice');
	$c->send("RCEV\r\nRCVD\r\n");
	my $data = $c->raw_until(undef);
	isnt $data, $stream, "P1-007 $what: the data is not sent";
	unlike $data, qr/^(?:\+OK|-ERR)/m, "P1-007 $what: nor is a reply";
	ok $c->eof, "P1-007 $what: but the connection ends";
	is $d->mbox('alice'), $damaged, "P1-007 $what: and nothing is deleted";
	$c->close;
}
ok $d->log_like(qr/reading message 1 of alice: Stale/), 'P1-007 the log tells why';
for my $what ('a header', 'a separator', 'the length') {
	fresh();
	$c = session();
	$c->begin('RDEL');
	$c->send("RCEV\r\n");
	$c->octets($size);
	$damage{$what}->();
	my $damaged = $d->mbox('alice');
	is $c->cmd('RCVD'), '-ERR [SYS/TEMP] nothing was deleted',
	    "P1-008 $what changed behind RCEV: RCVD is -ERR";
	is $d->mbox('alice'), $damaged, "P1-008 $what: nothing is deleted";
	fresh();
	is $c->fetch('RDEL'), $stream, "P1-008 $what: and the next one is good";
	$c->close;
}

# RCVD said in advance by a client that then cannot be sent the data.
my $large = "secret\n" . Restante::mbox("A: b\n\n" . ('x' x 71 . "\n") x 400_000);
Restante::spew($path, $large);
$c = session();
$c->send("RDEL\r\nRCEV\r\nRCVD\r\n");
like $c->line, qr/\A#\d{8}\z/, 'P1-011 a client says RCVD before it has the data';
$c->abort;
ok $d->log_like(qr/end: user=alice .*deleted=0 left=1 .*reason=lost/),
    'P1-011 and is gone';
is length $d->mbox('alice'), length $large, 'P1-011 nothing is deleted';

# Sessions killed while they delete, by every way there is: all is left, or none,
# and what came meanwhile in any case.
my %ends;
for my $round (1 .. 24) {
	fresh();
	$c = session();
	$c->begin('RDEL');
	$c->send("RCEV\r\n");
	$c->octets($size);
	# Odd rounds cut the file, even ones need the journal.
	my $came = $round % 2 ? '' : $new;
	$d->append('alice', $came);
	# The one of the round before may still be on its way out.
	my $victim = Proc::find($d, qr/^session alice/);
	$c->send("RCVD\r\n");
	sleep rand 0.002 if rand() < 0.5;
	kill KILL => $victim or die "kill: $!";
	my $answer = $c->raw_until(undef);
	$c->close;
	$c = session();
	my $count = $c->begin_in_the_end('RETR');
	$c->send("RCEV\r\n");
	my $data = $c->octets($count);
	my $none = Pop1::expected("secret\n$came");
	my $left = $data eq "$stream$none" ? 'all' : $data eq $none ? 'none' :
	    'something';
	$ends{"$left " . ($answer eq '' ? 'unanswered' : 'answered')}++;
	isnt $left, 'something', "P1-008 killed in RCVD, round $round";
	is $left, 'none', 'P1-008 what was said to be deleted is'
	    if $answer =~ $ok;
	$c->cmd('RCVD');
	$c->close;
}
note "$_: $ends{$_}" for sort keys %ends;
$d->stop;

# lock update: deliveries go on in a transaction, other sessions do not.
$d = Pop1->start(users => { alice => $full }, options => ['lock=update']);
$path = $d->path('alice');
$c = session();
is $c->begin('RDEL'), $size, 'with lock update a transaction begins';
ok $lock{$_}->(), "with lock update $_ is free" for sort keys %lock;
$pop3 = $d->connect;
like $pop3->login('alice', 'secret'), $in_use, 'POP3 is refused nevertheless';
$d->append('alice', $new);
$c->send("RCEV\r\n");
is $c->octets($size), $stream, 'P1-014 mail comes, and is not in the data';
is $c->cmd('RCVD'), '+OK 2 messages deleted', 'P1-014 nor deleted';
ok $lock{$_}->(), "and $_ is free again" for sort keys %lock;
like $pop3->login('alice', 'secret'), qr/\A\+OK alice's maildrop has 1 /,
    'P1-014 POP3 can have it';

done_testing;
