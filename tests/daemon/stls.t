# SPDX-License-Identifier: ISC
# The launcher of TLS helpers: what a start finds wrong, what a SIGHUP changes, what
# becomes of it when it dies, how many helpers there are, and what a session that
# its client has taken over can have of it.
use strict;
use warnings;

use Test::More;

use Clock qw(time);
use Hostile;
use Letters;
use Proc;
use Restante;
use Tls;

plan skip_all => Tls::missing() if Tls::missing();

my %users = (alice => "secret\n" . Restante::mbox("Subject: one\n\n1\n"));
my ($certificate, $key) = Tls::files();
my $scratch = Letters::stage();

sub make_certificate
{
	my ($name) = @_;

	system("openssl req -x509 -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name " .
	    "-keyout $scratch/$name.key -out $scratch/$name.pem " .
	    ">$scratch/log 2>&1") == 0 or die Restante::slurp("$scratch/log");
	return ("$scratch/$name.pem", "$scratch/$name.key");
}

# The name in the certificate that a client of the server sees.
sub name_of
{
	my ($d) = @_;
	my $t = Tls->connect($d, '-showcerts');

	$t->cmd('QUIT');
	$t->eof;
	$t->ended;
	my ($name) = $t->messages =~ /^depth=0 CN = (\S+)/m;
	return $name // $t->messages;
}

sub helpers
{
	my ($d) = @_;

	return grep { /stunnel/ } values %{ Proc::titles($d) };
}

# A start with something wrong comes to nothing, and says what it is.
{
	my ($other, $other_key) = make_certificate('other');
	my %good = ('tls-helper' => Tls::HELPER,
	    'tls-certificate' => $certificate, 'tls-key' => $key);

	Restante::spew("$scratch/empty", '');
	Restante::spew("$scratch/junk", "no certificate\n");
	Restante::spew("$scratch/text", "#!/bin/sh\n");
	mkdir "$scratch/dir";
	for ([ 'no certificate', qr/^restante: tls-helper needs a tls-certificate$/m,
		'tls-certificate' => '' ],
	    [ 'a certificate that is missing',
		qr/tls-certificate, \S+: No such file/,
		'tls-certificate' => "$scratch/none" ],
	    [ 'an empty certificate', qr/tls-certificate, \S+: No data/,
		'tls-certificate' => "$scratch/empty" ],
	    [ 'a directory for a key', qr/tls-key, \S+: \S/,
		'tls-key' => "$scratch/dir" ],
	    [ 'a key that is missing', qr/tls-key, \S+: No such file/,
		'tls-key' => "$scratch/none" ],
	    [ 'the key of another certificate', qr/does not start with tls-/,
		'tls-key' => $other_key ],
	    [ 'a certificate that is none', qr/does not start with tls-/,
		'tls-certificate' => "$scratch/junk" ],
	    [ 'no key in the file of the certificate',
		qr/does not start with tls-/, 'tls-key' => '' ],
	    [ 'a helper that is missing', qr/does not start with tls-/,
		'tls-helper' => "$scratch/none" ],
	    [ 'a helper that is no program', qr/does not start with tls-/,
		'tls-helper' => "$scratch/text" ]) {
		my ($what, $message, %bad) = @$_;
		my %set = (%good, %bad);
		my @options = map { "$_=$set{$_}" } sort keys %set;
		my ($status, $out, $err) = Letters::run(Restante::binary(),
		    '-n', '-f', '/dev/null', '-d', $scratch,
		    map { ('-o', $_) } 'user=nobody', @options);

		is $status, 78, "$what: restante -n says no";
		like $err, $message, "$what: and why";
		ok !eval { Restante->start(users => \%users,
		    options => \@options); 1 }, "$what: no start";
		like $@, $message, "$what: and it says why, too";
	}

	Restante::spew("$scratch/both", Restante::slurp($certificate) .
	    Restante::slurp($key));
	my $d = Restante->start(users => \%users, options => [
	    'tls-helper=' . Tls::HELPER, "tls-certificate=$scratch/both" ]);
	my $t = Tls->connect($d);
	like $t->cmd('QUIT'), qr/^\+OK/, 'certificate and key in one file';
	is $d->stop, 0;
}

