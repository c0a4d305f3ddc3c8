# SPDX-License-Identifier: ISC
# What one session that its client has taken over can do to the others, to the
# server and to mailboxes that are not its own: nothing.
package Siege;

use strict;
use warnings;

use Socket qw(AF_UNIX MSG_DONTWAIT SOCK_DGRAM pack_sockaddr_un);
use Test::More;

use Hostile;
use Proc;
use Restante;

my $mail = Restante::mbox("Subject: one\n\nfirst", "Subject: two\n\nsecond");

# The options of a server to lay siege to.
sub server
{
	return (
		binary => Hostile::binary(),
		users => {
			alice => "secret\n$mail",
			bob => "bobs\n$mail",
			carol => "carols\n$mail",
		},
		@_,
	);
}

# What must be the same afterwards: the processes but for the one that is given,
# and the mailboxes.
sub state_of
{
	my ($d, $except) = @_;
	my $title = Proc::titles($d);

	delete $title->{$except};
	return { %$title, map { ($_, $d->mbox($_)) } qw(alice bob carol) };
}

# All system calls that it could turn against others.  $when says in what state
# the hostile session is.
sub calls
{
	my ($d, $h, $when) = @_;
	my $alice = Hostile->new($d);
	$alice->login('alice', 'secret');
	# Names are looked up for it, and it waits for the next word.
	my $other = Hostile->new($d);
	like $other->ask(Hostile::USER, 'alice', '-'), qr/^verdict 1\b/,
	    "$when: an attendant is at work";
	# That of alice has done its own; $h has one until it logs in.
	my $busy = $when =~ /before/ ? 2 : 1;
	my ($attendant) = @{ Restante::wait_for(sub {
		my @all = Proc::all($d, qr/^attendant/);
		return @all == $busy && \@all;
	}) };
	my $fds = $alice->say('fds');
	my $before = state_of($d, $h->pid);

	$h->tries("$when, the system", Hostile::against_system());
	my %victim = (
		'its sibling' => $alice->pid,
		'the listener' => Proc::find($d, qr/^listener/),
		'the keeper' => Proc::find($d, qr/^keeper/),
		'an attendant' => $attendant,
		'the master' => $d->pid,
		'init' => 1,
		'itself' => $h->pid,
		'its group' => 0,
		'everybody' => -1,
	);
	$h->tries("$when, $_", Hostile::against_process($victim{$_}))
	    for sort keys %victim;
	for my $path ($d->path('alice'), $d->path('bob'),
	    $d->path('.restante/alice.journal'), '/etc/passwd', '/bin/sh',
	    'alice', '/alice', '../alice', '.', '/', '/proc/self/mem',
	    '/proc/1/root/etc/passwd', '/dev/mem', '/dev/shm/x') {
		$h->tries("$when, $path", Hostile::against_file($path),
		    Hostile::against_path($path));
	}
	$h->unnamed_calls;

	is $alice->say('fds'), $fds, "$when: the sibling lives on";
	is_deeply state_of($d, $h->pid), $before,
	    "$when: all processes live on, all mailboxes are as they were";
	leave($alice, $other);
}

# Ends them, and what they hold.
sub leave
{
	my (@sessions) = @_;

	$_->client->close for @sessions;
	Proc::gone($_->pid) for @sessions;
}

# What the filter allows, and what else stands in the way.
sub allowed_calls
{
	my ($h, $when) = @_;
	my ($result, $error);

	is_deeply [ $h->call('getpid') ], [ $h->pid, 0 ],
	    "$when: a call that is allowed works";
	for my $attempt ([ 'fork' ],
	    [ 'clone', Hostile::SIGCHLD, 0, 0, 0, 0 ]) {
		($result, $error) = $h->call(@$attempt);
		next if $error eq 'no such call';
		is $error, 'EAGAIN', "$when: no $attempt->[0], by its limit";
	}
	for my $limit (4, 6, 7) {
		($result, $error) = $h->call('prlimit64', 0, $limit,
		    Hostile::octets(pack 'Q2', 1 << 20, 1 << 20), 0);
		is $error, 'EPERM', "$when: limit $limit is not raised";
	}
	my @accepted = grep { ($h->call('accept4', $_, 0, 0, 0))[0] != -1 }
	    0 .. 40;
	is "@accepted", '', "$when: it has no listening socket";
}

