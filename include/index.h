/* SPDX-License-Identifier: ISC */
/*
 * Where each message of a mailbox is: the entries of a scan, in pages, in memory
 * or in a file.  Runs as: session, restantectl.
 *
 * Positions count all entries from 0, dead ones included; message numbers count
 * the messages among them from 1.
 *
 * The file is a cache: a header that says which mailbox it describes, and the
 * pages.  It is mapped, and a page is checked when it is first used.  Every page
 * carries the number of the build that it belongs to, so that one that a power
 * loss brought back is not taken for another.
 */
#ifndef INDEX_H
#define INDEX_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mbox.h"

enum { INDEX_PAGE_ENTRIES = 84 };

struct index_page {
	struct mbox_entry entries[INDEX_PAGE_ENTRIES];
	uint64_t sum;
	uint64_t build;
	uint64_t used;     /* entries */
	uint64_t messages; /* among them */
	uint64_t reserved[4];
};

/* Which mailbox, in which state, an index describes. */
struct index_subject {
	uint64_t device, inode, size, modified, changed; /* times in ns */
	uint64_t start;   /* where the first message may stand */
	uint64_t quoting; /* whether ">From " lines are un-quoted */
	uint64_t updates; /* that its journal has promised */
};

/* Totals, and what else the header keeps. */
struct index_totals {
	uint64_t build;
	uint64_t entries;
	uint64_t messages;
	uint64_t octets;     /* of all messages, on the wire */
	uint64_t stored;     /* of all messages, in the file */
	uint64_t dead;       /* octets stored of entries that are no messages */
	uint64_t first_dead; /* where the first of these is, if there is one */
	/* Not 0: what is before the last was believed after a look, not seen. */
	uint64_t looked;
	/* No message among so many entries, the first, is older than that. */
	uint64_t dated;
	int64_t oldest;
};

struct index {
	int fd;      /* the file, -1: only in memory */
	bool shared; /* it may be another's who writes to it, locks or not */
	struct index_page *pages;
	size_t room;    /* pages that fit where pages points */
	uint8_t *state; /* of each page: what is known of it */
	bool mapped;    /* pages are the file's */
	bool removed;   /* entries have died since the file was written */
	bool dropped;   /* pages have been cut off since */
	struct index_totals is;
	uint64_t size; /* of the mailbox that the file describes */
	/* Where the last message asked for was found: the next is near. */
	uint64_t cursor_page, cursor_before;
};

enum index_status {
	INDEX_FITS,
	INDEX_LOOK, /* it may fit: what is behind its size is new, if anything */
	INDEX_NONE,
};

/* An empty index over the file fd, which stays the caller's; -1: no file. */
void index_init(struct index *, int fd);

/* Lets go of everything but the file. */
void index_free(struct index *);

/*
 * Maps the file if it describes the mailbox as it is now; was becomes what it
 * was then, all zero when the header does not say.  With INDEX_NONE the index is
 * empty, and the file may be anything.
 */
enum index_status index_load(
    struct index *, const struct index_subject *now, struct index_subject *was);

/*
 * Writes what is not in the file yet, and lets the index rest on the file from
 * then on.  Returns 0; or -1 with errno set, the file then being void, or as it was
 * if it cannot be made void, and the index in memory as good as before.
 */
int index_save(struct index *, const struct index_subject *);

/* Makes the file void.  Returns 0, or -1 with errno set. */
int index_void(struct index *);

/* Takes over the entries of another index, which is empty then. */
void index_replace(struct index *, struct index *fresh);

/*
 * Whether all pages that hold entries from position on are good.  Only what this
 * or index_message() has looked at may be asked for, removed, cut or added to;
 * an index that is not mapped is always good.
 */
bool index_check(struct index *, uint64_t position);

/*
 * The entry of message n, 1 to messages, and its position unless that is NULL; or
 * NULL when a page of the file is damaged.  Valid until the index is changed or
 * saved.
 */
const struct mbox_entry *
index_message(struct index *, uint64_t n, uint64_t *position);

/*
 * The last message, or NULL when there is none or a page of the file is damaged.
 * Looks at no more pages than it must.
 */
const struct mbox_entry *index_last(struct index *);

/* The entry at a position. */
const struct mbox_entry *index_entry(const struct index *, uint64_t position);

/*
 * Adds an entry; all of the index has been checked.  Returns 0, or -1 with errno
 * set when there is no memory.
 */
int index_append(struct index *, const struct mbox_entry *);

/* Turns the message at a position into a dead entry. */
void index_remove(struct index *, uint64_t position);

/* Forgets all entries from a position on. */
void index_cut(struct index *, uint64_t position);

/*
 * Gives each message from position on, which was appended with 0, an ordinal that
 * no other entry of its id has, in their order; all of the index has been checked.
 * Returns 0, or -1 with errno set when there is no memory.
 */
int index_tell_twins_apart(struct index *, uint64_t position);

/* Whether the entry is no message: a tombstone, or removed since the scan. */
static inline bool
index_is_dead(const struct mbox_entry *e)
{
	return (e->flags & (MBOX_TOMBSTONE | MBOX_DELETED)) != 0;
}

/* Whether so much of it is dead that a new build without pays. */
bool index_is_sparse(const struct index *);

/*
 * A copy in memory, for a new build: neighbouring dead entries become one, and
 * their ids are forgotten, as they are where a mailbox is cut or compacted.  All of
 * the index has been checked.  Returns 0, or -1 with errno set.
 */
int index_squeeze(struct index *, struct index *fresh);

/* Fills in what the file of a mailbox is now; the other fields stay. */
int index_identify(int fd, struct index_subject *);

#endif
