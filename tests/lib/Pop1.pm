# SPDX-License-Identifier: ISC
# A client of the original POP, RFC 918, that knows no more than the RFC and the
# form of an mbox; and the server that speaks both protocols.
#
#	my $d = Pop1->start(users => { alice => "secret\n" . $mbox });
#	my $c = Pop1->session($d, 'alice', 'secret');
#	my @messages = Pop1::split_mbox($c->fetch('RDEL'));
package Pop1;

use strict;
use warnings;

use IO::Socket::IP ();
use Scalar::Util ();
use Socket qw(SOCK_STREAM);

use Clock ();
use Reference;
use Restante;

our @ISA = ('Restante::Client');

# As Restante->start(); pop1_port is where the original POP is spoken.
sub start
{
	my ($class, %opt) = @_;
	my $d;

	for (1 .. 5) {
		my $port = Restante::free_port();

		$d = eval {
			Restante->start(%opt,
			    args => [ @{ $opt{args} || [] }, '-1', $port ],
			    pop1_port => $port);
		};
		return $d if defined $d;
		die $@ if $@ !~ /address already in use/i;
	}
	die $@;
}

sub connect
{
	my ($class, $d) = @_;
	my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $d->{pop1_port}, Type => SOCK_STREAM)
	    or die "connecting to port $d->{pop1_port}: $@";
	my $c = $class->SUPER::new($s);

	push @{ $d->{clients} }, $c;
	Scalar::Util::weaken($d->{clients}[-1]);
	$c->{greeting} = $c->status;
	return $c;
}

# A connection that is logged in already.
sub session
{
	my ($class, $d, $name, $password) = @_;
	my $c = $class->connect($d);
	my $line = $c->login($name, $password);

	die "login of $name: $line" if $line !~ /^\+OK/;
	return $c;
}

# The reply to a command that may begin a transaction: a count, or a status line.
# Nothing but the number stands in it, which the simplest of clients can read.
sub begin
{
	my ($self, $line) = @_;

	$self->send("$line\r\n");
	$line = $self->line;
	die 'the server closed' if !defined $line;
	return $1 if $line =~ /^#(0|[1-9]\d*)\z/;
	die "not a reply: $line" if $line !~ /^-ERR /;
	return $line;
}

# The same when nobody else holds the mailbox any more.
sub begin_in_the_end
{
	my ($self, $line) = @_;
	my $reply;

	Restante::wait_for(sub {
		$reply = $self->begin($line);
		return $reply !~ /\A-ERR \[IN-USE\]/;
	});
	return $reply;
}

# So many octets.
sub octets
{
	my ($self, $count) = @_;
	my $deadline = Clock::time() + $self->{patience};

	while (length $self->{buffer} < $count) {
		die 'the end of a connection in the data' if $self->{ended};
		$self->ready($deadline) or die "$count octets do not come";
		$deadline = Clock::time() + $self->{patience}
		    if $self->take;
	}
	return substr $self->{buffer}, 0, $count, '';
}

# A whole transaction: what the mailbox holds.
sub fetch
{
	my ($self, $verb) = @_;
	my $count = $self->begin($verb);

	die "$verb: $count" if $count =~ /^-/;
	$self->send("RCEV\r\n");
	my $data = $self->octets($count);
	my $status = $self->cmd('RCVD');
	die "RCVD: $status" if $status !~ /^\+OK/;
	return $data;
}

# The data taken apart, as a client must do it: [ separator line, text ] for each
# message, without the empty line behind it.
sub split_mbox
{
	my ($data) = @_;
	my $empty = 1;
	my @messages;

	for my $line (split /(?<=\n)/, $data) {
		die "no CRLF ends: $line" if $line !~ /\r\n\z/;
		if ($empty && Reference::is_separator($line)) {
			push @messages, [ $line, '' ];
		} else {
			die "no separator line: $line" if !@messages;
			$messages[-1][1] .= $line;
		}
		$empty = $line eq "\r\n";
	}
	die 'no empty line at the end' if !$empty;
	for my $message (@messages) {
		$message->[1] =~ s/\r\n\z// or die 'no empty line';
	}
	return @messages;
}

# What the data should be, given what is in the file.
sub expected
{
	my ($text) = @_;

	return join '', map {
		Reference::on_the_wire($_->{separator}) . $_->{wire} . "\r\n"
	} Reference::messages($text);
}

1;
