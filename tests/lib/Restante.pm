# SPDX-License-Identifier: ISC
# Starts the server for a test, and talks to it.
#
#	my $d = Restante->start(users => { alice => "secret\n" . $mbox });
#	my $c = $d->connect;
#	like $c->login('alice', 'secret'), qr/^\+OK/;
#	my ($status, @lines) = $c->multi('LIST');
#	is $d->stop, 0;
#
# Nothing here waits for ever: whatever takes longer than Restante::PATIENCE
# seconds dies, and what was started is ended when the test is.  A client dies
# when a reply has not the shape that RFC 1939 section 3 asks for, so every test
# is a test of that, too.
package Restante;

use strict;
use warnings;

use Cwd ();
use Fcntl qw(F_SETFD);
use File::Temp ();
use IO::Socket::IP ();
use POSIX ();
use Scalar::Util ();
use Socket qw(AF_UNIX AI_NUMERICHOST AI_NUMERICSERV SOCK_STREAM
    pack_sockaddr_un);
use Test::More ();
use Time::HiRes qw(sleep);

use Clock qw(time);

use constant PATIENCE => $ENV{PATIENCE} || 60;

# What make built, where it does not say itself.
$ENV{BUILD} = Cwd::abs_path($ENV{BUILD} // 'build') // die 'nothing is built';

my %running;	# pid => object, so that nothing stays behind

$SIG{PIPE} = 'IGNORE';
$SIG{$_} ||= sub { exit 1 } for qw(INT TERM HUP);

END {
	my $status = $?;

	for my $d (grep { defined && $_->{owner} == $$ } values %running) {
		$d->stop;
		$status ||= 1 if $d->{failed};
	}
	$? = $status;
}

sub binary
{
	return $ENV{RESTANTE} || "$ENV{BUILD}/restante";
}

# The path of a program, or nothing.
sub program
{
	my ($name) = @_;
	my ($path) = grep { -x && !-d _ } map { "$_/$name" }
	    split(/:/, $ENV{PATH} // ''), '/usr/bin', '/usr/sbin';

	return $path;
}

# Ports that the system gives to clients are left out: another test's client
# could be given ours.  For other tests this one is taken from now on: a name that
# goes with its process says so.
my @taken;

sub free_port
{
	for (1 .. 100) {
		my $port = 10240 + int rand 20000;
		socket my $name, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!";
		bind $name, pack_sockaddr_un("\0restante-test-port-$port")
		    or next;
		my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1',
		    LocalPort => $port, Listen => 1, Type => SOCK_STREAM,
		    GetAddrInfoFlags => AI_NUMERICHOST | AI_NUMERICSERV)
		    or next;
		close $s;
		push @taken, $name;
		return $port;
	}
	die 'no free port';
}

# Waits until the code yields something true, and returns that.
sub wait_for
{
	my ($code, $seconds) = @_;
	my $deadline = time + ($seconds // PATIENCE);

	for (;;) {
		my $got = $code->();
		return $got if $got;
		return if time > $deadline;
		sleep 0.005;
	}
}

# Mailbox text: each message behind a separator, before a blank line.  As a method:
# what is in a user's file.
sub mbox
{
	return slurp($_[0]->path($_[1])) if ref $_[0];
	return join '', map {
		my $text = $_;
		$text .= "\n" if $text !~ /\n\z/;
		"From sender\@example.org Thu Nov 20 18:27:05 2025\n$text\n"
	} @_;
}

sub spew
{
	my ($path, $text) = @_;

	open my $fh, '>:raw', $path or die "$path: $!";
	print {$fh} $text;
	close $fh or die "$path: $!";
	chmod 0600, $path;
}

sub slurp
{
	my ($path) = @_;

	open my $fh, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar(<$fh>) // '';
}

# Makes the directory of mailboxes, unless there is one already: dir => PATH.
sub new
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, clients => [], %opt }, $class;

	$self->{scratch} = File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1);
	$self->{log} = "$self->{scratch}/log";
	if (!defined $self->{dir}) {
		$self->{dir} = "$self->{scratch}/Users";
		mkdir $self->{dir}, 0700 or die "$self->{dir}: $!";
	}
	$self->user($_, $opt{users}{$_}) for keys %{ $opt{users} || {} };
	return $self;
}

