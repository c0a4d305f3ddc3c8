# SPDX-License-Identifier: ISC
# restantectl import and export: round trips, byte for byte, and all or nothing.
use strict;
use warnings;

use File::Temp ();
use Test::More;

use Ctl;
use Letters;
use Proc;
use Reference;
use Restante;

my $separator = 'From a@b Thu Nov 20 18:27:05 2025';
my @mail = ("Subject: one\n\nbody\n", "Subject: two\n", "\nno header\n",
    "Subject: quoted\n\n>From a\n>>From b\nFrom\n", "Subject: one\n\nbody\n",
    "Subject: large\n\n" . "line\n" x 100000, "Subject: octets\n\n" .
    join('', map { chr } 0 .. 12, 14 .. 255) . "\n");
my $mbox = Restante::mbox(@mail);
my $crlf = Restante::mbox("Subject: crlf\n\nbody\n") =~ s/\n/\r\n/gr;
my $u = Ctl->new(alice => "secret\n", bob => "secret\n");
my $path = "$u->{scratch}/box";
my $before;

sub exported
{
	my ($user) = @_;
	my ($status, $out, $err) = $u->run('export', $user);

	is("$status $err", '0 ', "export $user");
	return $out;
}

# mbox to mbox.
is_deeply([ $u->feed($mbox . $crlf, 'import', 'alice') ], [ 0, '', '' ],
    'import from the standard input');
is(Restante::slurp($u->path('alice')) eq "secret\n$mbox$crlf", 1,
    '... adds every octet');
is(exported('alice') eq $mbox . $crlf, 1, '... which comes out again');
is_deeply([ $u->run('export', 'alice', $path) ], [ 0, '', '' ], 'to a file');
is(Restante::slurp($path) eq $mbox . $crlf, 1, '... the same');
is((stat $path)[2] & 07777, 0600, '... a private one');
is(($u->run('export', 'alice', $path))[0], 74, '... which is not overwritten');
system 'sh', '-c', 'ulimit -f 8; exec "$0" "$@"' . " 2>$u->{scratch}/said",
    "$ENV{BUILD}/restantectl", '-f', '/dev/null', '-d', $u->dir, 'export',
    'alice', "$path.large";
is($?, 74 << 8, 'a file that may not be so large');
ok(!-e "$path.large", '... is not left half done');
is_deeply([ $u->run('import', 'bob', $path) ], [ 0, '', '' ], 'from a file');
is(Restante::slurp($u->path('bob')) eq Restante::slurp($u->path('alice')), 1,
    '... the same again');
is_deeply([ $u->run('import', 'bob', $path) ], [ 0, '', '' ], 'twice');
{
	my $place = length Restante::mbox($mail[0]);
	local $u->{before} = sub { sysseek STDIN, $place, 0 };
	$u->write(rest => "secret\n");
	is_deeply([ $u->feed($mbox, 'import', 'rest') ], [ 0, '', '' ],
	    'a standard input of which something was read');
	is(Restante::slurp($u->path('rest')) eq "secret\n" . substr($mbox, $place),
	    1, '... only the rest of it');
	$place = 1 + length $mbox;
	is_deeply([ $u->feed($mbox, 'import', 'rest') ], [ 0, '', '' ],
	    '... and nothing behind its end');
}
is(Restante::slurp($u->path('bob')) eq "secret\n" . ($mbox . $crlf) x 2, 1,
    '... goes behind it');
my (undef, $found) = $u->findings('bob');
is($found->{'index fits'}[0], 'ok', '... and the index knows');

