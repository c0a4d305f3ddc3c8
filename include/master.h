/* SPDX-License-Identifier: ISC */
/*
 * The process that starts and ends the others: it has the configuration, the
 * sockets, the log, the signals, and no octet of a client.
 * Runs as: master, which stays whoever started it.
 */
#ifndef MASTER_H
#define MASTER_H

#include <stdbool.h>
#include <stddef.h>

#include "attendant.h"
#include "conf.h"
#include "confine.h"
#include "launcher.h"
#include "options.h"
#include "session.h"
#include "sockets.h"
#include "stamp.h"

/* What the configuration comes to, for all ways of starting. */
struct service {
	char host[STAMP_HOST];
	struct session_settings session;
	struct attendant_settings attendant;
	struct launcher launcher;
	bool has_ucspi; /* session.ucspi was given by who started this one */
	struct confine_identity session_id, keeper_id;
	struct networks proxies;
	unsigned int max_sessions, max_per_address;
	/* Pipes, read end first: the log of each kind of process, ... */
	int session_log[2], keeper_log[2], tls_log[2];
	/* ... and one in which an octet ends all sessions. */
	int stop[2];
};

/*
 * Who keeper and attendants are where root starts them: keeper-user, or the
 * owner of the directory.  0, or -1 after a line in the log.
 */
int master_find_keeper(
    const struct conf *, int users_fd, struct confine_identity *);

/*
 * Opens and looks up what all ways of starting need.  0, or -1 after a line in
 * the log that says what is missing.
 */
int master_prepare(const struct conf *, struct service *);

/*
 * Looks whether a start would come to something, and changes nothing.  0, or -1
 * after lines in the log.
 */
int master_check(const struct conf *);

/*
 * Serves connections to the sockets until it is told to end: SIGTERM or SIGINT
 * once to let sessions finish, again to end them.  SIGHUP has the configuration
 * made anew; what is wrong then changes nothing.
 */
void
master_listen(struct service *, const struct options *, const struct sockets *);

/*
 * Serves the one connection on descriptors in and out, as started by inetd;
 * peer is the client's address as text.
 */
void master_serve(
    struct service *, int in, int out, const char *peer, enum protocol_kind);

#endif
