# SPDX-License-Identifier: ISC
# Claws Mail, on a display that nobody sees, told by its command line what to do: three
# accounts for each mailbox, one that keeps, one that deletes, and one that deletes
# over STLS, all fetched in one go; and again by another process.
use strict;
use warnings;

use List::Util qw(first);
use Test::More;

use Front;
use Letters;
use Restante;
use Tls;

my $claws = Letters::tool('claws-mail');
my $xvfb = Letters::tool('Xvfb');
my $home = Letters::stage();
my $settings = "$home/.claws-mail";
my @modes = qw(keep take);

SKIP: {
	skip Tls::missing() . ': no STLS', 1 if Tls::missing();
	push @modes, 'safe';
}

# It talks to nobody but the display and the server: neither to a session bus, which
# it would start, nor to a session manager.
delete @ENV{qw(SESSION_MANAGER XAUTHORITY)};
%ENV = (%ENV, DBUS_SESSION_BUS_ADDRESS => 'disabled:', NO_AT_BRIDGE => 1,
    GDK_BACKEND => 'x11', GSETTINGS_BACKEND => 'memory', LC_ALL => 'C.UTF-8');

# One that is free, without a socket in a directory of the machine's.
sub start_display
{
	my $log = "$home/display";
	my $pid = Front::spawn($log, $xvfb, '-displayfd', 1, '-screen', 0,
	    '800x600x24', '-nolisten', 'tcp', '-nolisten', 'unix');

	Restante::wait_for(sub { Letters::slurp($log) =~ /^(\d+)\n/m }) or
	    die Letters::slurp($log);
	($ENV{DISPLAY}) = map { ":$_" } Letters::slurp($log) =~ /^(\d+)\n/m;
	return $pid;
}

sub account
{
	my ($n, $port, $name, $mode) = @_;
	my ($delete, $tls) = ($mode eq 'keep' ? 0 : 1, $mode eq 'safe' ? 2 : 0);

	return <<"EOF";
[Account: $n]
account_name=$name
name=$name
address=$name\@example.org
config_version=3
protocol=0
receive_server=localhost
set_popport=1
pop_port=$port
ssl_pop=$tls
ssl_certs_auto_accept=1
user_id=$name
remove_mail=$delete
message_leave_time=0
filter_on_receive=0
filterhook_on_receive=0
inbox=#mh/Mail/$name
EOF
}

# Its settings, complete enough for it to start without a question.
sub prepare
{
	my ($port, @accounts) = @_;
	my ($accounts, $passwords, $folders) = ('', '', '');

	mkdir $_ or die "$_: $!" for $settings, "$home/Mail";
	for ((map { [ $_, $_ ] } qw(inbox outbox draft queue trash)),
	    map { [ normal => $_->{user} ] } @accounts) {
		my ($type, $name) = @$_;

		mkdir "$home/Mail/$name" or die "$name: $!";
		$folders .= qq(<folderitem type="$type" name="$name" path="$name"/>);
	}
	for my $n (1 .. @accounts) {
		$accounts .= account($n, $port,
		    @{ $accounts[$n - 1] }{qw(user mode)});
		$passwords .= "[account:$n]\nrecv secret\n";
	}
	Restante::spew("$settings/clawsrc", "[Common]\nflush_metadata=0\n" .
	    "no_receive_error_panel=1\n");
	Restante::spew("$settings/accountrc", $accounts);
	Restante::spew("$settings/passwordstorerc", $passwords);
	Restante::spew("$settings/folderlist.xml", <<"EOF");
<?xml version="1.0" encoding="UTF-8"?>
<folderlist><folder type="mh" name="Mail" path="Mail">$folders</folder></folderlist>
EOF
}

# What is in its folder of that name, in the order of the texts.
sub stored
{
	my ($name) = @_;

	return [ sort map { Letters::slurp($_) }
	    grep { m{/\d+\z} } glob "$home/Mail/$name/*" ];
}

# What the server said of a user's sessions when they ended.
sub sessions
{
	my ($d, $user) = @_;
	my @ends = $d->stderr =~ /end: user=\Q$user\E .*(retrieved=.*)/g;

	return @ends;
}

# Has a new process fetch from all accounts, and waits until one after the other is
# done; then ends it.
sub fetch_all
{
	my ($what, $done, @accounts) = @_;
	my $said = "$home/said.$what";
	my $pid = Front::spawn($said, $claws, '--receive-all');
	my $late = first {
		my $user = $_->{user};
		!Restante::wait_for(sub { $done->($user) });
	} @accounts;

	is $late && $late->{user}, undef, "$what: all accounts are done"
	    or diag Letters::slurp($said),
	    Letters::slurp("$settings/claws.log") =~ /(.{0,2000})\z/s;
	my ($status, $out, $err) = Letters::run($claws, '--exit');
	is $status, 0, "$what: it is told to exit" or diag $out . $err;
	is Front::ended($pid), 0, "$what: it exits"
	    or diag Letters::slurp($said);
}

my @accounts = map {
	my $box = $_;
	my $texts = [ sort(Letters::local_ends(@{ Letters::wires($box) })) ];
	map { {
		user => "$_-$box->{name}", mode => $_, box => $box,
		texts => $texts, count => scalar @$texts,
	} } @modes;
} Letters::mailboxes(odd => 1);
my $d = Restante->start(
	users => { map { $_->{user} => $_->{box}{text} } @accounts },
	options => [ @modes > 2 ? Tls::options() : () ],
);
($ENV{SSL_CERT_FILE}) = Tls::files() if @modes > 2;
prepare($d->port, @accounts);
my $display = start_display();

# It writes the unique-ids of an account when all mail is in its folder.
fetch_all('first', sub { -e "$settings/uidl/localhost-$_[0]" }, @accounts);
is scalar(() = Letters::slurp("$settings/claws.log") =~ /POP> STLS$/mg),
    scalar(grep { $_->{mode} eq 'safe' } @accounts), 'it says STLS where it should';
for my $account (@accounts) {
	my ($user, $count) = @$account{qw(user count)};
	my $deleted = $account->{mode} eq 'keep' ? 0 : $count;
	my $left = $count - $deleted;

	Letters::same(stored($user), $account->{texts}, "$user: every message");
	like join('', sessions($d, $user)),
	    qr/^retrieved=$count .* deleted=$deleted left=$left .*=quit$/,
	    "$user: the server agrees";
}

fetch_all('again', sub { sessions($d, $_[0]) == 2 }, @accounts);
is $d->stop, 0, 'the server ends';
for my $account (@accounts) {
	my ($user, $mode, $box) = @$account{qw(user mode box)};

	like +(sessions($d, $user))[1], qr/^retrieved=0 .*=quit$/,
	    "$user: nothing is fetched again";
	Letters::same(stored($user), $account->{texts}, "$user: once");
	is $d->mbox($user), $mode eq 'keep' ?
	    Reference::completed($box->{text}) : "secret\n",
	    $mode eq 'keep' ? "$user: nothing was changed" :
	    "$user: nothing is left but the password";
}
Front::stop($display);

done_testing;
