# SPDX-License-Identifier: ISC
# A disk with not one block left: deletions work as they do elsewhere, or say
# that they do not, and nothing is lost.  The disk is a small tmpfs in a name
# space of its own.

use strict;
use warnings;

use Errno ();
use File::Temp ();
use Test::More;

use Proc;
use Restante;

# The rest runs where the disk is mounted, by root or, if that is allowed, by an
# ordinary user who is root there for as long as that takes.
if (!defined $ENV{FULL_DISK}) {
	my $dir = File::Temp->newdir('full-XXXXXXXX', TMPDIR => 1);
	my $run = "mount -t tmpfs -o size=2m tmpfs '$dir' && exec ";
	my @space = ('unshare', '-m');

	if ($> != 0) {
		@space = ('unshare', '-rm');
		$run .= 'unshare -U --map-user=12345 --map-group=12345 ';
	}
	plan skip_all => 'no disk can be mounted here' if system(@space, 'sh',
	    '-c', "exec 2>/dev/null; ${run}true") != 0;
	local $ENV{FULL_DISK} = "$dir";
	my $status = system @space, 'sh', '-c', "$run\"\$0\" \"\$@\"", $^X,
	    (map { "-I$_" } @INC), $0;
	exit($status == 0 ? 0 : 1);
}

my $disk = $ENV{FULL_DISK};
mkdir "$disk/Users", 0700 or die "$disk/Users: $!";
my $d = Restante->start(dir => "$disk/Users");

sub fill
{
	open my $fh, '>>', "$disk/filler" or die "$disk/filler: $!";
	1 while syswrite $fh, 'x' x 4096;
	die "filling: $!" if !$!{ENOSPC};
}

# Whether a page more can be written.
sub is_full
{
	open my $fh, '>>', "$disk/probe" or return 1;
	my $n = syswrite $fh, 'x' x 4096;
	unlink "$disk/probe";
	return !defined $n;
}

# Fills it but for so many octets.
sub fill_but
{
	fill();
	truncate "$disk/filler", (-s "$disk/filler") - $_[0]
	    or die "$disk/filler: $!";
}

sub empty
{
	unlink "$disk/filler";
}

my @small = map { "Subject: $_\n\nbody of $_" } 1 .. 400;
my @large = map { "Subject: $_\n\n" . "line of $_\n" x 500 } 1 .. 12;

sub make
{
	my ($name, @messages) = @_;

	$d->user($name => "secret\n" . Restante::mbox(@messages));
}

