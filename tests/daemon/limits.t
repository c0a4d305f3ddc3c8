# SPDX-License-Identifier: ISC
# More connections than are allowed, and descriptors that run out: those that
# have a session keep it, others are told, and the server recovers.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use Proc;
use Restante;

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");

# Sets the limit of descriptors of a process, as its own user: root needs a
# right for that which it may not have.  What a process has open stays open.
sub set_limit
{
	my ($pid, $soft, $hard) = @_;
	my ($uid) = Proc::status($pid)->{Uid} =~ /^(\d+)/;
	my ($gid) = Proc::status($pid)->{Gid} =~ /^(\d+)/;
	my $su = $> == 0 ? "setpriv --reuid=$uid --regid=$gid --clear-groups" :
	    '';

	return system("$su prlimit --pid $pid --nofile=$soft:$hard") == 0;
}

sub limit_of
{
	my ($pid) = @_;

	return split / /, Proc::limits($pid)->{'Max open files'};
}

# max-sessions.
{
	my $d = Restante->start(users => { map { ("user$_" => $box) } 1 .. 4 },
	    options => [ 'max-sessions=3' ]);
	my @in = ($d->session('user1', 'secret'),
	    $d->session('user2', 'secret'), $d->connect);

	for (1 .. 5) {
		my $c = $d->connect;
		is $c->greeting, '-ERR [SYS/TEMP] too many sessions, '
		    . 'try again later', 'P3-008 one more is told';
		ok $c->eof, 'and sent away';
		ok !$c->was_reset, 'in order';
		$c->close;
	}
	like $in[0]->cmd('STAT'), qr/^\+OK 1 /, 'those that are in go on';
	like $in[2]->login('user3', 'secret'), qr/^\+OK/, 'and can log in';
	is scalar(() = $d->stderr =~
	    /refused: addr=127\.0\.0\.1 why=max-sessions/g), 5,
	    'each refusal is logged';

	$in[0]->cmd('QUIT');
	$in[0]->close;
	# Its place is free when its process is gone.
	ok Restante::wait_for(sub {
		$in[0] = $d->connect;
		return $in[0]->greeting =~ /^\+OK/;
	}), 'where one ends, another begins';
	like $in[0]->login('user4', 'secret'), qr/^\+OK/, 'and logs in';
	like $d->connect->greeting, qr/^-ERR/, 'and all places are taken again';
	$_->close for @in;
	ok Proc::none($d, qr/^(?:session|attendant)/), 'all are gone';
	ok Restante::wait_for(sub { $d->connect->greeting =~ /^\+OK/ }),
	    'and the places free';
}

# A burst of more than there are places leaves none taken.
{
	my $d = Restante->start(users => { alice => $box },
	    options => [ 'max-sessions=5' ]);

	for (1 .. 5) {
		my @all = map { $d->connect(silent => 1) } 1 .. 20;
		$_->close for @all;
	}
	ok Proc::none($d, qr/^(?:session|attendant)/), 'a burst: all are gone';
	# The last of the burst may still wait for the listener.
	ok Restante::wait_for(sub {
		my @in = map { $d->connect } 1 .. 5;
		my $greeted = grep { $_->greeting =~ /^\+OK/ } @in;
		$_->close for @in;
		return $greeted == 5;
	}), 'a burst: no place is lost';
}

# The listener without a descriptor to spare.
SKIP: {
	my $d = Restante->start(users => { alice => $box });
	my $c = $d->session('alice', 'secret');
	my $listener = Proc::find($d, qr/^listener/);
	my ($soft, $hard) = limit_of($listener);

	skip 'the limits of another process cannot be set here', 9
	    if !set_limit($listener, 4, $hard);

	my @waiting = map { $d->connect(silent => 1) } 1 .. 3;
	ok $d->log_like(qr/session: accept: Too many open files/),
	    'no descriptor: it is logged';
	ok $waiting[0]->silent(0.3), 'no descriptor: a client waits';
	my $cpu = sub {
		my @stat = split / /, Proc::file($listener, 'stat')
		    =~ s/.*\) //sr;
		return $stat[11] + $stat[12];
	};
	my $before = $cpu->();
	ok $waiting[0]->silent(0.3), 'no descriptor: still';
	cmp_ok $cpu->() - $before, '<', 10, 'no descriptor: it rests';
	cmp_ok scalar(() = $d->stderr =~ /too many open files/gi), '<', 20,
	    'no descriptor: nor does it fill the log';
	like $c->cmd('STAT'), qr/^\+OK 1 /, 'no descriptor: sessions go on';

	# Enough to accept, not enough to start a session.
	# It has 0 to 7, and the two ends of the pipe that wakes it.
	set_limit($listener, 11, $hard);
	my $line = $waiting[0]->status;
	is $line, '-ERR [SYS/TEMP] no session can be started now',
	    'one descriptor: a client is told';
	set_limit($listener, $soft, $hard);
	# Who waited is served, or has been told.
	for my $w (@waiting[1, 2]) {
		like $w->status, qr/^(?:\+OK|-ERR \[SYS\/TEMP\])/,
		    'descriptors again: a client that has waited';
	}
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'descriptors again: all is as before';
}

# So is the keeper: without one it takes no registration.
SKIP: {
	my $d = Restante->start(users => { alice => $box });
	my $keeper = Proc::find($d, qr/^keeper/);
	my ($soft, $hard) = limit_of($keeper);

	skip 'the limits of another process cannot be set here', 2
	    if !set_limit($keeper, 4, $hard);
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    'a keeper without a descriptor: logins are not possible';
	set_limit($keeper, $soft, $hard);
	like $d->connect->login('alice', 'secret'), qr/^\+OK/,
	    'a keeper with descriptors again: they are';
}

done_testing;
