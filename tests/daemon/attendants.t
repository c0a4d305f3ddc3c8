# SPDX-License-Identifier: ISC
# Who has let somebody in at the first try serves the next one, too; and nobody
# else does.  One is always there for the next that comes.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock);
use MIME::Base64 qw(encode_base64);
use Test::More;

use Proc;
use Restante;

my $box = Restante::mbox("Subject: one\n\nfirst");
my %users = map { ("user$_" => "secret\n$box") } 1 .. 20;
my $password = 'Unheard-Of-Password';
my $hash = crypt $password, '$6$rounds=1000$abcdefgh$';

$users{late} = "secret\n$box";
$users{plain} = "$password\n$box";
$users{hashed} = "$hash\n$box" if defined $hash;
my $d = Restante->start(users => \%users,
    options => [ 'login-pause=0', 'login-delay=0 late=3600' ]);

# The attendant of a session that has sent USER.
sub busy
{
	return Proc::find($d, qr/^attendant/);
}

sub all_idle
{
	return Proc::all($d, qr/^idle attendant\z/);
}

# Waits until it has time again, or not.
sub has_time
{
	my ($pid) = @_;

	return Proc::becomes($d, $pid, qr/^idle attendant\z/);
}

# A session that comes and goes.
sub visit
{
	my ($name) = @_;

	$d->session($name, 'secret')->cmd('QUIT');
}

# A session that has sent USER, and its attendant.
sub begin
{
	my ($name) = @_;
	my $c = $d->connect;

	like $c->cmd("USER $name"), qr/^\+OK/, "$name: USER";
	return ($c, busy());
}

my $waiting = Proc::find($d, qr/^idle attendant/);
my ($c, $first) = begin('user1');
is $first, $waiting, 'one was there for the first';
isnt Proc::find($d, qr/^idle attendant/), $first, 'and another is for the next';
like $c->cmd('PASS secret'), qr/^\+OK/, 'a login';
is has_time($first), $first, 'its attendant waits for another';
is scalar(all_idle()), 2, 'two there are';
$c->cmd('QUIT');

Proc::spare($d, $first);
($c, my $second) = begin('user2');
is $second, $first, 'it serves the next session';
like $c->cmd('PASS secret'), qr/^\+OK/, 'and lets it in';
like $c->cmd('STAT'), qr/^\+OK 1 /, 'to a mailbox';
$c->cmd('QUIT');

# What ends it, and what the client hears then.
for (['a wrong password', 'PASS wrong', qr/^-ERR \[AUTH\]/],
    ['a wrong digest', 'APOP user3 ' . '0' x 32, qr/^-ERR \[AUTH\]/],
    ['an exchange that is none', "AUTH PLAIN AA==", qr/^-ERR/],
    ['a client that leaves', 'QUIT', qr/^\+OK/]) {
	my ($what, $command, $answer) = @$_;

	($c, my $pid) = begin('user3');
	like $c->cmd($command), $answer, $what;
	if ($command ne 'QUIT') {
		$c->cmd('USER user3');
		like $c->cmd('PASS secret'), qr/^\+OK/,
		    "$what: the next try is right";
		$c->cmd('QUIT');
	}
	ok Restante::wait_for(sub { !-e "/proc/$pid" }),
	    "$what: the attendant ends with the conversation";
	visit('user4');
}

# A client that leaves does not get rid of the session before its attendant is done:
# it could have more of them at work than connections.
{
	($c, my $pid) = begin('user3');
	my ($session) = $c->stamp =~ /<(\d+)/;

	Proc::halt($pid);
	$c->send("PASS wrong\r\n");
	$c->abort;
	select undef, undef, undef, 0.3;
	ok -e "/proc/$session", 'a client is lost: its session waits';
	kill CONT => $pid;
	ok Proc::gone($session), 'a client is lost: until its attendant is done';
	ok $d->log_like(qr/end: user=- .*reason=lost/), 'a client is lost';
	visit('user4');
}

# Nothing of a conversation is left in who has the next: no descriptor, and with
# it no lock, of a mailbox that was opened for nobody.
sub has
{
	my ($pid) = @_;

	return $> == 0 ? scalar(keys %{ Proc::descriptors($pid) }) : 0;
}

sub put_off_then_in
{
	my ($name, $why) = @_;

	($c, my $pid) = begin($name);
	like $c->cmd('PASS secret'), $why, "$name: is put off";
	$c->cmd('USER user7');
	like $c->cmd('PASS secret'), qr/^\+OK/, "$name: user7 comes in instead";
	is has_time($pid), $pid, "$name: the attendant is for the next";
	$c->cmd('QUIT');
	return Proc::spare($d, $pid);
}

