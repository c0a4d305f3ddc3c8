# SPDX-License-Identifier: ISC
# telnet, driven by expect: what a person sees who types the commands.
use strict;
use warnings;

use FindBin;
use Test::More;

use Letters;
use Restante;

my $expect = Letters::tool('expect');
Letters::tool('telnet');
my $home = Letters::stage();
my ($terminals) = Letters::run($expect, '-c', 'spawn -noecho true');
plan skip_all => 'there are no pseudo-terminals' if $terminals != 0;

# Takes the doubled dots and the terminator away.
sub unstuffed
{
	my ($text) = @_;

	$text =~ s/\.\r\n\z// or return "no terminator in: $text";
	return $text =~ s/^\.\././mgr;
}

# Octet 255 is a command to telnet: no odd messages here.
for my $box (Letters::mailboxes()) {
	$home = Letters::stage();
	my @messages = @{ $box->{messages} };
	my $count = @messages;
	my $octets = 0;
	my $d = Restante->start(users => { alice => $box->{text} });

	$octets += $_->{octets} for @messages;
	my ($status, $out, $err) = Letters::run($expect,
	    "$FindBin::Bin/telnet.exp", $d->port, $count, $home);
	is $status, 0, "$box->{name}: the conversation" or diag $err;
	like Letters::slurp("$home/STAT"), qr/\+OK $count $octets\r\n\z/,
	    "$box->{name}: STAT";
	is unstuffed(Letters::slurp("$home/LIST")), join('', map {
		"$_ $messages[$_ - 1]{octets}\r\n"
	} 1 .. $count), "$box->{name}: LIST";
	Letters::same([ map { unstuffed(Letters::slurp("$home/RETR.$_")) }
	    1 .. $count ], Letters::wires($box),
	    "$box->{name}: every message, octet for octet");
	like Letters::slurp("$home/QUIT"),
	    qr/\+OK \S+ POP3 server signing off \(maildrop empty\)\r\n\z/,
	    "$box->{name}: QUIT";
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
