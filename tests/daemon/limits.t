# SPDX-License-Identifier: ISC
# More connections than are allowed, and descriptors that run out: those that
# have a session keep it, others are told, and the server recovers.

use strict;
use warnings;

use List::Util qw(sum0);
use Test::More;

use Clock qw(time);
use Pop1;
use Proc;
use Restante;

use constant { BURST => 10 };

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");

# Sets a limit of a process, as its own user: root needs a right for that which it
# may not have.  What a process has stays.
sub set_limit
{
	my ($pid, $soft, $hard, $what) = @_;
	my ($uid) = Proc::status($pid)->{Uid} =~ /^(\d+)/;
	my ($gid) = Proc::status($pid)->{Gid} =~ /^(\d+)/;
	my $su = $> == 0 ? "setpriv --reuid=$uid --regid=$gid --clear-groups" :
	    '';

	$what //= 'nofile';
	return system("$su prlimit --pid $pid --$what=$soft:$hard") == 0;
}

sub limit_of
{
	my ($pid, $what) = @_;

	return split / /, Proc::limits($pid)->{$what // 'Max open files'};
}

# How many refusals the log has of these kinds, and in how many lines: the first one
# and how many more there were, at the end or after some seconds, and so again.
sub refusals
{
	my ($d, $why) = @_;
	my @lines = $d->stderr =~ /session: refused: (.*why=$why.*)$/mg;

	return (sum0(map { /^(\d+) more,/ ? $1 : 1 } @lines), scalar @lines);
}

# So many lines there may be when it has lasted since then.
sub lines_since
{
	my ($start, $kinds) = @_;

	return $kinds * 2 * (1 + int((time - $start) / BURST));
}

my $full = '-ERR [SYS/TEMP] too many sessions, try again later';
my $crowd = '-ERR [SYS/TEMP] too many connections from your address';
my $made_way = '-ERR [SYS/TEMP] too many sessions, and nobody has logged in '
    . 'here';

# max-sessions, all of them logged in.
{
	my $d = Restante->start(users => { map { ("user$_" => $box) } 1 .. 4 },
	    options => [ 'max-sessions=3' ]);
	my @in = map { $d->session("user$_", 'secret') } 1 .. 3;
	my ($start, $refused) = (time, 0);
	my $greeting = sub {
		my $c = $d->connect;
		$refused++ if $c->greeting eq $full;
		return $c->greeting;
	};

	for (1 .. 5) {
		my $c = $d->connect;
		is $c->greeting, $full, 'P3-008 one more is told';
		$refused++;
		ok $c->eof, 'and sent away';
		ok !$c->was_reset, 'in order';
		$c->close;
	}
	like $in[0]->cmd('STAT'), qr/^\+OK 1 /, 'those that are in go on';

	$in[0]->cmd('QUIT');
	$in[0]->close;
	# Its place is free when its process is gone.
	ok Restante::wait_for(sub {
		$in[0] = $d->connect;
		return 1 if $in[0]->greeting =~ /^\+OK/;
		$refused++;
		return;
	}), 'where one ends, another begins';
	like $in[0]->login('user4', 'secret'), qr/^\+OK/, 'and logs in';
	is $greeting->(), $full, 'and all places are taken again';
	$_->close for @in;
	ok Proc::none($d, qr/^(?:session|attendant)/), 'all are gone';
	ok Restante::wait_for(sub { $greeting->() =~ /^\+OK/ }),
	    'and the places free';
	$d->stop;
	my @said = $d->stderr =~ /session: (refused: .*why=max-sessions)$/mg;
	like $said[0], qr/^refused: addr=127\.0\.0\.1 why=/,
	    'the first refusal is logged, with its address';
	like $said[1], qr/^refused: \d+ more, why=/,
	    'how many there were, when it is over';
	my ($logged, $lines) = refusals($d, 'max-sessions');
	is $logged, $refused, 'all are told of';
	cmp_ok $lines, '<=', lines_since($start, 1), 'in two lines, and that is all';
}

# Whoever has ended takes no place, however short ago that was.
for my $limit ('max-sessions=1', 'max-per-address=1') {
	my $d = Restante->start(users => { user => $box },
	    options => [ $limit, 'trusted=' ]);

	for (1 .. 20) {
		my $c = $d->session('user', 'secret');
		my ($pid) = $c->stamp =~ /<(\d+)\./;
		$c->cmd('QUIT');
		$c->close;
		# In a hurry: the listener may not have looked at it yet.
		my $end = time + 20;
		1 while time < $end &&
		    (Proc::file($pid, 'stat') // 'gone) X ') !~ /\) [ZX] /;
	}
	unlike $d->stderr, qr/refused:/, "$limit: twenty one after the other";
	is $d->stop, 0, "$limit: the server ends";
}

# The oldest that has not logged in makes way, whatever it does meanwhile.
{
	my $d = Restante->start(users => { map { ("user$_" => $box) } 1 .. 3 },
	    options => [ 'max-sessions=4', 'hide-users=no' ]);
	my $in = $d->session('user1', 'secret');
	my $mute = $d->connect;
	my $busy = $d->connect;
	my $young = $d->connect;

	# It has an attendant, and half a command.
	like $busy->cmd('USER user2'), qr/^\+OK/, 'three have not logged in';
	$busy->send('PASS sec');
	my $c = $d->session('user3', 'secret');
	is $mute->line, $made_way, 'the oldest makes way for one who logs in';
	ok $mute->eof, 'it is closed';
	ok !$mute->was_reset, 'in order';
	my $next = $d->connect;
	is $busy->line, $made_way, 'then the next';
	ok $busy->eof, 'it is closed';
	like $in->cmd('STAT'), qr/^\+OK 1 /, 'one that is logged in never';
	like $c->cmd('STAT'), qr/^\+OK 1 /, 'nor another';
	like $young->login('user2', 'secret'), qr/^\+OK/,
	    'a younger one goes on, and logs in';
}

# So does one that waits to hear that its password is wrong, and its attendant.
{
	my $d = Restante->start(users => { alice => $box },
	    options => [ 'max-sessions=2', 'hide-users=yes', 'login-pause=60' ]);
	my $how_many = sub {
		my ($which) = @_;
		return scalar grep { /^$which/ } values %{ Proc::titles($d) };
	};
	my @waiting = map { $d->connect } 1 .. 2;

	$_->send("USER alice\r\nPASS wrong\r\nQUIT\r\n") for @waiting;
	# It has said all that it will, and still wants the answer.
	$waiting[1]->half_close;
	ok Restante::wait_for(sub { 2 == (() = $d->stderr =~
	    /login refused/g) }), 'two are refused';
	is $how_many->('attendant'), 2, 'and wait to hear of it';
	my $c = $d->session('alice', 'secret');
	ok Restante::wait_for(sub { $how_many->('session') == 2 }),
	    'one made way: its session has ended';
	ok Restante::wait_for(sub { $how_many->('attendant') == 1 }),
	    'and its attendant';
	is $how_many->('session'), 2, 'one that will say no more waits on';
	$waiting[1]->abort;
	$waiting[0]->close;
	$c->cmd('QUIT');
	ok Proc::none($d, qr/^(?:session|attendant)/),
	    'until its client is gone';
	is $d->stop, 0;
}

# However many strangers come, whoever logs in gets in.
{
	my $d = Restante->start(users => { alice => $box },
	    options => [ 'max-sessions=20' ]);
	my $start = time;
	my @idle = map { $d->connect(silent => 1) } 1 .. 100;
	my $c = $d->session('alice', 'secret');

	push @idle, map { $d->connect(silent => 1) } 1 .. 100;
	like $c->cmd('STAT'), qr/^\+OK 1 /, 'a flood of strangers: one is in';
	ok Restante::wait_for(sub {
		my $title = Proc::titles($d);
		return 20 >= grep { /^session/ } values %$title;
	}), 'a flood of strangers: no more sessions than there may be';
	# One that is answered comes behind all of them.
	push @idle, $d->connect;
	$_->close for @idle;
	$c->cmd('QUIT');
	ok Proc::none($d, qr/^(?:session|attendant)/),
	    'a flood of strangers: all are gone';
	$d->stop;
	# The hundred that may be on their way out may not be enough of them.
	my ($refused, $lines) = refusals($d, '(?:made-way|max-)');
	cmp_ok $lines, '<=', lines_since($start, 2),
	    'a flood of strangers: few lines';
	is $refused, 182, 'a flood of strangers: say how many there were';
}

# max-per-address, for those that are not trusted.
{
	my $d = Restante->start(users => { map { ("user$_" => $box) } 1 .. 3 },
	    options => [ 'max-per-address=2', 'trusted=127.0.0.9' ]);
	my @in = map { $d->connect } 1 .. 2;

	is $d->connect->greeting, $crowd, 'one more from an address';
	is $d->connect->greeting, $crowd, 'and another';
	my $other = $d->connect(from => '127.0.0.2');
	like $other->login('user1', 'secret'), qr/^\+OK/,
	    'another address has its own';
	my @trusted = map { $d->connect(from => '127.0.0.9') } 1 .. 5;
	is scalar(grep { $_->greeting =~ /^\+OK/ } @trusted), 5,
	    'one that is trusted has no limit';
	like $in[0]->login('user2', 'secret'), qr/^\+OK/,
	    'who was there first goes on';
	is $d->connect->greeting, $crowd, 'who has logged in counts, too';
	$in[1]->close;
	ok Restante::wait_for(sub { $d->connect->greeting =~ /^\+OK/ }),
	    'where one ends, there is a place';
	$_->close for @in;
	$d->stop;
	like $d->stderr, qr/refused: addr=127\.0\.0\.1 why=max-per-address/,
	    'the first is logged';
	like $d->stderr, qr/refused: \d+ more, why=max-per-address/,
	    'and how many more there were';
}

# max-per-user, by the protocol that does not lock the mailbox; by POP3 there is
# one session in any case.
{
	my $d = Pop1->start(users => { alice => $box, bob => $box },
	    options => [ 'max-per-user=2' ]);
	my @in = map { Pop1->session($d, 'alice', 'secret') } 1 .. 2;
	my $c = Pop1->connect($d);

	like $c->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'a third session of a user';
	ok $d->log_like(qr/login put off: user=alice .* why=max-per-user/),
	    'it is logged';
	my $other = Pop1->session($d, 'bob', 'secret');
	like $other->begin('RETR'), qr/^\d+\z/, 'another user has sessions left';
	like $d->connect->login('alice', 'secret'), qr/^\+OK/,
	    'POP3 needs none of these';
	$in[0]->close;
	ok Restante::wait_for(sub {
		Pop1->connect($d)->login('alice', 'secret') =~ /^\+/
	}), 'where one ends, another begins';
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
	my $idle = $d->connect;
	my $listener = Proc::find($d, qr/^listener/);
	my ($soft, $hard) = limit_of($listener);

	skip 'the limits of another process cannot be set here', 10
	    if !set_limit($listener, 6, $hard);

	my $start = time;
	my @waiting = map { $d->connect(silent => 1) } 1 .. 3;
	ok $d->log_like(qr/session: accept: Too many open files/),
	    'no descriptor: it is logged';
	is $idle->line, $made_way, 'no descriptor: a stranger makes way';
	ok $waiting[0]->silent(0.3), 'no descriptor: a client waits';
	my $cpu = sub {
		my @stat = split / /, Proc::file($listener, 'stat')
		    =~ s/.*\) //sr;
		return $stat[11] + $stat[12];
	};
	my ($before, $from) = ($cpu->(), time);
	ok $waiting[0]->silent(0.3), 'no descriptor: still';
	# A tick is a hundredth of a second.
	my $ticks = $cpu->() - $before;
	cmp_ok $ticks, '<', 35 * (time - $from), 'no descriptor: it rests';
	my $said = () = $d->stderr =~ /too many open files/gi;
	cmp_ok $said, '<', 30 * (time - $start),
	    'no descriptor: nor does it fill the log';
	like $c->cmd('STAT'), qr/^\+OK 1 /, 'no descriptor: sessions go on';

	set_limit($listener, $soft, $hard);
	like $_->status, qr/^\+OK/, 'descriptors again: who has waited is served'
	    for @waiting;
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'descriptors again: all is as before';
}

# The listener that may have no more processes.
SKIP: {
	my $d = Restante->start(users => { alice => $box });
	my $c = $d->session('alice', 'secret');
	my $idle = $d->connect;
	my $listener = Proc::find($d, qr/^listener/);
	my ($soft, $hard) = limit_of($listener, 'Max processes');

	skip 'the limits of another process cannot be set here', 6
	    if !set_limit($listener, 0, $hard, 'nproc');
	is $d->connect(silent => 1)->status,
	    '-ERR [SYS/TEMP] no session can be started now',
	    'no process: a client is told';
	is $idle->line, $made_way, 'no process: a stranger makes way';
	ok $d->log_like(qr/session: forking a session: /), 'no process: it is logged';
	like $c->cmd('STAT'), qr/^\+OK 1 /, 'no process: sessions go on';
	set_limit($listener, $soft, $hard, 'nproc');
	ok Restante::wait_for(sub {
		$d->connect(silent => 1)->status =~ /^\+OK/
	}), 'processes again: a client is served';
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'processes again: all is as before';
}

# So is an attendant: without one it takes no registration.
SKIP: {
	my $d = Restante->start(users => { alice => $box });
	my $attendant = Proc::find($d, qr/^idle attendant/);
	my ($soft, $hard) = limit_of($attendant);

	skip 'the limits of another process cannot be set here', 3
	    if !set_limit($attendant, 4, $hard);
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    'an attendant without a descriptor: logins are not possible';
	ok $d->log_like(qr/keeper: taking a registration: /), '... and it says so';
	set_limit($attendant, $soft, $hard);
	like $d->connect->login('alice', 'secret'), qr/^\+OK/,
	    'an attendant with descriptors again: they are';
}

# The keeper without a process: who is there serves, and who finds nobody is told.
SKIP: {
	skip 'root has as many processes as it likes', 5 if $> == 0;
	my $d = Restante->start(users => { map { ($_ => $box) } qw(alice bob) });
	my $keeper = Proc::find($d, qr/^keeper/);
	my ($soft, $hard) = limit_of($keeper, 'Max processes');

	skip 'the limits of another process cannot be set here', 5
	    if !set_limit($keeper, 1, $hard, 'nproc');
	my $one = $d->connect;
	like $one->cmd('USER alice'), qr/^\+OK/, 'no attendant: but one';
	like $d->connect->login('bob', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    'no attendant: who comes now is told';
	ok $d->log_like(qr/keeper: forking an attendant: /), '... and it is logged';
	set_limit($keeper, $soft, $hard, 'nproc');
	ok Restante::wait_for(sub {
		$d->connect->login('bob', 'secret') =~ /^\+OK/
	}), 'attendants again: a login';
	like $one->cmd('PASS secret'), qr/^\+OK/, 'attendants again: both are in';
}

# Attendants that cannot wait for a session are no attendants.
SKIP: {
	skip 'only root traces a keeper', 4 if $> != 0;
	my ($strace, @fail) = Proc::injecting(4, 'epoll_ctl', 'error=ENOSPC');
	my $d = Restante->start(users => { map { ($_ => $box) } qw(alice bob) });
	my $keeper = Proc::find($d, qr/^keeper/);

	Proc::find($d, qr/^idle attendant/);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		exec $strace, '-f', @fail, '-p', $keeper;
		die "$strace: $!";
	}
	Restante::wait_for(sub { Proc::status($keeper)->{TracerPid} != 0 });
	my $one = $d->connect;
	like $one->cmd('USER alice'), qr/^\+OK/, 'one attendant waits';
	like $d->connect->login('bob', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    'others cannot wait: who comes now is told';
	ok $d->log_like(qr/keeper: waiting for sessions: No space/), '... and why';
	kill TERM => $pid;
	waitpid $pid, 0;
	ok Restante::wait_for(sub {
		$d->connect->login('bob', 'secret') =~ /^\+OK/
	}), 'and can again: a login';
}

# Attendants that do not end with their sessions, as many as there can be.
{
	my $d = Restante->start(users => { map { ($_ => $box) } qw(alice bob) },
	    options => [ 'max-sessions=3' ]);
	my @stopped;

	for my $n (1 .. 103) {
		my $c = $d->connect;
		my ($session) = $c->stamp =~ /<(\d+)\./;
		$c->cmd('NOOP');
		my %known = map { ($_ => 1) } @stopped;
		push @stopped, Restante::wait_for(sub {
			my ($new) = grep { !$known{$_} }
			    Proc::all($d, qr/^attendant/);
			return $new;
		});
		Proc::halt($stopped[-1]);
		Proc::slay($session);
		$c->close;
	}
	like $d->connect->login('bob', 'secret'), qr/^-ERR \[SYS\/TEMP\]/,
	    'no place for an attendant: who comes now is told';
	ok $d->log_like(qr/keeper: too many logins at once/), '... and it is logged';
	kill CONT => @stopped;
	ok Restante::wait_for(sub {
		$d->connect->login('bob', 'secret') =~ /^\+OK/
	}), 'places again: a login';
	is $d->stop, 0, 'places again: the server ends';
}

# A keeper that is stopped holds up nobody but those who want to log in, and these
# no longer than it is; the listener goes on, and ends when it is told to.
{
	my $d = Restante->start(users => { alice => $box, bob => $box });
	my $in = $d->session('alice', 'secret');
	my $keeper = Proc::find($d, qr/^keeper/);

	kill STOP => $keeper;
	# More than its queue has room for.
	my @many = map { $d->connect } 1 .. 600;
	$_->send("USER alice\r\n") for @many;
	like $in->cmd('STAT'), qr/^\+OK/, 'a stopped keeper: sessions go on';
	ok $many[-1]->silent(0.3), 'a stopped keeper: who wants to log in waits';
	kill TERM => $d->pid;
	ok Restante::wait_for(sub { !eval { $d->connect(silent => 1) } }),
	    'a stopped keeper: the listener ends when it is told to';
	kill CONT => $keeper;
	is scalar(grep { $_->status =~ /^\+OK/ } @many), 600,
	    'a stopped keeper: all are answered when it goes on';
	$_->close for @many;
	$in->cmd('QUIT');
	is $d->wait, 0, 'a stopped keeper: and all end';
}

done_testing;
