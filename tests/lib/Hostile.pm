# SPDX-License-Identifier: ISC
# Speaks to tests/hostile/session.c, a session that its client has taken over,
# and knows what such a one would try.
package Hostile;

use strict;
use warnings;

use Errno ();
use Socket qw(AF_INET AF_INET6 AF_UNIX SOCK_STREAM pack_sockaddr_in
    pack_sockaddr_un inet_aton);
use Test::More;

use Restante;

# KIND of a request and of a verdict, as in include/channel.h.
use constant { USER => 1, PASS => 2, APOP => 3, TLS => 4, PEER => 5,
    AUTH => 6, AUTH_INITIAL => 7, AUTH_ANSWER => 8 };
use constant { YES => 1, NO => 2, IN_USE => 3, TEMP => 4, EARLY => 5,
    PERM => 6, MORE => 7, BAD => 8 };

sub binary
{
	return "$ENV{BUILD}/tests/restante-hostile";
}

# The numbers of all system calls, by name.
my $numbers;

sub numbers
{
	return $numbers if defined $numbers;
	my $cc = $ENV{CC} || 'cc';
	my $text = `echo '#include <sys/syscall.h>' | $cc -E -dM - 2>/dev/null`;
	my %text = map { /^#define (\w+) (\S+)/ ? ($1, $2) : () }
	    split /\n/, $text;
	my %of;

	for my $name (grep { /^SYS_/ } keys %text) {
		my $value = $text{$name};
		$value = $text{$value} // last while $value =~ /^[A-Z_]/i;
		$of{$name =~ s/^SYS_//r} = $value if $value =~ /^\d+\z/;
	}
	return $numbers = \%of;
}

# A connection to a hostile server.
sub new
{
	my ($class, $d) = @_;
	my $c = $d->connect;
	my ($pid) = $c->greeting =~ /<(\d+)\./ or die $c->greeting;

	return bless { c => $c, pid => $pid }, $class;
}

sub pid { return $_[0]{pid} }
sub client { return $_[0]{c} }

sub say
{
	my ($self, @words) = @_;

	$self->{c}->send("@words\n");
	return $self->{c}->line // 'gone';
}

# A system call, by name or number; its result, and its errno's name or 0.
sub call
{
	my ($self, $name, @args) = @_;
	my $number = $name =~ /^\d/ ? $name : numbers()->{$name} //
	    return (undef, 'no such call');
	my ($result, $errno) = split / /, $self->say('call', $number, @args);

	return ($result, 'gone') if !defined $errno;
	return ($result, $errno) if $errno == 0;
	local $! = $errno;
	my ($symbol) = grep { $!{$_} } sort keys %!;
	return ($result, $symbol // $errno);
}

# What comes by the channel: how many octets, and how many descriptors with them.
sub hear
{
	my ($self) = @_;

	return $self->say('hear', 30_000);
}

sub ask
{
	my ($self, $kind, $name, $secret) = @_;

	return $self->say('ask', $kind, $name, $secret);
}

# Takes the mailbox as a login does, as soon as nobody else has it; its two
# descriptors.
sub login
{
	my ($self, $name, $secret) = @_;
	my $said = Restante::wait_for(sub {
		my $verdict = $self->ask(PASS, $name, $secret);
		return $verdict eq 'verdict ' . IN_USE ? undef : $verdict;
	}) // 'it is in use';
	my ($mailbox, $journal) = $said =~ /^verdict 1 (\d+) (\d+)\b/
	    or die "login of $name: $said";

	return ($mailbox, $journal);
}

# "'text", as an argument of a call.
sub text
{
	return "'$_[0]";
}

sub octets
{
	return '%' . unpack 'H*', $_[0];
}

# A request for send, of any size and content.
sub request
{
	my (%with) = @_;
	my $magic = $with{magic} // 0x52455354;

	return unpack 'H*', pack 'L L L a65 a1024 x![L]', $magic,
	    $with{kind} // PASS, $with{len} // 0, $with{name} // "alice\0", $with{secret} // "secret\0";
}

# Numbers that Perl's own modules do not have.
use constant {
	O_RDWR => 2, O_WRONLY => 1, O_CREAT => 0100, AT_FDCWD => -100,
	CLONE_VM => 0x100, CLONE_FS => 0x200, CLONE_FILES => 0x400,
	CLONE_SIGHAND => 0x800, CLONE_PTRACE => 0x2000, CLONE_VFORK => 0x4000,
	CLONE_PARENT => 0x8000, CLONE_THREAD => 0x10000,
	CLONE_NEWNS => 0x20000, CLONE_NEWCGROUP => 0x2000000,
	CLONE_NEWUTS => 0x4000000, CLONE_NEWIPC => 0x8000000,
	CLONE_NEWUSER => 0x10000000, CLONE_NEWPID => 0x20000000,
	CLONE_NEWNET => 0x40000000, CLONE_NEWTIME => 0x80,
	SIGCHLD => 17, SIGTERM => 15, SIGKILL => 9,
	PTRACE_ATTACH => 16, PTRACE_SEIZE => 0x4206,
	PROT_RX => 5, PROT_RWX => 7, MAP_ANON_PRIVATE => 0x22,
};

# What is tried against another process: a sibling session, the listener, the
# master, and so on.
sub against_process
{
	my ($pid) = @_;
	my $one = octets(pack 'l', 0);

	return (
		[ 'kill', $pid, SIGTERM ],
		[ 'kill', $pid, SIGKILL ],
		[ 'kill', $pid, 0 ],
		[ 'tkill', $pid, SIGKILL ],
		[ 'tgkill', $pid, $pid, SIGKILL ],
		[ 'rt_sigqueueinfo', $pid, SIGKILL, '@128' ],
		[ 'rt_tgsigqueueinfo', $pid, $pid, SIGKILL, '@128' ],
		[ 'pidfd_open', $pid, 0 ],
		[ 'pidfd_send_signal', 0, SIGKILL, 0, 0 ],
		[ 'pidfd_getfd', 0, 3, 0 ],
		[ 'ptrace', PTRACE_ATTACH, $pid, 0, 0 ],
		[ 'ptrace', PTRACE_SEIZE, $pid, 0, 0 ],
		[ 'process_vm_readv', $pid, '&8', 1, '&8', 1, 0 ],
		[ 'process_vm_writev', $pid, '&8', 1, '&8', 1, 0 ],
		[ 'process_madvise', 0, '&8', 1, 4, 0 ],
		[ 'kcmp', $pid, $pid, 0, 3, 3 ],
		[ 'setpriority', 0, $pid, 19 ],
		[ 'getpriority', 0, $pid ],
		[ 'ioprio_set', 1, $pid, 0x6000 ],
		[ 'sched_setaffinity', $pid, 8, octets(pack 'Q', 1) ],
		[ 'sched_setscheduler', $pid, 3, $one ],
		[ 'sched_setparam', $pid, $one ],
		[ 'sched_setattr', $pid, octets(pack 'L L Q l L Q3',
		    48, 3, 0, 0, 0, 0, 0, 0), 0 ],
		# 0 would be itself, which is allowed.
		$pid == 0 ? () : ([ 'prlimit64', $pid, 7,
		    octets(pack 'Q2', 0, 0), 0 ],
		    [ 'prlimit64', $pid, 7, 0, '@16' ]),
		[ 'migrate_pages', $pid, 8, '@8', '@8' ],
		[ 'move_pages', $pid, 0, 0, 0, 0, 0 ],
		[ 'setpgid', $pid, 0 ],
		[ 'getpgid', $pid ],
		[ 'getsid', $pid ],
		[ 'waitid', 0, $pid, '@128', 5, 0 ],
		[ 'get_robust_list', $pid, '@8', '@8' ],
		map({ my $file = text("/proc/$pid/$_");
			([ 'open', $file, O_RDWR ],
			[ 'openat', AT_FDCWD, $file, O_RDWR ],
			[ 'openat', AT_FDCWD, $file, 0 ])
		} qw(mem environ fd/3 fd/5 maps ns/mnt attr/current
		    oom_score_adj coredump_filter)),
		[ 'readlink', text("/proc/$pid/exe"), '@256', 256 ],
		[ 'access', text("/proc/$pid/fd/5"), 0 ],
	);
}

# What is tried against a file that is not the session's own.
sub against_file
{
	my ($path) = @_;
	my $file = text($path);

	return (
		[ 'open', $file, 0 ],
		[ 'open', $file, O_RDWR ],
		[ 'open', $file, O_WRONLY | O_CREAT, 0600 ],
		[ 'creat', $file, 0600 ],
		[ 'openat', AT_FDCWD, $file, 0 ],
		[ 'openat', AT_FDCWD, $file, O_RDWR ],
		[ 'openat', AT_FDCWD, $file, O_RDWR | O_CREAT, 0600 ],
		# From each descriptor it has, should one be a directory.
		map({ [ 'openat', $_, $file =~ s{.*/}{'}r, O_RDWR ] } 0 .. 9),
		[ 'openat2', AT_FDCWD, $file,
		    octets(pack 'Q3', O_RDWR, 0, 0), 24 ],
		[ 'open_by_handle_at', 5, '@128', O_RDWR ],
		[ 'name_to_handle_at', AT_FDCWD, $file, '@128', '@8', 0 ],
		[ 'stat', $file, '@256' ],
		[ 'lstat', $file, '@256' ],
		[ 'newfstatat', AT_FDCWD, $file, '@256', 0 ],
		[ 'statx', AT_FDCWD, $file, 0, 0x7ff, '@256' ],
		[ 'access', $file, 0 ],
		[ 'faccessat', AT_FDCWD, $file, 0 ],
		[ 'faccessat2', AT_FDCWD, $file, 0, 0 ],
		[ 'readlink', $file, '@256', 256 ],
		[ 'unlink', $file ],
		[ 'unlinkat', AT_FDCWD, $file, 0 ],
		[ 'rename', $file, text("$path.x") ],
		[ 'renameat2', AT_FDCWD, $file, AT_FDCWD, text("$path.x"), 0 ],
		[ 'link', $file, text("$path.x") ],
		[ 'linkat', 5, text(''), AT_FDCWD, text("$path.x"), 0x1000 ],
		[ 'symlink', $file, text("$path.x") ],
		[ 'mkdir', text("$path.x"), 0700 ],
		[ 'mknod', text("$path.x"), 010600, 0 ],
		[ 'truncate', $file, 0 ],
		[ 'chmod', $file, 0666 ],
		[ 'fchmodat', AT_FDCWD, $file, 0666 ],
		[ 'chown', $file, 0, 0 ],
		[ 'utimensat', AT_FDCWD, $file, 0, 0 ],
		[ 'setxattr', $file, text('user.x'), text('x'), 1, 0 ],
		[ 'execve', $file, 0, 0 ],
		[ 'execveat', AT_FDCWD, $file, 0, 0, 0 ],
		[ 'chdir', text('/') ],
		[ 'chroot', text('.') ],
		[ 'inotify_init1', 0 ],
		[ 'fanotify_init', 0, 0 ],
	);
}

# What a session, but no keeper, is refused: who allows an empty path allows any.
sub against_path
{
	my ($path) = @_;

	return [ 'newfstatat', AT_FDCWD, text($path), '@256', 0x1000 ]
	    if defined numbers()->{arch_prctl};
	return;
}

# What is tried against the system.
sub against_system
{
	my $here = pack_sockaddr_in(9, inet_aton('127.0.0.1'));
	my $unspec = "\0" x 16;
	my $flags = octets(pack 'Q8', CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0);

	return (
		map({ my $family = $_;
			map { [ 'socket', $family, $_, 0 ] } 1, 2, 3, 5
		} 1, 2, 10, 16, 17, 31, 38, 40, 44),
		[ 'socketpair', AF_INET, SOCK_STREAM, 0, '@8' ],
		# All kinds of a local one, but that of a channel.
		map({ [ 'socketpair', AF_UNIX, $_, 0, '@8' ] } 1 .. 5),
		[ 'socketpair', 30, 02000005, 0, '@8' ],
		# The older call of some machines, its arguments in memory.
		map({ [ 'socketcall', 8, octets(pack 'L4', AF_UNIX, $_, 0, 0) ]
		} 1, 2, 5, 02000005),
		# The sockets that it has, turned into others.
		map({ ([ 'connect', $_, octets($unspec), 16 ],
			[ 'connect', $_, octets($here), 16 ],
			[ 'bind', $_, octets($here), 16 ],
			[ 'listen', $_, 5 ]) } 5, 6),
		[ 'connect', 6, octets(pack_sockaddr_un("\0x")), 4 ],
		[ 'sendto', 6, '@8', 8, 0, octets($here), 16 ],
		[ 'vfork' ],
		map({ [ 'clone', $_ | SIGCHLD, 0, 0, 0, 0 ] }
			CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS,
			CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
			CLONE_NEWNET, CLONE_PARENT, CLONE_PTRACE,
			CLONE_VM | CLONE_VFORK),
		[ 'clone', CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD, '@4096', 0, 0, 0 ],
		[ 'clone3', $flags, 64 ],
		map({ [ 'unshare', $_ ] } CLONE_NEWTIME, CLONE_NEWNS,
			CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
			CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_FILES),
		[ 'setns', 5, 0 ],
		[ 'setns', 0, CLONE_NEWNET ],
		[ 'execve', text('/bin/sh'), 0, 0 ],
		[ 'execveat', 0, text(''), 0, 0, 0x1000 ],
		[ 'chroot', text('/') ],
		[ 'fchdir', 0 ],
		[ 'pivot_root', text('/'), text('/') ],
		[ 'mount', text('none'), text('/'), text('tmpfs'), 0, 0 ],
		[ 'umount2', text('/'), 2 ],
		[ 'fsopen', text('tmpfs'), 0 ],
		[ 'open_tree', AT_FDCWD, text('/'), 0 ],
		[ 'move_mount', 0, text(''), 0, text(''), 0 ],
		[ 'setuid', 0 ], [ 'setgid', 0 ], [ 'setreuid', 0, 0 ],
		[ 'setresuid', 0, 0, 0 ], [ 'setresgid', 0, 0, 0 ],
		[ 'setfsuid', 0 ], [ 'setgroups', 0, 0 ], [ 'setsid' ],
		[ 'capset', octets(pack 'L l', 0x20080522, 0), '@24' ],
		[ 'capget', octets(pack 'L l', 0x20080522, 0), '@24' ],
		map({ [ 'prctl', $_, 1, 0, 0, 0 ] } 4, 8, 15, 22, 38),
		[ 'seccomp', 1, 0, octets(pack 'S x6 Q', 0, 0) ],
		[ 'personality', 0x40000 ],
		[ 'arch_prctl', 0x1002, 0 ],
		[ 'modify_ldt', 0, '@64', 64 ],
		[ 'keyctl', 0, -3, 1 ],
		[ 'add_key', text('user'), text('x'), text('x'), 1, -3 ],
		[ 'request_key', text('user'), text('x'), 0, -3 ],
		[ 'bpf', 0, '@128', 128 ],
		[ 'perf_event_open', octets(pack 'L L Q', 1, 128, 0) , 0, -1,
		    -1, 0 ],
		[ 'io_uring_setup', 4, '@128' ],
		[ 'io_setup', 4, '@8' ],
		[ 'userfaultfd', 1 ],
		[ 'memfd_create', text('x'), 0 ],
		[ 'memfd_secret', 0 ],
		[ 'mmap', 0, 4096, PROT_RX, MAP_ANON_PRIVATE, -1, 0 ],
		[ 'mmap', 0, 4096, PROT_RWX, MAP_ANON_PRIVATE, -1, 0 ],
		# Bits above those that the kernel looks at.
		[ 'mmap', 0, 4096, '0xff00000000000004', MAP_ANON_PRIVATE, -1,
		    0 ],
		# The older call of some machines, its arguments in memory.
		map({ [ 'mmap', octets(pack 'l6', 0, 4096, PROT_RX,
			MAP_ANON_PRIVATE, -1, 0) ] }
			grep { defined numbers()->{$_} } 'mmap2'),
		[ 'mprotect', '@4096', 4096, PROT_RX ],
		[ 'pkey_mprotect', '@4096', 4096, PROT_RX, -1 ],
		[ 'remap_file_pages', '@4096', 4096, 0, 0, 0 ],
		[ 'shmget', 0, 4096, 01600 ], [ 'msgget', 0, 01600 ],
		[ 'semget', 0, 1, 01600 ],
		[ 'mq_open', text('x'), O_RDWR | O_CREAT, 0600, 0 ],
		[ 'shmat', 0, 0, 0 ],
		[ 'timer_create', 0, 0, '@8' ], [ 'signalfd4', -1, '@8', 8, 0 ],
		[ 'eventfd2', 0, 0 ], [ 'timerfd_create', 1, 0 ],
		[ 'ioctl', 5, 0x5412, '@8' ],
		[ 'ioctl', 0, 0x5401, '@64' ],
		# A lingering end: the listener is the last to close the client.
		map({ [ 'setsockopt', $_, 1, 13, octets(pack 'll', 1, 9), 8 ] }
			4 .. 6),
		# Flags of open files that others have, too.
		map({ [ 'fcntl', $_, 4, 0 ] } 0, 3, 4, 5, 6),
		# Signals by way of a descriptor; leases; larger pipes.
		map({ [ 'fcntl', 5, @$_ ] } [ 8, 1 ], [ 10, 9 ], [ 1024, 0 ],
			[ 1026, 1 ], [ 1031, 1048576 ], [ 15, '@8' ]),
		[ 'vmsplice', 4, '&8', 1, 0 ], [ 'splice', 4, 0, 3, 0, 8, 0 ],
		[ 'tee', 4, 3, 8, 0 ], [ 'sendfile', 5, 0, 0, 8 ],
		[ 'recvmmsg', 5, '@64', 1, 0, 0 ],
		[ 'reboot', 0xfee1dead, 672274793, 0, 0 ],
		[ 'syslog', 3, '@64', 64 ], [ 'sethostname', text('x'), 1 ],
		[ 'settimeofday', '@16', 0 ], [ 'clock_settime', 0, '@16' ],
		[ 'adjtimex', '@256' ], [ 'init_module', '@64', 64, text('') ],
		[ 'finit_module', 5, text(''), 0 ], [ 'acct', 0 ],
		[ 'swapon', text('/x'), 0 ], [ 'quotactl', 0, 0, 0, 0 ],
		[ 'vhangup' ], [ 'iopl', 3 ], [ 'ioperm', 0, 1, 1 ],
		[ 'lookup_dcookie', 0, '@64', 64 ], [ 'sync' ],
		[ 'syncfs', 5 ], [ 'getdents64', 0, '@1024', 1024 ],
		[ 'fchmod', 5, 0666 ], [ 'fchown', 5, 0, 0 ],
		[ 'fsetxattr', 5, text('user.x'), text('x'), 1, 0 ],
		# The same calls as another binary interface of the machine.
		map({ [ 0x40000000 + numbers()->{$_}, 0, 0, 0 ] }
			grep { defined numbers()->{$_} }
			qw(open fork kill ptrace socket)),
	);
}

# Every system call that the filter has no word for is refused, also those that
# no kernel has yet.
sub unnamed_calls
{
	my ($self) = @_;
	my $source = Restante::slurp('src/trust/filter.c');
	my %named = map { ($_, 1) } $source =~ /\bSYS_(\w+)/g;
	my $n = numbers();
	my @calls = ((grep { !$named{$_} } sort keys %$n), 600 .. 650);

	ok scalar(grep { $named{$_} } keys %$n) > 20 && @calls > 200,
	    'the filter names some of the calls, not all';
	return $self->tries('calls without a name in the filter',
	    map { ([ $_, (0) x 6 ], [ $_, (-1) x 6 ]) } @calls);
}

# Tries them all; each must be refused by the filter, or be refused at all if
# the object says which other reasons will do.
sub tries
{
	my ($self, $what, @attempts) = @_;
	my (@through, @unknown);

	for my $attempt (@attempts) {
		my ($result, $error) = $self->call(@$attempt);
		if ($error eq 'no such call') {
			push @unknown, $attempt->[0];
		} elsif ($error ne 'EPERM' &&
		    $error !~ ($self->{reasons} // qr/^(?!)/)) {
			push @through, join ' ', map({ substr $_, 0, 60 }
			    @$attempt), '=', $result, $error;
			last if $error eq 'gone';
		}
	}
	note "not on this machine: @unknown" if @unknown;
	my $tried = @attempts - @unknown;
	push @through, "only $tried of the calls are known"
	    if $tried < @attempts / 2;
	return is(join("\n", @through), '',
	    "$what: each of $tried attempts is refused");
}

1;
