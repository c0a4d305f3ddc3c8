# SPDX-License-Identifier: ISC
# The AUTHORIZATION state, USER and PASS: RFC 1939 sections 4, 7 and 13.
use strict;
use warnings;

use Test::More;

use Restante;

my $mbox = Restante::mbox("Subject: one\n\n1\n", "Subject: two\n\n2\n");
my $octets = 2 * length "Subject: one\r\n\r\n1\r\n";
my %users = (
	alice => "secret\n$mbox",
	bob => "two words  and more \n",
	carol => " leading\n",
	crlf => "secret\r\n",
	one => "secret\n" . Restante::mbox("A: b\n"),
	single => "s",
	nothing => '',
	blank => "\n$mbox",
	delivered => $mbox,
	locked => "!secret\n",
	dollar => "{PLAIN}\$6\$x\n",
	eight => "\xfcber\n",
	'a.b_c+d-e@example.org' => "secret\n",
	'Z' x 64 => "secret\n",
	9 => "secret\n",
);
my @options = ('login-tries=100');
my $d = Restante->start(users => \%users, options => \@options);
my $c = $d->connect;
my ($host) = $c->greeting =~ /\A\+OK (\S+) POP3/;

# USER, in the words that people at a telnet know.
is $c->cmd('USER alice'), '+OK alice is a valid mailbox',
    'P3-091 USER with a name that is there';
is $c->cmd('USER nobody'), '-ERR never heard of mailbox nobody',
    'P3-091 USER with one that is not';
is $c->cmd('PASS secret'), '-ERR USER first',
    'P3-093 PASS only behind a USER that was accepted';
is $c->cmd('USER alice'), '+OK alice is a valid mailbox', 'again';
is $c->cmd('PASS secret'),
    "+OK alice's maildrop has 2 messages ($octets octets)",
    'P3-090 USER and PASS log in';
is $c->cmd('STAT'), "+OK 2 $octets", 'P3-106 nothing is marked deleted';
$c->close;

$c = $d->connect;
is $c->login('one', 'secret'), "+OK one's maildrop has 1 message (6 octets)",
    'one message is one message';
$c->close;
$c = $d->connect;
is $c->login('bob', 'two words  and more '),
    "+OK bob's maildrop has 0 messages (0 octets)",
    'P3-094 blanks belong to the password, to the end of the line';
$c->close;

# P3-094 and P3-095, each with a new USER.
$c = $d->connect;
for my $try ([ alice => 'Secret' ], [ alice => 'SECRET' ],
	[ alice => 'secret ' ], [ alice => ' secret' ], [ alice => 'secre' ],
	[ alice => 'secrets' ], [ alice => 'secretsecret' ], [ alice => '' ],
	[ alice => "secret\t" ], [ alice => 's' ], [ alice => 'x' x 500 ],
	[ bob => 'two words and more ' ], [ bob => 'two words  and more' ],
	[ bob => 'two' ], [ carol => 'leading' ], [ carol => '  leading' ],
	[ single => '' ], [ single => 'ss' ], [ nothing => '' ],
	[ blank => '' ], [ delivered => 'From' ],
	[ delivered => (split /\n/, $mbox)[0] ], [ locked => '!secret' ],
	[ locked => 'secret' ], [ dollar => '{PLAIN}$6$x' ]) {
	(my $shown = substr $try->[1], 0, 20) =~ s/\t/\\t/g;
	is $c->cmd("USER $try->[0]"), "+OK $try->[0] is a valid mailbox",
	    "USER $try->[0]";
	my $reply = $c->cmd("PASS $try->[1]");
	my $expected = $try->[1] =~ /\t/ ?
	    '-ERR only printable characters in UTF-8, please' :
	    '-ERR [AUTH] wrong name or password';
	is $reply, $expected, "P3-095 with \"$shown\" is refused";
}
$c->close;
for my $try ([ carol => ' leading' ], [ crlf => 'secret' ], [ single => 's' ],
	[ dollar => '$6$x' ], [ 'a.b_c+d-e@example.org' => 'secret' ],
	[ 'Z' x 64 => 'secret' ], [ 9 => 'secret' ]) {
	$c = $d->connect;
	like $c->login(@$try), qr/\A\+OK \Q$try->[0]\E's maildrop has 0 messages/,
	    "P3-094 $try->[0] with \"$try->[1]\" logs in";
	$c->close;
}

