# SPDX-License-Identifier: ISC
# AUTH and its mechanisms on the wire: RFC 5034, RFC 4616, RFC 2195, RFC 7677.
use strict;
use warnings;

use Digest::MD5 qw(md5);
use Digest::SHA qw(sha256 hmac_sha256);
use MIME::Base64 qw(encode_base64 decode_base64);
use Test::More;

use Restante;
use Scram;

my $refused = '-ERR [AUTH] wrong name or password';
my $no_base64 = '-ERR that is no base64, or too much of it';
my $unknown = '-ERR that is nothing that the mechanism knows';
my $given_up = '-ERR given up';
my $box = Restante::mbox("A: b\n\n1\n");
# RFC 7677 section 3: the password is pencil.
my $keys = '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,' .
    'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,' .
    'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';
my %users = (
	alice => "secret\n$box",
	user => "$keys\n$box",
	hash => crypt('secret', '$6$saltsalt') . "\n$box",
	locked => "!secret\n$box",
	long => 'p' x 255 . "\n",
	'a' x 64 => "secret\n",
);
my @mechanisms = qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256);
my $all = "mechanisms=@mechanisms";
my @options = ('login-tries=100', $all);
my $d = Restante->start(users => \%users, options => \@options);

sub b64
{
	return encode_base64($_[0], '');
}

sub hmac_md5
{
	my ($key, $text) = @_;

	$key = md5($key) if length $key > 64;
	$key .= "\0" x (64 - length $key);
	return md5(($key ^ "\x5c" x 64) . md5(($key ^ "\x36" x 64) . $text));
}

# What a challenge says, or the reply that is none.
sub said
{
	my ($reply) = @_;

	return $reply =~ /\A\+ (.*)\z/ ? decode_base64($1) : $reply;
}

# Where it is announced.
my $c = $d->connect;
is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ], [ "SASL @mechanisms" ],
    'P3-308 SASL and all that works';
is_deeply [ $c->multi('AUTH') ], [ '+OK mechanisms follow', @mechanisms ],
    'P3-374 AUTH alone lists the same';
is $c->cmd('AUTH PLAIN ' . b64("\0alice\0secret")),
    "+OK alice's maildrop has 1 message (11 octets)",
    'P3-360 P3-371 an initial response logs in';
is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ], [ "SASL @mechanisms" ],
    'P3-304 the same behind the login';
is $c->cmd($_), '-ERR you are logged in already', "P3-372 $_ is an error"
    for 'AUTH', 'AUTH PLAIN', 'AUTH PLAIN ' . b64("\0alice\0secret");
like $c->cmd('STAT'), qr/\A\+OK 1 /, 'P3-371 TRANSACTION it is';
$c->close;

# Replies to messages, one after the other.
sub talk
{
	my ($name, @pairs) = @_;

	while (my ($line, $expected) = splice @pairs, 0, 2) {
		my $shown = substr $line, 0, 60;
		my $reply = $c->cmd($line);

		$shown =~ s/[^\x20-\x7e]/?/g;
		is $reply, $expected, "$name: \"$shown\"";
		return if !defined $reply;
	}
	return like $c->cmd('STAT'), qr/\A-ERR log in first\z/,
	    "$name: and it is AUTHORIZATION";
}
$c = $d->connect;
my $right = b64("\0alice\0secret");
talk('P3-361 no such mechanism',
    map { ("AUTH $_" => '-ERR that mechanism is not offered here') }
    'GSSAPI', 'SCRAM-SHA-1', 'SCRAM-SHA-256-PLUS', 'PLAI', '*', '=',
    "EXTERNAL $right");
talk('P3-362 P3-363 the client first', 'AUTH PLAIN' => '+ ', '*' => $given_up,
    'auth plain' => '+ ', '*' => $given_up,
    'AUTH SCRAM-SHA-256' => '+ ', '*' => $given_up);
talk('P3-364 a message of nothing', 'AUTH PLAIN =' => $unknown,
    'AUTH LOGIN =' => '+ UGFzc3dvcmQ6', '=' => $no_base64,
    'AUTH LOGIN =' => '+ UGFzc3dvcmQ6', '' => $refused,
    'AUTH SCRAM-SHA-256 =' => $unknown, 'AUTH PLAIN' => '+ ', '' => $unknown);
talk('P3-365 CRAM-MD5 speaks first',
    'AUTH CRAM-MD5 =' => $unknown, "AUTH CRAM-MD5 $right" => $unknown);
