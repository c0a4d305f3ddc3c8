# SPDX-License-Identifier: ISC
# RFC 918's state diagram, walked completely: every command in every state, with
# its reply, the state behind it, and what it did to the mailbox.
use strict;
use warnings;

use Test::More;

use Pop1;
use Restante;

my $full = "secret\n" .
    Restante::mbox("Subject: one\n\n1\n", "Subject: two\n\n2\n");
my $stream = Pop1::expected($full);
my $size = length $stream;
my $d = Pop1->start(users => { alice => $full });

# How a state is reached from the one above it; RETR and RDEL differ only in
# what RCVD does.
my @way = (
	call => undef,
	named => [ call => 'USER alice' ],
	idle => [ named => 'PASS secret' ],
	told => [ idle => 'RETR mailbox' ],
	sent => [ told => 'RCEV' ],
	'told to delete' => [ idle => 'RDEL mailbox' ],
	'sent to delete' => [ 'told to delete' => 'RCEV' ],
);
my %way = @way;
my @states = @way[ grep { $_ % 2 == 0 } 0 .. $#way ];

# What comes of a command: the kind of its reply, and the next state where it is
# another one.
my %always = (NOOP => [ '+OK' ], RSET => [ '+OK', 'idle' ]);
my %begins = (
	'RETR mailbox' => [ '#', 'told' ],
	'RDEL mailbox' => [ '#', 'told to delete' ],
);
my %diagram = (
	call => { 'USER alice' => [ '+OK', 'named' ] },
	named => {
		'USER alice' => [ '+OK', 'named' ],
		'PASS secret' => [ '+OK', 'idle' ],
	},
	idle => { %always, %begins },
	told => {
		%always,
		RCEV => [ 'data', 'sent' ],
		RECV => [ 'data', 'sent' ],
	},
	sent => { %always, RCVD => [ '+OK', 'idle' ] },
	'told to delete' => {
		%always,
		RCEV => [ 'data', 'sent to delete' ],
		RECV => [ 'data', 'sent to delete' ],
	},
	'sent to delete' => { %always, RCVD => [ '+OK', 'idle', 'deletes' ] },
);
my @commands = ('USER alice', 'PASS secret', 'RETR mailbox', 'RDEL mailbox',
	'RCEV', 'RECV', 'RCVD', 'NOOP', 'RSET', 'QUIT', 'BOGUS');

# Sends a command and says which kind its reply is of.
sub say_it
{
	my ($c, $command) = @_;

	$c->send("$command\r\n");
	# Data is known by its first octet, and followed by no line of its own.
	my $first = $c->octets(1);
	if ($first eq 'F') {
		return $first . $c->octets($size - 1) eq $stream
		    ? 'data' : 'other data';
	}
	my $line = $first . $c->line;
	return "$1" if $line =~ /\A(\+OK|-ERR) \S/;
	return '#' if $line eq "#$size";
	return $line;
}

sub reach
{
	my ($state) = @_;

	return Pop1->connect($d) if !defined $way{$state};
	my ($before, $command) = @{ $way{$state} };
	my $c = reach($before);
	say_it($c, $command);
	return $c;
}

# What is left to be done in a state until the mailbox is read or emptied shows
# which one it is.  No lock is left behind.
sub finish
{
	my ($c) = @_;
	my @replies = map { say_it($c, $_) } 'PASS secret', 'RCEV', 'RCVD',
	    'USER alice', 'PASS secret', 'RETR mailbox', 'RSET';

	return join ' ', @replies, $d->mbox('alice') eq $full ? 'kept' : 'deleted';
}

my %seen;
for my $state (@states) {
	my $c = reach($state);
	my $signs = finish($c);
	ok !defined $seen{$signs}, "the state \"$state\" can be told from others"
	    or diag $signs;
	$seen{$signs} = $state;
	$c->close;
	Restante::spew($d->path('alice'), $full);
}

for my $state (@states) {
	for my $command (@commands) {
		my $c = reach($state);
		my ($reply, $next, $deletes) =
		    @{ $diagram{$state}{$command} || ['-ERR'] };
		# A name counts for the next command alone.
		$next //= $state eq 'named' ? 'call' : $state;
		my $name = "P1-003 $state: $command";

		if ($command eq 'QUIT') {
			is say_it($c, $command), '+OK', "$name is answered +OK";
			ok $c->eof, "$name closes";
			is $d->mbox('alice'), $full, "$name deletes nothing";
			$c->close;
			next;
		}
		is say_it($c, $command), $reply, "$name is answered $reply";
		my $now = $d->mbox('alice');
		is $now, $deletes ? "secret\n" : $full,
		    "$name " . ($deletes ? 'deletes all' : 'deletes nothing');
		# With an empty mailbox, RETR would say #0.
		Restante::spew($d->path('alice'), $full) if $deletes;
		is $seen{ finish($c) }, $next, "$name leads to \"$next\"";
		$c->close;
		Restante::spew($d->path('alice'), $full);
	}
}

done_testing;
