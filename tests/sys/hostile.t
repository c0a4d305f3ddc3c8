# SPDX-License-Identifier: ISC
# What a session that its client has taken over can do when root has started the
# server, and what of its shares another session could suffer from.

use strict;
use warnings;

use Test::More;

use Hostile;
use Proc;
use Restante;
use Siege;

plan skip_all => 'only root can start the server as root' if $> != 0;
plan skip_all => 'the sanitizers need a wider filter'
    if Proc::sanitized(Hostile::binary());
plan skip_all => 'no names of system calls without a C compiler'
    if !keys %{ Hostile::numbers() };

my $owner = 12345;
my $d = Restante->new(Siege::server());

chmod 0755, $d->{scratch};
chown $owner, $owner, $d->dir, map { $d->path($_) } qw(alice bob carol)
    or die "chown: $!";
$d->start;

# What this kernel lacks, the listener has said before its first connection.
Hostile->new($d)->client->close;
my ($lacks) = $d->stderr =~ /running without (.*)/;
plan skip_all => "running without $lacks" if defined $lacks;

Siege::lay($d);

# The same system call numbers mean others in the 32-bit interface.
SKIP: {
	my $h = Hostile->new($d);
	my $said = $h->say('ia32', 20);

	skip 'there is no 32-bit interface here', 1 if $said eq 'unknown';
	is $said, 'gone', 'a 32-bit system call ends the session';
	Siege::serves($d, 'after that');
}

# The word to end comes by a pipe that all sessions have: whoever takes it out
# keeps it from nobody.
subtest 'the word to end' => sub {
	my $thief = Hostile->new($d);
	my @others = map { Hostile->new($d) } 1 .. 20;

	$others[0]->login('alice', 'secret');
	my $read = join ' ', 'call', Hostile::numbers()->{read}, 4, '@64', 64;
	$thief->client->send("$read\n" x 100);
	kill TERM => $d->pid;
	ok $d->log_like(qr/sessions may finish/), 'once';
	kill TERM => $d->pid;
	my @left = grep { !$_->client->eof } @others;
	is scalar(@left), 0, 'and again: all others have ended';
	$thief->client->close;
	is $d->wait, 0, 'and when the thief is gone, all has';
};

done_testing;
