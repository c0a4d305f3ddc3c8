# SPDX-License-Identifier: ISC
# Mail for clients to fetch, and what the tests of real clients share.
#
#	my $curl = Letters::tool('curl');	# or the test is skipped, aloud
#	for my $box (Letters::mailboxes()) {
#		my $d = Restante->start(users => { alice => $box->{text} });
#		my ($status, $out, $err) = Letters::run($curl, ...);
#		Letters::same($got, $box->{messages}, 'fetched by curl');
#	}
#
# A client runs in a scratch directory that is its HOME: nobody's own files are
# read or written.
package Letters;

use strict;
use warnings;

use File::Temp ();
use FindBin ();
use POSIX ();
use Clock qw(time);
use Reference ();
use Restante ();
use Test::More ();
use Time::HiRes qw(sleep);

# Real mail, if there is any: beside a checkout, or in the folder that CORPUS names.
my $corpus = $ENV{CORPUS} // "$FindBin::Bin/../../../shared/corpus";

sub corpus
{
	return sort glob "$corpus/*.mbox";
}

# What goes wrong where it goes wrong: a message for each.
my @own = (
	"Subject: dots\n\n.\n..\n...and more\n.From here on\n\n.\n",
	"Subject: eight bits\nX-Name: J\xf6rg\n\n" .
	    join('', map { chr } 0xa0 .. 0xfe) . "\nna\xc3\xafve \xe2\x82\xac\n",
	"Subject: signed\nContent-Type: multipart/signed; boundary=\"=_x\"\n" .
	    "\n--=_x\nContent-Type: text/plain\n\nTrailing blanks   \n\t\n" .
	    "-- \n\n--=_x\nContent-Type: application/pgp-signature\n\n" .
	    "-----BEGIN PGP SIGNATURE-----\n\niQ==\n=abcd\n" .
	    "-----END PGP SIGNATURE-----\n--=_x--\n",
	"Subject: a long line\n\n" . 'x' x 5000 . "\nand " . 'y. ' x 900 . "\n",
	"Subject: quoted\n\n>From the start\n\n>From the end\n>>From\n",
	"Subject: from the CRLF people\r\nX-More: 1\r\n\r\nOne.\r\n\r\n.\r\nTwo.\r\n",
	"Subject: blank lines at the end\n\ntext\n\n\n\n",
	"Subject: twins\n\nthe same\n",
	"Subject: twins\n\nthe same\n",
);
# Not every client takes these as they are.
my @odd = (
	"\nno header at all\n",
	"Subject: only headers\nX-More: 1\n",
	"Subject: zero octets\n\na\0b\n\0\n\0\0\0 end\n",
	"Subject: carriage returns\n\na\rb\n\r\r\nc\r.\n",
	"Subject: a very long line\n\n" . 'z' x 70000 . "\nand one more\n",
	"Subject: control\n\n\x01\x02\x08\x0b\x0c\x1b[0m\x7f\xff\xfe\n",
);

sub slurp
{
	my ($path) = @_;

	return -e $path ? Restante::slurp($path) : '';
}

sub box
{
	my ($name, $mbox) = @_;
	my $text = "secret\n$mbox";

	return {
		name => $name,
		text => $text,
		messages => [ Reference::messages($text) ],
	};
}

# Mailboxes of the user's password `secret'.  With odd => 1, also messages that
# no RFC allows and that some client or other changes.
sub mailboxes
{
	my (%opt) = @_;
	my @boxes = (box('own', Restante::mbox(@own)));

	push @boxes, box('odd', Restante::mbox(@odd)) if $opt{odd};
	for my $name (qw(lkml mixed)) {
		my $path = "$corpus/$name.mbox";

		if (-e $path) {
			push @boxes, box($name, Restante::slurp($path));
			next;
		}
		SKIP: {
			Test::More::skip("$name.mbox is not there", 1);
		}
	}
	return @boxes;
}

# The path of a program, without which the test is skipped.
sub tool
{
	my ($name) = @_;

	return Restante::program($name) //
	    Test::More::plan(skip_all => "$name is not installed");
}

# A new scratch directory, the HOME of what run() starts from now on.
sub stage
{
	my $dir = File::Temp->newdir('restante-XXXXXXXX', TMPDIR => 1);

	$ENV{HOME} = "$dir";
	delete @ENV{grep { /^(?:XDG_|.*_proxy$|FETCHMAIL|MAIL$)/i } keys %ENV};
	return $dir;
}

# Runs a program in HOME, for some minutes at most.  Its exit status, -1 when it had
# to be ended, and what it wrote.
sub run
{
	my @command = @_;
	my $deadline = time + 5 * Restante::PATIENCE;
	my ($out, $err) = map { "$ENV{HOME}/.run.$_" } qw(out err);
	my $pid = fork // die "fork: $!";
	my $status = -1;

	if ($pid == 0) {
		chdir $ENV{HOME};
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $out;
		open STDERR, '>', $err;
		{ no warnings; exec { $command[0] } @command; }
		POSIX::_exit(127);
	}
	for (;;) {
		last if waitpid($pid, POSIX::WNOHANG) == $pid
		    and ($status = $? & 127 ? -1 : $? >> 8, 1);
		if (time > $deadline) {
			kill KILL => $pid;
			waitpid $pid, 0;
			last;
		}
		sleep 0.005;
	}
	return ($status, slurp($out), slurp($err));
}

# Line ends as programs on this machine have them.
sub local_ends
{
	return map { s/\r\n/\n/gr } @_;
}

# Whether texts are those of the messages; one test.
sub same
{
	my ($got, $wanted, $name) = @_;
	my @wrong;

	push @wrong, scalar(@$got) . ' messages instead of ' . scalar(@$wanted)
	    if @$got != @$wanted;
	for my $n (1 .. @$wanted) {
		last if @wrong;
		my $difference = Reference::difference($got->[$n - 1],
		    $wanted->[$n - 1]);
		push @wrong, "message $n: $difference" if defined $difference;
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	Test::More::ok(!@wrong, $name) or Test::More::diag(@wrong);
}

# The text of each message, as on the wire.
sub wires
{
	my ($box) = @_;

	return [ map { $_->{wire} } @{ $box->{messages} } ];
}

1;
