# SPDX-License-Identifier: ISC
# node-pop3 and yapople, as .ci/run installs them from npm.
use strict;
use warnings;

use FindBin;
use Test::More;

use Letters;
use Reference;
use Restante;

my $modules = "$FindBin::Bin/../../build/npm/node_modules";
my $node = Letters::tool('node');

# Neither takes the doubled dots out, and both take the last line end for a part
# of the terminator: text as they give it.
sub as_given
{
	return map { s/(?:\A|(?<=\r\n))\./../gr =~ s/\r\n\z//r } @_;
}

# Whether node-pop3 can have it: it knows the end of an answer only where that
# comes in one piece.
sub is_small
{
	my ($box) = @_;

	return !grep { $_->{octets} > 16384 } @{ $box->{messages} };
}

sub fetch
{
	my ($client, $box) = @_;
	my $name = "$client, $box->{name}";
	my $home = Letters::stage();
	my @messages = @{ $box->{messages} };
	my $count = @messages;
	my $octets = 0;
	my $d = Restante->start(users => { alice => $box->{text} });

	$octets += $_->{octets} for @messages;
	my ($status, $out, $err) = Letters::run($node,
	    "$FindBin::Bin/fetch_$client.js", $d->port, $home);
	is $status, 0, "$name: the conversation" or diag $err;
	is Letters::slurp("$home/STAT"), "$count $octets\r\n", "$name: stat";
	is Letters::slurp("$home/LIST"), join('', map {
		"$_ $messages[$_ - 1]{octets}\r\n"
	} 1 .. $count), "$name: list";
	is Letters::slurp("$home/UIDL"), join('', map {
		"$_ $messages[$_ - 1]{id}\r\n"
	} 1 .. $count), "$name: uidl" if $client eq 'node-pop3';
	Letters::same([ map { Letters::slurp("$home/RETR.$_") } 1 .. $count ],
	    [ as_given(@{ Letters::wires($box) }) ],
	    "$name: every message, octet for octet");
	Letters::same([ map { Letters::slurp("$home/TOP.$_") } 1 .. $count ],
	    [ as_given(map { Reference::top($_->{wire}, 2) } @messages) ],
	    "$name: top of every message");
	is $d->stop, 0, "$name: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$name: nothing is left but the password";
}

$ENV{NODE_PATH} = $modules;
for my $client ('node-pop3', 'yapople') {
	SKIP: {
		skip "$client is not in $modules", 1
		    if !-d "$modules/$client";
		fetch($client, $_) for grep {
			$client eq 'yapople' || is_small($_)
		} Letters::mailboxes();
	}
}

done_testing;
