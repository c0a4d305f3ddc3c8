# SPDX-License-Identifier: ISC
# Who holds a mailbox: sessions against each other and against what delivery
# agents use, flock and record locks.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock F_SETLK F_RDLCK F_WRLCK);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Locks qw(record_lock F_OFD_SETLK);
use Proc;
use Restante;

plan skip_all => Locks::missing() if Locks::missing();

my @text = ("Subject: one\n\nfirst", "Subject: two\n\nsecond");
my $box = "secret\n" . Restante::mbox(@text);
# Not to be thrown out by refusals.
my $d = Restante->start(users => { alice => $box },
    options => [ 'login-tries=100' ]);
my $path = $d->path('alice');

sub handle
{
	open my $fh, '+<', $path or die "$path: $!";
	return $fh;
}

# Ways of holding a lock, and of trying: each returns true when it has it.
my %holders = (
	'flock' => sub { flock $_[0], LOCK_EX | LOCK_NB },
	'a shared flock' => sub { flock $_[0], LOCK_SH | LOCK_NB },
	'a record lock' => sub { record_lock($_[0], F_SETLK, F_WRLCK) },
	'a record lock for reading' =>
	    sub { record_lock($_[0], F_SETLK, F_RDLCK) },
	'a record lock behind the end' =>
	    sub { record_lock($_[0], F_SETLK, F_WRLCK, -s $_[0]) },
	'a lock of the open file' =>
	    sub { record_lock($_[0], F_OFD_SETLK, F_WRLCK) },
	'a lock of the open file for reading' =>
	    sub { record_lock($_[0], F_OFD_SETLK, F_RDLCK) },
);

# A process that holds the mailbox until it is told to let go.
sub hold
{
	my ($way) = @_;
	pipe my $ready, my $say or die "pipe: $!";
	pipe my $hear, my $release or die "pipe: $!";
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		close $_ for $ready, $release;
		my $fh = handle();
		# A session that has just lost its client may still have it.
		my $got = Restante::wait_for(sub { $holders{$way}->($fh) });
		syswrite $say, $got ? '1' : '0';
		sysread $hear, my $go, 1;
		POSIX::_exit(0);
	}
	close $_ for $say, $hear;
	sysread $ready, my $got, 1;
	die "nobody can have $way" if $got ne '1';
	return { pid => $pid, release => $release };
}

sub let_go
{
	my ($holder) = @_;

	close $holder->{release};
	waitpid $holder->{pid}, 0;
}

# The answer to a line that is said while a holder holds, and a moment later lets
# go.  Whoever waits does so for half a second: a moment that became longer than that
# is begun again.
sub let_go_meanwhile
{
	my ($way, $c, $line) = @_;
	my $said;

	for (1 .. 20) {
		my $holder = hold($way);

		$c->send($line);
		sleep 0.1;
		let_go($holder);
		$said = $c->status;
		last if $said !~ /^-ERR \[IN-USE\]/;
	}
	return $said;
}

sub is_free
{
	my ($when) = @_;

	ok $holders{$_}->(handle()), "$when: $_ is to be had"
	    for sort keys %holders;
}

sub is_held
{
	my ($when) = @_;

	# A record lock is one process's, and never in its own way; this one
	# has none: what is in the way is the session's.
	ok !$holders{$_}->(handle()), "$when: $_ is not to be had"
	    for sort keys %holders;
}

# As soon as who was there before has noticed that it is to go.
sub logs_in
{
	my ($when) = @_;
	my $c = $d->connect;

	like Restante::wait_for(sub {
		my $said = $c->login('alice', 'secret');
		return $said =~ /^-ERR \[IN-USE\]/ ? undef : $said;
	}), qr/^\+OK.* 2 messages/, $when;
	$c->cmd('QUIT');
	$c->close;
}

is_free('before a session');

# P3-135, P3-136: a session against another.
{
	my $c = $d->connect;
	is_free('greeted');
	$c->cmd('USER alice');
	is_free('P3-140 named');
	$c->cmd('PASS wrong');
	is_free('P3-140 refused');
	like $c->login('alice', 'secret'), qr/^\+OK/, 'a first session';
	is_held('P3-135 in a session');

	my $second = $d->connect;
	like $second->login('alice', 'secret'), qr/^-ERR \[IN-USE\] /,
	    'P3-137 a second one is told that it is in use';
	like $second->login('alice', 'wrong'), qr/^-ERR \[AUTH\] /,
	    'P3-138 but not without the password';
	like $second->cmd('STAT'), qr/^-ERR/, 'P3-136 and has nothing';
	is_held('P3-135 still');
	like $c->cmd('STAT'), qr/^\+OK 2 /, 'the first one goes on';

	# P3-139: the lock is free when the reply to QUIT is read, no later.
	$c->send("QUIT\r\n");
	like $c->status, qr/^\+OK/, 'QUIT is answered';
	is_free('P3-139 the answer to QUIT is there');
	like $second->login('alice', 'secret'), qr/^\+OK/,
	    'P3-142 the refused one can try again';
	$second->cmd('QUIT');
}

# P3-139: however a session ends.
my %ends = (
	'closed' => sub { $_[0]->close },
	'half-closed' => sub { $_[0]->half_close },
	'reset' => sub { $_[0]->abort },
	'killed' => sub { Proc::slay($_[0]->greeting =~ /<(\d+)\./) },
	'closed in a command' => sub { $_[0]->send('NOO'); $_[0]->close },
	'too many errors' => sub { $_[0]->send("NONE\r\n" x 100) },
);
for my $how (sort keys %ends) {
	my $c = $d->session('alice', 'secret');

	$c->cmd('DELE 1');
	is_held("$how, before") if $how eq 'closed';
	$ends{$how}->($c);
	logs_in("P3-139 $how: the next one gets in");
	is $d->mbox('alice'), $box, "P3-272 $how: nothing is deleted";
	$c->close;
}