# Packets that are no request end the conversation, and do no more.
sub channel_garbage
{
	my ($d) = @_;
	my $good = Hostile::request();
	my %bad = (
		'nothing' => '-',
		'an octet' => '00',
		'one octet less' => substr($good, 2),
		'one octet more' => $good . '00',
		'two requests' => $good x 2,
		'60000 octets' => 'ff' x 60000,
		'a wrong magic' => Hostile::request(magic => 0x52455355),
		'kind 0' => Hostile::request(kind => 0),
		'kind 9' => Hostile::request(kind => 9),
		'a password with a length' => Hostile::request(len => 1),
		'AUTH with a length' =>
		    Hostile::request(kind => Hostile::AUTH, len => 1),
		'a message that is longer than it can be' =>
		    Hostile::request(kind => Hostile::AUTH_INITIAL,
			name => "PLAIN\0", len => 1024),
		'the longest message of all' =>
		    Hostile::request(kind => Hostile::AUTH_INITIAL,
			name => "PLAIN\0", len => 0xffffffff),
		'kind -1' => Hostile::request(kind => 0xffffffff),
		'a name without an end' => Hostile::request(name => 'a' x 65),
		'a secret without an end' =>
		    Hostile::request(secret => 's' x 1024),
	);

	for my $what (sort keys %bad) {
		my $h = Hostile->new($d);
		like $h->say('send', $bad{$what}, 1), qr/^1 /,
		    "channel: $what is sent";
		like $h->hear, qr/^0 0\b/,
		    "channel: $what ends the conversation";
		like $h->ask(Hostile::PASS, 'alice', 'secret'), qr/^none /,
		    'channel: for good';
	}
	my $h = Hostile->new($d);
	$h->say('send', $good, 1);
	like $h->hear, qr/^[1-9]\d* [1-9]/,
	    'channel: and the same without a fault opens the mailbox';
	leave($h);
}

# Names that are none, and one more than it may try.
sub channel_names
{
	my ($d) = @_;
	my @names = qw(../alice ./alice /alice alice/ alice/. .alice alice.lock
	    .restante/alice.journal .restante . .. - alice* ALICE %61lice);

	push @names, $d->path('alice'), 'a' x 64;
	while (my @three = splice @names, 0, 3) {
		my $h = Hostile->new($d);
		is $h->ask(Hostile::PASS, $_, 'secret'), 'verdict 2',
		    "channel: no mailbox $_" for @three;
		push @three, 'x' while @three < 3 &&
		    $h->ask(Hostile::PASS, 'x', 'x') eq 'verdict 2';
		like $h->ask(Hostile::PASS, 'alice', 'secret'), qr/^none /,
		    'channel: three tries, no more';
	}
	my $h = Hostile->new($d);
	is $h->ask(Hostile::USER, '../alice', '-'), 'verdict 2',
	    'channel: nor is ../alice there';
	is $h->ask(Hostile::APOP, 'alice', '-'), 'verdict 2',
	    'channel: an empty digest is wrong';
}

