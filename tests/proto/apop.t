# SPDX-License-Identifier: ISC
# APOP: RFC 1939 section 7.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Restante;

my $refused = '-ERR [AUTH] wrong name or password';
my $strange = join '', 'x', map { chr } 33 .. 126;
my $hash = crypt 'secret', '$6$saltsalt';
my %users = (
	alice => "tanstaaf\n" . Restante::mbox("A: b\n"),
	bob => "with a blank \n",
	strange => "$strange\n",
	long => 'x' x 500 . "\n",
	hashed => "$hash\n",
	locked => "!tanstaaf\n",
	nothing => '',
);
my $d = Restante->start(users => \%users, options => ['login-tries=100']);

# The digest as the RFC defines it; its own example shows that it is understood.
sub digest
{
	my ($stamp, $secret) = @_;

	return md5_hex($stamp . $secret);
}
is digest('<1896.697170952@dbc.mtview.ca.us>', 'tanstaaf'),
    'c4c9334bac560ecc979e58001b3e22fb', 'P3-120 the example of RFC 1939';

for my $name (qw(alice bob strange long)) {
	my $c = $d->connect;
	chomp(my $secret = (split /(?<=\n)/, $users{$name})[0]);

	like $c->cmd("APOP $name " . digest($c->stamp, $secret)),
	    qr/\A\+OK ${name}'s maildrop has [01] messages? /,
	    "P3-120 P3-121 the right digest logs in: $name";
	like $c->cmd('STAT'), qr/\A\+OK [01] /, 'P3-121 to the mailbox';
	is $c->cmd("APOP $name " . digest($c->stamp, $secret)),
	    '-ERR you are logged in already', 'P3-123 not twice';
	$c->close;
}

my $c = $d->connect;
my $right = digest($c->stamp, 'tanstaaf');
my $other = $d->connect;
my @wrong = (
	[ 'P3-121 a wrong secret' => digest($c->stamp, 'tanstaaF') ],
	[ 'P3-120 without the angle brackets' =>
	    digest(substr($c->stamp, 1, -1), 'tanstaaf') ],
	[ 'P3-120 secret first' => md5_hex('tanstaaf' . $c->stamp) ],
	[ 'P3-120 with a line end' => digest($c->stamp, "tanstaaf\n") ],
	[ 'P3-124 of another connection' => digest($other->stamp, 'tanstaaf') ],
	[ 'P3-125 31 digits' => substr $right, 0, 31 ],
	[ 'P3-125 33 digits' => $right . '0' ],
	[ 'P3-125 64 digits' => $right x 2 ],
	[ 'P3-125 448 digits' => $right x 14 ],
	[ 'P3-125 one digit' => substr $right, 0, 1 ],
	[ 'P3-125 its last digit wrong' =>
	    substr($right, 0, 31) . (substr($right, 31) eq '0' ? 1 : 0) ],
	[ 'P3-125 its first digit wrong' =>
	    (substr($right, 0, 1) eq '0' ? 1 : 0) . substr $right, 1 ],
	[ 'P3-125 no hexadecimal digits' => 'z' x 32 ],
	[ 'the password itself' => 'tanstaaf' ],
);
push @wrong, [ 'P3-126 upper case' => uc $right ] if $right =~ /[a-f]/;
is $c->cmd("APOP alice $_->[1]"), $refused, $_->[0] for @wrong;
is $c->cmd('STAT'), '-ERR log in first', 'P3-121 and nobody is logged in';
is $c->cmd("APOP bob $right"), $refused, 'P3-121 nor somebody else';
is $c->cmd("APOP nobody $right"), $refused, 'P3-103 nor nobody';
is $c->cmd("APOP ../alice $right"), $refused, 'P3-104 nor no name';
is $c->cmd("APOP $_ " . digest($c->stamp, '')), $refused,
    "an account that logs nobody in: $_" for qw(nothing locked);
is $c->cmd('APOP locked ' . digest($c->stamp, 'tanstaaf')), $refused,
    'also not with its password';
is $c->cmd('APOP locked ' . digest($c->stamp, '!tanstaaf')), $refused,
    'nor with its line';
is $c->cmd('APOP hashed ' . digest($c->stamp, $_)), $refused,
    'P3-127 a hash serves USER and PASS only' for 'secret', $hash;
ok $d->log_like(qr/refused: user=hashed addr=\S+ by=APOP why=other-form/),
    'and the log tells why';

is $c->cmd('APOP'), '-ERR this command needs an argument', 'P3-122 no argument';
is $c->cmd('APOP alice'), '-ERR this command needs another argument',
    'P3-122 no digest';
is $c->cmd("APOP  $right"), '-ERR one blank between words, please',
    'P3-122 no name';
is $c->cmd("APOP alice $right x"), '-ERR too many arguments',
    'P3-122 three arguments';
is $c->cmd("APOP alice  $right"), '-ERR one blank between words, please',
    'P3-037 two blanks';
$c->cmd('USER alice');
$c->cmd('PASS wrong');
like $c->cmd("apop alice $right"), qr/\A\+OK alice's maildrop has 1 message /,
    'P3-123 the right one works behind failures of every kind';
$c->close;

# Replay: what one connection has shown is of no use on the next.
my ($seen, @seen) = ($other->stamp);
$c = $d->connect;
push @seen, digest($seen, 'tanstaaf'), $right, digest($c->stamp, 'tanstaaf');
like $c->cmd("APOP alice $seen[2]"), qr/\A\+OK/, 'P3-124 a digest is seen';
$c->close;
$c = $d->connect;
is $c->cmd("APOP alice $_"), $refused, 'P3-124 and is wrong on the next'
    for @seen;
$c->close;
like $other->cmd("APOP alice $seen[0]"), qr/\A\+OK/,
    'P3-124 but right where it belongs';
$other->close;

# As many tries as with PASS.
my $three = Restante->start(users => \%users);
$c = $three->connect;
$c->cmd('USER alice');
$c->cmd('PASS wrong');
is $c->cmd('APOP alice ' . '0' x 32), $refused, 'the second failure';
is $c->cmd('APOP alice ' . '0' x 32), "$refused, once too often", 'the third';
ok $c->eof, 'ends the connection';
$c->close;

# As inetd starts it.
$c = Restante->inetd(users => \%users);
like $c->cmd('APOP alice ' . digest($c->stamp, 'tanstaaf')), qr/\A\+OK/,
    'P3-121 the same from inetd';
$c->close;

# Off.
my $off = Restante->start(users => \%users, options => ['apop=no']);
$c = $off->connect;
is $c->cmd('APOP alice ' . digest('', 'tanstaaf')),
    '-ERR APOP is not offered here', 'P3-028 where it is not offered, an error';
like $c->login('alice', 'tanstaaf'), qr/\A\+OK/, 'and PASS works';
$c->close;

done_testing;
