# SPDX-License-Identifier: ISC
# restantectl add, passwd, lock, unlock, delete: what the password line becomes,
# that all mail stays with its unique-ids, and that a death leaves the old line or
# the new one.
use strict;
use warnings;

use Digest::SHA qw(sha256);
use Fcntl qw(LOCK_EX LOCK_NB);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use Ctl;
use Letters;
use Proc;
use Restante;
use Scram;

my @mail = map { "Subject: $_\n\nText of $_.\n" x 3 } 1 .. 4;
my $mbox = Restante::mbox(@mail, @mail);	# twins

my $d = Restante->start;
my $u = Ctl->over($d->dir);

sub line_of
{
	my ($user) = @_;

	return Restante::slurp($u->path($user)) =~ s/\n.*//sr;
}

sub may_log_in
{
	my ($user, $password) = @_;
	my $c = $d->connect;
	my $said = $c->login($user, $password);

	$c->cmd('QUIT');
	$c->close;
	return $said =~ /^\+OK/ ? 1 : 0;
}

sub ids
{
	my ($user, $password) = @_;
	my $c = $d->session($user, $password);
	my ($status, @ids) = $c->multi('UIDL');

	$c->cmd('QUIT');
	$c->close;
	return \@ids;
}

# add, in each form.
my $hash = qr/\A\$(\w+)\$\S+ +\z/;
for my $form ([], ['--scram'], ['--plain']) {
	my $name = "new@$form" =~ tr/-//dr;

	is_deeply([ $u->feed("pass word\nanother\n", 'add', @$form, $name) ],
	    [ 0, '', '' ], "add @$form says nothing");
	is((stat $u->path($name))[2] & 07777, 0600, '... a private file');
	is((stat $u->path($name))[4], (stat $u->dir)[4],
	    '... of the owner of the directory');
	is(length line_of($name), 255, '... of a line of 255 octets')
	    if "@$form" ne '--plain';
	is_deeply([ glob $u->own('*.new') ], [], '... and nothing else');
	my ($status, $out, $err) = $u->feed("other\n", 'add', @$form, $name);
	is($status, 73, 'a second time');
	is($err, "restantectl: $name: is there already\n", '... is told');
}
like(line_of('new'), $hash, 'a hash');
is(line_of('newplain'), 'pass word', 'a plain password');
ok(may_log_in('new', 'pass word'), 'the hash logs in');
ok(!may_log_in('new', 'another'), '... with its password alone');
ok(may_log_in('newplain', 'pass word'), 'a plain one, too');

# SCRAM by another way.
my ($iterations, $salt, $stored, $server) = line_of('newscram') =~
    m{\A\{SCRAM-SHA-256\}(\d+),([\w+/=]+),([\w+/=]+),([\w+/=]+) *\z};
my ($client_key, $server_key) =
    Scram::pair('pass word', decode_base64($salt), $iterations);
cmp_ok($iterations, '>=', 4096, 'as many iterations as RFC 7677 asks for');
is($stored, encode_base64(sha256($client_key), ''), 'StoredKey');
is($server, encode_base64($server_key, ''), 'ServerKey');
isnt(line_of('newscram'), do {
	$u->feed("pass word\n", 'passwd', '--scram', 'newscram');
	line_of('newscram');
}, 'another salt each time');

# Plain ones that would be read as something else.
for my $password ('!x', 'From me', '$6$salt$hash', '{PLAIN}x', '{SCRAM-SHA-256}x',
    'trailing  ', 'p' x 505, "J\xc3\xbcrgen") {
	is(($u->feed("$password\n", 'passwd', '--plain', 'new'))[0], 0,
	    'a plain password: ' . substr $password, 0, 20);
	ok(may_log_in('new', $password), '... logs in');
}

