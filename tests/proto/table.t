# SPDX-License-Identifier: ISC
# Every command, in every state, with every kind of wrong argument.
use strict;
use warnings;

use Test::More;

use Reference;
use Restante;

my @texts = ("A: b\n\n1\n", "A: c\n\n.\n", "A: d\n\n3\n");
my $mbox = "secret\n" . Restante::mbox(@texts);
my $d = Restante->start(users => { alice => $mbox },
    options => ['login-tries=100']);

# What a command takes: M a message, L a number of lines, N a name, W a word,
# A a mechanism, T a language's tag, R the rest of the line; small letters where it
# may be left out.
my %authorization = (APOP => 'NW', AUTH => 'aw', CAPA => '', LANG => 't',
    PASS => 'R', QUIT => '', USER => 'N', UTF8 => '');
my %transaction = (CAPA => '', DELE => 'M', LANG => 't', LAST => '', LIST => 'm', NOOP => '',
    QUIT => '', RETR => 'M', RSET => '', STAT => '', TOP => 'ML', UIDL => 'm');
my @unknown = ('XTND', 'RDEL', 'RCEV', 'RCVD',
    'HELP', 'DEL', 'DELETE', 'LISTS', 'TOPS', 'S', 'STAT1', '+OK', '.', '..',
    '1', '-', 'QUIT;', 'QUIT.', "'QUIT'", '%s', '%n%n', '\\r\\n', '&STAT');

my $number = '-ERR that is not a message number';
my $none = '-ERR no such message, only 3 in the maildrop';
my $zero = '-ERR messages are numbered from 1';
my $gone = '-ERR message 2 is deleted already';
my $lines = '-ERR that is not a number of lines';
my $refused = '-ERR [AUTH] wrong name or password';
my $no_name = '-ERR never heard of such a mailbox';
my $no_mechanism = '-ERR that mechanism is not offered here';
my $missing = '-ERR this command needs an argument';
my $another = '-ERR this command needs another argument';
my $no_argument = '-ERR this command takes no argument';
my $too_many = '-ERR too many arguments';
my $blanks = '-ERR one blank between words, please';
my $text = '-ERR only printable ASCII, please';
my $credential = '-ERR only printable characters in UTF-8, please';

# No wrong octets in a name or a password: RFC 6856 section 2.2.
my @utf8 = ("\xc2\xa01", "\xef\xbc\x91", "J\xc3\xb6rg");

# Wrong arguments, as they stand behind the keyword.
my %wrong = (
	'M' => [
		(map { [ " $_", $zero ] } '0', '00', '0 '),
		(map { [ " $_", $none ] } '4', '004', '4294967295',
		    '4294967297', '18446744073709551617', '9' x 99),
		(map { [ " $_", $number ] } '-1', '+1', '1x', 'x1', 'one', '1.',
		    '.1', '1,', '0x1', '1e0', '-', '+', '"1"', '<1>', '1/3',
		    '1-3', '1:3', '*', '%d', '1%00', '1\\n'),
		(map { [ " $_", $gone ] } '2', '02', '2 '),
	],
	'L' => [ map { [ " 1 $_", $lines ] } '-1', '+1', '1x', 'x', 'all', '1.',
	    '0x10', '*', '-0', '%d', '1,2', '9' x 99 . '-' ],
	'T' => [ map { [ " $_", '-ERR no such language here' ] } 'xx', 'e', '-',
	    'en-', 'en_US', '**', '1', '%s', 'x' x 99 ],
	'N' => [ map { [ " $_", $no_name ] } '.', '..', '../alice', '/alice',
	    'alice/', '-alice', 'al*', 'al?ce', '~', 'a' x 65, '.restante',
	    'alice.lock', '%s', '$0', '"alice"', 'alice;',
	    @utf8 ],
	'A' => [ map { [ " $_", $no_mechanism ] } 'GSSAPI', 'PLAI', 'PLAINX',
	    'SCRAM-SHA-1', 'SCRAM-SHA-256-PLUS', '=', '*', 'PLAIN,LOGIN',
	    'x' x 99, '%s', 'EXTERNAL =' ],
);
my @broken = (	# whatever the command
	(map { [ " $_", $text ] } "1\t", "\t1", "1\r", "\x801", "1\xff", "\x7f",
	    "\x1b[0m", "\xc2", "\xc0\xaf", "\xed\xa0\x80"),
	[ "\t1", $text ], [ "\x011", $text ], [ "\r", $text ],
	[ "\0", '-ERR a line that is too long or holds a NUL' ],
	[ " 1\0", '-ERR a line that is too long or holds a NUL' ],
);

# The wrong ways to call a command that takes $takes.
sub wrong_arguments
{
	my ($takes) = @_;
	my $most = length $takes;
	my $least = () = $takes =~ /[A-Z]/g;
	my @wrong = @broken;

	push @wrong, map { [ $_, $missing ] } '', ' ', '  ', ' ' x 300
	    if $least > 0 && $takes ne 'R';
	push @wrong, [ '', $missing ] if $takes eq 'R';
	push @wrong, map { [ $_, $another ] } ' 1', ' 1 ', ' x'
	    if $least > 1;
	return @wrong if $takes eq 'R';
	push @wrong, map { [ " $_", $text ] } @utf8 if $takes !~ /N/;
	push @wrong, [ '  1', $blanks ], [ '  1 1', $blanks ];
	push @wrong, [ ' 1  1', $blanks ];
	push @wrong, map { [ $_, $most ? $too_many : $no_argument ] }
	    ' 1' x ($most + 1), ' x' x ($most + 1), ' 1' x ($most + 1) . ' ',
	    ' 1' x ($most + 2), ' 1' x 200;
	for my $kind (split //, uc $takes) {
		push @wrong, map {
			# In front of the second argument, if there is one.
			my ($words, $reply) = @$_;
			$words =~ s/ \z//;
			$kind eq 'M' && $most == 2 ? [ "$words 1", $reply ] : $_
		} @{ $wrong{$kind} || [] };
	}
	return @wrong;
}

