/* SPDX-License-Identifier: ISC */
/* The command line, and which way to start.  Runs as: master. */

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "fds.h"
#include "log.h"
#include "master.h"
#include "sockets.h"
#include "title.h"

/* What the command line asks for beyond settings. */
struct wish {
	const char *file; /* of -f */
	bool inetd, pop1, check, print, background;
	int verbose;
};

enum { OPTION_INETD = 256, OPTION_POP1 };

static const char options[] = "1:bd:f:l:no:p:TvV";
static const struct option long_options[] = {
	{ "inetd", no_argument, NULL, OPTION_INETD },
	{ "pop1", no_argument, NULL, OPTION_POP1 },
	{ NULL, 0, NULL, 0 },
};

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: restante [-bnTvV] [-d users] [-f file] [-l address]\n"
	    "                [-p port] [-1 port] [-o keyword=value]\n"
	    "                [--inetd [--pop1]]\n");
	exit(64);
}

static _Noreturn void
wrong(const char *sentence)
{
	fprintf(stderr, "restante: %s\n", sentence);
	exit(78);
}

static void
set(struct conf *c, const char *keyword, const char *value)
{
	char error[CONF_ERROR];

	if (conf_set(c, keyword, value, error) == -1)
		wrong(error);
}

/* First pass: which file, and what to do. */
static void
parse_wishes(int argc, char **argv, struct wish *w)
{
	int opt;

	while (
	    (opt = getopt_long(argc, argv, options, long_options, NULL)) != -1)
		switch (opt) {
		case 'b':
			w->background = true;
			break;
		case 'f':
			w->file = optarg;
			break;
		case 'n':
			w->check = true;
			break;
		case 'T':
			w->print = true;
			break;
		case 'v':
			w->verbose++;
			break;
		case 'V':
			printf("restante %s\n", VERSION);
			exit(0);
		case OPTION_INETD:
			w->inetd = true;
			break;
		case OPTION_POP1:
			w->pop1 = true;
			break;
		case '1':
		case 'd':
		case 'l':
		case 'o':
		case 'p':
			break; /* settings: behind the file's */
		default:
			usage();
		}
	if (optind != argc)
		usage();
}

/* Where the command line wants to listen. */
struct places {
	const char *address[CONF_LISTEN_MAX];
	size_t count;
	const char *port, *pop1_port;
};

static void
listen_at(struct conf *c, const struct places *p, const char *port,
    const char *protocol)
{
	char listen[CONF_TEXT];

	for (size_t i = 0; i < p->count; i++) {
		const char *address = p->address[i];
		bool six = strchr(address, ':') != NULL;
		int n;

		n = snprintf(listen, sizeof(listen), "%s%s%s:%s%s",
		    six ? "[" : "", address, six ? "]" : "", port, protocol);
		if (n < 0 || (size_t)n >= sizeof(listen))
			wrong("an address is too long");
		set(c, "listen", listen);
	}
}

/* -l and -p take the place of what the file says; -1 adds to either. */
static void
listen_where_told(struct conf *c, struct places *p)
{
	bool instead = p->count > 0 || p->port != NULL;

	if (instead)
		c->listen_count = 0;
	if (p->count == 0)
		p->address[p->count++] = "*";
	if (instead || c->listen_count == 0)
		listen_at(c, p, p->port == NULL ? "110" : p->port, "");
	if (p->pop1_port != NULL)
		listen_at(c, p, p->pop1_port, " pop1");
}

/* Second pass: settings of the command line win over those of the file. */
static void
parse_settings(int argc, char **argv, struct conf *c)
{
	char error[CONF_ERROR];
	struct places p = { .count = 0 };
	int opt;

	optind = 1;
	while (
	    (opt = getopt_long(argc, argv, options, long_options, NULL)) != -1)
		if (opt == 'd') {
			set(c, "users", optarg);
		} else if (opt == 'p') {
			p.port = optarg;
		} else if (opt == '1') {
			p.pop1_port = optarg;
		} else if (opt == 'l') {
			if (p.count == CONF_LISTEN_MAX)
				wrong("too many addresses");
			p.address[p.count++] = optarg;
		} else if (opt == 'o' &&
		    conf_set_option(c, optarg, error) == -1) {
			wrong(error);
		}
	listen_where_told(c, &p);
}

