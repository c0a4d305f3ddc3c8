# SPDX-License-Identifier: ISC
# What a client may take its time for: RFC 1939 section 3.  All limits here are a
# second, and everything waits at the same time.  Where somebody else had the
# processor for that long, it is all begun again, with longer ones in the end.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Proc;
use Restante;

use constant { ATTEMPTS => 5 };
my @limits = (1, 1, 2, 4, 8);

my $mbox = "secret\n" . Restante::mbox("A: b\n\n1\n");
my %users = (alice => $mbox, bob => $mbox, carol => $mbox, dave => $mbox);

# A message of 64 MB, more than the kernel keeps for a client that does not read.
my $large = "secret\n" . "From a Thu Nov 20 18:27:05 2025\nA: b\n\n";
my ($limit, $idle, $login, $write);

my $settings = qx(@{[ Restante::binary() ]} -f /dev/null -T);
like $settings, qr/^idle-timeout 600$/m, 'P3-295 the idle limit is 10 minutes';
like $settings, qr/^login-timeout \d+$/m, 'P3-298 the login has one of its own';
like $settings, qr/^write-timeout \d+$/m, 'P3-299 so has a client that does not read';

my (%c, %closed, $busy_for, $deaf_for, $tried);

# Whether all went as it does where there is time for it.
sub attempt
{
	$_->close for values %c;
	%closed = ();
	$busy_for = 0;
	$idle = Restante->start(users => { %users, slow => "secret\n" .
		Restante::mbox("A: b\n\n" . "some text in a line\n" x 150_000) },
	    options => ["idle-timeout=$limit"]);
	$login = Restante->start(users => \%users,
	    options => ["login-timeout=$limit"]);
	$write = Restante->start(users => { %users, large => $large },
	    options => ["write-timeout=$limit"]);
	truncate $write->path('large'), 64 << 20 or die;

	my $start = time;
	%c = (
		silent => $idle->session('alice', 'secret'),
		busy => $idle->session('bob', 'secret'),
		piece => $idle->session('carol', 'secret'),	# of a command
		strange => $idle->connect,
		stranger => $login->connect,
		trying => $login->connect,
		logged_in => $login->session('alice', 'secret'),
		deaf => $write->session('large', 'secret'),
		reader => $write->session('alice', 'secret'),
	);
	$c{silent}->cmd('DELE 1');
	$c{deaf}->send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
	$c{piece}->cmd('DELE 1');
	for my $round (1 .. 8 * $limit) {	# 2.4 times as long
		my $reply = $c{busy}->cmd('NOOP');
		$busy_for = time - $start
		    if defined $reply && $reply =~ /\A\+OK/;
		$c{piece}->send('N');	# never a whole line
		$c{trying}->send("CAPA\r\n");
		$c{logged_in}->cmd('NOOP') if $round % 3 == 0;
		sleep 0.3;
		for (qw(silent piece strange stranger)) {
			$closed{$_} //= time - $start if $c{$_}->eof(0);
		}
	}
	($deaf_for) = ($write->log_like(qr/user=large .*reason=not-reading/) //
	    '') =~ / seconds=(\d+) /;
	$tried = $c{trying}->raw_until(undef);
	return $tried ne '' && $busy_for > 2 * $limit &&
	    defined $c{busy}->cmd('NOOP') &&
	    4 == grep({ $_ < 2 * $limit } values %closed) &&
	    defined $deaf_for && $deaf_for < 2 * $limit;
}

for (@limits) {
	$limit = $_;
	last if attempt();
}
cmp_ok $busy_for, '>', 2 * $limit, 'P3-216 P3-296 any command starts it anew';
like $c{busy}->cmd('STAT'), qr/\A\+OK 1 /, 'P3-216 the session lives';
like $c{logged_in}->cmd('STAT'), qr/\A\+OK 1 /,
    'P3-298 the limit for the login does not concern the session';
like $c{reader}->cmd('STAT'), qr/\A\+OK 1 /,
    'P3-299 nor that for writing a client that has nothing to read';

# Had they been silent since the last command they would have lasted a second.
for my $who (qw(silent piece strange stranger)) {
	is $c{$who}->raw_until(undef), '', "P3-297 $who: closed without a word";
	ok defined $closed{$who} && $closed{$who} >= $limit &&
	    $closed{$who} < 2 * $limit, "P3-296 $who: in time"
	    or diag $closed{$who} // 'never';
}
like $tried, qr/\A(?:\+OK.*?\r\n\.\r\n)+\z/s,
    'P3-298 commands do not prolong the time for a login';
like $idle->log_like(qr/user=alice .*reason=timeout/), qr/ deleted=0 left=1 /,
    'P3-297 nothing was removed';
is $idle->mbox('alice'), $mbox, 'P3-297 the mailbox is as it was';
ok Restante::wait_for(sub {
	2 == (() = $login->stderr =~ /user=- .*reason=timeout/g)
}), 'P3-298 the log tells of both';
like $login->connect->login('bob', 'secret'), qr/\A\+OK/,
    'P3-298 a login in time works';

ok defined $deaf_for && $deaf_for >= $limit && $deaf_for < 2 * $limit,
    'P3-299 a client that does not read is given up' or diag $deaf_for // 'never';
cmp_ok length $c{deaf}->raw_until(undef), '<', 64 << 20, 'P3-299 with a part sent';
my $again = $write->session('large', 'secret');
like $again->cmd('STAT'), qr/\A\+OK 1 /,
    'P3-299 which counts as a lost connection: QUIT behind it was not obeyed';

# A client that reads slowly is not given up: the limit is for no progress.  It takes
# less in that time than a third of what the system would keep for it.
my ($took, $got);
for (1 .. ATTEMPTS) {
	my $from = time;
	my $bytes;

	$again->send("RETR 1\r\n");
	$got = 0;
	while (time - $from < 2.5 * $limit) {
		$got += sysread($again->socket, $bytes, 1 << 16) // 0;
		sleep 0.15;
	}
	$took = time - $from;
	$got += length eval { $again->raw_until(qr/\r\n\.\r\n\z/) } // '';
	last if $@ eq '';
	$again->close;
	$again = $write->session('large', 'secret');
}
cmp_ok $took, '>=', 2.5 * $limit, 'P3-299 a slow reader takes longer';
my ($octets) = ($again->cmd('LIST 1')) =~ /\A\+OK 1 (\d+)\z/;
cmp_ok $got, '>', $octets, 'P3-299 and gets all of it';

# Nor is one idle to whom the answer is still on its way.
my $said;
for (1 .. ATTEMPTS) {
	my $slow = $idle->session('slow', 'secret');
	my $tail = ' ' x 5;

	$slow->send("RETR 1\r\n");
	while ($tail !~ /\r\n\.\r\n\z/) {
		my $n = sysread $slow->socket, my $bytes, 1 << 16;
		last if defined $n && $n == 0;
		$tail = substr $tail . $bytes, -5 if $n;
		sleep 0.05;
	}
	$said = $slow->cmd('DELE 1');
	last if defined $said;
}
like $said, qr/\A\+OK/, 'P3-296 who has not got the answer yet is not idle';

done_testing;
