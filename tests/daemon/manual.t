# SPDX-License-Identifier: ISC
# One fact in one place: settings stand in the program's table, and the sample
# and the manual say the same; log lines stand in the sources, and DIAGNOSTICS
# has all of them.
use strict;
use warnings;
use File::Temp ();
use FindBin;
use Test::More;

use Restante;

my $top = "$FindBin::Bin/../..";

# Standard output, and what of standard error begins with the program's name.
sub output
{
	my @args = @_;
	my $pid = open my $f, '-|' // die "fork: $!\n";

	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT or die "dup: $!\n";
		exec Restante::binary(), @args or die "exec: $!\n";
	}
	my @lines = <$f>;
	close $f;
	return ($? >> 8, @lines);
}

# A manual's text without what mdoc does to it.
sub plain
{
	my ($text) = @_;

	$text =~ s/\\\n//g;
	$text =~ s/^\.(?:Cm|Ic|Ar|Dq|Ql|Bq|Pa|Fl|Xr|Dv) //mg;
	$text =~ s/\\e/\\/g;
	$text =~ s/\\&//g;
	return $text;
}

my ($status, @table) = output('-f', '/dev/null', '-T');
is($status, 0, 'restante -T');
my (@keywords, %standard);
for (@table) {
	/^(\S+) (.*)$/ or die "not a setting: $_";
	push @keywords, $1;
	$standard{$1} = $2;
}
cmp_ok(scalar @keywords, '>', 10, 'it prints the settings');

# The sample.
my @sample = Restante::slurp("$top/etc/restante.conf") =~ /^#([a-z0-9-]+(?: .+)?)$/mg;
is_deeply(\@sample,
    [map { $standard{$_} eq '' ? $_ : "$_ $standard{$_}" } @keywords],
    'etc/restante.conf has each setting at its default, in the same order');
my $users = File::Temp->newdir('manual-XXXXXXXX', TMPDIR => 1);
($status, my @said) = output('-f', "$top/etc/restante.conf", '-n', '-d', $users,
    '-o', 'user=nobody');
is($status, 0, 'etc/restante.conf is valid as it is');
is_deeply(\@said, [], 'and nothing is said of it');
my %words = map { $_ => 1 } @keywords;
my @active = Restante::slurp("$top/etc/restante.conf") =~ /^([a-z-]+) /mg;
is_deeply([grep { !$words{$_} } @active], [], 'no line of it is unknown');

# The manual.
my $manual = Restante::slurp("$top/man/restante.conf.5");
my ($list) = $manual =~ /^\.It Ic (.*?)^\.El$/ms;
my (@described, %text);
for (split /^\.It Ic /m, $list) {
	my ($head, $body) = split /\n/, $_, 2;
	my ($keyword) = split / /, $head;

	push @described, $keyword;
	$text{$keyword} = "$head\n" . plain($body);
	$text{$keyword} =~ s/\s+/ /g;
}
is_deeply(\@described, \@keywords,
    'restante.conf.5 has each setting, in the same order');
for my $keyword (@keywords) {
	my $text = $text{$keyword} // '';
	my ($default) = $text =~ /The default is (.+?)[ .]*\z/;
	my ($code, $refusal) = output('-f', '/dev/null', '-T', '-o',
	    "$keyword=no such value");

	$default = '' if ($default // '') eq 'empty';
	is($default, $standard{$keyword}, "restante.conf.5: default, $keyword");
	next if $code == 0; # any text will do
	is($code, 78, "a wrong value is refused, $keyword");
	if ($refusal =~ /is (?:never or )?(a number from \d+ to \d+)(?:, then .*)?$/) {
		like($text, qr/\b$1\b/i, "restante.conf.5: range, $keyword");
	} elsif ($refusal =~ /is (one of: .*)$/) {
		like($text, qr/\b$1\./i, "restante.conf.5: words, $keyword");
	} elsif ($refusal =~ /are (some of: .*)$/) {
		like($text, qr/\b$1[;.]/i, "restante.conf.5: words, $keyword");
	} elsif ($refusal =~ /is yes or no$/) {
		like($text, qr/Cm yes \| no /, "restante.conf.5: words, $keyword");
	} elsif ($refusal =~ /wants numeric networks/) {
		like($text, qr{/ Ar bits|as above}, "restante.conf.5: form, $keyword");
	} else {
		is($keyword, 'listen', 'nothing else has a form of its own');
	}
}

# The log.
my ($diagnostics) =
    Restante::slurp("$top/man/restante.8") =~ /^\.Sh DIAGNOSTICS\n(.*?)^\.Sh /ms;
my @lines = map { s/: REASON$//r } plain($diagnostics) =~ /^\.It (.*)$/mg;
cmp_ok(scalar @lines, '>', 30, 'restante.8 lists log lines');

my %in_sources;
my $string = qr/"(?:[^"\\]|\\.)*"/;
for my $source (glob "$top/src/*/*.c") {
	my $code = Restante::slurp($source);

	while ($code =~ /\b(log_(?:info|warnx?)|fatalx?)\(\s*
	    ($string(?:\s*$string)*)/gx) {
		my ($call, $format) = ($1, $2);

		$format =~ s/"\s*"//g;
		$format =~ s/^"|"$//g;
		# The name of a system call or of a file.
		next if $call eq 'fatal' && $format !~ / /;
		$in_sources{$format} = $source =~ s/^\Q$top\E\///r;
	}
}
cmp_ok(scalar keys %in_sources, '>', 30, 'the sources have log lines');

sub pattern
{
	my ($format) = @_;
	my $re = join '.+', map { quotemeta }
	    split /%(?:\d*[a-z]+)/, $format, -1;

	return qr/^$re$/;
}

# Steps that end a process before it does anything; summed up at the end.
my %summed = map { $_ => 1 } (
	'default: %s', 'sigaction %d', 'closing descriptors',
	'arranging descriptors', 'descriptors 0 and 1', 'descriptors 0, 1 and 2',
	'group id was not dropped', 'user id was not dropped',
	'root could be regained', 'making an empty root directory',
	'entering an empty root directory',
);
for my $format (sort keys %in_sources) {
	next if $summed{$format};
	my $re = pattern($format);

	ok((grep { $_ =~ $re } @lines),
	    "restante.8: \"$format\" of $in_sources{$format}");
}
for my $line (@lines) {
	ok((grep { $line =~ pattern($_) } keys %in_sources),
	    "some source says: $line");
}

done_testing();