sub user
{
	my ($self, $name, $text) = @_;

	spew($self->path($name), $text);
}

# Mail that comes, by nobody who cares for locks.
sub append
{
	my ($self, $name, $text) = @_;
	my $path = $self->path($name);

	open my $fh, '>>:raw', $path or die "$path: $!";
	print {$fh} $text;
	close $fh or die "$path: $!";
}

# Settings come from here alone, not from the machine's configuration.
sub command
{
	my ($self) = @_;
	my @options = @{ $self->{options} || [] };
	my @args = @{ $self->{args} || [] };

	unshift @options, 'login-pause=0'
	    if !grep { /^login-pause=/ } @options;
	unshift @options, 'user=nobody' if !grep { /^user=/ } @options;
	unshift @args, '-f', '/dev/null' if !grep { $_ eq '-f' } @args;
	return ($self->{binary} || binary(), '-d', $self->{dir}, @args,
	    map { ('-o', $_) } @options);
}

# Forks and becomes the server in a process group of its own; $fds are what it
# has as descriptors 0, 1 and 2.  With pass => { NAME => handle } it has those too,
# and their numbers in the environment; before => CODE is run by who becomes it.
sub launch
{
	my ($self, $fds, @command) = @_;

	# A child that does not know its pid yet must not be interrupted.
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		setpgrp 0, 0;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		$self->{before}->() if $self->{before};
		POSIX::dup2($fds->[$_], $_) // POSIX::_exit(127) for 0 .. 2;
		my $pass = $self->{pass} || {};
		my %kept = map { fileno $_ => 1 } values %$pass;
		$ENV{$_} = fileno $pass->{$_} for keys %$pass;
		fcntl $_, F_SETFD, 0 for values %$pass;
		POSIX::close($_) for grep { !$kept{$_} } 3 .. 63;
		{ no warnings; exec { $command[0] } @command; }
		POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	delete $self->{status};
	$running{$pid} = $self;
	Scalar::Util::weaken($running{$pid});
}

# Where to listen: what listen => [...] says, or on loopback; with flags => 'tls'
# as such a line of the configuration.
sub where
{
	my ($self) = @_;

	return ('-o', "listen=127.0.0.1:$self->{port} $self->{flags}")
	    if defined $self->{flags};
	return (defined $self->{listen} ? grep { defined } @{ $self->{listen} }
	    : ('-l', '127.0.0.1'), '-p', $self->{port});
}

# With nothing to read, and a new log to write to.
sub launch_logged
{
	my ($self, @command) = @_;

	spew($self->{log}, '');
	open my $null, '<', '/dev/null' or die "/dev/null: $!";
	open my $log, '>>', $self->{log} or die "$self->{log}: $!";
	$self->launch([ fileno $null, fileno $log, fileno $log ], @command);
}

sub answers
{
	my ($self) = @_;

	return 1 if $self->stderr =~ /: ready$/m;
	return if !grep { /^log(?:=|-level=(?:error|warn)$)/ }
	    @{ $self->{options} || [] };
	my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $self->{port}, Type => SOCK_STREAM);
	return defined $s;
}

sub start
{
	my ($class, %opt) = @_;
	my $self = ref $class ? $class : $class->new(%opt);

	delete $self->{stopped};
	for (1 .. 5) {
		$self->{port} = free_port();
		$self->launch_logged($self->command, $self->where);
		return $self if wait_for(sub {
			$self->answers || !$self->alive
		}) && $self->alive;
		last if $self->stderr !~ /address already in use/i;
	}
	die "the server does not start:\n" . $self->stderr;
}

sub alive
{
	my ($self) = @_;

	return 0 if !defined $self->{pid} || defined $self->{status};
	return 1 if waitpid($self->{pid}, POSIX::WNOHANG) == 0;
	$self->{status} = $?;
	delete $running{ $self->{pid} };
	return 0;
}

sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }
sub dir { return $_[0]{dir} }
sub path { return "$_[0]{dir}/$_[1]" }
sub stderr { return slurp($_[0]{log}) }

# Waits for a line of the log, and yields it.
sub log_like
{
	my ($self, $pattern, $seconds) = @_;

	return wait_for(sub {
		my ($line) = grep { /$pattern/ } split /\n/, $self->stderr;
		return $line;
	}, $seconds);
}