talk('P3-366 given up', map { ("AUTH $_->[0]" => $_->[1], '*' => $given_up) }
    [ 'PLAIN', '+ ' ], [ 'LOGIN', '+ VXNlcm5hbWU6' ],
    [ 'LOGIN YWxpY2U=', '+ UGFzc3dvcmQ6' ]);
for my $bad ('x', 'AAA', 'AAAA=', '=AAA', 'AA=A', 'A===', '====', 'AAAA AAAA',
    ' AAAA', 'AAAA ', "AA\tAA", 'AA-_', 'AAAA*', '**', '* ', "$right=",
    "$right!", substr($right, 0, -1), 'AB==', 'AAB=', "\xc3\xa4AA", 'STAT',
    "QUIT", 'A' x 2046, 'A' x 1372) {
	# Some words are base64, of nothing.
	talk('P3-367 no base64', 'AUTH PLAIN' => '+ ', $bad =>
	    $bad =~ /\A(?:STAT|QUIT)\z/ ? $unknown : $no_base64);
}
talk('P3-026 a line that is too long', 'AUTH PLAIN' => '+ ',
    'A' x 2047 => '-ERR a line that is too long or holds a NUL',
    'AUTH PLAIN' => '+ ',
    'A' x 100000 => '-ERR a line that is too long or holds a NUL');
talk('P3-034 a NUL', 'AUTH PLAIN' => '+ ',
    "AA\0A" => '-ERR a line that is too long or holds a NUL');
talk('P3-367 no base64 in the command', map { ("AUTH PLAIN $_" => $no_base64) }
    'x', 'AAA', '==', 'AB==', substr($right, 0, -1));
talk('P3-369 a command that is too long', 'AUTH PLAIN ' . 'A' x 500 =>
    '-ERR a line that is too long or holds a NUL');
talk('P3-021 words', 'AUTH PLAIN x y' => '-ERR too many arguments',
    "AUTH  PLAIN" => '-ERR one blank between words, please');

# PLAIN.
talk('P3-375 P3-376 PLAIN is refused', map { ('AUTH PLAIN ' . b64($_) => $refused) }
    "\0alice\0Secret", "\0alice\0secret ", "\0Alice\0secret", "\0nobody\0secret",
    "\0locked\0secret", "\0locked\0!secret", "\0\0secret", "\0alice\0", "\0\0",
    "alice \0alice\0secret", "user\0alice\0secret", "\0../alice\0secret",
    "\0alice/\0secret", "\0alice \0secret", "\0\xff\0secret", "\0a\nb\0secret",
    "\0hash\0", "\0" . 'a' x 65 . "\0secret", "\0alice\0secret\n",
    "\0user\0$keys");
talk('P3-375 PLAIN is none', map { ('AUTH PLAIN ' . b64($_) => $unknown) }
    'alice', "alice\0secret", "\0alice\0secret\0", "\0alice\0\0", "\0", "\0\0\0",
    "\0alice\0se\0cret");
$c->close;
for my $way ([ "\0alice\0secret" ], [ "alice\0alice\0secret" ],
    [ "\0user\0pencil" ], [ "\0hash\0secret" ],
    [ "\0" . 'a' x 64 . "\0secret" ], [ "\0long\0" . 'p' x 255 ]) {
	my ($message) = @$way;

	(my $shown = $message) =~ s/\0/./g;
	$c = $d->connect;
	is $c->cmd('AUTH PLAIN'), '+ ', 'P3-363 AUTH PLAIN';
	like $c->cmd(b64($message)), qr/\A\+OK /,
	    'P3-368 ' . substr $shown, 0, 40;
	$c->close;
}
$c = $d->connect;
is $c->cmd('AUTH PLAIN'), '+ ', 'P3-368 three fields';
is $c->cmd(b64(join "\0", map { $_ x 255 } qw(a a p))), $refused,
    'P3-368 of 255 octets each';

# LOGIN.
talk('P3-385 LOGIN is refused', 'AUTH LOGIN' => '+ VXNlcm5hbWU6',
    b64('alice') => '+ UGFzc3dvcmQ6', b64('wrong') => $refused,
    'AUTH LOGIN ' . b64('nobody') => '+ UGFzc3dvcmQ6', b64('secret') => $refused,
    'AUTH LOGIN' => '+ VXNlcm5hbWU6', b64("al\0ice") => $unknown);
