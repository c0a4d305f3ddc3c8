# SPDX-License-Identifier: ISC
# What each process of the server may do and has, as the kernel tells it, when
# root has started the server.

use strict;
use warnings;

use Test::More;

use Proc;
use Restante;

plan skip_all => 'only root can start the server as root' if $> != 0;

my $none = '0' x 16;
my $override = sprintf '%016x', 1 << 1; # CAP_DAC_OVERRIDE
my ($nobody, $nogroup) = (getpwnam 'nobody')[2, 3];
my $owner = 12345;
my $mail = Restante::mbox("Subject: one\n\nfirst", "Subject: two\n\nsecond");

# All that must hold for a process that has given up its rights.
sub confined
{
	my ($name, $pid, %want) = @_;
	my $s = Proc::status($pid);
	my $limit = Proc::limits($pid);
	my $uid = $want{uid};
	my $gid = $want{gid} // $uid;
	my $caps = $want{caps} // $none;

	subtest $name => sub {
		is $s->{Uid}, join("\t", ($uid) x 4), 'uid: all four';
		is $s->{Gid}, join("\t", ($gid) x 4), 'gid: all four';
		is $s->{Groups}, $gid, 'no other group';
		is $s->{CapInh}, $none, 'no capabilities to inherit';
		is $s->{CapAmb}, $none, 'no ambient capabilities';
		is $s->{CapPrm}, $caps, 'capabilities permitted';
		is $s->{CapEff}, $caps, 'capabilities in effect';
		is $s->{CapBnd}, $caps, 'capabilities ever to be had';
		is $s->{NoNewPrivs}, 1, 'no_new_privs';
		is $s->{Seccomp}, 2, 'a filter of system calls';
		is $s->{Seccomp_filters}, 1, 'one filter, inherited, not two'
		    if defined $s->{Seccomp_filters};
		is $limit->{'Max core file size'}, '0 0', 'no core file';
		ok Proc::closed($pid), 'not dumpable';
		my ($soft, $hard) = split / /, $limit->{'Max open files'};
		is $soft, $hard, 'a limit of descriptors that it cannot raise';
		cmp_ok $hard, '<', $want{childless} ? 100 : 10000, 'a low one';
		is $limit->{'Max processes'}, '0 0', 'no processes'
		    if $want{childless};
	};
}

# Nothing is in the root directory, and nothing can be put there.
sub rootless
{
	my ($name, $pid) = @_;

	like readlink "/proc/$pid/root", qr/ \(deleted\)\z/,
	    "$name: the root directory is gone";
	is readlink "/proc/$pid/cwd", readlink "/proc/$pid/root",
	    "$name: and is the working directory";
	opendir my $dh, "/proc/$pid/root/" or die "root of $pid: $!";
	is_deeply [ grep { !/^\.\.?\z/ } readdir $dh ], [],
	    "$name: the root directory is empty";
	ok !mkdir("/proc/$pid/root/x"),
	    "$name: not even root can put anything there";
}

sub has_descriptors
{
	my ($name, $pid, @want) = @_;
	my $fds = Proc::descriptors($pid);

	is_deeply [ map { $fds->{$_} } sort { $a <=> $b } keys %$fds ],
	    [ ('/dev/null') x 3, @want ], "$name: descriptors";
}

sub hand_over
{
	my ($d, $uid) = @_;

	chown $uid, $uid, $d->dir, $d->path('alice') or die "chown: $!";
}

