/* SPDX-License-Identifier: ISC */
/*
 * Which attendants have time for a session: a table that the keeper shares with
 * them, since a word from each after each login would cost a switch of processes.
 * Runs as: keeper, attendant.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

struct pool {
	uint32_t most;
	struct pool_places *places; /* shared */
};

/* Instead of a place: all are taken, or no one. */
enum { POOL_NONE = -1 };

/* For so many attendants.  0, or -1 with errno set.  Runs as: keeper. */
int pool_open(struct pool *, uint32_t most);
void pool_close(struct pool *);

/*
 * The lowest place that is free, for an attendant who is idle from now on; or
 * POOL_NONE.  Runs as: keeper.
 */
int pool_add(struct pool *);
/* The attendant is gone.  Runs as: keeper. */
void pool_remove(struct pool *, int place);

/* Runs as: the attendant who has the place. */
void pool_set_idle(struct pool *, int place, bool idle);

/* How many are idle besides that one, or POOL_NONE. */
int pool_idle(const struct pool *, int besides);

#endif
