# SPDX-License-Identifier: ISC
# TLS for tests: a certificate of their own, and openssl's client over a connection
# that has been spoken on already, whatever was said there.
#
#	plan skip_all => Tls::missing() if Tls::missing();
#	my @options = Tls::options($dir);	# of a server with STLS
#	my $c = $d->connect;
#	$c->cmd('STLS');
#	my $t = Tls->over($c);			# speaks as any client of Restante.pm
package Tls;

use strict;
use warnings;

use parent -norequire, 'Restante::Client';

use File::Temp ();
use IO::Socket::UNIX ();
use POSIX ();
use Restante;
use Scalar::Util ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);

use constant HELPER => '/usr/bin/stunnel4';

my %running;

END {
	my $status = $?;

	for my $pid (grep { $running{$_} == $$ } keys %running) {
		kill KILL => $pid;
		waitpid $pid, 0;
	}
	$? = $status;
}

# What keeps these tests from running, or nothing.
sub missing
{
	my (@also) = @_;

	return 'stunnel4 is not installed' if !-x HELPER;
	for my $name ('openssl', @also) {
		return "$name is not installed"
		    if !Restante::program($name);
	}
	return;
}

# A certificate for localhost and its key, made once.
my $files;

sub files
{
	if (!defined $files) {
		$files = File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1);
		system("openssl req -x509 -newkey ec -pkeyopt " .
		    "ec_paramgen_curve:prime256v1 -nodes -days 2 " .
		    "-subj /CN=localhost -addext " .
		    "subjectAltName=DNS:localhost,IP:127.0.0.1 " .
		    "-keyout $files/key.pem -out $files/cert.pem " .
		    ">$files/log 2>&1") == 0
		    or die Restante::slurp("$files/log");
	}
	return ("$files/cert.pem", "$files/key.pem");
}

# What makes a server offer STLS.
sub options
{
	my ($certificate, $key) = files();

	return ('tls-helper=' . HELPER, "tls-certificate=$certificate",
	    "tls-key=$key");
}

sub spawn
{
	my ($code) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		eval { $code->() };
		POSIX::_exit(127);
	}
	$running{$pid} = $$;
	return $pid;
}

# Passes on what comes, for each [from, to], until each has said its last.
sub relay
{
	my %way = map { fileno $_->[0] => $_ } @_;

	$_->blocking(1) for map { @$_ } @_;
	while (%way) {
		my $ready = '';

		vec($ready, $_, 1) = 1 for keys %way;
		select $ready, undef, undef, Restante::PATIENCE or return;
		for my $fd (grep { vec $ready, $_, 1 } keys %way) {
			my ($from, $to) = @{ $way{$fd} };
			my $n = sysread $from, my $octets, 1 << 16;

			if ($n) {
				syswrite $to, $octets;
				next;
			}
			CORE::shutdown $to, 1 or CORE::close $to;
			delete $way{$fd};
		}
	}
}

# Has stunnel take this handle for a client, and returns its plain side, or nothing
# when there was no handshake.
sub serve
{
	my ($client, $scratch) = @_;
	my ($certificate, $key) = files();
	my $listen = IO::Socket::UNIX->new(Local => "$scratch/plain",
	    Listen => 1) or die "listening: $!";

	Restante::spew("$scratch/conf", "foreground = yes\nsyslog = no\n" .
	    "debug = 2\ncert = $certificate\nkey = $key\n" .
	    "TIMEOUTclose = 2\nconnect = $scratch/plain\n");
	my $pid = spawn(sub {
		open STDIN, '<&', $client or die;
		open STDOUT, '>&', $client or die;
		POSIX::close($_) for 3 .. 63;
		exec HELPER, "$scratch/conf";
	});
	$listen->blocking(0);
	my $plain;
	Restante::wait_for(sub {
		$plain = $listen->accept or waitpid $pid, POSIX::WNOHANG;
	});
	return $plain;
}

# openssl's client, with these arguments, over what a client has of a connection.
# Its words are in messages(), among them what went over the wire: -msg.
sub over
{
	my ($class, $client, @args) = @_;
	my $scratch = File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1);
	my $listen = IO::Socket::UNIX->new(Local => "$scratch/s", Listen => 1)
	    or die "listening: $!";
	my ($mine, $its) = IO::Socket::UNIX->socketpair(
	    AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $openssl = spawn(sub {
		open STDIN, '<&', $its or die;
		open STDOUT, '>&', $its or die;
		open STDERR, '>', "$scratch/err" or die;
		POSIX::close($_) for 3 .. 63;
		exec 'openssl', 's_client', '-unix', "$scratch/s", '-quiet',
		    '-msg', '-msgfile', "$scratch/msg", @args;
	});
	my $relay = spawn(sub {
		my $x = $listen->accept or die;

		close $mine;
		close $its;
		relay([ $x, $client->socket ], [ $client->socket, $x ]);
		POSIX::_exit(0);
	});
	close $its;
	close $client->socket;

	my $self = $class->new($mine);

	@$self{qw(scratch openssl relay)} = ($scratch, $openssl, $relay);
	return $self;
}

sub messages
{
	my ($self) = @_;

	return join '', map { -e "$self->{scratch}/$_" ?
	    Restante::slurp("$self->{scratch}/$_") : () } qw(msg err);
}

# Without a word, as a client that is lost.
sub close
{
	my ($self) = @_;

	kill KILL => $self->{openssl} if $running{ $self->{openssl} };
	$self->SUPER::close;
}

# STLS on a new connection to the server; dies when it is refused.
sub connect
{
	my ($class, $d, @args) = @_;
	my $plain = $d->connect;
	my $line = $plain->cmd('STLS');

	die "STLS: $line" if $line !~ /^\+OK/;
	my $self = $class->over($plain, @args);
	push @{ $d->{clients} }, $self;
	Scalar::Util::weaken($d->{clients}[-1]);
	return $self;
}

# Waits until openssl has ended; its exit status, as in $?.
sub ended
{
	my ($self) = @_;
	my $pid = $self->{openssl};

	Restante::wait_for(sub { waitpid($pid, POSIX::WNOHANG) == $pid })
	    or return;
	delete $running{$pid};
	return $?;
}

1;
