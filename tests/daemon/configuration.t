# SPDX-License-Identifier: ISC
# restante -n says what is wrong, and where, without starting; restante -T prints
# what is in force.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use Proc;
use Restante;

my $dir = File::Temp->newdir('configuration-XXXXXXXX', TMPDIR => 1);
my $conf = "$dir/conf";

mkdir "$dir/Users", 0700 or die "mkdir: $!";

our @under; # what to run it with

# The exit status, and all that is said; the output may go elsewhere.
sub run_to
{
	my ($to, @args) = @_;
	my $said = join ' ', map { "'$_'" } @under, Restante::binary(),
	    map { s/'/'\\''/gr } @args;

	$said = qx($said 2>&1 $to);
	return ($? >> 8, $said);
}

sub run
{
	return run_to('', @_);
}

sub checks
{
	my ($lines, $want, $what, @args) = @_;

	Restante::spew($conf, $lines);
	my ($status, $said) = run('-n', '-f', $conf, @args);
	is $status, $want eq '' ? 0 : 78, "$what: the exit status";
	is $said, $want =~ s/CONF/$conf/gr, "$what: what is said";
}

my $good = "users $dir/Users\nlisten 127.0.0.1:110\nuser nobody\n";

checks($good, '', 'all is well');
checks("${good}listen 127.0.0.2:110 pop1 tls\nlisten [::1]:65535\n" .
    "listen *:995\n", '', 'several places, most of them in use, perhaps')
    if -e '/proc/net/if_inet6';
checks("${good}apopp no\n", "CONF:4:1: there is no setting \"apopp\"; did " .
    "you mean \"apop\"?\n", 'a slip of the finger');
checks("${good}  apop \t maybe\n\n\tno-such-thing-at-all 1\n",
    "CONF:4:10: apop is one of: no yes auto\n" .
    "CONF:6:2: there is no setting \"no-such-thing-at-all\"\n",
    'two wrong lines');
checks("${good}listen 127.0.0.1:110 pop1\n",
    "CONF:4:8: listen: 127.0.0.1:110 twice\n", 'one place, twice');
checks("${good}listen *:110\n", "CONF:4:8: listen: *:110 collides with the " .
    "line for port 110 of 127.0.0.1\n", 'one place, and all of them');
checks("${good}listen *:1110\nlisten [::1]:1110\n", "CONF:5:8: listen: " .
    "[::1]:1110 collides with the line for port 1110 of all addresses\n",
    'all places, and one of them');
{
	my ($status, $said) = run('-f', '/dev/null', '-T', '-p', '1110',
	    map { ('-l', $_) } '::1', '[::2]', '192.0.2.1', '[192.0.2.2]');
	is join(' ', $said =~ /^listen (.*)$/mg), '[::1]:1110 [::2]:1110 ' .
	    '192.0.2.1:1110 192.0.2.2:1110', '-l, with brackets and without';
	is $status, 0, '... are both taken';
}
checks($good, "command line: there is no setting \"hide-user\"; did you mean " .
    "\"hide-users\"?\n", 'a wrong option', '-o', 'hide-user=yes');
checks("users $dir/None\nuser nobody\n", "restante: the directory of " .
    "mailboxes, $dir/None: No such file or directory\n", 'no directory');
checks("users $conf\nuser nobody\n", "restante: the directory of mailboxes, " .
    "$conf: Not a directory\n", 'a file in its place');
# What is wrong with .restante is not said of the directory, whose mode is right;
# and where none can be made, the check sees what a start would meet.
SKIP: {
	my $told = "restante: opening or making $dir/Users/.restante: Read-only " .
	    "file system\n";

	local @under = Proc::failing(4, '/faccessat' => 'EROFS', 1);
	checks($good, $told, 'no place for .restante');
	@under = Proc::failing(2, mkdirat => 'EROFS', 1);
	my ($status, $said) = run('-f', $conf);
	is $said, $told, 'and the same at the start';
	is $status, 1, 'which comes to nothing';
}
Restante::spew("$dir/Users/.restante", '');
checks($good, "restante: opening or making $dir/Users/.restante: Not a " .
    "directory\n", 'a file in its place');
unlink "$dir/Users/.restante" or die "unlink: $!";
checks("${good}listen 192.0.2.1:110\n", "restante: listening on 192.0.2.1 " .
    "port 110: Cannot assign requested address\n", 'an address of another');
# All addresses of a machine that has only some.
SKIP: {
	skip 'there is no IPv6', 6 if !-e '/proc/net/if_inet6';
	# The calls are for one address, and for all in IPv4 and in IPv6.
	for ([ '2', '' ], [ '3', '' ], [ '2..3', 'restante: listening on all ' .
	    "addresses port 1110: Address family not supported by protocol\n" ]) {
		my ($when, $want) = @$_;
		local @under = Proc::failing(6, socket => 'EAFNOSUPPORT', $when);

		checks("${good}listen *:1110\n", $want, "no socket $when");
	}
}
checks("${good}keeper-user no-such-account\n",
    "restante: keeper-user: there is no account no-such-account\n", 'no such account');
