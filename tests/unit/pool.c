/* SPDX-License-Identifier: ISC */
/* The table of attendants: every history of a small one, against a plain list. */

#include <sys/wait.h>

#include "pool.h"
#include "tap.h"

enum { PLACES = 3, STEPS = 7, KINDS = 1 + 3 * PLACES };

/* What is known of each place: 0 free, 1 idle, 2 busy. */
static int known[PLACES];

static void
agree(const struct pool *p)
{
	for (int besides = POOL_NONE; besides < PLACES; besides++) {
		int count = 0;

		for (int i = 0; i < PLACES; i++)
			count += known[i] == 1 && i != besides;
		check(
		    pool_idle(p, besides) == count, "idle besides %d", besides);
	}
}

static int
lowest_free(void)
{
	for (int i = 0; i < PLACES; i++)
		if (known[i] == 0)
			return i;
	return POOL_NONE;
}

/* One step: somebody new, or one of them goes, is busy, is idle.  Whether it can be. */
static bool
step(struct pool *p, int kind)
{
	int place = (kind - 1) / 3, free_place = lowest_free();

	if (kind == 0) {
		check(pool_add(p) == free_place, "the lowest free place");
		if (free_place != POOL_NONE)
			known[free_place] = 1;
		return true;
	}
	if (known[place] == 0)
		return false;
	if ((kind - 1) % 3 == 0) {
		pool_remove(p, place);
		known[place] = 0;
	} else {
		pool_set_idle(p, place, (kind - 1) % 3 == 1);
		known[place] = (kind - 1) % 3;
	}
	return true;
}

/* Plays the history of a number; its digits are the steps. */
static void
play(long history)
{
	struct pool p;

	need(pool_open(&p, PLACES) == 0, "pool_open");
	memset(known, 0, sizeof(known));
	agree(&p);
	for (int i = 0; i < STEPS && step(&p, (int)(history % KINDS)); i++) {
		agree(&p);
		history /= KINDS;
	}
	pool_close(&p);
}

/* The table is one for all: what a child says its parent sees. */
static void
children(void)
{
	struct pool p;
	int status;
	pid_t pid;

	need(pool_open(&p, 1000) == 0, "pool_open");
	for (int i = 0; i < 1000; i++)
		check(pool_add(&p) == i, "place %d", i);
	check(pool_add(&p) == POOL_NONE, "one more");
	(void)point("as many places as were asked for");
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0) {
		for (int i = 0; i < 999; i++)
			pool_set_idle(&p, i, false);
		_exit(pool_idle(&p, 999));
	}
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "a child sees what it has changed");
	ok(pool_idle(&p, 999) == 0 && pool_idle(&p, POOL_NONE) == 1,
	    "and so does its parent");
	pool_close(&p);
}

int
main(void)
{
	long all = 1;

	for (int i = 0; i < STEPS; i++)
		all *= KINDS;
	/* Every hundredth or so, by a step that has no part in common. */
	for (long history = 0; history < all; history += 97)
		play(history);
	(void)point("a place is free, idle or busy, whatever came before");
	children();
	return done();
}
