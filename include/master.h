/* SPDX-License-Identifier: ISC */
/*
 * The process that starts and ends the others: it has the configuration, the
 * sockets, the log, the signals, and no octet of a client.
 * Runs as: master, which stays whoever started it.
 */
#ifndef MASTER_H
#define MASTER_H

#include "options.h"
#include "service.h"
#include "sockets.h"

/*
 * Serves connections to the sockets until it is told to end: SIGTERM or SIGINT
 * once to let sessions finish, again to end them.  SIGHUP has the configuration
 * made anew; what is wrong then changes nothing.  signal_fd is of sig_open().
 */
void master_listen(struct service *, const struct options *,
    const struct sockets *, int signal_fd);

/*
 * Serves the one connection on descriptors in and out, as started by inetd;
 * peer is the client's address as text.
 */
void master_serve(
    struct service *, int in, int out, const char *peer, enum protocol_kind);

#endif
