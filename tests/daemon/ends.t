# SPDX-License-Identifier: ISC
# The end of a mailbox: a line end or a blank line that is missing is added when
# the mailbox is opened, so that a delivery agent glues its separator to
# nothing.

use strict;
use warnings;

use Test::More;

use Restante;

my $d = Restante->start;
my $separator = "From a\@example.org Thu Nov 20 18:27:05 2025\n";
my $late = Restante::mbox("Subject: late\n\nlate");
my $count = 0;

# What is in the file before, what a session sees, and what is missing then.
sub end
{
	my ($what, $box, $added, @messages) = @_;
	my $name = 'user' . ++$count;
	my @octets = map { length } @messages;
	my $path = $d->path($name);

	$d->user($name => $box);
	my $inode = (stat $path)[1];
	is $d->connect->login($name, 'wrong'), $d->connect->login($name,
	    'nonsense'), "$what: strangers";
	is $d->mbox($name), $box, "$what: nothing is added for a stranger";

	for my $time ('first', 'second') {
		my $c = $d->session($name, 'secret');
		my ($status, @list) = $c->multi('LIST');
		is_deeply \@list, [ map { "$_ $octets[$_ - 1]" }
		    1 .. @octets ], "$what, $time time: the sizes";
		is_deeply [ map { ($c->text("RETR $_"))[1] } 1 .. @messages ],
		    \@messages, "$what, $time time: the messages";
		is $d->mbox($name), $box . $added,
		    "$what, $time time: what is added";
		$c->cmd('QUIT');
		$c->close;
	}
	is +(stat $path)[1], $inode, "$what: it is the same file";

	$d->append($name, $late);
	my $c = $d->session($name, 'secret');
	is +(($c->multi('LIST'))[-1]), (@messages + 1) .
	    ' ' . length "Subject: late\r\n\r\nlate\r\n",
	    "$what: a message delivered now is one of its own";
	# Without what was delivered, and without all.
	$c->cmd('DELE ' . (@messages + 1));
	$c->cmd('QUIT');
	$c->close;
	$c = $d->session($name, 'secret');
	is_deeply [ map { ($c->text("RETR $_"))[1] } 1 .. @messages ],
	    \@messages, "$what: the others are as they were";
	$c->cmd("DELE $_") for 1 .. @messages;
	like $c->cmd('QUIT'), qr/^\+OK.*maildrop empty/, "$what: all deleted";
	$c->close;
	# What stands before the first message is nobody's.
	my ($head) = split /^\Q$separator\E/m, $box . $added;
	like $d->mbox($name), qr/\A\Q$head\E(?:From \0*\r?\n\r?\n|\z)/,
	    "$what: the first line stays, and what is no message";
}

my $one = "Subject: one\r\n\r\nbody\r\n";

end('nothing but a password', 'secret', "\n");
end('a password and its line end', "secret\n", '');
end('a password with CR and LF', "secret\r\n", '');
end('a message as it should be', "secret\n${separator}Subject: one\n\nbody\n\n",
    '', $one);
end('no blank line', "secret\n${separator}Subject: one\n\nbody\n", "\n", $one);
end('no line end', "secret\n${separator}Subject: one\n\nbody", "\n\n", $one);
end('CRLF, as it should be', "secret\r\n" .
    "${separator}Subject: one\r\n\r\nbody\r\n\r\n", '', $one);
end('CRLF, no blank line', "secret\r\n" .
    "${separator}Subject: one\r\n\r\nbody\r\n", "\n", $one);
end('CRLF, and LF at the end', "secret\r\n" .
    "${separator}Subject: one\r\n\r\nbody\r\n\n", '', $one);
end('headers alone', "secret\n${separator}Subject: one\n", "\n",
    "Subject: one\r\n");
end('headers, no line end', "secret\n${separator}Subject: one", "\n\n",
    "Subject: one\r\n");
end('headers and a blank line', "secret\n${separator}Subject: one\n\n", '',
    "Subject: one\r\n");
end('a separator alone', "secret\n$separator", "\n", '');
end('two blank lines', "secret\n${separator}Subject: one\n\nbody\n\n\n", '',
    "$one\r\n");
end('two messages', "secret\n${separator}Subject: one\n\nbody\n\n" .
    "${separator}Subject: one\n\nbody\n", "\n", $one, $one);
end('no message, but text', "secret\nsome words\n", "\n");
end('no message, text without an end', "secret\nsome words", "\n\n");
end('a blank line', "secret\n\n", '');

is $d->stop, 0, 'the server ends';
done_testing;
