# SPDX-License-Identifier: ISC
# Programs that stand in front of the server, set up as the samples in etc/ say, with
# this test's ports and files in the place of theirs.
package Front;

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use POSIX ();

use Restante;
use Tls;

my $top = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');
my %running;

END {
	my $status = $?;

	stop($_) for grep { $running{$_} == $$ } keys %running;
	$? = $status;
}

# A sample, with changes to what is no comment; each must have its place.
sub sample
{
	my ($name, %change) = @_;
	my $text = Restante::slurp("$top/etc/$name");

	for my $old (sort keys %change) {
		$text =~ s/^((?!\s*[#;]).*?)\Q$old\E/$1$change{$old}/mg
		    or die "$name: no $old";
	}
	return $text;
}

# Runs a program, what it says going to a file, in front of which stands what
# enters a name space, or nothing.  Its pid.
sub spawn
{
	my ($log, @command) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		setpgrp 0, 0;
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		{ no warnings; exec { $command[0] } @command; }
		POSIX::_exit(127);
	}
	$running{$pid} = $$;
	return $pid;
}

# Waits until it ends by itself; its exit status, as in $?.
sub ended
{
	my ($pid) = @_;

	Restante::wait_for(sub { waitpid($pid, POSIX::WNOHANG) == $pid })
	    or return;
	delete $running{$pid};
	return $?;
}

sub stop
{
	my ($pid) = @_;

	delete $running{$pid};
	kill TERM => $pid;
	return if Restante::wait_for(sub {
		return waitpid($pid, POSIX::WNOHANG) == $pid;
	});
	kill KILL => -$pid;
	waitpid $pid, 0;
}

# Something to connect to at a port that others serve.
sub at
{
	my ($port) = @_;

	return bless { port => $port, clients => [], owner => 0 }, 'Restante';
}

# HAProxy with the sample, in front of a server: a port without TLS, and one with.
sub haproxy
{
	my ($dir, $server, $plain, $secure, %change) = @_;

	Restante::spew("$dir/both.pem",
	    join '', map { Restante::slurp($_) } Tls::files());
	Restante::spew("$dir/haproxy.cfg", sample('haproxy.cfg',
	    ':::110 v4v6' => "127.0.0.1:$plain",
	    ':::995 v4v6' => "127.0.0.1:$secure",
	    '127.0.0.1:1110' => '127.0.0.1:' . $server->port,
	    '/etc/ssl/private/mail.example.org.pem' => "$dir/both.pem",
	    %change));
	return spawn("$dir/haproxy.log", '/usr/sbin/haproxy', '-db', '-f',
	    "$dir/haproxy.cfg");
}

# nginx with the sample; in the foreground, in a directory of its own.
sub nginx
{
	my ($dir, %change) = @_;
	my $modules = '/usr/lib/nginx/modules';
	my @paths = map { "\t${_}_temp_path $dir/$_;" }
	    qw(client_body proxy fastcgi uwsgi scgi);

	Restante::spew("$dir/nginx.conf", join "\n",
	    (-e "$modules/ngx_mail_module.so" ?
	    "load_module $modules/ngx_mail_module.so;" : ''),
	    'daemon off;', 'master_process off;', "pid $dir/nginx.pid;",
	    "error_log $dir/nginx.error;",
	    sample('nginx-mail.conf', 'access_log off;' => join("\n",
	    'access_log off;', @paths), %change));
	return spawn("$dir/nginx.log", '/usr/sbin/nginx', '-p', $dir, '-e',
	    "$dir/nginx.error", '-c', "$dir/nginx.conf");
}

1;
