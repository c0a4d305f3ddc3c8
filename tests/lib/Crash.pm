# SPDX-License-Identifier: ISC
# A server whose sessions die, or whose disk fails, at a chosen system call:
# drives tests/tools/crash.c.
package Crash;

use strict;
use warnings;

use File::Temp ();
use IO::Socket::UNIX ();

use Restante;

# Starts one; a Restante object that can do more.
sub start
{
	my ($class, %opt) = @_;
	my $dir = File::Temp->newdir('crash-XXXXXXXX', TMPDIR => 1);

	local $ENV{CRASH_SOCKET} = "$dir/control";
	my $d = Restante->start(%opt,
	    binary => "$ENV{BUILD}/tests/tools/crash");
	my $s = IO::Socket::UNIX->new(Peer => "$dir/control")
	    or die "$dir/control: $!";

	return bless { d => $d, control => Restante::Client->new($s) }, $class;
}

sub server { return $_[0]{d} }

sub hear
{
	my ($self) = @_;

	return $self->{control}->raw_until(qr/\n/) =~ s/\n\z//r;
}

# Prepares a session for what the next command of its client shall meet.
sub arm
{
	my ($self, $c, $mode, @how) = @_;
	my ($pid) = $c->greeting =~ /<(\d+)\./;

	$self->{control}->send("$mode $pid @how\n");
	my $said = $self->hear;
	die "not armed: $said" if $said ne 'armed';
}

# What became of it: how, and how many calls and writing calls were made.
sub outcome
{
	my ($self) = @_;

	return split / /, $self->hear;
}

sub stop
{
	my ($self) = @_;

	$self->{control}->close;
	return $self->{d}->stop;
}

1;