is $c->cmd('AUTH LOGIN'), '+ VXNlcm5hbWU6', 'P3-385 the first prompt';
is $c->cmd(b64('alice')), '+ UGFzc3dvcmQ6', 'P3-385 the second prompt';
like $c->cmd(b64('secret')), qr/\A\+OK alice's/, 'P3-385 logs in';
$c->close;

# CRAM-MD5.
sub cram
{
	my ($user, $password, $change) = @_;
	my $challenge = said($c->cmd('AUTH CRAM-MD5'));
	my $answer = "$user " . unpack 'H*', hmac_md5($password, $challenge);

	$answer = $change->($answer) if $change;
	return ($c->cmd(b64($answer)), $challenge);
}
$c = $d->connect;
is unpack('H*', hmac_md5('tanstaaftanstaaf',
    '<1896.697170952@postoffice.reston.mci.net>')),
    'b913a602c7eda7a495b4e6e7334d3890', 'P3-377 the example of RFC 2195';
my %challenges;
for my $try ([ 'alice', 'wrong' ], [ 'nobody', 'secret' ], [ 'hash', 'secret' ],
    [ 'user', 'pencil' ], [ 'locked', 'secret' ], [ '', 'secret' ],
    [ 'alice', 'secret', sub { uc $_[0] =~ s/alice/alice/r } ],
    [ 'alice', 'secret', sub { "$_[0]0" } ],
    [ 'alice', 'secret', sub { substr $_[0], 0, -1 } ],
    [ 'alice', 'secret', sub { "$_[0] " } ],
    [ 'alice', 'secret', sub { " $_[0]" } ]) {
	my ($reply, $challenge) = cram(@$try);

	is $reply, $refused, "P3-377 $try->[0] is refused";
	like $challenge, qr/\A<[^\s<>@]+@[^\s<>@]+>\z/, 'P3-377 a msg-id';
	$challenges{$challenge}++;
}
is_deeply [ grep { $_ > 1 } values %challenges ], [], 'P3-377 never the same';
is +(cram('alice', 'secret', sub { 'alice' }))[0], $unknown,
    'P3-377 a name alone is no answer';
like +(cram('alice', 'secret'))[0], qr/\A\+OK alice's/, 'P3-377 logs in';
$c->close;

