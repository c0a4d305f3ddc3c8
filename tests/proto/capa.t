# SPDX-License-Identifier: ISC
# CAPA and response codes: RFC 2449, RFC 3206.
use strict;
use warnings;

use Test::More;

use Restante;

my %users = (alice => "secret\n" . Restante::mbox("A: b\n\n1\n2\n"));
my $d = Restante->start(users => \%users, options => ['login-tries=100']);
my $c = $d->connect;
my ($status, @before) = $c->multi('CAPA');

like $status, qr/\A\+OK /, 'P3-300 CAPA before the login';
like $c->login('alice', 'secret'), qr/\A\+OK/, 'P3-313 USER and PASS behind it';
($status, my @after) = $c->multi('capa');
like $status, qr/\A\+OK /, 'P3-300 CAPA behind the login';
is $c->cmd('CAPA 1'), '-ERR this command takes no argument',
    'P3-300 it takes no argument';

for my $line (@before, @after) {
	like $line, qr/\A[\x21-\x2d\x2f-\x7e]+(?: [\x21-\x7e]+)*\z/,
	    "P3-301 tag, then arguments behind one blank each: $line";
	cmp_ok length $line, '<=', 510, 'P3-301 at most 512 octets';
	unlike $line, qr/\AX/i, 'P3-311 no private tag';
	like $line, qr/\A[A-Z0-9-]+(?: |\z)/, 'P3-302 in upper case';
}
my %tags = map { (split ' ', $_)[0] => 1 } @before;
is keys %tags, @before, 'P3-309 no tag twice';
is_deeply [ sort @after ], [ sort @before ],
    'P3-303 P3-305 P3-306 what is announced before the login is announced behind it';
ok $tags{$_}, "P3-305 $_ is announced"
    for qw(TOP UIDL USER RESP-CODES AUTH-RESP-CODE PIPELINING IMPLEMENTATION
    LOGIN-DELAY EXPIRE UTF8 LANG);
ok !$tags{APOP}, 'P3-312 there is no tag APOP';
my ($implementation) = grep { /\AIMPLEMENTATION/ } @before;
like $implementation, qr/\AIMPLEMENTATION \S/, 'P3-307 IMPLEMENTATION has a word';
unlike $implementation, qr/\d/, 'P3-010 and no version';
my ($version) = `@{[ Restante::binary() ]} -V` =~ / (\S+)\n/;
is_deeply [ grep { /\AIMPLEMENTATION/ } Restante->start(users => \%users,
	options => ['show-version=yes'])->connect->multi('CAPA') ],
    ["IMPLEMENTATION restante-$version"], 'P3-010 P3-307 unless it is wanted';

# P3-308: whatever is announced works; what is not, does not.
my %works = (
	TOP => sub { ($c->multi('TOP 1 1'))[0] =~ /\A\+OK/ },
	UIDL => sub { ($c->multi('UIDL'))[0] =~ /\A\+OK/ },
	USER => sub { $d->connect->cmd('USER alice') =~ /\A\+OK/ },
	'RESP-CODES' => sub {
		$d->connect->login('alice', 'secret') =~ /\A-ERR \[IN-USE\]/;
	},
	'AUTH-RESP-CODE' => sub {
		$d->connect->login('alice', 'x') =~ /\A-ERR \[AUTH\]/;
	},
	PIPELINING => sub {
		$c->send("NOOP\r\nNOOP\r\n");
		2 == grep { $c->status =~ /\A\+OK/ } 1, 2;
	},
	IMPLEMENTATION => sub { 1 },
	UTF8 => sub { $d->connect->cmd('UTF8') =~ /\A\+OK/ },
	LANG => sub { ($c->multi('LANG'))[0] =~ /\A\+OK/ },
	# See sasl.t.
	SASL => sub { $d->connect->cmd('AUTH PLAIN') eq '+ ' },
	# See expire.t and login-delay.t.
	EXPIRE => sub { grep { $_ eq 'EXPIRE NEVER' } @before },
	'LOGIN-DELAY' => sub { grep { $_ eq 'LOGIN-DELAY 0' } @before },
);
for my $tag (sort keys %tags) {
	if ($works{$tag}) {
		ok $works{$tag}->(), "P3-308 $tag works";
	} else {
		fail "P3-308 $tag is announced, and this test knows nothing of it";
	}
}
my %commands = (STLS => 'STLS', UTF8 => 'UTF8', LANG => 'LANG');
for my $tag (sort keys %commands) {
	next if $tags{$tag};
	like $d->connect->cmd($commands{$tag}), qr/\A-ERR /,
	    "P3-308 $tag is not announced, and does not work";
}
$c->close;

# The same where APOP is off, names are hidden, and from inetd.
for my $option ('apop=no', 'hide-users=yes') {
	my $other = Restante->start(users => \%users, options => [$option]);
	($status, my @lines) = $other->connect->multi('CAPA');
	is_deeply \@lines, \@before, "P3-308 the same with $option";
}
($status, my @lines) = Restante->inetd(users => \%users)->multi('CAPA');
is_deeply \@lines, \@before, 'P3-308 the same from inetd';

# P3-345 to P3-353: the codes, on what they belong to and on nothing else.
sub code
{
	return $_[0] =~ /\A(?:\+OK|-ERR) \[([^\]]*)\]/ ? $1 : '';
}
my $first = $d->session('alice', 'secret');
$c = $d->connect;
my @expected = (
	[ '', 'USER unknown' ], [ '', 'USER ../alice' ], [ '', 'PASS secret' ],
	[ '', 'USER alice' ], [ 'AUTH', 'PASS x' ],
	[ 'AUTH', 'APOP alice ' . '0' x 32 ], [ 'AUTH', 'APOP unknown 0' ],
	[ 'AUTH', 'APOP ../alice 0' ],
	[ '', 'USER alice' ], [ 'IN-USE', 'PASS secret' ],
	[ '', 'STAT' ], [ '', 'PASS' ], [ '', 'APOP' ], [ '', 'USER' ],
	[ '', 'XXXX' ], [ '', "\x80" ], [ '', '[AUTH]' ], [ '', 'USER [AUTH]' ],
	[ '', 'APOP' . ' x' x 100 ],
);
for my $case (@expected) {
	(my $shown = $case->[1]) =~ s/\x80/\\x80/;
	is code($c->cmd($case->[1])), $case->[0],
	    "P3-346 P3-347 P3-350 P3-351 P3-353 \"$shown\": [$case->[0]]";
}
for my $line ('LIST 9', 'RETR 0', 'DELE x', 'TOP 1', 'USER alice', 'PASS x',
	'APOP x y', 'LIST [AUTH]', '[IN-USE]', 'NOOP x') {
	is code($first->cmd($line)), '', "P3-345 P3-351 \"$line\": no code";
}
is code($_), '', "P3-345 no code on: $_" for $first->greeting,
    $first->cmd('STAT'), $first->cmd('NOOP'), $first->cmd('DELE 1'),
    $first->cmd('RSET'), $first->cmd('QUIT');

done_testing;
