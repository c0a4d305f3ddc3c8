/* SPDX-License-Identifier: ISC */
/*
 * Which descriptors a process has: those that it was given, in known places, and
 * no others.
 */
#ifndef FDS_H
#define FDS_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * Moves the descriptors that list points to, in its order, to 3 and up, sets
 * them to their new numbers, and closes everything above.  0 or -1.
 */
int fds_arrange(int *const *list, size_t count);

/*
 * Moves these to place and the numbers behind it, which are closed first, and
 * closes everything above.  None of them may be in the place of another.  0 or -1.
 */
int fds_keep_only(const int *fds, size_t count, int place);

/*
 * Fills those of 0, 1 and 2 that are closed with what can be neither read nor
 * written: nothing that is opened later can be taken for them.  0 or -1.
 */
int fds_fill(void);

/* Whether the machine has a call for fstat(2) that takes no path. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define FDS_STAT_ALONE 1
#else
#define FDS_STAT_ALONE 0
#endif

/* fstat(2), by that call where there is one.  0, or -1 with errno set. */
int fds_stat(int fd, struct stat *);

/* Closes what is open, and makes it -1; errno stays as it was. */
void fds_close(int *fd);

/* Points 0 and 1, and with errors 2 as well, at /dev/null.  0 or -1. */
int fds_silence(bool errors);

#endif