subtest 'a directory of an ordinary owner' => sub {
	my $d = Restante->new(users => { alice => "secret\n$mail" });
	hand_over($d, $owner);
	chmod 0755, $d->{scratch};
	$d->start;

	my $c = $d->connect;
	my ($session) = $c->greeting =~ /<(\d+)\./;
	is Proc::find($d, qr/^session - 127\.0\.0\.1\z/), $session,
	    'the timestamp names the session';
	my $listener = Proc::find($d, qr/^listener\z/);
	my $keeper = Proc::find($d, qr/^keeper\z/);
	my $state = $d->dir . '/.restante';

	has_descriptors('session before its client speaks', $session, 'pipe',
	    'pipe', 'socket', 'socket', 'pipe');
	ok Proc::none($d, qr/^attendant/), 'no attendant before it is needed';
	like $c->cmd('NOOP'), qr/^-ERR/, 'the client speaks';
	confined('listener', $listener, uid => $nobody, gid => $nogroup);
	confined('keeper', $keeper, uid => $owner);
	confined('session', $session, uid => $nobody, gid => $nogroup,
	    childless => 1);
	rootless('listener', $listener);
	rootless('session', $session);
	has_descriptors('listener', $listener, 'pipe', 'pipe', 'socket',
	    'socket', 'pipe', 'pipe', 'socket', 'socket',
	    'anon_inode:[signalfd]');
	# It has its name before it has all that it needs.
	Restante::wait_for(sub {
		12 == keys %{ Proc::descriptors($keeper) }
	});
	has_descriptors('keeper', $keeper, 'pipe', $d->dir, $state, 'pipe',
	    'socket', ('pipe') x 4);
	has_descriptors('session', $session, 'pipe', 'pipe', 'socket',
	    'socket');

	like $c->cmd('USER alice'), qr/^\+OK/, 'the keeper finds the mailbox';
	my $attendant = Proc::find($d, qr/^attendant 127\.0\.0\.1\z/);
	confined('attendant', $attendant, uid => $owner);
	has_descriptors('attendant', $attendant, 'pipe', $d->dir, $state,
	    'pipe', 'socket', 'pipe', 'anon_inode:[eventpoll]', 'socket',
	    "$state/penalties");

	like $c->cmd('PASS secret'), qr/^\+OK/, 'and opens it';
	ok Proc::none($d, qr/^attendant/), 'an attendant ends with the login';
	is Proc::find($d, qr/^session alice 127\.0\.0\.1\z/), $session,
	    'the session is the same process';
	confined('session after the login', $session, uid => $nobody,
	    gid => $nogroup, childless => 1);
	my $fds = Proc::descriptors($session);
	my @own = map { $fds->{$_} } sort { $a <=> $b } keys %$fds;
	my @mail = grep { m{^/} && $_ ne '/dev/null' } @own;
	is_deeply [ grep { $_ ne $d->path('alice') &&
	    $_ !~ m{^\Q$state\E/alice\.\w+\z} } @mail ], [],
	    'of files it has its own mailbox, index and journal';
	is scalar(grep { $_ eq $d->path('alice') } @mail), 1,
	    'the mailbox, once';
	is scalar(grep { $_ eq 'socket' } @own), 1,
	    'the channel is closed behind the login';

	my @stat = stat "$state/alice.journal";
	is_deeply [ @stat[4, 5], $stat[2] & 07777 ], [ $owner, $owner, 0600 ],
	    'the journal is the owner\'s alone';
	is +(stat $state)[4], $owner, '.restante is the owner\'s';
	is scalar(glob "$state/empty*"), undef, 'no directory is left behind';

	like $c->cmd('DELE 1'), qr/^\+OK/;
	like $c->cmd('QUIT'), qr/^\+OK.*1 message left/, 'it works';
	is $d->stop, 0, 'ends with status 0';
	is +(stat $d->path('alice'))[4], $owner,
	    'the mailbox stays the owner\'s';
};

subtest 'a directory of root' => sub {
	my $d = Restante->start(users => { alice => "secret\n$mail" });
	my $c = $d->connect;

	confined('keeper', Proc::find($d, qr/^keeper\z/), uid => 0,
	    caps => $override);
	like $c->cmd('USER alice'), qr/^\+OK/;
	confined('attendant', Proc::find($d, qr/^attendant/), uid => 0,
	    caps => $override);
	like $c->cmd('PASS secret'), qr/^\+OK/, 'a mailbox of root';
	confined('session', Proc::find($d, qr/^session/), uid => $nobody,
	    gid => $nogroup, childless => 1);
	$c->close;

	# What the one right is kept for.
	$d->user(bob => "secret\n$mail");
	chown $owner, $owner, $d->path('bob');
	ok $d->session('bob', 'secret'), 'a mailbox of somebody else';
};

# Who looks for what to offer may no more than that.
subtest 'a mailbox that is not the keeper\'s' => sub {
	my $d = Restante->new(users => { alice => "secret\n$mail",
	    root => "\$5\$saltsalt\$x\n" });
	hand_over($d, $owner);
	chmod 0755, $d->{scratch};
	chmod 0600, $d->path('root') or die "chmod: $!";
	$d->start;
	like join("\n", $d->connect->multi('CAPA')), qr/^SASL .*CRAM-MD5/m,
	    'counts for nothing';
	chown $owner, $owner, $d->path('root') or die "chown: $!";
	$d->stop;
	$d->start;
	unlike join("\n", $d->connect->multi('CAPA')), qr/CRAM-MD5/,
	    'but one that is does';
};

subtest 'keeper-user' => sub {
	my $d = Restante->new(users => { alice => "secret\n$mail" },
	    options => [ 'keeper-user=nobody' ]);
	hand_over($d, $nobody);
	chmod 0755, $d->{scratch};
	$d->start;
	confined('keeper', Proc::find($d, qr/^keeper\z/), uid => $nobody,
	    gid => $nogroup);
	ok $d->session('alice', 'secret'), 'serves';
};

