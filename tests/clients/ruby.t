# SPDX-License-Identifier: ISC
# Net::POP3 of Ruby.
use strict;
use warnings;

use FindBin;
use Test::More;

use Letters;
use Reference;
use Restante;

my $ruby = Letters::tool('ruby');
plan skip_all => 'net/pop of Ruby is not installed'
    if system "$ruby -e 'require %q(net/pop)' 2>/dev/null";

for my $box (Letters::mailboxes(odd => 1)) {
	my $home = Letters::stage();
	my @messages = @{ $box->{messages} };
	my $count = @messages;
	my $octets = 0;
	my $d = Restante->start(users => { alice => $box->{text} });

	$octets += $_->{octets} for @messages;
	my ($status, $out, $err) = Letters::run($ruby,
	    "$FindBin::Bin/fetch.rb", $d->port, $home);
	is $status, 0, "$box->{name}: the conversation" or diag $err;
	is Letters::slurp("$home/STAT"), "$count $octets\r\n",
	    "$box->{name}: count and size";
	is Letters::slurp("$home/LIST"), join('', map {
		"$_ $messages[$_ - 1]{octets}\r\n"
	} 1 .. $count), "$box->{name}: sizes";
	is Letters::slurp("$home/UIDL"), join('', map {
		"$_ $messages[$_ - 1]{id}\r\n"
	} 1 .. $count), "$box->{name}: unique-ids";
	Letters::same([ map { Letters::slurp("$home/RETR.$_") } 1 .. $count ],
	    Letters::wires($box),
	    "$box->{name}: every message, octet for octet");
	Letters::same([ map { Letters::slurp("$home/TOP.$_") } 1 .. $count ],
	    [ map { Reference::top($_->{wire}, 2) } @messages ],
	    "$box->{name}: top of every message");
	ok $d->log_like(qr/login: user=alice .* by=APOP/),
	    "$box->{name}: the second time by APOP";
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
