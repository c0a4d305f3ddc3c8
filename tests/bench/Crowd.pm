# SPDX-License-Identifier: ISC
# Two thousand users at once, logged in and idle: what each holds of the memory, and
# how long one more session takes beside them.
package Crowd;

use strict;
use warnings;

use Bench;
use Restante;
use Servers;
use Time::HiRes qw(time);

my $sessions = $ENV{CROWD} || 2000;
my $more = 200;

# Milliseconds from the connect to the reply to QUIT.
sub served
{
	my ($daemon) = @_;
	my $start = time;
	my $c = $daemon->session('late', 'secret');

	$c->cmd('STAT') =~ /^\+OK 1 / or die "a mailbox that is not full\n";
	$c->cmd('QUIT');
	my $took = 1000 * (time - $start);
	$c->close;
	return $took;
}

# Kilobytes of the processes of all sessions.
sub memory
{
	my ($server, $word) = @_;
	my $sum = 0;
	my $count = 0;

	for my $pid (keys %{ Bench::tree($server->{pid}) }) {
		my $title = eval { Restante::slurp("/proc/$pid/cmdline") };

		next if !defined $title || $title !~ /session user/;
		$sum += Bench::memory($pid, $word);
		$count++;
	}
	die "$count sessions, not $sessions\n" if $count != $sessions;
	return $sum / $count;
}

sub measure
{
	my $mbox = Restante::mbox("Subject: one\n\nmessage");

	for my $link (qw(static dynamic)) {
		my $server = Servers::restante($link,
		    'max-sessions=' . 2 * $sessions,
		    'idle-timeout=3600');
		my $daemon = $server->{daemon};
		my $name = $server->{name};

		$daemon->user($_, "secret\n$mbox")
		    for 'late', map { "user.$_" } 1 .. $sessions;
		served($daemon) for 1 .. 20;
		my $alone = Bench::median(map { served($daemon) } 1 .. $more);

		my @crowd = map { $daemon->session("user.$_", 'secret') }
		    1 .. $sessions;
		Bench::figure("crowd.alone.$name", $alone, 'ms');
		Bench::figure("crowd.one-more.$name", Bench::median(
		    map { served($daemon) } 1 .. $more), 'ms');
		Bench::figure("crowd.pss.$name", memory($server, 'Pss'), 'kB');
		Bench::figure("crowd.private.$name",
		    memory($server, 'Private_Dirty'), 'kB');
		for my $c (@crowd) {
			$c->cmd('STAT') =~ /^\+OK 1 / or die "a wrong STAT\n";
			$c->cmd('QUIT');
			$c->close;
		}
		$server->stop;
	}
}

1;