# Agents that hold it for longer than a session tries, and for less.
for my $way (sort keys %holders) {
	my $holder = hold($way);
	my $c = $d->connect;

	my ($said, $took);
	for (1 .. 5) {
		$c->cmd('USER alice');
		my $start = time;
		$said = $c->cmd('PASS secret');
		$took = time - $start;
		last if $took < 5;
	}
	like $said, qr/^-ERR \[IN-USE\] /, "$way, held for long: in use";
	cmp_ok $took, '>', 0.3, "$way, held for long: it tried";
	cmp_ok $took, '<', 5, "$way, held for long: not for ever";

	# What it had for a moment it has let go: who holds the one lock and
	# waits for the other must get it.
	for my $other (grep { $_ ne $way } sort keys %holders) {
		my $kind = ($way =~ /flock/) + ($other =~ /flock/);
		ok $holders{$other}->(handle()),
		    "$way, held for long: $other is free" if $kind == 1;
	}

	let_go($holder);
	like let_go_meanwhile($way, $c, "APOP alice " .
	    md5_hex($c->stamp . 'secret') . "\r\n"), qr/^\+OK/,
	    "$way, held for a moment: no matter";
	is_held("after $way");
	$c->cmd('QUIT');
	$c->close;
}

# Between two tries it has neither lock: who holds the one and waits for the other
# gets it at once, not when the session gives up.  The journal tells that it tries.
{
	my $c = $d->connect;
	my $apop = 'APOP alice ' . md5_hex($c->stamp . 'secret') . "\r\n";
	my $tries = sub {
		open my $fh, '<', $d->path('.restante/alice.journal')
		    or die "journal: $!";
		return !flock $fh, LOCK_SH | LOCK_NB;
	};
	my ($lets_go, $said);

	for (1 .. 20) {
		my $holder = hold('a record lock');

		$c->send($apop);
		Restante::wait_for(sub { $tries->() || !$c->silent(0) });
		sleep 0.02;
		# As long as it tries.
		Restante::wait_for(sub {
			$lets_go ||= flock(handle(), LOCK_EX | LOCK_NB) &&
			    $tries->();
			return $lets_go || !$c->silent(0);
		});
		let_go($holder);
		$said = $c->status;
		last if $said !~ /^-ERR \[IN-USE\]/;
	}
	ok $lets_go, 'a session that waits for the one lock lets the other go';
	like $said, qr/^\+OK/, 'and gets both in the end';
	$c->close;
	Proc::none($d, qr/^session/);
}

# The same by a program.
SKIP: {
	skip 'no flock(1) here', 3
	    if system('flock --version >/dev/null 2>&1') != 0;
	pipe my $hear, my $release or die "pipe: $!";
	pipe my $ready, my $say or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $_ for $ready, $release;
		open STDIN, '<&', $hear;
		open STDOUT, '>&', $say;
		{ no warnings; exec 'flock', $path, '-c', 'echo; read x'; }
		POSIX::_exit(127);
	}
	close $_ for $say, $hear;
	sysread $ready, my $locked, 1;
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'flock(1): in use';
	close $release;
	waitpid $pid, 0;
	logs_in('flock(1): free again');

	my $c = $d->session('alice', 'secret');
	isnt system("flock -n $path -c true"), 0,
	    'flock(1) has to wait for a session';
	$c->close;
}

# P3-141: of many logins at once one succeeds.
{
	my @clients = map { $d->connect } 1 .. 12;
	$_->send("USER alice\r\nPASS secret\r\n") for @clients;
	my @said = map { $_->status; $_->status } @clients;

	is scalar(grep { /^\+OK.* 2 messages/ } @said), 1,
	    'P3-141 of twelve at once one gets in';
	is scalar(grep { /^-ERR \[IN-USE\]/ } @said), 11,
	    'P3-141 and the others are told why not';
	$_->close for @clients;
}

# The log tells who was put off.
my $put_off = 'login put off: user=alice addr=127.0.0.1 why=in-use';
ok $d->log_like(qr/keeper: \Q$put_off\E\z/), 'being in use is logged';

# lock update: deliveries go on during a session, but a second session waits.
{
	my $e = Restante->start(dir => $d->dir, options => [ 'lock=update' ]);
	my $c = $e->session('alice', 'secret');

	is_free('lock update, in a session');
	like $e->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'lock update: no second session';
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'lock update: nor by way of another server';
	$c->cmd('DELE 1');
	my $holder = hold('flock');
	is $c->cmd('QUIT'), '-ERR [SYS/TEMP] nothing was deleted',
	    'lock update: an update that cannot have the lock says so';
	let_go($holder);
	$c->close;
	is $d->mbox('alice'), $box, 'lock update: and has deleted nothing';

	my $said;
	for (1 .. 20) {
		$c = $e->session('alice', 'secret');
		$c->cmd('DELE 1');
		$said = let_go_meanwhile('a record lock', $c, "QUIT\r\n");
		last if $said ne '-ERR [SYS/TEMP] nothing was deleted';
	}
	like $said, qr/^\+OK.*1 message left/,
	    'lock update: it waits for a moment';
	is_free('lock update: after the update');
}

is $d->stop, 0, 'the server ends';
done_testing;
