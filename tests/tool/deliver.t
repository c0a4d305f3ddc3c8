# SPDX-License-Identifier: ISC
# restantectl deliver: a message becomes one of the mailbox, with all its octets,
# or none of it does.
use strict;
use warnings;

use Fcntl qw(:flock);
use POSIX ();
use Test::More;

use Ctl;
use Proc;
use Reference;
use Restante;

my $u = Ctl->new;
my $d = Restante->start(dir => $u->dir, options => [ 'mbox-quoting=mboxrd' ]);
Restante::spew("$u->{scratch}/conf", "mbox-quoting mboxrd\nlock update\n");

sub deliver
{
	my ($input, @args) = @_;
	local $u->{input} = $input;

	return $u->raw('-f', "$u->{scratch}/conf", '-d', $u->dir, 'deliver',
	    @args);
}

# What a session gets of the last message, with line ends as here.
sub last_message
{
	my ($user) = @_;
	my $c = $d->session($user, 'secret');
	my ($n) = $c->cmd('STAT') =~ /^\+OK (\d+) /;
	my (undef, $text) = $c->text("RETR $n");

	$c->cmd('QUIT');
	$c->close;
	return $text =~ s/\r\n/\n/gr;
}

my %form = (
	'a plain one' => "Subject: x\n\nbody\n",
	'no header' => "\nbody\n",
	'no body' => "Subject: x\n",
	'a blank line at the end' => "Subject: x\n\nbody\n\n\n",
	'lines that look like separators' => "Subject: x\n\nFrom here\n>From\n"
	    . "\nFrom a\@b Thu Nov 20 18:27:05 2025\n>From x\n>>From y\nFrom",
	'a header that does' => "From: x\nFrom me\n\nbody\n",
	'octets of all kinds' => "Subject: x\n\n" . join('', map { chr }
	    0 .. 12, 14 .. 255) . "\0\0\n",
	'a lone CR' => "Subject: x\n\na\rb\n\rc\n",
	'dots' => "Subject: x\n\n.\n..\n.x\n",
	'a long line' => "Subject: x\n\n" . 'y' x 200000 . "\n",
	'large' => "Subject: x\n\n" . "From a line of text\n" x 300000,
);
my $n = 0;
$u->write(alice => "secret\n");
for my $name (sort keys %form) {
	my $text = $form{$name};
	my $stored = Restante::slurp($u->path('alice'));
	my $earliest = time;

	is_deeply([ deliver($text, '-f', 'me@example.org', 'alice') ],
	    [ 0, '', '' ], "$name: delivered");
	$text .= "\n" if $text !~ /\n\z/;
	my $new = Restante::slurp($u->path('alice'));
	is(substr($new, 0, length $stored) eq $stored, 1,
	    '... behind what there was');
	like(substr($new, length $stored, 60),
	    qr/\AFrom me\@example\.org \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n/,
	    '... with a separator');
	like(substr($new, -2), qr/\n\n\z/, '... and a blank line');
	is(last_message('alice') eq $text, 1, '... and comes out as it went in');
	$n++;
}
my $c = $d->session('alice', 'secret');
like($c->cmd('STAT'), qr/^\+OK $n /, 'all of them are there');
$c->cmd('QUIT');
$c->close;
my (undef, $found) = $u->findings('alice', '-f', "$u->{scratch}/conf");
is($found->{'index fits'}[0], 'ok', 'the index knows them')
    or diag explain $found;

# Line ends of the wire become those of the file.
$u->write(bob => "secret\n");
is((deliver("Subject: x\r\n\r\nFrom a\r\n.\r\nend", 'bob'))[0], 0, 'CRLF');
like(Restante::slurp($u->path('bob')),
    qr/\Asecret\nFrom MAILER-DAEMON [^\n]+\nSubject: x\n\n>From a\n\.\nend\n\n\z/,
    '... becomes LF; and nobody has sent it');

# A blank line is what a scan takes for one: behind it nobody forges a separator.
my $forged = "From a\@b Thu Nov 20 18:27:05 2025";
for my $blank ("\r\r\n", "\r\n", "\n") {
	$u->write(bob => "secret\n");
	is((deliver("A: b\n$blank$forged\nA: c\n\nx\n", 'bob'))[0], 0,
	    'a header that ends in ' . $blank =~ s/(.)/sprintf '%%%02x', ord $1/gers);
	is(($u->json('list', 'bob'))[1][0]{messages}, 1, '... is that of one');
}