/*
 * Whether descriptor 0 is a client, as inetd gives it; its address is then in
 * peer.  Terminals, pipes and listening sockets are not.
 */
static bool
is_connection(char peer[CHANNEL_PEER])
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(a);
	const void *octets;

	if (getpeername(0, &a.any, &len) == -1)
		return false;
	if (a.any.sa_family == AF_INET)
		octets = &a.v4.sin_addr;
	else if (a.any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr))
		octets = a.v6.sin6_addr.s6_addr + 12;
	else if (a.any.sa_family == AF_INET6)
		octets = &a.v6.sin6_addr;
	else
		return false;
	return inet_ntop(octets == &a.v6.sin6_addr ? AF_INET6 : AF_INET, octets,
		   peer, CHANNEL_PEER) != NULL;
}

/* A connection on descriptors 0 and 1: nothing may be said on 2. */
static void
start_inetd(const struct conf *c, const char *peer, enum protocol_kind protocol)
{
	static struct service svc;
	const int on = 1;
	int in, out;

	if (c->log == CONF_LOG_STDERR)
		log_to_stderr();
	else
		log_to_syslog();
	if (peer != NULL) {
		/* Fails on what is no socket, where it is not needed. */
		(void)setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(0, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		(void)fcntl(0, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	in = fcntl(0, F_DUPFD_CLOEXEC, 3);
	out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	if (in == -1 || out == -1 || fds_silence(c->log != CONF_LOG_STDERR))
		fatal("descriptors 0 and 1");
	master_prepare(c, &svc);
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
	return fd;
}

static void
go_to_background(const struct conf *c, int pid_fd)
{
	pid_t pid = fork();

	if (pid == -1)
		fatal("fork");
	if (pid > 0)
		_exit(0);
	if (setsid() == -1 || ftruncate(pid_fd, 0) == -1 ||
	    dprintf(pid_fd, "%ld\n", (long)getpid()) < 0)
		fatal("the pid file, %s", c->pid_file);
	if (c->log != CONF_LOG_STDERR)
		log_to_syslog();
	if (fds_silence(c->log != CONF_LOG_STDERR) == -1)
		fatal("/dev/null");
}

static void
start_alone(const struct conf *c, bool background)
{
	static struct service svc;
	struct listening sockets[SOCKETS_MAX];
	int pid_fd = -1;
	size_t count;

	if (c->log == CONF_LOG_SYSLOG)
		log_to_syslog();
	master_prepare(c, &svc);
	count = sockets_open(c, sockets);
	if (count == 0)
		exit(1);
	if (background) {
		pid_fd = open_pid_file(c);
		go_to_background(c, pid_fd);
	}
	log_info("ready");
	master_listen(&svc, sockets, count);
	log_info("ended");
	if (pid_fd != -1)
		(void)unlink(c->pid_file);
}

int
main(int argc, char **argv)
{
	static struct conf c;
	char peer[CHANNEL_PEER];
	struct wish w = { 0 };
	bool connected;

	parse_wishes(argc, argv, &w);
	conf_init(&c);
	if (conf_load(&c, w.file, stderr) == -1)
		exit(78);
	parse_settings(argc, argv, &c);
	if (w.print)
		conf_print(&c, stdout);
	if (w.print || w.check)
		return 0;
	if (w.verbose > 0)
		c.log_level = LOG_LEVEL_DEBUG;
	log_set_level((enum log_level)c.log_level);
	title_init(argc, argv);
	(void)umask(077);

	connected = is_connection(peer);
	if (w.inetd || connected)
		start_inetd(&c, connected ? peer : NULL,
		    w.pop1 ? PROTOCOL_POP1 : PROTOCOL_POP3);
	else if (w.pop1)
		wrong("--pop1 is for one connection; -1 listens");
	else
		start_alone(&c, w.background);
	return 0;
}
