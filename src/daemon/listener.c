/* SPDX-License-Identifier: ISC */
/* The accept loop.  Runs as: listener, and forks what runs as: session. */

#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "confine.h"
#include "fds.h"
#include "io.h"
#include "listener.h"
#include "log.h"
#include "sig.h"
#include "sockets.h"
#include "stamp.h"
#include "title.h"

/* Milliseconds of rest when the system has no descriptor or memory left. */
enum { REST_TIME = 100 };

struct client {
	int fd;
	int channel[2]; /* the session's end, the attendant's end */
	uint64_t clock;
	struct registration reg;
};

void
listener_refuse(int client, const char *why)
{
	char line[REPLY_LINE];
	int n;

	n = snprintf(line, sizeof(line), "-ERR [SYS/TEMP] %s\r\n", why);
	(void)!write(client, line, (size_t)n);
}

static void
address_text(const struct sockaddr_storage *ss, char text[CHANNEL_PEER])
{
	const void *octets = &((const struct sockaddr_in *)ss)->sin_addr;

	if (ss->ss_family == AF_INET6)
		octets = &((const struct sockaddr_in6 *)ss)->sin6_addr;
	if (inet_ntop(ss->ss_family, octets, text, CHANNEL_PEER) == NULL)
		(void)snprintf(text, CHANNEL_PEER, "unknown");
}

static _Noreturn void
become_session(const struct listener *l, struct client *c)
{
	int channel;

	sig_child_defaults();
	if (dup3(c->fd, l->life_fd, O_CLOEXEC) == -1)
		fatal("dup3");
	channel = fds_keep_only(c->channel[0], l->keeper_fd);
	if (channel == -1)
		fatal("closing descriptors");
	confine_session();
	io_set_stop(l->stop_fd);
	stamp_write(c->reg.stamp, getpid(), c->clock, l->set->host);
	session_run(l->set, l->life_fd, l->life_fd, channel, &c->reg);
	_exit(0);
}

/* Forks the session, and tells the keeper of it.  Returns 0 or -1. */
static int
start_session(const struct listener *l, struct client *c)
{
	pid_t pid;

	if (channel_pair(c->channel) == -1) {
		log_warn("making a channel");
		return -1;
	}
	c->clock = stamp_clock();
	pid = fork();
	if (pid == 0)
		become_session(l, c);
	if (pid == -1) {
		log_warn("forking a session");
	} else {
		/* The same as the session's own: it must not be its choice. */
		stamp_write(c->reg.stamp, pid, c->clock, l->set->host);
		if (channel_register(l->keeper_fd, &c->reg, c->channel[1]) ==
		    -1)
			log_warn("registering a session");
	}
	(void)close(c->channel[0]);
	(void)close(c->channel[1]);
	return pid == -1 ? -1 : 0;
}

/*
 * Takes one connection.  Returns 1 when it became a session, 0 when there is
 * none or it was refused, -1 when the system needs a rest.
 */
static int
take(const struct listener *l, const struct listening *from,
    unsigned int sessions)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct client c = { .channel = { -1, -1 },
		.reg.protocol = from->protocol,
		.reg.protected = from->tls };
	int status = 0;

	c.fd = accept4(from->fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c.fd == -1) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
		    errno != ENOMEM)
			return 0;
		log_warn("accept");
		return -1;
	}
	address_text(&ss, c.reg.peer);
	if (sessions >= l->max_sessions) {
		log_warnx("refused: addr=%s why=max-sessions", c.reg.peer);
		listener_refuse(c.fd, "too many sessions, try again later");
	} else if (start_session(l, &c) == 0) {
		status = 1;
	} else {
		listener_refuse(c.fd, "no session can be started now");
		status = -1;
	}
	(void)close(c.fd);
	return status;
}

static unsigned int
reap(void)
{
	unsigned int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		n++;
	return n;
}

/*
 * Takes one connection from each socket that has one, and counts the sessions.
 * Returns whether the system needs a rest.
 */
static bool
take_all(
    const struct listener *l, const struct pollfd *pfd, unsigned int *sessions)
{
	for (size_t i = 0; i < l->count; i++) {
		if (pfd[i].revents == 0)
			continue;
		switch (take(l, &l->sockets[i], *sessions)) {
		case -1:
			return true;
		case 1:
			++*sessions;
			break;
		default:
			break;
		}
	}
	return false;
}

void
listener_run(const struct listener *l)
{
	struct pollfd pfd[SOCKETS_MAX + 2];
	unsigned int sessions = 0;
	nfds_t nfds = l->count + 2;
	bool rest = false;

	title_set("listener");
	pfd[0] = (struct pollfd){ .fd = sig_open(), .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = l->life_fd, .events = POLLIN };
	for (size_t i = 0; i < l->count; i++)
		pfd[i + 2] = (struct pollfd){ .fd = l->sockets[i].fd,
			.events = POLLIN };
	sig_ignore_quit();

	for (;;) {
		if (poll(pfd, rest ? 2 : nfds, rest ? REST_TIME : -1) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (pfd[1].revents != 0)
			break;
		sig_drain();
		if (sig_child())
			sessions -= reap();
		/* During a rest the sockets were not asked. */
		rest = !rest && take_all(l, pfd + 2, &sessions);
	}
	/* Before life_fd: the master waits for it. */
	for (size_t i = 0; i < l->count; i++)
		(void)close(l->sockets[i].fd);
}
