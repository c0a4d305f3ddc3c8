# SPDX-License-Identifier: ISC
# EXPIRE: RFC 2449 section 6.7.
use strict;
use warnings;

use Fcntl qw(:flock);
use POSIX ();
use Test::More;

use Pop1;
use Reference;
use Restante;

use constant DAY => 24 * 60 * 60;

# A message whose separator says that it came so long ago; UTC, or as told.
sub message
{
	my ($age, $subject, $date) = @_;

	$date //= POSIX::strftime('%a %b %e %H:%M:%S %Y +0000',
	    gmtime(time - $age));
	return "From sender\@example.org $date\nSubject: $subject\n\n$subject\n\n";
}

sub subjects
{
	my ($c) = @_;
	my ($count) = $c->cmd('STAT') =~ /\A\+OK (\d+) / or die;

	return map { (($c->multi("TOP $_ 0"))[1]) =~ s/Subject: //r } 1 .. $count;
}

my @all = (
	[ 29 * DAY, 'young' ], [ 31 * DAY, 'old' ], [ 0, 'new' ],
	[ 0, 'no such day', 'Mon Feb 30 12:00:00 2015' ],
	[ 0, 'no such time', 'Mon Feb  2 24:00:00 2015' ],
	[ 0, 'of no date', 'Thu Jan  1 00:00:00 1970' ],
	[ -400 * DAY, 'of the future' ], [ 20000 * DAY, 'of 1972' ],
	[ 0, 'in local time', 'Mon Feb  2 12:00 2015' ],
	[ 8 * DAY, 'of last week' ],
);
my $mail = "secret\n" . join '', map { message(@$_) } @all;
my %users = map { $_ => $mail } qw(alice bob carol dora);

my $d = Restante->start(users => \%users,
    options => ['expire=30 bob=never carol=7']);
my $c = $d->connect;
is_deeply [ $c->announced('EXPIRE') ], ['EXPIRE 7 USER'],
    'P3-465 P3-466 before the login the smallest value, and that users differ';
like $c->login('alice', 'x'), qr/\A-ERR \[AUTH\]/, 'a wrong password';
is $d->mbox('alice'), $mail, 'who is not let in removes nothing';

my @kept = grep { $_ !~ /\A(?:old|of 1972|in local time)\z/ }
    map { $_->[1] } @all;
like $c->login('alice', 'secret'), qr/\A\+OK .* 7 messages /,
    'P3-468 what is old is not told of';
is_deeply [ $c->announced('EXPIRE') ], ['EXPIRE 30'],
    'P3-466 behind it that of the user';
is_deeply [ subjects($c) ], \@kept,
    'what is younger, or has no date that there is, is there, from 1 on';
is_deeply [ map { $_->{wire} =~ s/\r//gr =~ s/\ASubject: (.*)\n\n\1\n\z/$1/sr }
	Reference::messages($d->mbox('alice')) ], \@kept,
    'what is old is gone from the file, before QUIT';
like $c->cmd('RSET'), qr/\A\+OK .* 7 messages /, 'RSET does not bring it back';
like $c->cmd('DELE 1'), qr/\A\+OK/, 'DELE';
like $c->cmd('QUIT'), qr/\A\+OK .*\(6 messages left\)/, 'QUIT';
ok $d->log_like(qr/session: expired: user=alice addr=127\.0\.0\.1 deleted=3 days=30$/m),
    'the log tells how many';
ok $d->log_like(qr/end: user=alice .* deleted=1 left=6 /),
    'and how many the client deleted';
$c = $d->session('alice', 'secret');
is_deeply [ subjects($c) ], [ @kept[1 .. $#kept] ], 'the next session';
$c->close;
is +(() = $d->stderr =~ /expired: user=alice/g), 1, 'nothing to tell this time';

$c = $d->session('bob', 'secret');
is_deeply [ $c->announced('EXPIRE') ], ['EXPIRE NEVER'],
    'P3-465 EXPIRE NEVER for one';
is_deeply [ subjects($c) ], [ map { $_->[1] } @all ], 'who keeps everything';
$c->cmd('QUIT');
is $d->mbox('bob'), $mail, 'and everything is kept';

# A session that ends without QUIT.
$c = $d->session('carol', 'secret');
is_deeply [ $c->announced('EXPIRE') ], ['EXPIRE 7'], 'P3-466 another value';
is_deeply [ subjects($c) ], [ 'new', 'no such day', 'no such time',
	'of no date', 'of the future' ], 'fewer messages';
$c->close;
ok $d->log_like(qr/end: user=carol .* reason=lost/), 'it is lost';
is scalar(Reference::messages($d->mbox('carol'))), 5,
    'what is old was removed all the same';

# A mailbox in use is left alone.
open my $user, '<', $d->path('dora') or die;
flock $user, LOCK_SH or die;
like $d->connect->login('dora', 'secret'), qr/\A-ERR \[IN-USE\]/, 'in use';
is $d->mbox('dora'), $mail, 'it is as it was';
close $user;
is $d->stop, 0, 'the server ends';

# One that is not what its index says is shown as it is; the next login does it.
my $changed = Restante->start(users => { dora => "secret\n" .
	message(0, 'a') . message(0, 'b', 'Thu Jan 16 12:00:00 2025') .
	message(0, 'c') }, options => ['lock=update']);
$changed->session('dora', 'secret')->cmd('QUIT');
open my $file, '+<', $changed->path('dora') or die;
print {$file} $changed->mbox('dora') =~ s/Jan 16/Jan 15/r, message(0, 'd') or die;
close $file;
$changed->{options} = [ 'lock=update', 'expire=30' ];
$changed->restart;
$c = $changed->session('dora', 'secret');
like $c->cmd('STAT'), qr/\A\+OK 4 /, 'what cannot be removed is there';
ok $changed->log_like(qr/session: removing old messages: Stale/), 'the log tells';
open $file, '<', $changed->path('dora') or die;
ok flock($file, LOCK_SH | LOCK_NB), 'with "lock update" it is not held';
close $file;
$c->cmd('QUIT');
$c->close;
like $changed->session('dora', 'secret')->cmd('STAT'), qr/\A\+OK 3 /,
    'until it can';

for my $options ([ 'lock=update' ], [ 'lock=session', 'mbox-quoting=mboxrd' ]) {
	my $other = Restante->start(users => { dora => $mail },
	    options => [ 'expire=30', @$options ]);
	$c = $other->session('dora', 'secret');
	open my $agent, '>>', $other->path('dora') or die;
	is 0 + flock($agent, LOCK_EX | LOCK_NB), 0 + ($options->[0] eq 'lock=update'),
	    "@$options: the mailbox is locked as long as it should be";
	print {$agent} message(40 * DAY, 'delivered late');
	close $agent;
	is_deeply [ subjects($c) ], \@kept, "@$options: the same";
	like $c->cmd("DELE $_"), qr/\A\+OK/, "@$options: DELE" for 1 .. @kept;
	like $c->cmd('QUIT'), qr/\A\+OK/, "@$options: QUIT";
	is scalar(Reference::messages($other->mbox('dora'))), 1,
	    "@$options: what came meanwhile is there, old or not";
	like $other->connect->login('dora', 'secret'), qr/\A\+OK .* 0 messages /,
	    "@$options: until the next login";
}

# What was looked at is not looked at again; what is new is, and what a deletion, a
# lost index or a day later have changed.
my $often = Restante->start(users => { dora => "secret\n" .
	message(29 * DAY, 'a') . message(3 * DAY, 'b') }, options => ['expire=30']);
sub shown
{
	my ($server, $name, @wanted) = @_;
	my $session = $server->session('dora', 'secret');

	is_deeply [ subjects($session) ], \@wanted, $name;
	$session->cmd('DELE 1') if $name =~ /delete/;
	$session->cmd('QUIT');
	$session->close;
}
shown($often, 'first', 'a', 'b');
shown($often, 'again', 'a', 'b');
$often->append('dora', message(40 * DAY, 'c') . message(2 * DAY, 'd'));
shown($often, 'an old one came behind them', 'a', 'b', 'd');
$often->append('dora', message(31 * DAY, 'e'));
unlink $often->path('.restante/dora.index') or die;
shown($often, 'the index is lost; delete the first', 'a', 'b', 'd');
$often->append('dora', message(50 * DAY, 'f'));
shown($often, 'behind a deletion', 'b', 'd');
is $often->stop, 0, 'the server ends';
$often->{options} = ['expire=1'];
$often->restart;
shown($often, 'what was young is old now');

# All of it, of which nothing may be left; and by the original POP.
my $pop1 = Pop1->start(users => { dora => "secret\n" .
	message(31 * DAY, 'a') . message(31 * DAY, 'b') },
    options => ['expire=30']);
$c = $pop1->session('dora', 'secret');
is_deeply [ subjects($c) ], [], 'all of it is old';
$c->cmd('QUIT');
is $pop1->mbox('dora'), "secret\n", 'nothing is left but the password';
$pop1->user('dora', $mail);
my %kept = map { $_ => 1 } @kept;
my $wanted = join '', map { message(@$_) } grep { $kept{ $_->[1] } } @all;
is +Pop1->session($pop1, 'dora', 'secret')->begin('RETR'),
    length($wanted =~ s/\n/\r\n/gr), 'RFC 918: what is old is not told of';

is_deeply [ Restante->start(users => {})->connect->announced('EXPIRE') ],
    ['EXPIRE NEVER'], 'P3-465 P3-468 the default: nothing is ever removed';

done_testing;