# SCRAM-SHA-256: RFC 5802 section 3.
sub scram
{
	my ($user, $password, %change) = @_;
	my $header = $change{header} // 'n,,';
	my $bare = $change{bare} // "n=$user,r=rOprNGfwEbeRWgbNEkqO";
	my $reply = $c->cmd('AUTH SCRAM-SHA-256 ' . b64("$header$bare"));
	return $reply if $reply !~ /^\+ /;
	my $challenge = said($reply);
	my ($nonce, $salt, $count) =
	    $challenge =~ /\Ar=([^,]+),s=([^,]+),i=(\d+)\z/
	    or return "no challenge: $challenge";
	$salt = decode_base64($salt);
	my ($client, $server) = Scram::pair($password, $salt, $count);
	my $without = 'c=' . b64($change{binding} // $header) . ',r=' .
	    ($change{nonce} ? $change{nonce}->($nonce) : $nonce) .
	    ($change{extension} // '');
	my $text = "$bare,$challenge,$without";
	my $final = "$without,p=" .
	    b64($client ^ hmac_sha256($text, sha256($client)));
	$final = $change{final}->($final) if $change{final};
	$reply = said($c->cmd(b64($final)));
	return $reply if $reply =~ /^-ERR/;
	return "not the server: $reply"
	    if $reply ne 'v=' . b64(hmac_sha256($text, $server));
	return $c->cmd($change{last} // '');
}

# What a stranger learns of a name.
sub salt_of
{
	my ($user) = @_;
	my $challenge = said($c->cmd('AUTH SCRAM-SHA-256 ' .
	    b64("n,,n=$user,r=mine")));

	is $c->cmd('*'), $given_up, 'P3-366 given up';
	$challenge =~ s/\Ar=mine([A-Za-z0-9+\/]{24}),// or return $challenge;
	return ($challenge, $1);
}
for my $try ([ alice => 'secret' ], [ user => 'pencil' ],
    [ alice => 'secret', header => 'y,,' ],
    [ alice => 'secret', header => 'n,a=alice,' ],
    [ alice => 'secret', bare => 'n=alice,r=x,e=extension' ],
    [ alice => 'secret', extension => ',x=y' ]) {
	my ($user, $password, @change) = @$try;

	$c = $d->connect;
	like scram(@$try), qr/\A\+OK $user\'s maildrop/,
	    "P3-378 P3-379 $user logs in, with @change";
	like $c->cmd('STAT'), qr/\A\+OK 1 /, 'P3-371 behind the empty message';
	$c->close;
}
$c = $d->connect;
for my $try ([ $refused, alice => 'wrong' ], [ $refused, user => 'secret' ],
    [ $refused, hash => 'secret' ], [ $refused, locked => 'secret' ],
    [ $refused, nobody => 'secret' ], [ $refused, '' => 'secret' ],
    [ $refused, alice => 'secret', header => 'n,a=user,' ],
    [ $refused, alice => 'secret', binding => 'y,,' ],
    [ $refused, alice => 'secret', binding => '' ],
    [ $refused, alice => 'secret', nonce => sub { $_[0] . 'x' } ],
    [ $refused, alice => 'secret', nonce => sub { substr $_[0], 0, -1 } ],
    [ $refused, alice => 'secret', nonce => sub { 'x' } ],
    [ $refused, alice => 'secret', final => sub { $_[0] =~ s/p=.*/p=AAAA/r } ],
    [ $unknown, alice => 'secret', final => sub { $_[0] =~ s/,p=.*//r } ],
    [ $unknown, alice => 'secret', final => sub { $_[0] =~ s/c=biws,//r } ],
    [ $unknown, alice => 'secret', final => sub { $_[0] =~ s/=\z//r } ],
    [ $unknown, alice => 'secret', final => sub { '' } ],
    [ $unknown, alice => 'secret', final => sub { "$_[0]\0" } ],
    [ $unknown, alice => 'secret', last => 'AAAA' ],
    [ $given_up, alice => 'secret', last => '*' ],
    [ $unknown, 'al=20ice' => 'secret' ], [ $unknown, 'a=' => 'secret' ],
    [ $unknown, 'a=2c' => 'secret' ],
    [ $refused, 'a=2Cb=3D' => 'secret' ],
    [ $unknown, alice => 'secret', header => 'p=tls-unique,,' ],
    [ $unknown, alice => 'secret', bare => 'm=x,n=alice,r=x' ],
    [ $unknown, alice => 'secret', bare => 'n=alice' ],
    [ $unknown, alice => 'secret', bare => 'n=alice,r=' . 'x' x 193 ]) {
	my ($expected, $user, $password, @change) = @$try;

	is scram($user, $password, @change), $expected,
	    'P3-379 P3-380 P3-381 ' . join ' ', $user,
	    map { ref $_ ? '...' : substr $_, 0, 30 } @change;
	is $c->cmd('STAT'), '-ERR log in first', 'P3-370 and nobody is in';
}
my (%salts, %nonces);
for my $name (qw(nobody hash locked alice nobody2 nobody nobody)) {
	my ($salt, $nonce) = salt_of($name);

	like $salt, qr/\As=[A-Za-z0-9+\/]{22}==,i=4096\z/,
	    "P3-382 P3-383 a plausible salt for $name";
	is $salts{$name} // $salt, $salt, 'P3-383 always the same';
	$salts{$name} = $salt;
	$nonces{$nonce}++;
}
is scalar(keys %{ { reverse %salts } }), scalar(keys %salts),
    'P3-383 another for each name';
is_deeply [ grep { $_ > 1 } values %nonces ], [], 'P3-379 a fresh nonce';
$c->close;
$d->user(nobody => "secret\n");
$c = $d->connect;
is +(salt_of('nobody'))[0], $salts{nobody},
    'P3-383 a mailbox that is made does not show';
$c->close;
ok $d->log_like(qr/refused: user=hash addr=\S+ by=$_ why=other-form/),
    "the log tells what a hash cannot serve: $_" for 'CRAM-MD5', 'SCRAM-SHA-256';
ok $d->log_like(qr/refused: user=user addr=\S+ by=CRAM-MD5 why=other-form/),
    'and what the keys of SCRAM cannot';
is $d->stop, 0, 'the server ends';
my $again = Restante->new(users => {}, options => \@options);
$again->start;
$c = $again->connect;
isnt +(salt_of('nobody'))[0], $salts{nobody}, 'P3-383 another site, other salts';
my $before = (salt_of('nobody'))[0];
$again->stop;
$again->start;
$c = $again->connect;
is +(salt_of('nobody'))[0], $before, 'P3-383 the same behind a new start';
my $key = $again->path('.restante/secret');
is -s $key, 32, 'the key of the site has 32 octets';
is +(stat $key)[2] & 07777, 0600, 'and is nobody else\'s';
Restante::spew($key, 'short');
isnt +(salt_of('nobody'))[0], $before, 'a damaged key is not used';
ok $again->log_like(qr/the site's key, .* has not 32 octets: remove it/),
    'and the log says so';
is Restante::slurp($key), 'short', 'and it stays as it is';
unlink $key;
my $other = (salt_of('nobody'))[0];
is +(salt_of('nobody'))[0], $other, 'one that is removed is made anew';
$c->close;

# The state of USER; other ways behind a failure; one segment.
$d->start;
$c = $d->connect;
$c->cmd('USER alice');
is $c->cmd('AUTH PLAIN'), '+ ', 'P3-093 AUTH behind USER';
is $c->cmd('*'), $given_up, 'P3-366 given up';
is $c->cmd('PASS secret'), '-ERR USER first', 'P3-093 USER is forgotten';
is $c->cmd('AUTH PLAIN ' . b64("\0alice\0wrong")), $refused, 'P3-370 refused';
like $c->login('alice', 'secret'), qr/\A\+OK/, 'P3-370 another way may follow';
$c->close;
$c = $d->connect;
$c->send('AUTH PLAIN ' . b64("\0alice\0secret") . "\r\nSTAT\r\nQUIT\r\n");
like $c->status, qr/\A\+OK alice/, 'P3-333 what stands behind AUTH';
like $c->status, qr/\A\+OK 1 /, 'P3-333 in the same segment';
like $c->status, qr/\A\+OK /, 'P3-333 is obeyed';
$c->close;
$c = $d->connect;
$c->send("AUTH LOGIN\r\n" . b64('alice') . "\r\n" . b64('secret') . "\r\n");
is $c->status, '+ VXNlcm5hbWU6', 'P3-042 messages in one segment';
is $c->status, '+ UGFzc3dvcmQ6', 'P3-042 are answered';
like $c->status, qr/\A\+OK alice/, 'P3-042 one by one';

# The mailbox is in use: said to the right credential only.
my $second = $c;
$c = $d->connect;
my $in_use = qr/\A-ERR \[IN-USE\] /;
like $c->cmd('AUTH PLAIN ' . b64("\0alice\0secret")), $in_use,
    'P3-137 P3-347 IN-USE by PLAIN';
like scram('alice', 'secret'), $in_use, 'P3-347 by SCRAM';
like +(cram('alice', 'secret'))[0], $in_use, 'P3-347 by CRAM-MD5';
is $c->cmd('AUTH PLAIN ' . b64("\0alice\0wrong")), $refused,
    'P3-138 not to a wrong password';
is scram('alice', 'wrong'), $refused, 'P3-138 nor to a wrong proof';
$second->cmd('QUIT');
like scram('alice', 'secret'), qr/\A\+OK alice/, 'P3-142 free again';
$c->close;

# The end in the middle.
for my $how ('close', 'QUIT') {
	$c = $d->connect;
	$c->cmd('AUTH LOGIN');
	$c->send("QUIT\r\n") if $how eq 'QUIT';
	$c->close;
}
is $d->stop, 0, 'the server ends behind exchanges that did not';

# As many tries as with PASS, and the log.
my $three = Restante->start(users => \%users, options => [$all]);
$c = $three->connect;
is $c->cmd('AUTH PLAIN ' . b64("\0alice\0wrong")), $refused, 'the first';
is scram('alice', 'wrong'), $refused, 'the second';
is +(cram('nobody', 'wrong'))[0], "$refused, once too often", 'P3-040 the third';
ok $c->eof, 'P3-040 is the last';
$c->close;
ok $three->log_like(
    qr/refused: user=alice addr=127\.0\.0\.1 by=$_->[0] why=$_->[1]/),
    "the log has it: $_->[0]" for [ 'PLAIN', 'wrong-credential' ],
    [ 'SCRAM-SHA-256', 'wrong-credential' ];
ok $three->log_like(qr/refused: user=- addr=\S+ by=CRAM-MD5 why=unknown-user/),
    'and a name that is unknown is not told';
$c = $three->connect;
is $c->cmd('AUTH PLAIN x'), $no_base64, 'P3-351 what is no credential' for 1 .. 9;
is $c->cmd('AUTH PLAIN AAAA'), $unknown, 'P3-351 is no failed one' for 1 .. 9;
like scram('alice', 'secret'), qr/\A\+OK/, 'P3-351 and does not count';
$c->close;
ok $three->log_like(qr/login: user=alice addr=\S+ by=SCRAM-SHA-256/), 'logged in';
$three->stop;

# Fewer mechanisms, or none.
my $some = Restante->start(users => \%users,
    options => [ 'mechanisms=SCRAM-SHA-256 PLAIN' ]);
$c = $some->connect;
is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ], [ 'SASL PLAIN SCRAM-SHA-256' ],
    'P3-308 the setting mechanisms';
is_deeply [ $c->multi('AUTH') ],
    [ '+OK mechanisms follow', 'PLAIN', 'SCRAM-SHA-256' ], 'P3-374 AUTH';
is $c->cmd('AUTH LOGIN'), '-ERR that mechanism is not offered here',
    'P3-361 the others are not offered';
like scram('alice', 'secret'), qr/\A\+OK/, 'P3-361 these are';
$some->stop;
my $none = Restante->start(users => \%users, options => ['mechanisms=']);
$c = $none->connect;
is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ], [], 'P3-308 none at all';
is $c->cmd('AUTH PLAIN'), '-ERR that mechanism is not offered here', 'P3-361 none';
$none->stop;

# Left to itself it offers what every line can serve; who logs nobody in is not
# asked.
for my $case ([ 'no mailbox' => [qw(PLAIN LOGIN)] ],
    [ 'plain lines' => \@mechanisms, a => 'x', b => '{PLAIN}$6$x$y' ],
    [ 'lines that let nobody in' => [qw(PLAIN LOGIN)], a => '!$6$x$y', b => '',
	c => 'From x', d => "\$6\$rounds=99999999\$x\$y" ],
    [ 'and one that does' => \@mechanisms, a => '!$6$x$y', b => 'x' ],
    [ 'a SCRAM line' => [qw(PLAIN LOGIN SCRAM-SHA-256)], a => 'x', b => $keys ],
    [ 'a hash' => [qw(PLAIN LOGIN)], a => 'x', b => $users{hash} ],
    [ 'both' => [qw(PLAIN LOGIN)], a => $keys, b => $users{hash}, c => 'x' ]) {
	my ($what, $expected, %lines) = @$case;
	my $site = Restante->start(options => ['apop=auto'],
	    users => { map { $_ => "$lines{$_}\n" } keys %lines });
	my $apop = grep { $_ eq 'CRAM-MD5' } @$expected;

	$c = $site->connect;
	is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ],
	    [ "SASL @$expected" ], "P3-308 auto: $what";
	is defined $c->stamp, $apop != 0, "P3-127 and APOP: $what";
	is $c->cmd('APOP a ' . '0' x 32), $apop ? $refused :
	    '-ERR APOP is not offered here', "P3-127 which is refused: $what";
	$c->close;
	$site->stop;
}
my $hup = Restante->start(users => { a => "x\n" });
is_deeply [ grep { /^SASL/ } $hup->connect->multi('CAPA') ],
    [ "SASL @mechanisms" ], 'P3-308 auto: before a change';
$hup->user(a => $users{hash});
kill HUP => $hup->pid;
ok Restante::wait_for(sub {
	join('', $hup->connect->multi('CAPA')) =~ /SASL PLAIN LOGIN(?! CRAM)/
}), 'P3-308 auto: and behind it, at a SIGHUP';
$hup->stop;
my $tls = Restante->start(users => \%users, options => [ 'plaintext-auth=tls', $all ]);
$c = $tls->connect;
is_deeply [ grep { /^SASL/ } $c->multi('CAPA') ],
    [ 'SASL CRAM-MD5 SCRAM-SHA-256' ],
    'P3-108 P3-373 no passwords as they are without TLS';
is $c->cmd("AUTH $_"), '-ERR [AUTH] passwords are taken over TLS only',
    "P3-373 no $_" for 'PLAIN', 'LOGIN', "PLAIN $right";
like scram('alice', 'secret'), qr/\A\+OK/, 'P3-373 but SCRAM';
$tls->stop;

# From inetd, and as RFC 918 has it: there is no AUTH.
$c = Restante->inetd(users => \%users, options => [$all]);
like scram('alice', 'secret'), qr/\A\+OK alice/, 'P3-379 the same from inetd';
$c->close;

done_testing;
