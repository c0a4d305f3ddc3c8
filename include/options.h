/* SPDX-License-Identifier: ISC */
/* The command line: what to do, and settings that win over the file's. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "conf.h"

struct options {
	int argc;
	char **argv;
	const char *file; /* of -f */
	bool inetd, pop1, check, print, background, verbose;
};

/*
 * Reads what to do.  The words are copied, since title_init() takes them away.
 * Returns 0, or -1 when the command line makes no sense.
 */
int options_read(struct options *, int argc, char **argv);

/*
 * Makes a configuration: defaults, the file, and what the command line sets over
 * them; again whenever it is called.  Returns 0, or -1 when something is wrong,
 * which is told on err, or for NULL in the log.
 */
int options_conf(const struct options *, struct conf *, FILE *err);

#endif
