# SPDX-License-Identifier: ISC
# QUIT, the UPDATE state, and ends without it: RFC 1939 section 6.
use strict;
use warnings;

use Test::More;

use Clock ();
use Reference;
use Restante;

my @texts = map { "Subject: $_\n\nbody $_\n" } 1 .. 6;
my $mbox = "secret\n" . Restante::mbox(@texts);
my $d = Restante->start(users => { map { $_ => $mbox } 'aa' .. 'bz' });
my ($host) = $d->connect->greeting =~ /\A\+OK (\S+) POP3/;

# Which of the six messages a mailbox shows.
sub left
{
	my ($name) = @_;
	my $c = $d->session($name, 'secret');
	my ($status, @list) = $c->multi('LIST');
	my @left;

	for my $n (1 .. @list) {
		die "$list[$n - 1] is not $n" if $list[$n - 1] !~ /\A$n /;
		my ($status, $text) = $c->text("RETR $n");
		my ($which) = $text =~ /\ASubject: (\d)\r\n/;
		die "message $n is damaged" if !defined $which ||
		    $text ne Reference::on_the_wire($texts[$which - 1]);
		push @left, $which;
	}
	$c->close;
	return "@left";
}

my $name = 'aa';
for my $delete ([], [1], [6], [3], [ 1, 2 ], [ 5, 6 ], [ 2, 4, 6 ], [ 1, 3, 5 ],
	[ 3, 1 ], [ 2, 3, 4, 5 ], [ 1 .. 5 ], [ 2 .. 6 ], [ reverse 1 .. 6 ]) {
	my %gone = map { $_ => 1 } @$delete;
	my @stay = grep { !$gone{$_} } 1 .. 6;
	my $c = $d->session($name, 'secret');

	$c->cmd("DELE $_") for @$delete;
	my $words = @stay == 0 ? 'maildrop empty' :
	    @stay == 1 ? '1 message left' : @stay . ' messages left';
	is $c->cmd('QUIT'), "+OK $host POP3 server signing off ($words)",
	    "P3-270 QUIT with (@$delete) deleted";
	# Whatever the answer promises has been done when it arrives.
	my $file = $d->mbox($name);
	is +(grep { $file =~ /^Subject: $_$/m } @$delete), 0,
	    'P3-275 the file is without them when +OK is read';
	is left($name), "@stay",
	    'P3-139 P3-271 P3-278 the next session has the others, from 1 on';
	ok $c->eof, 'P3-274 the connection is closed';
	ok !$c->was_reset, 'P3-279 in order';
	$c->close;
	like $file, qr/\Asecret\n/, 'the password line is as it was';
	is $file, $mbox, 'P3-182 as is all else when nothing was deleted'
	    if !@$delete;
	is $file, "secret\n", 'nothing else is there when all were' if !@stay;
	$name++;
}

# A tail is cut off; what is before it is not touched.
my $c = $d->session($name, 'secret');
$c->cmd("DELE $_") for 5, 6;
$c->cmd('QUIT');
$c->close;
is $d->mbox($name), "secret\n" . Restante::mbox(@texts[ 0 .. 3 ]),
    'P3-271 the file ends where the kept messages do';
$name++;

# P3-276, P3-277, P3-280
$c = $d->session($name, 'secret');
$c->send("DELE 1\r\nQUIT\r\nDELE 2\r\nSTAT\r\nRSET\r\nQUIT\r\n");
like $c->status, qr/\A\+OK/, 'DELE';
like $c->status, qr/\(5 messages left\)/, 'QUIT';
is $c->raw_until(undef), '', 'P3-276 no reply to what is behind QUIT';
ok !$c->was_reset, 'P3-279 and no reset, although there was more to read';
$c->close;
is left($name++), '2 3 4 5 6', 'P3-276 and none of it is executed';

# More input than is read at once, and more while the answer is on its way: closing
# with octets unread would be a reset, which can overtake the answer.
$c = $d->session($name, 'secret');
$c->send("QUIT\r\n" . "NOOP\r\n" x 10_000);
$c->ready(Clock::time() + Restante::PATIENCE);
like $c->status, qr/\(6 messages left\)/, 'P3-279 QUIT, and more behind it';
ok $c->eof, 'P3-279 is closed';
ok !$c->was_reset, 'P3-279 in order';
$c->close;

$c = $d->session($name, 'secret');
$c->send("DELE 3\r\nRETR 1\r\nQUIT\r\n");
$c->half_close;
like $c->status, qr/\A\+OK/, 'P3-277 a half-closed connection: DELE';
is +($c->text)[1], Reference::on_the_wire($texts[0]), 'P3-277 RETR';
like $c->status, qr/\(5 messages left\)/, 'P3-277 QUIT';
ok $c->eof, 'P3-277 and then it closes';
$c->close;
is left($name++), '1 2 4 5 6', 'P3-277 QUIT did its work';

