# SPDX-License-Identifier: ISC
# What the launcher of TLS helpers and a helper may do, when root has started the
# server: also one that a client has taken over, played by a helper that does what
# its client says.
use strict;
use warnings;

use Test::More;

use Letters;
use Proc;
use Restante;
use Tls;

plan skip_all => 'only root can start the server as root' if $> != 0;
plan skip_all => Tls::missing() if Tls::missing();

my ($uid, $gid) = (getpwnam('stunnel4'))[2, 3];
plan skip_all => 'there is no account stunnel4' if !defined $uid;

my $none = '0' x 16;
my %users = (alice => "secret\n" . Restante::mbox("Subject: one\n\n1\n"));

sub powerless
{
	my ($name, $pid) = @_;
	my $s = Proc::status($pid);

	subtest $name => sub {
		is $s->{Uid}, join("\t", ($uid) x 4), 'uid: all four';
		is $s->{Gid}, join("\t", ($gid) x 4), 'gid: all four';
		is $s->{Groups}, $gid, 'no other group';
		is $s->{$_}, $none, "no $_" for qw(CapInh CapPrm CapEff CapBnd
		    CapAmb);
		is $s->{NoNewPrivs}, 1, 'no_new_privs';
		is Proc::limits($pid)->{'Max core file size'}, '0 0',
		    'no core file';
	};
}

# Who has what was copied of the two files.
sub holders
{
	my ($d) = @_;
	my $title = Proc::titles($d);

	return join ' ', sort map {
		my $fds = Proc::descriptors($_);
		(grep { m{^/memfd:tls} } values %$fds) ?
		    $title->{$_} =~ s/ .*//r =~ s/.*\///r : ()
	} keys %$title;
}

{
	my $d = Restante->start(users => \%users, options => [Tls::options()]);
	my $t = Tls->connect($d);

	like $t->login('alice', 'secret'), qr/^\+OK/, 'a login over TLS';
	my $launcher = Proc::find($d, qr/^launcher/);
	my $helper = Proc::find($d, qr/stunnel/);
	powerless('launcher', $launcher);
	powerless('helper', $helper);
	ok Proc::closed($launcher), 'the launcher is not dumpable';
	is holders($d), 'launcher master stunnel',
	    'nobody else has the certificate and the key';
	my $fds = Proc::descriptors($helper);
	like $fds->{3}, qr/tls\.\d+ \(deleted\)\z/, 'a helper has the way back';
	is scalar(grep { m{^/} && !m{^/(?:memfd:tls|dev/)|tls\.\d+ } }
	    values %$fds), 0, 'and no other file';
	is_deeply [ glob $d->dir . '/.restante/tls*' ], [],
	    'nothing is left in the directory';
	is $d->stop, 0, 'the server ends';
}

# A helper that obeys its client: opens files for reading or writing, and says what
# came of it.
my $scratch = Letters::stage();
chmod 0755, $scratch;
Restante::spew("$scratch/helper", <<'EOF');
#!/usr/bin/perl
use IO::Handle ();
$| = 1;
STDIN->blocking(1);
while (<STDIN>) {
	my ($mode, $path) = split;
	print open(my $fh, $mode, $path) ? "opened\r\n" : "$!\r\n";
}
EOF
chmod 0755, "$scratch/helper";

sub hostile
{
	my ($d) = @_;
	my %before = %{ Proc::titles($d) };
	my $c = $d->connect;

	$c->cmd('STLS');
	$c->send("< /dev/null\n");
	is $c->line, 'opened', 'a helper that obeys';
	my ($pid) = grep { !$before{$_} && Proc::status($_)->{Uid} =~ /^$uid\b/ }
	    keys %{ Proc::titles($d) };
	return ($c, $pid);
}

sub ask
{
	my ($c, $mode, $path) = @_;

	$c->send("$mode $path\n");
	return $c->line;
}

{
	my (undef, @files) = Tls::options();
	my $d = Restante->start(users => \%users,
	    options => [ "tls-helper=$scratch/helper", @files ]);
	my ($one, $pid) = hostile($d);
	my ($other, $other_pid) = hostile($d);

	isnt $pid, $other_pid, 'two helpers';
	is Proc::status($pid)->{Uid}, Proc::status($other_pid)->{Uid},
	    'of one user';
	is ask($one, '<', "/proc/$pid/mem"), 'opened', 'its own memory';
	is ask($one, '<', "/proc/self/fd/5"), 'opened', 'its own key';
	isnt ask($one, '<', "/proc/$other_pid/mem"), 'opened',
	    'not the memory of another helper';
	isnt ask($one, '<', "/proc/$other_pid/environ"), 'opened',
	    'nor what it was started with';
	isnt ask($one, '<', '/proc/' . Proc::find($d, qr/^$_/) . '/mem'),
	    'opened', "nor the memory of the $_" for qw(launcher listener keeper);
	isnt ask($one, '<', $d->path('alice')), 'opened', 'nor a mailbox';
	isnt ask($one, '<', '/etc/shadow'), 'opened', 'nor what only root may';
	for my $place ('/tmp', '/dev/shm', '/var/tmp') {
		isnt ask($one, '>', "$place/restante-" . $d->pid), 'opened',
		    "nothing can be written in $place";
	}
	$_->close for $one, $other;
	is $d->stop, 0, 'the server ends';
}

# Whoever else runs as the helpers can read the key: not for want of an account, and
# not who runs what strangers talk to.
for ([ 'no account', qr/tls-user: there is no account no-such-account$/m,
	'tls-user=no-such-account' ],
    [ 'the account of sessions', qr/tls-user: sessions run as stunnel4, too$/m,
	'user=stunnel4' ],
    [ 'the keeper\'s', qr/tls-user: the keeper runs as stunnel4, too$/m,
	'keeper-user=stunnel4' ],
    [ 'nobody, as sessions for want of an account',
	qr/tls-user: sessions run as nobody, too$/m, 'tls-user=nobody',
	'user=no-such-account' ],
    [ 'root', qr/TLS helpers do not run as root$/m, 'tls-user=root' ]) {
	my ($what, $message, @options) = @$_;
	my $d = Restante->new(options => [ Tls::options(), @options ]);
	my ($status, undef, $err) = Letters::run(Restante::binary(), '-n', '-f',
	    '/dev/null', '-d', $scratch, map { ('-o', $_) } Tls::options(),
	    @options);

	# Whoever the keeper is must be able to work there.
	chmod 0777, $d->dir or die "chmod: $!";
	is $status, 78, "$what: restante -n says no";
	like $err, $message, "$what: and why";
	ok !eval { $d->start; 1 }, "$what: no start";
	like $@, $message, "$what: and it says why, too";
}

done_testing;
