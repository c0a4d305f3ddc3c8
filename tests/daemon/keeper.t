# SPDX-License-Identifier: ISC
# What a keeper or an attendant could do if somebody took it over: to files,
# what is below the Users directory; else nothing.  tests/tools/confined.c has
# given up its rights as they do.

use strict;
use warnings;

use File::Temp ();
use IPC::Open2 qw(open2);
use Test::More;

use Hostile;
use Proc;
use Restante;

my $tool = "$ENV{BUILD}/tests/tools/confined";

plan skip_all => 'the sanitizers need a wider filter'
    if Proc::sanitized($tool);
plan skip_all => 'no names of system calls without a C compiler'
    if !keys %{ Hostile::numbers() };

my $dir = File::Temp->newdir('keeper-XXXXXXXX', TMPDIR => 1);
my $users = "$dir/Users";
my $wr = Hostile::O_RDWR;
my $create = Hostile::O_RDWR | Hostile::O_CREAT;

chmod 0755, $dir;
mkdir $users or die "$users: $!";
mkdir "$users/.restante" or die "$users: $!";
Restante::spew("$users/alice", "secret\n");
Restante::spew("$dir/outside", "secret\n");
chmod 0666, "$dir/outside";
symlink '../outside', "$users/link" or die "symlink: $!";

# Speaks to the tool as Hostile does to a session.
{
	package Confined;
	our @ISA = 'Hostile';

	sub new
	{
		my ($class, @args) = @_;
		open my $stderr, '>&', \*STDERR or die "dup: $!";
		open STDERR, '>', "$dir/log" or die "$dir/log: $!";
		my $pid = IPC::Open2::open2(my $out, my $in, $tool, @args);
		open STDERR, '>&', $stderr or die "dup: $!";
		# It may open files, and Landlock says which.
		my $self = bless { pid => $pid, in => $in, out => $out,
		    reasons => qr/^(?:EACCES|EISDIR|ENOENT|ETXTBSY)\z/ },
		    $class;

		$in->autoflush(1);
		($self->{dir}) = (readline($out) // '') =~ /^ready (\d+)$/
		    or die "$tool: not ready";
		return $self;
	}

	# "call", a number, and arguments.
	sub say
	{
		my ($self, undef, @words) = @_;

		print { $self->{in} } "@words\n";
		my $line = readline($self->{out}) // return 'gone';
		chomp $line;
		return $line;
	}

	sub end
	{
		my ($self) = @_;

		close $self->{in};
		waitpid $self->{pid}, 0;
		return $?;
	}
}

sub try_all
{
	my ($who, $uid) = @_;
	my $t = Confined->new($users, $uid, $uid);
	my ($lacks) = Restante::slurp("$dir/log") =~ /running without (.*)/;
	plan skip_all => "running without $lacks" if defined $lacks;
	my $fd = $t->{dir};
	my $error = sub { ($t->call(@_))[1] };
	my $open = sub {
		my ($path, @how) = @_;
		return $error->('openat', $fd, Hostile::text($path), @how);
	};

	# What it is there for.
	is $open->('alice', $wr, 0), '0', "$who: opens a mailbox";
	is $open->('.restante/x', $create, 0600), '0', "$who: makes a journal";
	is $open->('.restante', 0, 0), '0', "$who: lists its own directory";

	# Landlock: all else is closed, by whatever path.
	for my $path ('../outside', 'link', "$dir/outside", '/etc/passwd',
	    '/etc/shadow', '/proc/self/environ', "/proc/$$/environ",
	    '/dev/null', '/', '..', '/bin/sh') {
		is $open->($path, 0, 0), 'EACCES', "$who: does not read $path";
		like $open->($path, $wr, 0), $t->{reasons},
		    "$who: nor write it";
	}
	is $open->('../new', $create, 0600), 'EACCES',
	    "$who: makes nothing outside";
	ok !-e "$dir/new", "$who: really not";

	# The filter: no other way to change names, no processes, no network.
	my $mailbox = "$users/alice";
	$t->tries("$who, files", grep { $_->[0] !~ /^openat\z|^creat\z/ }
	    Hostile::against_file($mailbox));
	$t->tries("$who, processes", Hostile::against_process($$),
	    Hostile::against_process(1));
	$t->tries("$who, the system", grep {
		# It has other descriptors, and reads its directory.
		$_->[0] !~ /^(?:fcntl|openat|getdents64)\z/
	} Hostile::against_system());
	is $error->($_->[0], @{$_}[1 .. $#$_]), 'EPERM',
	    "$who: no $_->[0]" for [ 'ftruncate', $fd, 0 ],
	    [ 'accept4', 0, 0, 0, 0 ], [ 'execve', "'/bin/sh", 0, 0 ];
	is $t->end, 0, "$who: lives to its end";
	is Restante::slurp($mailbox), "secret\n", "$who: nothing is changed";
}

if ($> == 0) {
	try_all('root', 0);
	chown 12345, 12345, $users, "$users/alice", "$users/.restante";
	unlink "$users/.restante/x";
	try_all('an owner', 12345);
} else {
	try_all('an ordinary user', $>);
}

# The control: without the confinement what is refused above would work.
ok -r "$dir/outside" && -r '/etc/passwd', 'others can read what it cannot';
done_testing;