# Who sends it.
for (['', 'MAILER-DAEMON'], ["a b\tc\@d\n", 'a-b-c@d-'], ["\xe4", '-'],
    ['x' x 1000, 'x' x 319]) {
	$u->write(bob => "secret\n");
	deliver("A: b\n", '-f', $_->[0], 'bob');
	like(Restante::slurp($u->path('bob')),
	    qr/\Asecret\nFrom \Q$_->[1]\E \w{3} \w{3} /,
	    'a sender: ' . substr $_->[1], 0, 20);
}
my $separator = 'From me@here Thu Nov 20 18:27:05 2025';
$u->write(bob => "secret\n");
deliver("$separator\r\nA: b\n\nx\n", 'bob');
is(Restante::slurp($u->path('bob')), "secret\n$separator\nA: b\n\nx\n\n",
    'a separator that is there is taken for one');
$u->write(bob => "secret\n");
deliver("$separator\nA: b\n\nx\n", '-f', 'you', 'bob');
like(Restante::slurp($u->path('bob')),
    qr/\Asecret\nFrom you [^\n]+\nA: b\n\nx\n\n\z/, '... unless -f says who');
my $odd = $separator =~ s/@/\r@/r;
$u->write(bob => "secret\n");
deliver("$odd\r\nA: b\n\nx\n", 'bob');
is(Restante::slurp($u->path('bob')), "secret\n$odd\nA: b\n\nx\n\n",
    '... all of it, should there be a CR in it');

# An agent has left the end open.
for (['secret', "secret\n"], ["secret\n$separator\nA: b\n\nx",
    "secret\n$separator\nA: b\n\nx\n\n"]) {
	$u->write(bob => $_->[0]);
	is((deliver("A: b\n", 'bob'))[0], 0, 'an end that is missing');
	like(Restante::slurp($u->path('bob')),
	    qr/\A\Q$_->[1]\EFrom MAILER-DAEMON [^\n]+\nA: b\n\n\z/,
	    '... is completed');
}

# Exit codes: what a mail system makes of them is in sysexits.h.
for ([ 64 ], [ 64, 'a', 'b' ], [ 64, '--quota', '0', 'bob' ],
    [ 64, '--quota', '1x', 'bob' ], [ 64, '--quota', '', 'bob' ],
    [ 64, '--quota', '99999999999G', 'bob' ], [ 67, 'nobody' ], [ 67, '../bob' ],
    [ 67, '' ], [ 67, '.restante' ]) {
	my ($code, @args) = @$_;
	is((deliver("A: b\n", @args))[0], $code, "$code: @args");
}
like((deliver('', '--quota', '1x', 'bob'))[2],
    qr/^restantectl: "1x" is no number of octets\nusage: restantectl .* deliver /,
    'what a quota is');
is_deeply([ deliver('', 'bob') ], [ 65, '',
    "restantectl: bob: the message is empty\n" ], 'nothing');
is_deeply([ deliver("$separator\n", 'bob') ], [ 65, '',
    "restantectl: bob: the message is empty\n" ], 'a separator and nothing else');
my $before = Restante::slurp($u->path('bob'));
{
	local $u->{input} = "A: b\n";
	is(($u->raw('-f', '/dev/null', '-d', '/nonexistent', 'deliver', 'bob'))[0],
	    75, 'no directory: later, perhaps');
	Restante::spew("$u->{scratch}/wrong", "no-such-setting 1\n");
	for my $conf ("$u->{scratch}/wrong", "$u->{scratch}/gone") {
		my ($status, undef, $err) = $u->raw('-f', $conf, '-d', $u->dir,
		    'deliver', 'bob');
		is($status, 75, 'a wrong configuration: later');
		like($err, qr/^\Q$conf\E:/, '... told');
	}
}
open my $agent, '+<', $u->path('bob') or die $!;
flock $agent, LOCK_EX | LOCK_NB or die "flock: $!";
is_deeply([ deliver("A: b\n", 'bob') ], [ 75, '',
    "restantectl: bob: in use by a session or a delivery\n" ], 'in use: later');
close $agent;
is(Restante::slurp($u->path('bob')), $before, '... and nothing has changed');

