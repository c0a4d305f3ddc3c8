# SPDX-License-Identifier: ISC
# The servers that are measured, under one face:
#
#	my $s = Servers::restante('static');	# or floor(), popa3d(), dovecot()
#	$s->{name}, $s->{pid}, $s->{port}
#	$s->put('user.0', $mbox)	# a copy of the file as the user's mailbox
#	$s->forget('user.0')		# what the server knows of it
#
# A peer is the Debian package, as it is: taken from the registry into build/, not
# installed, and run as root of a scratch system that is this one with the package
# and its accounts on top.  It listens on the loopback only.  Users are user.0 and so
# on, with the password secret.
package Servers;

use strict;
use warnings;

use Cwd ();
use File::Copy ();
use File::Path ();
use FindBin ();
use POSIX ();
use Restante;

my $build = Cwd::abs_path("$FindBin::Bin/../../build");
my $scratch = "$build/bench";
my $users = 64;
our $uid = 60000; # of all users of a peer
my @started;

END {
	my $status = $?;

	$_->stop for grep { $_->{owner} == $$ } @started;
	$? = $status;
}

sub stop
{
	my ($self) = @_;

	if ($self->is_ours) {
		die "$self->{name} ended with status $?\n"
		    if $self->{daemon}->stop != 0;
	} elsif ($self->{pid}) {
		kill TERM => $self->{pid};
		waitpid $self->{pid}, 0;
		delete $self->{pid};
	}
}

sub scratch
{
	File::Path::make_path($scratch);
	return $scratch;
}

sub tree
{
	my ($link) = @_;

	return $link eq 'static' ? $build : "$build/dynamic";
}

sub copy
{
	my ($from, $to) = @_;

	File::Copy::copy($from, $to) or die "$to: $!\n";
}

# Becomes the command; the port answers before this returns.
sub launch
{
	my ($self, @command) = @_;
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$self->{log}" or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT;
		{ no warnings; exec { $command[0] } @command; }
		POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$self->{owner} = $$;
	push @started, $self;
	Restante::wait_for(sub {
		my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1',
		    PeerPort => $self->{port}) or return;
		return defined $s->getline;
	}, 20) or die "$self->{name} does not answer:\n" .
	    Restante::slurp($self->{log});
	return $self;
}

sub floor
{
	my ($link) = @_;
	my $self = bless {
		name => "floor-$link",
		port => Restante::free_port(),
		log => scratch() . "/floor-$link.log",
	};

	return $self->launch(tree($link) . '/tests/bench/floor', $self->{port});
}

# USER tells nobody who exists, as with the peers, and with the installed sample.
sub restante
{
	my ($link, @options) = @_;
	my $dir = scratch() . "/restante-$link";
	my $self = bless { name => "restante-$link", mail => $dir };

	File::Path::remove_tree($dir);
	mkdir $dir, 0700 or die "$dir: $!\n";
	$self->{daemon} = Restante->start(dir => $dir,
	    binary => tree($link) . '/restante',
	    options => [ 'hide-users=yes', @options ]);
	$self->{pid} = $self->{daemon}->pid;
	$self->{port} = $self->{daemon}->port;
	return $self;
}

# The files of packages, into a directory; their names, or nothing.
sub fetch_packages
{
	my @packages = @_;
	my $dir = scratch() . '/packages';
	my @missing = grep { !glob "$dir/${_}_*.deb" } @packages;

	File::Path::make_path($dir);
	if (@missing) {
		system('sh', '-c', 'cd "$1" && shift &&
		    apt-get -q download "$@" >/dev/null 2>&1', 'sh', $dir,
		    @missing) == 0 or return;
	}
	return map { glob "$dir/${_}_*.deb" } @packages;
}

