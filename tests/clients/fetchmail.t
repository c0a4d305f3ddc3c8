# SPDX-License-Identifier: ISC
# fetchmail: by RETR, by TOP, remembering unique-ids, by APOP.
use strict;
use warnings;

use Test::More;

use Letters;
use Restante;

my $fetchmail = Letters::tool('fetchmail');

# Behind every message that is delivered.
my $mark = '=== end ===';

# Runs it with these settings; its exit status, and what was delivered.
sub fetch
{
	my ($home, $d, $protocol, $settings) = @_;

	Restante::spew("$home/settings", <<"EOF");
set no syslog
set invisible
poll 127.0.0.1 protocol $protocol port @{[ $d->port ]} uidl
	user alice password secret sslproto '' no rewrite
	mda "cat >>$home/mail && echo $mark >>$home/mail" $settings
EOF
	unlink "$home/mail";
	my ($status, $out, $err) = Letters::run($fetchmail,
	    '-f', "$home/settings", '-i', "$home/ids", '--pidfile', "$home/pid");
	my @got = split /^$mark\n/m, Letters::slurp("$home/mail");
	return ($status, \@got, $out . $err);
}

for my $box (Letters::mailboxes()) {
	my $home = Letters::stage();
	my $wanted = [ Letters::local_ends(@{ Letters::wires($box) }) ];
	my $d = Restante->start(users => { alice => $box->{text} });

	my ($status, $got, $said) = fetch($home, $d, 'pop3', 'keep fetchall');
	is $status, 0, "$box->{name}: keep fetchall" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message, by RETR");

	unlink "$home/ids";
	($status, $got, $said) = fetch($home, $d, 'pop3', 'keep no fetchall');
	is $status, 0, "$box->{name}: keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message, by TOP");
	($status, $got, $said) = fetch($home, $d, 'pop3', 'keep no fetchall');
	is $status, 1, "$box->{name}: nothing new" or diag $said;
	is scalar(@$got), 0, "$box->{name}: it knows all unique-ids";
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    "$box->{name}: nothing was changed";

	($status, $got, $said) = fetch($home, $d, 'apop', 'fetchall');
	is $status, 0, "$box->{name}: APOP, without keep" or diag $said;
	Letters::same($got, $wanted, "$box->{name}: every message, by APOP");
	ok $d->log_like(qr/login: user=alice .* by=APOP/),
	    "$box->{name}: it was APOP";
	($status, $got, $said) = fetch($home, $d, 'pop3', '');
	is $status, 1, "$box->{name}: no mail any more" or diag $said;
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