# The address is the client's, not that of stunnel's end.
{
	my $d = Restante->start(users => \%users, options => [Tls::options()]);
	my $c = $d->connect(from => '127.0.0.2');

	$c->cmd('STLS');
	my $t = Tls->over($c);
	like $t->login('alice', 'wrong'), qr/^-ERR/, 'a failure over TLS';
	ok $d->log_like(qr/login refused: user=alice addr=127\.0\.0\.2 /),
	    'the log has the address of the client';
	like $t->login('alice', 'secret'), qr/^\+OK/, 'a login over TLS';
	is scalar(helpers($d)), 1, 'a helper for each client that uses TLS';

	# The launcher dies: others take over, who is there goes on.
	my $listener = Proc::find($d, qr/^listener/);
	Proc::slay(Proc::find($d, qr/^launcher/));
	ok $d->log_like(qr/the launcher has ended, by signal 9/),
	    'a launcher that dies is told of';
	Proc::gone($listener);
	my $new = Tls->connect($d);
	like $new->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'another one works';
	like $t->cmd('STAT'), qr/^\+OK 1 /, 'the old session goes on';
	like $t->cmd('QUIT'), qr/^\+OK/, 'to its end';
	ok $t->eof, 'and ends';
	is $d->stop, 0, 'the server ends';
}

# One connection, from inetd.
{
	my $c = Restante->inetd(users => \%users, log => 1,
	    options => [Tls::options()]);
	my $d = $c->server;

	like $c->cmd('STLS'), qr/^\+OK/, 'STLS under inetd';
	my $t = Tls->over($c);
	like $t->login('alice', 'secret'), qr/^\+OK/, 'a login over TLS';
	like $t->cmd('DELE 1'), qr/^\+OK/, 'a deletion';
	like $t->cmd('QUIT'), qr/^\+OK/, 'QUIT';
	ok $t->eof, 'the connection ends';
	is $d->wait, 0, 'all of the server, too';
	is $d->mbox('alice'), "secret\n", 'the deletion was done';
	ok $d->log_like(qr/login: user=alice addr=127\.0\.0\.1 /),
	    'the log has the address of the client';

	$c = Restante->inetd(users => \%users, options => [Tls::options()]);
	$d = $c->server;
	$c->cmd('QUIT');
	$c->close;
	is $d->wait, 0, 'without STLS it ends as well';
}

# Certificates are renewed every few weeks.
{
	my ($first, $first_key) = make_certificate('first');
	my $d = Restante->start(users => \%users, options => [
	    'tls-helper=' . Tls::HELPER, "tls-certificate=$first",
	    "tls-key=$first_key" ]);
	my $open = sub {
		opendir my $dh, '/proc/' . $d->pid . '/fd' or return 0;
		return scalar grep { /\d/ } readdir $dh;
	};

	is name_of($d), 'first', 'the certificate that was there';
	my $t = Tls->connect($d);
	my ($second, $second_key) = make_certificate('second');
	rename $second, $first or die;
	is name_of($d), 'first', 'one half of another changes nothing';
	kill HUP => $d->pid;
	ok $d->log_like(qr/the old configuration stays in force/),
	    'and is not taken';
	is name_of($d), 'first', 'the old ones go on';

	rename $second_key, $first_key or die;
	my $before = $open->();
	for my $n (1 .. 3) {
		kill HUP => $d->pid;
		ok Restante::wait_for(sub { $n == (() = $d->stderr =~
		    /the new configuration is in force/g) }), "SIGHUP, $n";
	}
	is name_of($d), 'second', 'the new certificate';
	is $open->(), $before, 'the master keeps nothing of old ones';
	like $t->login('alice', 'secret'), qr/^\+OK/,
	    'who was there before goes on';
	$t->cmd('QUIT');
	ok $t->eof, 'to the end';
	ok Restante::wait_for(sub { 1 == grep { /^launcher/ }
	    values %{ Proc::titles($d) } }), 'old launchers are gone';
	is $d->stop, 0;
}