# P3-096, P3-097, P3-101, P3-102.
$c = $d->connect;
$c->cmd('USER alice');
is $c->cmd('PASS wrong'), '-ERR [AUTH] wrong name or password',
    'P3-096 a wrong password';
is $c->cmd('PASS secret'), '-ERR USER first',
    'P3-097 the right one without a new USER';
is $c->cmd('STAT'), '-ERR log in first', 'P3-096 still not logged in';
$c->cmd('USER alice');
is $c->cmd('USER'), '-ERR this command needs an argument',
    'P3-101 USER without a name';
is $c->cmd('PASS secret'), '-ERR USER first', 'P3-101 leaves no name';
$c->cmd('USER alice');
is $c->cmd('PASS'), '-ERR this command needs an argument',
    'P3-101 PASS without a password';
is $c->cmd('PASS secret'), '-ERR USER first',
    'P3-093 then the one with it is not directly behind USER';
for my $line ('NOOP', 'USER x y', 'BOGUS', '', 'APOP alice') {
	$c->cmd('USER alice');
	like $c->cmd($line), qr/\A-ERR/, "P3-093 \"$line\" behind USER";
	is $c->cmd('PASS secret'), '-ERR USER first',
	    'P3-093 then PASS is not directly behind it';
}
$c->cmd('USER alice');
like +($c->multi('CAPA'))[0], qr/\A\+OK/, 'P3-313 CAPA behind USER';
is $c->cmd('PASS secret'), '-ERR USER first',
    'P3-093 P3-313 is one more command between the two';
$c->close;
$c = $d->connect;
$c->cmd('USER bob');
like $c->cmd('USER alice'), qr/\A\+OK/, 'P3-102 USER twice';
like $c->cmd('PASS secret'), qr/\A\+OK alice's/, 'P3-102 the last one counts';
$c->close;

# P3-098, P3-099, P3-100.
$c = $d->connect;
is $c->cmd('QUIT'), "+OK $host POP3 server signing off",
    'P3-098 QUIT before the login';
ok $c->eof, 'P3-098 closes';
ok !$c->was_reset, 'P3-279 in order';
$c->close;
$c = $d->connect;
is $c->cmd($_), '-ERR log in first', "P3-099 $_ needs a login"
    for 'STAT', 'LIST', 'LIST 1', 'RETR 1', 'DELE 1', 'NOOP', 'RSET',
	'TOP 1 0', 'UIDL', 'UIDL 1', 'LAST';
$c->close;
$c = $d->session('alice', 'secret');
is $c->cmd($_), '-ERR you are logged in already', "P3-100 $_ does not"
    for 'USER alice', 'PASS secret', 'APOP alice ' . '0' x 32, 'USER bob',
	'UTF8', 'AUTH', 'AUTH PLAIN', 'STLS';
is $c->cmd('STAT'), "+OK 2 $octets", 'P3-100 the session stays as it was';
$c->close;

