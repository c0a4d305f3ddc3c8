# SPDX-License-Identifier: ISC
# restantectl as root: it becomes the keeper before it touches a mailbox; and as
# somebody else, who may do nothing.
use strict;
use warnings;

use POSIX ();
use Test::More;

use Ctl;
use Restante;

plan skip_all => 'only root can become somebody else' if $> != 0;

use constant { KEEPER => 61234, OTHER => 61235 };

my $text = "secret\n" . Restante::mbox('A: b') . "From \0\0\0\n\n" .
    Restante::mbox('A: b');

# A directory of the keeper's, which others may reach.
sub kept
{
	my $u = Ctl->new(alice => $text, bob => "secret\n");

	chmod 0755, $u->{scratch};
	chown KEEPER, KEEPER, $u->dir, map { $u->path($_) } qw(alice bob);
	return $u;
}

sub as
{
	my ($u, $id) = @_;

	$u->{before} = sub {
		$) = "$id $id";
		POSIX::setgid($id);
		POSIX::setuid($id);
		POSIX::_exit(127) if $> != $id || $< != $id;
	};
	return $u;
}

sub owners
{
	my ($u, @files) = @_;

	return [ map { join ' ', (stat)[4, 5] } @files ];
}
my $keepers = KEEPER . ' ' . KEEPER;

for my $id (0, KEEPER) {
	my $u = as(kept(), $id);

	is(($u->run('compact'))[0], 0, "as $id: compact");
	is_deeply(owners($u, map { $u->own($_) } '', qw(alice.journal alice.index
	    bob.journal bob.index)), [ ($keepers) x 5 ],
	    '... what it makes is the keeper\'s');
	is((stat $u->own(''))[2] & 07777, 0700, '... and private');
	is(($u->run('check'))[0], 0, 'check');
	is(($u->run('list'))[0], 0, 'list');
}

# Files that are not the keeper's, of which root's rights would hide the fault.
my $u = kept();
$u->run('compact');
chown 0, 0, $u->own('alice.journal');
chmod 0644, $u->own('alice.journal');
my ($status, $found) = $u->findings('alice');
is($found->{'journal unwritable'}[0], 'problem', 'a journal of root\'s');
is($status, 65, '... is a problem');
chown 0, 0, $u->own('alice.index');
chmod 0644, $u->own('alice.index');
($status, $found) = $u->findings('alice');
is($found->{'index unwritable'}[0], 'note', 'an index of root\'s is not');
chown 0, 0, $u->path('bob');
($status, $found) = $u->findings('bob');
is($found->{'file unreadable'}[0], 'problem', 'a mailbox of root\'s is');
my ($code, $out, $err) = $u->run('list', 'bob');
is("$code $err", "77 restantectl: bob: Permission denied\n", '... cannot be listed');
is(($u->raw('-f', '/dev/null', '-d', $u->dir, 'compact', 'bob'))[0], 77,
    '... nor compacted');

# keeper-user.
Restante::spew("$u->{scratch}/conf", "keeper-user no-such-account\n");
($code, $out, $err) = $u->raw('-f', "$u->{scratch}/conf", '-d', $u->dir, 'list');
is("$code $err", "78 restantectl: keeper-user: there is no account no-such-account\n",
    'a keeper-user that is missing');
is(($u->raw('-f', "$u->{scratch}/conf", '-d', $u->dir, 'deliver', 'alice'))[0], 75,
    '... sends no mail back');
Restante::spew("$u->{scratch}/conf", "keeper-user nobody\n");
($code, $out, $err) = $u->raw('-f', "$u->{scratch}/conf", '-d', $u->dir, 'list',
    'alice');
is($code, 77, 'a keeper-user who may not enter');

# Without the right to become the keeper.
SKIP: {
	skip 'there is no setpriv', 2 if system('setpriv --version >/dev/null 2>&1');
	for (['list', 71], ['deliver', 75]) {
		system "setpriv --bounding-set -setgid,-setuid "
		    . "$ENV{BUILD}/restantectl -f /dev/null -d " . $u->dir
		    . " $_->[0] alice </dev/null >$u->{scratch}/said 2>&1";
		is($?, $_->[1] << 8, "root cannot become the keeper: $_->[0]")
		    or diag Restante::slurp("$u->{scratch}/said");
	}
}

# A directory of root's.
$u = Ctl->new(alice => $text);
is(($u->run('compact'))[0], 0, 'a directory of root\'s');
is_deeply(owners($u, $u->own('alice.journal')), ['0 0'], '... stays root\'s');

# Somebody else.
$u = as(kept(), OTHER);
($code, $out, $err) = $u->raw('-f', '/dev/null', '-d', $u->dir, 'list');
is($code, 77, 'somebody else may not look');
like($err, qr/: Permission denied$/, '... and is told why');

done_testing;
