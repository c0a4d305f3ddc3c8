# SPDX-License-Identifier: ISC
# Each form of the first line of a mailbox: who gets in, by PASS and by APOP.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Restante;

my $d = Restante->start(options => [ 'login-tries=100' ]);
my $count = 0;
my $c = $d->connect;

sub again
{
	$c->close;
	$c = $d->connect;
}

# The answer to QUIT says that the next may come.
sub leave
{
	$c->cmd('QUIT');
	again();
}

sub by_pass
{
	my ($name, $password) = @_;

	$c->cmd("USER $name") =~ /^\+OK/ or die "USER $name";
	my $said = $c->cmd("PASS $password");
	leave() if $said =~ /^\+OK/;
	return $said =~ /^\+OK/ ? 'in' : $said =~ /^-ERR \[AUTH\] / ? 'out' :
	    $said;
}

sub by_apop
{
	my ($name, $password) = @_;
	my $said = $c->cmd("APOP $name " . md5_hex($c->stamp . $password));

	leave() if $said =~ /^\+OK/;
	return $said =~ /^\+OK/ ? 'in' : $said =~ /^-ERR \[AUTH\] / ? 'out' :
	    $said;
}

# What a first line lets in, and what it keeps out.
sub form
{
	my ($what, $line, %try) = @_;
	my $name = 'user' . ++$count;
	my $box = $line . Restante::mbox("Subject: one\n\nfirst");

	again();
	$d->user($name => $box);
	for my $way (qw(pass apop)) {
		my $try = $way eq 'pass' ? \&by_pass : \&by_apop;
		is $try->($name, $_), 'in', "$what: '$_' by $way"
		    for @{ $try{$way} || [] };
		is $try->($name, $_), 'out', "$what: '$_' not by $way"
		    for @{ $try{"no$way"} || [] };
	}
	is $d->mbox($name), $box, "$what: the file is as it was";
}

sub plain
{
	my ($what, $line, $password, @wrong) = @_;

	form($what, $line, pass => [ $password ], apop => [ $password ],
	    nopass => \@wrong, noapop => \@wrong);
}

# P3-095: nothing before, behind or in it may differ.
plain('plain', "secret\n", 'secret', 'Secret', 'SECRET', 'secre', 'secret1',
    'secret ', ' secret', 'xsecret', 'terces', 'sec ret', "\$6\$secret");
plain('with a CR', "secret\r\n", 'secret', "secret ");
plain('with blanks', "my  secret\n", 'my  secret', 'my secret', 'my', 'secret');
plain('with a blank at its end', "secret \n", 'secret ', 'secret');
plain('with a blank before it', " secret\n", ' secret', 'secret');
plain('one letter', "x\n", 'x', 'y', 'xx', '');
plain('punctuation', "#\$%&'()*+,-./:;<=>?\@[\\]^_`{|}~\n",
    "#\$%&'()*+,-./:;<=>?\@[\\]^_`{|}~", '#');
plain('long', 's' x 400 . "\n", 's' x 400, 's' x 399, 's' x 401);
plain('like a hash, and none', "\$money\n", '$money', 'money', '$mone');
plain('like a hash with no end', "\$6\n", '$6', '$');
plain('{PLAIN}', "{PLAIN}secret\n", 'secret', '{PLAIN}secret', 'Secret');
plain('{PLAIN} of a hash', "{PLAIN}\$6\$x\$y\n", '$6$x$y', 'y');
plain('{PLAIN} of a lock', "{PLAIN}!secret\n", '!secret', 'secret');
plain('{PLAIN} of itself', "{PLAIN}{PLAIN}x\n", '{PLAIN}x', 'x');
plain('{PLAIN} of From', "{PLAIN}From here\n", 'From here', 'here');
plain('{plain} is a password', "{plain}x\n", '{plain}x', 'x');
plain('From without a blank', "Fromage\n", 'Fromage', 'From');
plain('from in small letters', "from here\n", 'from here', 'here');

# What is a hash: the password, and never the hash itself.
sub hash
{
	my ($what, $hash) = @_;
	my @wrong = ('secreT', 'secret2', 'secre', $hash, '*0', '*1', '');

	for my $end ('', "\r", ' ', ' ' x (255 - length $hash), "\t") {
		form("$what" . (length $end ? ' with ' . length($end) .
		    ' octets behind it' : ''), "$hash$end\n",
		    pass => [ 'secret' ], nopass => $end eq '' ? \@wrong : [],
		    # P3-120 needs the password itself.
		    noapop => $end eq '' ? [ 'secret', $hash ] : []);
	}
	form("$what, cut", substr($hash, 0, -1) . "\n",
	    nopass => [ 'secret' ]);
	form("$what, locked", "!$hash\n", nopass => [ 'secret', "!$hash" ],
	    noapop => [ 'secret' ]);
}

