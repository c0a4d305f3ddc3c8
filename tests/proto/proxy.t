# SPDX-License-Identifier: ISC
# The PROXY protocol in front of POP3: who may speak it, what it changes, and what
# becomes of headers that are none.

use strict;
use warnings;

use Socket qw(AF_INET AF_INET6 inet_pton);
use Test::More;

use Clock qw(time);
use Proc;
use Restante;

my @users = (users => { alice => "secret\n" .
    Restante::mbox("Subject: one\n\nfirst") });

sub start
{
	my ($flags, %opt) = @_;

	return Restante->start(@users, flags => $flags, %opt);
}

my @proxy = ('trusted-proxies=127.0.0.1');

# Version 2, with the type-length-values given.
sub v2
{
	my ($from, $command, %value) = @_;
	my $six = $from =~ /:/;
	my $family = $six ? AF_INET6 : AF_INET;
	my $body = inet_pton($family, $from) . inet_pton($family,
	    $six ? '::1' : '127.0.0.1') . pack 'nn', 40000, 110;

	$body .= pack 'Cn/a*', $_, $value{$_} for sort keys %value;
	return pack 'a12CCn/a*', "\r\n\r\n\0\r\nQUIT\n", $command // 0x21,
	    $six ? 0x21 : 0x11, $body;
}

sub v1
{
	my ($from) = @_;
	my ($family, $to) = $from =~ /:/ ? ('TCP6', '::1') :
	    ('TCP4', '127.0.0.1');

	return "PROXY $family $from $to 40000 110\r\n";
}

# What a connection says that begins so.
sub meet
{
	my ($d, @pieces) = @_;
	my $c = $d->connect(silent => 1);

	for my $piece (@pieces) {
		$c->send($piece);
		select undef, undef, undef, 0.002 if @pieces > 1;
	}
	$c->{greeting} = $c->status;
	return $c;
}