# What an administrator has to mend is no reason to send mail back.
$u->write(carl => "secret\n" . Restante::mbox("A: b\n", "A: c\n", "A: d\n"));
$u->forge('carl', 'begin', 1, 2);
$u->poke($u->path('carl'), length("secret\n" . Restante::mbox("A: b\n")) + 5,
    'S');
my ($status, $out, $err) = deliver("A: b\n", 'carl');
is($status, 75, 'a mailbox that needs attention: later');
like($err, qr/^restantectl: carl: the mailbox needs attention\n\z/m, '... told');
unlink $u->own('carl.journal');

my %odd = (
	'a second link' => sub { link $u->path('carl'), $_[0] },
	'a symbolic link' => sub { symlink 'carl', $_[0] },
	'a broken one' => sub { symlink 'nowhere', $_[0] },
	'a directory' => sub { mkdir $_[0] },
	'a FIFO' => sub { POSIX::mkfifo($_[0], 0600) },
);
for my $what (sort keys %odd) {
	$odd{$what}->($u->path('odd')) or die "$what: $!";
	$before = Restante::slurp($u->path('carl'));
	is_deeply([ deliver("A: b\n", 'odd') ], [ 75, '', 'restantectl: odd: ' .
	    'there is something of that name, but no mailbox: ' .
	    "see restantectl check\n" ], "$what in its place: later");
	is(Restante::slurp($u->path('carl')), $before, '... nothing has changed');
	unlink $u->path('odd') or rmdir $u->path('odd') or die "odd: $!";
}
is((deliver("A: b\n", 'odd'))[0], 67, 'nothing in its place: sent back');

# Nor is a fault of which the program dies.
my $pid = open my $end, '|-', "exec $ENV{BUILD}/restantectl -f /dev/null -d "
    . $u->dir . ' deliver carl 2>/dev/null' or die "restantectl: $!";
Restante::wait_for(sub { Proc::file($pid, 'stat') =~ /\(restantectl\) S/ })
    or die 'it does not read';
kill BUS => $pid;
close $end;
is($?, 75 << 8, 'a SIGBUS: later');

# A mail system's limit of what its programs may write, in blocks.
$u->write(carl => "secret\n");
Restante::spew("$u->{scratch}/limited", "A: b\n\n" . 'x' x 20000 . "\n");
system 'sh', '-c', 'ulimit -f 8; exec "$0" "$@" <' . "$u->{scratch}/limited"
    . " 2>$u->{scratch}/said", "$ENV{BUILD}/restantectl", '-f', '/dev/null',
    '-d', $u->dir, 'deliver', 'carl';
is($?, 75 << 8, 'a file that may not be so large: later');
like(Restante::slurp("$u->{scratch}/said"), qr/not delivered: File too large/,
    '... told');
is(Restante::slurp($u->path('carl')), "secret\n", '... nothing has changed');

# Quota.
$u->write(carl => "secret\n");
my $message = "Subject: x\n\n" . 'x' x 400 . "\n";
is((deliver($message, '--quota', '1k', 'carl'))[0], 0, 'below the quota');
is((deliver($message, '--quota', '1k', 'carl'))[0], 0, '... twice');
$before = Restante::slurp($u->path('carl'));
($status, $out, $err) = deliver($message, '--quota', '1k', 'carl');
is($status, 73, '... and no more');
like($err, qr/^restantectl: carl: over quota: \d+ octets and \d+ more, of 1000$/,
    '... told');
is(Restante::slurp($u->path('carl')), $before, '... nothing has changed');
$c = $d->session('carl', 'secret');
$c->cmd('DELE 1');
$c->cmd('QUIT');
$c->close;
is((deliver($message, '--quota', '1k', 'carl'))[0], 0,
    'what is deleted does not count');

# A session holds the mailbox; with "lock update" it does so for moments only.
$c = $d->session('carl', 'secret');
is((deliver("A: b\n", 'carl'))[0], 75, 'beside a session: later');
$c->close;
$d->stop;
$d = Restante->start(dir => $u->dir, options => [ 'lock=update' ]);
$c = $d->session('carl', 'secret');
my ($count) = $c->cmd('STAT') =~ /^\+OK (\d+) /;
$before = Restante::slurp($u->path('carl'));
($status, $out, $err) = deliver($message, '--quota', '1k', 'carl');
is($status, 73, 'beside it, too, a quota holds');
like($err, qr/^restantectl: carl: over quota: \d+ octets and \d+ more, of 1000$/,
    '... told');
