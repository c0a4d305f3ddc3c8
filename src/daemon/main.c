/* SPDX-License-Identifier: ISC */
/* The command line, and which way to start.  Runs as: master. */

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "address.h"
#include "conf.h"
#include "fds.h"
#include "log.h"
#include "master.h"
#include "num.h"
#include "options.h"
#include "sig.h"
#include "sockets.h"
#include "title.h"

/* A client that is there and can have no session is told so; the log has said why. */
static _Noreturn void
turn_away(int out, int status)
{
	static const char line[] =
	    "-ERR [SYS/TEMP] no session can be started now\r\n";

	(void)!write(out, line, sizeof(line) - 1);
	exit(status);
}

static _Noreturn void
usage(bool connected)
{
	if (connected) {
		log_warnx("the options make no sense");
		turn_away(STDOUT_FILENO, EX_USAGE);
	}
	fprintf(stderr,
	    "usage: restante [-bnTvV] [-d users] [-f file] [-l address]\n"
	    "                [-p port] [-1 port] [-o keyword=value]\n"
	    "                [--inetd [--pop1]]\n");
	exit(EX_USAGE);
}

static void
read_conf(const struct options *o, bool for_client, struct conf *c)
{
	if (options_conf(o, c, for_client ? NULL : stderr) == 0)
		return;
	if (for_client)
		turn_away(STDOUT_FILENO, EX_CONFIG);
	exit(EX_CONFIG);
}

/*
 * Whether descriptor 0 is a client, as inetd gives it; its address is then in
 * peer.  Terminals, pipes and listening sockets are not.  One that has reset the
 * connection has no address any more, and must not be taken for nobody: that
 * would start a server that listens.
 */
static bool
is_connection(char peer[CHANNEL_PEER])
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	bool gone = getpeername(0, (struct sockaddr *)&ss, &len) == -1;
	struct address from;

	if (gone &&
	    (getsockname(0, (struct sockaddr *)&ss, &len) == -1 ||
		sockets_is_listening(0)))
		return false;
	if (address_of(&ss, &from) == -1)
		return false;
	address_text(&from, peer);
	if (gone)
		(void)snprintf(peer, CHANNEL_PEER, "unknown");
	return true;
}

/*
 * Takes over a descriptor that this program was started with: a copy above 2,
 * whose reads and writes never wait, so that time limits hold.  A terminal stays
 * as it is for whoever has it next.
 */
static int
take_over(int given)
{
	int fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
	int flags = fd == -1 ? -1 : fcntl(fd, F_GETFL);

	if (flags != -1 &&
	    (isatty(fd) || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0))
		return fd;
	return -1;
}

/*
 * UCSPI-TLS: descriptors of the server that has started this one, in the
 * environment.
 */
static bool
find_ucspi(int fds[UCSPI_FDS])
{
	static const char *const names[UCSPI_FDS] = {
		[UCSPI_CONTROL] = "SSLCTLFD",
		[UCSPI_IN] = "SSLREADFD",
		[UCSPI_OUT] = "SSLWRITEFD",
	};
	const char *number;
	uint64_t n;

	for (int i = 0; i < UCSPI_FDS; i++) {
		number = getenv(names[i]);
		if (number == NULL || num_parse(number, INT_MAX, &n) == -1)
			return false;
		fds[i] = take_over((int)n);
		if (fds[i] == -1)
			return false;
	}
	return true;
}

