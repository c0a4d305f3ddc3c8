/* SPDX-License-Identifier: ISC */
/* The listening sockets.  Runs as: master. */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sockets.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
address_of(
    const char *text, sa_family_t family, uint16_t port, union address *a)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	if (family == AF_INET) {
		a->v4.sin_port = htons(port);
		if (*text != '\0')
			(void)inet_pton(family, text, &a->v4.sin_addr);
		return sizeof(a->v4);
	}
	a->v6.sin6_port = htons(port);
	if (*text != '\0')
		(void)inet_pton(family, text, &a->v6.sin6_addr);
	return sizeof(a->v6);
}

/* What is set here is inherited by every connection, at no cost to it. */
static int
configure(int fd, sa_family_t family)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		return -1;
	return family != AF_INET6
	    ? 0
	    : setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

/* Whether the socket is bound to the address. */
static bool
is_at(int fd, const union address *a, socklen_t len)
{
	union address own;
	socklen_t own_len = sizeof(own);

	memset(&own, 0, sizeof(own));
	return getsockname(fd, &own.any, &own_len) == 0 && own_len == len &&
	    memcmp(&own, a, len) == 0;
}

static void
share_ports(const struct listening *l, size_t count, int on)
{
	for (size_t i = 0; i < count; i++)
		(void)setsockopt(
		    l[i].fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/* What there is to be reused. */
struct before {
	const struct listening *sockets;
	size_t count;
	bool trial; /* any port will do */
};

/*
 * Of two sockets on one port, one for all addresses and one for some, both must
 * agree to share it.  They do while one takes the place of the other.
 */
static int
bind_beside(
    const struct before *old, int fd, const union address *a, socklen_t len)
{
	const struct listening new = { .fd = fd };
	int status, saved;

	share_ports(old->sockets, old->count, 1);
	share_ports(&new, 1, old->count > 0);
	status = bind(fd, &a->any, len) == 0 ? listen(fd, SOMAXCONN) : -1;
	saved = errno;
	share_ports(old->sockets, old->count, 0);
	share_ports(&new, 1, 0);
	errno = saved;
	return status;
}

static int
open_one(
    const struct conf_listen *l, sa_family_t family, const struct before *old)
{
	union address a;
	socklen_t len = address_of(
	    l->address, family, old->trial ? 0 : l->port, &a);
	int fd, saved;

	for (size_t i = 0; i < old->count; i++)
		if (is_at(old->sockets[i].fd, &a, len))
			return old->sockets[i].fd;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (configure(fd, family) == 0 && bind_beside(old, fd, &a, len) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/*
 * Opens what one line of the configuration says.  Returns how many sockets that
 * are, 0 after a line in the log.
 */
static size_t
open_line(const struct conf_listen *l, const struct before *old,
    struct listening *sockets)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	bool all = l->address[0] == '\0', six = strchr(l->address, ':') != NULL;
	size_t count = 0;
	int fd;

	for (size_t i = 0; i < 2; i++) {
		if (!all && six != (families[i] == AF_INET6))
			continue;
		fd = open_one(l, families[i], old);
		if (fd != -1) {
			sockets[count++] = (struct listening){
				.fd = fd, .protocol = l->protocol, .tls = l->tls
			};
			continue;
		}
		/* A machine without IPv6 still has all addresses. */
		if (count > 0 &&
		    (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
			break;
		log_warn("listening on %s port %u",
		    all ? "all addresses" : l->address, l->port);
		sockets_close_but(sockets, count, old->sockets, old->count);
		return 0;
	}
	return count;
}

size_t
sockets_open(const struct conf *c, const struct listening *old,
    size_t old_count, struct listening sockets[SOCKETS_MAX])
{
	const struct before before = { old, old_count, false };
	size_t count = 0, opened;

	for (uint64_t i = 0; i < c->listen_count; i++) {
		opened = open_line(&c->listen[i], &before, sockets + count);
		if (opened == 0) {
			sockets_close_but(sockets, count, old, old_count);
			return 0;
		}
		count += opened;
	}
	return count;
}

void
sockets_close_but(const struct listening *sockets, size_t count,
    const struct listening *others, size_t other_count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		while (n < other_count && others[n].fd != sockets[i].fd)
			n++;
		if (n == other_count)
			(void)close(sockets[i].fd);
	}
}

int
sockets_check(const struct conf *c)
{
	const struct before trial = { .trial = true };
	struct listening sockets[2];
	size_t count;
	int status = 0;

	for (uint64_t i = 0; i < c->listen_count; i++) {
		count = open_line(&c->listen[i], &trial, sockets);
		if (count == 0)
			status = -1;
		sockets_close_but(sockets, count, NULL, 0);
	}
	return status;
}
