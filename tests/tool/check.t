# SPDX-License-Identifier: ISC
# restantectl check: every finding that the manual lists is provoked and found,
# and nothing is changed by looking (Ctl sees to that at each call).
use strict;
use warnings;

use Fcntl qw(LOCK_EX LOCK_NB F_SETLK F_WRLCK);
use FindBin;
use POSIX ();
use Test::More;

use Ctl;
use Locks qw(record_lock);
use Reference;
use Restante;

my $quiet = "secret\n";
my @mail = map { "Subject: $_\n\nText of $_.\n" } 1 .. 5;
my $box = $quiet . Restante::mbox(@mail);
my $separator = "From sender\@example.org Thu Nov 20 18:27:05 2025\n";
my %provoked;

# Messages and octets of a mailbox, slowly counted.
sub totals
{
	my ($text, $octets) = ($_[0], 0);
	my @messages = Reference::messages($text);

	$octets += $_->{octets} for @messages;
	return (scalar @messages, $octets);
}
my ($count, $octets) = totals($box);

# Checks a user and compares one finding: its level, and a pattern for its words.
# Without a level there must be no such finding.
sub finds
{
	my ($u, $user, $finding, $level, $pattern, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $found, $object, $all) = $u->findings($user, @options);
	my $got = $found->{$finding};

	$provoked{$_} = 1 for keys %$found;
	if (!defined $level) {
		ok(!defined $got, "no \"$finding\"");
		return ($status, $found, $object);
	}
	is($got && $got->[0], $level, "\"$finding\" is a matter of: $level")
	    or diag explain $found;
	like($got && $got->[1], $pattern, '... in these words');
	is($status, (grep { $_->{level} eq 'problem' } @$all) ? 65 :
	    $found->{'mailbox in-use'} ? 75 : 0, '... the exit status');
	return ($status, $found, $object);
}

