# SPDX-License-Identifier: ISC
# A mail system that thinks it is installed: a copy of this machine's root that
# ends with the test, with Debian packages unpacked into it, in namespaces of its
# own, where no packet leaves the loopback interface.
#
#	my $e = Enclave->new($users_dir, ['postfix'], $script);
#	system $e->command('sendmail', ...);
#
# Packages are downloaded once, into the build directory.
package Enclave;

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Test::More ();

use Restante;

use constant { OWNER => 5000 };	# vmail, as the samples have it

my $build = $ENV{BUILD};

# Why there can be none here, or nothing.
sub lacking
{
	my (@packages) = @_;
	my $debs = "$build/debs";

	return 'only root can make one' if $> != 0;
	for my $tool (qw(unshare nsenter apt-get dpkg-deb tar)) {
		return "there is no $tool" if !Restante::program($tool);
	}
	mkdir $debs;
	for my $package (@packages) {
		my @had = glob "$debs/${package}_*.deb";

		next if @had;
		system("cd $debs && apt-get -o APT::Sandbox::User=root "
		    . "download $package >/dev/null 2>&1") == 0
		    or return "the package $package is not to be had";
	}
	system('unshare', '--mount', '--pid', '--net', '--ipc', '--fork', 'true')
	    == 0 or return 'there are no namespaces';
	return;
}

sub account
{
	my ($name, $id) = @_;

	return "echo '${name}:x:${id}:${id}::/:/bin/false' >>/etc/passwd\n"
	    . "echo '${name}:x:${id}:' >>/etc/group\n";
}

sub new
{
	my ($class, $dir, $packages, $script) = @_;
	my $scratch = File::Temp->newdir('enclave-XXXXXXXX', TMPDIR => 1);
	my $self = bless { scratch => $scratch, owner => $$ }, $class;
	my $root = "$scratch/mount/root";
	my $unpack = join '', map {
		"dpkg-deb --fsys-tarfile $build/debs/${_}_*.deb |"
		    . " tar -C $root -x --keep-directory-symlink\n"
	} @$packages;
	my $vmail = account('vmail', OWNER);

	mkdir "$scratch/mount";
	Restante::spew("$scratch/inside", "set -e\n$vmail\n$script\n"
	    . "echo ready >/in/ready\nexec sleep 600\n");
	Restante::spew("$scratch/outside", <<"END");
set -e
cd /
mount --make-rprivate /
mount -t tmpfs tmpfs $scratch/mount
mkdir $scratch/mount/up $scratch/mount/work $root
mount -t overlay overlay -o lowerdir=/,upperdir=$scratch/mount/up,workdir=$scratch/mount/work $root
$unpack
mount --rbind /dev $root/dev
mount -t proc proc $root/proc
mkdir -p $root/var/spool/restante/Users $root/in $root/usr/local/sbin
mount --bind $dir $root/var/spool/restante/Users
mount --bind $scratch $root/in
cp $build/restantectl $root/usr/local/sbin/restantectl
echo users /var/spool/restante/Users >$root/etc/restante.conf
perl -MSocket -e 'socket my \$s, AF_INET, SOCK_DGRAM, 0; my \$up = pack "a16s", "lo", 0x41; ioctl \$s, 0x8914, \$up or die'
exec chroot $root sh /in/inside
END
	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$scratch/said";
		open STDERR, '>&', \*STDOUT;
		{ no warnings; exec 'unshare', '--mount', '--pid', '--net',
		    '--ipc', '--fork', '--kill-child', 'sh', "$scratch/outside"; }
		POSIX::_exit(127);
	}
	Restante::wait_for(sub {
		return -e "$scratch/ready" || waitpid($self->{pid}, 1) != 0;
	});
	-e "$scratch/ready" or die 'no enclave: ' . $self->said;
	my ($init) = split ' ', Restante::slurp(
	    "/proc/$self->{pid}/task/$self->{pid}/children");
	$self->{init} = $init // die 'nobody in the enclave';
	return $self;
}

sub said { return Restante::slurp("$_[0]{scratch}/said") }

# A command that runs another in there.
sub command
{
	my ($self, @command) = @_;

	return ('nsenter', '-t', $self->{init}, '-m', '-p', '-n', '-i', '-r', '-w',
	    @command);
}

# What it prints.
sub run
{
	my ($self, @command) = @_;

	open my $fh, '-|', $self->command(@command) or die "nsenter: $!";
	local $/;
	my $said = <$fh> // '';
	close $fh;
	return $said;
}

# With its first process all end.
sub DESTROY
{
	my ($self) = @_;

	return if $self->{owner} != $$;
	local $?;
	kill KILL => $self->{init} // $self->{pid};
	waitpid $self->{pid}, 0;
}

1;
