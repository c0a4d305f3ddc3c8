# SPDX-License-Identifier: ISC
# Sessions that die, and disks that fail, in the middle of an update and of the
# recovery from one: all marked messages are gone then, or none, and nothing
# else has happened to the mailbox.  The whole server runs, and is met at its
# system calls by tests/tools/crash.c.

use strict;
use warnings;

use Errno qw(EDQUOT EINTR EIO ENOSPC);
use Test::More;

use Crash;
use Hostile;
use Proc;
use Restante;

plan skip_all => 'the sanitizers cannot be traced'
    if Proc::sanitized(Restante::binary());
plan skip_all => 'no names of system calls without a C compiler'
    if !keys %{ Hostile::numbers() };

# Thousands of syncs: not to a disk, if that can be helped.
local $ENV{TMPDIR} = '/dev/shm' if -d '/dev/shm' && -w '/dev/shm';
my $crash = Crash->start(options => [ 'log-level=warn' ]);
my $d = $crash->server;

# Of many sizes, some twins, line ends of both kinds, and what looks like a
# separator and is none.
my $separator = "From sender\@example.org Thu Nov 20 18:27:05 2025\n";
my @text = (
	"Subject: small\n\nx\n",
	"Subject: twin\n\nthe same\n",
	"Subject: large\n\n" . join('', map { "line $_\n" } 1 .. 3000),
	"Subject: crlf\r\n\r\none\r\ntwo\r\n",
	"Subject: twin\n\nthe same\n",
	"Subject: dots\n\n.\n..\nFrom here on\n>From there\n",
	"Subject: page\n\n" . 'p' x 8192 . "\n",
	"Subject: last\n\n\n\nend\n",
);
my $password = "secret\n";
my $late = "${separator}Subject: late\n\ndelivered later\n\n";
my $box = $password . join '', map { "$separator$_\n" } @text;

srand 42;
my %pattern = (
	first => [ 1 ],
	last => [ scalar @text ],
	alternate => [ grep { $_ % 2 == 0 } 1 .. @text ],
	'two runs' => [ 2, 3, 6, 7 ],
	'the end' => [ 5 .. @text ],
	random => [ grep { rand() < 0.5 } 1 .. @text ],
	all => [ 1 .. @text ],
	'most of it' => [ 1, 3, 7 ], # cheaper to compact
);
my (@uid, %seen);
my ($users, $retried) = (0, 0);

# A fresh mailbox for each try: names are cheap.
sub fresh
{
	my $name = 'user' . ++$users;

	$d->user($name => $box);
	return $name;
}

# A session of it that wants the messages deleted and has not said QUIT.
sub marked
{
	my ($name, @numbers) = @_;
	my $c = $d->session($name, 'secret');

	$c->send(join '', map { "DELE $_\r\n" } @numbers);
	for (@numbers) {
		my $line = $c->status;
		die "DELE $_: $line" if $line !~ /^\+OK/;
	}
	return $c;
}

