# SPDX-License-Identifier: ISC
# make install and make uninstall, and the systemd units as they are installed.

use strict;
use warnings;

use File::Find ();
use File::Temp ();
use FindBin;
use Test::More;

use Restante;

my $top = "$FindBin::Bin/../..";
my $root = File::Temp->newdir('install-XXXXXXXX', TMPDIR => 1);

# What was built is installed, whatever flags it was built with.
sub make
{
	my ($goal, @variables) = @_;

	local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	return system('make', '-s', '-C', $top, '-o', 'all', $goal,
	    "DESTDIR=$root", "B=$ENV{BUILD}", @variables);
}

sub files
{
	my @files;

	File::Find::find({ no_chdir => 1, wanted => sub {
		push @files, $File::Find::name =~ s/^\Q$root\E//r if -f;
	} }, "$root");
	return sort @files;
}

my $lib = '/usr/local/lib/systemd/system';
is make('install'), 0, 'make install';
my @installed = files();
is_deeply [ grep { !m{^/usr/local/share/restante/} } @installed ], [
	'/etc/restante.conf',
	"$lib/restante.service",
	"$lib/restante.socket",
	"$lib/restante\@.service",
	'/usr/local/sbin/restante',
	'/usr/local/sbin/restantectl',
	'/usr/local/share/man/man5/restante.conf.5',
	'/usr/local/share/man/man8/restante.8',
	'/usr/local/share/man/man8/restantectl.8',
], 'what it installs, samples apart';
my %kept = map { $_ => 1 } 'restante.conf', 'restante.service',
    'restante@.service', 'restante.socket';
is_deeply [ map { m{^/usr/local/share/restante/(.*)} ? $1 : () } @installed ],
    [ sort grep { !$kept{$_} } map { m{([^/]+)\z} } glob "$top/etc/*" ],
    'and the samples';
like Restante::slurp("$root/etc/restante.conf"), qr/^hide-users yes$/m,
    'the configuration is the careful one';

# A second time keeps the configuration.
Restante::spew("$root/etc/restante.conf", "hide-users no\n");
is make('install'), 0, 'make install, again';
is Restante::slurp("$root/etc/restante.conf"), "hide-users no\n",
    'the configuration is not touched';
is make('uninstall'), 0, 'make uninstall';
is_deeply [ files() ], [ '/etc/restante.conf' ],
    'only the configuration that was changed is left';
unlink "$root/etc/restante.conf";
is make('install', 'PREFIX=/opt/pop', 'UNITDIR=/units'), 0, 'elsewhere';
ok -x "$root/opt/pop/sbin/restante", 'elsewhere: the program';
like Restante::slurp("$root/opt/pop/share/man/man8/restante.8"),
    qr{^\.It Pa /opt/pop/share/restante$}m, 'elsewhere: where the manual says';
like Restante::slurp("$root/units/restante.service"),
    qr{^ExecStart=/opt/pop/sbin/restante$}m, 'elsewhere: the unit names it';
like Restante::slurp("$root/opt/pop/share/restante/procmailrc"),
    qr{^PATH=/opt/pop/sbin:}m, 'elsewhere: the sample finds it';
is_deeply [ grep { Restante::slurp("$root$_") =~ m{/usr/local} }
    grep { !m{/sbin/} } files() ], [], 'elsewhere: nothing names the usual place';

# What somebody else has put there stays, and is in nothing's way.
Restante::spew("$root/opt/pop/share/restante/mine", "mine\n");
is make('uninstall', 'PREFIX=/opt/pop', 'UNITDIR=/units'), 0,
    'elsewhere: make uninstall';
is_deeply [ files() ], [ '/opt/pop/share/restante/mine' ],
    'elsewhere: nothing of ours is left';
unlink "$root/opt/pop/share/restante/mine";
is make('uninstall', 'PREFIX=/opt/pop', 'UNITDIR=/units'), 0,
    'elsewhere: make uninstall, again';
ok !-e "$root/opt/pop/share/restante", 'elsewhere: nor the directory';

SKIP: {
	skip 'no systemd-analyze', 11
	    if system('systemd-analyze --version >/dev/null 2>&1') != 0;
	# Hundredfold: of ten.
	my %most = ('restante.service' => 30, 'restante@.service' => 15);

	# The program is looked for where the unit says.
	is make('install', "PREFIX=$root/usr", 'DESTDIR=', "UNITDIR=$root/units",
	    "SYSCONFDIR=$root/etc"), 0, 'units that can be verified';
	local $ENV{SYSTEMD_UNIT_PATH} = "$root/units:";
	for my $unit ('restante.service', 'restante@x.service',
	    'restante.socket') {
		my $file = "$root/units/" . $unit =~ s/\@x/\@/r;
		my $said = qx(systemd-analyze verify --man=no $file 2>&1);

		is $?, 0, "$unit: systemd-analyze verify";
		is $said, '', "$unit: it has nothing to say";
	}
	for my $unit (sort keys %most) {
		my $said = qx(systemd-analyze security --no-pager \\
		    --offline=yes --threshold=$most{$unit} \\
		    $root/units/$unit 2>&1);
		my ($level) = $said =~ /Overall exposure level.*: ([\d.]+) /;

		is $?, 0, "$unit: systemd-analyze security";
		ok defined $level && $level * 10 < $most{$unit},
		    "$unit: less exposed than $most{$unit} / 10";
		diag $said if $?;
		note "$unit: $level";
	}
}

done_testing;
