# SPDX-License-Identifier: ISC
# Net::POP3, the client of many a Perl program; comes with Perl.
use strict;
use warnings;

use Net::POP3;
use Test::More;

use Letters;
use Reference;
use Restante;

sub connected
{
	my ($d) = @_;

	return Net::POP3->new('127.0.0.1', Port => $d->port, Timeout => 20) ||
	    die "no connection: $@";
}

# The handle gives one line at a time, even to a list, and with a doubled dot.
sub by_handle
{
	my ($c, $n) = @_;
	my $fh = $c->getfh($n);
	my $text = '';

	while (defined(my $line = <$fh>)) {
		$text .= $line =~ s/^\.\././r;
	}
	return $text;
}

for my $box (Letters::mailboxes(odd => 1)) {
	my @messages = @{ $box->{messages} };
	my $count = @messages;
	my $octets = 0;
	my $d = Restante->start(users => { alice => $box->{text} });
	my $c = connected($d);

	$octets += $_->{octets} for @messages;
	is $c->login('alice', 'secret'), $count, "$box->{name}: login";
	is_deeply [ $c->popstat ], [ $count, $octets ], "$box->{name}: popstat";
	is_deeply $c->list, { map { ($_ => $messages[$_ - 1]{octets}) }
	    1 .. $count }, "$box->{name}: list";
	is $c->list(1), $messages[0]{octets}, "$box->{name}: list of one";
	is_deeply $c->uidl, { map { ($_ => $messages[$_ - 1]{id}) }
	    1 .. $count }, "$box->{name}: uidl";
	is $c->uidl($count), $messages[-1]{id}, "$box->{name}: uidl of one";
	ok exists $c->capabilities->{UIDL}, "$box->{name}: capabilities";

	Letters::same([ map { join '', @{ $c->get($_) } } 1 .. $count ],
	    [ Letters::local_ends(@{ Letters::wires($box) }) ],
	    "$box->{name}: get, every message");
	Letters::same([ map { join '', @{ $c->top($_, 3) } } 1 .. $count ],
	    [ Letters::local_ends(map { Reference::top($_->{wire}, 3) }
	    @messages) ], "$box->{name}: top, every message");
	Letters::same([ map { by_handle($c, $_) } 1 .. $count ], [ Letters::local_ends(@{ Letters::wires($box) }) ],
	    "$box->{name}: getfh, every message");
	is $c->last, $count, "$box->{name}: last";

	ok $c->delete(1), "$box->{name}: delete";
	is $c->get(1), undef, "$box->{name}: a deleted message is gone";
	$c->reset;
	is scalar(keys %{ $c->list }), $count, "$box->{name}: reset";
	ok $c->quit, "$box->{name}: quit";
	is $d->mbox('alice'), Reference::completed($box->{text}),
	    "$box->{name}: nothing was changed";

	$c = connected($d);
	is $c->apop('alice', 'wrong'), undef, "$box->{name}: a wrong APOP";
	is $c->apop('alice', 'secret'), $count, "$box->{name}: APOP";
	is scalar(grep { $c->delete($_) } 1 .. $count), $count,
	    "$box->{name}: delete everything";
	ok $c->quit, "$box->{name}: quit";
	is $d->stop, 0, "$box->{name}: the server ends";
	is $d->mbox('alice'), "secret\n",
	    "$box->{name}: nothing is left but the password";
}

done_testing;