# What nobody may have.
my $before = Restante::slurp($u->path('new'));
for (['', 'there is no password'], ["\n", 'the password is blank'],
    ["   \n", 'the password is blank'],
    ["a\tb\n", 'the password has a control character in it'],
    ["a\r\n", 'the password has a control character in it'],
    ["a\x7f\n", 'the password has a control character in it'],
    ["J\xfcrgen\n", 'the password is neither ASCII nor UTF-8'],
    ["J\xc0\xaf\n", 'the password is neither ASCII nor UTF-8'],
    ["a\0b\n", 'the password has a control character in it'],
    ['x' x 506 . "\n", 'the password is longer than a client can say'],
    ['x' x 5000 . "\n", 'the password is longer than a client can say']) {
	my ($input, $said) = @$_;

	is_deeply([ $u->feed($input, 'passwd', 'new') ],
	    [ 65, '', "restantectl: new: $said\n" ], "refused: $said");
	is(($u->feed($input, 'add', 'nobody'))[0], 65, '... to somebody new');
}
is(Restante::slurp($u->path('new')), $before, '... and nothing has changed');
ok(!-e $u->path('nobody'), '... and nobody was added');
for my $name ('', '.x', 'a/b', 'a b', 'x.lock', 'x' x 65, '-x', '../x', "a\n") {
	is(($u->feed("secret\n", 'add', '--', $name))[0], 65,
	    "a bad name: '$name'");
	is(($u->feed("secret\n", 'passwd', '--', $name))[0], 67,
	    '... has no password');
}
is(($u->run('passwd'))[0], 64, 'of whom?');
is(($u->run($_, 'a', 'b'))[0], 64, "$_: one at a time") for qw(add passwd);
is(($u->run($_))[0], 64, "$_: who?") for qw(lock unlock delete add);
is(($u->run('passwd', '--json', 'new'))[0], 64, 'an option of another command');
is(($u->run('lock', '--plain', 'new'))[0], 64, '... and of another');
is(($u->run($_, 'nobody'))[0], 67, "$_: nobody") for qw(passwd lock unlock delete);

# passwd keeps what there is: mail, unique-ids, those of twins whose elder died.
$u->write(alice => "old\n$mbox");
my $c = $d->session('alice', 'old');
$c->cmd("DELE $_") for 1, 3;
$c->cmd('QUIT');
my $ids = ids('alice', 'old');
is(scalar(grep { /-1\z/ } @$ids), 4, 'twins, two without the elder');
my $inode = (stat $u->path('alice'))[1];
my $password = 'old';
for my $new ([], ['--plain'], ['--scram'], ['--plain'], []) {
	for my $to ('short', 'x', 'long' x 20) {
		is(($u->feed("$to\n", 'passwd', @$new, 'alice'))[0], 0,
		    "passwd @$new, '$password' to '$to'");
		next if "@$new" eq '--scram';
		ok(may_log_in('alice', $to), '... logs in');
		ok(!may_log_in('alice', $password), '... the old one does not');
		$password = $to;
		is_deeply(ids('alice', $to), $ids, '... unique-ids are the same');
	}
}
is((stat $u->path('alice'))[1], $inode, 'it is the same file');
my (undef, $found) = $u->findings('alice');
is_deeply([ grep { $found->{$_}[0] ne 'ok' } keys %$found ],
    ['mailbox duplicates'], 'all is well with it');

# In place: a hash after a hash moves nothing.
$before = Restante::slurp($u->path('alice'));
$u->feed("again\n", 'passwd', 'alice');
my $after = Restante::slurp($u->path('alice'));
isnt($after, $before, 'another hash');
is(substr($after, 256), substr($before, 256), '... in the room of the other');

# lock and unlock.
for my $form ([], ['--scram'], ['--plain']) {
	$u->feed("secret\n", 'passwd', @$form, 'alice');
	$before = Restante::slurp($u->path('alice'));
	is_deeply([ $u->run('lock', 'alice') ], [ 0, '', '' ], "lock @$form");
	my $locked = Restante::slurp($u->path('alice'));
	like($locked, qr/\A!/, '... puts a mark there');
	is(length $locked, length $before, '... and moves nothing')
	    if "@$form" ne '--plain';
	ok(!may_log_in('alice', 'secret'), '... and nobody logs in');
	is_deeply([ $u->run('lock', 'alice') ], [ 0, '', '' ], '... once more');
	is(Restante::slurp($u->path('alice')), $locked, '... changes nothing');
	is_deeply([ $u->feed("secret\n", 'passwd', @$form, 'alice') ],
	    [ 0, '', "restantectl: alice: is still locked\n" ],
	    '... a new password leaves it locked, and says so');
	is_deeply([ $u->run('unlock', 'alice') ], [ 0, '', '' ], 'unlock');
	unlike(line_of('alice'), qr/\A!/, '... takes it away');
	is_deeply([ $u->run('unlock', 'alice') ], [ 0, '', '' ], '... once more');
	next if "@$form" eq '--scram';
	ok(may_log_in('alice', 'secret'), '... and it logs in');
	is_deeply(ids('alice', 'secret'), $ids, '... unique-ids are the same');
}
$u->feed("secret\n", 'passwd', '--plain', 'alice');
$u->run($_, 'alice') for qw(lock unlock lock);
my $size = -s $u->path('alice');
$u->run($_, 'alice') for qw(unlock lock unlock lock unlock);
is(-s $u->path('alice'), $size, 'there and back again takes no more room');
# What a shorter line leaves is room for the next, or dead, and never nobody's.
for my $then (['passwd'], ['compact']) {
	$u->write(room => "secret\n$mbox");
	$u->run($_, 'room') for qw(lock unlock);
	$u->feed("$_\n", 'passwd', '--plain', 'room') for 'secr', 'long' x 9, 'x' x 30;
	$u->feed("x\n", @$then, 'room');
	$u->feed("x\n", 'passwd', '--plain', 'room');
	(undef, $found) = $u->findings('room');
	is_deeply([ grep { $found->{$_}[0] ne 'ok' } keys %$found ],
	    ['mailbox duplicates'], 'shorter, longer, shorter: all is well');
	is(($u->run('compact', 'room'))[0], 0, '... and compacted');
	is(Restante::slurp($u->path('room')), "x\n$mbox", '... nothing is left');
}
$u->write(bare => "!\n$mbox");
is_deeply([ $u->run('unlock', 'bare') ], [ 65, '',
    "restantectl: bare: there is no password: nobody can log in\n" ],
    'a mark and nothing else');

