/* SPDX-License-Identifier: ISC */
/*
 * What guessing costs, and what it does not tell: failures are counted by
 * address and slow the next try; a check of any password line takes as long as
 * one of the most expensive in use, and not too many run at once; a refusal leaves
 * at a time that was fixed when it was asked for.  Runs as: attendant.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "penalties.h"
#include "secret.h"
#include "users.h"

struct guard_settings {
	struct networks trusted; /* no penalties */
	unsigned int places;     /* for checks of hashes, at once */
	int64_t penalty_most;    /* milliseconds */
};

struct guard {
	const struct guard_settings *set;
	int state_fd;  /* of .restante */
	int penalties; /* the file, or -1 */
	struct address client;
	bool watched; /* it has an address, and is not trusted */
};

/* peer is an address as text, or something else that is trusted. */
void guard_open(struct guard *, const struct guard_settings *,
    const struct users *, const char *peer);
void guard_close(struct guard *);

/* Milliseconds by which a try has to wait, whether it is right or wrong. */
int64_t guard_penalty(const struct guard *);

/*
 * Whether the password is right.  A wrong one costs the same whatever the line is.
 */
bool guard_check(const struct guard *, const struct secret *, const char *);

/* A try has failed: it counts, unless it is the last one again. */
void guard_count(const struct guard *, const char *name, const char *secret);

/*
 * When a refusal may leave: pause milliseconds after asked, but not before the most
 * expensive check would be over.
 */
int64_t guard_due(const struct guard *, int64_t asked, int64_t pause);

/*
 * Learns what the most expensive password line costs, from all that there are.
 * Runs as: a child of the keeper, when that starts.
 */
void guard_survey(const struct guard *, const struct users *);

#endif
