/* SPDX-License-Identifier: ISC */
/* The listening sockets.  Runs as: master. */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "num.h"
#include "sockets.h"

union place {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* What a line says in that family, on that port.  Its length, 0 for nothing. */
static socklen_t
place_of(const struct conf_listen *l, sa_family_t family, uint16_t port,
    union place *a)
{
	const bool six = family == AF_INET6;
	void *address = six ? (void *)&a->v6.sin6_addr : &a->v4.sin_addr;

	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	*(six ? &a->v6.sin6_port : &a->v4.sin_port) = htons(port);
	if (l->address[0] != '\0' &&
	    inet_pton(family, l->address, address) != 1)
		return 0;
	return six ? sizeof(a->v6) : sizeof(a->v4);
}

/*
 * Octets that wait here until a client who is slow can take them.  The system
 * would keep megabytes, and call the socket writable when a third of them is
 * gone: the client would seem to read nothing, or to have all and be idle.
 */
enum { UNSENT = 256 * 1024 };

int
sockets_set_options(int fd)
{
	const int on = 1, unsent = UNSENT;

	/* Better than without, where the system does not know it. */
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == -1)
		return -1;
	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int
configure(int fd, sa_family_t family)
{
	const int on = 1;

	if (sockets_set_options(fd) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	return family != AF_INET6
	    ? 0
	    : setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

/* Whether the socket is bound to the address. */
static bool
is_at(int fd, const union place *a, socklen_t len)
{
	union place own;
	socklen_t own_len = sizeof(own);

	memset(&own, 0, sizeof(own));
	return getsockname(fd, &own.any, &own_len) == 0 && own_len == len &&
	    memcmp(&own, a, len) == 0;
}

static void
share_ports(const struct sockets *s, int on)
{
	for (size_t i = 0; i < s->count; i++)
		(void)setsockopt(
		    s->list[i].fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/*
 * Of two sockets on one port, one for all addresses and one for some, both must
 * agree to share it.  They do while one takes the place of the other.
 *
 * The kernel remembers the address that was bound so, whatever the two agree on
 * later: until a socket that shares nothing is bound to the port, a program of the
 * same uid that shares, too, can bind that address.  It could also end this one.
 */
static int
bind_beside(
    const struct sockets *old, int fd, const union place *a, socklen_t len)
{
	const struct sockets own = { .list = { { .fd = fd } }, .count = 1 };
	int status, saved;

	share_ports(old, 1);
	share_ports(&own, old->count > 0);
	status = bind(fd, &a->any, len) == 0 ? listen(fd, SOMAXCONN) : -1;
	saved = errno;
	share_ports(old, 0);
	share_ports(&own, 0);
	errno = saved;
	return status;
}

static int
open_one(const struct sockets *old, const union place *a, socklen_t len)
{
	int fd, saved;

	for (size_t i = 0; i < old->count; i++)
		if (is_at(old->list[i].fd, a, len))
			return old->list[i].fd;
	fd = socket(
	    a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (configure(fd, a->any.sa_family) == 0 &&
	    bind_beside(old, fd, a, len) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static const sa_family_t families[] = { AF_INET, AF_INET6 };

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

/* Whether the machine has no IPv4, or no IPv6: it still has all addresses. */
static bool
lacks_family(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/*
 * Adds what one line of the configuration says, on that port.  0, or -1 after a
 * line in the log.
 */
static int
open_line(const struct conf_listen *l, uint16_t port, const struct sockets *old,
    struct sockets *s)
{
	size_t count = s->count;
	int fd, error = 0;
	union place a;
	socklen_t len;

	for (size_t i = 0; i < FAMILIES; i++) {
		len = place_of(l, families[i], port, &a);
		if (len == 0)
			continue;
		fd = open_one(old, &a, len);
		if (fd != -1) {
			s->list[s->count++] = (struct listening){ fd, *l };
			continue;
		}
		error = errno;
		if (!lacks_family(error))
			break;
	}
	if (error == 0 || (lacks_family(error) && s->count > count))
		return 0;
	errno = error;
	log_warn("listening on %s port %u",
	    l->address[0] == '\0' ? "all addresses" : l->address, l->port);
	return -1;
}

/* Gives a socket that was passed what the lines with its address say. */
static void
label_passed(const struct conf *c, struct listening *l)
{
	union place a;
	socklen_t len;

	l->line = (struct conf_listen){ .protocol = PROTOCOL_POP3 };
	for (uint64_t n = 0; n < c->listen_count; n++)
		for (size_t i = 0; i < FAMILIES; i++) {
			const struct conf_listen *line = &c->listen[n];

			len = place_of(line, families[i], line->port, &a);
			if (len > 0 && is_at(l->fd, &a, len))
				l->line = *line;
		}
}

/* Whether nobody may come where proxies are listened for; that is told. */
static bool
lacks_proxies(const struct conf *c)
{
	if (c->trusted_proxies[0] != '\0')
		return false;
	for (uint64_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].proxy) {
			log_warnx("listening for proxies, but trusted-proxies "
				  "is empty");
			return true;
		}
	return false;
}

int
sockets_open(const struct conf *c, const struct sockets *old, struct sockets *s)
{
	(void)lacks_proxies(c);
	if (old->passed) {
		*s = *old;
		for (size_t i = 0; i < s->count; i++)
			label_passed(c, &s->list[i]);
		return 0;
	}
	*s = (struct sockets){ .count = 0 };
	for (uint64_t i = 0; i < c->listen_count; i++)
		if (open_line(&c->listen[i], c->listen[i].port, old, s) == -1) {
			sockets_close_but(s, old);
			return -1;
		}
	return 0;
}

void
sockets_close_but(const struct sockets *s, const struct sockets *others)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t n = 0;

		while (n < others->count && others->list[n].fd != s->list[i].fd)
			n++;
		if (n == others->count)
			(void)close(s->list[i].fd);
	}
}

int
sockets_check(const struct conf *c)
{
	static const struct sockets none;
	struct sockets s = { .count = 0 };
	int status = lacks_proxies(c) ? -1 : 0;

	for (uint64_t i = 0; i < c->listen_count; i++)
		if (open_line(&c->listen[i], 0, &none, &s) == -1)
			status = -1;
	sockets_close_but(&s, &none);
	return status;
}

/* What is passed with a name of another process is not for this one. */
static size_t
count_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t owner, count = 0;

	if (pid == NULL || fds == NULL ||
	    num_parse(pid, UINT32_MAX, &owner) == -1 ||
	    owner != (uint64_t)getpid())
		return 0;
	if (num_parse(fds, SOCKETS_MAX, &count) == -1)
		fatalx("LISTEN_FDS is not a number up to %d", SOCKETS_MAX);
	return (size_t)count;
}

bool
sockets_is_listening(int fd)
{
	union place a = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(a), on_len = sizeof(int);
	int on = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &on_len) == -1 ||
	    on == 0 || getsockname(fd, &a.any, &len) == -1)
		return false;
	return a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6;
}

void
sockets_find(struct sockets *s)
{
	enum { FIRST = 3 };

	*s = (struct sockets){ .count = count_passed() };
	s->passed = s->count > 0;
	for (size_t i = 0; i < s->count; i++) {
		int fd = FIRST + (int)i;

		if (!sockets_is_listening(fd))
			fatalx("descriptor %d is no listening socket", fd);
		if (sockets_set_options(fd) == -1 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
		    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1)
			fatal("descriptor %d", fd);
		s->list[i].fd = fd;
	}
}