for my $line ('x' x 1024, 'x' x 3000, '!' . 'x' x 1023, '!!' . 'x' x 3000, "a\0b",
    "!a\0b") {
	$u->write(bare => "$line\n$mbox");
	for my $verb (qw(lock unlock)) {
		is_deeply([ $u->run($verb, 'bare') ], [ 65, '', 'restantectl: bare:'
		    . " there is no password: nobody can log in\n" ],
		    "$verb: no password: " . substr($line, 0, 4) =~ s/\0/./r .
		    ', of ' . length $line);
	}
	is(Restante::slurp($u->path('bare')), "$line\n$mbox", '... stays as it is');
}
for my $end ("\n", "\r\n", '') {
	$u->write(bare => 'x' x 1022 . $end);
	is(($u->run($_, 'bare'))[0], 0, "$_: the longest line") for qw(lock unlock);
	is(Restante::slurp($u->path('bare')) =~ s/\n.*//sr, 'x' x 1022,
	    '... there and back again');
}

# What a delivery agent made has no password line; all of it is mail.
$u->write(made => $mbox);
is(($u->run('lock', 'made'))[0], 65, 'there is nothing to lock');
is(($u->feed("secret\n", 'passwd', '--plain', 'made'))[0], 0,
    'a mailbox that a delivery agent has made');
is(Restante::slurp($u->path('made')), "secret\n$mbox", '... gets a line');
is(scalar @{ ids('made', 'secret') }, 2 * @mail, '... and keeps its mail');
for (['', "secret\n"], ["\n", "secret\n"], ["\n$mbox", "secret\n$mbox"],
    ['old', "secret\n"], ["old\r\n$mbox", "secret\n$mbox"]) {
	$u->write(odd => $_->[0]);
	is(($u->feed("secret\n", 'passwd', '--plain', 'odd'))[0], 0,
	    'a first line: ' . substr($_->[0], 0, 5) =~ s/[\r\n]/./gr);
	is(Restante::slurp($u->path('odd')), $_->[1], '... is replaced');
}
$u->write(odd => 'x' x 5000 . "\n$mbox");
is_deeply([ $u->feed("secret\n", 'passwd', 'odd') ], [ 65, '',
    "restantectl: odd: the first line is too long to be a password\n" ],
    'one that can be no password');
is(Restante::slurp($u->path('odd')), 'x' x 5000 . "\n$mbox", '... stays');

# In use.
$c = $d->session('alice', 'secret');
$before = Restante::slurp($u->path('alice'));
my $busy = "restantectl: alice: in use by a session or a delivery\n";
for (['passwd'], ['lock'], ['unlock'], [ 'delete', '--yes' ]) {
	is_deeply([ $u->feed("new\n", @$_, 'alice') ], [ 75, '', $busy ],
	    "$_->[0] beside a session");
}
is(Restante::slurp($u->path('alice')), $before, '... changes nothing');
$c->cmd('QUIT');
$c->close;
open my $agent, '+<', $u->path('alice') or die $!;
flock $agent, LOCK_EX | LOCK_NB or die "flock: $!";
is(($u->feed("new\n", 'passwd', 'alice'))[0], 75, '... and beside a delivery');
close $agent;

