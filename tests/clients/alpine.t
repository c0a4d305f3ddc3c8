# SPDX-License-Identifier: ISC
# alpine, full-screen: a list, everything saved, everything deleted.
use strict;
use warnings;

use Test::More;

use Letters;
use Reference;
use Restante;
use Screen;

Letters::tool('tmux');
my $alpine = Letters::tool('alpine');

# Header lines that it puts into every message of a folder.
sub as_saved
{
	return map {
		my ($header, $body) = /\A(.*?\n)(\n.*|)\z/s;
		$header =~ s/^(?:Status|X-(?:Status|Keywords|UID|IMAPbase)):.*\n//gmi;
		"$header$body";
	} @_;
}

# The messages of a folder.
sub saved
{
	my ($path) = @_;

	return as_saved(Letters::local_ends(map { $_->{wire} }
	    Reference::messages("secret\n" . Letters::slurp($path))));
}

# Types keys and waits until it shows that.
sub step
{
	my ($screen, $pattern, @keys) = @_;

	$screen->type(@keys);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok $screen->shows($pattern), "@keys: $pattern" or diag $screen->text;
}

sub open_mailbox
{
	my ($home, $d, $count) = @_;
	my $folder = '{127.0.0.1:' . $d->port . '/pop3/notls/user=alice}inbox';
	my $screen = Screen->start($alpine, '-p', "$home/settings", '-i',
	    '-f', $folder);

	ok $screen->shows(qr/ENTER PASSWORD/), 'it asks for the password';
	$screen->type('secret', 'Enter');
	step($screen, qr/Message \d+ of $count\b/, 'n')
	    if $screen->shows(qr/Preserve password/);
	step($screen, qr/SELECT criteria/, '\;');
	step($screen, qr/All $count messages selected/, 'a');
	step($screen, qr/APPLY command/, 'a');
	return $screen;
}

for my $box (Letters::mailboxes()) {
	my $home = Letters::stage();
	my @wanted = as_saved(Letters::local_ends(@{ Letters::wires($box) }));
	my $count = @wanted;
	my $d = Restante->start(users => { alice => $box->{text} });

	Restante::spew("$home/settings", <<"EOF");
user-domain=example.org
feature-list=enable-aggregate-command-set,quit-without-confirm,
	expunge-without-confirm,quell-folder-internal-msg
sort-key=arrival
mail-directory=$home/mail
last-version-used=6.26
EOF
	my $screen = open_mailbox($home, $d, $count);
	step($screen, qr/SAVE /, 's');
	step($screen, qr/no delete/, 'C-r') if $screen->text !~ /no delete/;
	step($screen, qr/doesn't exist/, "$home/saved", 'Enter');
	step($screen, qr/$count messages saved|Saving +DONE/, 'y');
	$screen->type('q');
	is $screen->ended, 0, "$box->{name}: it quits";
	Letters::same([ saved("$home/saved") ], \@wanted,
	    "$box->{name}: every message");
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    "$box->{name}: nothing was changed";

	$screen = open_mailbox($home, $d, $count);
	step($screen, qr/^X D +\d+ /m, 'd');
	step($screen, qr/Expunge $count messages/, 'x');
	step($screen, qr/No Messages/, 'y');
	$screen->type('q');
	is $screen->ended, 0, "$box->{name}: it quits";
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