visit('late') for 1 .. 2;
my ($reused) = all_idle();
Proc::spare($d, $reused);
my $clean = has($reused);
my $holder = $d->session('user6', 'secret');
Proc::spare($d, $reused);
is put_off_then_in('user6', qr/^-ERR \[IN-USE\]/), $reused, 'in use: the same';
$holder->cmd('QUIT');
like $d->connect->login('user6', 'secret'), qr/^\+OK/, 'in use: it is free now';
Proc::spare($d, $reused);
is put_off_then_in('late', qr/^-ERR \[LOGIN-DELAY\]/), $reused,
    'too early: the same';
open my $mailbox, '<', $d->path('late') or die "late: $!";
ok flock($mailbox, LOCK_EX | LOCK_NB), 'too early: no lock is left';
close $mailbox;
# Each with the same, since there is no other.
for (1 .. 40) {
	Proc::spare($d, $reused);
	visit('user8');
}
is has_time($reused), $reused, 'forty logins';
is has($reused), $clean, 'and no descriptor more';

# Nor what was tried, or what it was compared with.
sub remembers
{
	my ($pid, @words) = @_;
	my ($found, $octets) = ('');

	open my $mem, '<:raw', "/proc/$pid/mem" or die "$pid: $!";
	for (split /\n/, Proc::file($pid, 'maps')) {
		my ($from, $to) = /^(\w+)-(\w+) rw/ or next;
		no warnings 'portable';
		($from, $to) = (hex $from, hex $to);
		sysseek $mem, $from, 0;
		sysread $mem, $octets, $to - $from;
		$found .= " $_" for grep { index($octets, $_) != -1 } @words;
	}
	return $found;
}

SKIP: {
	skip 'only root looks into memory', 1 if $> != 0;
	skip 'sanitizers remember', 1 if Proc::sanitized(Restante::binary());
	my %way = (
		PASS => sub { $_[0]->login($_[1], $password) },
		PLAIN => sub { $_[0]->cmd('AUTH PLAIN ' .
		    encode_base64("\0$_[1]\0$password", '')) },
		APOP => sub { $_[0]->cmd("APOP $_[1] " .
		    md5_hex($_[0]->stamp . $password)) },
	);
	# Half of a word is enough, and what HMAC makes of it.
	my $half = substr $password, 0, 8;
	my @words = ($half, $half ^ "\x36" x 8, $half ^ "\x5c" x 8,
	    defined $hash ? substr($hash, -40) : ());

	for (['plain', sort keys %way], defined $hash ?
	    ['hashed', 'PASS', 'PLAIN'] : ()) {
		my ($name, @ways) = @$_;

		for my $way (@ways) {
			$c = $d->connect;
			$c->cmd('NOOP');
			my $pid = busy();
			like $way{$way}->($c, $name), qr/^\+OK/, "$name: $way";
			is remembers(has_time($pid), @words), '',
			    "$name: $way: the attendant forgets it";
			$c->cmd('QUIT');
		}
	}
	like remembers((all_idle())[0], 'idle attendant'), qr/ idle attendant/,
	    'but not what it is called';
}

# One that has died is not waited for.
for my $number (1 .. 3) {
	my @sessions = map { $d->session("user$_", 'secret') } 1 .. 3;
	Proc::none($d, qr/^attendant/);
	Proc::slay($_) for Proc::all($d, qr/^idle attendant/);
	like $d->connect->login('user5', 'secret'), qr/^\+OK/,
	    "attendants killed, $number: a login";
	$_->cmd('QUIT') for @sessions;
	$_->close for grep { defined } @{ $d->{clients} };
	ok Proc::none($d, qr/^(?:session|attendant)/),
	    "attendants killed, $number: all leave";
}

# One that is told to end while it waits does not take the next session with it.
visit('user1');
Proc::none($d, qr/^attendant/);
kill TERM => my @told = all_idle();
ok Proc::gone($_), 'SIGTERM: an idle attendant ends' for @told;
like $d->connect->login('user2', 'secret'), qr/^\+OK/, 'SIGTERM: a login';
Proc::none($d, qr/^attendant/);
$_->close for grep { defined } @{ $d->{clients} };

# Nor does one that dies when it could have taken it.
my ($stuck) = all_idle();
Proc::halt(Proc::spare($d, $stuck));
$c = $d->connect;
$c->send("USER user2\r\n");
ok $c->silent(0.2), 'stopped: the only one that is idle';
Proc::slay($stuck);
like $c->status, qr/^\+OK/, 'stopped, and killed: another takes the session';
$c->close;
Proc::none($d, qr/^attendant/);

# Many at once.
my @many = map {
	my $c = $d->connect;
	$c->cmd("USER user$_");
	$c;
} 1 .. 20;
is scalar(Proc::all($d, qr/^attendant/)), 20, 'twenty attendants at work';
is scalar(grep { $_->cmd('PASS secret') =~ /^\+OK/ } @many), 20,
    'and twenty logins';
ok Proc::none($d, qr/^attendant/), 'all have done their work';
$_->cmd('QUIT') for @many;
ok Restante::wait_for(sub { 16 == all_idle() }), 'sixteen stay';