# delete.
is_deeply([ $u->run('delete', 'alice') ], [ 64, '', 'restantectl: alice: not '
    . "deleted: there are 6 messages (--yes deletes them)\n" ],
    'mail is not deleted without a word');
is(Restante::slurp($u->path('alice')), $before, '... it is all there');
is_deeply([ $u->run('delete', '--yes', 'alice') ], [ 0, '', '' ],
    'delete --yes');
is_deeply([ grep { -e } $u->path('alice'), glob $u->own('alice.*') ], [],
    '... leaves nothing');
is_deeply([ $u->run('delete', 'newplain', 'newscram') ], [ 0, '', '' ],
    'who has no mail is deleted as said');
$u->write(single => "secret\n" . Restante::mbox($mail[0]));
is_deeply([ $u->run('delete', 'single') ], [ 64, '', 'restantectl: single: not '
    . "deleted: there is 1 message (--yes deletes them)\n" ],
    '... and a single message is some');
$u->write(agents => Restante::mbox($mail[0]));
is_deeply([ $u->run('delete', 'agents') ], [ 64, '', 'restantectl: agents: not '
    . "deleted: there is 1 message (--yes deletes them)\n" ],
    '... and so is one that an agent has made the file with');

# Somebody else adds the same user, and is about to give the file its name.
open my $adder, '>', $u->own('both.new') or die $!;
flock $adder, LOCK_EX | LOCK_NB or die "flock: $!";
print $adder "first\n";
$adder->flush;
is_deeply([ $u->feed("second\n", 'add', '--plain', 'both') ], [ 75, '',
    "restantectl: both: somebody else adds the same user\n" ],
    'add beside another');
is(Restante::slurp($u->own('both.new')), "first\n", '... leaves it alone');
close $adder;

# Somebody who had the name has left a journal and an index.
$u->write(alice => "secret\n$mbox");
$u->forge('alice', login => 1000000000);
unlink $u->path('alice');
$u->feed("other\n", 'add', '--plain', 'alice');
is(($u->json('list', 'alice'))[1][0]{last_login}, undef,
    'a new user has nothing of an old one');
$d->stop;

# One that was killed while it added a user has left a file.
Restante::spew($u->own('left.new'), "a longer line\n$mbox");
$u->feed("secret\n", 'add', '--plain', 'left');
is(Restante::slurp($u->path('left')), "secret\n", '... nothing of it is in his');

# The mailbox is made by a delivery while the password is asked for.
my $pid = open my $asked, '|-', 'sh', '-c', 'exec "$0" "$@" 2>/dev/null',
    "$ENV{BUILD}/restantectl", '-f', '/dev/null', '-d', $u->dir,
    qw(add --plain made-by-an-agent) or die "restantectl: $!";
