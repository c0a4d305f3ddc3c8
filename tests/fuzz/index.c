/* SPDX-License-Identifier: ISC */
/*
 * Property: an index file that was damaged is not believed, or says what was
 * saved.  And one that was made up, with sums that fit, may say what is not so
 * but leads nobody out of its pages: a session that its client has taken over can
 * write one, and restantectl reads it.
 */

#include <sys/mman.h>

#include <unistd.h>

#include "forge_index.h"
#include "fuzz.h"
#include "index.h"

enum {
	PAGE = sizeof(struct index_page),
	PAGES = 3,
	ENTRIES = (PAGES - 1) * INDEX_PAGE_ENTRIES + 16,
};

static const struct index_subject subject = { 1, 2, 1000000, 4, 5, 7, 0, 8 };
static struct mbox_entry entries[ENTRIES];
static uint8_t file[(PAGES + 1) * PAGE];
static int fd = -1;

static void
make_file(void)
{
	struct index ix;

	fd = memfd_create("index", MFD_CLOEXEC);
	must(fd != -1);
	index_init(&ix, fd);
	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i] = (struct mbox_entry){ .offset = 7 + i * 100,
			.stored = 100,
			.octets = 60,
			.separator = 30,
			.tail = 1,
			.flags = i % 7 == 3 ? MBOX_TOMBSTONE : 0,
			.id = { (unsigned char)i } };
		must(index_append(&ix, &entries[i]) == 0);
	}
	must(index_save(&ix, &subject) == 0);
	index_free(&ix);
	must(pread(fd, file, sizeof(file), 0) == sizeof(file));
}

/* Asks all that a session asks. */
static void
use(struct index *ix, bool forged)
{
	uint64_t position, n = 0;
	const struct mbox_entry *e;
	struct index fresh;

	(void)index_last(ix);
	for (uint64_t i = 1; i <= ix->is.messages && i < 500; i++) {
		e = index_message(ix, i, &position);
		if (e == NULL)
			continue;
		must(position < ix->is.entries);
		must(e == index_entry(ix, position));
		if (forged)
			continue;
		while (n < ENTRIES && entries[n].flags != 0)
			n++;
		must(n < ENTRIES && position == n &&
		    memcmp(e, &entries[n], sizeof(*e)) == 0);
		n++;
	}
	if (!index_check(ix, 0))
		return;
	for (uint64_t i = 0; i < ix->is.entries; i++)
		must(forged ||
		    memcmp(index_entry(ix, i), &entries[i],
			sizeof(entries[i])) == 0);
	must(index_tell_twins_apart(ix, ix->is.entries) == 0);
	must(index_squeeze(ix, &fresh) == 0);
	index_free(&fresh);
	if (ix->is.messages > 0 &&
	    (e = index_message(ix, 1, &position)) != NULL)
		index_remove(ix, position);
	index_cut(ix, ix->is.entries / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[sizeof(file)];
	struct input in = { data, size };
	bool forged = take(&in, 1) & 1;
	struct index_subject was;
	struct index ix;

	if (fd == -1)
		make_file();
	memcpy(copy, file, sizeof(copy));
	/* Places and what stands there instead. */
	while (in.len >= 3) {
		size_t at = (size_t)take(&in, 2) % sizeof(copy);

		copy[at] ^= (uint8_t)take(&in, 1);
	}
	if (forged)
		forge_sums(copy, PAGES);
	must(pwrite(fd, copy, sizeof(copy), 0) == sizeof(copy));
	index_init(&ix, fd);
	if (index_load(&ix, &subject, &was) != INDEX_NONE)
		use(&ix, forged);
	index_free(&ix);
	return 0;
}
