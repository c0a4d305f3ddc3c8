/* SPDX-License-Identifier: ISC */
/*
 * Login sessions, many at once: connect, USER, PASS, STAT, QUIT, each command
 * sent when the one before is answered.  Every answer is looked at: a server
 * that is fast because it refuses is no server.
 *
 * usage: logins PORT CLIENTS SESSIONS PASSWORD [STAT-REPLY]
 *
 * Client number n logs in as user.n, since a mailbox takes one session at a time.
 * Prints how many seconds it took, and the median of one session in milliseconds.
 */

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 1024, PATIENCE = 30 * 1000 };

/* What a client waits for. */
enum step { GREETING, USER, PASS, STAT, QUIT, END };

static const char *const steps[] = { "the greeting", "USER", "PASS", "STAT",
	"QUIT", "the end" };

struct client {
	int fd, number;
	enum step step;
	double since;
	size_t len;
	char line[LINE];
};

static struct {
	struct sockaddr_in address;
	const char *password;
	const char *stat; /* the answer to STAT, or NULL for any */
	int epoll_fd;
	size_t started, ended, sessions;
	double *took; /* by each session */
} load;

static double
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
start(struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->since = now();
	c->step = GREETING;
	c->len = 0;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1)
		err(1, "socket");
	/* On the loopback this does not wait for the server. */
	if (connect(c->fd, (struct sockaddr *)&load.address,
		sizeof(load.address)) == -1)
		err(1, "connect");
	if (epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
	load.started++;
}

static void
end(struct client *c)
{
	if (c->step != END)
		errx(1, "client %d: closed instead of %s", c->number,
		    steps[c->step]);
	(void)close(c->fd);
	load.took[load.ended++] = (now() - c->since) * 1e3;
	if (load.started < load.sessions)
		start(c);
}

static void
check(const struct client *c)
{
	if (strncmp(c->line, "+OK", 3) != 0)
		errx(
		    1, "client %d, %s: %s", c->number, steps[c->step], c->line);
	if (c->step == STAT && load.stat != NULL &&
	    strcmp(c->line, load.stat) != 0)
		errx(1, "client %d: \"%s\" and not \"%s\"", c->number, c->line,
		    load.stat);
}

/* An answer is complete: the next command. */
static void
go_on(struct client *c)
{
	char command[LINE];
	int n = 0;

	check(c);
	switch (c->step++) {
	case GREETING:
		n = snprintf(
		    command, sizeof(command), "USER user.%d\r\n", c->number);
		break;
	case USER:
		n = snprintf(
		    command, sizeof(command), "PASS %s\r\n", load.password);
		break;
	case PASS:
		n = snprintf(command, sizeof(command), "STAT\r\n");
		break;
	case STAT:
		n = snprintf(command, sizeof(command), "QUIT\r\n");
		break;
	case QUIT:
	case END:
		return;
	}
	if (write(c->fd, command, (size_t)n) != n)
		err(1, "client %d: write", c->number);
}

static void
take(struct client *c)
{
	ssize_t n = read(c->fd, c->line + c->len, sizeof(c->line) - c->len);
	char *lf;

	if (n == -1)
		err(1, "client %d, %s: read", c->number, steps[c->step]);
	if (n == 0) {
		end(c);
		return;
	}
	c->len += (size_t)n;
	lf = memchr(c->line, '\n', c->len);
	if (lf == NULL && c->len < sizeof(c->line))
		return;
	/* One line is due, and nothing may follow it. */
	if (lf != c->line + c->len - 1 || c->len < 2 || lf[-1] != '\r' ||
	    c->step == END)
		errx(1, "client %d, %s: not one line", c->number,
		    steps[c->step]);
	lf[-1] = '\0';
	c->len = 0;
	go_on(c);
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct client *clients;
	double begin;
	size_t count;
	int n;

	if (argc != 5 && argc != 6)
		errx(64,
		    "usage: logins PORT CLIENTS SESSIONS PASSWORD "
		    "[STAT-REPLY]");
	load.address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
	};
	count = strtoul(argv[2], NULL, 10);
	load.sessions = strtoul(argv[3], NULL, 10);
	load.password = argv[4];
	load.stat = argv[5];
	load.epoll_fd = epoll_create1(0);
	load.took = calloc(load.sessions, sizeof(*load.took));
	clients = calloc(count, sizeof(*clients));
	if (count == 0 || load.sessions < count || load.epoll_fd == -1 ||
	    load.took == NULL || clients == NULL)
		errx(1, "no clients, or no memory");

	begin = now();
	for (size_t i = 0; i < count; i++) {
		clients[i].number = (int)i;
		start(&clients[i]);
	}
	while (load.ended < load.sessions) {
		n = epoll_wait(load.epoll_fd, events, 64, PATIENCE);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		if (n == 0)
			errx(1, "no answer");
		for (int i = 0; i < n; i++)
			take(events[i].data.ptr);
	}
	printf("%.6f ", now() - begin);
	qsort(load.took, load.sessions, sizeof(*load.took), ascending);
	printf("%.3f\n", load.took[load.sessions / 2]);
	return 0;
}
