# SPDX-License-Identifier: ISC
# mpop: by USER and by APOP, listing, keeping, remembering unique-ids.
use strict;
use warnings;

use Test::More;

use Letters;
use Restante;

my $mpop = Letters::tool('mpop');

# Behind every message that is delivered.
my $mark = '=== end ===';

# Runs it; its exit status, what was delivered, and what it said.
sub fetch
{
	my ($home, $d, $auth, $keep, @options) = @_;

	Restante::spew("$home/settings", <<"EOF");
account default
host 127.0.0.1
port @{[ $d->port ]}
tls off
auth $auth
user alice
password secret
keep $keep
received_header off
uidls_file $home/ids
delivery mda cat >>$home/mail && echo $mark >>$home/mail
EOF
	unlink "$home/mail";
	my ($status, $out, $err) =
	    Letters::run($mpop, '-C', "$home/settings", @options);
	my @got = split /^$mark\n/m, Letters::slurp("$home/mail");
	return ($status, \@got, $out . $err);
}

for my $box (Letters::mailboxes()) {
	my $home = Letters::stage();
	my $count = @{ $box->{messages} };
	my $wanted = [ Letters::local_ends(@{ Letters::wires($box) }) ];
	my $d = Restante->start(users => { alice => $box->{text} });
	my ($status, $got, $said);

	($status, $got, $said) = fetch($home, $d, 'user', 'on', '--serverinfo');
	is $status, 0, "$box->{name}: --serverinfo" or diag $said;
	like $said, qr/PIPELINING/i, "$box->{name}: it sees PIPELINING";
	($status, $got, $said) = fetch($home, $d, 'user', 'on', '--status-only');
	is $status, 0, "$box->{name}: --status-only" or diag $said;
	like $said, qr/\b$count messages\b/, "$box->{name}: the count";

	($status, $got, $said) = fetch($home, $d, 'user', 'on');
	is $status, 0, "$box->{name}: keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message");
	($status, $got, $said) = fetch($home, $d, 'user', 'on');
	is $status, 0, "$box->{name}: again" or diag $said;
	is scalar(@$got), 0, "$box->{name}: it knows all unique-ids";
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    "$box->{name}: nothing was changed";

	unlink "$home/ids";
	($status, $got, $said) = fetch($home, $d, 'apop', 'off');
	is $status, 0, "$box->{name}: APOP, without keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message, by APOP");
	ok $d->log_like(qr/login: user=alice .* by=APOP/),
	    "$box->{name}: it was APOP";
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