my $count = 0;
my @failed;
sub tried
{
	my ($c, $verb, $arguments, $expected) = @_;
	my $got = $c->cmd($verb . $arguments);

	$count++;
	return if defined $got && $got eq $expected;
	push @failed, "$verb$arguments: " . ($got // 'nothing') .
	    ", not $expected";
}

# One test a command; what went wrong is told.
sub report
{
	my ($name) = @_;

	ok !@failed, "P3-029 $name ($count ways)";
	s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge, diag $_ for @failed;
	@failed = ();
	$count = 0;
}

# AUTHORIZATION
my $c = $d->connect;
for my $verb (sort keys %authorization) {
	my $takes = $authorization{$verb};
	my @wrong = wrong_arguments($takes);

	if ($verb =~ /\A(?:APOP|PASS|USER)\z/) {
		@wrong = map {
			$_->[0] =~ /\A / && $_->[1] eq $text ?
			    [ $_->[0], $credential ] : $_
		} @wrong;
	}
	if ($verb eq 'APOP') {
		# Names are not looked at without a digest, and never told.
		@wrong = grep { $_->[1] ne $no_name } @wrong;
		push @wrong, map { [ $_, $refused ] } ' 1 1', ' alice x',
		    map { "$_->[0] x" } @{ $wrong{N} };
	}
	for my $way (@wrong) {
		tried($c, $verb, @$way);
		tried($c, lc $verb, @$way);
		$c->multi('CAPA');	# sense between the nonsense
	}
	report("AUTHORIZATION: $verb with wrong arguments");
	is $c->cmd('PASS secret'), '-ERR USER first', 'and no name is remembered';
}
for my $verb (sort keys %transaction) {
	next if exists $authorization{$verb};
	for my $arguments ('', ' ', ' 1', ' 0', ' 1 1', ' x', '  1', ' 1 1 1 1') {
		tried($c, $verb, $arguments, '-ERR log in first');
		$c->multi('CAPA');
	}
	report("P3-030 AUTHORIZATION: $verb");
}
for my $verb (@unknown) {
	for my $arguments ('', ' ', ' 1', ' 1 1', ' x', ' ' x 100) {
		tried($c, $verb, $arguments, '-ERR unknown command');
		$c->multi('CAPA');
	}
}
report('P3-027 AUTHORIZATION: unknown commands');
like $c->login('alice', 'secret'), qr/\A\+OK alice's maildrop has 3 messages/,
    'P3-030 the state is unchanged: the login works';

# TRANSACTION, with message 2 deleted.  Nothing that is refused marks, unmarks,
# counts as an access or ends the session.
$c->cmd('DELE 2');
my @before = ($c->cmd('STAT'), $c->multi('LIST'), $c->multi('UIDL'),
    $c->cmd('LAST'));
for my $verb (sort keys %transaction) {
	for my $way (wrong_arguments($transaction{$verb})) {
		tried($c, $verb, @$way);
		tried($c, lc $verb, @$way);
		$c->cmd('NOOP');
	}
	report("TRANSACTION: $verb with wrong arguments");
	is_deeply [ $c->cmd('STAT'), $c->multi('LIST'), $c->multi('UIDL'),
	    $c->cmd('LAST') ], \@before, 'and nothing has changed';
}
for my $verb (sort keys %authorization) {
	next if exists $transaction{$verb};
	for my $arguments ('', ' ', ' alice', ' secret', ' alice x', '  x') {
		tried($c, $verb, $arguments, '-ERR you are logged in already');
		$c->cmd('NOOP');
	}
	report("P3-030 TRANSACTION: $verb");
}
for my $verb (@unknown) {
	for my $arguments ('', ' ', ' 1', ' 1 1', ' x', ' ' x 100) {
		tried($c, $verb, $arguments, '-ERR unknown command');
		$c->cmd('NOOP');
	}
}
report('P3-027 TRANSACTION: unknown commands');
is_deeply [ $c->cmd('STAT'), $c->multi('LIST'), $c->multi('UIDL'),
    $c->cmd('LAST') ], \@before, 'P3-030 the state is unchanged';
is +($c->text('RETR 3'))[1], Reference::on_the_wire($texts[2]),
    'and messages can be had';
like $c->cmd('RSET'), qr/ has 3 messages /, 'RSET';
like $c->cmd('QUIT'), qr/\(3 messages left\)/, 'QUIT';
$c->close;
is $d->mbox('alice'), $mbox, 'nothing was deleted';

# UPDATE: no command is obeyed behind QUIT, whatever it is.
for my $verb (sort { $a cmp $b } keys %authorization, keys %transaction) {
	$c = $d->session('alice', 'secret');
	$c->send("QUIT\r\n$verb\r\n$verb 1\r\nDELE 1\r\n");
	like $c->status, qr/\(3 messages left\)/, "P3-276 QUIT, then $verb";
	ok $c->eof, 'P3-276 has no answer';
	$c->close;
}

done_testing;
