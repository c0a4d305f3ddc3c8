# SPDX-License-Identifier: ISC
# The ways to have the original POP spoken: a listen line, -1, --inetd --pop1.
use strict;
use warnings;

use File::Temp ();
use IO::Socket::IP ();
use Socket qw(SOCK_STREAM);
use Test::More;

use Pop1;
use Restante;

my $mbox = Restante::mbox("Subject: one\n\n1\n");
my %users = (alice => "secret\n$mbox");
my $stream = Pop1::expected($users{alice});
my $pop3 = qr/\A\+OK \S+ POP3 server ready /;
my $pop1 = qr/\A\+OK \S+ POP server ready\z/;

# What a command says, and its exit status.
sub output
{
	my @args = @_;
	my $pid = open my $fh, '-|' // die "fork: $!";

	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT or die "dup: $!";
		exec Restante::binary(), @args;
		die "exec: $!";
	}
	my @lines = <$fh>;
	close $fh;
	chomp @lines;
	return ($? >> 8, @lines);
}

sub listens
{
	my ($status, @lines) = output('-f', '/dev/null', @_, '-T');

	return $status == 0 ? [ map { /^listen (.*)/ } @lines ] : "@lines";
}

is_deeply listens('-p', 1110, '-1', 1109), [ '*:1110', '*:1109 pop1' ],
    '-1 listens beside -p';
is_deeply listens('-1', 1109), [ '*:110', '*:1109 pop1' ],
    'and beside the standard port';
is_deeply listens('-l', '127.0.0.1', '-l', '::1', '-p', 10, '-1', 9),
    [ '127.0.0.1:10', '[::1]:10', '127.0.0.1:9 pop1', '[::1]:9 pop1' ],
    'at each address';
is_deeply listens('-o', 'listen=127.0.0.1:9 pop1'), ['127.0.0.1:9 pop1'],
    'a listen line alone is all there is';
is_deeply listens('-o', 'listen=127.0.0.1:9', '-1', 8),
    [ '127.0.0.1:9', '*:8 pop1' ], '-1 adds to it';
for my $wrong ('127.0.0.1:9 pop2', '127.0.0.1:9 pop1 pop1', '127.0.0.1:9pop1',
	'127.0.0.1:9 POP1') {
	my ($status, $said) =
	    output('-f', '/dev/null', '-n', '-o', "listen=$wrong");
	is $status, 78, "listen $wrong is refused";
	like $said, qr/listen/, 'with a sentence';
}
my ($status, $said) = output('-f', '/dev/null', '-1', '99999', '-n');
is $status, 78, '-1 with what is no port is refused';
($status, $said) = output('-f', '/dev/null', '-d', '/', '--pop1');
is $status, 64, '--pop1 without a connection is refused';
like $said, qr/--pop1 .* -1/, 'and the sentence tells of -1';

# What is printed is read back as the same.
my $dir = File::Temp->newdir;
my @printed = output('-f', '/dev/null', '-p', 10, '-1', 9, '-T');
Restante::spew("$dir/conf", join '', map { "$_\n" } @printed[1 .. $#printed]);
is_deeply [ output('-f', "$dir/conf", '-T') ], \@printed,
    '-T writes what -f reads';
ok grep({ $_ eq 'listen *:9 pop1' } @printed), 'pop1 among it';

# From a file, on one server.
my @port = map { Restante::free_port() } 1 .. 2;
Restante::spew("$dir/conf", "listen 127.0.0.1:$port[0]\n" .
    "listen\t127.0.0.1:$port[1] \t pop1 \n");
my $d = Restante->new(users => \%users, args => [ '-f', "$dir/conf" ]);
$d->launch_logged($d->command);
ok $d->log_like(qr/: ready\z/), 'a server that speaks both';
@{$d}{qw(port pop1_port)} = @port;
my $c = $d->connect;
like $c->greeting, $pop3, 'POP3 on its port';
my $old = Pop1->connect($d);
like $old->greeting, $pop1, 'the original POP on its own';
like $old->login('alice', 'secret'), qr/\A\+OK/, 'with the same users';
is $old->fetch('RETR'), $stream, 'and mailboxes';
$_->close for $c, $old;
$d->stop;

# One limit for both.
$d = Pop1->start(users => { %users, bob => "secret\n" },
    options => ['max-sessions=2']);
my @both = ($d->connect, Pop1->connect($d));
like $_->login($both[0] == $_ ? 'alice' : 'bob', 'secret'), qr/\A\+/,
    'one of each' for @both;
for my $full ($d->connect, Pop1->connect($d)) {
	like $full->greeting, qr/\A-ERR \[SYS\/TEMP\] too many sessions/,
	    'max-sessions counts both together';
	ok $full->eof, 'and closes';
}
$_->close for @both;
$d->stop;

# From inetd, with a connection or with anything else.
for my $args ([ '--inetd', '--pop1' ], ['--pop1']) {
	$c = Restante->inetd(users => \%users, args => $args, log => 1);
	my $server = $c->server;
	like $c->greeting, $pop1, "@{$args} speaks the original POP";
	bless $c, 'Pop1';
	like $c->login('alice', 'secret'), qr/\A\+OK/, 'lets users in';
	is $c->fetch('RDEL'), $stream, 'and fetches mail';
	like $c->cmd('QUIT'), qr/\A\+OK/, 'until they leave';
	ok $c->eof, 'and ends';
	$c->close;
	is $server->wait, 0, 'with status 0';
	is $server->mbox('alice'), "secret\n", 'the mail is deleted';
}
$c = Restante->inetd(users => \%users, args => ['--inetd'], log => 1);
like $c->greeting, $pop3, '--inetd alone speaks POP3';
$c->cmd('QUIT');
$c->close;

done_testing;