# unique-id and text of all messages.  Of twins the ordinal is left out: the id
# of one that is gone may go to the other.
sub content
{
	my ($name) = @_;
	my $c = $d->session($name, 'secret');
	my ($status, @lines) = $c->multi('UIDL');
	die 'UIDL' if ($status // '') !~ /^\+OK/;
	my @got = map {
		my ($n, $uid) = split / /;
		my (undef, $text) = $c->text("RETR $n");
		[ $uid, $text ]
	} @lines;
	my %once = map { ($_->[0], 1) } @got;

	$c->cmd('QUIT') =~ /^\+OK/ or die 'QUIT';
	$c->close;
	die 'a unique-id that is not' if keys %once != @got;
	$_->[0] =~ s/-\d+\z// for @got;
	return @got;
}

# A session that finds its index damaged may end, and say so; the next one is
# right.
sub content_at_last
{
	my ($name) = @_;
	my @got = eval { content($name) };

	return @got if $@ eq '';
	my $why = $@;
	die $why if !$d->log_like(qr/damaged index had other numbers/, 5);
	$retried++;
	return content($name);
}

# What the wire shows of a stored message.
sub wire
{
	return $_[0] =~ s/\r?\n/\r\n/gr;
}

# What is wrong with the mailbox after a try: nothing, if all marked messages
# are gone or none is, and what must be so is so.
sub fault
{
	my ($name, $numbers, $must) = @_;
	my %marked = map { ($_, 1) } @$numbers;
	my @all = map { [ $uid[$_ - 1], wire($text[$_ - 1]) ] } 1 .. @text;
	my @kept = map { $all[$_ - 1] } grep { !$marked{$_} } 1 .. @text;
	my $flat = sub { join "\0", map { @$_ } @_ };

	$d->append($name, $late);
	my @got = eval { content_at_last($name) };
	return "no session: $@" if $@;
	return 'the password line'
	    if Restante::slurp($d->path($name)) !~ /^$password/;
	my $last = pop @got;
	return 'mail delivered later is lost'
	    if !defined $last || $last->[1] !~ /^delivered later\r$/m;
	if ($flat->(@got) eq $flat->(@kept)) {
		$seen{gone}++;
		return $must eq 'there' ? 'they are gone' : undef;
	}
	return @got . ' messages, neither all nor those that were kept'
	    if $flat->(@got) ne $flat->(@all);
	$seen{there}++;
	return $must eq 'gone' ? 'they are still there' : undef;
}

# One QUIT that meets a fault.  How it ended, what its reply promised of the
# messages, and what is wrong then.
sub try_quit
{
	my ($numbers, @how) = @_;
	my $name = fresh();
	my $c = marked($name, @$numbers);

	$crash->arm($c, @how);
	$c->send("QUIT\r\n");
	my %try = (must => 'either');
	@try{qw(how calls writing met)} = $crash->outcome;
	if ($try{how} eq 'done') {
		my $reply = $c->status // 'none';
		$try{must} = $reply =~ /^\+OK/ ? 'gone' :
		    $reply =~ /^-ERR \[SYS\/TEMP\] the disk fails/ ? 'either' :
		    $reply =~ /^-ERR \[SYS\/(?:TEMP|PERM)\]/ ? 'there' :
		    die "reply to QUIT: $reply";
	}
	$c->close;
	$try{fault} = fault($name, $numbers, $try{must});
	return \%try;
}

# A login after a session that died at the given call of its QUIT, so that there
# may be something to finish, and that meets a fault of its own.
sub try_recovery
{
	my ($numbers, $at, @how) = @_;
	my $name = fresh();
	my $c = marked($name, @$numbers);

	$crash->arm($c, 'kill', $at);
	$c->send("QUIT\r\n");
	($crash->outcome)[0] eq 'killed' or die 'it is not killed';
	$c->close;

	$c = $d->connect;
	die 'USER' if $c->cmd("USER $name") !~ /^\+OK/;
	$crash->arm($c, @how);
	$c->send("PASS secret\r\n");
	my %try;
	@try{qw(how calls writing met)} = $crash->outcome;
	if ($try{how} eq 'done') {
		my $reply = $c->status // 'none';
		die "reply to PASS: $reply"
		    if $reply !~ /^\+OK|^-ERR \[SYS\/TEMP\]/;
	}
	$c->close;
	$try{fault} = fault($name, $numbers, 'either');
	return \%try;
}

# All ways in which writing calls fail: CRASH_ALL=1 tries them all.  Who is
# interrupted for ever may try for ever.
sub failures
{
	my ($writing) = @_;
	my @once = $ENV{CRASH_ALL} ? (ENOSPC, EIO, EDQUOT, EINTR) :
	    (ENOSPC, EINTR);
	my @ever = $ENV{CRASH_ALL} ? (ENOSPC, EIO, EDQUOT) : (EIO);

	return map {
		my $n = $_;
		(map { [ 'fail', $n, $_ ] } @once),
		(map { [ 'break', $n, $_ ] } @ever)
	} 1 .. $writing;
}

sub wrong
{
	my ($try, @how) = @_;

	return if !defined $try->{fault};
	return "@how: $try->{fault}";
}

sub in_update
{
	my ($pattern) = @_;
	my $numbers = $pattern{$pattern};
	my $whole = try_quit($numbers, 'count');
	my @wrong;

	is $whole->{fault}, undef, "$pattern: nothing happens";
	is $whole->{must}, 'gone', "$pattern: and the update is done";
	cmp_ok $whole->{writing}, '>', 1, "$pattern: by writing";

	%seen = ();
	for my $n (1 .. $whole->{calls}) {
		my $try = try_quit($numbers, 'kill', $n);
		push @wrong, wrong($try, 'call', $n);
		push @wrong, "call $n: not killed" if $try->{how} ne 'killed';
	}
	is join("\n", @wrong), '',
	    "$pattern: killed before each of $whole->{calls} calls";
	cmp_ok $seen{$_} // 0, '>', 0, "$pattern: after some, all are $_"
	    for qw(gone there);

	@wrong = ();
	for my $n (1 .. $whole->{writing}) {
		push @wrong, wrong(try_quit($numbers, $_, $n), $_, $n)
		    for qw(torn short);
	}
	is join("\n", @wrong), '',
	    "$pattern: half of each of $whole->{writing} writes";

	@wrong = ();
	for my $how (failures($whole->{writing})) {
		push @wrong, wrong(try_quit($numbers, @$how), @$how);
	}
	is join("\n", @wrong), '',
	    "$pattern: each of $whole->{writing} writes fails";
}

# The call of QUIT behind which there is something to finish: the first one that
# touches the mailbox after the promise has been synced.
sub in_recovery
{
	my ($pattern) = @_;
	my $numbers = $pattern{$pattern};
	my $whole = try_quit($numbers, 'count');
	my (@wrong, @at);

	for my $n (1 .. $whole->{calls}) {
		my $try = try_recovery($numbers, $n, 'count');
		push @wrong, wrong($try, 'call', $n);
		push @at, [ $n, $try->{calls}, $try->{writing} ];
	}
	# Where recovery has most to do.
	my ($most) = sort { $b->[2] <=> $a->[2] } @at;
	my ($at, $calls, $writing) = @$most;
	for my $n (1 .. $calls) {
		push @wrong, wrong(try_recovery($numbers, $at, 'kill', $n),
		    'kill', $n);
	}
	is join("\n", @wrong), '', "$pattern: recovery, killed before each "
	    . "of $calls calls";

	@wrong = ();
	for my $how (failures($writing), map { ([ 'torn', $_ ],
	    [ 'short', $_ ]) } 1 .. $writing) {
		push @wrong, wrong(try_recovery($numbers, $at, @$how), @$how);
	}
	is join("\n", @wrong), '',
	    "$pattern: recovery, each of $writing writes fails";
}

{
	my $name = fresh();
	@uid = map { $_->[0] } content($name);
	is scalar(@uid), scalar(@text), 'a mailbox as it should be';
}
in_update($_) for sort keys %pattern;
in_recovery($_) for 'alternate', 'most of it';
note "$users mailboxes, $retried with a damaged index";
is $crash->stop, 0, 'the server ends';
done_testing;
