/* SPDX-License-Identifier: ISC */
/*
 * A setting that is a number for everybody, and another one for some:
 * "30 alice=never bob=7".  Looks at memory only.  Runs as: master, attendant,
 * session.
 */
#ifndef PERUSER_H
#define PERUSER_H

#include <stdint.h>

#include "channel.h"

/* Of a setting, its NUL included. */
enum { PERUSER_SIZE = 2048 };

/* "never", which is more than any number. */
#define PERUSER_NEVER UINT64_MAX

/* A word of the setting. */
struct peruser {
	char name[CHANNEL_NAME]; /* "": everybody else */
	uint64_t value;
};

/*
 * Takes the next word.  Returns 1, 0 when there is none, or -1 when it is neither
 * VALUE nor USER=VALUE.
 */
int peruser_next(const char **text, struct peruser *);

/* What a setting that conf.c has taken says of a user. */
uint64_t peruser_of(const char *setting, const char *user);

/* The smallest and the largest of its values. */
void peruser_range(const char *setting, uint64_t *least, uint64_t *most);

#endif