# AUTH out of turn: a message is taken where one is due, and a secret that is
# stored never comes back.
sub channel_auth
{
	my ($d) = @_;
	my $auth = sub {
		my ($h, $kind, $name, $message) = @_;
		return $h->ask($kind, $name, '%' . unpack 'H*', $message);
	};
	my $right = "\0alice\0secret";
	my $scram = 'n,,n=alice,r=nonce';
	my $none = qr/^none /;
	my $h = Hostile->new($d);

	like $auth->($h, Hostile::AUTH_ANSWER, '-', $right), $none,
	    'AUTH: an answer to nothing ends the conversation';
	for my $first ([ Hostile::USER, 'alice', '-' ],
	    [ Hostile::PASS, 'alice', 'wrong' ], [ Hostile::APOP, 'alice', '-' ]) {
		$h = Hostile->new($d);
		is $h->ask(Hostile::AUTH, 'PLAIN', '-'), 'verdict 7 ',
		    'AUTH: has begun';
		like $h->ask(@$first), qr/^verdict [12]\z/, 'AUTH: is left';
		like $auth->($h, Hostile::AUTH_ANSWER, '-', $right), $none,
		    'AUTH: and cannot be gone on with';
	}
	$h = Hostile->new($d);
	is $auth->($h, Hostile::AUTH_INITIAL, $_->[0], $_->[1]), 'verdict 8',
	    "AUTH: nothing of $_->[0]"
	    for [ 'EXTERNAL', '' ], [ '-', $right ], [ 'PLAI', $right ],
		[ '../alice', $right ], [ 'a' x 64, $right ],
		[ 'PLAIN', 'alice' ], [ 'PLAIN', "\0" x 1023 ],
		[ 'CRAM-MD5', 'alice 0' ], [ 'SCRAM-SHA-256', 'p=x,,n=alice,r=x' ],
		[ 'SCRAM-SHA-256', '' ], [ 'SCRAM-SHA-256', "$scram\0" ];
	like $auth->($h, Hostile::AUTH_ANSWER, '-', $right), $none,
	    'AUTH: none of them has begun';

	# It has the salt of anybody, as any client has, and no more than that.
	$h = Hostile->new($d);
	for (1 .. 2) {
		like $auth->($h, Hostile::AUTH_INITIAL, 'SCRAM-SHA-256', $scram),
		    qr/^verdict 7 r=nonce[^,]{24},s=[^,]{24},i=4096\z/,
		    'AUTH: a salt';
		my $final = 'c=biws,r=x,p=' . 'A' x 43 . '=';
		is $auth->($h, Hostile::AUTH_ANSWER, '-', $final), 'verdict 2',
		    'AUTH: a wrong proof';
	}
	is $auth->($h, Hostile::AUTH_INITIAL, 'PLAIN', "\0bob\0secret"),
	    'verdict 2', 'AUTH: the third wrong one';
	like $auth->($h, Hostile::AUTH_INITIAL, 'PLAIN', $right), $none,
	    'AUTH: is the last';
	$h = Hostile->new($d);
	like $auth->($h, Hostile::AUTH_INITIAL, 'PLAIN', $right),
	    qr/^verdict 1 \d+ \d+\z/, 'AUTH: the right one opens the mailbox';
	like $auth->($h, Hostile::AUTH_INITIAL, 'PLAIN', $right), $none,
	    'AUTH: once';
	leave($h);
}

# Nothing comes with a verdict but what belongs to it, and only once.
sub channel_login
{
	my ($d) = @_;
	my $h = Hostile->new($d);

	is $h->ask(Hostile::PASS, 'alice', 'bobs'), 'verdict 2',
	    'channel: a password opens no other mailbox';
	my ($mailbox, $journal) = $h->login('alice', 'secret');
	like $h->ask(Hostile::PASS, 'bob', 'bobs'), qr/^none /,
	    'channel: after one mailbox there is no other';

	my $i = Hostile->new($d);
	is $i->ask(Hostile::PASS, 'alice', 'secret'), 'verdict 3',
	    'channel: nor one that is in use';
	my ($result, $error) = $h->call('pread64', $mailbox, '@64', 6, 0);
	is $result, 6, 'its own mailbox it can read';
	$h->client->close;
	ok Restante::wait_for(sub {
		$i->ask(Hostile::PASS, 'alice', 'secret') =~ /^verdict 1 /
	}), 'channel: but after it';
	leave($i);
}

# An attendant that has let it in serves others next: nothing that it sent along
# or behind reaches those, and it hears nothing of them.
sub channel_reuse
{
	my ($d) = @_;
	my $has = sub { $> == 0 ? keys %{ Proc::descriptors($_[0]) } : 0 };

	serves($d, 'reuse');
	my ($attendant) = Proc::all($d, qr/^idle attendant/);
	Proc::spare($d, $attendant);
	my $had = $has->($attendant);
	my $h = Hostile->new($d);
	my $user = Hostile::request(kind => Hostile::USER);
	my $pass = Hostile::request(name => "carol\0",
	    secret => "carols\0");

	is $h->say('send', $user, 1, 4, 5), '1 0', 'reuse: a first request';
	like $h->hear, qr/^[1-9]\d* 0\b/, 'reuse: is answered';
	Proc::halt($attendant);
	is $h->say('send', $pass, 1, 3, 4, 5), '1 0',
	    'reuse: the right password, with descriptors';
	is $h->say('send', $user, 3, 4, 5), '3 0', 'reuse: and more';
	kill CONT => $attendant;
	# A reset, for what was not read, may come before the verdict.
	my @heard = map { $h->hear } 1 .. 3;
	is grep({ /^[1-9]\d* [23]\b/ } @heard), 1, 'reuse: one mailbox';
	is grep({ /^0 0\b/ } @heard), 2, 'reuse: nothing else';
	is Proc::becomes($d, $attendant, qr/^idle/), $attendant,
	    'reuse: the attendant is for the next';
	is $has->($attendant), $had, 'reuse: and has nothing of it';

	Proc::spare($d, $attendant);
	my $other = Hostile->new($d);
	like $other->ask(Hostile::USER, 'alice', '-'), qr/^verdict 1\b/,
	    'reuse: another session';
	is Proc::find($d, qr/^attendant/), $attendant, 'reuse: the same attendant';
	like $h->ask(Hostile::USER, 'alice', '-'), qr/^none /,
	    'reuse: is not heard of by the first';
	like $other->ask(Hostile::PASS, 'alice', 'secret'), qr/^verdict 1 /,
	    'reuse: is let in';
	leave($h, $other);
}

