# SPDX-License-Identifier: ISC
# LANG: RFC 6856 section 3.
use strict;
use warnings;

use Test::More;

use Restante;

my %users = (alice => "secret\n" . Restante::mbox("A: b\n\n1\n", "A: c\n\n2\n"));
my $d = Restante->start(users => \%users, options => ['login-tries=100']);
my @names = ('en English', 'de Deutsch', "fr Fran\xc3\xa7ais",
    "es Espa\xc3\xb1ol", 'it Italiano', 'nl Nederlands');
my $c = $d->connect;

is_deeply [ grep { /\ALANG/ } $c->multi('CAPA') ], ['LANG'],
    'P3-450 LANG is announced, without arguments';
is_deeply [ $c->multi('LANG') ], [ '+OK languages follow', @names ],
    'P3-451 LANG lists tags and names';

# What is said in each language to the same commands, before the login.
my @before = ('XXXX', 'STAT', 'NOOP', 'USER', 'APOP x', "NOOP \x80", 'PASS x',
    "PASS \x80", 'CAPA x', 'USER nobody', 'APOP nobody x', 'UTF8', 'LANG xx', 'LANG de-');
my @after = ('STAT', 'LIST 1', 'LIST 3', 'LIST 0', 'LIST x', 'UIDL 1', 'DELE 2',
    'DELE 2', 'RSET', 'NOOP', 'TOP 1 x', 'TOP 1', 'USER x', 'LAST');
my %said;
for my $tag (map { (split)[0] } @names) {
	my $line = $c->cmd("LANG \U$tag");
	like $line, qr/\A\+OK $tag \S/, "P3-452 LANG $tag";
	$said{$tag} = [ map { $c->cmd($_) } @before ];
}
is_deeply $said{en}, [
	'-ERR unknown command', '-ERR log in first', '-ERR log in first',
	'-ERR this command needs an argument',
	'-ERR this command needs another argument',
	'-ERR only printable ASCII, please', '-ERR USER first',
	'-ERR only printable characters in UTF-8, please',
	'-ERR this command takes no argument',
	'-ERR never heard of mailbox nobody',
	'-ERR [AUTH] wrong name or password', '+OK UTF-8 is fine',
	'-ERR no such language here', '-ERR no such language here' ],
    'P3-452 P3-453 in English';
is_deeply $said{de}, [
	'-ERR unbekannter Befehl', '-ERR erst anmelden', '-ERR erst anmelden',
	'-ERR dieser Befehl braucht ein Argument',
	'-ERR dieser Befehl braucht noch ein Argument',
	'-ERR bitte nur druckbares ASCII', '-ERR erst USER',
	'-ERR bitte nur druckbare Zeichen in UTF-8',
	'-ERR dieser Befehl nimmt kein Argument',
	'-ERR das Postfach nobody ist nicht bekannt',
	'-ERR [AUTH] Name oder Passwort falsch', '+OK UTF-8 ist willkommen',
	'-ERR diese Sprache gibt es hier nicht',
	'-ERR diese Sprache gibt es hier nicht' ], 'P3-452 P3-453 in German';
$c->close;

sub code
{
	return $_[0] =~ /\A(\+OK|-ERR)( \[[^\]]*\])?/ ? join '', map { $_ // '' }
	    $1, $2 : '?';
}
for my $tag ('en', grep { $_ ne 'en' } sort keys %said) {
	$c = $d->connect;
	$c->cmd("LANG $tag");
	like $c->login('alice', 'secret'), qr/\A\+OK .*\b2 .*\b22 /,
	    "P3-452 $tag: the login";
	push @{ $said{$tag} }, map { $c->cmd($_) } @after;
	push @{ $said{$tag} }, map { ($c->multi($_))[0] } 'LIST', 'UIDL',
	    'RETR 1', 'TOP 1 0', 'CAPA', 'LANG';
	push @{ $said{$tag} }, $c->cmd('QUIT');
	$c->close;
	is_deeply [ map { code($_) } @{ $said{$tag} } ],
	    [ map { code($_) } @{ $said{en} } ],
	    "P3-346 $tag: the same status and code";
	is_deeply [ map { [/\d+/g] } @{ $said{$tag} } ],
	    [ map { [/\d+/g] } @{ $said{en} } ], "$tag: the same figures";
	for my $i ($tag eq 'en' ? () : 0 .. $#{ $said{en} }) {
		my ($here, $english) = ($said{$tag}[$i], $said{en}[$i]);
		my $figures = $english =~ /\A\+OK [0-9a-f ]+\z/;

		next if $tag eq 'fr' && $english =~ /\d (?:message|octet)/;
		is $here eq $english, $figures, "$tag: \"$here\"";
	}
}

# The language stays what it is until it is changed.
$c = $d->connect;
like $c->cmd('LANG fr'), qr/\A\+OK fr /, 'P3-452 French';
is $c->cmd($_), "-ERR cette langue n'est pas disponible ici",
    "P3-453 $_ changes nothing" for 'LANG xx', 'LANG i-klingon', 'LANG -fr',
    'LANG de_AT', 'LANG *-DE', 'LANG de-*', 'LANG fr-', 'LANG 1';
is $c->cmd('LANG de fr'), "-ERR trop d'arguments", 'P3-450 one range';
is +($c->multi('LANG'))[0], '+OK suivent les langues', 'P3-451 in French';
$c->login('alice', 'secret');
is $c->cmd('NOOP'), "+OK rien n'a \xc3\xa9t\xc3\xa9 fait",
    'P3-452 also behind the login';
like $c->cmd('LANG de-CH-1996'), qr/\A\+OK de /, 'P3-452 a longer range';
like $c->cmd('LANG NL-nl'), qr/\A\+OK nl /, 'P3-452 in any case';
is $c->cmd('LANG *'), '+OK en in English from here on', 'P3-454 LANG *';
$c->close;
$c = $d->connect;
is $c->cmd('NOOP'), '-ERR log in first', 'another connection has its own';
$c->cmd('USER alice');
is $c->cmd('NOOP'), '-ERR log in first',
    'P3-455 a name does not change the language';
$c->close;

my $italian = Restante->start(users => \%users, options => ['language=it']);
$c = $italian->connect;
is $c->cmd('NOOP'), '-ERR log in first', 'P3-454 English until LANG';
is $c->cmd('LANG *'), "+OK it d'ora in poi in italiano",
    "P3-454 LANG * is the server's preference";
$c->close;

done_testing;
