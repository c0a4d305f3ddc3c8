# SPDX-License-Identifier: ISC
# UTF8: RFC 6856.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Reference;
use Restante;

my $word = "p\xc3\xa4ssw\xc3\xb6rd \xe2\x82\xac \xf0\x9f\x93\xac";
my @messages = (
	"Subject: plain\n\nplain\n",
	"Subject: na\xc3\xafve\n\nUTF-8\n",
	"Subject: body\n\nna\xc3\xafve \xe2\x82\xac\n",
	"Subject: J\xf6rg\n\nneither ASCII nor UTF-8\n",
	"X-Long: " . 'x' x 100_000 . "\xc3\xaf\n\nlate\n",
);
my %users = (alice => "secret\n" . Restante::mbox(@messages),
    bob => "$word\n", carol => "J\xf6rg\n");
my @wanted = Reference::messages($users{alice});
my $d = Restante->start(users => \%users, options => ['login-tries=100']);

my $c = $d->connect;
is_deeply [ grep { /\AUTF8/ } $c->multi('CAPA') ], ['UTF8 USER'],
    'P3-430 UTF8 USER is announced';
is $c->cmd('UTF8 x'), '-ERR this command takes no argument',
    'P3-430 it takes no argument';
like $c->cmd('utf8'), qr/\A\+OK /, 'P3-431 UTF8';
like $c->cmd('UTF8'), qr/\A\+OK /, 'P3-431 said twice';
is $c->cmd('STLS'), '-ERR TLS is not offered',
    'P3-412 UTF8 is not why there is no TLS where there is none';
like $c->login('alice', 'secret'), qr/\A\+OK /, 'the login';
is_deeply [ grep { /\AUTF8/ } $c->multi('CAPA') ], ['UTF8 USER'],
    'P3-430 announced behind the login, too';
is $c->cmd('UTF8'), '-ERR you are logged in already',
    'P3-430 only before the login';

# What each message is to a client: its size and text, or a refusal.
sub sees
{
	my ($client, $who, @refused) = @_;

	for my $n (1 .. @messages) {
		my $text = join "\r\n", ($client->multi("RETR $n")), '';
		my @got = ($client->cmd("LIST $n"), $text,
		    join("\r\n", $client->multi("TOP $n 9"), ''));
		my $octets = $wanted[ $n - 1 ]{octets};

		if (grep { $_ == $n } @refused) {
			my $no = "-ERR [UTF8] the header of message $n is not " .
			    'ASCII, say UTF8 before the login';
			is_deeply \@got, [ $no, "$no\r\n", "$no\r\n" ],
			    "P3-352 P3-432 $who: message $n is refused";
			next;
		}
		s/\A\+OK [^\r]*\r\n// for @got;
		is $got[0], "+OK $n $octets", "P3-433 $who: size of $n";
		is $got[$_], $wanted[ $n - 1 ]{wire},
		    "P3-431 P3-432 $who: text of $n" for 1, 2;
		is length $got[1], $octets, "P3-433 $who: so it is sent";
	}
	my ($status, @list) = $client->multi('LIST');
	is_deeply \@list,
	    [ map { "$_ $wanted[$_ - 1]{octets}" } 1 .. @messages ],
	    "P3-433 $who: all sizes";
	like $client->cmd('UIDL 2'), qr/\A\+OK 2 /, "P3-352 $who: UIDL";
}
sees($c, 'a client that said UTF8');
$c->close;
$c = $d->connect;
is $c->login('bob', $word), "+OK bob's maildrop has 0 messages (0 octets)",
    'P3-434 a password in UTF-8, without UTF8';
$c->close;
$c = $d->connect;
my ($stamp) = $c->greeting =~ /(<.*>)/;
like $c->cmd('APOP bob ' . md5_hex($stamp . $word)), qr/\A\+OK /,
    'P3-434 by APOP, from its octets';
$c->close;

# What is not well-formed is no password, even if it is the one.
my $text = '-ERR only printable characters in UTF-8, please';
my $ascii = '-ERR only printable ASCII, please';
$c = $d->connect;
my %bad = (Latin1 => "J\xf6rg", overlong => "J\xc0\xaf", surrogate =>
    "J\xed\xa0\x80", beyond => "J\xf4\x90\x80\x80", cut => "J\xe2\x82",
    control => "\xc3\xb6\x07", delete => "\xc3\xb6\x7f");
for my $what (sort keys %bad) {
	like $c->cmd('USER carol'), qr/\A\+OK/, 'USER';
	is $c->cmd("PASS $bad{$what}"), $text, "P3-434 PASS, $what";
	is $c->cmd('PASS secret'), '-ERR USER first', 'P3-434 the pair is broken';
	is $c->cmd("USER $bad{$what}"), $text, "P3-434 USER, $what";
	is $c->cmd("APOP $bad{$what} x"), $text, "P3-434 APOP, $what";
}
# A name in UTF-8 is a name that nobody has.
is $c->cmd("USER J\xc3\xb6rg"), '-ERR never heard of such a mailbox',
    'P3-434 a name in UTF-8';
is $c->cmd("APOP J\xc3\xb6rg x"), '-ERR [AUTH] wrong name or password',
    'P3-434 the same by APOP';
for my $line ("NOOP \xc3\xb6", "CAPA \xc3\xb6", "\xc3\xb6", "US\xc3\xa9R x",
	"USER\xc3\xb6 alice", "QUIT \xc3\xb6", "PASS\xc3\xb6") {
	(my $shown = $line) =~ s/([\x80-\xff])/sprintf '\\x%02x', ord $1/ge;
	is $c->cmd($line), $ascii, "P3-022 nowhere else: $shown";
}
$c->close;
my $hiding = Restante->start(users => \%users, options => ['hide-users=yes']);
$c = $hiding->connect;
like $c->cmd("USER J\xc3\xb6rg"), qr/\A\+OK /, 'P3-434 where names are hidden';
is $c->cmd('PASS secret'), '-ERR [AUTH] wrong name or password',
    'P3-434 a name in UTF-8';
$c->close;

sees($d->session('alice', 'secret'), 'as it is by default');
my $strict = Restante->start(users => \%users, options => ['utf8-strict=yes']);
$c = $strict->session('alice', 'secret');
sees($c, 'utf8-strict', 2, 4, 5);
like $c->cmd('DELE 2'), qr/\A\+OK/, 'what is not sent can be deleted';
like $c->cmd('LIST 2'), qr/\A-ERR message 2 is deleted/, 'and is gone then';
$c->close;
ok $strict->log_like(qr/end: user=alice/), 'the session ends';
$c = $strict->connect;
$c->cmd('UTF8');
$c->login('alice', 'secret');
sees($c, 'utf8-strict, said UTF8');

done_testing;