# Whom it comes from: a session of a proxy may say so, once, at first; and what it
# says is an address, or the end.
sub channel_peer
{
	my ($d, $proxied) = @_;
	my $peer = sub {
		my ($h, $name) = @_;

		return $h->say('send', Hostile::request(kind => Hostile::PEER,
		    name => "$name\0"), 1);
	};
	my $ends = sub {
		my ($h, $what) = @_;

		like $h->hear, qr/^0 0\b/,
		    "channel: $what ends the conversation";
	};
	my $h = Hostile->new($d);

	$peer->($h, '192.0.2.66');
	if (!$proxied) {
		$ends->($h, 'another address than its own');
		return;
	}
	is $h->ask(Hostile::PASS, 'alice', 'x'), 'verdict 2',
	    'channel: a proxy may say whom it speaks for';
	ok $d->log_like(qr/login refused: user=alice addr=192\.0\.2\.66 /),
	    'channel: and is believed';
	$peer->($h, '192.0.2.67');
	$ends->($h, 'another address later');
	$h = Hostile->new($d);
	$peer->($h, '192.0.2.68');
	$peer->($h, '192.0.2.68');
	$ends->($h, 'the same twice');
	for my $name ('', 'x', '192.0.2.1 ', '192.0.2.0/24', '::1%lo',
	    'user=alice addr=1.2.3.4') {
		$peer->($h = Hostile->new($d), $name);
		$ends->($h, "an address that is none, \"$name\",");
	}
	unlike $d->stderr, qr/addr=192\.0\.2\.6[78]/,
	    'channel: nothing else is believed';
}

# Descriptors that it sends stay nowhere, and floods drown nobody.
sub channel_floods
{
	my ($d) = @_;
	my $h = Hostile->new($d);
	my $user = Hostile::request(kind => Hostile::USER);

	like $h->say('send', $user, 1, 4, 5), qr/^1 /,
	    'descriptors: sent along with a request';
	like $h->hear, qr/^[1-9]\d* 0\b/,
	    'descriptors: a verdict comes, they do not';
	if ($> == 0) {
		my ($busy, $idle) = map {
			scalar(keys %{ Proc::descriptors($_) })
		} Proc::find($d, qr/^attendant/),
		    (Proc::all($d, qr/^idle attendant/))[0];
		is $busy, $idle + 2, 'descriptors: the attendant does not ' .
		    'keep them, but a channel and the penalties';
	}
	like $h->say('send', $user, 100000), qr/^[1-9]\d* \d/,
	    'flood: as many requests as the channel takes';
	for my $what ('-', '00', 'ff' x 50000) {
		my $other = Hostile->new($d);
		like $other->say('send', $what, 100000), qr/^[1-9]\d* \d/,
		    'flood: ' . length($what) . ' digits of something';
	}
	my $silent = Hostile->new($d);
	$silent->say('send', Hostile::request(secret => "wrong\0"), 1);
	like $silent->say('send', $user, 100000, (3 .. 5) x 9),
	    qr/^[1-9]\d* \d/, 'flood: with descriptors, behind a refusal';
	serves($d, 'flood: meanwhile');

	# The kernel counts descriptors under way by user, and each session, before
	# its client has a word, is the same user.
	my @under_way;
	for (1 .. 3) {
		my $other = Hostile->new($d);
		push @under_way, $other;
		like $other->say('pair'), qr/^\d+ 0\z/,
		    'flood: a pair of sockets of its own';
		$other->say('send', '00', 100000, (3 .. 5) x 84);
	}
	serves($d, 'flood: with descriptors under way');
}

