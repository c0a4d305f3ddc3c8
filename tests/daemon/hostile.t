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
done_testing;