for (1 .. 50) {
	last if (eval { Restante::slurp("/proc/$pid/syscall") } // '') =~ /\A0 0x0 /;
	select undef, undef, undef, 0.1;
}
$u->write('made-by-an-agent' => $mbox);
print $asked "secret\n";
close $asked;
is($? >> 8, 73, 'a mailbox that was made meanwhile');
is(Restante::slurp($u->path('made-by-an-agent')), $mbox, '... stays');

# Who else could read it.
chmod 0755, $u->dir;
my ($status, $out, $err) = $u->feed("other\n", 'passwd', '--plain', 'alice');
is($status, 0, 'in a directory that others may enter');
is($err, 'restantectl: ' . $u->dir . ': everyone on this machine may look '
    . "into it: chmod 700\n", '... is told');
chmod 0644, $u->path('alice');
($status, $out, $err) = $u->feed("other\n", 'passwd', '--plain', 'alice');
like($err, qr/^restantectl: alice: the mailbox has mode 0644, others may see/m,
    '... and the mode of a mailbox');
chmod 0700, $u->dir;

# The user is there, but who knows for how long.
SKIP: {
	local $u->{under} = [ Proc::failing(2, fsync => 'EIO', 2) ];
	is_deeply([ $u->feed("secret\n", 'add', '--plain', 'synced') ], [ 74, '',
	    'restantectl: synced: added, but a power loss may undo it: '
	    . "Input/output error\n" ], 'add cannot sync the directory');
	is(line_of('synced'), 'secret', '... but the user is there');
}

# On a terminal: asked twice, and not shown.
SKIP: {
	my $expect = Restante::program('expect');
	skip 'there is no expect', 8 if !defined $expect;
	my $ctl = "$ENV{BUILD}/restantectl -f /dev/null -d " . $u->dir;
	my $talk = sub {
		my ($command, @answers) = @_;
		my $script = "set timeout 60\nspawn -noecho $ctl $command\n"
		    . "expect_after timeout { exit 99 }\n";

		for (@answers) {
			my ($question, $answer) = @$_;
			$script .= "expect -ex {$question}\nsend \"$answer\"\n";
		}
		$script .= "expect eof\nlassign [wait] a b c code\nexit \$code\n";
		Restante::spew("$u->{scratch}/talk", $script);
		my $said = qx{$expect $u->{scratch}/talk};
		return ($? >> 8, $said);
	};
	skip 'there are no pseudo-terminals', 8
	    if ($talk->('-V'))[0] != 0;
	my @twice = map { [ "$_: ", 'Pass w0rd\r' ] } 'New password', 'Once more';
	my ($code, $said) = $talk->('passwd --plain alice', @twice);
	is($code, 0, 'a password from a terminal');
	unlike($said, qr/w0rd/, '... is not shown');
	is(line_of('alice'), 'Pass w0rd', '... and becomes the line');
	$twice[1][1] = 'Pass word\r';
	($code, $said) = $talk->('passwd --plain alice', @twice);
	like("$code $said", qr/^65 .*the two passwords are not the same/s,
	    'two that differ');
	($code, $said) = $talk->('passwd alice', [ 'New password: ', 'x\003' ]);
	like("$code $said", qr/^65 .*there is no password/s, '^C');
	is(line_of('alice'), 'Pass w0rd', '... change nothing');
	$u->append('alice', $mbox);
	($code, $said) = $talk->('delete alice', [ '[y/N] ', '\r' ]);
	like("$code $said", qr/^67 .*delete alice and 8 messages\?.*not deleted/s,
	    'delete asks');
	($code, $said) = $talk->('delete alice', [ '[y/N] ', 'yes\r' ]);
	is("$code " . (-e $u->path('alice') ? 'there' : 'gone'), '0 gone',
	    '... and obeys');
}

# Killed before each system call: the old line or the new one, and all mail.
SKIP: {
	skip 'the sanitizers cannot be traced', 1
	    if Proc::sanitized("$ENV{BUILD}/restantectl");
	for (['old', 'longer'], ['older', 'new'], ['old', 'new']) {
		my ($from, $to) = @$_;
		my %ends;
		my $calls = $u->feed_and_kill(
		    sub {
			    unlink glob $u->own('*');
			    $u->write(alice => "$from\n$mbox");
		    }, sub {
			    my $line = line_of('alice');
			    $u->append('alice', $mbox);
			    my ($status) = $u->run('compact', 'alice');
			    my $now = Restante::slurp($u->path('alice'));
			    my $end = $status != 0 ? "compact: $status" :
				$line ne $from && $line ne $to ? 'no line' :
				$now eq "$from\n$mbox$mbox" ? 'old' :
				$now =~ /\A\Q$to\E\n+\Q$mbox$mbox\E\z/ ? 'new' :
				'neither';
			    $ends{$end}++;
			    diag("$from to $to: $end at call $_[0]")
				if $end !~ /\A(?:old|new)\z/;
		    }, "$to\n", 'passwd', '--plain', 'alice');
		is_deeply([ sort keys %ends ], [ 'new', 'old' ],
		    "$from to $to: killed before each of $calls calls");
	}
	my %ends;
	my $calls = $u->feed_and_kill(sub {
		unlink $u->path('bob');
		Restante::spew($u->own('bob.journal'), 'of another bob');
	}, sub {
		$ends{!-e $u->path('bob') ? 'none' :
		    -e $u->own('bob.journal') ? 'inherits' : line_of('bob')}++;
	}, "secret\n", 'add', '--plain', 'bob');
	is_deeply([ sort keys %ends ], [ 'none', 'secret' ],
	    "add, killed before each of $calls calls: nobody, or all of him");
	%ends = ();
	$calls = $u->feed_and_kill(sub {
		$u->write(bob => "secret\n$mbox");
	}, sub {
		my $all = -e $u->path('bob') &&
		    Restante::slurp($u->path('bob')) eq "secret\n$mbox";
		my @own = glob $u->own('bob.*');
		$ends{!-e $u->path('bob') ? "none @own" : $all ? 'all' : 'some'}++;
	}, undef, 'delete', '--yes', 'bob');
	is_deeply([ sort keys %ends ], [ 'all', 'none ' ],
	    "delete, killed before each of $calls calls: all of it, or nothing, "
	    . 'for nobody is to lose what is theirs by then');
}

done_testing;
