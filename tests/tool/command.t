# SPDX-License-Identifier: ISC
# restantectl: its command line, its exit codes, and who it runs as.
use strict;
use warnings;

use FindBin;
use POSIX ();
use Test::More;

use Ctl;
use Restante;

my $box = "secret\n" . Restante::mbox("A: b\n");
my $u = Ctl->new(alice => $box);
my $dir = $u->dir;
my @here = ('-f', '/dev/null', '-d', $dir);
my $usage = qr/^usage: restantectl .*^commands: add, check, compact, delete, deliver, export, import, kick, list, lock, passwd, stats, unlock, who$/ms;

for ([], ['--json'], ['-x', 'list'], [@here], ['-d']) {
	my ($status, $out, $err) = $u->raw(@$_);

	is($status, 64, "no sense: @$_");
	like($err, $usage, '... how it is used is told');
	is($out, '', '... on the standard error stream');
}
# With a command, its own arguments; what they are is in the manual word for word.
my $manual = Restante::slurp("$FindBin::Bin/../../man/restantectl.8");
for (['list', '--xml'], ['list', '-d', $dir], ['add'], ['add', '--yes', 'bob'],
    ['check', '-f', 'x'], ['compact', '--plain'], ['delete'], ['deliver'],
    ['export'], ['import', 'alice', 'x', 'y'], ['kick'], ['lock'], ['passwd'],
    ['stats', '--yes'], ['unlock'], ['who', '--plain']) {
	my ($verb) = @$_;
	my ($status, $out, $err) = $u->raw(@here, @$_);
	my ($arguments) = $err =~ /^usage: restantectl .*\] $verb (.*)\n\z/m;
	my ($line) = $manual =~ /^\.It Cm $verb(.*)$/m;

	is($status, 64, "no sense: @$_");
	is(join(' ', ($arguments // '') =~ /(?<=-)[a-z]\w*|\w+/g),
	    join(' ', grep { !/^(?:O[opc]|Ar|Fl|\.\.\.)$/ }
		($line // '') =~ /\w+/g), '... the arguments of the manual');
	is($out, '', '... on the standard error stream');
}
my ($status, $out, $err) = $u->raw(@here, 'destroy');
is($status, 64, 'an unknown command');
like($err, qr/\Arestantectl: there is no command "destroy"\n$usage/, '... told');

($status, $out, $err) = $u->raw('-V');
is($status, 0, '-V');
like($out, qr/\Arestantectl \d+\.\d+\S*\n\z/, 'prints the version');

# --json may stand before and behind the names.
my $first = ($u->run('list', '--json', 'alice'))[1];
like($first, qr/\A\[\n\{"user":"alice",.*\}\n\]\n\z/, 'JSON');
is(($u->run('list', 'alice', '--json'))[1], $first, '... wherever it is asked for');
is(($u->run('list', '--', 'alice'))[1], ($u->run('list', 'alice'))[1],
    'names behind --');
is(($u->run('list', '--', '--json'))[0], 67, '... are names');

# Closed descriptors: what it has to say is not written into what it opens.
for my $message ('', Restante::mbox("A: b\n")) {
	my $v = Ctl->new(alice => "secret\n$message");
	mkdir $v->own('') or die;
	mkdir $v->own('alice.index') or die; # worth a complaint
	local $v->{before} = sub { POSIX::close($_) for 0 .. 2 };
	is_deeply([ $v->raw('-f', '/dev/null', '-d', $v->dir, 'lock', 'alice') ],
	    [ 0, '', '' ], 'without descriptors 0, 1 and 2');
	is(Restante::slurp($v->path('alice')), "!secret\n$message",
	    '... and the mailbox has no word of it');
	is(($v->raw('-f', '/dev/null', '-d', $v->dir, 'export', 'alice'))[0],
	    $message eq '' ? 0 : 74, '... what cannot be written is not written');
}

# The configuration.
my $conf = "$u->{scratch}/conf";
Restante::spew($conf, "users $dir\n");
is(($u->raw('-f', $conf, 'list'))[1], ($u->run('list'))[1], 'users of the file');
Restante::spew($conf, "users /nonexistent\n");
is(($u->raw('-f', $conf, '-d', $dir, 'list'))[0], 0, '-d wins over it');
($status, $out, $err) = $u->raw('-f', $conf, 'list');
is($status, 66, 'no such directory');
is($err, "restantectl: /nonexistent: No such file or directory\n", '... told');
($status, $out, $err) = $u->raw('-f', '/dev/null', '-d', $u->path('alice'), 'list');
is($status, 66, 'no directory');
like($err, qr/: Not a directory$/, '... told');
mkdir "$u->{scratch}/box" or die "mkdir: $!";
Restante::spew("$u->{scratch}/box/.restante", '');
($status, $out, $err) =
    $u->raw('-f', '/dev/null', '-d', "$u->{scratch}/box", 'list');
is($status, 66, 'no directory within it');
is($err, "restantectl: $u->{scratch}/box/.restante: Not a directory\n",
    '... told of that one');
Restante::spew($conf, "users $dir\nno-such-setting 1\n");
($status, $out, $err) = $u->raw('-f', $conf, 'list');
is($status, 78, 'a wrong setting');
like($err, qr/^\Q$conf\E:2:1: there is no setting "no-such-setting"/m, '... told');
is(($u->raw('-f', "$conf.gone", 'list'))[0], 78, 'no such file');
is(($u->raw('-f', '/dev/null', '-d', 'x' x 5000, 'list'))[0], 78,
    'a name that is too long');

# What cannot be written is told.
SKIP: {
	skip 'there is no /dev/full', 2 if !-c '/dev/full';
	local $u->{before} = sub { open STDOUT, '>', '/dev/full' };
	for my $command (qw(list check)) {
		($status, $out, $err) = $u->raw(@here, $command);
		is("$status $err",
		    "74 restantectl: writing: No space left on device\n",
		    "$command with nowhere to print");
	}
}

SKIP: {
	skip 'root may do everything: see tests/sys', 5 if $> == 0;
	chmod 0000, $dir;
	($status, $out, $err) = $u->raw(@here, 'list');
	is($status, 77, 'a directory of somebody else');
	like($err, qr/: Permission denied$/, '... told');
	chmod 0500, $dir;
	is(($u->raw(@here, 'compact'))[0], 77, 'one that cannot be written');
	is(($u->raw(@here, 'list'))[0], 0, '... can be listed');
	chmod 0700, $dir;
	chmod 0000, $u->path('alice');
	is(($u->raw(@here, 'list'))[0], 77, 'a mailbox of somebody else');
}

# The manual knows every exit status, in the order of what is worst.
my ($list) = Restante::slurp("$FindBin::Bin/../../man/restantectl.8") =~
    /^\.Sh EXIT STATUS\n(.*?)^\.Sh /ms;
my @codes = $list =~ /^\.It (\d+)$/mg;
my %name = (64 => 'EX_USAGE', 66 => 'EX_NOINPUT', 73 => 'EX_CANTCREAT', 65 => 'EX_DATAERR', 71 => 'EX_OSERR', 74 => 'EX_IOERR',
    77 => 'EX_NOPERM', 67 => 'EX_NOUSER', 75 => 'EX_TEMPFAIL', 0 => 'EX_OK');
my ($order) = Restante::slurp("$FindBin::Bin/../../src/tool/tool.c") =~
    /worst_first\[\] = \{(.*?)\}/s;
is_deeply([ map { $name{$_} // () } @codes ], [ $order =~ /(EX_\w+)/g ],
    'the manual has the exit codes in their order');

done_testing;
