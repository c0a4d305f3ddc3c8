# SPDX-License-Identifier: ISC
# Which names are names, and which files are mailboxes, on the real file system.

use strict;
use warnings;

use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);
use Test::More;

use Restante;

my $box = "secret\n" . Restante::mbox("Subject: one\n\nfirst");
my $d = Restante->start(users => { alice => $box },
    options => [ 'login-tries=100' ]);
my $dir = $d->dir;

# One connection serves many tries; it is replaced when it has logged in.
my $c = $d->connect;

sub again
{
	$c->close;
	$c = $d->connect;
}

sub logs_in
{
	my ($name, $what) = @_;

	like $c->login($name, 'secret'), qr/^\+OK \Q$name\E's maildrop has 1 /,
	    "$what: a mailbox";
	$c->cmd('QUIT');
	again();
}

# Neither found nor opened, by whatever way.
sub is_none
{
	my ($name, $what, $password) = @_;
	my $user = $c->cmd("USER $name");

	if ($user =~ /^\+OK/) {
		fail "$what: USER says it is there";
	} else {
		like $user, qr/^-ERR never heard of /, "$what: never heard of";
	}
	like $c->cmd("APOP $name " . '0' x 32), qr/^-ERR \[AUTH\] /,
	    "$what: APOP does not know it either";
}

# What is there, but logs nobody in whatever is said.
sub is_locked
{
	my ($name, $what, @passwords) = @_;

	for my $password ('secret', 'From', ' ', '!', '-', @passwords) {
		like $c->cmd("USER $name"), qr/^\+OK/, "$what: is there";
		like $c->cmd("PASS $password"), qr/^-ERR \[AUTH\] /,
		    "$what: '$password' does not open it";
	}
}

# Names, P3-023 among them.
for my $name ('a', '7', 'a.b', 'a_b+c-d@example.org', 'A', 'x' x 40, 'x' x 64,
    'a.lock.b', 'a.locks', 'lock', 'a..b', 'a.', 'a@', '0-') {
	$d->user($name => $box);
	logs_in($name, 'name ' . (length $name > 20 ? length $name : $name));
}
logs_in('alice', 'alice');
is_none('ALICE', 'in capitals it is another');

# What would be a file of that name, but is no name.
for my $name ('.alice', '_alice', '-alice', '+alice', '@alice', 'alice.lock',
    'x' x 65, 'al!ce', 'al ice', 'alice~', "alic\x{e9}", 'al:ice', 'al%ce',
    'al*ce', 'a"b', "a'b", 'a\\b', 'a$b', 'a,b', 'a;b', 'a=b', '.lock') {
	$d->user($name => $box);
	next if $name =~ /[ \x80-\xff]/; # no word of a command
	is_none($name, 'name ' . (length $name > 20 ? length $name : $name));
}
like $c->cmd("USER alic\x{e9}"), qr/^-ERR/, 'name with an octet of 8 bits';
like $c->cmd('USER al ice'), qr/^-ERR/, 'name with a blank';
like $c->cmd("USER alice\0"), qr/^-ERR/, 'P3-034 name with a NUL';
like $c->cmd('USER '), qr/^-ERR/, 'an empty name';

# P3-104: paths.
mkdir "$dir/sub" or die "mkdir: $!";
Restante::spew("$dir/sub/alice", $box);
Restante::spew("$dir/../outside", $box);
is_none($_, "P3-104 path $_") for '../outside', 'sub/alice', './alice', '/',
    '..', '.', '.restante', '.restante/alice.journal', 'sub', 'sub/../alice',
    "$dir/alice", 'alice/', 'alice/.', '%2e%2e/outside', '..%00alice';

# What is no regular file of one name.
symlink 'alice', "$dir/link" or die "symlink: $!";
symlink '../outside', "$dir/linkout" or die "symlink: $!";
symlink 'nothing', "$dir/dangling" or die "symlink: $!";
Restante::spew("$dir/twice", $box);
link "$dir/twice", "$dir/twice2" or die "link: $!";
system('mkfifo', "$dir/fifo") == 0 or die 'mkfifo';
socket my $s, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
bind $s, pack_sockaddr_un("$dir/socket") or die "bind: $!";
listen $s, 1;
is_none($_, "a $_") for qw(link linkout dangling twice twice2 fifo socket
    sub nobody);
ok !-e "$dir/nothing", 'nothing is made through a link';
unlink "$dir/twice2" or die "unlink: $!";
logs_in('twice', 'with one name again');

# Devices, as far as one can be made.
SKIP: {
	skip 'no device can be made here', 4 if $> != 0 ||
	    system("mknod '$dir/null' c 1 3 2>/dev/null") != 0;
	system("mknod '$dir/disk' b 7 200 2>/dev/null");
	is_none($_, "a device, $_") for 'null', 'disk';
}

# Files that log nobody in.
my %locked = (
	empty => '',
	lf => "\n",
	crlf => "\r\n",
	onlybox => Restante::mbox("Subject: one\n\nfirst"),
	blankbox => "\n" . Restante::mbox("Subject: one\n\nfirst"),
	from => "From alice\n",
	excl => "!secret\n",
	exclplain => "!{PLAIN}secret\n",
	exclonly => "!\n",
	nul => "sec\0ret\n",
	long => 's' x 5000 . "\n",
);
for my $name (sort keys %locked) {
	$d->user($name => $locked{$name});
	my ($first) = split /\r?\n/, $locked{$name};
	$first = substr $first // '', 0, 400;
	$first =~ s/\0.*//s;
	is_locked($name, "first line of $name", length $first ? $first : ());
	is Restante::slurp($d->path($name)), $locked{$name},
	    "first line of $name: the file is as it was";
}

# A mailbox that cannot be read is not one that is unknown.
SKIP: {
	skip 'root reads everything', 2 if $> == 0;
	$d->user(closed => $box);
	chmod 0, $d->path('closed');
	like $c->cmd('USER closed'), qr/^\+OK/, 'unreadable: is there';
	like $c->cmd('PASS secret'), qr/^-ERR \[AUTH\]/, 'unreadable: refused';
}

# Files that come and go.
is_none('newcomer', 'before it is made');
$d->user(newcomer => $box);
logs_in('newcomer', 'as soon as it is made');
unlink $d->path('newcomer') or die "unlink: $!";
is_none('newcomer', 'after it is removed');

# Between USER and PASS.
$c->cmd('USER alice');
rename "$dir/alice", "$dir/gone" or die "rename: $!";
like $c->cmd('PASS secret'), qr/^-ERR \[AUTH\] /, 'gone between USER and PASS';

is $d->stop, 0, 'the server ends';
is_deeply [ grep { !/^restante: (?:keeper|session|ready|end)/ }
    split /\n/, $d->stderr ], [], 'nothing else is logged';
done_testing;
