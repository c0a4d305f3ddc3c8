# SPDX-License-Identifier: ISC
# What a session that its client has taken over can do when an ordinary user has
# started the server: the system call filter and Landlock hold all the same.

use strict;
use warnings;

use Test::More;

use Hostile;
use Proc;
use Restante;
use Siege;

plan skip_all => 'the sanitizers need a wider filter'
    if Proc::sanitized(Hostile::binary());
plan skip_all => 'no names of system calls without a C compiler'
    if !keys %{ Hostile::numbers() };
Proc::become_ordinary('tests/restante-hostile');

my $d = Restante->start(Siege::server());

# What this kernel lacks, the listener has said before its first connection.
Hostile->new($d)->client->close;
my ($lacks) = $d->stderr =~ /running without (.*)/;
plan skip_all => "running without $lacks" if defined $lacks;

Siege::lay($d);
is $d->stop, 0, 'and ends';

$d = Restante->start(Siege::server(), flags => 'proxy',
    options => [ 'trusted-proxies=127.0.0.1' ]);
Siege::channel_peer($d, 1);
is $d->stop, 0, 'and ends, with proxies, too';

# So many that one name or another would be left over.
my @names = map { "person$_" } 100 .. 399;
$d = Restante->start(Siege::server(users => { map { ($_ => "x\n") } @names }));
Siege::inherited($d, @names);
is $d->stop, 0, 'and ends, with many mailboxes';

# The kernel counts descriptors under way by user.  Attendants that may send none
# let nobody in, and say why.
$d = Restante->start(Siege::server());
my $other = Hostile->new($d);
$other->say('pair');
Siege::serves($d, 'before a limit');
is $other->say('send', '00', 1, (3 .. 5) x 84), '1 0',
    'a limit: descriptors under way';
my @keepers = (Proc::find($d, qr/^keeper/), Proc::all($d, qr/^idle attendant/));
ok Proc::narrow($_, 100), 'a limit: they may have fewer' for @keepers;
like(Hostile->new($d)->ask(Hostile::PASS, 'alice', 'secret'), qr/^none /,
    'a limit: nobody comes in') for 1 .. 3;
ok $d->log_like(qr/handing over the mailbox of alice: /), 'a limit: and why';
$other->client->close;
ok Restante::wait_for(sub {
	Hostile->new($d)->ask(Hostile::PASS, 'alice', 'secret') =~ /^verdict 1 /
}), 'a limit: a login';
is $d->stop, 0, 'and ends, with a limit';

# An answer was due, but the mailbox could not be opened: none is due any more.
$d = Restante->start(Siege::server());
my $h = Hostile->new($d);
my @message = (Hostile::AUTH_ANSWER, '-', '%' . unpack 'H*', 'alice ' . '0' x 32);
like $h->ask(Hostile::AUTH, 'CRAM-MD5', '-'), qr/^verdict 7 /, 'AUTH: has begun';
my $attendant = Proc::find($d, qr/^attendant/);
ok Proc::narrow($attendant, 3), 'AUTH: an attendant that can open nothing';
is $h->ask(@message), 'verdict 4', 'AUTH: it says so';
like $h->ask(@message), qr/^none /, 'AUTH: once';
$h->client->close;
is $d->stop, 0, 'and ends, after AUTH';
done_testing;
