# SPDX-License-Identifier: ISC
# More than one machine: two servers in network name spaces of their own, nginx in
# front in a third one, as its sample says, and a line that is cut.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use Front;
use Restante;
use Tls;

plan skip_all => 'only root makes name spaces' if $> != 0;
for (qw(ip nsenter unshare)) {
	plan skip_all => "no $_" if !Restante::program($_);
}
plan skip_all => 'nginx and its mail module are not installed'
    if !-x '/usr/sbin/nginx' ||
    !-e '/usr/lib/nginx/modules/ngx_mail_module.so';

# The machine's own network is left alone.
if (!$ENV{OWN_NETWORK}) {
	plan skip_all => 'no name spaces to be had'
	    if system('unshare -n true 2>/dev/null') != 0;
	$ENV{OWN_NETWORK} = 1;
	exec 'unshare', '-n', $^X, (map { "-I$_" } @INC), $0, @ARGV
	    or die "unshare: $!";
}

my $scratch = File::Temp->newdir('machines-XXXXXXXX', TMPDIR => 1);
my $box = "secret\n" . Restante::mbox(map { "Subject: $_\n\ntext" } 1 .. 2);

sub ip
{
	my ($where, @words) = @_;
	my @enter = defined $where ? ('nsenter', '-t', $where, '-n') : ();

	system(@enter, 'ip', @words) == 0 or die "ip @words";
}

sub network_of
{
	return readlink "/proc/$_[0]/ns/net" // '';
}

# A machine: its name space, held by a process, on a line from here.
sub machine
{
	my ($n, @users) = @_;
	my $log = "$scratch/machine$n";
	my $space = Front::spawn($log, 'unshare', '-n', 'sleep', 600);

	Restante::wait_for(sub { network_of($space) ne network_of($$) })
	    or die 'no name space: ' . Restante::slurp($log);
	ip(undef, 'link', 'add', "line$n", 'type', 'veth', 'peer', 'name',
	    'line', 'netns', $space);
	ip(undef, 'addr', 'add', "10.99.$n.1/30", 'dev', "line$n");
	ip(undef, 'link', 'set', "line$n", 'up');
	ip($space, 'addr', 'add', "10.99.$n.2/30", 'dev', 'line');
	ip($space, 'link', 'set', 'line', 'up');

	my $d = Restante->new(users => { map { ($_ => $box) } @users });
	$d->launch_logged('nsenter', '-t', $space, '-n', $d->command,
	    '-o', "listen=10.99.$n.2:1110 proxy",
	    '-o', "trusted-proxies=10.99.$n.1");
	$d->log_like(qr/: ready\z/) or die "no start:\n" . $d->stderr;
	return $d;
}

ip(undef, 'link', 'set', 'lo', 'up');
# Where nginx is, and where a client comes from.
ip(undef, 'addr', 'add', "192.0.2.$_/32", 'dev', 'lo') for 10, 50;
my @d = (machine(1, 'alice', 'bob'), machine(2, 'nora', 'zoe'));
my $nginx = Front::nginx($scratch,
    'listen 110' => 'listen 192.0.2.10:110',
    '192.0.2.11' => '10.99.1.2', '192.0.2.12' => '10.99.2.2');
my $front = Front::at(110);

sub client
{
	return $front->connect(host => '192.0.2.10', from => '192.0.2.50');
}

Restante::wait_for(sub { eval { client() } })
    or die "nginx:\n" . Restante::slurp("$scratch/nginx.error");

# A whole session of the user.
sub works
{
	my ($user, $when) = @_;
	my $c = client();

	like $c->login($user, 'secret'), qr/^\+OK.* 2 messages /,
	    "$when: $user logs in";
	my ($status, @lines) = $c->multi('RETR 2');
	is "@lines", 'Subject: 2  text', "$when: $user gets a message";
	like $c->cmd('QUIT'), qr/^\+OK/, "$when: $user ends";
	$c->close;
}

works('alice', 'both are there');
works('nora', 'both are there');
for ([ 0, 'alice' ], [ 1, 'nora' ]) {
	my ($n, $user) = @$_;

	ok $d[$n]->log_like(qr/ login: user=$user addr=192\.0\.2\.50 /),
	    "$user: the client's address is known, two hops away";
	unlike $d[1 - $n]->stderr, qr/user=$user/,
	    "$user: the other machine has not heard of it";
}

my $held = client();
$held->login('zoe', 'secret');
like $held->cmd('DELE 1'), qr/^\+OK/, 'zoe is in the middle of something';
ip(undef, 'link', 'set', 'line2', 'down');

works('bob', 'one is cut off');
my $c = client();
like $c->cmd('USER nora'), qr/^\+OK/, 'one is cut off: nora says who it is';
my $said = $c->cmd('PASS secret');
like $said, qr/^-ERR/, 'one is cut off: nora is told at once';
unlike $said, qr/\[AUTH\]/, 'but not that the password is wrong';
$c->close;

ip(undef, 'link', 'set', 'line2', 'up');
works('nora', 'the line is back');
like $held->cmd('QUIT'), qr/^\+OK.*1 message left/,
    'zoe goes on, and what was begun is done';
$held->close;
unlike $d[1]->mbox('zoe'), qr/^Subject: 1$/m, 'its message is gone';
like $d[1]->mbox('zoe'), qr/^Subject: 2$/m, 'the other is there';

Front::stop($nginx);
is $_->stop, 0, 'a machine ends' for @d;

done_testing;