# An end that is open, and what is no mbox.
for (["$separator\nA: b\n\nx", "\n\n"], ["$separator\nA: b\n\nx\n", "\n"],
    ["$separator\nA: b\n\nx\n\n", ''], ["$separator\r\nA: b\r\n\r\nx\r\n\r\n", ''],
    ["$separator\nA: b\n\nx\n\r", "\n"], ["$separator\n", "\n"]) {
	$u->write(carl => "secret\n");
	is(($u->feed($_->[0], 'import', 'carl'))[0], 0, 'an end');
	is(Restante::slurp($u->path('carl')), "secret\n$_->[0]$_->[1]",
	    '... is completed');
}
$u->write(carl => "secret\n$mbox");
for ("\n", "Subject: x\n\n", "secret\n$mbox", 'From me') {
	my ($status, undef, $err) = $u->feed($_, 'import', 'carl');
	is($status, 65, 'no mbox: ' . substr($_, 0, 8) =~ s/\n/./gr);
	like($err, qr/carl: nothing is imported: the standard input does not begin with/,
	    '... told');
}
is(($u->run('import', 'carl', '/nonexistent'))[0], 66, 'no file');
Restante::spew($path, '');
is_deeply([ $u->feed('', 'import', 'carl') ], [ 0, '', '' ],
    'an mbox without a message');
is_deeply([ $u->run('import', 'carl', $path) ], [ 0, '', '' ], '... a file');
is(($u->run('import', 'nobody', $path))[0], 67, '... for nobody');
SKIP: {
	skip 'there is no /dev/full', 1 if !-c '/dev/full';
	local $u->{before} = sub { open STDOUT, '>', '/dev/full' };
	is(($u->run('export', 'carl'))[2], 'restantectl: carl: the standard output: ' .
	    "No space left on device\n", 'a full disk behind the standard output');
}
is(($u->feed($mbox, 'import', 'nobody'))[0], 67, 'nobody');
is(($u->run('export', 'nobody'))[0], 67, '... to be exported');
is(($u->run('import'))[0], 64, 'no name');
is(($u->run('import', 'a', 'b', 'c'))[0], 64, 'too many');
is(($u->run('export', '--maildir', 'carl'))[0], 64, 'a Maildir without a name');
# 4 GB more than there is: what 32 bits keep of that size.
SKIP: {
	open my $program, '<:raw', "$ENV{BUILD}/restantectl" or die "restantectl: $!";
	read $program, my $class, 5 or die "restantectl: $!";
	skip 'a size has 64 bits here', 1 if $class =~ /\x02\z/;
	Restante::spew("$u->{scratch}/big", $mbox);
	truncate "$u->{scratch}/big", 2 ** 32 + length $mbox or die "big: $!";
	is(($u->run('import', 'carl', "$u->{scratch}/big"))[0], 74,
	    'more than 32 bits can tell');
}
is(Restante::slurp($u->path('carl')), "secret\n$mbox", 'nothing has changed');

# A file that ends too early is exported with its end.
for (["x", "\n\n"], ["x\n", "\n"], ["x\n\n", ''], ["x\r\n", "\n"], ["x\r\n\r\n", '']) {
	my ($end, $more) = @$_;

	$u->write(dave => "secret\n$separator\nA: b\n\n$end");
	is(exported('dave'), "$separator\nA: b\n\n$end$more",
	    'an end of ' . length($end) . ' octets');
}

# Tombstones are not exported.
$u->write(dave => "secret\n" . "From \0\0\0\n\n" . $mbox);
is(exported('dave') eq $mbox, 1, 'what is deleted stays here');
$u->write(judy => "secret\n");
is(exported('judy'), '', 'no mail is an empty file');
$u->write(kate => $mbox);
is(exported('kate') eq $mbox, 1, 'without a password all is mail');
is(exported('carl') eq $mbox, 1, 'and all of another');

# The index is right about the first and the last, and the middle was changed.
$u->write(dave => "secret\n" . Restante::mbox(map { "A: b\n\n$_\n" }
    qw(one two2 three four)));
is(($u->run('compact', 'dave'))[0], 0, 'an index');
my $other = "secret\n" . Restante::mbox(map { "A: b\n\n$_\n" }
    qw(one two thre33 four five));
$u->poke($u->path('dave'), 0, $other);
my ($fits) = ($u->findings('dave'))[1]{'index wrong'};
is($fits && $fits->[0], 'problem', '... that the look of a login believes');
is_deeply([ $u->run('export', '--maildir', 'dave', "$u->{scratch}/dave") ],
    [ 0, '', '' ], 'export');
