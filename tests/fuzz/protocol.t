# SPDX-License-Identifier: ISC
# Random sessions against a whole server, while a bystander keeps logging in.
#
#	RESTANTE=build/restante prove -Itests/lib tests/fuzz/protocol.t :: SECONDS
#
# A session is a list of lines, most of them commands of a grammar, some logins,
# some nonsense, sent in pieces cut anywhere, and ended by QUIT, by silence or by
# a cut at any octet.  The properties:
#
#	Every line has one reply, in order; a reply has the shape that RFC 1939
#	section 3 gives it, whatever the line was.
#	In the TRANSACTION state, replies to well-formed commands are those of a
#	model that read the mailbox by itself, to the octet.
#	The connection ends where the server may end it, and nowhere else.
#	The mailbox has lost what a QUIT confirmed, and nothing else.
#	No sanitizer complains, and no process stays behind.
#
# SEED=n repeats a run.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(LOCK_EX);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep);

use Clock qw(time);
use Reference;
use Restante;

my $seconds = shift // 10;
my $seed = $ENV{SEED} // CORE::time;
my %count;

sub one_of { return $_[ rand @_ ] }
sub chance { return rand() < $_[0] }
sub word { return join '', map { chr(33 + rand 94) } 1 .. 1 + rand($_[0] // 12) }
sub noise { return join '', map { chr rand 256 } 1 .. rand($_[0] // 40) }
sub base64 { return encode_base64($_[0], '') }

sub number
{
	return one_of(1 .. 6, 1 .. 6, 0, 7, 40, '01', -1, '+1', '1x', '', ' ',
	    4294967297, '18446744073709551617', '9' x 30);
}

# A message of odd lines.
sub letter
{
	my @lines = ('', 'text', '.', '..', '.x', 'From x', '>From x', "\r",
	    "x\ry", "\0", "\xff\xfe", 'x' x 70, 'x' x 1100);

	return "Subject: " . word() . "\n" . (chance(0.9) ? "\n" : '') .
	    join '', map { one_of(@lines) . one_of("\n", "\n", "\r\n") }
	    1 .. rand 30;
}

# Commands, and what they are given; the verb alone is one of the forms, too.
my %grammar = (
	(map { $_ => [ sub { '' } ] } qw(CAPA NOOP RSET STAT LAST QUIT UTF8 STLS)),
	(map { $_ => [ sub { '' }, \&number ] } qw(LIST UIDL)),
	(map { $_ => [ \&number ] } qw(RETR DELE)),
	TOP => [ sub { number() . ' ' . number() } ],
	USER => [ sub { one_of('alice', 'bob', 'root', '../alice', word(80)) } ],
	PASS => [ sub { one_of('secret', word(), 'two words', word(400)) } ],
	APOP => [ sub { one_of('alice', word()) . ' ' . md5_hex(rand) } ],
	LANG => [ sub { one_of('', '*', qw(de en es fr it nl xx), word()) } ],
	AUTH => [ sub { '' }, sub { one_of('PLAIN', 'LOGIN', 'CRAM-MD5',
	    'SCRAM-SHA-256', word()) }, sub { 'PLAIN ' . one_of('=', '====',
	    base64(noise()), base64("\0alice\0wrong"), word()) },
	    sub { 'SCRAM-SHA-256 ' . base64(one_of('n,,n=alice,r=abc',
	    'y,,n=' . word() . ',r=' . word(), 'p=x,,' . noise())) } ],
);
my @verbs = sort keys %grammar;
my @in_transaction = qw(STAT LIST LIST UIDL UIDL RETR RETR DELE DELE TOP NOOP
    RSET CAPA);

sub command
{
	my ($verb) = @_;
	my $argument = one_of(@{ $grammar{$verb} })->();

	$verb = join '', map { chance(0.5) ? lc : uc } split //, $verb
	    if chance(0.1);
	return $argument eq '' ? $verb : "$verb $argument";
}

sub nonsense
{
	return one_of(
	    sub { '' }, sub { noise() =~ tr/\n//dr }, sub { 'x' x rand 300 },
	    sub { 'NOOP' . 'x' x rand 3000 }, sub { "STAT\0x" },
	    sub { ' NOOP' }, sub { "NOOP " }, sub { "LIST\t1" },
	    sub { "NOOP\rNOOP" }, sub { 'GET / HTTP/1.1' }, sub { '*' },
	    sub { base64(noise()) }, sub { '=' })->();
}

# The lines that log in, in one of the ways there are.
sub login
{
	my ($user, $stamp) = @_;

	return one_of(
	    sub { ("USER $user", 'PASS secret') },
	    sub { "APOP $user " . md5_hex("${stamp}secret") },
	    sub { 'AUTH PLAIN ' . base64("\0$user\0secret") },
	    sub { ('AUTH LOGIN', base64($user), base64('secret')) })->();
}

# A session's lines: before the login and, perhaps, after it.
sub script
{
	my ($user, $stamp) = @_;
	my @lines = map { chance(0.8) ? command(one_of(@verbs)) : nonsense() }
	    1 .. rand(chance(0.1) ? 150 : 6);

	@lines = grep { !/^quit/i } @lines if chance(0.9);
	if (chance(0.8)) {
		push @lines, login($user, $stamp);
		push @lines, map { chance(0.9) ?
		    command(one_of(@in_transaction)) :
		    chance(0.5) ? command(one_of(@verbs)) : nonsense() }
		    1 .. rand 30;
	}
	push @lines, 'QUIT' if chance(0.7);
	return @lines;
}

# What a TRANSACTION command's reply must be, or nothing if the model has no
# opinion; what it does to the model is done.
sub expected
{
	my ($m, $line) = @_;
	my @live = grep { !$m->{deleted}{$_} } 1 .. @{ $m->{messages} };
	my $octets = 0;
	my $n;

	$octets += $m->{messages}[$_ - 1]{octets} for @live;
	if ($line =~ /^STAT$/i) {
		return '+OK ' . @live . " $octets";
	} elsif ($line =~ /^(LIST|UIDL)$/i) {
		my $what = uc $1 eq 'LIST' ? 'octets' : 'id';
		return [ join '', map {
			"$_ $m->{messages}[$_ - 1]{$what}\r\n" } @live ];
	} elsif ($line =~ /^(LIST|UIDL|RETR|DELE) 0*([1-9][0-9]*)$/i) {
		(my $verb, $n) = (uc $1, $2);
		my ($message) = map { $m->{messages}[$_ - 1] }
		    grep { $_ eq $n } @live;
		return '-ERR' if !$message;
		return "+OK $n $message->{octets}" if $verb eq 'LIST';
		return "+OK $n $message->{id}" if $verb eq 'UIDL';
		return [ $message->{wire} ] if $verb eq 'RETR';
		$m->{deleted}{$n} = 1;
		return '+OK';
	} elsif ($line =~ /^TOP 0*([1-9][0-9]*) ([0-9]{1,4})$/i) {
		my ($message) = map { $m->{messages}[$_ - 1] }
		    grep { $_ eq $1 } @live;
		return '-ERR' if !$message;
		return [ Reference::top($message->{wire}, $2) ];
	} elsif ($line =~ /^RSET$/i) {
		$m->{deleted} = {};
		return '+OK';
	}
	return;
}

# One reply: its status line and, where there is one, its text.
sub reply
{
	my ($c, $line, $m) = @_;
	my $status = $c->line // return;

	die "a status line that is too long: $status" if length $status > 510;
	die "no status line: $status"
	    if $status !~ /^(?:\+OK|-ERR|\+)(?: |\z)/;
	die "not to be read: $status" if $status =~ /[\x00-\x1f\x7f]/;
	# What people read is in UTF-8 then: RFC 6856 section 3.2.
	$m->{lang} = 1 if $line =~ /^LANG ./i && $status =~ /^\+OK/;
	die "not ASCII: $status" if !$m->{lang} && $status =~ /[^\x20-\x7e]/;
	my $several = $status =~ /^\+OK/ && !$m->{asked} &&
	    ($line =~ /^(?:CAPA|RETR|TOP)\b/i ||
	    $line =~ /^(?:LIST|UIDL|AUTH|LANG)$/i);
	$m->{answers} = $m->{asked};
	$m->{asked} = $status =~ /^\+(?: |\z)/;
	return $status if !$several;
	my $text = substr $c->stuffed, 0, -3;
	die 'a dot that is not doubled' if $text =~ /^\.(?!\.)/m;
	return ($status, $text =~ s/^\.//mgr);
}

# Whether the reply is the model's; the model goes on by it.
sub compare
{
	my ($m, $line, $status, $text) = @_;

	if (!$m->{inside}) {
		# In any language: these say +OK for nothing else.
		if ($status =~ /^\+OK/ && ($m->{answers} ||
		    $line =~ /^(?:PASS|APOP|AUTH) ./i)) {
			$m->{inside} = 1;
			$count{logins}++;
		}
		$m->{over} = 1 if $line =~ /^QUIT$/i && $status =~ /^\+OK/;
		return;
	}
	my $expected = expected($m, $line) // '';
	if (ref $expected) {
		my $why = $status =~ /^\+OK/ ?
		    Reference::difference($text, $expected->[0]) : $status;
		die "$line: $why" if defined $why;
	} elsif ($status !~ /^\Q$expected\E(?: |\z)/ && $expected ne '') {
		die "$line: $status, not $expected";
	}
	$count{compared}++ if $expected ne '';
	if ($line =~ /^QUIT$/i) {
		die "QUIT: $status" if $status !~ /^\+OK/;
		$m->{over} = $m->{committed} = 1;
	}
}

# The octets in pieces cut anywhere; replies are read in between by send().
sub speak
{
	my ($c, $octets) = @_;

	while ($octets ne '') {
		my $n = chance(0.5) ? length $octets : 1 + int rand 60;
		$c->send(substr $octets, 0, $n, '') or return;
		sleep 0.001 if chance(0.05);
	}
}

# Ends a session in one of the ways that clients know.
sub leave
{
	my ($c, $m) = @_;

	if ($m->{over}) {
		$c->eof or die 'the server does not close after QUIT';
	} elsif (chance(0.3)) {
		$c->abort;
	} elsif (chance(0.5)) {
		$c->half_close;
		$c->raw_until;
	}
	$c->close;
}

# A whole session; dies when a property does not hold.
sub session
{
	my ($d, $user) = @_;
	my $c = $d->connect;
	my %m = (deleted => {},
	    messages => [ Reference::messages($d->mbox($user)) ]);
	my @lines = script($user, $c->stamp // '');
	my $stop = chance(0.15) ? rand @lines : @lines;

	while (@lines) {
		my @batch = splice @lines, 0, 1 + rand(chance(0.3) ? 40 : 3);
		speak($c, join '', map { $_ . one_of("\r\n", "\r\n", "\n") }
		    @batch);
		for my $line (@batch) {
			$line =~ s/ +\z//;	# which the server ignores
			my ($status, $text) = reply($c, $line, \%m);
			$count{lines}++;
			if (!defined $status) {
				last if $m{over} || $m{last} =~
				    /too often|too many|enough/;
				die "closed at: $line, after: $m{last}";
			}
			die "said after QUIT: $status" if $m{over};
			$m{last} = $status;
			compare(\%m, $line, $status, $text);
		}
		last if $m{over} || $stop-- < 0;
	}
	# Half a line, and gone.
	$c->send(substr command(one_of(@verbs)), 0, 3) if chance(0.1);
	leave($c, \%m);
	return \%m;
}

# What is in the mailbox now is what the session must have left.
sub check
{
	my ($d, $user, $m) = @_;
	my $text = $d->mbox($user);
	my @kept = map { $m->{messages}[$_ - 1] }
	    grep { !$m->{committed} || !$m->{deleted}{$_} }
	    1 .. @{ $m->{messages} };

	die 'the password line has changed' if $text !~ /^secret\n/;
	my $why = Reference::difference(
	    join("\f", map { $_->{wire} } Reference::messages($text)),
	    join "\f", map { $_->{wire} } @kept);
	die "the mailbox after the session: $why" if defined $why;
}

# New mail for all, written under the lock: a session that was cut off may not
# have ended yet.
sub refill
{
	my ($d) = @_;

	for my $path (map { $d->path("user$_") } 1 .. 4) {
		open my $fh, '>>:raw', $path or die "$path: $!";
		flock $fh, LOCK_EX or die "$path: $!";
		truncate $fh, 0 or die "$path: $!";
		print {$fh} "secret\n",
		    Restante::mbox(map { letter() } 1 .. rand 7);
		close $fh or die "$path: $!";
	}
	unlink glob $d->path('.restante/*.index') if chance(0.3);
}

my $d = Restante->start(options => [ 'login-tries=20' ], users => {
	bob => "another\n" . Restante::mbox("Subject: still here\n\nyes") });
my $end = time + $seconds;
srand $seed;	# what starts a server draws numbers, too
while (time < $end) {
	refill($d);
	for (1 .. 20) {
		my $user = 'user' . one_of(1 .. 4);
		my $m = eval { session($d, $user) } or fail($@), last;
		# The lock of one that was cut off falls with its process.
		eval { check($d, $user, $m); 1 } or fail($@), last;
		$count{sessions}++;
	}
	last if !Test::More->builder->is_passing;
	like $d->session('bob', 'another')->cmd('RETR 1'), qr/^\+OK/,
	    'a bystander has his letter';
}
is $d->stop, 0, 'the server ends well';
ok $count{logins} > $count{sessions} / 3, 'many sessions logged in';
diag join ', ', map { "$count{$_} $_" } sort keys %count;
diag "SEED=$seed repeats this" if !Test::More->builder->is_passing;
done_testing;
