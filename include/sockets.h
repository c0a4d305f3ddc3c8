/* SPDX-License-Identifier: ISC */
/* The listening sockets.  Runs as: master, as whoever started it. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stddef.h>

#include "conf.h"

enum { SOCKETS_MAX = 2 * CONF_LISTEN_MAX };

/* A listening socket, non-blocking, and what the configuration says of it. */
struct listening {
	int fd;
	struct conf_listen line;
};

struct sockets {
	struct listening list[SOCKETS_MAX];
	size_t count;
	bool passed; /* by who started the program: it opens no others */
};

/*
 * Sets what each connection has: on it, or on the socket that it is to come from,
 * whence it is inherited at no cost.  0, or -1 with errno set.
 */
int sockets_set_options(int fd);

/*
 * Finds those that the program was started with, by systemd's LISTEN_FDS.
 * Ends the process when they are not what can be served.
 */
void sockets_find(struct sockets *);

/* Whether it is a socket of TCP that connections come to. */
bool sockets_is_listening(int fd);

/*
 * Binds what the configuration says, all addresses being an IPv4 and an IPv6
 * socket; what is among the old ones is not bound again.  Those that were passed
 * stay as they are, and get what the line with their address says.  The log is
 * told where no client may come.  On failure it says there which address is to
 * blame, and closes what it opened.  0 or -1.
 */
int
sockets_open(const struct conf *, const struct sockets *old, struct sockets *);

/* Closes those that are not among the others. */
void sockets_close_but(const struct sockets *, const struct sockets *others);

/*
 * Whether all addresses are this machine's, as far as can be seen without taking
 * the ports, and clients may come.  0, or -1 after a line in the log for each that
 * is wrong.
 */
int sockets_check(const struct conf *);

#endif
