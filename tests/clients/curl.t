# SPDX-License-Identifier: ISC
# curl: a listing, every message, APOP, deletion.
use strict;
use warnings;

use Test::More;

use Letters;
use Restante;

my $curl = Letters::tool('curl');
my $home = Letters::stage();

# Many transfers over one connection: a file of settings, a block for each.
sub transfers
{
	my @blocks = @_;
	my $path = "$home/transfers";

	Restante::spew($path, join "next\n", map {
		my $block = $_;
		join '', map { "$_ = \"$block->{$_}\"\n" } sort keys %$block
	} @blocks);
	return Letters::run($curl, '-q', '-sS', '-K', $path);
}

for my $box (Letters::mailboxes(odd => 1)) {
	my @messages = @{ $box->{messages} };
	my $d = Restante->start(users => { alice => $box->{text} });
	my $url = 'pop3://127.0.0.1:' . $d->port;
	my ($status, $out, $err);

	($status, $out, $err) = Letters::run($curl, '-q', '-sS',
	    '-u', 'alice:secret', '-l', "$url/");
	is $status, 0, "$box->{name}: list" or diag $err;
	is $out, join('', map { "$_ $messages[$_ - 1]{octets}\r\n" }
	    1 .. @messages), "$box->{name}: the listing";

	($status, $out, $err) = transfers(map { {
		url => "$url/$_", user => 'alice:secret',
		output => "$home/$box->{name}.$_",
	} } 1 .. @messages);
	is $status, 0, "$box->{name}: fetch" or diag $err;
	Letters::same([ map { Letters::slurp("$home/$box->{name}.$_") }
	    1 .. @messages ], Letters::wires($box),
	    "$box->{name}: every message, octet for octet");

	($status, $out, $err) = Letters::run($curl, '-q', '-sS',
	    '-u', 'alice:secret', '--login-options', 'AUTH=+APOP', "$url/1");
	is $status, 0, "$box->{name}: APOP" or diag $err;
	is $out, $messages[0]{wire}, "$box->{name}: the first, by APOP";
	ok $d->log_like(qr/login: user=alice .* by=APOP/),
	    "$box->{name}: it was APOP";
	($status, $out, $err) = Letters::run($curl, '-q', '-sS',
	    '-u', 'alice:wrong', "$url/1");
	is $status, 67, "$box->{name}: a wrong password is refused" or diag $err;

	($status, $out, $err) = transfers(map { {
		url => "$url/$_", user => 'alice:secret', request => 'DELE',
		'list-only' => 'true',
	} } 1 .. @messages);
	is $status, 0, "$box->{name}: delete" or diag $err;
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
