/* SPDX-License-Identifier: ISC */
/* The listening sockets.  Runs as: master, as whoever started it. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stddef.h>

#include "conf.h"

enum { SOCKETS_MAX = 2 * CONF_LISTEN_MAX };

/* A listening socket, non-blocking, and what is spoken there. */
struct listening {
	int fd;
	enum protocol_kind protocol;
	bool tls; /* what comes here was sent over TLS */
};

/*
 * Binds what the configuration says, all addresses being an IPv4 and an IPv6
 * socket; what is open already, among old, is not bound again.  Returns how many
 * sockets there are; on failure it says on the log which address is to blame,
 * closes what it opened and returns 0.
 */
size_t sockets_open(const struct conf *, const struct listening *old,
    size_t old_count, struct listening sockets[SOCKETS_MAX]);

/* Closes those that are not among the others. */
void sockets_close_but(const struct listening *, size_t count,
    const struct listening *others, size_t other_count);

/*
 * Whether all addresses are this machine's, as far as can be seen without taking
 * the ports.  0, or -1 after a line in the log for each that is not.
 */
int sockets_check(const struct conf *);

#endif
