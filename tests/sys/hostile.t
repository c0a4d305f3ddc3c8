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
Siege::lay($d);

# The same system call numbers mean others in the 32-bit interface.
SKIP: {
	my $h = Hostile->new($d);
	my $said = $h->say('ia32', 20);

	skip 'there is no 32-bit interface here', 1 if $said eq 'unknown';
	is $said, 'gone', 'a 32-bit system call ends the session';
	Siege::serves($d, 'after that');
}

# A shared descriptor has shared flags: that the pipe of the log no longer says
# "later" when it is full must hold nobody up.
subtest 'flags of what is shared' => sub {
	my $h = Hostile->new($d);
	my ($result, $error) = $h->call('fcntl', 3, 4, 0);

	is $error, '0', 'the pipe of the log made to block';
	for (1 .. 200) {
		$h->say('log', unpack('H*', '2') . '42' x 900);
	}
	$h->say('log', unpack 'H*', '2that was it');
	ok $d->log_like(qr/session: that was it/), 'the log goes on';
	Siege::serves($d, 'meanwhile');
};

# A client that is gone takes its hostile session with it.
is $d->stop, 0, 'the server ends';
done_testing;