is(join('', map { Restante::slurp($_) } sort glob "$u->{scratch}/dave/new/*"),
    join('', map { "A: b\n\n$_\n" } qw(one two thre33 four five)),
    '... looks at each');
is(exported('dave'), substr($other, 7), '... and the next one, too');

# The disk fails while a file is synced, or its name.
for (1 .. 2) {
	my $to = "$u->{scratch}/mbox$_";
	SKIP: {
		local $u->{under} = [ Proc::failing(2, fsync => 'EIO', $_) ];
		is_deeply([ $u->run('export', 'dave', $to) ], [ 74, '',
		    "restantectl: dave: $to: Input/output error\n" ],
		    "sync $_ fails: it is told");
		ok(!-e $to, '... and nothing is left');
	}
}

# The disk fails while a file is synced, the names in new, or that of new.
$u->write(gina => "secret\n" . Restante::mbox("A: b\n"));
$u->run('compact', 'gina');
for (1 .. 3) {
	my $to = "$u->{scratch}/fails$_";
	SKIP: {
		local $u->{under} = [ Proc::failing(2, fsync => 'EIO', $_) ];
		my $made = $_ == 1 ? 0 : 1;

		is_deeply([ $u->run('export', '--maildir', 'gina', $to) ], [ 74, '',
		    "restantectl: gina: $to: Input/output error\n" ],
		    "fsync() number $_ fails");
		is_deeply([ map { scalar(() = glob "$to/$_/*") } qw(tmp new cur) ],
		    [ 0, $made, 0 ], '... and nothing is left that is not whole');
	}
}

# Nor is anything written elsewhere by a link that the Maildir's owner has made.
{
	my ($to, $other) = map { "$u->{scratch}/$_" } qw(planted other);

	$u->run('export', '--maildir', 'gina', $to);
	my ($name) = glob("$to/new/*") =~ m{([^/]+)\z};
	for my $make (sub { symlink $_[0], $_[1] }, sub { link $_[0], $_[1] }) {
		unlink "$to/new/$name";
		Restante::spew($other, 'precious');
		$make->($other, "$to/tmp/$name") or die "link: $!";
		is_deeply([ $u->run('export', '--maildir', 'gina', $to) ],
		    [ 0, '', '' ], 'a link in tmp');
		is(Restante::slurp($other), 'precious', '... is not written to');
		is(Restante::slurp("$to/new/$name"), "A: b\n",
		    '... nor in the way of the message');
	}
	for my $part (qw(tmp new)) {
		system('rm', '-rf', $to);
		mkdir $to or die "mkdir: $!";
		symlink $u->dir, "$to/$part" or die "symlink: $!";
		is_deeply([ $u->run('export', '--maildir', 'gina', $to) ], [ 74, '',
		    "restantectl: gina: $to: Not a directory\n" ],
		    "a link for $part");
		is_deeply([ glob $u->path('*.M0*') ], [], '... is not followed');
	}
}

# A Maildir and back: files, their times, their order.
our $dir = "$u->{scratch}/Maildir";
sub files
{
	return map { [ Restante::slurp($_), (stat)[9] ] } sort glob "$dir/new/*";
}
is_deeply([ $u->run('export', '--maildir', 'carl', $dir) ], [ 0, '', '' ],
    'a Maildir');
my @files = files();
# Quoting is taken away.
my @unquoted = map { s/^>(>*From )/$1/mgr } @mail;
is(join("\1", map { $_->[0] } @files) eq join("\1", @unquoted), 1,
    '... of all messages, in their order');
is_deeply([ map { $_->[1] } @files ], [ (1763663225) x @mail ],
    '... with their times');
