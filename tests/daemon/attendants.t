# SPDX-License-Identifier: ISC
# Who has let somebody in at the first try serves the next one, too; and nobody
# else does.

use strict;
use warnings;

use Test::More;

use Proc;
use Restante;

my $box = Restante::mbox("Subject: one\n\nfirst");
my %users = map { ("user$_" => "secret\n$box") } 1 .. 20;
my $d = Restante->start(users => \%users, options => [ 'login-pause=0' ]);

# The attendant of a session that has sent USER.
sub busy
{
	return Proc::find($d, qr/^attendant/);
}

sub idle
{
	return Proc::find($d, qr/^idle attendant\z/);
}

# A session that has sent USER, and its attendant.
sub begin
{
	my ($name) = @_;
	my $c = $d->connect;

	like $c->cmd("USER $name"), qr/^\+OK/, "$name: USER";
	return ($c, busy());
}

my ($c, $first) = begin('user1');
like $c->cmd('PASS secret'), qr/^\+OK/, 'a login';
is idle(), $first, 'its attendant waits for another';
is scalar(Proc::all($d, qr/attendant/)), 1, 'and is the only one';
$c->cmd('QUIT');

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

	idle();
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
	$d->session('user4', 'secret')->cmd('QUIT');
}

# One that has died is not waited for.
for my $number (1 .. 3) {
	my @sessions = map { $d->session("user$_", 'secret') } 1 .. 3;
	Proc::slay($_) for Proc::all($d, qr/^idle attendant/);
	like $d->connect->login('user5', 'secret'), qr/^\+OK/,
	    "attendants killed, $number: a login";
	$_->cmd('QUIT') for @sessions;
	$_->close for grep { defined } @{ $d->{clients} };
	ok Proc::none($d, qr/^session/), "attendants killed, $number: all leave";
}

# One that is told to end while it waits does not take the next session with it.
$d->session('user1', 'secret')->cmd('QUIT');
kill TERM => my $told = idle();
ok Proc::gone($told), 'SIGTERM: an idle attendant ends';
like $d->connect->login('user2', 'secret'), qr/^\+OK/, 'SIGTERM: a login';
$_->close for grep { defined } @{ $d->{clients} };

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
is scalar(Proc::all($d, qr/^idle attendant/)), 16,
    'as many as are worth it stay';
$_->cmd('QUIT') for @many;

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

# They go with their keeper.
my @now = Proc::all($d, qr/^idle attendant/);
cmp_ok scalar(@now), '>', 0, 'idle attendants';
kill HUP => $d->pid;
ok Restante::wait_for(sub {
	my %left = map { ($_, 1) } Proc::all($d, qr/attendant/);
	return !grep { $left{$_} } @now;
}), 'SIGHUP: they go with their keeper';
like $d->connect->login('user1', 'secret'), qr/^\+OK/, 'SIGHUP: a login';
is $d->stop, 0, 'the server ends';
done_testing;
