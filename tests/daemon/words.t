# SPDX-License-Identifier: ISC
# The table of texts in src/wire/words.c: every text of a session is in it, every
# row of it is used, and all texts of a row are the same but for the language.
use strict;
use warnings;

use Encode ();
use FindBin;
use Test::More;

use Restante;

my $top = "$FindBin::Bin/../..";
my $literal = qr/"(?:[^"\\]|\\.)*"/;

my $words = Restante::slurp("$top/src/wire/words.c");
my @tags = $words =~ /^\t\{ "(\w+)", "[^"]+" \},$/mg;
my ($table) = $words =~ /rows\[\]\[WORDS_LANGUAGES\] = \{\n(.*?)^\};/ms;
my @rows = map { [ map { s/\A"|"\z//gr } /$literal/g ] }
    $table =~ /^\t\{\n(.*?)^\t\},$/msg;
cmp_ok scalar(@rows), '>', 40, 'there are texts';
is scalar(@tags), 6, 'in six languages';

# What is put in: of a plural's "s", nothing may be shown.
sub conversions
{
	return join ' ', map { s/\.0//r } $_[0] =~ /%[^a-zA-Z%]*[a-zA-Z]+|%%/g;
}

# A response code, or nothing.
sub code
{
	return $_[0] =~ /\A(\[[^\]]*\] )/ ? "$1" : '';
}

my %rows;
for my $row (@rows) {
	my ($english, @others) = @$row;
	my @wrong;

	push @wrong, scalar(@$row) . ' texts' if @$row != @tags;
	push @wrong, 'there twice' if $rows{$english}++;
	push @wrong, 'not ASCII' if $english =~ /[^\x20-\x7e]/;
	for my $i (0 .. $#others) {
		my $text = $others[$i];
		my $chars = eval { Encode::decode('UTF-8', my $copy = $text, 1) } // '';
		my @what;

		push @what, 'not UTF-8' if $chars eq '' || $chars =~ /[[:cntrl:]]/;
		push @what, 'another code'
		    if code($text) ne code($english);
		push @what, 'other arguments'
		    if conversions($text) ne conversions($english);
		push @what, 'a %.0s without a plural'
		    if (() = $text =~ /%\.0s/g) > (() = $english =~ /[a-z]%s/g);
		push @what, 'blanks at an end' if $text =~ /\A | \z|  /;
		# Names have at most 64 octets, a host's 255; RFC 2449 section 4.
		push @what, 'too long' if length($text) > 512 - 7 - 320;
		push @wrong, "$tags[$i + 1]: $_" for @what;
	}
	push @wrong, 'not translated' if !grep { $_ ne $english } @others;
	ok !@wrong, $english or diag join "\n", @wrong;
}

# The texts in a call of one of these, conditions and all.
my %used;
for my $path ("$top/include/session.h",
	grep { !/pop1/ } glob "$top/src/session/*.c") {
	my $source = Restante::slurp($path);
	my ($name) = $path =~ m{((?:include|src)/.*)};
	my @calls = $source =~
	    /\b(?:reply_ok|reply_err|reply_err_text|bad|session_refuse)\(((?:$literal|[^";])*)\);/g;

	push @calls, $source =~ /^\t\[[A-Z]+\] = ($literal),$/mg;
	for my $call (@calls) {
		# Literals next to each other are one.
		1 while $call =~ s/"\s+"//;
		for my $text (map { s/\A"|"\z//gr } $call =~ /$literal/g) {
			next if $text !~ /[A-Za-z]/;
			# Only figures; and the greeting, before any LANG.
			next if $text =~ s/%[a-z]+//gr !~ /[A-Za-z]/;
			next if $text =~ /server ready/;
			ok $rows{$text}, "$name: \"$text\" is in src/wire/words.c"
			    if !$used{$text}++;
		}
	}
}
ok $used{$_}, "a session says \"$_\"" for sort keys %rows;

done_testing;
