# SPDX-License-Identifier: ISC
# LOGIN-DELAY: RFC 2449 section 6.5.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Restante;

my %users = map { $_ => "secret\n" . Restante::mbox("A: b\n\n1\n") }
    qw(alice bob carol);
my $too_early =
    '-ERR [LOGIN-DELAY] it is too early for another login, try again later';

sub log_in_and_out
{
	my ($d, $user) = @_;
	my $c = $d->connect;
	my $said = $c->login($user, 'secret');

	$c->cmd('QUIT');
	return $said;
}

my $d = Restante->start(users => \%users,
    options => [ 'login-delay=3600 bob=0 carol=7200', 'login-tries=100' ]);
my $c = $d->connect;
is_deeply [ $c->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 7200 USER'],
    'P3-470 before the login the largest value, and that users differ';
like $c->login('alice', 'x'), qr/\A-ERR \[AUTH\]/, 'a wrong password';
like $c->login('alice', 'secret'), qr/\A\+OK /, 'alice may come';
is_deeply [ $c->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 3600'],
    'P3-470 behind it that of the user';
like log_in_and_out($d, 'alice'), qr/\A-ERR \[IN-USE\]/,
    'a mailbox in use is in use, and that does not count';
is $c->cmd('STAT'), '+OK 1 11', 'the session goes on';
$c->cmd('QUIT');
like log_in_and_out($d, 'alice'), qr/\A\+OK /, 'P3-471 once, early is fine';

$c = $d->connect;
for my $try (1, 2) {
	is $c->login('alice', 'secret'), $too_early,
	    "P3-471 P3-348 then it is too early, try $try";
}
like $c->cmd('USER alice'), qr/\A\+OK /, 'P3-348 USER says nothing of it';
like $c->cmd('PASS x'), qr/\A-ERR \[AUTH\]/,
    'P3-348 nor does the answer to a wrong password';
my ($stamp) = $c->greeting =~ /(<.*>)/;
is $c->cmd('APOP alice ' . md5_hex($stamp . 'secret')),
    $too_early, 'P3-348 APOP is a login, too';
is_deeply [ $c->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 7200 USER'],
    'P3-470 still not in';
like $c->login('bob', 'secret'), qr/\A\+OK /,
    'P3-471 another user may come, on the same connection';
is_deeply [ $c->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 0'],
    'P3-470 who has no delay';
$c->cmd('QUIT');
like log_in_and_out($d, 'bob'), qr/\A\+OK /, "bob comes as he likes, $_"
    for 1 .. 3;
ok $d->log_like(
    qr/keeper: login put off: user=alice addr=127\.0\.0\.1 why=login-delay$/m),
    'the log tells';
is $d->stop, 0, 'the server ends';
is $d->mbox('alice'), $users{alice}, 'nothing was changed';

# It is remembered where the mailbox is, not by a process.
my $dir = $d->dir;
my $again = Restante->start(dir => $dir, options => ['login-delay=3600']);
is log_in_and_out($again, 'alice'), $too_early, 'P3-471 after a restart';
is_deeply [ $again->connect->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 3600'],
    'P3-470 the same for everybody';
$again->stop;
$again = Restante->start(dir => $dir, options => ['login-delay=1']);
like log_in_and_out($again, 'alice'), qr/\A\+OK /,
    'a delay that was longer is forgotten';
$again->stop;

$d = Restante->start(users => \%users);
is_deeply [ $d->connect->announced('LOGIN-DELAY') ], ['LOGIN-DELAY 0'],
    'P3-470 the default';
like log_in_and_out($d, 'alice'), qr/\A\+OK /, "no delay, $_" for 1 .. 4;

done_testing;