# P3-104: what is no name is never said back, looked up, or of effect.  Some of
# these are there as files.
mkdir $d->path('folder');
symlink 'alice', $d->path('symlink');
link $d->path('one'), $d->path('hardlink');
POSIX::mkfifo($d->path('fifo'), 0600);
$d->user('alice.lock', "secret\n");
$d->user('.hidden', "secret\n");
$d->user('Y' x 65, "secret\n");
$c = $d->connect;
for my $name ('/etc/passwd', '../alice', './alice', 'alice/', 'alice/.',
	'.restante/alice.journal', '.', '..', '.hidden', 'alice.lock',
	'Y' x 65, '%s%n', '%2e%2e', '$HOME', '`id`', ';id', '"alice"', "'", '*',
	'?lice', '~alice', 'alice|x', 'alice:', '<alice>', '-alice', '+alice',
	'@alice', '_alice', 'alice\\') {
	is $c->cmd("USER $name"), '-ERR never heard of such a mailbox',
	    "P3-104 \"$name\" is no name";
	$c->multi('CAPA');
}
for my $name ('folder', 'symlink', 'hardlink', 'one', 'fifo', 'ALICE', 'Alice',
	'alice2', 'alic') {
	is $c->cmd("USER $name"), "-ERR never heard of mailbox $name",
	    "P3-104 $name is not there, or is no mailbox";
}
unlink $d->path('hardlink');
like $c->cmd('USER one'), qr/\A\+OK/, 'P3-104 one link is a mailbox again';
for my $name ("ali\xe7e", "alice\xc3", "al\x01ice") {
	is $c->cmd("USER $name"),
	    '-ERR only printable characters in UTF-8, please',
	    'P3-104 octets that are no text';
}
$c->close;

# Three failures end the connection.
my $three = Restante->start(users => \%users);
$c = $three->connect;
for my $n (1, 2) {
	$c->cmd('USER alice');
	is $c->cmd('PASS wrong'), '-ERR [AUTH] wrong name or password',
	    "P3-096 failure $n";
}
$c->cmd('USER alice');
is $c->cmd('PASS wrong'), '-ERR [AUTH] wrong name or password, once too often',
    'P3-040 failure 3 is the last';
ok $c->eof, 'P3-040 and ends the connection';
ok !$c->was_reset, 'P3-040 in order';
$c->close;
ok $three->log_like(qr/reason=login-tries/), 'P3-040 the log says why';
is +(() = $three->stderr =~ /login refused: user=alice addr=127\.0\.0\.1 /g), 3,
    'each refusal is in the log, with the address';
$c = $three->connect;
$c->cmd('USER alice') && $c->cmd('PASS wrong') for 1, 2;
like $c->login('alice', 'secret'), qr/\A\+OK/, 'P3-096 the third may be right';
$c->close;
$c = $three->connect;
like $c->cmd('USER nobody'), qr/\A-ERR/, 'a name that is unknown' for 1 .. 5;
like $c->login('alice', 'secret'), qr/\A\+OK/, 'is no failed login';
$c->close;

# P3-092, P3-103: names are hidden where that is set.
my $hidden = Restante->start(users => \%users,
    options => [ @options, 'hide-users=yes' ]);
$c = $hidden->connect;
my %said;
for my $name ('alice', 'unknown', '../alice', 'Y' x 65, 'locked', 'nothing') {
	$said{ $c->cmd("USER $name") }++;
	$said{ $c->cmd('PASS wrong') }++;
}
is_deeply \%said, {
	'+OK now the password' => 6,
	'-ERR [AUTH] wrong name or password' => 6,
}, 'P3-092 P3-103 the same answers, whoever it is';
like $c->login('alice', 'secret'), qr/\A\+OK alice's maildrop has 2 messages/,
    'P3-092 and who has the password logs in';
$c->close;
$hidden->log_like(qr/end: user=alice/);
is_deeply [ map { /user=(\S+) .*unknown-user$/ ? $1 : () }
    split /\n/, $hidden->stderr ], [ ('-') x 3 ],
    'a name that is unknown may be a password: not in the log';

# P3-105: the password is right, and the mailbox cannot be opened.
mkdir $d->path('.restante/crlf.journal.d');
unlink $d->path('.restante/crlf.journal');
rename $d->path('.restante/crlf.journal.d'), $d->path('.restante/crlf.journal');
$c = $d->connect;
is $c->login('crlf', 'secret'), '-ERR [SYS/PERM] the maildrop cannot be opened',
    'P3-105 -ERR to the right password';
is $c->login('crlf', 'wrong'), '-ERR [AUTH] wrong name or password',
    'P3-349 which only the right one is told';
rmdir $d->path('.restante/crlf.journal') or die;
like $c->login('crlf', 'secret'), qr/\A\+OK/,
    'P3-105 nothing is locked, and the connection can be used';
$c->close;

done_testing;
