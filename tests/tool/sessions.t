# SPDX-License-Identifier: ISC
# restantectl who, kick, stats: what is going on, and ending it.
use strict;
use warnings;

use POSIX ();
use Test::More;

use Ctl;
use Proc;
use Reference;
use Restante;

my @mail = map { "Subject: $_\n\nText of $_.\n" } 1 .. 5;
my %text = (alice => "secret\n" . Restante::mbox(@mail),
    bob => "secret\n" . Restante::mbox($mail[0]) . "From \0\0\0\n\n",
    carl => "secret\n");
my $d = Restante->start(users => \%text);
my $u = Ctl->over($d->dir);

# Only sessions of this server: others may run on the machine.
sub who
{
	my (@names) = @_;
	my ($status, $rows, $err) = $u->json('who', @names);

	is("$status $err", '0 ', "who @names");
	my $title = Proc::titles($d);
	return [ grep { exists $title->{$_->{pid}} } @$rows ];
}

is_deeply(who(), [], 'nobody');
my $nobody = $d->connect;
is_deeply([ $u->run('kick', '') ], [ 67, '', "restantectl: : is not logged in\n" ],
    'who has not logged in has no name');
$nobody->close;
Proc::none($d, qr/^session/) or die 'sessions that stay';
my $before = time;
my $a = $d->session('alice', 'secret');
my $b = $d->session('bob', 'secret');
my $c = $d->connect;
my $rows = who();
my ($one) = grep { ($_->{user} // '') eq 'alice' } @$rows;
ok($one, 'alice is there');
is_deeply([ sort keys %$one ], [ qw(doing from pid since user) ],
    '... with all that is known');
is($one->{from}, '127.0.0.1', '... from where');
is($one->{pid}, Proc::find($d, qr/^session alice /), '... her process');
cmp_ok($one->{since}, '>=', $before - 3, '... since when');
cmp_ok($one->{since}, '<=', time + 3, '... which is not in the future');
like($one->{doing}, qr/\A(?:waiting|working)\z/, '... doing what');
is_deeply([ map { $_->{user} // '-' } @$rows ], [ qw(alice bob -) ],
    'everybody, oldest first, and who has not logged in');
is($rows->[2]{doing}, 'logging in', '... doing that');
is_deeply([ map { $_->{user} } @{ who('bob', 'carl') } ], ['bob'],
    'only who is asked for');
is_deeply(who('carl'), [], '... who may not be there');
is_deeply([ $u->run('who', 'nobody', '../carl') ], [ 67,
    "USER  PID  FROM  SINCE  DOING\n",
    "restantectl: nobody: there is no such mailbox\n" .
    "restantectl: ../carl: there is no such mailbox\n" ],
    '... but must be a user');
my ($status, $out, $err) = $u->run('who', 'alice');
is($status, 0, 'the table');
like($out, qr/\AUSER +PID  FROM +SINCE +DOING\n(?:alice +\d+ .*\n)+\z/,
    '... for people');
like($out, qr/^alice +$one->{pid}  127\.0\.0\.1  [\d-]+ \d\d:\d\d  w\w+$/m,
    '... with her line');

# What only looks like a session is none.
my $liar = fork // die "fork: $!";
if ($liar == 0) {
	$0 = 'restante: session carl 192.0.2.1';
	sleep Restante::PATIENCE;
	POSIX::_exit(0);
}
Restante::wait_for(sub { (Proc::file($liar, 'cmdline') // '') =~ /^restante:/ })
    or die 'no liar';
is_deeply([ grep { $_->{pid} == $liar } @{ ($u->json('who'))[1] } ], [],
    'a process that calls itself one');
is_deeply([ $u->run('kick', 'carl') ], [ 67, '',
    "restantectl: carl: is not logged in\n" ], '... is not kicked');
is(waitpid($liar, POSIX::WNOHANG), 0, '... and lives');
kill KILL => $liar;
waitpid $liar, 0;

# A session that its client has taken over has nothing to say to the terminal.
my $master = fork // die "fork: $!";
if ($master == 0) {
	$0 = 'restante: master';
	my $session = fork // POSIX::_exit(1);
	if ($session == 0) {
		$0 = "restante: session - liar\e[2J\xff";
		sleep Restante::PATIENCE;
		POSIX::_exit(0);
	}
	local $SIG{TERM} = sub { kill KILL => $session };
	waitpid $session, 0;
	POSIX::_exit(0);
}
like(Restante::wait_for(sub { ($u->run('who'))[1] =~ /^(.* liar.*)$/m && $1 }),
    qr/^- +\d+  liar\\x1b\[2J\\xff  /, 'where a session says that it comes from');
kill TERM => $master;
waitpid $master, 0;

# Another server's session for a user of the same name.
my $other = Restante->start(users => { alice => "secret\n" });
SKIP: {
	skip 'nobody here can tell servers from each other', 2
	    if !stat "/proc/$one->{pid}/fd/3";
	my $v = Ctl->over($other->dir);
	is_deeply([ grep { defined $_->{user} } @{ ($v->json('who'))[1] } ], [],
	    'sessions of another directory are none of this one');
	is(($v->run('kick', 'alice'))[0], 67, '... and are not kicked');
}
$other->stop;

# kick.
SKIP: {
	skip 'alice of another server would go, too', 8 if $> != 0;
	$a->cmd('DELE 1');
	is_deeply([ $u->run('kick', 'alice') ], [ 0, '', '' ], 'kick');
	is_deeply([ map { $_->{user} // '-' } @{ who() } ], [ qw(bob -) ],
	    '... her session is gone, others are not');
	is(Restante::slurp($d->path('alice')), $text{alice},
	    '... and deletes nothing');
	ok($d->log_like(qr/end: user=alice .* reason=shutdown$/),
	    '... the log says so') or diag $d->stderr;
	$a = $d->session('alice', 'secret');
	ok($a, 'she may come again');
	my $again = $d->session('carl', 'secret');
	is_deeply([ $u->run('kick', 'alice', 'nobody', 'carl') ], [ 67, '',
	    "restantectl: nobody: is not logged in\n" ], 'several');
	is_deeply([ map { $_->{user} // '-' } @{ who() } ], [ qw(bob -) ],
	    '... all who are there');
	is(($u->run('kick'))[0], 64, 'whom?');
}
$_->close for $a, $b, $c;

# stats.
Proc::none($d, qr/^session/) or die 'sessions that stay';
my ($messages, $octets) = (0, 0);
for (values %text) {
	my @all = Reference::messages($_);
	$messages += @all;
	$octets += $_->{octets} for @all;
}
my %want = (users => 3, unknown => 0, messages => $messages,
    octets => $octets, dead => 10);
($status, $rows, $err) = $u->json('stats');
is("$status $err", '0 ', 'stats');
delete $rows->[0]{sessions};	# of all servers on the machine
is_deeply($rows, [ \%want ], '... counts all');
is(($u->json('stats', 'alice'))[1][0]{messages}, 5, '... or one');
($status, $out) = $u->run('stats');
my ($titles, $numbers) = split /\n/, $out;
is($titles, 'USERS  UNKNOWN  MESSAGES  OCTETS  DEAD  SESSIONS', '... for people');
like($numbers, qr/\A +3 +0 +$messages +$octets +10 +\d+\z/, '... the same');
($status, $out, $err) = $u->run('stats', '--prometheus');
is("$status $err", '0 ', 'for Prometheus');
my %got = $out =~ /^restante_(\w+) (\d+)$/mg;
is($got{sessions} =~ /\A\d+\z/, 1, '... sessions');
delete $got{sessions};
$want{dead_octets} = delete $want{dead};
is_deeply(\%got, \%want, '... the same numbers');
for (sort keys %got, 'sessions') {
	my @form = (qr/# HELP restante_$_ [A-Z].*\./,
	    qr/# TYPE restante_$_ gauge/, qr/restante_$_ \d+/);
	like($out, qr/^$form[0]\n$form[1]\n$form[2]$/m, "... $_ in its form");
}
like($out, qr/\A(?:# HELP .*\n# TYPE .*\nrestante_\w+ \d+\n){6}\z/,
    '... and nothing else');

# One that cannot be counted.
$a = $d->session('alice', 'secret');
$u->append('alice', Restante::mbox("Subject: late\n"));
unlink $u->own('alice.index');
($status, $rows) = $u->json('stats');
is($status, 75, 'a mailbox in use that has changed');
is($rows->[0]{unknown}, 1, '... is counted as that');
is($rows->[0]{messages}, $messages - 5, '... and not with the others');
cmp_ok($rows->[0]{sessions}, '>=', 1, '... a session is');
$a->close;
is(($u->run('stats', '--prometheus', '--json'))[0], 0, 'both forms');

# Who runs the server may end its sessions, and need not be root.
my $mine = "mine$$";	# no other server's
$u->write($mine => "secret\n");
$a = $d->session($mine, 'secret');
is_deeply([ $u->run('kick', $mine) ], [ 0, '', '' ], 'kick by who runs the server');
ok($d->log_like(qr/end: user=$mine .* reason=shutdown$/), '... ends it')
    or diag $d->stderr;

is($d->stop, 0, 'the server ends');
done_testing;
