# SPDX-License-Identifier: ISC
# Delivery agents and a server over the same mailbox.
#
#	my $t = Delivery->new;
#	$t->{settle} = sub { ... };	# waits until all is delivered
#	$t->{tried} = sub { ... };	# whether one has been put off
#	$t->try('procmail', sub { my ($file, $sender) = @_; return ($program, ...) });
#
# Three messages are delivered while a session holds the mailbox and deletes one,
# and three afterwards: a body line "From ", no end of the last line, 5 MB.
package Delivery;

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep);

use Clock qw(time);
use Ctl;
use Restante;

use constant { WAITS => 75 };	# EX_TEMPFAIL: it comes again

my @kinds = (
	[ 'separator', "a line\nFrom here on\n\nFrom there\nend\n" ],
	[ 'no end', "one line\nand one without an end" ],
	[ 'large', "a line of a large message, of many\n" x 150000 ],
);

sub new
{
	my ($class, %opt) = @_;
	my $scratch = File::Temp->newdir('delivery-XXXXXXXX', TMPDIR => 1);
	my $u = Ctl->new;

	my $self = bless { scratch => $scratch, u => $u, n => 0, %opt }, $class;

	$self->own($u->dir);
	return $self;
}

# Gives it to the account that deliveries run as, where that is not this one.
sub own
{
	my ($self, $path) = @_;

	return if !defined $self->{owner};
	chown $self->{owner}, $self->{owner}, $path or die "$path: $!";
}

sub path { return $_[0]{u}->path('alice') }
sub dir { return $_[0]{u}->dir }
sub scratch { return "$_[0]{scratch}" }

# A sample from etc/ with the places of this test in it, perhaps edited more.
sub sample
{
	my ($self, $name, $edit) = @_;
	my $text = Restante::slurp("$FindBin::Bin/../../etc/$name");
	my ($dir, $bin) = ($self->dir, $ENV{BUILD});

	local $_ = $text;
	$edit->() if $edit;
	s{/var/spool/restante/Users}{$dir}g;
	s{/usr/local/sbin/restantectl}{$bin/restantectl}g;
	s{/usr/local/sbin}{$bin}g;
	s{\brestantectl deliver\b}{restantectl -f /dev/null -d $dir deliver}g;
	Restante::spew("$self->{scratch}/$name", $_);
	return "$self->{scratch}/$name";
}

sub start
{
	my ($self, $file, @command) = @_;
	my $pid = fork // die "fork: $!";

	return $pid if $pid != 0;
	open STDIN, '<', $file or POSIX::_exit(127);
	open STDOUT, '>>', "$self->{scratch}/said" or POSIX::_exit(127);
	open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
	$ENV{HOME} = "$self->{scratch}";
	alarm 2 * Restante::PATIENCE;
	{ no warnings; exec @command; }
	POSIX::_exit(127);
}

# Starts the delivery of all kinds; a list of those that are under way.
sub post
{
	my ($self, $command) = @_;
	my @posted;

	for my $kind (@kinds) {
		my $id = 'message' . ++$self->{n};
		my $file = "$self->{scratch}/$id";

		Restante::spew($file, "Subject: $id\n\n$kind->[1]");
		$self->{body}{$id} = $kind->[1];
		push @posted, { file => $file, id => $id };
		$posted[-1]{pid} = $self->start($file,
		    $command->($file, 'me@example.org'));
	}
	return @posted;
}

# Waits for them, and sends those again that have to wait, as a queue does.
sub finish
{
	my ($self, $command, @posted) = @_;
	my $deadline = time + Restante::PATIENCE;

	while (my $p = shift @posted) {
		waitpid $p->{pid}, 0;
		my $status = $? & 127 ? "signal $?" : $? >> 8;
		next if $status eq '0';
		if ($status ne WAITS || time > $deadline) {
			Test::More::diag(Restante::slurp(
			    "$self->{scratch}/said"));
			return "$p->{id}: $status";
		}
		sleep 0.05;
		$p->{pid} = $self->start($p->{file},
		    $command->($p->{file}, 'me@example.org'));
		push @posted, $p;
	}
	$self->settle if $self->{settle};
	return '';
}

# A queue may still hold some, and one that is said to be empty may have been looked
# at while it moved a letter from one of its places to another.
sub settle
{
	my ($self) = @_;

	return Restante::wait_for(sub {
		$self->{settle}->() or return;
		my $text = Restante::slurp($self->path);
		return !grep { $text !~ /^Subject: $_$/m } keys %{ $self->{body} };
	});
}

# All messages of a session: subject => body, as it was before it was quoted.
sub messages
{
	my ($c) = @_;
	my ($n) = $c->cmd('STAT') =~ /^\+OK (\d+) /;
	my %got;

	for (1 .. $n) {
		my (undef, $text) = $c->text("RETR $_");
		my ($header, $body) = split /\r\n\r\n/, $text, 2;
		my ($id) = $header =~ /^Subject: (.*?)\r?$/m or die $header;
		die "twice: $id" if exists $got{$id};
		$body =~ s/\r\n/\n/g;
		$body =~ s/^>From /From /mg;
		$body =~ s/\n*\z/\n/;
		$got{$id} = $body;
	}
	return \%got;
}

sub try
{
	my ($self, $name, $command) = @_;
	my $u = $self->{u};

	unlink glob $u->own('*');
	$u->write(alice => "secret\n" .
	    Restante::mbox("Subject: first\n\n1\n", "Subject: second\n\n2\n"));
	$self->own($self->path);
	$self->{body} = { second => "2\n" };
	my $d = Restante->start(dir => $u->dir);
	my $c = $d->session('alice', 'secret');
	my $before = Restante::slurp($self->path);
	my @posted = $self->post($command);

	# Time for those who take no notice; more, where it can be seen that one has
	# tried.
	sleep 0.5;
	Restante::wait_for($self->{tried}) if $self->{tried};
	Test::More::is(Restante::slurp($self->path), $before,
	    "$name: nobody delivers while a session holds the mailbox");
	$c->cmd('DELE 1');
	Test::More::like($c->cmd('QUIT'), qr/^\+OK/, '... which deletes one');
	$c->close;
	Test::More::is($self->finish($command, @posted), '',
	    '... and then all do');
	# One after the other, with nobody looking in between.
	for my $p ($self->post($command)) {
		Test::More::is($self->finish($command, $p), '', "... and $p->{id}");
	}
	Test::More::is(Restante::slurp($self->path) =~ s/\n.*//sr, 'secret',
	    '... the first line is whole');
	$c = $d->session('alice', 'secret');
	my $got = messages($c);
	my %want = map { $_ => $self->{body}{$_} =~ s/\n*\z/\n/r }
	    keys %{ $self->{body} };
	Test::More::is_deeply([ sort keys %$got ], [ sort keys %want ],
	    '... nothing is lost, and nothing doubled');
	my @wrong = grep { ($got->{$_} // '') ne $want{$_} } sort keys %want;
	Test::More::is("@wrong", '', '... nor changed');
	$c->cmd('QUIT');
	$c->close;
	my ($status) = $u->run('check', 'alice');
	Test::More::is($status, 0, '... restantectl check is content');
	Test::More::is($d->stop, 0, '... the server ends');
}

1;
