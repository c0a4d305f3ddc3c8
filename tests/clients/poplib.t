# SPDX-License-Identifier: ISC
# poplib, the client of Python's programs.
use strict;
use warnings;

use FindBin;
use Test::More;

use Letters;
use Reference;
use Restante;

my $python = Letters::tool('python3');

for my $box (Letters::mailboxes(odd => 1)) {
	my $home = Letters::stage();
	my @messages = @{ $box->{messages} };
	my $count = @messages;
	my $octets = 0;
	my $d = Restante->start(users => { alice => $box->{text} });

	$octets += $_->{octets} for @messages;
	my ($status, $out, $err) = Letters::run($python, '-I',
	    "$FindBin::Bin/fetch.py", $d->port, $home);
	is $status, 0, "$box->{name}: the conversation" or diag $err;
	is Letters::slurp("$home/STAT"), "$count $octets\r\n",
	    "$box->{name}: stat";
	is Letters::slurp("$home/LIST"), join('', map {
		"$_ $messages[$_ - 1]{octets}\r\n"
	} 1 .. $count), "$box->{name}: list";
	is Letters::slurp("$home/UIDL"), join('', map {
		"$_ $messages[$_ - 1]{id}\r\n"
	} 1 .. $count), "$box->{name}: uidl";
	like Letters::slurp("$home/CAPA"), qr/^UIDL\r$/m, "$box->{name}: capa";
	Letters::same([ map { Letters::slurp("$home/RETR.$_") } 1 .. $count ],
	    Letters::wires($box),
	    "$box->{name}: every message, octet for octet");
	Letters::same([ map { Letters::slurp("$home/TOP.$_") } 1 .. $count ],
	    [ map { Reference::top($_->{wire}, 2) } @messages ],
	    "$box->{name}: top of every message");
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