# In a directory that others may write to, somebody could have made it first.
subtest '.restante' => sub {
	my $d = Restante->new(users => { alice => "secret\n$mail" },
	    options => [ 'keeper-user=nobody' ]);
	my $state = $d->path('.restante');
	my @tool = ("$ENV{BUILD}/restantectl", '-f', '/dev/null', '-d', $d->dir);
	my @check = (Restante::binary(), '-n', '-f', '/dev/null', '-d', $d->dir,
	    '-o', 'keeper-user=nobody');
	my $message = qr/\.restante belongs to account number 23456, who is neither/;
	my $run = sub {
		my $err = qx(@_ 2>&1 </dev/null);
		return ($? >> 8, $err);
	};

	hand_over($d, $owner);
	chown -1, $nogroup, $d->dir or die "chown: $!";
	chmod 0770, $d->dir or die "chmod: $!";
	chmod 0755, $d->{scratch};
	mkdir $state or die;
	chown 23456, 23456, $state or die;
	for ([ 78, @check ], [ 77, @tool, 'list' ], [ 77, @tool, 'check' ],
	    [ 75, @tool, 'deliver', 'alice' ]) {
		my ($want, @command) = @$_;
		my ($status, $err) = $run->(@command);

		is $status, $want, "of somebody else: @command[0, 5 .. $#command]";
		like $err, $message, 'why';
	}
	is +($run->(@tool, 'who'))[0], 0,
	    'who is there can be seen';
	ok !eval { $d->start; 1 }, 'no start';
	like $d->stderr, $message, 'why';
	like $d->stderr, qr/: chown -R $nobody \Q$state\E$/m, 'what to do';
	is +(stat $state)[4], 23456, 'it stays whose it was';
	for my $uid (0, $owner, $nobody) {
		chown $uid, $uid, $state or die;
		chmod 02775, $state or die;
		is +($run->(@check))[0], 0, "of $uid: no complaint";
		$d->start;
		is $d->stop, 0, 'a start';
		is +(stat $state)[4], $nobody, 'now it is the keeper\'s';
		is +(stat $state)[2] & 07777, 0700, 'and nobody else\'s';
		ok $d->log_like(qr/\.restante had mode 2775: closed to others/),
		    'which is told';
	}
};

# By mistake it may be anybody.
subtest 'a keeper-user who may not enter' => sub {
	my $d = Restante->new(users => { alice => "secret\n$mail" });
	my $conf = "$d->{scratch}/conf";
	my $state = $d->path('.restante');
	my $message = qr/ the keeper, account number $nobody, must .* \Q$d->{dir}\E: /;
	my @check = (Restante::binary(), '-n', '-f', $conf, '-d', $d->dir,
	    '-o', 'user=nobody');
	my $says = sub {
		Restante::spew($conf, "keeper-user $_[0]\n");
		kill HUP => $d->pid if $d->pid && $d->alive;
		my $said = qx(@check 2>&1);
		return ($? >> 8, $said);
	};

	$d->{args} = [ '-f', $conf ];
	for my $mode (0700, 0750, 0773, 0776) {
		chmod $mode, $d->dir or die "chmod: $!";
		my ($status, $said) = $says->('nobody');
		my $text = sprintf '%04o', $mode;

		is $status, 78, "$text: restante -n says no";
		like $said, $message, "$text: and why";
		ok !-e $state, "$text: it makes nothing";
	}
	ok !eval { $d->start; 1 }, 'no start';
	like $d->stderr, $message, 'why';
	is +(stat $state)[4], 0, '.restante is still root\'s';

	chmod 0700, $d->dir or die "chmod: $!";
	is_deeply [ $says->('root') ], [ 0, '' ], 'root may';
	$d->start;
	$says->('nobody');
	ok $d->log_like($message), 'SIGHUP: it is told';
	ok $d->log_like(qr/the old configuration stays in force/), 'and refused';
	is +(stat $state)[4], 0, '.restante is still root\'s';
	$says->('root');
	ok $d->log_like(qr/the new configuration is in force/),
	    'the right one is taken';
	ok $d->session('alice', 'secret'), 'and works';
	is $d->stop, 0, 'ends with status 0';
};

subtest 'no such account' => sub {
	my $d = Restante->start(users => { alice => "secret\n$mail" },
	    options => [ 'user=no-such-account' ]);

	ok $d->log_like(qr/no account no-such-account: .*nobody/), 'it is told';
	confined('listener', Proc::find($d, qr/^listener\z/), uid => 65534);
	ok $d->session('alice', 'secret'), 'and works';

	my $e = Restante->new(options => [ 'keeper-user=no-such-account' ]);
	ok !eval { $e->start; 1 }, 'not so for the keeper\'s';
	like $e->stderr, qr/there is no account no-such-account/, 'it is told';
};

# Sessions that are root: whatever the settings ask for.
subtest 'sessions are never root' => sub {
	my $d = Restante->new(options => [ 'user=root' ]);

	ok !eval { $d->start; 1 }, 'the server does not start';
	like $d->stderr, qr/sessions do not run as root/, 'it is told';
};

subtest 'inetd' => sub {
	my $c = Restante->inetd(users => { alice => "secret\n$mail" });
	my $d = $c->server;

	like $c->cmd('USER alice'), qr/^\+OK/;
	confined('attendant', Proc::find($d, qr/^attendant/), uid => 0,
	    caps => $override);
	my $session = Proc::find($d, qr/^session/);
	confined('session', $session, uid => $nobody, gid => $nogroup,
	    childless => 1);
	rootless('session', $session);
	has_descriptors('session', $session, 'pipe', 'pipe', 'socket',
	    'socket', 'socket');
	$c->close;
};

done_testing;
