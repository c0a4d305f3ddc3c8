# SPDX-License-Identifier: ISC
# What the measurements share: processes and their CPU, medians, figures.
package Bench;

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

my $tick = 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Process-ID => [parent, state, milliseconds of CPU], of all that there are.  The
# CPU is that of the process and of those children that it has waited for.
sub processes
{
	my %all;

	for my $path (glob '/proc/[0-9]*/stat') {
		open my $fh, '<', $path or next;
		my ($pid, $rest) = (<$fh> // '') =~ /^(\d+) \(.*\) (.*)/s
		    or next;
		my @field = split / /, $rest;
		my $cpu = 0;

		$cpu += $_ for @field[11 .. 14];
		$all{$pid} = [ $field[1], $field[0], $cpu * $tick ];
	}
	return %all;
}

# A process and all below it.
sub tree
{
	my ($root) = @_;
	my %all = processes();
	my %tree;

	for my $pid (keys %all) {
		for (my $p = $pid; $p && $all{$p}; $p = $all{$p}[0]) {
			next if $p != $root;
			$tree{$pid} = $all{$pid};
			last;
		}
	}
	return \%tree;
}

# How many run; those that have ended and wait for their parent do not.
sub running
{
	my ($root) = @_;

	return scalar grep { $_->[1] ne 'Z' } values %{ tree($root) };
}

# Waits until so many processes of a server run, or no fewer than a moment ago.
sub settle
{
	my ($server) = @_;
	my $deadline = time + 20;
	my ($same, $was) = (0, 0);

	while ($same < 10) {
		my $now = running($server->{pid});

		die "processes of $server->{name} do not end\n"
		    if time > $deadline;
		$same = $now == $was ? $same + 1 : 0;
		$was = $now;
		last if defined $server->{idle} && $now <= $server->{idle};
		sleep 0.02;
	}
	$server->{idle} = $was;
}

# Milliseconds of user and system time of a server and all its processes, ended
# ones included.
sub cpu
{
	my ($server) = @_;
	my $cpu = 0;

	settle($server);
	$cpu += $_->[2] for values %{ tree($server->{pid}) };
	return $cpu;
}

# Kilobytes of a process, by the kernel's words: Pss, its share of everything;
# Private_Dirty, what nobody else can have while it lives.
sub memory
{
	my ($pid, $word) = @_;

	open my $fh, '<', "/proc/$pid/smaps_rollup"
	    or die "/proc/$pid/smaps_rollup: $!\n";
	my ($kb) = map { /^$word: +(\d+) kB/ } <$fh>;
	return $kb;
}

# As whom a process runs.
sub owner
{
	my ($pid) = @_;

	open my $fh, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!\n";
	my ($uid) = map { /^Uid:\s+\d+\s+(\d+)/ } <$fh>;
	return $uid;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}

# Runs a program and returns its output; it must succeed.
sub run
{
	my @command = @_;

	open my $fh, '-|', @command or die "$command[0]: $!\n";
	my @lines = <$fh>;
	close $fh or die "@command: status $?\n";
	chomp @lines;
	return wantarray ? @lines : $lines[0];
}

my @figures;

# A figure: printed at once, and kept for the table.  The name is made of words
# with dots between them; the last says whose figure it is.
sub figure
{
	my ($name, $value, $unit) = @_;

	$value = digits($value);
	push @figures, [ $name, $value, $unit ];
	print "$name $value $unit\n";
}

# Three digits are what a measurement like these is worth.
sub digits
{
	my ($value) = @_;
	my $places = $value >= 100 ? 0 : $value >= 10 ? 1 : $value >= 1 ? 2 : 3;

	return sprintf "%.${places}f", $value;
}

# All figures: a row for what was measured, a column for whom.
sub table
{
	my (%cell, @rows, @columns, %seen);

	for (@figures) {
		my ($name, $value, $unit) = @$_;
		my ($row, $column) = $name =~ /^(.*)\.([^.]+)$/;

		$row .= " ($unit)";
		push @rows, $row if !$seen{"row $row"}++;
		push @columns, $column if !$seen{"column $column"}++;
		$cell{$row}{$column} = $value;
	}
	my ($first) = sort { $b <=> $a } map { length } @rows;

	print "\n", ' ' x $first;
	printf '  %8s', $_ for @columns;
	print "\n";
	for my $row (@rows) {
		printf "%-${first}s", $row;
		for my $column (@columns) {
			my $width = length $column < 8 ? 8 : length $column;

			printf '  %*s', $width, $cell{$row}{$column} // '';
		}
		print "\n";
	}
}

1;
