# SPDX-License-Identifier: ISC
# A login session: connect, USER, PASS, STAT, QUIT.  Of the whole process tree of a
# server: milliseconds of CPU a session; sessions a second; milliseconds from the
# connect to the end.  A floor is a server that accepts, forks, answers and exits.
package Logins;

use strict;
use warnings;

use Bench;
use Restante;
use Servers;

my $rounds = $ENV{ROUNDS} || 5;
my $sessions = $ENV{SESSIONS} || 2000;
my @clients = (1, 16, 64);
my @links = qw(static dynamic);
my @measured = ([ 'cpu', 'ms' ], [ 'rate', '/s' ], [ 'takes', 'ms' ]);

# Ten messages of 4 KB.
sub small
{
	my $line = "All work and no play makes Jack a dull boy.\n";
	my $mbox = Restante::mbox(("Subject: small\n\n" . $line x 93) x 10);
	my $path = Servers::scratch() . '/small';

	Restante::spew($path, $mbox);
	Restante::spew("$path.restante", "secret\n$mbox");
	return $path;
}

sub load
{
	my ($server, $clients, $sessions) = @_;

	return split / /, Bench::run("$FindBin::Bin/../../build/tests/bench/logins",
	    $server->{port}, $clients, $sessions, 'secret',
	    $server->{stat} // ());
}

# What every session must be told.
sub stat_reply
{
	my ($server) = @_;
	my $c = Restante::connect($server);
	my $reply = $c->login('user.0', 'secret');

	die "$server->{name}: $reply\n" if $reply !~ /^\+OK/;
	$reply = $c->cmd('STAT');
	$c->cmd('QUIT');
	die "$server->{name}: $reply\n" if $reply !~ /^\+OK 10 \d+$/;
	return $reply;
}

# Mailboxes, a first visit to each, and what the server is when nobody is there.
sub prepare
{
	my ($server, $mbox) = @_;

	if ($server->{mail}) {
		$server->put("user.$_", $mbox) for 0 .. $clients[-1] - 1;
		$server->{stat} = stat_reply($server);
	}
	load($server, $clients[-1], 2 * $clients[-1]);
	Bench::settle($server);
}

sub round
{
	my ($server, $clients) = @_;
	my $before = Bench::cpu($server);
	my ($seconds, $median) = load($server, $clients, $sessions);

	return [ (Bench::cpu($server) - $before) / $sessions,
	    $sessions / $seconds, $median ];
}

sub measure
{
	my @peers = @_;
	my $mbox = small();
	my @servers = ((map { (Servers::floor($_), Servers::restante($_)) }
	    @links), map { Servers->can($_)->() } @peers);

	prepare($_, $mbox) for @servers;
	for my $clients (@clients) {
		my (%rounds, %cpu);

		for (1 .. $rounds) {
			push @{ $rounds{ $_->{name} } }, round($_, $clients)
			    for @servers;
		}
		for my $i (0 .. $#measured) {
			my ($what, $unit) = @{ $measured[$i] };

			for my $name (map { $_->{name} } @servers) {
				my $value = Bench::median(
				    map { $_->[$i] } @{ $rounds{$name} });

				Bench::figure("login.$clients.$what.$name",
				    $value, $unit);
				$cpu{$name} = $value if $what eq 'cpu';
			}
		}
		Bench::figure("login.$clients.floors.restante-$_",
		    $cpu{"restante-$_"} / $cpu{"floor-$_"}, 'x') for @links;
	}
	$_->stop for @servers;
}

1;