sub connect
{
	my ($self, %opt) = @_;
	my $s = IO::Socket::IP->new(PeerHost => $opt{host} // '127.0.0.1',
	    PeerPort => $self->{port}, Type => SOCK_STREAM,
	    ($opt{from} ? (LocalHost => $opt{from}) : ()),
	    GetAddrInfoFlags => AI_NUMERICHOST | AI_NUMERICSERV)
	    or die "connecting to port $self->{port}: $@";
	my $c = Restante::Client->new($s);

	push @{ $self->{clients} }, $c;
	Scalar::Util::weaken($self->{clients}[-1]);
	$c->{greeting} = $c->status if !$opt{silent};
	return $c;
}

# A connection that is logged in already.  A session before it whose client went
# without a word may not have noticed yet.
sub session
{
	my ($self, $name, $password) = @_;
	my ($c, $line);

	wait_for(sub {
		$c = $self->connect;
		$line = $c->login($name, $password);
		return $line !~ /^-ERR \[IN-USE\]/;
	});
	die "login of $name: $line" if $line !~ /^\+OK/;
	return $c;
}

# Runs the server as inetd does, with a connection as descriptors 0, 1 and 2;
# log => 1 lets it log to the file of stderr() instead of to syslog.
sub inetd
{
	my ($class, %opt) = @_;
	my $self = $class->new(%opt);
	my $listen = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => 0, Listen => 1, Type => SOCK_STREAM)
	    or die "listening: $@";
	my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $listen->sockport, Type => SOCK_STREAM)
	    or die "connecting: $@";
	my $peer = $listen->accept or die "accepting: $!";
	my $fd = fileno $peer;
	my @fds = ($fd, $fd, $fd);
	my @log;

	open my $log, '>>', $self->{log} or die "$self->{log}: $!";
	if ($opt{log}) {
		$fds[2] = fileno $log;
		@log = ('-o', 'log=stderr');
	}
	$self->launch(\@fds, $self->command, @log);
	close $peer;
	close $listen;

	my $c = Restante::Client->new($s);
	$c->{server} = $self;
	push @{ $self->{clients} }, $c;
	Scalar::Util::weaken($self->{clients}[-1]);
	$c->{greeting} = $c->status if !$opt{silent};
	return $c;
}

# Waits for the server to end by itself; its exit status, as in $?.
sub wait
{
	my ($self, $seconds) = @_;

	wait_for(sub { !$self->alive }, $seconds);
	return $self->{status};
}

sub broken
{
	my ($self, $why) = @_;

	$self->{failed} = 1;
	if (${^GLOBAL_PHASE} eq 'RUN') {
		Test::More::fail($why);
	} else {
		Test::More::diag("not so: $why");
	}
	Test::More::diag($self->stderr);
}

# The processes of the server that run; those that have ended but were not yet
# asked for by their parent do not count.
sub processes
{
	my ($self) = @_;
	my @pids;

	return if !kill 0 => -$self->{pid};
	for my $dir (glob '/proc/[0-9]*') {
		open my $fh, '<', "$dir/stat" or next;
		my ($state, $group) = (<$fh> // '') =~ /\) (\S) \d+ (\d+)/
		    or next;
		push @pids, $dir =~ /(\d+)/
		    if $group == $self->{pid} && $state !~ /[ZX]/;
	}
	return @pids;
}

# Ends the server: SIGTERM, which lets sessions finish.  Connections of this test
# are closed first, unless keep => 1.  Returns the exit status, as in $?.
sub stop
{
	my ($self, %opt) = @_;

	return $self->{status} if !defined $self->{pid} || $self->{stopped}++;
	if (!$opt{keep}) {
		$_->close for grep { defined } @{ $self->{clients} };
	}
	kill TERM => $self->{pid} if $self->alive;
	my $status = $self->wait;
	if (!defined $status) {
		kill KILL => -$self->{pid};
		$status = $self->wait;
		$self->broken('the server ends at a SIGTERM');
	}
	# Sessions and attendants end with their master, or soon after it.
	wait_for(sub { !$self->processes })
	    or $self->broken('no process of the server stays behind');
	$self->broken('no sanitizer has a complaint')
	    if $self->stderr =~ /Sanitizer|runtime error:/;
	return $status;
}

# Starts it again, with the same users.
sub restart
{
	my ($self) = @_;

	$self->stop;
	delete $self->{stopped};
	return $self->start;
}

sub DESTROY
{
	my ($self) = @_;

	return if $self->{owner} != $$ || ${^GLOBAL_PHASE} eq 'DESTRUCT';
	local ($?, $@, $!);
	$self->stop;
}

package Restante::Client;

use strict;
use warnings;

use Errno qw(EAGAIN ECONNRESET EINTR EPIPE);
use IO::Socket ();
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_ERROR SO_LINGER TCP_NODELAY);

