# SPDX-License-Identifier: ISC
# restantectl list: the table, the same for programs, and where its numbers come
# from.  That nothing is changed is looked at by Ctl, at each call.
use strict;
use warnings;

use Fcntl qw(LOCK_EX LOCK_NB);
use POSIX qw(strftime);
use Test::More;

use Ctl;
use Reference;
use Restante;

$ENV{TZ} = 'America/New_York';	# or UTC, where no zones are known
POSIX::tzset();

my @mail = map { "Subject: $_\n\nText of $_.\n" } 1 .. 12;

sub row
{
	my ($user, $text, $dead, $login) = @_;
	my @messages = Reference::messages($text);
	my $octets = 0;

	$octets += $_->{octets} for @messages;
	return { user => $user, messages => scalar @messages,
	    octets => $octets, dead => $dead, last_login => $login };
}

# The table of such rows, by another way.
sub table
{
	my @rows = ([ 'USER', 'MESSAGES', 'OCTETS', 'DEAD', 'LAST LOGIN' ]);
	my @width = (0) x 5;
	my $text = '';

	for my $row (@_) {
		my @cells = map { $_ // '-' }
		    @{$row}{qw(user messages octets dead last_login)};
		$cells[4] = strftime('%Y-%m-%d %H:%M', localtime $cells[4])
		    if $cells[4] ne '-';
		push @rows, \@cells;
	}
	for my $cells (@rows) {
		for my $i (0 .. 4) {
			$width[$i] = length $cells->[$i]
			    if length $cells->[$i] > $width[$i];
		}
	}
	for my $cells (@rows) {
		$text .= sprintf "%-*s  %*s  %*s  %*s  %s\n",
		    (map { $width[$_], $cells->[$_] } 0 .. 3), $cells->[4];
	}
	return $text;
}

# Nobody.
my $u = Ctl->new;
is_deeply([ $u->run('list') ], [ 0, table(), '' ], 'an empty directory');
is_deeply([ $u->json('list') ], [ 0, [], '' ], '... in JSON');

# Somebody; none has logged in, and there is no index.
my $long = 'x' x 64;
my $dead = 1234567;
my %text = (
	alice => "secret\n" . Restante::mbox(@mail),
	bob => "secret\n",
	carl => "secret\n" . Restante::mbox($mail[0]) . 'From ' .
	    "\0" x ($dead - 7) . "\n\n" . Restante::mbox(@mail[1 .. 3]),
	empty => '',
	$long => "secret\nFrom x",
);
$u = Ctl->new(%text);
$u->write($_, '') for '.hidden', 'no name', 'alice.lock';
mkdir $u->path('directory');
symlink 'alice', $u->path('symbolic');
my @rows = map { row($_, $text{$_}, $_ eq 'carl' ? $dead : 0, undef) }
    sort keys %text;
is_deeply([ $u->run('list') ], [ 0, table(@rows), '' ],
    'a table of those who have mailboxes');
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ], '... in JSON');
is_deeply([ $u->json('list', 'carl', 'alice') ], [ 0, [ @rows[2, 0] ], '' ],
    'in the order in which they are named');
my ($status, $out, $err) = $u->run('list', 'carl', 'no name', 'symbolic', 'zoe');
is($status, 67, 'names of nobody');
is($err, join('', map { "restantectl: $_->[0]: there is $_->[1]\n" }
    [ 'no name', 'no such mailbox' ], [ 'symbolic',
	'something of that name, but no mailbox: see restantectl check' ],
    [ 'zoe', 'no such mailbox' ]), '... are told');
is($out, table($rows[2]), '... and the others listed');

# With indexes and logins.
$u->run('compact', 'alice', 'bob', $long);
$u->forge('alice', login => 1000000000);
$u->forge('bob', login => 1767225599);
$rows[0]{last_login} = 1000000000;
$rows[1]{last_login} = 1767225599;
is_deeply([ $u->run('list') ], [ 0, table(@rows), '' ],
    'logins in the zone of the machine');
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ], '... and in seconds');
$u->run('compact', 'alice');
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ],
    'restantectl is no login, and forgets none');