# A session that does what its client says.
my $magic = unpack 'H*', pack 'L', 0x52455354;

sub ask_for_tls
{
	my ($h) = @_;

	return $h->ask(Hostile::TLS, '-', '-');
}

# A channel of its own, and its client: ready to be passed on.
sub prepare
{
	my ($h) = @_;
	my %before = map { $_ => 1 } $h->say('fds') =~ /(\d+):s/g;

	$h->call('socketpair', 1, 02000005, 0, '@8'); # as of a channel
	my ($near, $far) = grep { !$before{$_} } $h->say('fds') =~ /(\d+):s/g;
	like ask_for_tls($h), qr/^verdict 1\b/, 'the attendant is ready';
	return ($near, $far, sort { $a <=> $b } keys %before);
}

# Has the client passed on, or another descriptor; how many octets the launcher's
# first answer has, and the answers to what is said behind it.  All of it is said in
# one piece: the next octets may be the helper's.
sub pass_client
{
	my ($h, $other, @behind) = @_;
	my ($near, $far, $client) = prepare($h);
	my $call = Hostile::numbers();

	$other //= $client;
	$h->client->send(join '', map { "$_\n" }
	    "send $magic 1 $other $far", "call $call->{close} $far",
	    "call $call->{read} $near \@64 64", @behind);
	my @said = map { $h->client->line // 'gone' } 1 .. 3 + @behind;
	like shift @said, qr/^1 /, 'passed';
	shift @said;
	return ((split / /, shift @said)[0], @said);
}

# The session has ended, and the listener no longer counts it: nobody has to make
# way for the next.
sub buried
{
	my ($h) = @_;

	return Restante::wait_for(sub { !-e '/proc/' . $h->pid });
}

SKIP: {
	skip 'the sanitizers need a wider filter', 1
	    if Proc::sanitized(Hostile::binary());
	my $d = Restante->start(binary => Hostile::binary(), users => \%users,
	    options => [ Tls::options(), 'max-sessions=3' ]);
	my $launcher = Proc::find($d, qr/^launcher/);
	my $packet = '00' x 4;

	for ([ 'no descriptor', $magic ], [ 'one', $magic, 0 ],
	    [ 'a wrong magic', $packet, 0, 1 ],
	    [ 'an octet more', $magic . '00', 0, 1 ],
	    [ 'a request instead', Hostile::request(), 0, 1 ]) {
		my ($what, $octets, @fds) = @$_;
		my $h = Hostile->new($d);

		like ask_for_tls($h), qr/^verdict 1\b/, "$what: asked";
		$h->say('send', $octets, 1, @fds);
		like $h->hear, qr/^0 0\b/, "$what: the conversation ends";
		$h->client->close;
		Proc::none($d, qr/^session/);
	}
	is scalar(helpers($d)), 0, 'no helper was started';
	{
		my $h = Hostile->new($d);

		ask_for_tls($h);
		like $h->say('send', $magic, 1, 0, 1, 2), qr/^1 /,
		    'descriptors that are no client, and one too many';
		$h->client->close;
		ok Proc::none($d, qr/^(?:session|attendant)|stunnel/),
		    'come to nothing';
	}

	# A pipe of the server, which a helper would keep open.
	for my $pipe (Hostile->new($d)->say('fds') =~ /(\d+):p/g) {
		my $h = Hostile->new($d);

		is +(pass_client($h, $pipe))[0], 0,
		    "no helper for descriptor $pipe";
		$h->client->close;
		ok Restante::wait_for(sub { !helpers($d) }), 'none stays';
	}

	my $h = Hostile->new($d);
	my ($got, $again, $login, $descriptors) = pass_client($h, undef,
	    join(' ', 'ask', Hostile::TLS, '-', '-'),
	    join(' ', 'ask', Hostile::PASS, 'alice', 'secret'), 'fds');
	is $got, 4, 'a helper is started for its client';
	like $again, qr/^none /, 'once';
	like $login, qr/^none /, 'which was the end of the conversation';
	like $descriptors, qr/\d:s/, 'it has descriptors';
	unlike $descriptors, qr/\d:f/, 'but no key, and no other file';

	# Where the launcher shall answer, nothing can be written any more.
	{
		my $deaf = Hostile->new($d);
		my ($client, $own) = $deaf->say('fds') =~ /(\d+):s\b/g;
		my ($near) = $deaf->say('pair') =~ /^(\d+)/;

		like $deaf->say('send', $magic, 100_000),
		    qr/^[1-9]\d* (?!0)/, 'a channel is full';
		my ($full) = $deaf->call('dup3', $near, $near + 10, 0);
		$deaf->call('dup3', $own, $near, 0);
		like ask_for_tls($deaf), qr/^verdict 1\b/, 'its own is back';
		like $deaf->say('send', $magic, 1, $client, $full), qr/^1 /,
		    'passed to the launcher';
		my $next = Hostile->new($d);
		is +(pass_client($next))[0], 4, 'which serves the next client';
		$_->client->close for $deaf, $next;
		ok Restante::wait_for(sub { 1 == helpers($d) }),
		    'and lets both go';
		buried($_) for $deaf, $next;
	}

	# It leaves its helper behind, as often as it likes.
	my @clients;
	for my $n (1 .. 3) {
		my $left = Hostile->new($d);
		my ($octets) = pass_client($left);

		push @clients, $left;
		is $octets, $n < 3 ? 4 : 0, "helper $n besides the first";
		Proc::slay($left->pid);
		buried($left);
	}
	ok Restante::wait_for(sub { 3 == helpers($d) }),
	    'no more helpers than sessions may be';
	ok $d->log_like(qr/too many TLS helpers at once/), 'the log says so';
	is Proc::find($d, qr/^launcher/), $launcher, 'the launcher lives';
	$_->client->close for @clients, $h;
	ok Restante::wait_for(sub { !helpers($d) }),
	    'helpers end with their clients';
	is $d->stop, 0, 'the server ends';
}

# A session leaves the plain text where nobody takes it, and does nothing more: a
# client that stays keeps its helper no longer than a session may be silent.
SKIP: {
	skip 'the sanitizers need a wider filter', 1
	    if Proc::sanitized(Hostile::binary());
	my $d = Restante->start(binary => Hostile::binary(), users => \%users,
	    options => [ Tls::options(), 'login-timeout=3', 'idle-timeout=1',
		'write-timeout=1' ]);
	my $sleep = join ' ', Hostile::numbers()->{clock_nanosleep}, 1, 0,
	    Hostile::octets(pack 'l!2', 600, 0), 0;
	my ($h, $t, $start, $done);

	# A handshake has three seconds, which a busy machine may take for it.
	for (1 .. 5) {
		$h = Hostile->new($d);
		my (undef, $far, $client) = prepare($h);
		$start = time;
		# In one piece: the next octets are for the helper.
		$h->client->send("send $magic 1 $client $far\ncall $sleep\n");
		like $h->client->line, qr/^1 /,
		    'passed by a session that sleeps then';
		$t = Tls->over($h->client);
		$done = Restante::wait_for(sub { $t->messages =~ /Finished/ }, 4);
		last if $done;
		$t->close;
		Proc::slay($h->pid);
	}
	ok $done, 'the handshake is done';
	ok Restante::wait_for(sub { !helpers($d) }), 'the helper ends';
	cmp_ok time - $start, '>=', 4, 'not before a session would';
	ok -e '/proc/' . $h->pid, 'though the session is there';
	Proc::slay($h->pid);
	is $d->stop, 0, 'the server ends';
}

done_testing;
