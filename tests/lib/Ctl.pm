# SPDX-License-Identifier: ISC
# Runs restantectl for a test.
#
#	my $u = Ctl->new(alice => "secret\n" . Restante::mbox(...));
#	my ($status, $out, $err) = $u->run('list', 'alice');
#	my ($status, $rows) = $u->json('list');		# decoded
#
# Commands that are to change nothing are looked at for that, every time.
#
#	SKIP: {
#		local $u->{under} = [ Proc::failing(3, fsync => 'EIO', 2) ];
#		...	# three tests in which the second fsync() fails
#	}
package Ctl;

use strict;
use warnings;

use File::Find ();
use File::Temp ();
use JSON::PP ();
use Test::More ();

use Proc ();
use Restante;

sub new
{
	my ($class, %users) = @_;
	my $scratch = File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1);
	my $self = bless { scratch => $scratch, dir => "$scratch/Users" },
	    $class;

	mkdir $self->{dir}, 0700 or die "$self->{dir}: $!";
	$self->write($_, $users{$_}) for keys %users;
	return $self;
}

# The same for a directory that is there, such as a server's.
sub over
{
	my ($class, $dir) = @_;

	return bless { dir => $dir,
	    scratch => File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1) },
	    $class;
}

sub dir { return $_[0]{dir} }
sub path { return "$_[0]{dir}/$_[1]" }
sub own { return "$_[0]{dir}/.restante/$_[1]" }

sub write
{
	my ($self, $name, $text) = @_;

	Restante::spew($self->path($name), $text);
}

sub append { goto &Restante::append }

# Writes octets into the middle of a file; a negative offset is from the end.
sub poke
{
	my ($self, $path, $offset, $octets) = @_;

	$offset += -s $path if $offset < 0;
	open my $fh, '+<:raw', $path or die "$path: $!";
	seek $fh, $offset, 0;
	print {$fh} $octets;
	close $fh or die "$path: $!";
}

# All that can be seen of all files but when they were read.
sub snapshot
{
	my ($self) = @_;
	my %all;

	File::Find::find({ no_chdir => 1, wanted => sub {
		my @st = lstat or die "$_: $!";
		splice @st, 8, 1;
		$all{$_} = join ' ', @st,
		    -f _ && $st[2] & 0400 ? Restante::slurp($_) : '';
	} }, $self->{dir});
	return \%all;
}

# Exit status, standard output, standard error.
sub start
{
	my ($self, @args) = @_;
	my ($out, $err) = map { "$self->{scratch}/$_" } qw(out err);

	Restante::spew("$self->{scratch}/in", $self->{input})
	    if defined $self->{input};
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', defined $self->{input} ?
		    "$self->{scratch}/in" : '/dev/null' or POSIX::_exit(127);
		open STDOUT, '>', $out or POSIX::_exit(127);
		open STDERR, '>', $err or POSIX::_exit(127);
		alarm Restante::PATIENCE;
		$self->{before}->() if $self->{before};
		my @under = $self->{kill_at} ?
		    ("$ENV{BUILD}/tests/tools/killat", $self->{kill_at}) :
		    @{ $self->{under} // [] };
		{ no warnings; exec @under, "$ENV{BUILD}/restantectl", @args; }
		POSIX::_exit(127);
	}
	return $pid;
}

sub finish
{
	my ($self, $pid) = @_;

	waitpid $pid, 0;
	my $status = $? & 127 ? "signal $?" : $? >> 8;
	my ($out, $err) = map { Restante::slurp("$self->{scratch}/$_") }
	    qw(out err);
	Test::More::fail("a sanitizer has a complaint: $err")
	    if $err =~ /Sanitizer|runtime error:/;
	return ($status, $out, $err);
}

sub raw
{
	my ($self, @args) = @_;

	return $self->finish($self->start(@args));
}

sub run
{
	my ($self, @args) = @_;
	my $looks_only = grep { /\A(?:check|list|stats)\z/ } @args;
	my $before = $looks_only ? $self->snapshot : undef;
	my @result = $self->raw('-f', '/dev/null', '-d', $self->{dir}, @args);

	if ($looks_only) {
		local $Test::Builder::Level = $Test::Builder::Level + 1;
		Test::More::is_deeply($self->snapshot, $before,
		    "nothing is changed by: @args");
	}
	return @result;
}

# The same with octets on the standard input.
sub feed
{
	my ($self, $input, @args) = @_;
	local $self->{input} = $input;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return $self->run(@args);
}

# Feeds it again and again, killed before its first system call, its second, and
# so on, until it lives; each time what is at stake is made before, and judged
# after with the number of the call.  Returns how many there were.
sub feed_and_kill
{
	my ($self, $make, $judge, $input, @args) = @_;
	my $n = 0;

	for (;;) {
		local $self->{kill_at} = ++$n;
		$make->();
		my ($status) = $self->feed($input, @args);
		last if $status == 0;
		die "call $n: status $status" if $status != 137;
		die 'it never ends' if $n > 5000;
		$self->{kill_at} = 0;
		$judge->($n);
	}
	return $n - 1;
}

# Feeds it again and again while a call that changes a file fails, the first of
# its name, the second, and so on; each time what is at stake is made before, and
# judged after with the status and the words on the standard error.  Or so many
# tests are skipped.
sub feed_and_fail
{
	my ($self, $tests, $make, $judge, $input, @args) = @_;

	for my $call (qw(pwrite64 ftruncate fsync fdatasync)) {
		for my $n (1 .. 9) {
			local $self->{under} =
			    [ Proc::failing($tests, $call, 'EIO', $n) ];
			$make->();
			my ($status, undef, $err) = $self->feed($input, @args);
			$self->{under} = undef;
			$judge->($status, $err);
		}
	}
}

sub json
{
	my ($self, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) = $self->run(@args, '--json');

	return ($status, JSON::PP::decode_json($out), $err);
}

# What check finds of a user, or with undef of the directory: a hash of
# "about finding" => [level, text], its object, and all objects.
sub findings
{
	my ($self, $user, @options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $all) = $self->json(@options, 'check',
	    defined $user ? $user : ());

	return ($status, {
		map { ("$_->{about} $_->{finding}" =>
		    [ $_->{level}, $_->{text} ]) } @{ $all->[0]{findings} }
	}, $all->[0], $all);
}

sub forge
{
	my ($self, @args) = @_;

	system("$ENV{BUILD}/tests/tools/forge", $self->{dir}, @args) == 0
	    or die "forge @args";
}

# The mailbox has not changed for so long that its index is trusted.
sub settle
{
	my ($self, $name) = @_;
	my $past = time - 10;

	utime $past, $past, $self->path($name) or die "$name: $!";
}

1;