use Clock qw(time);

# What this client says when a segment matters is sent at once.
sub new
{
	my ($class, $socket) = @_;

	$socket->blocking(0);
	$socket->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
	return bless {
		socket => $socket,
		buffer => '',
		patience => Restante::PATIENCE,
	}, $class;
}

sub greeting { return $_[0]{greeting} }
sub server { return $_[0]{server} }
sub socket { return $_[0]{socket} }

# The APOP timestamp, with its angle brackets.
sub stamp
{
	my ($self) = @_;
	my ($stamp) = $self->{greeting} =~ /(<[^>]*>)/;

	return $stamp;
}

# Reads what has come.  True, unless nothing further can come.
sub take
{
	my ($self) = @_;

	return 0 if $self->{ended};
	my $n = sysread $self->{socket}, $self->{buffer}, 1 << 20,
	    length $self->{buffer};
	if (!defined $n) {
		return 1 if $! == EAGAIN || $! == EINTR;
		die "reading: $!" if $! != ECONNRESET;
		$self->{reset} = 1;
	}
	$self->{ended} = 1 if !$n;
	return $n ? 1 : 0;
}

# Waits until the socket can be read (or written); false after the deadline.
sub ready
{
	my ($self, $deadline, $write) = @_;
	my ($r, $w) = ('', '');
	my $left = $deadline - time;

	vec($r, fileno $self->{socket}, 1) = 1;
	vec($w, fileno $self->{socket}, 1) = 1 if $write;
	return 0 < select $r, $w, undef, $left < 0 ? 0 : $left;
}

# Sends octets, and reads meanwhile, so that neither side waits for the other.
sub send
{
	my ($self, $octets) = @_;
	my $deadline = time + $self->{patience};
	my $done = 0;

	while ($done < length $octets) {
		my $n = syswrite $self->{socket}, $octets,
		    length($octets) - $done, $done;
		if (defined $n) {
			$done += $n;
			$deadline = time + $self->{patience};
			next;
		}
		return 0 if $! == EPIPE || $! == ECONNRESET;
		die "writing: $!" if $! != EAGAIN && $! != EINTR;
		$self->ready($deadline, 1) or die 'the server does not read';
		$self->take;
	}
	return 1;
}

# Says that nothing more will be sent.
sub half_close
{
	my ($self) = @_;

	CORE::shutdown $self->{socket}, 1;
}

# Reads until the pattern is found; what came up to its end.  With no pattern, all
# that comes until the server closes.
sub raw_until
{
	my ($self, $pattern) = @_;
	my $deadline = time + $self->{patience};

	for (;;) {
		return substr $self->{buffer}, 0, $+[0], ''
		    if defined $pattern && $self->{buffer} =~ $pattern;
		if ($self->{ended}) {
			die 'the server closed' if defined $pattern;
			return substr $self->{buffer}, 0,
			    length $self->{buffer}, '';
		}
		$self->ready($deadline) or die 'no answer, only: ' .
		    substr $self->{buffer}, 0, 200;
		$self->take;
	}
}

# One line without its CRLF; nothing at the end of the connection.
sub line
{
	my ($self) = @_;
	my $deadline = time + $self->{patience};
	my ($from, $at) = (0, -1);

	while (($at = index $self->{buffer}, "\n", $from) == -1) {
		$from = length $self->{buffer};
		if (!$self->{ended}) {
			$self->ready($deadline) or die 'no answer';
			$self->take;
			next;
		}
		die "the end of a connection in a line: $self->{buffer}"
		    if $from > 0;
		return;
	}
	my $line = substr $self->{buffer}, 0, $at + 1, '';
	die "a bare LF from the server: $line" if $line !~ s/\r\n\z//;
	return $line;
}

