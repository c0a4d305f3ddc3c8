/* SPDX-License-Identifier: ISC */
/*
 * Where each message of a mailbox is: the entries of a scan, in pages.
 * Runs as: session.
 *
 * Positions count all entries from 0, tombstones included; message numbers count
 * the messages among them from 1.
 */
#ifndef INDEX_H
#define INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "mbox.h"

enum { INDEX_PAGE_ENTRIES = 72 };

struct index_page {
	struct mbox_entry entries[INDEX_PAGE_ENTRIES];
	uint64_t sum;
	uint64_t messages; /* entries that are messages */
	uint64_t reserved[6];
};

struct index {
	struct index_page *pages;
	size_t room;	   /* pages that fit where pages points */
	uint64_t entries;  /* messages and tombstones */
	uint64_t messages;
	uint64_t octets;   /* of all messages, on the wire */
	uint64_t dead;	   /* octets stored as tombstones */
	/* Where the last message asked for was found: the next is near. */
	uint64_t cursor_page, cursor_before;
};

/* Adds an entry.  Returns 0, or -1 with errno set when there is no memory. */
int index_append(struct index *, const struct mbox_entry *);

/*
 * Gives messages of the same id different ordinals, in their order.  Returns 0,
 * or -1 with errno set when there is no memory.
 */
int index_tell_twins_apart(struct index *);

/* The entry at a position below entries; valid until the next append. */
struct mbox_entry *index_entry(const struct index *, uint64_t position);

/* The entry of message n, 1 to messages. */
const struct mbox_entry *index_message(struct index *, uint64_t n);

/* Lets go of everything; the struct is then an empty index. */
void index_free(struct index *);

#endif