{
	my $d = start('proxy', options => \@proxy);

	for my $from ('192.0.2.7', '2001:db8::7') {
		for my $how ([ 1, v1($from) ], [ 2, v2($from) ]) {
			my ($version, $header) = @$how;
			my $c = meet($d, $header);
			my $what = "version $version, $from";

			like $c->greeting, qr/^\+OK .*<\d+\..*>\z/,
			    "$what: the greeting";
			ok Proc::find($d, qr/^session - \Q$from\E\z/),
			    "$what: ps shows the client";
			like $c->cmd('USER alice'), qr/^\+OK/, "$what: a name";
			ok Proc::find($d, qr/^attendant \Q$from\E\z/),
			    "$what: the attendant knows it, too";
			like $c->cmd('PASS wrong'), qr/^-ERR \[AUTH\]/,
			    "$what: a wrong password";
			my $who = qr/user=alice addr=\Q$from\E /;
			ok $d->log_like(qr/keeper: login refused: $who/),
			    "$what: is told of it";
			like $c->login('alice', 'secret'), qr/^\+OK/,
			    "$what: a login";
			ok $d->log_like(qr/keeper: login: $who/),
			    "$what: is told of it";
			like $c->cmd('QUIT'), qr/^\+OK/, "$what: the end";
			$c->close;
			ok $d->log_like(qr/session: end: $who/),
			    "$what: is told of it";
		}
	}

	# The client's octets behind it, and the header in pieces.
	for my $header (v1('192.0.2.8'), v2('192.0.2.8')) {
		my $c = meet($d, $header . "USER alice\r\nPASS secret\r\nSTAT");

		like $c->status, qr/^\+OK/, 'what follows at once is obeyed';
		like $c->status, qr/^\+OK/, 'in order';
		like $c->cmd(''), qr/^\+OK 1 /, 'and goes on behind it';
		$c->close;
		$d->log_like(qr/end: user=alice addr=192\.0\.2\.8/);
		like meet($d, split //, $header)->greeting, qr/^\+OK/,
		    'octet by octet';
	}
	unlike meet($d, v1('192.0.2.8'))->cmd(v1('192.0.2.9') =~ s/\r\n//r),
	    qr/^\+OK/, 'a second header is a command that makes no sense';

	# Who is not known; the proxy itself.
	my $c = meet($d, "PROXY UNKNOWN\r\n");
	like $c->login('alice', 'secret'), qr/^\+OK/, 'UNKNOWN';
	$c->cmd('QUIT');
	ok $d->log_like(qr/session: end: user=alice addr=unknown /),
	    'UNKNOWN: is told as such';
	ok $d->log_like(qr/keeper: login: user=alice addr=127\.0\.0\.1 /),
	    'UNKNOWN: the log of logins has the proxy';
	$c = meet($d, v2('192.0.2.10', 0x20));
	like $c->cmd('QUIT'), qr/^\+OK/, 'LOCAL';
	ok $d->log_like(qr/end: user=- addr=127\.0\.0\.1 .*reason=quit/),
	    'LOCAL: is of the proxy';

	# What is none.
	my %bad = (
		'no header' => "USER alice\r\n",
		'a wrong line' => "PROXY TCP4 1.2.3.4\r\n",
		'a line without end' => 'PROXY UNKNOWN ' . 'x' x 100,
		'a wrong family' => v2('192.0.2.1') =~ s/\x11/\x41/r,
		'a value that does not fit' =>
		    v2('192.0.2.1', 0x21, 0x20 => 'x'),
		'a header that is too long' =>
		    v2('192.0.2.1', 0x21, 4 => 'x' x 4100),
	);
	for my $what (sort keys %bad) {
		my $one = $d->connect(silent => 1);
		my $before = () = $d->stderr =~ /reason=proxy-header$/mg;

		$one->send($bad{$what});
		is $one->raw_until, '', "$what: closed without a word";
		ok Restante::wait_for(sub {
			my $now = () = $d->stderr =~ /reason=proxy-header$/mg;
			return $now == $before + 1;
		}), "$what: is told";
	}
	$c = $d->connect(silent => 1);
	$c->send('PROXY TC');
	$c->half_close;
	is $c->raw_until, '', 'half a header: closed';
	is $d->stop, 0, 'it ends';
}

# The time for a login runs from the begin.
{
	my $d = start('proxy', options => [ @proxy, 'login-timeout=1' ]);
	my $c = $d->connect(silent => 1);

	is $c->raw_until, '', 'no header: closed after login-timeout';
	ok $d->log_like(qr/end: .*reason=timeout$/), 'and told';
}

# Only from the proxies.
{
	my $d = start('proxy', options => [ 'trusted-proxies=127.0.0.2' ]);
	my $c = $d->connect(silent => 1);

	$c->send(v1('192.0.2.1'));
	like $c->status, qr/^-ERR/, 'from somewhere else: refused';
	ok $c->eof, 'and closed';
	ok $d->log_like(qr/refused: addr=127\.0\.0\.1 why=no-proxy/), 'and told';
	$c = $d->connect(silent => 1, from => '127.0.0.2');
	$c->send(v1('192.0.2.1'));
	like $c->status, qr/^\+OK/, 'from there: served';
}

# Elsewhere a header is a command that makes no sense.
{
	my $d = start('', options => [ 'trusted-proxies=127.0.0.1' ]);
	my $c = $d->connect;

	like $c->cmd(v1('192.0.2.1') =~ s/\r\n//r), qr/^-ERR/,
	    'without the flag: no header is taken';
	$c->cmd('QUIT');
	ok $d->log_like(qr/end: user=- addr=127\.0\.0\.1 /), 'nor believed';
}

# TLS, as version 2 says it, and no other.
{
	my $d = start('proxy', options => [ @proxy, 'plaintext-auth=tls' ]);
	my $tls = sub { return pack 'CNCn/a*', $_[0], 0, 0x21, 'TLSv1.3' };
	my %case = (
		'version 1' => [ v1('192.0.2.1'), 0 ],
		'no word of TLS' => [ v2('192.0.2.1'), 0 ],
		'TLS' => [ v2('192.0.2.1', 0x21, 0x20 => $tls->(1)), 1 ],
		'TLS with a certificate' =>
		    [ v2('192.0.2.1', 0x21, 0x20 => $tls->(7)), 1 ],
		'none, by its own word' =>
		    [ v2('192.0.2.1', 0x21, 0x20 => $tls->(0)), 0 ],
		'LOCAL' => [ v2('192.0.2.1', 0x20, 0x20 => $tls->(1)), 0 ],
	);
	for my $what (sort keys %case) {
		my ($header, $good) = @{ $case{$what} };
		my $c = meet($d, $header);
		my ($status, @capabilities) = $c->multi('CAPA');

		is scalar(grep { $_ eq 'USER' } @capabilities), $good,
		    "$what: CAPA";
		like $c->cmd('USER alice'), $good ? qr/^\+OK/ : qr/^-ERR/,
		    "$what: USER";
	}

	# The proxy may be known to have taken it off.
	my $off = start('tls proxy', options => [ @proxy, 'plaintext-auth=tls' ]);
	like meet($off, v1('192.0.2.1'))->cmd('USER alice'), qr/^\+OK/,
	    'listen ... tls proxy: USER';

	# Who is not known is not taken for a neighbour.
	my $e = start('proxy', options => [ @proxy, 'plaintext-auth=auto',
	    'listen=127.0.0.1:' . Restante::free_port() . ' tls' ]);
	like meet($e, "PROXY UNKNOWN\r\n")->cmd('USER alice'), qr/^-ERR/,
	    'UNKNOWN: passwords of strangers are refused';
	like meet($e, v1('127.0.0.1'))->cmd('USER alice'), qr/^\+OK/,
	    'a client of this host: they are taken';
}

# Limits count the clients, not the proxy.
{
	my $d = start('proxy', options => [ @proxy, 'max-per-address=2',
	    'trusted=192.0.2.99' ]);
	my @held = map { meet($d, v1('192.0.2.1')) } 1 .. 2;

	# Whoever gets an answer has been told of.
	$_->cmd('USER alice') for @held;
	my $c = $d->connect(silent => 1);
	$c->send(v1('192.0.2.1'));
	like $c->raw_until, qr/^-ERR \[SYS\/TEMP\] too many .*address\r\n\z/m,
	    'a third one of an address is refused';
	ok $d->log_like(qr/refused: addr=192\.0\.2\.1 why=max-per-address/),
	    'and told';
	like meet($d, v1('192.0.2.2'))->greeting, qr/^\+OK/, 'others are not';
	push @held, map { meet($d, v1('192.0.2.99')) } 1 .. 4;
	like $held[-1]->greeting, qr/^\+OK/, 'those that are trusted are not';
	is $_->cmd('NOOP'), '-ERR log in first', 'the first ones stay'
	    for @held[0, 1];
	like $held[1]->login('alice', 'secret'), qr/^\+OK/,
	    'the first ones go on';
	$_->close for @held[0, 1];
	$d->log_like(qr/end: user=alice addr=192\.0\.2\.1 /);
	ok Restante::wait_for(sub {
		my $one = $d->connect(silent => 1);

		$one->send(v1('192.0.2.1'));
		my $text = $one->line // '';
		return $text =~ /^\+OK/;
	}), 'and leave their places';
}

# So do penalties: three failures are free, and those of the proxy would all be.
{
	my $d = start('proxy', options => \@proxy);

	for my $n (1 .. 2) {
		my $c = meet($d, v1('192.0.2.20'));

		$c->login('alice', "wrong $n.$_") for 1 .. 2;
		$c->close;
	}
	my $c = meet($d, v1('192.0.2.20'));
	my $start = time;
	like $c->login('alice', 'secret'), qr/^\+OK/, 'who has failed often';
	cmp_ok time - $start, '>=', 0.9, 'waits, behind a proxy, too';
	$c->cmd('QUIT');
}

# RFC 918, too.
{
	my $d = start('pop1 proxy', options => \@proxy);

	like meet($d, v2('192.0.2.1'))->greeting, qr/^\+OK .*POP server/,
	    'the original POP';
}

done_testing;
