# SPDX-License-Identifier: ISC
# Each process of the server killed at each stage of a session: nothing is lost,
# nothing stays locked, others are served, and no process is left behind.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Proc;
use Restante;

my @text = map { "Subject: $_\n\nbody of $_\n" . 'x' x 5000 } qw(one two three);
my $box = "secret\n" . Restante::mbox(@text);
my $d = Restante->start(users => { alice => $box, bob => $box });
my $started = time;

# How far a session is, by name; the code takes a fresh connection there.
my @stages = (
	[ 'greeted', sub { } ],
	[ 'named', sub { $_[0]->cmd('USER alice') } ],
	[ 'refused', sub { $_[0]->login('alice', 'wrong') } ],
	[ 'logged in', sub { $_[0]->login('alice', 'secret') } ],
	[ 'marking', sub {
		$_[0]->login('alice', 'secret');
		$_[0]->cmd("DELE $_") for 1, 3;
	} ],
	[ 'reading', sub {
		$_[0]->login('alice', 'secret');
		$_[0]->text('RETR 2');
		$_[0]->cmd('DELE 2');
	} ],
	[ 'in the middle of a command', sub {
		$_[0]->login('alice', 'secret');
		$_[0]->cmd("DELE $_") for 1 .. 3;
		$_[0]->send('QUI');
	} ],
);

sub pid_of
{
	my ($c) = @_;

	return $c->greeting =~ /<(\d+)\./ ? $1 : die $c->greeting;
}

# The mailbox is whole, nobody holds it, and strangers are served.
sub unharmed
{
	my ($when) = @_;
	my $c = $d->connect;

	like $c->login('alice', 'secret'), qr/^\+OK.* 3 messages/,
	    "$when: the mailbox is free and whole";
	is_deeply [ map { [ $c->multi("RETR $_") ]->[1] } 1 .. 3 ],
	    [ 'Subject: one', 'Subject: two', 'Subject: three' ],
	    "$when: all messages are there";
	like $c->cmd('QUIT'), qr/^\+OK/, "$when: the next session ends well";
	$c->close;
	is $d->mbox('alice'), $box, "$when: not an octet has changed";
}

for (@stages) {
	my ($stage, $go) = @$_;
	my $c = $d->connect;

	$go->($c);
	Proc::slay(pid_of($c));
	ok $c->eof, "session killed, $stage: its client sees the end";
	ok Proc::none($d, qr/^attendant/),
	    "session killed, $stage: no attendant stays";
	unharmed("session killed, $stage");
}

for (@stages[1, 2]) {
	my ($stage, $go) = @$_;
	my $c = $d->connect;

	$go->($c);
	Proc::slay(Proc::find($d, qr/^attendant/));
	like $c->login('alice', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    "attendant killed, $stage: the client is told";
	ok $c->eof, "attendant killed, $stage: and sent away";
	$c->close;
	unharmed("attendant killed, $stage");
}

# An attendant that is killed while it waits for a lock, for half a second.
{
	my $holder = $d->session('alice', 'secret');
	my $said;

	for (1 .. 20) {
		Proc::none($d, qr/^attendant/);
		my $c = $d->connect;

		$c->cmd('USER alice');
		my $attendant = Proc::find($d, qr/^attendant/);
		$c->send("PASS secret\r\n");
		Proc::slay($attendant);
		$said = $c->status;
		$c->close;
		last if $said !~ /^-ERR \[IN-USE\]/;
	}
	like $said, qr/^-ERR \[SYS\/TEMP\]/, 'attendant killed, locking';
	$holder->close;
	Proc::none($d, qr/^session/);
	unharmed('attendant killed, locking');
}

# The master starts both anew, but not for ever if they do not live for a
# second.
for my $part (qw(keeper listener)) {
	my @sessions = map {
		my $c = $d->connect;
		$_->[1]->($c);
		$c
	} @stages[0, 1, 4];
	my ($greeted, $named, $marking) = @sessions;
	my $wait = $started + 1.1 - time;
	sleep $wait if $wait > 0;

	my %old = map { ($_, Proc::find($d, qr/^$_/)) } qw(keeper listener);
	Proc::slay($old{$part});
	ok $d->log_like(qr/the $part has ended, by signal 9/),
	    "$part killed: it is told";
	ok Restante::wait_for(sub {
		my $title = Proc::titles($d);
		my @new = grep { $title->{$_} =~ /^(?:keeper|listener)/ &&
		    $_ != $old{keeper} && $_ != $old{listener} } keys %$title;
		return @new == 2;
	}), "$part killed: both are started anew";
	$started = time;
	my $c = $d->connect;
	like $c->login('bob', 'secret'), qr/^\+OK.* 3 messages/,
	    "$part killed: others are served";
	$c->cmd('QUIT');
	$c->close;

	like $marking->cmd('STAT'), qr/^\+OK 1 /,
	    "$part killed: a session goes on";
	like $named->cmd('PASS secret'), qr/^-ERR \[IN-USE\]/,
	    "$part killed: so does an attendant";
	if ($part eq 'keeper') {
		like $greeted->login('alice', 'secret'),
		    qr/^-ERR \[SYS\/TEMP\]/,
		    "$part killed: who has no attendant gets none";
	} else {
		like $greeted->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
		    "$part killed: the keeper waits for who is connected";
	}
	$marking->cmd('RSET');
	like $marking->cmd('QUIT'), qr/^\+OK.*3 messages left/,
	    "$part killed: and a session ends well";
	$_->close for @sessions;
	ok Proc::none($d, qr/^(?:session|attendant)/),
	    "$part killed: nothing is left of them";
	is scalar(grep { /^$part/ } values %{ Proc::titles($d) }), 1,
	    "$part killed: there is one again";
	unharmed("$part killed");
}

# While there is no keeper.
{
	my $wait = $started + 1.1 - time;
	sleep $wait if $wait > 0;

	my $keeper = Proc::find($d, qr/^keeper/);
	Proc::halt($d->pid);
	Proc::slay($keeper);
	my $c = $d->connect(silent => 1);
	ok $c->silent(0.5), 'no keeper: a client waits';
	kill CONT => $d->pid;
	like $c->status, qr/^\+OK/, 'a keeper again: it is greeted';
	like $c->login('bob', 'secret'), qr/^\+OK.* 3 messages/,
	    'a keeper again: and logs in';
	$c->cmd('QUIT');
	$c->close;
}

is $d->stop, 0, 'the server ends with status 0';

# What cannot be kept alive is given up.
{
	my $e = Restante->start(users => { alice => $box });
	my $c = $e->session('alice', 'secret');

	my $given_up = qr/had just been started, again: giving up/;
	my %killed;

	# A test that is late kills one that has lived for a second: then it is
	# counted anew.
	ok Restante::wait_for(sub {
		return 1 if $e->stderr =~ $given_up;
		for my $keeper (Proc::all($e, qr/^keeper/)) {
			kill KILL => $keeper if !$killed{$keeper}++;
		}
		return;
	}), 'killed at once: the master gives up';
	cmp_ok scalar(keys %killed), '>=', 5, 'killed at once: not before the fifth';
	is $e->wait, 1 << 8, 'killed at once: with status 1';
	like $c->cmd('DELE 1'), qr/^\+OK/, 'killed at once: a session goes on';
	like $c->cmd('QUIT'), qr/^\+OK.*2 messages left/,
	    'killed at once: to its end';
	$c->close;
	$e->stop;
}

done_testing;
