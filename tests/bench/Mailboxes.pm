# SPDX-License-Identifier: ISC
# Large mailboxes: opened the first time and again, listed, fetched, deleted from.
# Beside it, as `machine', what this machine can do at best with the same octets:
# read the file and count its lines; send from memory; sync what a deletion must.
#
# LARGE is 100,000 messages in 1.06 GB, MEDIUM 2,000 in 117 MB, HUGE 10 of 50 MB.
# They are made once, and kept under build/.
package Mailboxes;

use strict;
use warnings;

use Bench;
use IPC::Open2 ();
use Restante;
use Servers;

my $tools = "$FindBin::Bin/../../build/tests/bench";
my $rounds = $ENV{MAILBOX_ROUNDS} || 3;
my %kinds = (
	large => { count => 100_000, mean => 10_600 },
	medium => { count => 2000, mean => 58_500 },
	huge => { count => 10, mean => 50_000_000, even => 1 },
);

# Lines as people write them: of words, some empty, some with a dot in front.
sub make_text
{
	my ($size) = @_;
	my @words = map { join '', map { chr 97 + int rand 26 } 0 .. rand 9 }
	    1 .. 500;
	my $text = '';

	while (length $text < $size) {
		my $line = '';

		$line .= "$words[rand @words] " while length $line < 20 + rand 50;
		$line = ".$line" if rand 100 < 1;
		$text .= rand 12 < 1 ? "\n" : "$line\n";
	}
	return $text;
}

# The mailbox of a kind; the path of the plain mbox, .restante beside it.
sub make
{
	my ($kind) = @_;
	my ($count, $mean, $even) = @{ $kinds{$kind} }{qw(count mean even)};
	my $path = Servers::scratch() . "/$kind";

	return $path if -e "$path.restante";
	srand 1;
	my $text = make_text(2 * $mean + 1_000_000);
	my @starts = (0);
	push @starts, $-[0] + 1 while $text =~ /\n(?=[a-z])/g;
	@starts = grep { $_ < 1_000_000 } @starts;

	print "# making $path\n";
	open my $mbox, '>:raw', "$path.new" or die "$path.new: $!\n";
	for my $n (1 .. $count) {
		# From nearly nothing to twice the mean.
		my $size = $even ? $mean : 100 + int rand 2 * $mean - 900;
		my $body = substr $text, $starts[rand @starts], $size;

		$body =~ s/\n*\z/\n/;
		print {$mbox} "From sender\@example.org Thu Nov 20 18:27:05 2025\n",
		    "Received: by mail.example.org id $n\n",
		    "From: sender\@example.org\nTo: user\@example.org\n",
		    "Date: Thu, 20 Nov 2025 18:27:05 +0000\n",
		    "Message-ID: <$n.$kind\@example.org>\nSubject: number $n\n",
		    'X-Padding: ', 'x' x 500, "\n\n", $body, "\n";
	}
	close $mbox or die "$path.new: $!\n";
	system('sh', '-c', '{ echo secret; cat "$1.new"; } >"$1.restante.new" &&
	    mv "$1.new" "$1" && mv "$1.restante.new" "$1.restante"', 'sh',
	    $path) == 0 or die "$path: not written\n";
	return $path;
}

# What one session with user.0 takes: step => [ seconds, octets ].
sub session
{
	my ($server, @steps) = @_;
	my %took;

	for (Bench::run("$tools/fetch", $server->{port}, 'user.0', 'secret',
	    @steps)) {
		my ($step, $seconds, $octets) = split / /;

		$took{$step} = [ $seconds, $octets ];
	}
	return \%took;
}

# A fresh mailbox, in the page cache and on the disk, and so old that its index can
# be believed.
sub fresh
{
	my ($kind, @servers) = @_;
	my $path = make($kind);

	$_->put('user.0', $path) for @servers;
	system('sync') == 0 or die "sync: $?\n";
	sleep 3;
	for (map { $_->mailbox('user.0') } @servers) {
		Bench::run("$tools/limits", 'scan', $_);
	}
}

my %values; # name => [ of each round ]

sub note
{
	my ($name, $value) = @_;

	push @{ $values{$name} }, $value;
}

sub report
{
	my ($what, $unit, @names) = @_;

	for (@names) {
		my $values = delete $values{"$what.$_"} or next;
		Bench::figure("$what.$_", Bench::median(@$values), $unit);
	}
}

sub limit
{
	my ($name, @command) = @_;

	note($name, 1000 * Bench::run("$tools/limits", @command));
}