# The first line of a reply: RFC 1939 section 3, RFC 2449 sections 3 and 4; or a
# challenge, RFC 5034 section 4.
sub status
{
	my ($self) = @_;
	my $line = $self->line;

	return if !defined $line;
	die "not a status line: $line"
	    if $line !~ m{^(?:(?:\+OK|-ERR)(?: |\z)|\+ [A-Za-z0-9+/]*={0,2}\z)};
	die "a status line that is too long: $line" if length $line > 510;
	# RFC 6856 section 3.2: UTF-8 is for who has asked for a language.
	die "a status line that is not ASCII: $line"
	    if $line =~ /[^\x20-\x7e]/ && !$self->{languages};
	return $line;
}

sub cmd
{
	my ($self, $line) = @_;

	$self->{languages} ||= $line =~ /^LANG ./i;
	$self->send("$line\r\n");
	return $self->status;
}

# The lines of a multi-line reply up to the terminator, as they are on the wire.
sub stuffed
{
	my ($self) = @_;
	my $deadline = time + $self->{patience};
	my ($from, $at) = (0, -1);

	return substr $self->{buffer}, 0, 3, ''
	    if length $self->{buffer} > 2 && $self->{buffer} =~ /^\.\r\n/;
	while (($at = index $self->{buffer}, "\r\n.\r\n", $from) == -1) {
		$from = length($self->{buffer}) - 4;
		$from = 0 if $from < 0;
		die 'the end of a connection in a reply' if $self->{ended};
		$self->ready($deadline)
		    or die 'no terminator, only: ' . substr $self->{buffer}, -99;
		$deadline = time + $self->{patience} if $self->take;
		return substr $self->{buffer}, 0, 3, ''
		    if $from == 0 && $self->{buffer} =~ /^\.\r\n/;
	}
	return substr $self->{buffer}, 0, $at + 5, '';
}

# A multi-line reply: its status line, and its octets without terminator and
# stuffed dots.  An -ERR is a single line.
sub text
{
	my ($self, $line) = @_;

	$self->send("$line\r\n") if defined $line;
	my $status = $self->status;
	return $status if !defined $status || $status =~ /^-ERR/;
	my $text = $self->stuffed;
	substr $text, -3, 3, '';
	die 'a bare LF from the server' if $text =~ /(?<!\r)\n/;
	die 'a dot that is not doubled' if $text =~ /^\.(?!\.)/m;
	$text =~ s/^\.//mg;
	return ($status, $text);
}

# The same as lines.
sub multi
{
	my ($self, $line) = @_;
	my ($status, $text) = $self->text($line);

	return $status if !defined $text;
	my @lines = split /\r\n/, $text, -1;
	pop @lines;
	return ($status, @lines);
}

# The lines of CAPA about one capability; in scalar context, how many.
sub announced
{
	my ($self, $tag) = @_;
	my ($status, @lines) = $self->multi('CAPA');

	die "CAPA: $status" if $status !~ /^\+OK/;
	return grep { /\A\Q$tag\E(?: |\z)/ } @lines;
}

sub login
{
	my ($self, $name, $password) = @_;
	my $status = $self->cmd("USER $name");

	return $status if !defined $status || $status =~ /^-ERR/;
	return $self->cmd("PASS $password");
}

# Whether the server closes, and says nothing before that.
sub eof
{
	my ($self, $seconds) = @_;
	my $deadline = time + ($seconds // $self->{patience});

	while (!$self->{ended} && $self->{buffer} eq '') {
		$self->ready($deadline) or return 0;
		$self->take;
	}
	return $self->{buffer} eq '';
}

# Whether the end was a reset, not an orderly close.  One that comes behind an
# orderly one is not read: it shows as a pending error.
sub was_reset
{
	my ($self) = @_;

	return $self->{reset} ||= $self->{socket}->sockopt(SO_ERROR) ? 1 : 0;
}

# Whether nothing comes for so many seconds.
sub silent
{
	my ($self, $seconds) = @_;

	return 0 if $self->{buffer} ne '';
	return !$self->ready(time + $seconds);
}

sub close
{
	my ($self) = @_;

	CORE::close $self->{socket} if defined $self->{socket};
	$self->{ended} = 1;
}

# Ends the connection by a reset.
sub abort
{
	my ($self) = @_;

	$self->{socket}->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
	$self->close;
}

# Before the server that it may hold is stopped.
sub DESTROY
{
	my ($self) = @_;

	$self->close;
}

1;