# The numbers in the subjects of what a session sees; each message is whole.
sub subjects
{
	my ($name, $messages, $what) = @_;
	my $c = $d->session($name, 'secret');
	my ($status, @list) = $c->multi('LIST');
	my @got;

	for (map { s/ .*//r } @list) {
		my (undef, $text) = $c->text("RETR $_");
		my ($n) = $text =~ /^Subject: (\d+)\r\n/;
		my $is = $messages->[$n - 1] =~ s/\n?\z/\n/r =~ s/\n/\r\n/gr;
		fail "$what: message $n is not what it was" if $text ne $is;
		push @got, $n;
	}
	$c->cmd('QUIT');
	$c->close;
	return @got;
}

# Deletes, on the full disk.  A reply that says so must be true.
sub delete_some
{
	my ($what, $name, $messages, @gone) = @_;
	my @before = subjects($name, $messages, $what);
	my %gone = map { ($before[$_ - 1], 1) } @gone;
	my @after = grep { !$gone{$_} } @before;
	my $c = $d->session($name, 'secret');

	$c->send(join '', map { "DELE $_\r\n" } @gone);
	$c->status =~ /^\+OK/ or die 'DELE' for @gone;
	my $reply = $c->cmd('QUIT');
	$c->close;
	if ($reply =~ /^\+OK/) {
		is_deeply [ subjects($name, $messages, $what) ], \@after,
		    "$what: done";
	} else {
		is $reply, '-ERR [SYS/TEMP] nothing was deleted',
		    "$what: says so";
		is_deeply [ subjects($name, $messages, $what) ], \@before,
		    "$what: nothing is deleted";
	}
	return $reply =~ /^\+OK/;
}

# As promised: where the mailbox has been opened once, up to as many runs as one
# block holds.
{
	make('alice', @large);
	subjects('alice', \@large, 'a disk with room');
	fill();
	ok is_full(), 'the disk is full';
	ok delete_some('full, one from the middle', 'alice', \@large, 5),
	    'full, one from the middle: is possible';
	fill();
	ok delete_some('full, some', 'alice', \@large, 1, 3, 6, 7),
	    'full, some: is possible';
	fill();
	ok delete_some('full, the last', 'alice', \@large, 7),
	    'full, the last: is possible';
	fill();
	ok delete_some('full, all', 'alice', \@large, 1 .. 6),
	    'full, all: is possible';
	empty();
	like $d->mbox('alice'), qr/\Asecret\n/, 'full: the first line stays';
}

# Opened for the first time on a full disk: no journal, no index.
{
	make('bob', @large);
	fill();
	ok is_full(), 'first time: the disk is full';
	my $c = $d->connect;
	my $reply = $c->login('bob', 'secret');
	like $reply, qr/^\+OK.* 12 messages|^-ERR \[SYS\/TEMP\]/,
	    'first time, full: in, or told why not';
	$c->close;
	SKIP: {
		skip 'it is refused', 1 if $reply !~ /^\+OK/;
		delete_some('first time, full', 'bob', \@large, 2, 4);
		delete_some('first time, full, all', 'bob', \@large,
		    1 .. subjects('bob', \@large, 'first time'));
	}
	empty();
	my @left = subjects('bob', \@large, 'first time, room again');
	ok !@left || delete_some('first time, room again', 'bob', \@large,
	    1 .. @left), 'first time, room again: is possible';
}

# More runs than a block holds: told, or done.
{
	make('carol', @small);
	subjects('carol', \@small, 'many runs');
	fill();
	ok is_full(), 'many runs: the disk is full';
	my @even = map { 2 * $_ } 1 .. 200;
	my $done = delete_some('many runs, full', 'carol', \@small, @even);
	note 'many runs, full: ' . ($done ? 'done' : 'refused');
	empty();
	ok $done || delete_some('many runs, room again', 'carol', \@small,
	    @even), 'many runs, room again: is possible';
}

# What is dead outweighs what is alive, and is a hole.  The journal has room for
# what would be moved into it, and then the hole has none.
{
	my @huge = map { "Subject: $_->[0]\n\n" . "$_->[0]\n" x $_->[1] }
	    [ 1, 300000 ], [ 2, 100000 ], [ 3, 100000 ], [ 4, 1 ];
	make('erin', @huge);
	delete_some('a hole', 'erin', \@huge, 1);
	fill_but(300 * 1024);
	ok delete_some('full, a hole', 'erin', \@huge, 1),
	    'full, a hole: is possible';
	ok !is_full(), 'full, a hole: the room is still there';
	empty();

	# The same where all moves behind a longer password line.
	make('frank', @huge[0, 1]);
	delete_some('a hole', 'frank', \@huge, 1);
	fill_but(900 * 1024);
	open my $ctl, '|-', "'$ENV{BUILD}/restantectl' -d '$disk/Users' " .
	    "passwd frank 2>'$disk/said'" or die "restantectl: $!";
	print $ctl "new\n";
	ok !close $ctl, 'full, a new password: refused';
	like Restante::slurp("$disk/said"), qr/nothing has changed: No space/,
	    '... and told why';
	is_deeply [ subjects('frank', \@huge, 'full, a new password') ], [ 2 ],
	    '... and the old one is good';
	empty();
}

# What is missing at the end of a mailbox cannot be added: it does not matter.
{
	my $box = ("secret\n" . Restante::mbox(@small[0 .. 2])) =~ s/\n\n\z//r;
	$box .= 'x' x (4096 - length $box);
	$d->user(dave => $box);
	my @texts = (@small[0, 1], $small[2] =~ s/\n?\z//r);
	fill();
	ok is_full(), 'an end without a line end: the disk is full';
	my $c = $d->connect;
	like $c->login('dave', 'secret'), qr/^\+OK.* 3 messages/,
	    'an end without a line end: opened';
	like +($c->text('RETR 3'))[1], qr/x\r\n\z/,
	    'an end without a line end: read';
	$c->close;
	empty();
	$d->session('dave', 'secret')->close;
	is $d->mbox('dave'), "$box\n\n", 'and added when there is room';
}

is $d->stop, 0, 'the server ends';
done_testing;
