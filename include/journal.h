/* SPDX-License-Identifier: ISC */
/*
 * The journal of a mailbox: one update that was promised and may not be
 * finished.  Runs as: session, restantectl.
 *
 * The file's first block holds a header and as many runs as fit, the rest
 * follows; the header's checksum covers all of it, so that a journal is whole or
 * is none.  The first block stays allocated, so that deleting works on a full
 * disk.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of deleted messages that becomes a tombstone. */
struct journal_run {
	uint64_t offset; /* of its first separator line */
	uint64_t length; /* to the end of its last blank line */
	uint64_t check;  /* sum64() of its first separator line */
};

/*
 * A compaction: length octets of the journal's own take the place of what was
 * at offset, and what is left between their end and size is dead.
 */
struct journal_move {
	uint64_t offset, length, size;
	/* sum64() of octets as they were, by which it is known: see promise.h */
	uint64_t before, behind, last;
};

/* What is promised.  Part of the file's format; 0 and 3 promise nothing. */
enum journal_kind {
	JOURNAL_RUNS = 1,
	JOURNAL_MOVE = 2,
	JOURNAL_HEAD = 4,   /* another password line: see head.h */
	JOURNAL_APPEND = 5, /* mail that is being delivered: see append.h */
};

struct journal_promise {
	enum journal_kind kind;
	struct journal_run *runs; /* the caller's to free; NULL: no runs */
	size_t count;
	struct journal_move move; /* of the other kinds */
};

enum journal_status {
	JOURNAL_EMPTY, /* nothing was promised */
	JOURNAL_TORN,  /* nor here: it says otherwise, but is not whole */
	JOURNAL_PROMISE,
	JOURNAL_ERROR, /* errno is set */
};

/*
 * Reads the journal at fd.  A file that is too short or does not match its
 * checksum promised nothing.
 */
enum journal_status journal_load(int fd, struct journal_promise *);

/*
 * Makes sure that the first block is allocated, and no more where nothing is
 * promised.  Returns 0, or -1 with errno set; a journal without it still works while
 * the disk has room.
 */
int journal_prepare(int fd);

enum journal_promised {
	JOURNAL_PROMISED = 0, /* it is on the disk */
	JOURNAL_REFUSED = -1, /* it is not; errno is set */
	JOURNAL_UNSURE = 1, /* the disk fails, and may hold it or not; errno */
};

/* Promises: writes the runs and syncs them. */
enum journal_promised
journal_commit_runs(int fd, const struct journal_run *, size_t count);

/*
 * The octets of a move are written first, in pieces; start with { .fd = fd }.
 * The move is promised by the commit.  Each returns 0, or -1 with errno set.
 */
struct journal_writer {
	int fd;
	uint64_t length;
};

int journal_write(struct journal_writer *, const void *, size_t);
enum journal_promised journal_commit_move(const struct journal_writer *,
    enum journal_kind, const struct journal_move *);

/* Octets of a journal in which a move has so many. */
uint64_t journal_size(uint64_t length);

/*
 * Reads octets of a move, from offset in them on.  0, or -1 with errno set: ENODATA
 * when there are not so many.
 */
int journal_read(int fd, void *, size_t, uint64_t offset);

/* Empties the journal and syncs that.  Returns 0, or -1 with errno set. */
int journal_clear(int fd);

/*
 * Like journal_clear(), but what the journal said stays readable for a person
 * until the next commit.
 */
int journal_set_aside(int fd);

/*
 * Notes a login, in seconds since 1970; not synced, and not while an update is
 * promised.  What follows keeps it.  Returns 0, or -1 with errno set.
 */
int journal_note_login(int fd, uint64_t when);

/*
 * Whether it is somebody's turn to log in where that is wanted delay seconds
 * apart: 1, and it is noted, not synced; 0, too early; or -1 with errno set.
 *
 * A login is due delay seconds after the one before.  One may come earlier, once:
 * the one after it is due as late as if it had not.  So nobody who comes every
 * delay seconds is ever refused for being early now and then, and nobody comes
 * more often in the long run.
 */
int journal_take_turn(int fd, uint64_t now, uint64_t delay);

/*
 * How many removals, by runs or by moves, were promised since the journal was new,
 * whatever became of them.  Returns 0, or -1 with errno set.
 */
int journal_updates(int fd, uint64_t *updates);

/* What else there is to say of the journal at fd. */
struct journal_about {
	uint64_t login; /* the last one, seconds since 1970; 0: not known */
	bool aside;     /* it holds a promise that was set aside */
	bool promises;  /* it would, if it is whole: journal_load() tells */
	bool damaged;   /* its header is not whole, and not void */
};

/* Returns 0, or -1 with errno set. */
int journal_describe(int fd, struct journal_about *);

#endif