is_deeply([ glob "$dir/tmp/*" ], [], '... all of them whole');
is(($u->run('export', '--maildir', 'carl', $dir))[0], 0, 'once more');
is(scalar files(), scalar @mail, '... makes no more files');
$u->write(erin => "secret\n");
is_deeply([ $u->run('import', 'erin', $dir) ], [ 0, '', '' ], 'and back');
is(exported('erin') eq $mbox =~ s/^From sender\S+/From MAILER-DAEMON/mgr, 1, '... all as it was, but for who sent it');
system('rm', '-r', $dir);
$u->run('export', '--maildir', 'erin', $dir);
is(join("\1", map { @$_ } files()) eq join("\1", map { @$_ } @files), 1,
    '... and again the same Maildir');
{
	# More files than a process may have open.
	my $many = Restante::mbox(map { "N: $_\n" } 1 .. 40);
	local $u->{under} = [ 'sh', '-c', 'ulimit -n 20; exec "$0" "$@"' ];
	$u->write(many => "secret\n$many");
	$u->write(back => "secret\n");
	is_deeply([ $u->run('export', '--maildir', 'many', "$u->{scratch}/many") ],
	    [ 0, '', '' ], 'a Maildir of many');
	is_deeply([ $u->run('import', 'back', "$u->{scratch}/many") ], [ 0, '', '' ],
	    '... and back');
	is(exported('back'), $many =~ s/^From sender\S+/From MAILER-DAEMON/mgr,
	    '... all of them');
}
Restante::spew("$dir/cur/0.seen:2,S", "Return-Path: <me\@here>\r\nA: b\r\n\r\nx");
$u->write(fred => "secret\n");
is(($u->run('import', 'fred', $dir))[0], 0, 'a message that was seen');
ok(Restante::slurp($u->path('fred')) =~ /\Asecret\nFrom me\@here [^\n]+\n/,
    '... comes first, with its sender');
cmp_ok(index(Restante::slurp($u->path('fred')),
    "\nReturn-Path: <me\@here>\nA: b\n\nx\n\nFrom MAILER-DAEMON "), '>', 0,
    '... and its text');
mkdir "$u->{scratch}/turns$_" for '', '/new', '/cur';
Restante::spew("$u->{scratch}/turns/$_", "N: $_\n")
    for qw(new/1 cur/2:2,S cur/3:2, new/4 cur/5:2,);
$u->write(hans => "secret\n");
is(($u->run('import', 'hans', "$u->{scratch}/turns"))[0], 0, 'new and seen ones');
is(join(' ', exported('hans') =~ m{^N: \w+/(\d)}mg), '1 2 3 4 5',
    '... in the order in which they came');

# Where a separator has a zone it counts, before the year, too.
{
	local $dir = "$u->{scratch}/zones";
	my @dates = ('18:27:05 2025', '18:27:05 2025 +0100',
	    "18:27:05 +0100 2025\r", '18:27 -0030 2025');

	$u->write(lea => "secret\n" . join '',
	    map { "From a\@b Thu Nov 20 $_\nA: b\n\n\n" } @dates);
	$u->run('export', '--maildir', 'lea', $dir);
	is_deeply([ map { $_->[1] - 1763663225 } files() ],
	    [ -3600, -3600, 0, 1795 ], 'zones of separators');
}

Restante::spew("$dir/$_", $mail[0]) for 'new/.hidden', 'cur/.hidden', 'new/+1';
Restante::spew("$dir/new/.empty", '');
mkdir "$dir/cur/.directory" or die "mkdir: $!";
$before = Restante::slurp($u->path('fred'));
# As a crash of the agent leaves it.
Restante::spew("$dir/new/+0", '');
is_deeply([ $u->run('import', 'fred', $dir) ], [ 0, '', '' ],
    'names that begin with a dot, and an empty file');
is(() = Restante::slurp($u->path('fred')) =~ /^From /mg,
    2 * (() = $before =~ /^From /mg) + 1, '... are no messages');
