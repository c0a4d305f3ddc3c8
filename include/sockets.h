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
};

/*
 * Binds what the configuration says, all addresses being an IPv4 and an IPv6
 * socket.  Returns how many sockets there are; on failure it says on the log
 * which address is to blame and returns 0.
 */
size_t sockets_open(const struct conf *, struct listening sockets[SOCKETS_MAX]);

#endif
