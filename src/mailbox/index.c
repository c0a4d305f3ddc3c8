/* SPDX-License-Identifier: ISC */
/* Where each message of a mailbox is.  Runs as: session. */

#include <sys/mman.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"

_Static_assert(sizeof(struct index_page) == 4096, "a page is a page");

static int
grow(struct index *ix)
{
	size_t room = ix->room == 0 ? 16 : ix->room * 2;
	void *p;

	if (ix->pages == NULL)
		p = mmap(NULL, room * sizeof(*ix->pages),
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		p = mremap(ix->pages, ix->room * sizeof(*ix->pages),
		    room * sizeof(*ix->pages), MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return -1;
	ix->pages = p;
	ix->room = room;
	return 0;
}

int
index_append(struct index *ix, const struct mbox_entry *entry)
{
	uint64_t page = ix->entries / INDEX_PAGE_ENTRIES;

	if (page == ix->room && grow(ix) == -1)
		return -1;
	ix->pages[page].entries[ix->entries++ % INDEX_PAGE_ENTRIES] = *entry;
	if (entry->flags & MBOX_TOMBSTONE) {
		ix->dead += entry->stored;
		return 0;
	}
	ix->pages[page].messages++;
	ix->messages++;
	ix->octets += entry->octets;
	return 0;
}

struct mbox_entry *
index_entry(const struct index *ix, uint64_t position)
{
	return &ix->pages[position / INDEX_PAGE_ENTRIES]
		    .entries[position % INDEX_PAGE_ENTRIES];
}

const struct mbox_entry *
index_message(struct index *ix, uint64_t n)
{
	const struct mbox_entry *e;

	if (n <= ix->cursor_before)
		ix->cursor_page = ix->cursor_before = 0;
	while (n > ix->cursor_before + ix->pages[ix->cursor_page].messages)
		ix->cursor_before += ix->pages[ix->cursor_page++].messages;

	e = ix->pages[ix->cursor_page].entries;
	n -= ix->cursor_before;
	if (ix->pages[ix->cursor_page].messages == INDEX_PAGE_ENTRIES)
		return e + n - 1;
	for (;; e++)
		if (!(e->flags & MBOX_TOMBSTONE) && --n == 0)
			return e;
}

/* The ids are digests: any of their octets are as good as a hash. */
static uint64_t
slot_of(const struct mbox_entry *e)
{
	uint64_t slot;

	memcpy(&slot, e->id, sizeof(slot));
	return slot;
}

int
index_tell_twins_apart(struct index *ix)
{
	uint64_t size = 64, slot;
	struct mbox_entry *e, *twin, **table;

	while (size < ix->entries * 2)
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return -1;
	for (uint64_t i = 0; i < ix->entries; i++) {
		e = index_entry(ix, i);
		if (e->flags & MBOX_TOMBSTONE)
			continue;
		for (slot = slot_of(e);; slot++) {
			twin = table[slot & (size - 1)];
			if (twin == NULL ||
			    memcmp(twin->id, e->id, sizeof(e->id)) == 0)
				break;
		}
		/* The slot holds the last of its kind. */
		if (twin != NULL)
			e->ordinal = twin->ordinal + 1;
		table[slot & (size - 1)] = e;
	}
	free(table);
	return 0;
}

void
index_free(struct index *ix)
{
	if (ix->pages != NULL)
		(void)munmap(ix->pages, ix->room * sizeof(*ix->pages));
	*ix = (struct index){ .pages = NULL };
}