$c = $d->session($name, 'secret');
$c->send("DELE 4\r\nQUIT\r\n");
$c->close;
ok $d->log_like(qr/user=$name .*deleted=1 left=5/),
    'P3-280 a client that does not wait for the answer';
is left($name++), '1 2 3 5 6', 'P3-280 has its update';

# P3-272: any other end.
my %ends = (
	FIN => sub { $_[0]->close },
	RST => sub { $_[0]->abort },
	'FIN behind QUIT without its LF' => sub {
		$_[0]->send("QUIT\r");
		$_[0]->half_close;
		$_[0]->raw_until(undef);
		$_[0]->close;
	},
	'QUIT with an argument' => sub {
		$_[0]->cmd('QUIT 1');
		$_[0]->close;
	},
	'a killed session' => sub {
		kill KILL => $_[0]->stamp =~ /<(\d+)/;
		$_[0]->close;
	},
);
for my $end (sort keys %ends) {
	$c = $d->session($name, 'secret');
	$c->cmd("DELE $_") for 1 .. 6;
	$ends{$end}->($c);
	ok Restante::wait_for(sub {
		$d->connect->login($name, 'secret') =~ /has 6 messages/;
	}), "P3-272 $end: nothing is removed";
	is $d->mbox($name++), $mbox, 'P3-272 nor changed';
}
# Commands that are there already when the client is seen to be lost.
$d->user(large => "secret\n" . Restante::mbox("A: b\n\n" . "text\n" x 2e6));
$c = $d->session('large', 'secret');
$c->send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
$c->ready(Clock::time() + Restante::PATIENCE);
$ends{RST}->($c);
ok $d->log_like(qr/end: user=large .* deleted=0 left=1 .*reason=lost$/),
    'P3-272 what a client has said in advance is not obeyed when it is lost';

# A client that still reads when it says more than QUIT: what is on its way, and
# deleted, must not be reset.
my $large = "A: b\n\n" . "text\n" x 4e4;
$d->user(large => "secret\n" . Restante::mbox($large));
$c = $d->session('large', 'secret');
$c->send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
ok $d->log_like(qr/end: user=large .* deleted=1 /), 'a letter is deleted';
$c->send("\r\n");
sleep 0.2;
my $got = $c->raw_until;
like $got, qr/\r\n\.\r\n\+OK [^\n]*deleted\r\n\+OK [^\n]*\r\n\z/,
    'P3-272 behind QUIT: its end arrives';
is length($got =~ s/\A.*?\r\n|\r\n\.\r\n.*\z//grs), length($large =~ s/\n/\r\n/gr) - 2,
    'P3-272 behind QUIT: and all before';
$c->close;

my $s = Restante->start(users => { alice => $mbox });
$c = $s->session('alice', 'secret');
$c->cmd("DELE $_") for 1 .. 6;
kill TERM => $s->pid;
ok $s->log_like(qr/ending; sessions may finish/), 'the server is to end';
is $c->cmd('NOOP'), '+OK nothing done', 'P3-272 a session may go on';
kill TERM => $s->pid;
is $s->wait, 0, 'P3-272 until the server is to end at once';
$c->close;
is $s->mbox('alice'), $mbox, 'P3-272 nothing is removed';

# P3-273: the file is not as it was any more, by somebody who takes no lock.
$c = $d->session($name, 'secret');
$c->cmd('DELE 2');
my $changed = $mbox;
$changed =~ s/(?<=body 1\n\n)From /Frxm / or die;
$d->user($name, $changed);
is $c->cmd('QUIT'), '-ERR [SYS/TEMP] nothing was deleted',
    'P3-273 an update that cannot be: -ERR';
ok $c->eof, 'P3-274 the connection is closed all the same';
$c->close;
is $d->mbox($name), $changed, 'P3-273 nothing was deleted';
like $d->connect->login($name, 'secret'), qr/\A\+OK/, 'P3-274 nor is it locked';
$name++;

# RSET, and QUIT without a deletion, leave even the times of the file alone.
my @before = (stat $d->path($name))[ 1, 7, 9 ];
$c = $d->session($name, 'secret');
$c->cmd("DELE $_") for 1 .. 6;
$c->cmd('RSET');
like $c->cmd('QUIT'), qr/\(6 messages left\)/, 'P3-221 QUIT behind RSET';
$c->close;
is_deeply [ (stat $d->path($name))[ 1, 7, 9 ] ], \@before,
    'P3-221 the file was not touched';

done_testing;
