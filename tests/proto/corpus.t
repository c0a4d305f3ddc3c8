# SPDX-License-Identifier: ISC
# Real mail, where there is some.
use strict;
use warnings;

use Test::More;

use Letters;
use Reference qw(agrees);
use Restante;

my @files = Letters::corpus();
plan skip_all => 'there is no real mail here: CORPUS names none' if !@files;

my $d = Restante->start;
for my $file (@files) {
	my ($name) = $file =~ m{([^/]*)\.mbox\z};
	my $text = "secret\n" . Restante::slurp($file);

	$d->user($name, $text);
	my $c = $d->session($name, 'secret');
	my @messages = agrees($c, $text, "$name: every message, octet for octet");
	cmp_ok scalar(@messages), '>', 1, "$name: @{[ scalar @messages ]} messages";
	$c->cmd("DELE $_") for grep { $_ % 2 } 1 .. @messages;
	like $c->cmd('QUIT'), qr/\A\+OK/, "$name: every other one deleted";
	$c->close;

	my @kept = @messages[ grep { $_ % 2 } 0 .. $#messages ];
	$c = $d->session($name, 'secret');
	my @left = agrees($c, $d->mbox($name), "$name: the others");
	is_deeply [ map { $_->{wire} } @left ], [ map { $_->{wire} } @kept ],
	    "$name: are as they were";
	$c->cmd("DELE $_") for 1 .. @left;
	like $c->cmd('QUIT'), qr/\(maildrop empty\)\z/, "$name: all deleted";
	$c->close;
	$c = $d->session($name, 'secret');
	is $c->cmd('STAT'), '+OK 0 0', "$name: none is left";
	$c->close;
}

done_testing;
