# SPDX-License-Identifier: ISC
# What /proc says of the processes of a server under test.
package Proc;

use strict;
use warnings;

use Test::More ();

use Restante;

# What is in /proc/PID/FILE; nothing when it is gone.
sub file
{
	my ($pid, $name) = @_;

	open my $fh, '<', "/proc/$pid/$name" or return;
	local $/;
	return scalar <$fh>;
}

# pid => title, of all processes of the server that still run.
sub titles
{
	my ($d) = @_;
	my %title;

	for my $pid ($d->processes) {
		my ($title) = split /\0/, file($pid, 'cmdline') // next;
		$title{$pid} = ($title // '') =~ s/\A.*?restante: //r;
	}
	return \%title;
}

# The pids of all that have such a title now.
sub all
{
	my ($d, $pattern) = @_;
	my $title = titles($d);

	return grep { $title->{$_} =~ $pattern } keys %$title;
}

# Waits until exactly one process of the server has such a title; its pid.
sub find
{
	my ($d, $pattern, $seconds) = @_;

	return Restante::wait_for(sub {
		my @found = all($d, $pattern);
		return @found == 1 ? $found[0] : undef;
	}, $seconds) // die "not one process like $pattern";
}

# Waits until none has.
sub none
{
	my ($d, $pattern, $seconds) = @_;

	return Restante::wait_for(sub {
		return !all($d, $pattern);
	}, $seconds);
}

# Waits until a process has such a title, and returns its pid.
sub becomes
{
	my ($d, $pid, $pattern) = @_;

	return Restante::wait_for(sub {
		return (titles($d)->{$pid} // '') =~ $pattern ? $pid : undef;
	});
}

# Has all that are idle end but one, who takes the next session.  The keeper has a
# new one when that has begun.
sub spare
{
	my ($d, $one) = @_;

	none($d, qr/^attendant/);
	slay($_) for grep { $_ != $one } all($d, qr/^idle attendant/);
	return $one;
}

# Waits until a process is gone.
sub gone
{
	my ($pid) = @_;

	return Restante::wait_for(sub {
		my $stat = file($pid, 'stat') // return 1;
		return $stat =~ /\) [ZX] /;
	});
}

# Ends one process the hard way, and waits until it is gone.
sub slay
{
	my ($pid) = @_;

	kill KILL => $pid or die "killing $pid: $!";
	return gone($pid) || die "$pid does not end";
}

# Stops one until a SIGCONT, and waits until it stands still.
sub halt
{
	my ($pid) = @_;

	kill STOP => $pid or die "stopping $pid: $!";
	return Restante::wait_for(sub { file($pid, 'stat') =~ /\) T / })
	    || die "$pid does not stop";
}

# The lines of /proc/PID/status, by name.
sub status
{
	my ($pid) = @_;

	return { map { /^(\w+):\s*(.*?)\s*\z/ ? ($1, $2) : () }
	    split /\n/, file($pid, 'status') // die "$pid is gone" };
}

# The soft and hard limits of /proc/PID/limits, by name.
sub limits
{
	my ($pid) = @_;

	return { map { /^(.+?)\s{2,}(\S+)\s+(\S+)/ ? ($1, "$2 $3") : () }
	    split /\n/, file($pid, 'limits') // die "$pid is gone" };
}

# From now on all its new descriptors are below this number.
sub narrow
{
	my ($pid, $most) = @_;

	return system('prlimit', "--pid=$pid", "--nofile=$most:") == 0;
}

# descriptor => what it leads to, without inode numbers.  Only root may look.
sub descriptors
{
	my ($pid) = @_;

	opendir my $dh, "/proc/$pid/fd" or die "/proc/$pid/fd: $!";
	return { map {
		my $to = readlink "/proc/$pid/fd/$_";
		defined $to ? ($_, $to =~ s/:\[\d+\]\z//r) : ()
	} grep { /^\d+\z/ } readdir $dh };
}

# Whether a process cannot be looked into by others of its uid: its files in
# /proc then belong to root.
sub closed
{
	my ($pid) = @_;

	return (stat "/proc/$pid/fd")[4] == 0;
}

# Whether the binary was built with sanitizers: they need files, descriptors and
# system calls that the program itself gives up.
sub sanitized
{
	return Restante::slurp($_[0]) =~ /__asan_|__ubsan_/;
}

# The begin of a command whose calls of that name fail, those of the numbers in
# $when; or so many tests are skipped.
sub failing
{
	my ($tests, $call, $error, $when) = @_;

	return injecting($tests, $call, "error=$error:when=$when");
}

# The same of one whose first call of that name begins so many seconds late.
sub delaying
{
	my ($tests, $call, $seconds) = @_;

	return injecting($tests, $call, "delay_enter=${seconds}000000:when=1");
}

sub injecting
{
	my ($tests, $call, $what) = @_;
	my $strace = Restante::program('strace');

	Test::More::skip('there is no strace', $tests) if !defined $strace;
	Test::More::skip('the sanitizers cannot be traced', $tests)
	    if sanitized(Restante::binary());
	return ($strace, '-qq', '-o', '/dev/null', '-e', "trace=$call", '-e',
	    "inject=$call:$what");
}

# Runs the rest of a test that root has started as an ordinary user: what it
# shows is what holds without root.  Skips it, aloud, where that is not to be
# had.
sub become_ordinary
{
	return if $> != 0;
	my @binaries = map { "$ENV{BUILD}/$_" } @_;
	my @su = ('setpriv', '--reuid=65534', '--regid=65534',
	    '--clear-groups');

	Test::More::plan(skip_all => 'no setpriv to become an ordinary user')
	    if system('setpriv --version >/dev/null 2>&1') != 0;
	for my $file (Restante::binary(), @binaries, $0) {
		Test::More::plan(skip_all =>
		    "an ordinary user cannot read $file")
		    if system(@su, 'test', '-r', $file) != 0;
	}
	exec @su, $^X, (map { "-I$_" } @INC), $0, @ARGV;
	die "setpriv: $!";
}

1;