# What others listen to on the same machine, the log of the system for one.
sub sockets_outside
{
	my ($d) = @_;
	my $h = Hostile->new($d);
	my $path = "$d->{scratch}/ear";

	for my $name ($path, "\0$path") {
		my $shown = $name =~ s/^\0/@/r;
		my $heard = '';
		socket my $ear, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
		bind $ear, pack_sockaddr_un($name) or die "bind: $!";
		chmod 0777, $name if $name eq $path;
		socket my $mouth, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!";
		send $mouth, 'x', 0, pack_sockaddr_un($name) or die "send: $!";
		recv $ear, $heard, 100, MSG_DONTWAIT;
		is $heard, 'x', "sockets: others can tell $shown";
		like $h->say('tell', $shown), qr/^-1 /,
		    "sockets: it cannot tell $shown";
		$heard = '';
		recv $ear, $heard, 100, MSG_DONTWAIT;
		is $heard, '', "sockets: $shown has heard nothing";
	}
	$h->client->close;
}

# A line of the log, when there is room for it.
sub log_line
{
	my ($h, $text) = @_;

	return Restante::wait_for(sub {
		$h->say('log', unpack 'H*', "2$text") =~ /^[1-9]/
	});
}

# What it writes to the log is its own, on a line of its own, in ASCII.
sub log_forged
{
	my ($d) = @_;
	my $h = Hostile->new($d);
	my $lie = "keeper: login refused: user=bob addr=192.0.2.1";
	my $raw = "2\e[2Jx\r\nrestante: $lie\x9b\0zzz";
	my ($n) = split / /, $h->say('log', unpack 'H*', $raw);

	is $n, length $raw, 'log: it can write there';
	ok my $line = $d->log_like(qr/\\x1b\[2Jx/), 'log: it is read';
	is $line, 'restante: session: \x1b[2Jx\x0d\x0arestante: ' .
	    "$lie\\x9b", 'log: and escaped';
	is grep({ /^restante: keeper: .*192\.0\.2\.1/ } split /\n/, $d->stderr),
	    0, 'log: nobody else has said so';
	# A flood, and what does not fit in a line.
	$h->say('log', '32' . '41' x 900) for 1 .. 200;
	$h->say('log', '32' . '41' x 60000);
	for my $fd (0 .. 2) {
		$h->call('write', $fd, Hostile::text('forged'), 6);
	}
	log_line($h, 'the end');
	ok $d->log_like(qr/session: the end\z/), 'log: it goes on';
	ok $d->stderr !~ /forged/, 'log: there is no other way to it';
	is grep({ !/^restante: [\x20-\x7e]*\z/ } split /\n/, $d->stderr), 0,
	    'log: all lines are lines';
}

# What was in the memory of those that it was forked from.
sub inherited
{
	my ($d, @names) = @_;
	my $h = Hostile->new($d);
	my $count = sub {
		my ($text) = @_;
		return $h->say('heap', unpack 'H*',
		    join '', map { chr(1 + ord) } split //, $text);
	};

	# The command line is there, as other things would be.
	like $count->('login-pause'), qr/^[1-9]/, 'a memory is searched';
	is_deeply [ grep { $count->($_) !~ /^0 [1-9]/ } @names ], [],
	    "none of @{[ scalar @names ]} mailboxes is named in it";
	$h->client->close;
}

# All of it, to a server that was started with server().
sub lay
{
	my ($d) = @_;
	my $h = Hostile->new($d);

	is scalar(() = $h->say('fds') =~ /\d:s/g), 2,
	    'it has its client and its channel, but no way to the keeper';
	allowed_calls($h, 'before the login');
	calls($d, $h, 'before the login');
	$h->login('bob', 'bobs');
	allowed_calls($h, 'after the login');
	calls($d, $h, 'after the login');
	channel_garbage($d);
	channel_names($d);
	channel_login($d);
	channel_reuse($d);
	channel_auth($d);
	channel_floods($d);
	channel_peer($d, 0);
	sockets_outside($d);
	log_forged($d);
	serves($d, 'after all');
}

# A stranger still gets in.
sub serves
{
	my ($d, $when) = @_;
	my $h = Hostile->new($d);

	like $h->ask(Hostile::PASS, 'carol', 'carols'), qr/^verdict 1 /,
	    "$when, the server serves";
	leave($h);
}

1;
