# SPDX-License-Identifier: ISC
# PIPELINING: RFC 2449 section 6.6.
use strict;
use warnings;

use Socket qw(IPPROTO_TCP SOL_SOCKET SO_RCVBUF SO_SNDBUF);
use Test::More;

use Restante;

my @texts = map { "Subject: $_\n\n" . ".$_\n" x 50 } 1 .. 20;
my $big = "Subject: big\n\n" . "0123456789abcdef\n" x 500_000;
my $wire = length($big) + ($big =~ tr/\n//);
my %users = (
	alice => "secret\n" . Restante::mbox(@texts),
	big => "secret\n" . Restante::mbox($big),
);
my $d = Restante->start(users => \%users);

# P3-330, P3-335: what comes one by one comes in a burst, octet for octet.
my @commands = map {
	my $n = 1 + $_ % 21;	# one of them does not exist
	('NOOP', "LIST $n", 'STAT', "UIDL $n", "RETR $n", "TOP $n 3", 'BOGUS',
	    '', 'RSET', 'LAST')[ $_ % 10 ]
} 1 .. 10_000;
my $c = $d->session('alice', 'secret');
my $expected = '';
my %multi = (RETR => 1, TOP => 1);
my %cache;
for my $line (@commands) {
	# LAST has a memory, the others have not.
	if (!defined $cache{$line} || $line eq 'LAST') {
		$c->send("$line\r\n");
		my $status = $c->status;
		$cache{$line} = "$status\r\n";
		$cache{$line} .= $c->stuffed if $status =~ /\A\+OK/ &&
		    $multi{ (split(' ', $line), '')[0] };
	} elsif ($line =~ /^(?:RETR|RSET)/) {
		$c->send("$line\r\n");
		$c->status =~ /\A\+OK/ && $line =~ /^RETR/ && $c->stuffed;
	}
	$expected .= $cache{$line};
}
$c->cmd('RSET');
my $burst = join '', map { "$_\r\n" } @commands;
$c->send($burst . "QUIT\r\n");
my $got = $c->raw_until(undef);
ok $got =~ s/\+OK \S+ POP3 server signing off [^\r]*\r\n\z//, 'QUIT is answered';
is length $got, length $expected,
    'P3-335 the replies to 10,000 commands in one burst';
ok $got eq $expected, 'P3-330 are those to one command after the other';
$c->close;

# P3-331: a client that writes and does not read, until neither can write.
$c = $d->session('alice', 'secret');
$c->socket->setsockopt(SOL_SOCKET, SO_RCVBUF, 65536);
$c->socket->setsockopt(SOL_SOCKET, SO_SNDBUF, 65536);
my $line = 'RETR 20' . ' ' x 493 . "\r\n";	# blanks at the end do not count
my $all = $line x 80_000;
my ($sent, $quiet) = (0, 0);
while ($sent < length $all && $quiet < 20) {
	my $n = syswrite $c->socket, $all, length($all) - $sent, $sent;
	if (defined $n) {
		$sent += $n;
		$quiet = 0;
	} else {
		select undef, undef, undef, 0.01;
		$quiet++;
	}
}
cmp_ok $sent, '<', length $all, 'P3-331 a server that is not read stops reading';
# The rest of the command that was cut.
my $whole = 1 + int($sent / length $line);
$c->send(substr $all, $sent, $whole * length($line) - $sent);
$c->send("QUIT\r\n");
$got = $c->raw_until(undef);
is +(() = $got =~ /^\.\r$/mg), $whole,
    'P3-331 and goes on when it is read: every answer is there';
like $got, qr/signing off \(20 messages left\)\r\n\z/, 'P3-331 the last one, too';
$c->close;

# P3-332, P3-333: a whole session in one segment, greeting included.
my $session = "USER alice\r\nPASS secret\r\nSTAT\r\nRETR 2\r\nQUIT\r\n";
my $answers = '\+OK \S+ POP3 server ready <[^>]+>' . "\r\n" .
    '\+OK alice is a valid mailbox' . "\r\n" .
    '\+OK alice\'s maildrop has 20 messages \(\d+ octets\)' . "\r\n" .
    '\+OK 20 \d+' . "\r\n" .
    '\+OK \d+ octets' . "\r\n" .
    "Subject: 2\r\n\r\n(?:\\.\\.2\r\n){50}\\.\r\n" .
    '\+OK \S+ POP3 server signing off \(20 messages left\)' . "\r\n";
$answers = qr/\A$answers\z/;
for my $round (1 .. 20) {
	$c = $d->connect(silent => 1);
	$c->send($session);
	like $c->raw_until(undef), $answers,
	    "P3-332 P3-333 input behind PASS is not lost, round $round";
	$c->close;
}
$c = Restante->inetd(users => \%users, silent => 1);
$c->send($session);
like $c->raw_until(undef), $answers, 'P3-333 nor from inetd';
$c->close;

# Behind a PASS that fails it is input, too.
$c = $d->connect(silent => 1);
$c->send("USER alice\r\nPASS x\r\nSTAT\r\nUSER alice\r\nPASS secret\r\n" .
    "NOOP\r\nQUIT\r\n");
is_deeply [ map { /\A(\+OK|-ERR(?: \[\w+\])?)/ } split /\r\n/,
    $c->raw_until(undef) ], [ '+OK', '+OK', '-ERR [AUTH]', '-ERR', '+OK', '+OK',
    '+OK', '+OK' ], 'P3-330 behind a PASS that fails';
$c->close;

# P3-334: struct tcp_info of Linux counts segments that came with data.
sub segments
{
	my ($client) = @_;
	my $info = getsockopt $client->socket, IPPROTO_TCP, 11;

	return unpack 'L', substr $info, 152, 4
	    if defined $info && length $info >= 156;
	return;
}
# How many come while the code runs; so many are wanted.  A machine that is late
# with its acknowledgements gets some twice: then it is begun again.
sub segments_of
{
	my ($wanted, $code) = @_;
	my $n;

	for (1 .. 5) {
		my $before = segments($c);
		$code->();
		$n = segments($c) - $before;
		last if $n <= $wanted;
	}
	return $n;
}

SKIP: {
	$c = $d->session('alice', 'secret');
	skip 'this system does not count segments', 5 if !defined segments($c);

	cmp_ok segments_of(3, sub {
		$c->send("NOOP\r\n" x 1000);
		$c->status for 1 .. 1000;
	}), '<=', 3, 'P3-334 1,000 replies leave in few segments';
	is segments_of(10, sub { $c->cmd('NOOP') for 1 .. 10 }), 10,
	    'P3-334 and one reply in one';
	is segments_of(1, sub { $c->multi('UIDL') }), 1,
	    'P3-334 an answer of many lines, too';
	is segments_of(1, sub { $c->text('RETR 3') }), 1,
	    'P3-334 and a message';
	$c->close;
	$c = $d->session('big', 'secret');
	my $before = segments($c);
	is length +($c->text('RETR 1'))[1], $wire, 'a large message';
	note segments($c) - $before, " segments for $wire octets";
	$c->close;
}

# Flushed before the server waits, also when a piece of a command has come.
$c = $d->session('alice', 'secret');
$c->send("NOOP\r\nNOOP\r\nNO");
is $c->status, '+OK nothing done', 'P3-334 answered before the rest' for 1, 2;
$c->send("OP\r\n");
is $c->status, '+OK nothing done', 'P3-334 and the rest when it comes';
$c->close;

done_testing;
