# SPDX-License-Identifier: ISC
# What RFC 918's RCEV sends, octet for octet: against a slow reading of the file,
# and against what POP3 makes of the same mailbox.
use strict;
use warnings;

use Test::More;

use Letters;
use Pop1;
use Reference;
use Restante;

my $separator = "From a\@example.org Thu Nov 20 18:27:05 2025\n";
my @plain = ("Subject: one\n\n1\n", "Subject: two\n\n.2\n..\n.\n",
	"Subject: three\n\n3\n");
my $plain = Restante::mbox(@plain);
my $long = "Subject: long\n\n" . join '', map {
	'x' x $_ . "\n" } 0, 1, 65535, 65536, 200000, 998 .. 1500;

my %mail = (
	'LF' => $plain,
	'CRLF' => $plain =~ s/\n/\r\n/gr,
	'CRLF in every other message' => Restante::mbox($plain[0]) .
	    Restante::mbox($plain[1]) =~ s/\n/\r\n/gr .
	    Restante::mbox($plain[2]),
	'a separator line in CRLF before text in LF' =>
	    $separator =~ s/\n/\r\n/r . "A: b\n\nc\n\n",
	'a separator line in LF before text in CRLF' =>
	    $separator . "A: b\r\n\r\nc\r\n\r\n",
	'no end of the last line' => $plain =~ s/\n\n\z//r,
	'no empty line at the end' => $plain =~ s/\n\z//r,
	'two at the end' => "$plain\n",
	'a CR at the end' => $plain =~ s/\n\n\z/\r/r,
	'bare CRs' => Restante::mbox("A: b\rc\n\n\rd\r\n\r\r\n\n"),
	'a message without text' => "$separator\n$separator\n$plain",
	'nothing but a separator line' => $separator,
	'text before the first separator' => "stray\n\n$plain",
	'lines that look like separators' => Restante::mbox(
	    "A: b\n\nFrom here\n\nFrom there\n>$separator>>$separator\n"),
	'long lines' => Restante::mbox($long, @plain),
	'8-bit text and NULs' => Restante::mbox(join '',
	    "A: b\n\n", map { chr($_) . "\n" } 0 .. 255),
	'a megabyte in small messages' => Restante::mbox(
	    map { "Subject: $_\n\n" . "$_ of many\n" x 50 } 1 .. 1500),
);
for my $file (Letters::corpus()) {
	$mail{ $file =~ s/.*\///r } = Restante::slurp($file);
}

# The same mail for each protocol, where each deletes, and once more.
my %user;
my @names = sort keys %mail;
for my $i (0 .. $#names) {
	$user{$names[$i]} = "u$i";
}
my %text = map {
	my $text = "secret\n$mail{$_}";
	("$user{$_}" => $text, "$user{$_}.pop3" => $text)
} @names;
my $d = Pop1->start(users => \%text);

for my $name (@names) {
	my $user = $user{$name};
	my $expected = Pop1::expected($text{$user});
	my $c = Pop1->session($d, $user, 'secret');
	my $difference = Reference::difference($c->fetch('RETR'), $expected);

	is $difference, undef, "P1-006 P1-013 P1-019 $name";
	is $c->fetch('RETR'), $expected, "P1-019 $name, with an index";

	my @messages = Pop1::split_mbox($expected);
	my $pop3 = $d->session("$user.pop3", 'secret');
	my @wrong = grep {
		($pop3->text("RETR $_"))[1] ne $messages[$_ - 1][1]
	} 1 .. @messages;
	is_deeply \@wrong, [], "P1-019 $name: each message is that of POP3";
	like $pop3->cmd('RETR ' . (@messages + 1)), qr/\A-ERR/,
	    "P1-019 $name: there are no more";

	# Deleting the second and the last leaves tombstones and a shorter file.
	if (@messages > 3) {
		$pop3->cmd("DELE $_") for 2, scalar @messages;
		splice @messages, $#messages, 1;
		splice @messages, 1, 1;
	}
	$pop3->cmd('QUIT');
	$pop3->close;
	my $again = Pop1->session($d, "$user.pop3", 'secret');
	is_deeply [ Pop1::split_mbox($again->fetch('RETR')) ], \@messages,
	    "P1-019 $name: what POP3 has deleted is not sent";

	# All that both delete leaves the same file.
	is $c->fetch('RDEL'), $expected, "P1-008 $name, to be deleted";
	$again->close;
	$c->close;
	$pop3 = $d->session("$user.pop3", 'secret');
	$pop3->cmd("DELE $_") for 1 .. @messages;
	like $pop3->cmd('QUIT'), qr/\A\+OK/, 'POP3 deletes the rest';
	$pop3->close;
	is $d->mbox($user), $d->mbox("$user.pop3"),
	    "P1-008 $name: RDEL deletes as POP3 does";
}
SKIP: {
	skip 'there is no real mail here: CORPUS names none', 1
	    if !grep { /\.mbox\z/ } @names;
	pass 'real mail was among it';
}
$d->stop;

# POP3 may take the quoting of a mailbox off; an mbox without it would have other
# messages.
my $quoted = "secret\n" . Restante::mbox(
	"A: b\n\n>$separator\n>>From x\n>From y\n.\n", @plain);
$d = Pop1->start(users => { alice => $quoted },
    options => ['mbox-quoting=mboxrd']);
my $c = Pop1->session($d, 'alice', 'secret');
my $data = $c->fetch('RETR');
is $data, Pop1::expected($quoted), 'P1-019 quoting stays in the data';
$c->close;
my $pop3 = $d->session('alice', 'secret');
my @messages = Pop1::split_mbox($data);
is @messages, 1 + @plain, 'P1-019 so that it comes apart';
for my $n (1 .. @messages) {
	is $messages[$n - 1][1] =~ s/^>(>*From )/$1/mgr,
	    ($pop3->text("RETR $n"))[1],
	    "P1-019 into what POP3 sends without, message $n";
}

done_testing;
