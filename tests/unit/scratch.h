/* SPDX-License-Identifier: ISC */
/* A directory for one test, removed at its end. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <sys/stat.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static char scratch_path[256];
static pid_t scratch_owner;

static inline int
scratch_remove(
    const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void
scratch_close(void)
{
	/* Children that exit have nothing to remove. */
	if (getpid() == scratch_owner)
		(void)nftw(
		    scratch_path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes it, and yields a descriptor of it. */
static inline int
scratch_open(void)
{
	const char *where = getenv("TMPDIR");
	int fd;

	(void)snprintf(scratch_path, sizeof(scratch_path), "%s/unit.XXXXXX",
	    where == NULL ? "/tmp" : where);
	need(mkdtemp(scratch_path) != NULL, scratch_path);
	scratch_owner = getpid();
	need(atexit(scratch_close) == 0, "atexit");
	fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	need(fd != -1, scratch_path);
	return fd;
}

/* Makes a file in it, or below it. */
static inline void
scratch_file(int dir, const char *name, const char *content)
{
	int fd = openat(
	    dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t len = (ssize_t)strlen(content);

	need(fd != -1 && write(fd, content, (size_t)len) == len &&
		close(fd) == 0,
	    name);
}

#endif
