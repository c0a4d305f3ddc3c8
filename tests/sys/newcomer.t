# SPDX-License-Identifier: ISC
# As a new administrator would: make install into a clean root, then what README
# says, word for word, then the first message that is fetched.

use strict;
use warnings;

use File::Temp ();
use FindBin;
use Test::More;

use Front;
use Restante;
use Tls;

my $top = "$FindBin::Bin/../..";

plan skip_all => 'only root changes the root directory' if $> != 0;
for (qw(chroot ip make mknod unshare)) {
	plan skip_all => "no $_" if !Restante::program($_);
}
plan skip_all => 'a dynamic program needs more than a clean root'
    if qx(ldd $ENV{BUILD}/restante 2>&1) !~ /statically|not a dynamic/;

# A network with port 110 free.
if (!$ENV{OWN_NETWORK}) {
	plan skip_all => 'no name spaces to be had'
	    if system('unshare -n true 2>/dev/null') != 0;
	$ENV{OWN_NETWORK} = 1;
	exec 'unshare', '-n', $^X, (map { "-I$_" } @INC), $0, @ARGV
	    or die "unshare: $!";
}
system('ip link set lo up') == 0 or die 'no loopback';

my $root = File::Temp->newdir('newcomer-XXXXXXXX', TMPDIR => 1);
my $pid_file = "$root/run/restante.pid";

sub master
{
	return if !-s $pid_file;
	return Restante::slurp($pid_file) =~ /^(\d+)\n\z/ ? $1 : undef;
}

END {
	local $?;
	my $pid = defined $root ? master() : undef;
	kill TERM => $pid, $pid if $pid;
}

# What every system has.
chmod 0755, "$root";
mkdir "$root/$_" or die "$_: $!" for qw(dev etc run var var/spool);
system('mknod', '-m', '666', "$root/dev/null", 'c', 1, 3) == 0
    or plan skip_all => 'no device can be made';
Restante::spew("$root/etc/passwd", "root:x:0:0::/:/bin/sh\n" .
    "mail:x:8:8::/var/mail:/usr/sbin/nologin\n" .
    "nobody:x:65534:65534::/:/usr/sbin/nologin\n");
chmod 0644, "$root/etc/passwd";

{
	local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	is system('make', '-s', '-C', $top, '-o', 'all', 'install',
	    "DESTDIR=$root", "B=$ENV{BUILD}"), 0, 'make install';
}

# Each line of README's recipe in the clean root: programs of the system itself are
# those of this one.
my %how = (
	useradd => sub {
		my ($line) = @_;
		my ($name) = $line =~ /^useradd -r -s \S+ (\w+)$/ or return 1;

		open my $fh, '>>', "$root/etc/passwd" or die "passwd: $!";
		print {$fh} "$name:x:990:990::/:/usr/sbin/nologin\n";
		return !close $fh;
	},
	install => sub { return system $_[0] =~ s{ /}{ $root/}r },
	restantectl => sub {
		return system "echo secret | " .
		    "chroot $root /usr/local/sbin/$_[0]";
	},
	restante => sub {
		return system "chroot $root /usr/local/sbin/$_[0]";
	},
	# Where systemd has not started the machine, by itself.
	systemctl => sub {
		my ($unit) = $_[0] =~ /^systemctl enable --now (\S+)$/;

		return !-f "$root/usr/local/lib/systemd/system/$unit" ||
		    system "chroot $root /usr/local/sbin/restante -b";
	},
);
my ($recipe) = Restante::slurp("$top/README.md") =~
    /^As a service, .*?\n\n((?:    \S[^\n]*\n)+)/ms or die 'README: no recipe';
for my $line ($recipe =~ /^    (.*)$/mg) {
	my ($word) = $line =~ /^(\w+)/;

	ok !$how{$word}->($line), $line;
}

my $c = Front::at(110)->connect;
like $c->login('alice', 'secret'), qr/^\+OK.* 0 messages /, 'a first login';
$c->cmd('QUIT');
$c->close;
open my $box, '>>', "$root/var/spool/restante/Users/alice" or die "alice: $!";
print {$box} Restante::mbox("Subject: one\n\nfirst");
close $box;
$c = Front::at(110)->connect;
like $c->login('alice', 'secret'), qr/^\+OK.* 1 message /, 'mail has come';
my ($status, @lines) = $c->multi('RETR 1');
is "@lines", 'Subject: one  first', 'the first message';
like $c->cmd('QUIT'), qr/^\+OK/, 'the end';
$c->close;
like Front::at(110)->connect->cmd('USER nobody'), qr/^\+OK/,
    'who is there is not told';

my $pid = master();
ok $pid, 'it has a process ID' and kill TERM => $pid, $pid;
ok Restante::wait_for(sub { !-e $pid_file }), 'it ends';

done_testing;
