# SPDX-License-Identifier: ISC
# The greeting: RFC 1939 sections 3, 4 and 7 (APOP).
use strict;
use warnings;

use Sys::Hostname qw(hostname);
use Test::More;

use Restante;

my $d = Restante->start(users => { alice => "secret\n" });
my $c = $d->connect(silent => 1);
my $raw = $c->raw_until(qr/\n/);

like $raw, qr/\A\+OK [^\r\n]+\r\n\z/,
    'P3-001 the server speaks first, one line of positive status';
cmp_ok length $raw, '<=', 512, 'P3-002 the greeting has at most 512 octets';
ok $c->silent(0.05), 'P3-003 nothing but the greeting is sent';
like $raw, qr/\A[\x20-\x7e]+\r\n\z/, 'P3-004 the greeting is printable ASCII';
is +($raw =~ tr/<//), 1, 'P3-004 there is one < in the greeting';
like $raw, qr/ <[^<>\s@]+@[^<>\s@]+>\r\n\z/,
    'P3-005 the greeting ends with a timestamp shaped as a msg-id';
unlike $raw, qr/\A\+OK \[/, 'P3-008 no response code opens the greeting';
unlike $raw, qr/restante|\d\.\d{1,2}\b/i,
    'P3-010 the greeting tells neither program nor version';

my ($pid, $clock, $host) = $raw =~ /<(\d+)\.(\d+)@([^>]+)>/;
ok defined $host, 'the timestamp is <process-ID.clock@hostname>';
ok -d "/proc/$pid", 'its process-ID is that of a process';
my $name = hostname();
SKIP: {
	skip 'this machine has a name that is none', 1
	    if $name !~ /\A[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\z/;
	is $host, $name, 'its hostname is the name of this machine';
}
like $raw, qr/\A\+OK \Q$host\E POP3 server ready </,
    'the greeting names the machine';

# In one second, in many processes, and over a restart.
my (%stamps, %clocks);
for (1 .. 60) {
	my $n = $d->connect;

	$stamps{ $n->stamp }++;
	$clocks{ ($n->stamp =~ /\.(\d+)@/)[0] }++;
	$n->close;
}
$c->close;
$d->restart;
$stamps{ $d->connect->stamp }++;
is keys %stamps, 61, 'P3-006 no timestamp ever repeats';
is keys %clocks, 60, 'P3-006 the clock in it is fine enough';

# P3-009: the client speaks before it reads.
$c = $d->connect(silent => 1);
$c->send("USER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\n");
is_deeply [ map { (split ' ', $c->status)[0] } 1 .. 5 ], [ ('+OK') x 5 ],
    'P3-009 what arrives before the greeting was read is executed in order';
ok $c->eof, 'P3-009 and that is all';

# A server without APOP.
my $plain = Restante->start(users => { alice => "secret\n" },
    options => ['apop=no']);
$c = $plain->connect;
unlike $c->greeting, qr/[<>]/,
    'P3-007 without APOP there is no timestamp in the greeting';
like $c->greeting, qr/\A\+OK \Q$host\E POP3 server ready\z/,
    'P3-007 all else of it is the same';

# P3-008: at its limit the server says so, and closes.
my $small = Restante->start(
    users => { alice => "secret\n", bob => "secret\n" },
    options => ['max-sessions=2']);
my @both = map { $small->session($_, 'secret') } qw(alice bob);
$c = $small->connect;
like $c->greeting, qr/\A-ERR \[SYS\/TEMP\] too many sessions/,
    'P3-008 a server that is full says -ERR [SYS/TEMP]';
ok $c->eof, 'P3-008 and closes';
like $both[0]->cmd('QUIT'), qr/\A\+OK/, 'P3-008 the others go on';
$_->close for @both;
ok Restante::wait_for(sub {
	my $n = $small->connect;
	$n->greeting =~ /\A\+OK/;
}), 'P3-008 and when they have gone there is room';

# The standard port is 110; the test asks the settings, not the port.
like scalar qx(@{[ Restante::binary() ]} -f /dev/null -T), qr/^listen \*:110$/m,
    'P3-011 the port is 110 unless told otherwise';

done_testing;
