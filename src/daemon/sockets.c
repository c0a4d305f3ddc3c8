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

static int
open_one(const struct conf_listen *l, sa_family_t family)
{
	union address a;
	socklen_t len = address_of(l->address, family, l->port, &a);
	int fd, saved;

	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (configure(fd, family) == 0 && bind(fd, &a.any, len) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
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
open_line(const struct conf_listen *l, struct listening *sockets)
{
	bool all = l->address[0] == '\0', six = strchr(l->address, ':') != NULL;
	size_t count = 0;

	if (all || !six) {
		sockets[count].fd = open_one(l, AF_INET);
		if (sockets[count].fd == -1)
			goto fail;
		sockets[count++].protocol = l->protocol;
	}
	if (all || six) {
		sockets[count].fd = open_one(l, AF_INET6);
		/* A machine without IPv6 still has all addresses. */
		if (sockets[count].fd == -1 &&
		    (!all || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)))
			goto fail;
		if (sockets[count].fd != -1)
			sockets[count++].protocol = l->protocol;
	}
	return count;
fail:
	log_warn("listening on %s port %u", all ? "all addresses" : l->address,
	    l->port);
	return 0;
}

size_t
sockets_open(const struct conf *c, struct listening sockets[SOCKETS_MAX])
{
	size_t count = 0, opened;

	for (uint64_t i = 0; i < c->listen_count; i++) {
		opened = open_line(&c->listen[i], sockets + count);
		if (opened == 0)
			return 0;
		count += opened;
	}
	return count;
}
