# SPDX-License-Identifier: ISC
# UIDL: RFC 1939 section 7, and what a unique-id is made of.
use strict;
use warnings;

use Test::More;

use Reference;
use Restante;

my @texts = map { "Subject: $_\n\nbody $_\n" } 1 .. 6;
my $mbox = Restante::mbox(@texts);
my $same = Restante::mbox(("Subject: same\n\ntwins\n") x 4, $texts[0]);
my $d = Restante->start(users => {
	alice => "secret\n$mbox",
	moved => "another password\n" . Restante::mbox('', @texts[ 4, 2, 3 ]),
	twins => "secret\n$same",
	empty => "secret\n",
});

sub ids
{
	my ($session) = @_;
	my ($status, @lines) = $session->multi('UIDL');

	die $status if $status ne '+OK unique-ids follow';
	return map { (split ' ', $_)[1] } @lines;
}

my $c = $d->session('alice', 'secret');
my ($status, @lines) = $c->multi('UIDL');
my @ids = ids($c);

is @lines, 6, 'P3-250 one line a message';
like $lines[$_ - 1], qr/\A$_ [\x21-\x7e]{1,70}\z/,
    'P3-250 P3-252 number, blank, 1 to 70 printable octets' for 1 .. 6;
is $c->cmd("UIDL $_"), "+OK $lines[$_ - 1]", "P3-251 UIDL $_" for 1 .. 6;
my %different = map { $_ => 1 } @ids;
is keys %different, 6, 'P3-253 all are distinct';

# The documented form: a separator, headers, the octets on the wire.
my $separator = (split /(?<=\n)/, $mbox)[0];
for my $n (1 .. 6) {
	my $wire = length "Subject: $n\r\n\r\nbody $n\r\n";
	is $ids[$n - 1], Reference::xxh64("${separator}Subject: $n\n$wire"),
	    "the unique-id of message $n is what is documented";
}

# P3-254, P3-256, P3-257, over every kind of end.
is_deeply [ ids($c) ], \@ids, 'P3-254 the same in one session';
$c->cmd('QUIT');
$c->close;
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@ids, 'P3-254 the same in the next session';
$c->cmd('DELE 3');
is_deeply [ ids($c) ], [ @ids[ 0, 1, 3, 4, 5 ] ],
    'P3-256 a deleted message is not listed';
is $c->cmd('UIDL 3'), '-ERR message 3 is deleted already', 'P3-256 nor told';
is $c->cmd('UIDL 7'), '-ERR no such message, only 6 in the maildrop',
    'P3-256 nor is an unknown one';
is $c->cmd('UIDL 4'), "+OK 4 $ids[3]", 'P3-257 the others keep theirs';
$c->close;
$d->log_like(qr/user=alice .*reason=lost/);
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@ids, 'P3-254 the same behind a session without QUIT';
$c->cmd("DELE $_") for 1, 3;
$c->cmd('QUIT');
$c->close;
my @left = @ids[ 1, 3, 4, 5 ];
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@left, 'P3-257 the same behind deletions';
$c->close;

# P3-258: what else may happen to a mailbox.
$d->restart;
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@left, 'P3-258 the same behind a restart';
$c->close;
$d->append('alice', Restante::mbox(''));
$c = $d->session('alice', 'secret');
is_deeply [ (ids($c))[0 .. 3] ], \@left, 'P3-257 the same when mail comes';
$c->cmd('DELE 5');
$c->cmd('QUIT');
$c->close;
unlink glob $d->path('.restante/alice.*') or die;
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@left, 'P3-258 the same without index and journal';
$c->close;
my $text = $d->mbox('alice');
unlink $d->path('alice');
$d->user('alice', $text);
$c = $d->session('alice', 'secret');
is_deeply [ ids($c) ], \@left, 'P3-258 the same in a copy';
$c->close;
$c = $d->session('moved', 'another password');
is_deeply [ (ids($c))[1 .. 3] ], [ @ids[ 4, 2, 3 ] ],
    'P3-258 the same in another place, order and mailbox';
$c->close;

# Messages that are identical.
$c = $d->session('twins', 'secret');
my @twins = ids($c);
is_deeply [ @twins[ 1 .. 3 ] ], [ map { "$twins[0]-$_" } 1 .. 3 ],
    'P3-253 identical messages have distinct ids';
is $twins[4], $ids[0], 'P3-253 which concern no other message';
is $c->cmd('UIDL 3'), "+OK 3 $twins[2]", 'P3-251 also one by one';
$c->close;
$c = $d->session('twins', 'secret');
is_deeply [ ids($c) ], \@twins, 'P3-254 the same in the next session';
$c->cmd('DELE 4');
$c->cmd('QUIT');
$c->close;
$c = $d->session('twins', 'secret');
is_deeply [ ids($c) ], [ @twins[ 0 .. 2, 4 ] ],
    'P3-257 the first twins keep theirs when the last is deleted';
$c->cmd('DELE 1');
$c->cmd('QUIT');
$c->close;
$c = $d->session('twins', 'secret');
my @after = ids($c);
is_deeply \@after, [ @twins[ 1, 2, 4 ] ],
    'P3-255 P3-257 the others keep theirs when the first is';
unlink $d->path('.restante/twins.index') or die;
$c->close;
$c = $d->session('twins', 'secret');
@after = ids($c);
my %distinct = map { $_ => 1 } @after;
is keys %distinct, 3, 'P3-253 without an index they are distinct all the same';
$c->close;

# What makes two messages different: each of these differs from the first in one
# place that counts, or in one that does not.
my $stamp = 'Thu Nov 20 18:27:05 2025';
my @variants = (
	[ 'the first', "From a $stamp\nA: b\n\nbody\n\n" ],
	[ 'another sender', "From b $stamp\nA: b\n\nbody\n\n" ],
	[ 'another second', "From a Thu Nov 20 18:27:06 2025\nA: b\n\nbody\n\n" ],
	[ 'another header', "From a $stamp\nA: c\n\nbody\n\n" ],
	[ 'another length', "From a $stamp\nA: b\n\nbodies\n\n" ],
	[ 'CRLF in the header', "From a $stamp\nA: b\r\n\nbody\n\n" ],
	[ 'a header more', "From a $stamp\nA: b\nC: d\n\nbody\n\n" ],
);
my $other = ["the same length\n", "From a $stamp\nA: b\n\nydob\n\n"];
$d->user(variants => "secret\n" . join '', map { $_->[1] } @variants, $other);
$c = $d->session('variants', 'secret');
my @got = ids($c);
my %by_id = map { $got[$_] => $variants[$_][0] } 0 .. $#variants;
is keys %by_id, @variants, 'P3-253 separator, headers and length count'
    or diag explain \%by_id;
is $got[-1], "$got[0]-1", 'the body alone does not, and makes a twin';
$c->close;

# P3-259
$c = $d->session('empty', 'secret');
$c->send("UIDL\r\n");
like $c->status, qr/\A\+OK/, 'P3-259 an empty maildrop: +OK';
is $c->stuffed, ".\r\n", 'P3-259 and the terminator';

done_testing;
