/* SPDX-License-Identifier: ISC */
/*
 * Who is connected, as /proc tells.  Runs as: restantectl; as root it can tell
 * servers of different directories from each other.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "tool.h"

struct session_seen {
	pid_t pid;
	char user[CHANNEL_NAME]; /* "": nobody yet */
	char peer[CHANNEL_PEER];
	uint64_t since; /* seconds since 1970 */
	char state;     /* of proc(5): 'S' waits, 'R' and 'D' work */
};

/*
 * All sessions of servers that root, the owner of the directory or who asks has
 * started, oldest first; where that can be seen, of this directory alone.
 * Returns how many, none when it has said why not; the caller frees *seen.
 */
size_t sessions_find(struct tool *, struct session_seen **seen);

/*
 * Asks a session to end, and waits for that, or says why it has not ended: nothing
 * that it was to delete is deleted.
 */
void sessions_end(struct tool *, const struct session_seen *);

#endif
