# SPDX-License-Identifier: ISC
# getmail6: keeping, remembering unique-ids, deleting.
use strict;
use warnings;

use Test::More;

use Letters;
use Restante;

my $getmail = Letters::tool('getmail');

# Behind every message that is delivered.
my $mark = '=== end ===';

# It takes messages apart and writes them anew: the header of the envelope goes in
# front, header lines and the space between MIME parts are its own, and so all that
# can be asked of real mail is that every letter of it is there.
sub as_taken_apart
{
	my ($box, @texts) = @_;

	s/^Return-Path:.*\n(?:[ \t].*\n)*//mi for @texts;
	return @texts if $box->{name} eq 'own';
	return map { s/\s+//gr } @texts;
}

# Runs it; its exit status, what was delivered, and what it said.  Who delivers
# takes some time for it: getmail waits in vain, for a minute, for a child that has
# ended before it begins to wait.
sub fetch
{
	my ($box, $home, $d, @options) = @_;
	my $options = join "\n", @options;

	Restante::spew("$home/getmailrc", <<"EOF");
[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = @{[ $d->port ]}
username = alice
password = secret
[destination]
type = MDA_external
path = /bin/sh
arguments = ('-c', 'cat >>$home/mail && echo "$mark" >>$home/mail && sleep 0.05')
allow_root_commands = true
unixfrom = false
[options]
delivered_to = false
received = false
$options
EOF
	unlink "$home/mail";
	my ($status, $out, $err) =
	    Letters::run($getmail, '--getmaildir', $home);
	my @got = as_taken_apart($box,
	    split /^$mark\n/m, Letters::slurp("$home/mail"));
	return ($status, \@got, $out . $err);
}

for my $box (Letters::mailboxes()) {
	my $home = Letters::stage();
	my $wanted = [ as_taken_apart($box,
	    Letters::local_ends(@{ Letters::wires($box) })) ];
	my $d = Restante->start(users => { alice => $box->{text} });
	my ($status, $got, $said);

	($status, $got, $said) = fetch($box, $home, $d, 'delete = false');
	is $status, 0, "$box->{name}: keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message");
	($status, $got, $said) =
	    fetch($box, $home, $d, 'delete = false', 'read_all = false');
	is $status, 0, "$box->{name}: again" or diag $said;
	is scalar(@$got), 0, "$box->{name}: it knows all unique-ids";
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    "$box->{name}: nothing was changed";

	($status, $got, $said) = fetch($box, $home, $d, 'delete = true');
	is $status, 0, "$box->{name}: without keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message, then deleted");
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