# One that grows between the look at how much there is and the copying: with its
# first lock, when the other file is there, it waits.
SKIP: {
	local $u->{under} = [ Proc::delaying(4, 'flock', 3) ];
	my $grows = "$u->{scratch}/grows";

	mkdir "$grows$_" for '', '/new', '/cur';
	Restante::spew("$grows/new/$_", $mail[0]) for 1, 2;
	$u->write(ivan => "secret\n");
	my $pid = $u->start('-f', '/dev/null', '-d', $u->dir, 'import', 'ivan',
	    $grows);
	Restante::wait_for(sub { -e $u->own('ivan.journal') });
	Restante::spew("$grows/new/1", "$mail[0]more\n");
	my ($status, undef, $err) = $u->finish($pid);
	is($status, 74, 'a Maildir that grows meanwhile');
	like($err, qr/^restantectl: ivan: nothing is imported: the mailbox: /,
	    '... told');
	is(Restante::slurp($u->path('ivan')), "secret\n", '... nothing has changed');
	$u->{under} = undef;
	is(($u->run('check', 'ivan'))[0], 0, '... and all is well');
}
mkdir "$u->{scratch}/empty";
is(($u->run('import', 'fred', "$u->{scratch}/empty"))[0], 66, 'no Maildir');

# A time that no separator can tell.
SKIP: {
	skip 'there is no /dev/shm', 1 if !-d '/dev/shm';
	my $old = File::Temp->newdir('/dev/shm/restante-XXXXXXXX');
	mkdir "$old/$_" or die "mkdir: $!" for qw(new cur);
	Restante::spew("$old/new/$_", $mail[$_]) for 0, 1;
	utime((-6e10) x 2, "$old/new/1");
	skip 'no file here is so old', 1 if (stat "$old/new/1")[9] != -6e10;
	$u->write(hugo => "secret\n");
	$u->run('import', 'hugo', $old);
	like(Restante::slurp($u->path('hugo')),
	    qr/^From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n\Q$mail[1]\E/m,
	    'a file of the year 68 is a message, too');
}

# One that cannot be read is among them.
$before = Restante::slurp($u->path('fred'));
mkdir "$u->{scratch}/mixed$_" or die $! for '', qw(/new /cur /new/0.none);
Restante::spew("$u->{scratch}/mixed/new/1", $mail[0]);
my ($code, undef, $why) = $u->run('import', 'fred', "$u->{scratch}/mixed");
is($code, 65, 'a message that cannot be read');
is($why, "restantectl: fred: nothing is imported: new/0.none is no regular " .
    "file\n", '... and nothing is');
is(Restante::slurp($u->path('fred')) eq $before, 1, '... at all');

# The owner of a Maildir gets nothing that is somebody else's by a link to it.
sub refused
{
	my ($what, $why, $make) = @_;
	my $theirs = "$u->{scratch}/theirs";

	system('rm', '-rf', $theirs);
	mkdir "$theirs$_" or die $! for '', '/new', '/cur';
	Restante::spew("$theirs/new/0", $mail[0]);
	$make->($theirs);
	is_deeply([ $u->run('import', 'fred', $theirs) ], [ 65, '',
	    "restantectl: fred: nothing is imported: $why\n" ],
	    "$what is not imported");
	is(Restante::slurp($u->path('fred')) eq $before, 1, '... nor is the rest');
}
refused('a symbolic link', 'new/1 is a symbolic link',
    sub { symlink $u->path('alice'), "$_[0]/new/1" or die $! });
refused('... to a file of its own', 'cur/1 is a symbolic link',
    sub { symlink '../new/0', "$_[0]/cur/1" or die $! });
refused('... of a name for the terminal', 'new/\x1b[2J\x0a\xff is a symbolic link',
    sub { symlink 'nothing', "$_[0]/new/\e[2J\n\xff" or die $! });
refused('... to nothing', 'cur/1 is a symbolic link',
    sub { symlink 'nothing', "$_[0]/cur/1" or die $! });
for my $part (qw(new cur)) {
	refused("... for $part", "$part is a symbolic link, or no directory", sub {
		rename "$_[0]/$part", "$_[0]/old" or die $!;
		symlink $u->dir, "$_[0]/$part" or die $!;
	});
}
refused('a FIFO', 'new/1 is no regular file',
    sub { system('mkfifo', "$_[0]/new/1") == 0 or die });
