# SPDX-License-Identifier: ISC
# The samples for inetd and xinetd, in the hands of the real ones.

use strict;
use warnings;

use File::Spec ();
use FindBin;
use IO::Socket::IP ();
use Socket ();
use Test::More;

use Restante;

my $top = "$FindBin::Bin/../..";
my $user = getpwuid $>;
my $box = "secret\n" . Restante::mbox(map { "Subject: $_\n\ntext" } 1 .. 2);

# Packages that shut each other out are unpacked there by .ci/inetds.
my %program = (
	'openbsd-inetd' => "$top/build/inetd/openbsd-inetd/usr/sbin/inetd",
	'inetutils-inetd' =>
	    "$top/build/inetd/inetutils-inetd/usr/sbin/inetutils-inetd",
	'xinetd' => '/usr/sbin/xinetd',
);

# What the sample says, for this test: the program of the tree, with a directory,
# on a port of one's own, as whoever runs this.
sub inetd_line
{
	my ($d) = @_;
	my ($line) = Restante::slurp("$top/etc/inetd.conf") =~ /^(pop3\s.*)$/m;

	$line =~ s/^pop3/127.0.0.1:$d->{port}/ or die;
	$line =~ s/\broot\b/$user/ or die;
	$line =~ s{\t\S+\trestante$}{\t$d->{program}\trestante $d->{args_text}}
	    or die;
	return "$line\n";
}

sub xinetd_file
{
	my ($d) = @_;
	my $text = Restante::slurp("$top/etc/xinetd.conf");

	$text =~ s/^service pop3$/service restante/m or die;
	$text =~ s/= root$/= $user/m or die;
	$text =~ s{= /usr/local/sbin/restante$}{= $d->{program}
	server_args	= $d->{args_text}
	type		= UNLISTED
	port		= $d->{port}
	bind		= 127.0.0.1}m or die;
	return "defaults\n{\n\tlog_type = FILE $d->{scratch}/own\n}\n$text";
}

my %how = (
	'openbsd-inetd' => [ \&inetd_line, '-d', '-i' ],
	'inetutils-inetd' => [ \&inetd_line, '-d', '-pPID' ],
	'xinetd' => [ \&xinetd_file, '-dontfork', '-filelog', 'OWN',
	    '-pidfile', 'PID', '-f' ],
);

sub serve
{
	my ($name) = @_;
	my $d = Restante->new(users => { alice => $box });
	my ($sample, @options) = @{ $how{$name} };

	$d->{port} = Restante::free_port();
	($d->{program}, my @args) = $d->command;
	$d->{program} = File::Spec->rel2abs($d->{program});
	$d->{args_text} = join ' ', @args;
	Restante::spew("$d->{scratch}/conf", $sample->($d));
	s/PID/$d->{scratch}\/pid/, s/OWN/$d->{scratch}\/own/ for @options;
	$d->launch_logged($program{$name}, @options, "$d->{scratch}/conf");
	ok Restante::wait_for(sub {
		!$d->alive || IO::Socket::IP->new(PeerHost => '127.0.0.1',
		    PeerPort => $d->port, Type => Socket::SOCK_STREAM)
	}) && $d->alive, 'it listens';

	my $c = $d->connect;
	like $c->greeting, qr/<\d+\..*>\z/, 'the greeting';
	like $c->login('alice', 'secret'), qr/^\+OK.* 2 messages /, 'a login';
	like $d->connect->login('alice', 'secret'), qr/^-ERR \[IN-USE\]/,
	    'another one at the same time';
	my ($status, @lines) = $c->multi('RETR 2');
	is "@lines", 'Subject: 2  text', 'a message';
	$c->cmd('DELE 1');
	like $c->cmd('QUIT'), qr/^\+OK.*1 message left/, 'the update';
	ok $c->eof, 'the end';
	$c->close;
	# What it was started with is no business of the next.
	like $d->session('alice', 'secret')->cmd('STAT'), qr/^\+OK 1 /,
	    'another session';
	# More at once than inetd takes for a program that fails.
	my $served = 0;
	for (1 .. 4) {
		my @many = map { eval { $d->connect } // () } 1 .. 75;
		$served += grep { eval { $_->greeting } } @many;
		$_->close for @many;
		last if @many < 75;
	}
	is $served, 300, 'many in a minute';
	$d->stop;
}

for my $name (sort keys %program) {
	SKIP: {
		skip "$name: not here, see .ci/inetds", 1
		    if !-x $program{$name};
		subtest $name => sub { serve($name) };
	}
}

done_testing;