# None is there for ever: the last one that was at work is the next.
my %old = map { ($_, 1) } Proc::all($d, qr/^idle attendant/);
my $logins = 0;
while ($logins < 4 * 16 * 100 && keys %old == grep { -e "/proc/$_" } keys %old) {
	$d->session('user1', 'secret')->cmd('QUIT');
	$_->close for grep { defined } splice @{ $d->{clients} };
	$logins++;
}
cmp_ok $logins, '<', 4 * 16 * 100, 'an attendant ends some time';
cmp_ok $logins, '>=', 90, 'but not soon';

# Who says nothing has none, nor who only looks whether there is a server; and one
# that was asked for nothing serves the next.
{
	my $e = Restante->start(users => \%users);
	my @silent = map { $e->connect } 1 .. 3;
	my $sessions = sub { scalar(Proc::all($e, qr/^session/)) };

	$_->close for map { $e->connect } 1 .. 3;
	$_->half_close for my @half = map { $e->connect } 1 .. 3;
	ok Restante::wait_for(sub { $sessions->() == 3 }), 'silent clients stay';
	my ($one, @more) = Proc::all($e, qr/attendant/);
	is scalar(@more), 0,
	    'and one attendant, neither theirs nor of those who left';
	is $_->cmd('NOOP') =~ /^-ERR/, 1, 'one speaks' for $silent[0];
	is Proc::find($e, qr/^attendant/), $one, 'and has it';
	ok $silent[0]->cmd('QUIT') =~ /^\+OK/, 'and leaves';
	ok Proc::becomes($e, $one, qr/^idle/), 'its attendant stays';
	Proc::spare($e, $one);
	like $silent[1]->login('user1', 'secret'), qr/^\+OK/, 'the next logs in';
	ok Proc::becomes($e, $one, qr/^idle/), 'by the same';
	is $e->stop, 0, 'and the server ends';

	# That a proxy has said whom it speaks for asks for nothing either.
	$e = Restante->start(users => \%users, flags => 'proxy',
	    options => [ 'trusted-proxies=127.0.0.1' ]);
	my ($by) = Proc::find($e, qr/^idle attendant/);
	for (1 .. 3) {
		Proc::spare($e, $by);
		my $c = $e->connect(silent => 1);
		$c->send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 110\r\n");
		like $c->status, qr/^\+OK/, 'a client behind a proxy';
		$c->cmd('QUIT');
		ok Proc::becomes($e, $by, qr/^idle/),
		    'leaves its attendant for the next, too';
	}
	is $e->stop, 0, 'and the server ends';
}

# Where no file can be opened USER does not say that there is one.
{
	my $e = Restante->start(users => \%users);
	my $c = $e->connect;
	my $temp = '-ERR [SYS/TEMP] the maildrop cannot be opened now';

	like $c->cmd('USER nobody'), qr/^-ERR never heard of /, 'nobody';
	ok Proc::narrow(Proc::find($e, qr/^attendant/), 3),
	    'an attendant that can open nothing';
	is $c->cmd('USER nobody'), $temp, 'USER does not say that nobody is there';
	is $c->cmd('PASS secret'), '-ERR USER first', 'nor takes the name';
	is $c->cmd('USER user1'), $temp, 'nor of anybody';
	ok $e->log_like(qr/: opening the mailbox of user1: /), 'and the log why';
	$c->close;
	like $e->connect->login('user1', 'secret'), qr/^\+OK/, 'another can';
	is $e->stop, 0, 'and the server ends';
}

# They go with their keeper.
my @now = Proc::all($d, qr/^idle attendant/);
cmp_ok scalar(@now), '>', 0, 'idle attendants';
kill HUP => $d->pid;
ok Restante::wait_for(sub {
	my %left = map { ($_, 1) } Proc::all($d, qr/attendant/);
	return !grep { $left{$_} } @now;
}), 'SIGHUP: they go with their keeper';
like $d->connect->login('user1', 'secret'), qr/^\+OK/, 'SIGHUP: a login';
@now = Proc::all($d, qr/^idle attendant/);
Proc::slay(Proc::find($d, qr/^keeper/));
ok Proc::gone($_), 'the keeper is killed: they go, too' for @now;
ok Restante::wait_for(sub {
	my $c = $d->connect(silent => 1);
	return ($c->status // '') =~ /^\+OK/ &&
	    $c->login('user2', 'secret') =~ /^\+OK/;
}), 'the keeper is killed: a login';
$c = $d->session('user1', 'secret');
ok Restante::wait_for(sub { Proc::all($d, qr/^idle attendant/) }),
    'idle attendants';
kill TERM => $d->pid;
ok Proc::none($d, qr/attendant/), 'none of them waits for a session that stays';
like $c->cmd('STAT'), qr/^\+OK 1 /, 'which goes on';
is $d->stop, 0, 'the server ends';
done_testing;
