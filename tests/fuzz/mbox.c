/* SPDX-License-Identifier: ISC */
/*
 * Property: any cut of a file into windows gives the entries that a scan line by
 * line gives, from both builds of the scan; and these are in order, do not
 * overlap, and lie in what was scanned.
 */

#include "fuzz.h"
#include "plain_mbox.h"
#include "slow_mbox.h"

enum { CUTS = 16 };

struct haul {
	const struct slow_mbox *want;
	size_t count;
	uint64_t end; /* of the entry before */
};

static int
found(void *ctx, const struct mbox_entry *e)
{
	struct haul *h = ctx;

	must(h->count < h->want->count);
	must(memcmp(e, &h->want->entries[h->count++], sizeof(*e)) == 0);
	must(e->offset >= h->end && e->stored > 0 &&
	    e->stored <= h->want->size - e->offset);
	must((size_t)e->separator + e->tail <= e->stored);
	h->end = e->offset + e->stored;
	return 0;
}

/* Windows end behind the cuts, and begin slack octets before they must. */
static void
scan(int (*scan_one)(
	 struct mbox_scan *, const unsigned char *, size_t, uint64_t, bool),
    struct mbox_scan *s, const struct slow_mbox *m, size_t start,
    const size_t *cuts, size_t count, size_t slack)
{
	for (size_t i = 0; i <= count; i++) {
		size_t end = i < count ? cuts[i] % (m->size + 1) : m->size;
		size_t begin = s->pos < MBOX_BEHIND
		    ? 0
		    : (size_t)s->pos - MBOX_BEHIND;
		unsigned char *window;

		if (s->pos == start)
			begin = start;
		begin -= slack < begin ? slack : begin;
		if (end < begin)
			continue;
		/* A copy, so that looking beyond it is noticed. */
		window = malloc(end - begin + 1);
		must(window != NULL);
		memcpy(window + 1, m->file + begin, end - begin);
		must(scan_one(s, window + 1, end - begin, begin, i == count) ==
		    0);
		free(window);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct slow_mbox slow;
	struct input in = { data, size };
	size_t cuts[CUTS], count = take_lengths(&in, cuts, CUTS);
	size_t slack = (size_t)take(&in, 1), start = (size_t)take(&in, 1);
	/* Windows must be larger than most inputs to be more than one. */
	size_t padding = (size_t)take(&in, 1) * 16;
	size_t flags = (size_t)take(&in, 1);
	struct mbox_scan s;
	struct haul h;
	char *file;

	if (in.len > 100000)
		return 0;
	file = malloc(in.len + padding + 1);
	must(file != NULL);
	memcpy(file, in.p, in.len);
	memset(file + in.len, flags & 2 ? 'x' : '\n', padding);
	slow.unquote = flags & 1;
	size = in.len + padding;
	if (start > size)
		start = size;
	slow_scan(&slow, file, size, start);
	for (int plain = 0; plain < 2; plain++) {
		h = (struct haul){ .want = &slow, .end = start };
		mbox_scan_init(&s, start, found, &h);
		s.unquote = slow.unquote;
		scan(plain ? plain_scan : mbox_scan, &s, &slow, start, cuts,
		    count, slack);
		must(h.count == slow.count);
	}
	free(file);
	return 0;
}
