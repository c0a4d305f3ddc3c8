# SPDX-License-Identifier: ISC
# Both protocols against one mailbox at once, while mail comes.  RACE_SECONDS says
# for how long each way of locking is tried (default 1).  In the end every message
# that was delivered has been deleted by one session that was told so, or is in
# the mailbox; once, and unchanged.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock SEEK_END);
use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Pop1;
use Restante;

my $seconds = $ENV{RACE_SECONDS} || 1;

# A message that tells its own name, and whether it is whole.
sub text
{
	my ($name) = @_;
	my $body = join '', map { "line $_ of $name\n" } 0 .. 40 * length $name;

	return "Subject: $name\nX-Sum: " . md5_hex($body) . "\n\n$body";
}

sub name_of
{
	my ($wire) = @_;
	my ($name) = $wire =~ /\ASubject: (\S+)\r\n/ or die "no name in: $wire";

	die "$name was changed" if $wire ne text($name) =~ s/\n/\r\n/gr;
	return $name;
}

# An agent, which opens the file before it waits for the lock.
sub deliver
{
	my ($d, $said, $end) = @_;

	for (my $n = 1; time < $end; $n++) {
		open my $fh, '+<:raw', $d->path('alice') or die "open: $!";
		flock $fh, LOCK_EX or die "flock: $!";
		seek $fh, 0, SEEK_END or die "seek: $!";
		syswrite $fh, Restante::mbox(text("$$-$n")) or die "write: $!";
		close $fh;
		syswrite $said, "+$$-$n\n";
		sleep rand 0.01;
	}
}

# Short lines, so that those of different processes do not mix.
sub tell_gone
{
	my ($d, $said, @gone) = @_;

	syswrite $said, "-$_\n" for @gone;
	Restante::spew("$d->{scratch}/gone", '') if @gone;
}

# Until time is up and something has been deleted, which may take longer.
sub goes_on
{
	my ($d, $end) = @_;

	return time < $end ||
	    (!-e "$d->{scratch}/gone" && time < $end + Restante::PATIENCE);
}

sub fetch_by_pop3
{
	my ($d, $said, $end) = @_;

	while (goes_on($d, $end)) {
		my $c = $d->connect;
		if ($c->login('alice', 'secret') !~ /\A\+OK/) {
			$c->close;
			next;
		}
		my ($count) = $c->cmd('STAT') =~ /\A\+OK (\d+)/ or die 'STAT';
		my @gone;
		for my $n (grep { rand() < 0.5 } 1 .. $count) {
			push @gone, name_of(($c->text("RETR $n"))[1]);
			$c->cmd("DELE $n") =~ /\A\+OK/ or die "DELE $n";
		}
		tell_gone($d, $said, @gone)
		    if rand() < 0.7 && $c->cmd('QUIT') =~ /\A\+OK/;
		$c->close;
		sleep rand 0.05;
	}
}

sub fetch_by_pop1
{
	my ($d, $said, $end) = @_;
	my $c = Pop1->session($d, 'alice', 'secret');

	while (goes_on($d, $end)) {
		my $count = $c->begin(rand() < 0.8 ? 'RDEL' : 'RETR');
		next if $count =~ /IN-USE/;
		die $count if $count =~ /\A-/;
		$c->send("RCEV\r\n");
		my @gone = map { name_of($_->[1]) }
		    Pop1::split_mbox($c->octets($count));
		my $dice = rand;
		if ($dice < 0.6) {
			my $reply = $c->cmd('RCVD');
			tell_gone($d, $said, @gone)
			    if $reply =~ /\A\+OK \d+ messages? deleted/;
			die $reply if $reply =~ /\A-/;
		} elsif ($dice < 0.8) {
			$c->cmd('RSET');
		} else {
			$c->close;
			$c = Pop1->session($d, 'alice', 'secret');
		}
		sleep rand 0.05;
	}
}

for my $lock ('session', 'update') {
	my $d = Pop1->start(users => { alice => "secret\n" },
	    options => ["lock=$lock"]);
	my $end = time + $seconds;
	my (@pids, @failed);

	pipe my $read, my $said or die "pipe: $!";
	for my $part (\&deliver, \&deliver, \&fetch_by_pop3, \&fetch_by_pop1,
		\&fetch_by_pop1) {
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			close $read;
			srand $$;
			eval { $part->($d, $said, $end) };
			print STDERR "# $@" if $@;
			POSIX::_exit($@ ? 1 : 0);
		}
		push @pids, $pid;
	}
	close $said;
	my (%came, %gone);
	while (my $line = <$read>) {
		chomp $line;
		my ($sign, $name) = $line =~ /\A([-+])(.*)/;
		($sign eq '+' ? \%came : \%gone)->{$name}++;
	}
	for my $pid (@pids) {
		waitpid $pid, 0;
		push @failed, $pid if $?;
	}
	is @failed, 0, "lock $lock: all have seen what they should";

	my $c = Pop1->session($d, 'alice', 'secret');
	my $count = $c->begin_in_the_end('RETR');
	$c->send("RCEV\r\n");
	my %left;
	$left{ name_of($_->[1]) }++ for Pop1::split_mbox($c->octets($count));
	$c->close;
	my @lost = grep { !$gone{$_} && !$left{$_} } keys %came;
	my @twice = grep { ($gone{$_} || 0) + ($left{$_} || 0) > 1 } keys %came;
	my @unknown = grep { !$came{$_} } keys %gone, keys %left;
	is_deeply \@lost, [], "lock $lock: no message is lost";
	is_deeply \@twice, [], "lock $lock: none is there after its deletion";
	is_deeply \@unknown, [], "lock $lock: none came from nowhere";
	cmp_ok scalar keys %gone, '>', 0, "lock $lock: some were deleted";
	note scalar keys %came, ' came, ', scalar keys %gone, ' deleted, ',
	    scalar keys %left, ' left';
	$d->stop;
}

done_testing;