SKIP: {
	skip 'only root can give files away', 4 if $> != 0;
	my $why = "is not of its directory's owner";

	refused("a link to another's file", "new/1 $why", sub {
		chown 65534, -1, "$_[0]/new", "$_[0]/new/0" or die $!;
		link $u->path('alice'), "$_[0]/new/1" or die $!;
	});
	refused("another's file", "cur/1 $why", sub {
		Restante::spew("$_[0]/cur/1", $mail[0]);
		chown 65534, -1, "$_[0]/cur" or die $!;
	});
}

# Killed before each system call.
SKIP: {
	skip 'the sanitizers cannot be traced', 1
	    if Proc::sanitized("$ENV{BUILD}/restantectl");
	my (%ends, $old);
	$old = "secret\n" . Restante::mbox("A: b\n");
	my $calls = $u->feed_and_kill(sub { $u->write(gina => $old) }, sub {
		my ($code) = $u->run('compact', 'gina');
		my $now = Restante::slurp($u->path('gina'));
		$ends{$code ? $code : $now eq $old ? 'none' :
		    $now eq "$old$mbox" ? 'all' : 'some'}++;
	}, $mbox, 'import', 'gina');
	is_deeply([ sort keys %ends ], [ 'all', 'none' ],
	    "import, killed before each of $calls calls: all or nothing");
}

# The disk fails once: what is said is what has happened.
SKIP: {
	my $old = "secret\n" . Restante::mbox("A: b\n");
	my %ends;

	$u->feed_and_fail(1, sub { $u->write(gina => $old) }, sub {
		my ($status, $err) = @_;
		my ($code) = $u->run('compact', 'gina');
		my $now = Restante::slurp($u->path('gina'));
		my $end = $code ? $code : $now eq $old ? 'none' :
		    $now eq "$old$mbox" ? 'all' : 'some';
		my $said = $status == 0 ? 'imported' :
		    $err =~ /all may be imported, or nothing/ ? 'perhaps' :
		    $err =~ /nothing is imported/ ? 'not' : $err;
		$ends{"$said: $end"}++;
	}, $mbox, 'import', 'gina');
	is_deeply([ sort keys %ends ],
	    [ 'imported: all', 'not: none', 'perhaps: all' ],
	    'import, each writing call fails');
}

# On a terminal there is a bar, if it takes long enough; elsewhere there is none.
is(($u->feed($mbox x 20, 'import', 'alice'))[2], '', 'no bar in a file');
SKIP: {
	my $expect = Restante::program('expect');
	skip 'there is no expect', 4 if !defined $expect;
	my $slowly = 'select undef, undef, undef, 0.1 while sysread STDIN, $_, 65536';

	$u->write(alice => "secret\n" . $mbox x 4);
	Restante::spew("$u->{scratch}/slow", "$ENV{BUILD}/restantectl -f /dev/null " .
	    "-d " . $u->dir . " export alice | perl -e '$slowly'\n");
	Restante::spew("$u->{scratch}/talk", "log_user 1\nset timeout " .
	    Restante::PATIENCE . "\nspawn -noecho sh $u->{scratch}/slow\nexpect eof\n");
	my $said = qx{$expect $u->{scratch}/talk};
	skip 'there are no pseudo-terminals', 4 if $said =~ /could not|no more ptys/;
	my @bars = $said =~ /\rexport \[(=* *)\] +(\d+)%/g;
	my @percent = @bars[grep { $_ % 2 } 0 .. $#bars];
	my @wrong = grep {
		my $full = () = $bars[2 * $_] =~ /=/g;
		length $bars[2 * $_] != 40 || abs($full - $percent[$_] * 0.4) > 1;
	} 0 .. $#percent;

	cmp_ok(scalar(grep { $_ > 0 && $_ < 100 } @percent), '>', 1,
	    'a bar on a terminal') or diag $said;
	is("@percent", join(' ', sort { $a <=> $b } @percent), '... which grows');
	is("@wrong", '', '... as its number does');
	like($said, qr/%\r {40,}\r\z/, '... and is gone at the end');
}

done_testing;
