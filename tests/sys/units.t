# SPDX-License-Identifier: ISC
# The systemd units leave the program what it needs: it serves with the capabilities
# of CapabilityBoundingSet= and no others, and of the system calls that it makes
# meanwhile none is missing from SystemCallFilter=.  (Where systemd has not started
# the machine, the units themselves cannot be started.)

use strict;
use warnings;

use FindBin;
use Test::More;

use Proc;
use Restante;
use Tls;

my $top = "$FindBin::Bin/../..";
my $box = "secret\n" . Restante::mbox(map { "Subject: $_\n\ntext" } 1 .. 3);

plan skip_all => 'only root starts it as root' if $> != 0;
for (qw(setpriv strace systemd-analyze)) {
	plan skip_all => "$_ is not installed" if !Restante::program($_);
}
plan skip_all => 'the sanitizers need more'
    if Proc::sanitized(Restante::binary());

# The system calls of a group, or of a name that is one itself.
my %group;

sub calls
{
	my ($name) = @_;

	return $name if $name !~ /^@/;
	$group{$name} //= [ map { calls($_) } grep { !/^#/ }
	    map { /^    (\S+)/ ? $1 : () }
	    qx(systemd-analyze syscall-filter $name 2>/dev/null) ];
	return @{ $group{$name} };
}

# What a unit allows: lists add up, "~" takes away.
sub allowed
{
	my ($unit) = @_;
	my %allowed;

	for (Restante::slurp("$top/etc/$unit") =~ /^SystemCallFilter=(.*)$/mg) {
		my ($without, @names) = /^(~?)(.*)$/;
		my @calls = map { calls($_) } split / /, $names[0];

		if ($without) {
			delete @allowed{@calls};
		} else {
			@allowed{@calls} = ();
		}
	}
	return \%allowed;
}

# What a unit leaves of the capabilities, and that nobody gets more.
sub bounded
{
	my ($unit) = @_;
	my ($set) = Restante::slurp("$top/etc/$unit") =~
	    /^CapabilityBoundingSet=(.*)$/m;
	my @kept = map { '+' . lc s/^CAP_//r } split / /, $set;

	return ('setpriv', '--no-new-privs', '--bounding-set',
	    join(',', '-all', @kept));
}

# What the processes of a server have called, by the file that strace wrote.
sub called
{
	my ($d) = @_;
	my %called;

	$called{$_}++ for Restante::slurp("$d->{scratch}/trace") =~
	    /^(?:\d+ +)?([a-z][a-z0-9_]*)\(/mg;
	return \%called;
}

sub is_enough
{
	my ($unit, $d) = @_;
	my $called = called($d);
	my $allowed = allowed($unit);

	cmp_ok scalar keys %$called, '>', 40, "$unit: the calls were seen";
	ok exists $allowed->{read} && !exists $allowed->{mount},
	    "$unit: its filter was understood";
	is_deeply [ sort grep { !exists $allowed->{$_} } keys %$called ], [],
	    "$unit: no call is missing from its filter";
}

sub trace
{
	my ($d, @command) = @_;

	return ('strace', '-f', '-qq', '-o', "$d->{scratch}/trace", '-e',
	    'signal=none', @command);
}

# All that a client can have done.
sub serve
{
	my ($c) = @_;

	like $c->login('alice', 'secret'), qr/^\+OK/, 'a login';
	$c->multi($_) for 'LIST', 'UIDL', 'RETR 2', 'TOP 1 1', 'CAPA';
	$c->cmd('DELE 1');
	like $c->cmd('QUIT'), qr/^\+OK.*2 messages left/, 'the end';
	ok $c->eof, 'of the connection';
	$c->close;
}

sub by_itself
{
	my @tls = Tls::missing() ? () : Tls::options();
	my $d = Restante->new(users => { alice => $box }, options => \@tls);
	my $port = $d->{port} = Restante::free_port();

	chown 65534, 65534, $d->dir, $d->path('alice');
	$d->launch_logged(bounded('restante.service'),
	    trace($d, $d->command, '-l', '127.0.0.1', '-p', $port));
	$d->log_like(qr/: ready\z/) or die "no start:\n" . $d->stderr;
	serve($d->connect);

	my $master = Proc::find($d, qr/^master\z/);
	kill HUP => $master;
	ok $d->log_like(qr/new configuration/), 'a SIGHUP';
	$d->connect->login('alice', 'wrong');
	SKIP: {
		skip Tls::missing(), 2 if !@tls;
		my $c = $d->connect;

		like $c->cmd('STLS'), qr/^\+OK/, 'STLS';
		my $t = Tls->over($c);
		like $t->login('alice', 'secret'), qr/^\+OK/,
		    'a login over TLS';
		$t->cmd('QUIT');
		$t->close;
	}
	kill TERM => $master;
	is $d->wait, 0, 'it ends';
	is_enough('restante.service', $d);
}

sub for_each
{
	my $d = Restante->new(users => { alice => $box });
	my $listen = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => 0, Listen => 1, Type => Socket::SOCK_STREAM);
	my $client = IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $listen->sockport, Type => Socket::SOCK_STREAM);
	my $peer = $listen->accept or die "accepting: $!";

	# As the account that the unit names, which owns the mailboxes.
	chown 65534, 65534, $d->{scratch}, $d->dir, $d->path('alice');
	open my $log, '>', $d->{log} or die "$d->{log}: $!";
	$d->launch([ fileno $peer, fileno $peer, fileno $log ],
	    bounded('restante@.service'), '--reuid=65534', '--regid=65534', '--clear-groups', trace($d,
	    $d->command, '--inetd', '-o', 'log=stderr'));
	close $peer;
	my $c = Restante::Client->new($client);
	$c->{greeting} = $c->status;
	serve($c);
	is $d->wait, 0, 'it ends';
	is_enough('restante@.service', $d);
}

subtest 'restante.service' => \&by_itself;
subtest 'restante@.service' => \&for_each;

done_testing;
