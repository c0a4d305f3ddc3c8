# SPDX-License-Identifier: ISC
# Delivery agents against sessions: one that takes a flock, one that takes a
# record lock, one that opened the file before it waited, while sessions fetch,
# delete and break off.  RACE_SECONDS says for how long each way of locking is
# tried (default 3).  In the end every message that was delivered has been deleted
# by a session that was told so, or is in the mailbox, once, unchanged.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock :seek F_SETLKW F_WRLCK F_UNLCK);
use Clock qw(time);
use Locks qw(record_lock);
use Restante;
use Test::More;
use Time::HiRes qw(sleep);

my $seconds = $ENV{RACE_SECONDS} || 3;

# A message that tells its own name, and whether it is whole.
sub text
{
	my ($name) = @_;
	my $body = join '', map { "line $_ of $name\n" } 0 .. length($name) * 40;

	return "Subject: $name\nX-Sum: " . md5_hex($body) . "\n\n$body";
}

sub append
{
	my ($fh, $name) = @_;

	seek $fh, 0, SEEK_END or die "seek: $!";
	syswrite $fh,
	    "From agent\@example.org Thu Nov 19 10:00:00 2026\n"
	    . text($name) . "\n" or die "write: $!";
}

my %agent = (
	flock => sub {
		my ($path, $name) = @_;
		open my $fh, '+<', $path or die "$path: $!";
		flock $fh, LOCK_EX or die "flock: $!";
		append($fh, $name);
		close $fh;
	},
	fcntl => sub {
		my ($path, $name) = @_;
		open my $fh, '+<', $path or die "$path: $!";
		record_lock($fh, F_SETLKW, F_WRLCK) or die "fcntl: $!";
		append($fh, $name);
		record_lock($fh, F_SETLKW, F_UNLCK) or die "fcntl: $!";
		close $fh;
	},
	early => sub {
		my ($path, $name) = @_;
		open my $fh, '+<', $path or die "$path: $!";
		sleep rand 0.02;
		flock $fh, LOCK_EX or die "flock: $!";
		append($fh, $name);
		close $fh;
	},
);

# Delivers until time is up; says on its pipe what it has delivered.  Agents of
# different habits do not see each other's locks: they take turns here.
sub deliver
{
	my ($kind, $path, $out, $end) = @_;

	for (my $n = 1; time < $end; $n++) {
		open my $turn, '>', "$path.lock" or die "$path.lock: $!";
		flock $turn, LOCK_EX or die "flock: $!";
		$agent{$kind}->($path, "$kind-$n");
		close $turn;
		syswrite $out, "+$kind-$n\n";
		sleep rand 0.01;
	}
}

sub name_of
{
	my ($status, @lines) = @_;
	my $all = join '', map { "$_\n" } @lines;
	my ($name) = $all =~ /^Subject: (\S+)\n/m or die "no name in: $all";

	die "$name was changed" if $all ne text($name);
	return $name;
}

# Fetches and deletes until time is up and something was deleted by somebody, which
# may take longer; says what it was told is deleted.
sub fetch
{
	my ($d, $out, $end) = @_;

	my $deleted = "$d->{scratch}/deleted";

	while (time < $end ||
	    (!-e $deleted && time < $end + Restante::PATIENCE)) {
		my $c = $d->connect;
		if ($c->login('alice', 'secret') !~ /^\+OK/) {
			$c->close;
			sleep 0.02;
			next;
		}
		my ($count) = $c->cmd('STAT') =~ /^\+OK (\d+)/ or die;
		my @gone;
		for my $n (1 .. $count) {
			next if rand() < 0.5;
			my $name = name_of($c->multi("RETR $n"));
			next if rand() < 0.3;
			$c->cmd("DELE $n") =~ /^\+OK/ or die "DELE $n";
			push @gone, $name;
		}
		if (rand() < 0.3) {
			$c->close;
		} elsif ($c->cmd('QUIT') =~ /^\+OK/) {
			syswrite $out, join '', map { "-$_\n" } @gone;
			Restante::spew($deleted, '') if @gone;
			$c->close;
		}
		sleep rand 0.02;
	}
}

sub in_background
{
	my ($code) = @_;

	pipe my $r, my $w or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $r;
		my $good = eval { $code->($w); 1 };
		syswrite $w, "!$@" if !$good;
		require POSIX;
		POSIX::_exit($good ? 0 : 1);
	}
	close $w;
	return [$pid, $r];
}

sub race
{
	my ($lock) = @_;
	my $d = Restante->start(users => { alice => "secret\n" },
		options => ["lock=$lock"]);
	my $end = time + $seconds;
	my @jobs = map {
		my $kind = $_;
		in_background(sub { deliver($kind, $d->path('alice'), @_, $end) })
	} sort keys %agent;
	push @jobs, in_background(sub { fetch($d, @_, $end + 0.5) }) for 1 .. 2;

	my (%delivered, %deleted, @errors);
	for my $job (@jobs) {
		my ($pid, $r) = @$job;
		while (my $line = <$r>) {
			chomp $line;
			my $name = substr $line, 1;
			if ($line =~ /^\+/) {
				$delivered{$name}++;
			} elsif ($line =~ /^-/) {
				$deleted{$name}++;
			} else {
				push @errors, $line;
			}
		}
		waitpid $pid, 0;
	}
	is "@errors", '', "lock $lock: every message was whole";
	cmp_ok scalar(keys %deleted), '>', 0, "lock $lock: some were deleted";

	my %left;
	my $c = $d->session('alice', 'secret');
	my ($count) = $c->cmd('STAT') =~ /^\+OK (\d+)/;
	$left{name_of($c->multi("RETR $_"))}++ for 1 .. $count;
	my @lost = grep { !$left{$_} && !$deleted{$_} } sort keys %delivered;
	my @back = grep { $left{$_} && $deleted{$_} } sort keys %left;
	my @twice = grep { ($left{$_} // 0) + ($deleted{$_} // 0) > 1 }
	    sort keys %delivered;
	is "@lost", '', "lock $lock: nothing is lost";
	is "@back", '', "lock $lock: nothing deleted is back";
	is "@twice", '', "lock $lock: nothing is doubled";
	note sprintf '%s: %d delivered, %d deleted, %d left', $lock,
	    scalar keys %delivered, scalar keys %deleted, $count;
	diag $d->stderr =~ s{.*(login|end): .*\n}{}gr if !Test::More->builder->is_passing;
	is $d->stop, 0, "lock $lock: the server ends";
}

race($_) for split ' ', $ENV{RACE_LOCK} || 'session update';
done_testing;
