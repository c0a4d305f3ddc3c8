# SPDX-License-Identifier: ISC
# One version, wherever it is told: by both programs, and in the newest release that
# README.md speaks of.

use strict;
use warnings;

use FindBin;
use Test::More;

use Restante;

my $top = "$FindBin::Bin/../..";
my ($version) = Restante::slurp("$top/Makefile") =~ /^VERSION = (\S+)$/m;

like $version // 'none', qr/\A\d+\.\d+\.\d+\z/, 'a version of three numbers';
for my $program ('restante', 'restantectl') {
	my $path = Restante::binary() =~ s/restante\z/$program/r;

	is `$path -V`, "$program $version\n", "$program -V";
	is $?, 0, "$program -V: its status";
}
my ($newest) = Restante::slurp("$top/README.md") =~
    /^## Releases\n\n\*\*(\S+)\*\*, \d+ \w+ \d{4}/m;
is $newest, $version, 'the newest release in README.md';

done_testing;