my %salt = (
	yescrypt => '$y$j75$abcdefghijklmnop',
	'SHA-512' => '$6$abcdefgh',
	'SHA-512 with rounds' => '$6$rounds=1000$abcdefgh',
	'SHA-256' => '$5$abcdefgh',
	bcrypt => '$2b$04$abcdefghijklmnopqrstuu',
	MD5 => '$1$abcdefgh',
);
for my $method (sort keys %salt) {
	my $hash = crypt 'secret', $salt{$method};
	SKIP: {
		skip "crypt(3) has no $method here", 1
		    if !defined $hash || $hash !~ /^\$/;
		hash("$method by crypt(3)", $hash);
	}
}
SKIP: {
	my ($hash) = `openssl passwd -6 -salt saltsalt secret 2>/dev/null` =~
	    /^(\$6\$\S+)$/m;
	skip 'no openssl here', 1 if !defined $hash;
	hash('SHA-512 by openssl', $hash);
}

# What is kept for SCRAM serves PASS too: RFC 7677 section 3.
my $scram = '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,' .
    'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,' .
    'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';
form('SCRAM' . (length $_ ? ' with an end' : ''), "$scram$_\n",
    pass => [ 'pencil' ], noapop => [ 'pencil', $scram ],
    nopass => [ 'Pencil', 'penci', 'pencil ', $scram, '' ])
    for '', "\r", ' ' x (255 - length $scram);
form('SCRAM, cut', substr($scram, 0, -1) . "\n", nopass => [ 'pencil' ]);
form('SCRAM, locked', "!$scram\n", nopass => [ 'pencil' ]);

# A hash of any method, also one that does not tell itself.
my $des = crypt 'secret', 'ab';
SKIP: {
	skip 'crypt(3) has no DES here', 1
	    if !defined $des || length $des != 13;
	form('DES', "{CRYPT}$des\n", pass => [ 'secret' ],
	    nopass => [ 'secreT', $des, "{CRYPT}$des" ], noapop => [ 'secret' ]);
	plain('DES without a mark', "$des\n", $des, 'secret');
}
form('a hash at an absurd price', "\$6\$rounds=999999999\$salt\$hash\n",
    nopass => [ 'secret' ]);

# What lets nobody in.
form('a lock', "!secret\n", nopass => [ 'secret', '!secret', '!' ],
    noapop => [ 'secret', '!secret' ]);
form('a lock before {PLAIN}', "!{PLAIN}secret\n",
    nopass => [ 'secret', '!{PLAIN}secret' ],
    noapop => [ 'secret', '!{PLAIN}secret' ]);
form('{PLAIN} of nothing', "{PLAIN}\n", nopass => [ '', '{PLAIN}', ' ' ],
    noapop => [ '' ]);
form('an unknown method', "\$q\$salt\$hash\n",
    nopass => [ 'secret', "\$q\$salt\$hash", '*0' ], noapop => [ 'secret' ]);
form('a method without a salt', "\$6\$\n", nopass => [ '$6$', 'secret' ]);
form('a hash of no password', crypt('', '$6$abcdefgh') . "\n",
    nopass => [ '', ' ', 'x' ]);
form('a CR alone', "\r\n", nopass => [ '', ' ' ], noapop => [ '', "\r" ]);
form('SCRAM that is none', "{SCRAM-SHA-256}4096,c2FsdA==,a2V5,a2V5\n",
    nopass => [ '{SCRAM-SHA-256}4096,c2FsdA==,a2V5,a2V5', 'a2V5' ],
    noapop => [ '{SCRAM-SHA-256}4096,c2FsdA==,a2V5,a2V5', '' ]);

# A password with 8 bits cannot be typed, and opens nothing else.
form('8 bits', "s\xe9cret\n", nopass => [ 'secret', 's' ]);

# A line without an end is all that there is.
{
	$d->user(bare => 'secret');
	is by_pass('bare', 'wrong'), 'out', 'no line end: a wrong one';
	is $d->mbox('bare'), 'secret', 'no line end: not touched by a stranger';
	is by_pass('bare', 'secret'), 'in', 'no line end: the right one';
}

# A change is in force at once, for who has said USER already too.
{
	$d->user(changed => "old\n");
	$c->cmd('USER changed');
	$d->user(changed => "new\n");
	like $c->cmd('PASS old'), qr/^-ERR \[AUTH\]/, 'changed: the old one';
	is by_pass('changed', 'new'), 'in', 'changed: the new one';
}

is $d->stop, 0, 'the server ends';
done_testing;
