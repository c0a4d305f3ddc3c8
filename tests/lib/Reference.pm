# SPDX-License-Identifier: ISC
# What is in a mailbox, said slowly and plainly, to compare the server with.
#
#	my @messages = Reference::messages($text);
#	$_->{wire}, $_->{octets}, $_->{id} for @messages;
package Reference;

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

our @EXPORT_OK = qw(agrees);

my $day = qr/Mon|Tue|Wed|Thu|Fri|Sat|Sun/;
my $month = qr/Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec/;
my $date = qr/$day $month +[0-9]{1,2} [0-9]{2}:[0-9]{2}.* [0-9]{4}(?![0-9])/s;

# A line, its end included.
sub is_separator
{
	my ($line) = @_;

	return length $line <= 1024 && $line =~ /\n\z/ &&
	    $line =~ /^From(?: .*)? $date/s;
}

sub is_tombstone
{
	return $_[0] =~ /^From \0/;
}

sub is_blank
{
	return $_[0] =~ /^\r?\n\z/;
}

# The mailbox as the server leaves it when it opens it: the last line is ended,
# and a blank line is behind the last message.
sub completed
{
	my ($text) = @_;
	my ($password, $rest) = split /(?<=\n)/, $text, 2;

	return $text if $text eq '';
	$text .= "\n" if $text !~ /\n\z/;
	$text .= "\n" if length($rest // '') && $text !~ /\n\r?\n\z/;
	return $text;
}

# Every line end is CRLF on the wire; other CRs are part of their line.
sub on_the_wire
{
	my ($text) = @_;

	$text =~ s/(?<!\r)\n/\r\n/g;
	return $text;
}

# Sums and products of 64 bits, without what does not fit.
sub add { use integer; return $_[0] + $_[1] }
sub mul { use integer; return $_[0] * $_[1] }
sub rotate { return $_[0] << $_[1] | $_[0] >> 64 - $_[1] }

# XXH64 with seed 0, in hexadecimal.
sub xxh64
{
	no warnings 'portable';
	my ($text) = @_;
	my @p = (0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
	    0x85ebca77c2b2ae63, 0x27d4eb2f165667c5);
	my @lane = (add($p[0], $p[1]), $p[1], 0, mul($p[0], -1));
	my $mix = sub { mul(rotate(add($_[0], mul($_[1], $p[1])), 31), $p[0]) };
	my $length = length $text;
	my $h = $p[4];

	while ($text =~ s/\A(.{32})//s) {
		my @words = unpack 'Q<4', $1;
		@lane = map { $mix->($lane[$_], $words[$_]) } 0 .. 3;
	}
	if ($length >= 32) {
		$h = 0;
		$h = add($h, rotate($lane[$_], (1, 7, 12, 18)[$_])) for 0 .. 3;
		$h = add(mul($h ^ $mix->(0, $_), $p[0]), $p[3]) for @lane;
	}
	$h = add($h, $length);
	$h = add(mul(rotate($h ^ $mix->(0, unpack 'Q<', $1), 27), $p[0]), $p[3])
	    while $text =~ s/\A(.{8})//s;
	$h = add(mul(rotate($h ^ mul(unpack('L<', $1), $p[0]), 23), $p[1]), $p[2])
	    while $text =~ s/\A(.{4})//s;
	$h = mul(rotate($h ^ mul(ord $1, $p[4]), 11), $p[0])
	    while $text =~ s/\A(.)//s;
	$h = mul($h ^ $h >> 33, $p[1]);
	$h = mul($h ^ $h >> 29, $p[2]);
	return sprintf '%016x', $h ^ $h >> 32;
}

# The stored text of a message, from separator to blank line.
sub message
{
	my ($separator, @lines) = @_;
	my $hashed = $separator;

	for my $line (@lines) {
		last if is_blank($line);
		$hashed .= $line;
	}
	pop @lines if @lines && is_blank($lines[-1]);

	my $wire = on_the_wire(join '', @lines);
	return {
		separator => $separator,
		wire => $wire,
		octets => length $wire,
		digest => xxh64($hashed . length $wire),
	};
}

sub messages
{
	my ($text) = @_;
	my ($password, @lines) = split /(?<=\n)/, completed($text);
	my (@messages, @open, %seen);
	my $blank = 1;

	for my $line (@lines) {
		if ($blank && (is_separator($line) || is_tombstone($line))) {
			push @messages, message(@open) if @open;
			@open = is_separator($line) ? $line : ();
		} elsif (@open) {
			push @open, $line;
		}
		$blank = is_blank($line);
	}
	push @messages, message(@open) if @open;

	for my $m (@messages) {
		my $twins = $seen{ $m->{digest} }++;
		$m->{id} = $m->{digest} . ($twins ? "-$twins" : '');
	}
	return @messages;
}

# RFC 1939 section 7: the headers, the blank line, n lines of the body.
sub top
{
	my ($wire, $n) = @_;
	my ($from, $in_body) = (0, 0);

	while ($from < length $wire && (!$in_body || $n-- > 0)) {
		my $next = 2 + index $wire, "\r\n", $from;
		$in_body = 1 if $next == $from + 2;
		$from = $next;
	}
	return substr $wire, 0, $from;
}

# How two texts differ, for a person.
sub difference
{
	my ($got, $expected) = @_;
	my $at = 0;

	$got //= '(nothing)';
	return if $got eq $expected;
	$at++ while $at < length $expected &&
	    substr($got, $at, 1) eq substr $expected, $at, 1;
	for ($got, $expected) {
		$_ = length($_) . ' octets: ' .
		    substr $_, $at < 30 ? 0 : $at - 30, 80;
		s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	}
	return "differ at octet $at:\n     got $got\nexpected $expected";
}

# All lines of a multi-line reply but the first.
sub listed
{
	my ($c, $command) = @_;
	my ($status, @lines) = $c->multi($command);

	return join "\n", @lines;
}

# Whether a session in the TRANSACTION state shows what is in a mailbox text: one
# test.  Returns the messages.
sub agrees
{
	my ($c, $text, $name) = @_;
	my @messages = messages($text);
	my $total = 0;
	my (@wrong, @list, @uidl);

	$total += $_->{octets} for @messages;
	for my $n (1 .. @messages) {
		push @list, "$n $messages[$n - 1]{octets}";
		push @uidl, "$n $messages[$n - 1]{id}";
	}
	my @pairs = (
		[ 'STAT', $c->cmd('STAT'), "+OK " . @messages . " $total" ],
		[ 'LIST', listed($c, 'LIST'), join "\n", @list ],
		[ 'UIDL', listed($c, 'UIDL'), join "\n", @uidl ],
	);
	for my $n (1 .. @messages) {
		my $wire = $messages[$n - 1]{wire};
		push @pairs, [ "RETR $n", ($c->text("RETR $n"))[1], $wire ];
		push @pairs, [ "TOP $n $_", ($c->text("TOP $n $_"))[1],
		    top($wire, $_) ] for 0, 1, 2;
		push @pairs, [ "TOP $n 99999999",
		    ($c->text("TOP $n 99999999"))[1], $wire ];
	}
	for my $pair (@pairs) {
		my $difference = difference(@{$pair}[1, 2]);
		push @wrong, "$pair->[0]: $difference" if defined $difference;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::ok(!@wrong, $name) or Test::More::diag(
	    join "\n", @wrong > 3 ? (@wrong[0 .. 2], '...') : @wrong);
	return @messages;
}

1;
