/* SPDX-License-Identifier: ISC */
/* A bar for who waits at a terminal.  Runs as: restantectl. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Start with what it is called, and how much there is to do. */
struct progress {
	const char *what;
	uint64_t total, done;
	int64_t next; /* when it is drawn again, by clock_ms() */
	bool shown;
};

/*
 * So much more is done.  Draws on the standard error stream if that is a terminal
 * and the work takes more than a moment.
 */
void progress_step(struct progress *, uint64_t more);

/* Takes the bar away. */
void progress_end(struct progress *);

#endif
