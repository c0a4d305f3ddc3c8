# SPDX-License-Identifier: ISC
# One session a maildrop: RFC 1939 section 4, RFC 2449 section 8.1.2.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Test::More;

use Restante;

my $in_use = qr/\A-ERR \[IN-USE\] /;
my $mbox = Restante::mbox("A: b\n\n1\n", "A: b\n\n2\n");
my $d = Restante->start(
	users => { alice => "secret\n$mbox", bob => "other\n$mbox" });
my $first = $d->session('alice', 'secret');
my $c = $d->connect;

like $c->login('alice', 'secret'), $in_use,
    'P3-135 P3-136 P3-137 a second session is refused, with [IN-USE]';
is $c->cmd('STAT'), '-ERR log in first', 'P3-136 and is not logged in';
like $c->cmd('APOP alice ' . md5_hex($c->stamp . 'secret')), $in_use,
    'P3-137 by APOP as by PASS';
unlike $c->login('alice', 'wrong'), qr/IN-USE/,
    'P3-138 who has not the password is not told';
unlike $c->cmd('APOP alice ' . '0' x 32), qr/IN-USE/, 'P3-138 by APOP neither';
like $c->cmd('USER alice'), qr/\A\+OK/, 'P3-138 and USER tells nobody';
$c->close;
my $other = $d->session('bob', 'other');
like $other->cmd('STAT'), qr/\A\+OK 2 /, 'P3-135 another maildrop is another lock';
$other->close;

# Many refusals are no failed logins.
$c = $d->connect;
like $c->login('alice', 'secret'), $in_use, 'P3-142 refused' for 1, 2;
like $first->cmd('DELE 1'), qr/\A\+OK/, 'the first session goes on';
like $first->cmd('QUIT'), qr/\A\+OK/, 'and ends';
like $c->login('alice', 'secret'), qr/\A\+OK alice's maildrop has 1 message/,
    'P3-139 P3-142 the lock is free when QUIT is answered';
$c->close;

# Every other end frees it, too; and deletes nothing.
my %ends = (
	FIN => sub { $_[0]->close },
	RST => sub { $_[0]->abort },
	'a half-closed connection' => sub {
		$_[0]->half_close;
		$_[0]->eof or die;
	},
	'a killed session' => sub {
		my ($pid) = $_[0]->stamp =~ /<(\d+)/;
		kill KILL => $pid or die;
		$_[0]->raw_until(undef);
	},
);
for my $end (sort keys %ends) {
	my $s = $d->session('bob', 'other');
	$s->cmd('DELE 1');
	$ends{$end}->($s);
	$c = $d->connect;
	like Restante::wait_for(sub {
		my $reply = $c->login('bob', 'other');
		$reply =~ $in_use ? undef : $reply;
	}), qr/\A\+OK bob's maildrop has 2 messages/,
	    "P3-139 P3-272 $end frees the lock and deletes nothing";
	$c->close;
}

# P3-140: who has not logged in holds nothing.
my @idle = map { $d->connect } 1 .. 5;
$_->cmd('USER alice') for @idle;
$_->cmd('PASS wrong') for @idle[0, 1];
$c = $d->connect;
like $c->login('alice', 'secret'), qr/\A\+OK/,
    'P3-140 connections without a login hold no lock';
$c->close;
$_->close for @idle;

# P3-141: of many at once, one.
for my $round (1 .. 3) {
	my @all = map { $d->connect } 1 .. 8;
	$_->cmd('USER bob') for @all;
	$_->send("PASS other\r\n") for @all;
	my @replies = map { scalar $_->status } @all;
	is +(grep { /\A\+OK/ } @replies), 1, "P3-141 one of eight, round $round";
	is +(grep { /$in_use/ } @replies), 7, 'P3-141 and seven are refused';
	$_->close for @all;
}

# P3-143: mail that comes meanwhile.
$d->user(carol => "third\n$mbox");
for my $delete ([], [1], [2], [ 1, 2 ]) {
	my $s = $d->session('carol', 'third');
	my ($status, @before) = $s->multi('UIDL');
	$d->append('carol', Restante::mbox("A: b\n\nnew\n"));
	($status, my @same) = $s->multi('UIDL');
	is_deeply \@same, \@before,
	    'P3-143 new mail is not shown to the session';
	like $s->cmd('RETR ' . (@before + 1)), qr/\A-ERR no such message/,
	    'P3-107 nor has it a number';
	like $s->cmd('RSET'), qr/ has @{[ scalar @before ]} messages? /,
	    'P3-222 nor does RSET show it';
	$s->cmd("DELE $_") for @$delete;
	like $s->cmd('QUIT'), qr/\A\+OK/, 'QUIT';
	$s->close;
	$s = $d->session('carol', 'third');
	my ($found, @after) = $s->multi('UIDL');
	is @after, @before - @$delete + 1,
	    "P3-143 with @{[ scalar @$delete ]} deleted it is not lost";
	is +($s->text('RETR ' . @after))[1], "A: b\r\n\r\nnew\r\n",
	    'P3-143 and is whole';
	$s->close;
}

done_testing;