# A mailbox that has an index and a journal, as after a login.
sub settled
{
	my ($text) = @_;
	my $u = Ctl->new(alice => $text // $box);

	$u->settle('alice');
	is(($u->run('compact', 'alice'))[0], 0, 'a login');
	return $u;
}

# Nothing wrong.
my $u = Ctl->new(alice => $box);
my ($status, $found, $object) = finds($u, 'alice', 'mailbox messages', 'ok',
    qr/\A5 messages, $octets octets\z/);
is_deeply([ map { $_->[0] } values %$found ], [ ('ok') x 4 ],
    'a new mailbox: all is well');
is_deeply([ @{$object}{qw(user level messages octets dead last_login)} ],
    [ 'alice', 'ok', $count, $octets, 0, undef ], '... and in numbers');
finds($u, 'alice', 'password plain', 'ok', qr/\Aa plain password\z/);
finds($u, 'alice', 'journal none', 'ok', qr/\Anone/);
finds($u, 'alice', 'index none', 'ok', qr/\Anone/);
ok(!-e $u->own(''), 'no .restante is made');

# Passwords: the kind, never the content.
my @lines = (
	[ 'password crypt', 'ok', qr/hash/, crypt('x', '$6$deadbeef$') . ' ' ],
	[ 'password crypt', 'ok', qr/hash/, '{CRYPT}' . crypt('x', 'de') ],
	(map { [ 'password no-hash', 'problem', qr/no password matches/, $_ ] }
	    '$6$salt$deadbeef', crypt('x', '$6$deadbeef$') . 'x',
	    '$2b$10$deadbeef', '$y$j9T$deadbeef', '{CRYPT}x', '$deadbeef$x'),
	[ 'password plain', 'ok', qr/plain/, 'deadbeef' ],
	[ 'password plain', 'ok', qr/plain/, '{PLAIN}$6$salt$deadbeef' ],
	[ 'password locked', 'note', qr/locked/, '!deadbeef' ],
	[ 'password empty', 'problem', qr/nobody/, '' ],
	[ 'password empty', 'problem', qr/nobody/, '{PLAIN}' ],
	[ 'password missing', 'problem', qr/delivery agent/,
	    'From deadbeef Thu Nov 20 18:27:05 2025' ],
	[ 'password nul', 'problem', qr/NUL/, "deadbeef\0" ],
	[ 'password too-long', 'problem', qr/long/, 'deadbeef' x 200 ],
	[ 'password scram', 'ok', qr/SCRAM-SHA-256/,
	    '{SCRAM-SHA-256}4096,deadbeef' . (',' . 'deadbeef' x 5 . 'dec=') x 2 ],
	[ 'password too-costly', 'problem', qr/long/,
	    '$6$rounds=999999999$deadbeef$deadbeef' ],
	[ 'password unknown-form', 'problem', qr/form/,
	    '{SCRAM-SHA-256}4096,deadbeef,deadbeef,deadbeef' ],
);
for (@lines) {
	my ($finding, $level, $words, $line) = @$_;

	$u->write(alice => "$line\n" . Restante::mbox(@mail));
	finds($u, 'alice', $finding, $level, $words);
	unlike(join('', ($u->run('check'))[1, 2]), qr/deadbeef/,
	    '... and its content is not told');
}

# The mailbox.
$u->write(alice => "${quiet}stray\n\n" . Restante::mbox(@mail));
finds($u, 'alice', 'mailbox garbage', 'problem', qr/\A7 octets before the first/);
$u->write(alice => "${quiet}stray");
finds($u, 'alice', 'mailbox garbage', 'problem', qr/\A5 octets before the first/);
$u->write(alice => $quiet . "\n" x 7 . Restante::mbox(@mail));
finds($u, 'alice', 'mailbox blank-lines', 'ok', qr/blank/);
$u->write(alice => "$quiet\r\n" . "\n" x 6 . Restante::mbox(@mail));
($status, $found) = finds($u, 'alice', 'mailbox blank-lines', 'note', qr/blank/);
ok(!$found->{'mailbox garbage'}, 'blank lines are no garbage');
$u->write(alice => $quiet . "From \0\0\n\nstray\n\n" . Restante::mbox(@mail));
finds($u, 'alice', 'mailbox garbage', 'problem', qr/\A7 octets behind a tomb/);
finds($u, 'alice', 'mailbox tombstones', 'ok',
    qr/\A9 dead octets in 1 tombstone\z/);

for ([ 'no-line-end', 'secret' ], [ 'no-line-end', substr $box, 0, -2 ],
    [ 'no-blank-line', substr $box, 0, -1 ]) {
	$u->write(alice => $_->[1]);
	finds($u, 'alice', "mailbox $_->[0]", 'note', qr/the next login adds it/);
}
for ($quiet, $box, $box =~ s/\n/\r\n/gr) {
	$u->write(alice => $_);
	($status, $found) = finds($u, 'alice', 'mailbox no-line-end');
	ok(!$found->{'mailbox no-blank-line'}, '... nothing is missing');
}
finds($u, 'alice', 'mailbox duplicates');
$u->write(alice => $quiet . Restante::mbox(@mail, $mail[0]));
finds($u, 'alice', 'mailbox duplicates', 'note', qr/\A1 message is the same/);
$u->write(alice => $quiet . Restante::mbox(@mail, @mail, @mail));
finds($u, 'alice', 'mailbox duplicates', 'note', qr/\A10 messages are the same/);

# Quoting is the configuration's.
my $quoted = $quiet . Restante::mbox("A: b\n\n>From x\n");
$u->write(alice => $quoted);
for ([ none => (totals($quoted))[1] ],
    [ mboxrd => (totals($quoted =~ s/>From/From/r))[1] ]) {
	Restante::spew("$u->{scratch}/conf", "mbox-quoting $_->[0]\n");
	finds($u, 'alice', 'mailbox messages', 'ok', qr/1 message, $_->[1] oct/,
	    '-f', "$u->{scratch}/conf");
}

# The index.
$u = settled();
finds($u, 'alice', 'index fits', 'ok', qr/all of it/);
($status, $found, $object) = finds($u, 'alice', 'journal empty', 'ok',
    qr/\Aempty\z/);
is($object->{last_login}, undef, 'the tool does not log in');
finds($u, 'alice', 'index stale', 'note', qr/mbox-quoting/,
    '-f', "$u->{scratch}/conf")
    if Restante::spew("$u->{scratch}/conf", "mbox-quoting mboxrd\n");
$u->append('alice', Restante::mbox($mail[0]));
finds($u, 'alice', 'index behind', 'ok', qr/but for 1 message that came later/);
$u->poke($u->path('alice'), length "$quiet$separator", 'x');
finds($u, 'alice', 'index stale', 'note', qr/not just grown/);

# A change that the cheap look of a login does not see.
$u = settled();
$u->poke($u->path('alice'), length($quiet . Restante::mbox($mail[0])) + 5, 'S');
$u->append('alice', Restante::mbox($mail[0]));
finds($u, 'alice', 'index wrong', 'problem', qr/message 2\z/);

$u = settled();
$u->poke($u->path('alice'), 100, 'x');
finds($u, 'alice', 'index stale', 'note', qr/the mailbox has changed since/);
truncate $u->path('alice'), length $quiet;
finds($u, 'alice', 'index stale', 'note', qr/the mailbox was longer/);

$u = settled();
$u->write(new => $box);
rename $u->path('new'), $u->path('alice');
finds($u, 'alice', 'index stale', 'note', qr/another file/);

$u = settled();
$u->poke($u->path('alice'), 0, "se\nret\n");
finds($u, 'alice', 'index stale', 'note', qr/password line/);

# Each octet of the file counts: header, first page, last page.
my @many = map { "Subject: $_\n\nText.\n" } 1 .. 200;
$u = settled($quiet . Restante::mbox(@many));
my $index = $u->own('alice.index');
my $good = Restante::slurp($index);
is(length $good, 4 * 4096, 'an index of three pages');
finds($u, 'alice', 'index fits', 'ok', qr/all of it/);
for my $at (0, 8, 100, 4096, 4096 + 2000, 8191, 8192, 3 * 4096 + 50, -1) {
	$u->poke($index, $at, ~substr($good, $at, 1));
	finds($u, 'alice', 'index damaged', 'problem', qr/\Adamaged/);
	Restante::spew($index, $good);
}
truncate $index, 3 * 4096;
finds($u, 'alice', 'index damaged', 'problem', qr/too short/);
$u->poke($index, 0, "\0" x 4096);
finds($u, 'alice', 'index none', 'ok', qr/void/);
truncate $index, 0;
finds($u, 'alice', 'index none', 'ok', qr/void/);
is(($u->run('compact', 'alice'))[0], 0, 'a login mends it');
finds($u, 'alice', 'index fits', 'ok', qr/all of it/);

# With every checksum right, what it says is still compared with the mailbox.
for ([ [ drop => 70 ], qr/message 70\z/ ], [ [ drop => 200 ], qr/message 200\z/ ],
    [ ['total'], qr/totals/ ]) {
	$u = settled($quiet . Restante::mbox(@many));
	$u->forge('alice', @{ $_->[0] });
	finds($u, 'alice', 'index wrong', 'problem', $_->[1]);
}
$u = settled($quiet . Restante::mbox($mail[0], $mail[0]));
finds($u, 'alice', 'index fits', 'ok', qr/all of it/);
$u->forge('alice', twin => 1);
finds($u, 'alice', 'index wrong', 'problem', qr/same unique-id/);

# A twin that survives keeps its unique-id: that is right.
my $d = Restante->start(users => { alice => $quiet .
    Restante::mbox($mail[0], 'large ' x 9999, $mail[0], $mail[2]) });
$u = Ctl->over($d->dir);
my $c = $d->session('alice', 'secret');
$c->cmd('DELE 1');
like($c->cmd('QUIT'), qr/^\+OK/, 'the first of two twins is deleted');
finds($u, 'alice', 'index fits', 'ok', qr/all of it/);
($status, $found, $object) = finds($u, 'alice', 'mailbox tombstones', 'ok',
    qr/\A\d+ dead octets in 1 tombstone\z/);
is($object->{messages}, 3, 'three messages are left');
cmp_ok(abs($object->{last_login} - time), '<', 60, 'the login is noted');
finds($u, 'alice', 'journal empty', 'ok',
    qr/\Aempty; the last login was at \d{4}-\d\d-\d\d \d\d:\d\d\z/);

# In use: by a session, by agents of both kinds.
$c = $d->session('alice', 'secret');
finds($u, 'alice', 'mailbox in-use', 'note', qr/not checked/);
(undef, undef, $object) = $u->findings('alice');
is($object->{messages}, undef, 'no numbers are made up');
is_deeply([ sort keys %$object ],
    [ qw(dead findings last_login level messages octets user) ],
    '... for what is not known');
$c->close;
$d->stop;
open my $agent, '+<', $u->path('alice') or die $!;
flock $agent, LOCK_EX | LOCK_NB or die "flock: $!";
finds($u, 'alice', 'mailbox in-use', 'note', qr/by a session or a delivery/);
close $agent;
# A process of its own: whoever closes the file lets go of such a lock.
my $pid = open my $holder, '-|' // die "fork: $!";
if ($pid == 0) {
	open $agent, '+<', $u->path('alice') or die $!;
	record_lock($agent, F_SETLK, F_WRLCK) or die "fcntl: $!";
	syswrite STDOUT, "locked\n";
	sleep Restante::PATIENCE;
	POSIX::_exit(0);
}
is(<$holder>, "locked\n", 'an agent that uses fcntl');
finds($u, 'alice', 'mailbox in-use', 'note', qr/by a session or a delivery/);
kill KILL => $pid;
close $holder;
finds($u, 'alice', 'mailbox in-use');

# The journal.
for ([ promise => 'not begun' ], [ begin => 'begun' ]) {
	$u = settled();
	$u->forge('alice', $_->[0], 2, 4);
	finds($u, 'alice', 'journal waiting', 'note', qr/promised and $_->[1]:/);
	if ($_->[0] eq 'begin') {
		finds($u, 'alice', 'mailbox halfway', 'note', qr/not looked at/);
		(undef, undef, $object) = $u->findings('alice');
		is($object->{messages}, undef, '... nor counted');
	}
	my ($code, $out, $err) = $u->run('compact', 'alice');
	is($code, 0, 'restantectl compact finishes it');
	like($err, qr/finishing an update/, '... and says so');
	(undef, undef, $object) = finds($u, 'alice', 'journal empty', 'ok', qr/e/);
	is($object->{messages}, 3, '... two messages are gone');
}
# Where the sender of message n stands.
sub sender
{
	my ($n) = @_;

	return length($quiet . Restante::mbox(@mail[0 .. $n - 2])) + 5;
}
$u = settled();
$u->forge('alice', 'promise', 2, 4);
$u->poke($u->path('alice'), sender(4), 'S');
finds($u, 'alice', 'journal misfit', 'problem', qr/sets it aside/);
$u->forge('alice', 'aside', 1);
finds($u, 'alice', 'journal aside', 'note', qr/nothing of it was done/);
$u = settled();
$u->forge('alice', 'begin', 2, 4);
$u->poke($u->path('alice'), sender(4), 'S');
finds($u, 'alice', 'journal misfit-begun', 'problem', qr/nobody can log in/);
my ($code, $out, $err) = $u->run('compact', 'alice');
is($code, 65, 'restantectl compact refuses it too');
like($err, qr/needs attention/, '... and says so');

$u = settled();
$u->forge('alice', 'promise', 2, 4);
my $journal = $u->own('alice.journal');
$good = Restante::slurp($journal);
$u->poke($journal, 120, ~substr($good, 120, 1));
finds($u, 'alice', 'journal torn', 'note', qr/nothing of it was done/);
Restante::spew($journal, $good);
$u->poke($journal, 20, ~substr($good, 20, 1));
finds($u, 'alice', 'journal damaged', 'problem', qr/counts as empty/);
truncate $journal, 50;
finds($u, 'alice', 'journal damaged', 'problem', qr/counts as empty/);
truncate $journal, 0;
finds($u, 'alice', 'journal empty', 'ok', qr/\Aempty\z/);

# Names and kinds of files.
$u = settled();
symlink 'alice', $u->path('symbolic');
symlink 'nowhere', $u->path('dangling');
mkdir $u->path('directory');
$u->write(first => $box);
link $u->path('first'), $u->path('second');
system('mkfifo', $u->path('fifo')) == 0 or die;
finds($u, $_, 'file symbolic-link', 'problem', qr/not followed/)
    for qw(symbolic dangling);
finds($u, $_, 'file links', 'problem', qr/\Aa file with 2 links/)
    for qw(first second);
finds($u, 'directory', 'file no-file', 'note', qr/\Aa directory/);
finds($u, 'fifo', 'file no-file', 'note', qr/\Aa special file/);
for my $name ('x y', '.hidden', "b\xff\"\n", 'alice.lock', 'y' x 65,
    "\xff" x 255) {
	my $clean = $name =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger;
	my $which = $name =~ /lock$/ ? 'lock-file' : 'no-name';

	$u->write($name, '');
	finds($u, undef, "name $which", 'note', qr/\A"\Q$clean\E" /);
	unlink $u->path($name);
}
Restante::spew($u->own('gone.index'), '');
finds($u, undef, 'name orphan', 'note', qr/\A"\.restante\/gone\.index" has no/);
unlink $u->own('gone.index');
Restante::spew($u->own($_), '') for 'alice.new', '.new';
finds($u, undef, 'name unfinished', 'note',
    qr/\A"\.restante\/alice\.new" is of an add/);
unlink $u->own('alice.new');
(undef, $found) = $u->findings(undef);
is_deeply([ keys %$found ], ['directory mode'], 'the other names are names');

# Modes.
$u = settled();
finds($u, undef, 'directory mode', 'ok', qr/0700: only its owner/);
chmod 0666, $u->path('alice'), $u->own('alice.index'), $u->own('alice.journal');
finds($u, 'alice', "$_ mode", 'note', qr/mode 0666: only the directory/)
    for qw(file index journal);
chmod 0750, $u->dir;
finds($u, undef, 'directory mode', 'note', qr/0750: its group/);
chmod 0755, $u->dir;
finds($u, undef, 'directory mode', 'problem', qr/0755: everyone/);
finds($u, 'alice', "$_ mode", 'problem', qr/mode 0666: everyone[^,]*\z/)
    for qw(file index journal);
chmod 0600, $u->path('alice'), $u->own('alice.index'), $u->own('alice.journal');
(undef, $found) = $u->findings('alice');
is_deeply([ grep { /mode/ } keys %$found ], [], 'private files are no news');
chmod 0701, $u->own('');
(undef, undef, $object) = $u->findings(undef);
like(join("\n", map { $_->{text} } @{ $object->{findings} }),
    qr/^\.restante has mode 0701/m, '.restante, too');
chmod 0700, $u->dir, $u->own('');

SKIP: {
	skip 'root may write everything: see tests/sys', 1 if $> == 0;
	chmod 0400, $u->path('alice');
	finds($u, 'alice', 'file unreadable', 'problem', qr/permission denied/i);
	chmod 0600, $u->path('alice');
	chmod 0400, $u->own('alice.index'), $u->own('alice.journal');
	finds($u, 'alice', 'index unwritable', 'note', qr/permission denied/i);
	finds($u, 'alice', 'journal unwritable', 'problem', qr/denied/i);
	chmod 0200, $u->own('alice.journal');
	finds($u, 'alice', 'journal unreadable', 'problem', qr/denied/i);
}

# A file of ours that has become root's, who runs the server as another; or one
# that somebody else took away.
$u = settled();
if ($> == 0) {
	chmod 0711, $u->{scratch};
	chown 65534, -1, $u->dir, $u->path('alice'), glob $u->own('{,alice.*}');
}
sub take_away
{
	my ($file) = @_;

	$> == 0 ? chown 0, -1, $file : chmod 0, $file;
}
take_away($u->own('alice.index'));
($status, $found) = finds($u, 'alice', 'index unwritable', 'note',
    qr{\A\.restante/alice\.index cannot be written: Permission denied\z});
ok($found->{'mailbox messages'}, '... the mailbox is looked at');
ok(!$found->{'index none'}, '... and the index is there');
my ($can, $rows) = $u->json('list');
is_deeply([ $can, $rows->[0]{messages} ], [ 0, $count ], '... list counts');
my @letter = $u->feed("A: b\n", 'deliver', 'alice');
is_deeply(\@letter, [ 0, '',
    "restantectl: opening the index of alice: Permission denied\n" ],
    '... and what is delivered is');
take_away($u->own('alice.journal'));
finds($u, 'alice', 'journal unwritable', 'problem',
    qr{\A\.restante/alice\.journal cannot be written: Permission denied\z});
my $where = "restantectl: alice: .restante/alice.journal: Permission denied\n";
is_deeply([ ($u->run('list'))[0, 2] ], [ 77, $where ], '... which list names');
is_deeply([ $u->feed("A: b\n", 'deliver', 'alice') ], [ 75, '', $where ],
    '... and deliver');

# For people.
$u = Ctl->new(alice => $box, bob => "From x\n", carl => "x\n" . substr Restante::mbox('A: b'), 0, -1);
($code, $out, $err) = $u->run('check');
is($code, 65, 'a problem is the exit status');
is($err, '', 'findings are no errors');
$where = $u->dir;
is($out, <<"END", 'the report');
$where
  ok       directory  mode 0700: only its owner may look into it
alice
  ok       password   a plain password
  ok       journal    none: the first login makes it
  ok       mailbox    $count messages, $octets octets
  ok       index      none: the next login makes it
bob
  problem  password   missing: the first line is a separator, which a delivery agent wrote; nobody can log in
  ok       journal    none: the first login makes it
  ok       mailbox    0 messages, 0 octets
  ok       index      none: the next login makes it
carl
  ok       password   a plain password
  ok       journal    none: the first login makes it
  ok       mailbox    1 message, 6 octets
  note     mailbox    no blank line is behind the last message: the next login adds it
  ok       index      none: the next login makes it
3 mailboxes: 1 problem, 1 note
END
($code, $out, $err) = $u->run('check', 'carl', 'nobody', 'alice', '../x');
is($code, 67, 'somebody is not there');
is($err, "restantectl: nobody: there is no such mailbox\n" .
    "restantectl: ../x: there is no such mailbox\n", '... who');
like($out, qr/\Acarl\n.*^alice\n.*^2 mailboxes: 0 problems, 1 note\n\z/ms,
    'the others are checked, in the order given');
my ($json, $all) = $u->json('check');
is_deeply([ map { $_->{user} } @$all ], [ undef, qw(alice bob carl) ],
    'the array has the directory and everybody');
is_deeply([ sort keys %{ $all->[0] } ], [ qw(findings level user) ],
    '... the directory without numbers');
is_deeply([ sort keys %{ $all->[1] } ],
    [ qw(dead findings last_login level messages octets user) ],
    '... everybody with them');
is_deeply([ map { $_->{level} } @$all ], [ qw(ok ok problem note) ],
    '... each with its worst level');
$u = Ctl->new;
($json, $all) = $u->json('check');
is_deeply([ $json, scalar @$all ], [ 0, 1 ], 'nobody is no problem');

# Everything that the manual lists has been seen above, and it lists everything.
my $top = "$FindBin::Bin/../..";
my ($list) = Restante::slurp("$top/man/restantectl.8") =~
    /^\.Ss Findings\n(.*?)^\.S[sh] /ms;
my %listed = map { s/ Ns .*//r => 1 } $list =~ /^\.It Cm (.*)$/mg;
my %said;
for my $source (glob "$top/src/tool/check*.c") {
	my $text = Restante::slurp($source);

	$said{"$1 $2"} = 1 while $text =~
	    /check_say\(\s*c,\s*[^"]*?"([a-z]+)",\s*"([a-z-]+)"/g;
	$said{"password $1"} = 1 while $text =~
	    /\] = \{ (?:CHECK_[A-Z]+, )?"([a-z-]+)",/g;
	$said{"$_ mode"} = 1 for $text =~ /check_mode\(c, "([a-z]+)"/g;
	$said{"$_ unwritable"} = 1 for
	    $text =~ /check_writable\(c, CHECK_[A-Z]+, "([a-z]+)"/g;
	$said{"name $_"} = 1 for $text =~ /"name", "([a-z-]+)"/g;
}
delete $said{$_} for grep { /unreadable$/ } keys %said;
delete $provoked{$_} for grep { /unreadable$/ } keys %provoked;
cmp_ok(scalar keys %listed, '>', 30, 'the manual lists findings');
is_deeply([ sort keys %listed ], [ sort keys %said ],
    'the manual lists what the program can say');
is_deeply([ sort keys %listed ], [ sort keys %provoked ],
    'and all of it was provoked here');

done_testing;
