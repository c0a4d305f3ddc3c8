/* SPDX-License-Identifier: ISC */
/*
 * The accept loop: accept, count, fork a session.  It has no rights left when it
 * accepts the first connection.  Runs as: listener.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "address.h"
#include "session.h"
#include "sockets.h"

/*
 * How many sessions there may be besides max_sessions: those that were told to
 * make way, and have not ended yet.
 */
enum { LISTENER_LEAVING = 100 };

struct listener {
	const struct session_settings *set;
	const struct listening *sockets;
	size_t count;
	unsigned int max_sessions, max_per_address;
	const struct networks *trusted; /* no limit for each address */
	const struct networks *proxies; /* who may speak for others */
	int stop_fd;                    /* readable: sessions end */
	int life_fd;                    /* at its end: no more connections */
	int keeper_fd; /* for registrations; the next place after life_fd */
	int call_fd;   /* a pipe to the keeper; the next place after that */
	int notice_fd; /* who has logged in */
	int child_fd;  /* of sig_open_children() */
};

/*
 * Runs until the other end of life_fd is closed or shut down.  A session keeps the
 * descriptors below life_fd, has its client in that place, the next two until it
 * crosses the threshold, and no others.
 */
void listener_run(const struct listener *);

#endif