/* A TLS helper takes over one descriptor, to read and to write. */
static bool
is_one_socket(int in, int out)
{
	struct stat a, b;

	return fstat(in, &a) == 0 && fstat(out, &b) == 0 &&
	    S_ISSOCK(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A connection on descriptors 0 and 1: nothing may be said on 2. */
static void
start_inetd(const struct conf *c, const char *peer, enum protocol_kind protocol)
{
	static struct service svc;
	int in, out, ucspi[UCSPI_FDS];

	if (c->log == CONF_LOG_STDERR)
		log_to_stderr();
	else
		log_to_syslog();
	/* Fails on what is no socket, where it is not needed. */
	if (peer != NULL)
		(void)sockets_set_options(0);
	in = take_over(0);
	out = take_over(1);
	if (in == -1 || out == -1 ||
	    fds_silence(c->log != CONF_LOG_STDERR) == -1)
		fatal("descriptors 0 and 1");
	if (service_prepare(c, find_ucspi(ucspi) ? ucspi : NULL, &svc) == -1)
		turn_away(out, 1);
	if (svc.session.stls == STLS_HELPER && !is_one_socket(in, out))
		svc.session.stls = STLS_NONE;
	service_take_state(c, &svc);
	master_serve(&svc, in, out, peer == NULL ? "local" : peer, protocol);
}

static int
open_pid_file(const struct conf *c)
{
	int fd = open(
	    c->pid_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd == -1)
		fatal("the pid file, %s", c->pid_file);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		fatalx("%s is locked: already running", c->pid_file);
	/* For other programs, whatever the umask; but it may be another's. */
	if (fchmod(fd, 0644) == -1 && errno != EPERM)
		fatal("the pid file, %s", c->pid_file);
	return fd;
}

/*
 * Forks: the parent returns to the shell once the pid file is written, so that
 * whoever reads it then finds the right number.  It may be sent signals at once:
 * returns what sig_open() does.
 */
static int
go_to_background(const struct conf *c, int pid_fd)
{
	int told[2], signal_fd;
	char octet;
	pid_t pid;

	if (pipe2(told, O_CLOEXEC) == -1)
		fatal("pipe");
	pid = fork();
	if (pid == -1)
		fatal("fork");
	if (pid > 0) {
		(void)close(told[1]);
		_exit(read(told[0], &octet, 1) == 1 ? 0 : 1);
	}
	signal_fd = sig_open();
	if (setsid() == -1 || ftruncate(pid_fd, 0) == -1 ||
	    dprintf(pid_fd, "%ld\n", (long)getpid()) < 0 ||
	    write(told[1], "", 1) != 1)
		fatal("the pid file, %s", c->pid_file);
	(void)close(told[0]);
	(void)close(told[1]);
	if (c->log != CONF_LOG_STDERR)
		log_to_syslog();
	if (fds_silence(c->log != CONF_LOG_STDERR) == -1)
		fatal("/dev/null");
	return signal_fd;
}

static void
start_alone(const struct options *o, const struct conf *c)
{
	static struct service svc;
	struct sockets passed, sockets;
	int pid_fd = -1, signal_fd;

	sockets_find(&passed);
	if (c->log == CONF_LOG_SYSLOG)
		log_to_syslog();
	if (service_prepare(c, NULL, &svc) == -1 ||
	    sockets_open(c, &passed, &sockets) == -1)
		exit(1);
	if (o->background)
		pid_fd = open_pid_file(c);
	service_take_state(c, &svc);
	signal_fd = o->background ? go_to_background(c, pid_fd) : sig_open();
	log_info("ready");
	master_listen(&svc, o, &sockets, signal_fd);
	log_info("ended");
	if (pid_fd != -1)
		(void)unlink(c->pid_file);
}

int
main(int argc, char **argv)
{
	static struct options o;
	static struct conf c;
	char peer[CHANNEL_PEER];
	bool connected = is_connection(peer), serves;

	/* The log must not be written into what is opened from here on. */
	if (fds_fill() == -1)
		fatal("descriptors 0, 1 and 2");
	sig_inherit_none();
	/* What a client must not see. */
	if (connected) {
		opterr = 0;
		log_to_syslog();
	}
	if (options_read(&o, argc, argv) == -1)
		usage(connected);
	if (o.pop1 && !o.inetd && !connected) {
		fprintf(stderr,
		    "restante: --pop1 is for one connection; -1 listens\n");
		usage(false);
	}
	serves = connected || (o.inetd && !o.check && !o.print);
	if (serves)
		log_to_syslog();
	read_conf(&o, serves, &c);
	if (o.print) {
		conf_print(&c, stdout);
		if (fflush(stdout) == EOF || ferror(stdout))
			fatal("printing the settings");
	}
	if (o.check && service_check(&c) == -1)
		exit(EX_CONFIG);
	if (o.print || o.check)
		return 0;
	log_set_level((enum log_level)c.log_level);
	title_init(argc, argv);
	(void)umask(077);

	if (serves)
		start_inetd(&c, connected ? peer : NULL,
		    o.pop1 ? PROTOCOL_POP1 : PROTOCOL_POP3);
	else
		start_alone(&o, &c);
	return 0;
}
