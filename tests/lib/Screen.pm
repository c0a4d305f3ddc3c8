# SPDX-License-Identifier: ISC
# A full-screen program in a terminal that nobody sees: tmux.
#
#	my $screen = Screen->start('mutt', '-f', ...);	# in HOME, see Letters.pm
#	ok $screen->shows(qr/Tag messages/);
#	$screen->type('~A', 'Enter');			# keys as tmux names them
#	is $screen->ended, 0;				# its exit status
#
# It ends when the object goes, whatever state it is in.
package Screen;

use strict;
use warnings;

use Letters ();
use POSIX ();
use Restante ();

my $started = 0;	# each has a server of its own

sub tmux
{
	my ($self, @command) = @_;

	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0) {
		# It complains when the program has ended, which ended() tells.
		open STDERR, '>', '/dev/null';
		{ no warnings; exec $self->{tmux}, '-f', '/dev/null', '-S',
		    $self->{socket}, @command; }
		POSIX::_exit(127);
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	return $text;
}

sub start
{
	my ($class, @command) = @_;
	my $self = bless {
		tmux => Letters::tool('tmux'),
		socket => "$ENV{HOME}/tmux." . $started++,
		status => "$ENV{HOME}/exit-status",
	}, $class;

	unlink $self->{status};
	delete @ENV{qw(TMUX TMUX_PANE)};
	local $ENV{LC_ALL} = 'C.UTF-8';
	local $ENV{TERM} = 'xterm';
	$self->tmux('new-session', '-d', '-x', 100, '-y', 50,
	    'sh', '-c', 'cd "$HOME"; "$@"; echo $? >exit-status.new;' .
	    ' mv exit-status.new exit-status', 'sh', @command);
	return $self;
}

sub text
{
	my ($self) = @_;

	return $self->tmux('capture-pane', '-p');
}

# Waits until it shows that.
sub shows
{
	my ($self, $pattern) = @_;

	return Restante::wait_for(sub { $self->text =~ $pattern });
}

sub type
{
	my ($self, @keys) = @_;

	$self->tmux('send-keys', @keys);
}

# Waits for the end of the program; its exit status.
sub ended
{
	my ($self) = @_;
	my $status = Restante::wait_for(sub {
		-e $self->{status} && Letters::slurp($self->{status})
	});

	chomp $status if defined $status;
	return $status;
}

sub DESTROY
{
	my ($self) = @_;
	local $?;

	$self->tmux('kill-server') if -S $self->{socket};
}

1;