checks("${good}listen 127.0.0.1:1110 proxy\n", "restante: listening for " .
    "proxies, but trusted-proxies is empty\n", 'nobody may connect');
checks("${good}listen 127.0.0.1:1110 proxy\ntrusted-proxies 192.0.2.1\n", '',
    'somebody may');
checks("users $dir/None\nuser nobody\nlisten 127.0.0.1:1110 proxy\n" .
    "keeper-user no-such-account\n", "restante: listening for proxies, but " .
    "trusted-proxies is empty\nrestante: the directory of mailboxes, " .
    "$dir/None: No such file or directory\nrestante: keeper-user: there is " .
    "no account no-such-account\n", 'several things at once');
checks("users $dir/None\nlisten 127.0.0.1:110\nuser nobody\n",
    "restante: the directory of mailboxes, $dir/None: No such file or " .
    "directory\n", 'for inetd, but told here', '--inetd');
checks("${good}apop maybe\n", "CONF:4:6: apop is one of: no yes auto\n",
    '... and a wrong line', '--inetd');
ok !-e "$dir/Users/.restante", 'a check makes nothing';

SKIP: {
	skip 'started by an ordinary user, no account matters', 6 if $> != 0;
	checks("${good}user root\n", "restante: sessions do not run as root\n",
	    'sessions as root');
	checks("${good}user root\nusers $dir/None\n", "restante: the directory " .
	    "of mailboxes, $dir/None: No such file or directory\n" .
	    "restante: sessions do not run as root\n", '... of no directory');
	Restante::spew($conf, "${good}user no-such-account\n");
	my ($status, $said) = run('-n', '-f', $conf);
	is $status, 0, 'sessions as nobody: possible';
	is $said, "restante: there is no account no-such-account: sessions " .
	    "run as nobody\n", 'sessions as nobody: told';
}

# Everyone can read the passwords: told by the check and by the start.
{
	my $d = Restante->new(users => { alice => "secret\n" });
	my $told = "restante: the directory of mailboxes, " . $d->dir .
	    ", has mode 0755: everyone on this machine may look into it\n";

	chmod 0755, $d->dir or die 'chmod: ' . $d->dir;
	Restante::spew($conf, 'users ' . $d->dir . "\nlisten 127.0.0.1:110\n" .
	    "user nobody\n");
	my ($status, $said) = run('-n', '-f', $conf);
	is $status, 0, 'a directory open to all: possible';
	is $said, $told, 'a directory open to all: told';
	$d->start;
	like $d->stderr, qr/^\Q$told\E/m, 'and at the start';
	is $d->stop, 0, 'which works';
}

# Whom nobody may connect to starts nevertheless, and says so.
{
	my $d = Restante->start(users => { alice => "secret\n" }, flags => 'proxy');

	like $d->stderr, qr/^restante: listening for proxies, but trusted-proxies /m,
	    'no proxies: told at the start';
	$d->stop;
}

# A check of what runs already, on the same port.
{
	my $d = Restante->start(users => { alice => "secret\n" });

	checks("users " . $d->dir . "\nlisten 127.0.0.1:" . $d->port .
	    "\nuser nobody\n", '', 'the ports are taken by the one that runs');
}

# Options that make no sense.
for my $wrong ([ '--pop1' ], [ '-x' ], [ 'word' ], [ '-p' ]) {
	my ($status, $said) = run('-f', $conf, @$wrong);
	is $status, 64, "@$wrong: the exit status";
	like $said, qr/^usage: restante /m, "@$wrong: how to do it";
}

# What is in force.
Restante::spew($conf, "${good}apop no\ntrusted-proxies 192.0.2.0/24\n" .
    "listen [::1]:1110 proxy tls\n");
my ($status, $said) = run('-T', '-f', $conf, '-o', 'idle-timeout=77', '-v');
is $status, 0, '-T';
like $said, qr/^\Q$_\E$/m, "-T: $_" for "users $dir/Users", 'apop no',
    'idle-timeout 77', 'login-tries 3', 'listen 127.0.0.1:110',
    'listen [::1]:1110 tls proxy', 'trusted-proxies 192.0.2.0/24',
    'log-level debug';
Restante::spew($conf, $said);
is_deeply [ run('-T', '-f', $conf) ], [ 0, $said ], '-T: is read back as such';
is_deeply [ run_to('>/dev/full', '-T', '-f', $conf) ], [ 1, 'restante: ' .
    "printing the settings: No space left on device\n" ], '-T: is not cut short';

done_testing;