unlink $u->own('carl.index');
is((deliver($message, '--quota', '1k', 'carl'))[0], 73, '... without an index, too');
is(Restante::slurp($u->path('carl')), $before, '... nothing has changed');
ok(!-s $u->own('carl.index'), '... and the index is left to the session');
is((deliver($message, '--quota', '2k', 'carl'))[0], 0, '... up to what it is');
is((deliver("A: b\n\nbeside\n", 'carl'))[0], 0,
    'beside a session with "lock update": now');
is(($c->cmd('STAT') =~ /^\+OK (\d+) /)[0], $count, '... which does not see it');
$c->cmd('DELE 1');
like($c->cmd('QUIT'), qr/^\+OK/, '... nor deletes it');
$c->close;
is(last_message('carl'), "A: b\n\nbeside\n", '... the next one does');
$d->stop;

# Several at once: who is not told to come again has delivered.
$u->write(dave => "secret\n");
my @parts = map { my $p = Ctl->over($u->dir); $p->{input} = "N: $_\n"; $p } 1 .. 8;
my @pids = map { $_->start('-f', '/dev/null', '-d', $u->dir, 'deliver', 'dave') }
    @parts;
my %done;
for my $i (0 .. $#parts) {
	my ($code) = $parts[$i]->finish($pids[$i]);
	like($code, qr/\A(?:0|75)\z/, 'one of several');
	$done{$i + 1} = 1 if $code == 0;
}
is_deeply([ sort map { /(\d+)/ } Restante::slurp($u->path('dave')) =~
    /^(N: \d+)\n\n/mg ], [ sort keys %done ], 'all that were delivered are there');

# Killed before each system call, and then an agent delivers, which takes no
# notice of that.
SKIP: {
	skip 'the sanitizers cannot be traced', 1
	    if Proc::sanitized("$ENV{BUILD}/restantectl");
	my $old = "secret\n" . Restante::mbox("A: b\n", "A: c\n");
	my $text = "Subject: new\n\nFrom here\n" . "text\n" x 2000;
	my $new = qr/From me [^\n]+\n\QSubject: new\E\n\n>From here\n(?:text\n){2000}\n/;
	for my $late ('', Restante::mbox("Subject: late\n")) {
		my %ends;
		my $calls = $u->feed_and_kill(sub {
			unlink glob $u->own('*');
			$u->write(erin => $old);
		}, sub {
			$u->append('erin', $late);
			my ($code) = $u->run('compact', 'erin');
			my $now = Restante::slurp($u->path('erin'));
			my $end = $code != 0 ? "compact: $code" :
			    $now eq "$old$late" ? 'none' :
			    $now =~ /\A\Q$old\E$new\Q$late\E\z/ ? 'all' : 'some';
			$ends{$end}++;
			diag("$end at call $_[0]") if $end !~ /\A(?:all|none)\z/;
		}, $text, 'deliver', '-f', 'me', 'erin');
		is_deeply([ sort keys %ends ], [ 'all', 'none' ],
		    "killed before each of $calls calls: all or nothing");
	}
}

# The disk fails once: what is said is what has happened.
SKIP: {
	my $old = "secret\n" . Restante::mbox("A: b\n");
	my %ends;

	$u->feed_and_fail(1, sub { $u->write(erin => $old) }, sub {
		my ($status, $err) = @_;
		my ($code) = $u->run('compact', 'erin');
		my $now = Restante::slurp($u->path('erin'));
		my $end = $code != 0 ? "compact: $code" : $now eq $old ? 'none' :
		    $now =~ /\A\Q$old\EFrom me [^\n]+\nSubject: new\n\n\z/ ? 'all' :
		    'some';
		my $said = $status == 0 ? 'delivered' :
		    $err =~ /may have been delivered/ ? 'perhaps' :
		    $err =~ /not delivered/ ? 'not' : $err;
		$ends{"$said: $end"}++;
	}, "Subject: new\n", 'deliver', '-f', 'me', 'erin');
	is_deeply([ sort keys %ends ],
	    [ 'delivered: all', 'not: none', 'perhaps: all' ],
	    'each writing call fails');
}

done_testing;