# Starts a peer in its scratch system.  Prepares is shell, run where $top is the
# system's root and before it becomes that.
sub peer
{
	my ($name, $packages, $prepares, @command) = @_;
	my $dir = scratch() . "/$name";
	my $self = bless {
		name => $name,
		port => Restante::free_port(),
		log => scratch() . "/$name.log",
		mail => "$dir/mail",
		index => "$dir/index",
	};
	my @debs = $> == 0 ? fetch_packages(@$packages) : ();

	if (!@debs) {
		print "# $name is left out: ", $> == 0 ?
		    "no packages @$packages to be had\n" : "it needs root\n";
		return;
	}
	File::Path::remove_tree($dir);
	for ($self->{mail}, $self->{index}, "$dir/layers", "$dir/top") {
		File::Path::make_path($_);
		chown $uid, $uid, $_;
	}
	Restante::spew("$dir/start", <<"EOF" . $prepares . <<'EOF');
set -eu
cd $dir
port=$self->{port}
top=$dir/top
mount -t tmpfs tmpfs layers
mkdir layers/upper layers/work
for deb in @debs; do
	dpkg -x \$deb layers/upper
done
if [ -d layers/upper/lib ]; then
	cp -a layers/upper/lib/. layers/upper/usr/lib/
	rm -r layers/upper/lib
fi
mount -t overlay overlay \\
	-o lowerdir=/,upperdir=layers/upper,workdir=layers/work top
mount --rbind /proc top/proc
mount --rbind /dev top/dev
mount --bind mail top/var/mail
mkdir -p top/srv/index top/run top/tmp
mount --bind index top/srv/index
account() {
	echo "\$1:x:\$2:\$2::/nonexistent:/usr/sbin/nologin" >>top/etc/passwd
	echo "\$1:x:\$2:" >>top/etc/group
	echo "\$1:@{[ crypt 'secret', 'ab' ]}:20000:0:99999:7:::" >>top/etc/shadow
}
for n in \$(seq 0 @{[ $users - 1 ]}); do
	account user.\$n $uid
done
EOF
exec chroot "$top" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
EOF
	s/PORT/$self->{port}/ for @command;
	return $self->launch('unshare', '-m', '--propagation', 'private',
	    'sh', "$dir/start", @command);
}

# From a super-server, as Debian starts it.
sub popa3d
{
	return peer('popa3d', ['popa3d'], "account popa3d 60001\n",
	    "$build/tests/bench/floor", 'PORT', '/usr/sbin/popa3d');
}

# Processes that are used again, Dovecot's fast way; mbox, plain passwords.
sub dovecot
{
	return peer('dovecot', ['dovecot-core', 'dovecot-pop3d'], <<"EOF",
account dovecot 60001
account dovenull 60002
for n in \$(seq 0 @{[ $users - 1 ]}); do
	echo "user.\$n:{PLAIN}secret::::::"
done >\$top/etc/dovecot/users
mkdir -p \$top/srv/home
chown $uid \$top/srv/home
cat >\$top/etc/dovecot/dovecot.conf <<CONF
protocols = pop3
listen = 127.0.0.1
base_dir = /run/dovecot
log_path = /var/log/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
default_vsz_limit = 4G
mail_location = mbox:/srv/home/%u:INBOX=/var/mail/%u:INDEX=/srv/index/%u
mbox_read_locks = fcntl
mbox_write_locks = fcntl
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=$uid gid=$uid home=/srv/home/%u
}
service pop3-login {
  inet_listener pop3 {
    port = \$port
  }
  inet_listener pop3s {
    port = 0
  }
  service_count = 0
  process_min_avail = 2
}
service pop3 {
  service_count = 0
}
protocol pop3 {
  mail_max_userip_connections = 100
}
CONF
EOF
	    '/usr/sbin/dovecot', '-F');
}

sub mailbox
{
	my ($self, $user) = @_;

	return "$self->{mail}/$user";
}

sub is_ours
{
	return defined $_[0]{daemon};
}

# Ours is behind a password line, which the file that is copied has or has not.
sub put
{
	my ($self, $user, $mbox) = @_;
	my $path = $self->mailbox($user);

	copy($self->is_ours ? "$mbox.restante" : $mbox, $path);
	chmod 0600, $path;
	chown $uid, $uid, $path if !$self->is_ours;
	$self->forget($user);
}

sub forget
{
	my ($self, $user) = @_;

	if ($self->is_ours) {
		unlink glob "$self->{mail}/.restante/$user.index";
	} else {
		File::Path::remove_tree("$self->{index}/$user");
	}
}

1;