# First and second open, UIDL, LIST; memory.
sub openings
{
	my @servers = @_;
	my $file = Servers::scratch() . '/large';

	fresh('large', @servers);
	for (1 .. $rounds) {
		limit('large.first-open.machine', 'scan', $file);
		for my $s (@servers) {
			$s->forget('user.0');
			my $took = session($s, qw(open quit));
			note("large.first-open.$s->{name}",
			    1000 * $took->{open}[0]);
			$took = session($s, qw(open uidl list quit));
			note("large.second-open.$s->{name}",
			    1000 * $took->{open}[0]);
			note("large.$_.$s->{name}", 1000 * $took->{$_}[0])
			    for qw(uidl list);
			memory($s);
		}
	}
}

# Kilobytes of the processes of one session that has looked at everything and waits:
# what only they have, and their share of all that they use.
sub memory
{
	my ($server) = @_;
	# What was just written would count as the process's own.
	system('sync') == 0 or die "sync: $?\n";
	my %before = %{ Bench::tree($server->{pid}) };
	my $pid = IPC::Open2::open2(my $out, my $in, "$tools/fetch",
	    $server->{port}, 'user.0', 'secret', qw(open uidl list wait));
	my ($line, $private, $share) = ('', 0, 0);

	$line = <$out> // last until $line =~ /^wait/;
	# The new ones, and one that was there and has become the user's.
	for my $p (keys %{ Bench::tree($server->{pid}) }) {
		next if $before{$p} && Bench::owner($p) != $Servers::uid;
		$private += Bench::memory($p, 'Private_Dirty');
		$share += Bench::memory($p, 'Pss');
	}
	close $in;
	waitpid $pid, 0;
	Bench::settle($server);
	note("large.idle-private.$server->{name}", $private);
	note("large.idle-pss.$server->{name}", $share);
}

sub deletions
{
	my @servers = @_;
	my $file = Servers::scratch() . '/sync';

	for (1 .. $rounds) {
		limit('large.dele-first.machine', 'sync', $file);
		for my $s (@servers) {
			my $took = session($s, qw(open first quit));
			note("large.dele-first.$s->{name}",
			    1000 * $took->{quit}[0]);
		}
	}
	for (1 .. $rounds) {
		# As large, as warm, as long on the disk.
		Servers::copy(make('large'), $file);
		fresh('large', @servers);
		Bench::run("$tools/limits", 'scan', $file);
		limit('large.dele-all.machine', 'cut', $file);
		for my $s (@servers) {
			my $took = session($s, qw(open all quit));
			note("large.dele-all.$s->{name}",
			    1000 * $took->{quit}[0]);
		}
		fresh('medium', @servers);
		limit('medium.dele-other.machine', 'sync', $file);
		for my $s (@servers) {
			my $took = session($s, qw(open other quit));
			note("medium.dele-other.$s->{name}",
			    1000 * $took->{quit}[0]);
		}
	}
}

# Every message of a mailbox, and what the server's CPU pays for it.
sub downloads
{
	my ($kind, @servers) = @_;
	my @steps = $kind eq 'medium' ? qw(retr window) : qw(retr);

	fresh($kind, @servers);
	session($_, qw(open quit)) for @servers;
	for my $step (@steps) {
		for (1 .. $rounds) {
			my $octets;

			for my $s (@servers) {
				my $before = Bench::cpu($s);
				my $took = session($s, 'open', $step, 'quit');
				my $cpu = Bench::cpu($s) - $before;

				$octets = $took->{$step}[1];
				note("$kind.$step.$s->{name}",
				    $octets / 1e6 / $took->{$step}[0]);
				note("$kind.$step-cpu.$s->{name}",
				    $cpu / 1000 / ($octets / 1e9));
			}
			note("$kind.$step.machine", $octets / 1e6 /
			    Bench::run("$tools/limits", 'loopback', $octets));
		}
	}
}

sub measure
{
	my @peers = @_;
	my @servers = (Servers::restante('static'),
	    map { Servers->can($_)->() } @peers);
	my @names = ('machine', map { $_->{name} } @servers);

	openings(@servers);
	report("large.$_", 'ms', @names)
	    for qw(first-open second-open uidl list);
	report("large.$_", 'kB', @names) for qw(idle-private idle-pss);
	deletions(@servers);
	report($_, 'ms', @names)
	    for qw(large.dele-first large.dele-all medium.dele-other);
	for my $kind (qw(medium huge)) {
		downloads($kind, @servers);
		for my $step (qw(retr window)) {
			report("$kind.$step", 'MB/s', @names);
			report("$kind.$step-cpu", 's/GB', @names);
		}
	}
	$_->stop for @servers;
}

1;
