/* SPDX-License-Identifier: ISC */
/*
 * The journal of a mailbox: one update that was promised and may not be
 * finished.  Runs as: session.
 *
 * The file's first block holds a header and as many runs as fit, the rest
 * follows; the header's checksum covers all of them, so that a journal is whole
 * or is none.  The first block stays allocated, so that deleting works on a full
 * disk.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stddef.h>
#include <stdint.h>

/* A run of deleted messages that becomes a tombstone. */
struct journal_run {
	uint64_t offset; /* of its first separator line */
	uint64_t length; /* to the end of its last blank line */
	uint64_t check;	 /* sum64() of its first separator line */
};

enum journal_status {
	JOURNAL_EMPTY, /* nothing was promised */
	JOURNAL_RUNS,  /* an update waits to be finished */
	JOURNAL_ERROR, /* errno is set */
};

/*
 * Reads the journal at fd.  With JOURNAL_RUNS, *runs is the caller's to free and
 * *count at least 1.  A file that is too short or does not match its checksum
 * promised nothing: it is empty.
 */
enum journal_status journal_load(int fd, struct journal_run **runs,
    size_t *count);

/*
 * Makes sure that the first block is allocated.  Returns 0, or -1 with errno
 * set; a journal without it still works while the disk has room.
 */
int journal_prepare(int fd);

/*
 * Promises: writes the runs and syncs them.  Returns 0 when they are on the
 * disk.  On -1, with errno set, the journal is empty again, or may not be if
 * the disk refuses to be written at all.
 */
int journal_commit(int fd, const struct journal_run *runs, size_t count);

/* Empties the journal and syncs that.  Returns 0, or -1 with errno set. */
int journal_clear(int fd);

/*
 * Like journal_clear(), but what the journal said stays readable for a person
 * until the next commit.
 */
int journal_set_aside(int fd);

#endif
