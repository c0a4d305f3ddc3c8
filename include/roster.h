/* SPDX-License-Identifier: ISC */
/*
 * The sessions of a listener: how many there are, from where, and which of those
 * that have not logged in has been there longest.  Runs as: listener.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

/* A table for at most so many sessions. */
struct roster;

/* NULL when there is no memory. */
struct roster *roster_new(uint32_t most);
void roster_free(struct roster *);

/* How many sessions there are but for those let go, and how many from one client. */
uint32_t roster_count(const struct roster *);
uint32_t roster_count_from(const struct roster *, const struct address *);

/* Whether there is no place for one more. */
bool roster_is_full(const struct roster *);

/* The serial number that the next session will have: never 0, nor another's. */
uint64_t roster_next(const struct roster *);

/*
 * Notes a session that has not logged in: its process, where it comes from,
 * whether that counts, and the descriptor of its client, which is the table's from
 * now on.  Its serial number is what roster_next() said.  The table must not be
 * full.
 */
void roster_add(struct roster *, pid_t pid, const struct address *from,
    bool counted, int fd);

/* The session is logged in: its descriptor is closed.  One unknown is ignored. */
void roster_login(struct roster *, uint64_t serial);

/*
 * The session is for a client that comes from elsewhere, and whether that counts.
 * One unknown, or let go, is ignored.
 */
void roster_move(
    struct roster *, uint64_t serial, const struct address *from, bool counted);

/* The process has ended.  Returns whether it was a session, and from where. */
bool roster_remove(struct roster *, pid_t pid, struct address *from);

/*
 * Lets go the oldest session that has not logged in, from where it says; it stays
 * in the table until its process ends.  Returns the descriptor of its client,
 * which is the caller's now, or -1 when all have logged in.
 */
int roster_evict(struct roster *, struct address *from);

/* The same with this session, if it has not logged in. */
int roster_dismiss(struct roster *, uint64_t serial);

#endif
