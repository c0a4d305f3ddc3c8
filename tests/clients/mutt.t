# SPDX-License-Identifier: ISC
# mutt and neomutt, full-screen: a list, copies of everything, everything deleted.
use strict;
use warnings;

use Test::More;

use Letters;
use Restante;
use Screen;

Letters::tool('tmux');

# Header lines that they put into every copy.
sub as_copied
{
	return map {
		my ($header, $body) = /\A(.*?\n)(\n.*|)\z/s;
		$header =~ s/^(?:Content-Length|Lines|Status|X-Status):.*\n//gmi;
		"$header$body";
	} @_;
}

sub open_mailbox
{
	my ($program, $home, $d, $count) = @_;

	Restante::spew("$home/settings", <<"EOF");
set sort = mailbox-order folder = $home mbox_type = MH tmpdir = $home
set record = "" postponed = "" header_cache = ""
set confirmappend = no confirmcreate = no delete = yes quit = yes
set wait_key = no sleep_time = 0 beep = no
set ssl_starttls = no ssl_force_tls = no
EOF
	my $screen = Screen->start($program, '-n', '-F', "$home/settings",
	    '-f', "pop://alice:secret\@127.0.0.1:" . $d->port . '/');
	ok $screen->shows(qr/Msgs:$count\b/), 'it lists them all'
	    or diag $screen->text;
	return $screen;
}

sub try
{
	my ($program, $box) = @_;
	my $home = Letters::stage();
	my @wanted = as_copied(Letters::local_ends(@{ Letters::wires($box) }));
	my $count = @wanted;
	my $d = Restante->start(users => { alice => $box->{text} });
	my $screen = open_mailbox($program, $home, $d, $count);
	my ($subject) = $box->{messages}[0]{wire} =~ /^Subject: ([^\r\n]{1,20})/mi;

	ok $screen->shows(qr/\Q$subject\E/), 'with their subjects';
	$screen->type('T');
	$screen->shows(qr/Tag messages/);
	$screen->type('~A', 'Enter');
	ok $screen->shows(qr/Tag:$count\b/), 'all of them are tagged';
	$screen->type(';C');
	$screen->shows(qr/Copy tagged/);
	$screen->type('C-u', "$home/copies", 'Enter');
	ok Restante::wait_for(sub { -e "$home/copies/$count" }),
	    'all of them are copied' or diag $screen->text;
	$screen->type('q');
	is $screen->ended, 0, 'it quits';
	Letters::same([ as_copied(map { Letters::slurp("$home/copies/$_") }
	    1 .. $count) ], \@wanted, 'every message');
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    'nothing was changed';

	$screen = open_mailbox($program, $home, $d, $count);
	$screen->type('D');
	$screen->shows(qr/Delete messages/);
	$screen->type('~A', 'Enter');
	ok $screen->shows(qr/Del:$count\b/), 'all of them are marked'
	    or diag $screen->text;
	$screen->type('q');
	is $screen->ended, 0, 'it quits';
	is $d->stop, 0, 'the server ends';
	is $d->mbox('alice'), "secret\n", 'nothing is left but the password';
}

my @boxes = Letters::mailboxes();
for my $name ('mutt', 'neomutt') {
	my $program = Restante::program($name);

	SKIP: {
		skip "$name is not installed", 1 if !defined $program;
		for my $box (@boxes) {
			subtest "$name, $box->{name}", \&try, $program, $box;
		}
	}
}

done_testing;