# Mail that comes, before any login sees it; mail that goes.
$u->append('alice', Restante::mbox(@mail));
$rows[0] = row('alice', "secret\n" . Restante::mbox(@mail, @mail), 0,
    1000000000);
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ], 'new mail counts');
$u->write(alice => $text{alice});
$rows[0] = row('alice', $text{alice}, 0, 1000000000);
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ], 'a changed mailbox, too');
$u->poke($u->own('alice.index'), 4096, 'x');
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ], 'a damaged index does not');
Restante::spew("$u->{scratch}/conf",
    'users ' . $u->dir . "\nmbox-quoting mboxrd\n");
$u->write(alice => "secret\n" . Restante::mbox("A: b\n\n>From x\n"));
$u->run('compact', 'alice');
my ($quoted) = (row('', "secret\n" . Restante::mbox("A: b\n\nFrom x\n")));
($status, $out) = $u->raw('-f', "$u->{scratch}/conf", 'list', 'alice', '--json');
is(JSON::PP::decode_json($out)->[0]{octets}, $quoted->{octets},
    'users and mbox-quoting are those of the configuration');

# A mailbox that is held: where the index fits nobody need be asked.
$u->write(alice => $text{alice});
$u->settle('alice');
$u->run('compact', 'alice');
open my $agent, '+<', $u->path('alice') or die $!;
flock $agent, LOCK_EX | LOCK_NB or die "flock: $!";
is_deeply([ $u->json('list') ], [ 0, \@rows, '' ],
    'no lock is needed where the index fits');
$u->append('alice', Restante::mbox(@mail));
@{ $rows[0] }{qw(messages octets dead)} = ();
is_deeply([ $u->json('list') ], [ 75, \@rows,
    "restantectl: alice: in use by a session or a delivery\n" ],
    'what cannot be known is not guessed');
is(($u->run('list'))[1], table(@rows), '... nor shown');
close $agent;

# An update that waits: what will be left is not known here.
for my $how (qw(promise begin)) {
	$u = Ctl->new(alice => $text{alice});
	$u->settle('alice');
	$u->forge('alice', $how, 2, 3);
	is_deeply([ $u->json('list') ], [ 75,
	    [ { user => 'alice', map { ($_ => undef) }
		qw(messages octets dead last_login) } ],
	    "restantectl: alice: an update waits to be finished by the next " .
	    "login\n" ], "an update: $how");
}

# With the server.
for my $lock (qw(session update)) {
	my $d = Restante->start(users => { alice => $text{alice} },
	    options => ["lock=$lock"]);

	$u = Ctl->over($d->dir);
	my $before = time;
	my $c = $d->session('alice', 'secret');
	my ($code, $list) = $u->json('list');
	my $login = $list->[0]{last_login};
	ok($login >= $before && $login <= time, "lock=$lock: a login is noted")
	    or diag "$before $login";
	is_deeply([ $code, $list ], [ 0, [ row('alice', $text{alice}, 0, $login) ] ],
	    '... and the mailbox counted although it is in use');
	$u->append('alice', Restante::mbox($mail[0]));
	($code, $list) = $u->json('list');
	is_deeply([ $code, $list->[0]{messages}, $list->[0]{last_login} ],
	    [ 75, undef, $login ], '... not when it has changed since');
	$c->cmd('DELE 1');
	$c->cmd('DELE 3');
	like($c->cmd('QUIT'), qr/^\+OK/, 'an update');
	($code, $list) = $u->json('list');
	is_deeply([ $code, $list->[0]{messages}, $list->[0]{last_login} ],
	    [ 0, @mail - 1, $login ], '... leaves the login alone');
	$u->forge('alice', login => 1000000000);
	like($d->connect->login('alice', 'wrong'), qr/^-ERR/, 'a wrong password');
	is(($u->json('list'))[1][0]{last_login}, 1000000000, '... is no login');
	like($d->connect->login('alice', 'secret'), qr/^\+OK/, 'a right one');
	cmp_ok(($u->json('list'))[1][0]{last_login}, '>=', $before, '... is');
	$d->stop;
}

done_testing;
