/* SPDX-License-Identifier: ISC */
/*
 * restantectl check: the index, page for page and entry for entry.
 * Runs as: restantectl.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "io.h"
#include "num.h"

enum { FAULT = 64 };

/*
 * How another mailbox, or another state of this one, shows in the header; NULL
 * when it does not.
 */
static const char *
why_stale(const struct index_subject *was, const struct index_subject *now)
{
	if (was->device != now->device || was->inode != now->inode)
		return "it was made of another file";
	if (was->quoting != now->quoting)
		return "it was made with another mbox-quoting";
	if (was->start != now->start)
		return "the password line had another length";
	if (was->updates != now->updates)
		return "it is not of the last update";
	if (was->size > now->size)
		return "the mailbox was longer";
	if (was->size == now->size &&
	    (was->modified != now->modified || was->changed != now->changed))
		return "the mailbox has changed since";
	return NULL;
}

/* An index that was thrown away has zeros for a header. */
static bool
is_void(int fd)
{
	unsigned char header[64] = { 0 };
	static const unsigned char none[sizeof(header)];

	return io_pread(fd, header, sizeof(header), 0) != -1 &&
	    memcmp(header, none, sizeof(none)) == 0;
}

/*
 * Twins keep their ordinals while others of them go, so that in an index they may
 * be higher than in a scan.
 */
static bool
same_message(const struct mbox_entry *kept, const struct mbox_entry *seen)
{
	return kept->offset == seen->offset && kept->stored == seen->stored &&
	    kept->octets == seen->octets &&
	    kept->separator == seen->separator && kept->tail == seen->tail &&
	    kept->quoted == seen->quoted && kept->ordinal >= seen->ordinal &&
	    memcmp(kept->id, seen->id, sizeof(kept->id)) == 0;
}

/* The first message in which the index differs from the scan, or 0. */
static uint64_t
first_difference(struct check *c, struct index *kept, uint64_t size)
{
	const struct mbox_entry *a, *b;
	uint64_t n, position;

	for (n = 1; n <= kept->is.messages; n++) {
		if (n > c->fresh.is.messages)
			return n;
		a = index_message(kept, n, &position);
		b = index_message(&c->fresh, n, &position);
		if (!same_message(a, b))
			return n;
	}
	if (n > c->fresh.is.messages)
		return 0;
	/* What has come since is not in it. */
	b = index_message(&c->fresh, n, &position);
	return b->offset < size ? n : 0;
}

/* Whether the header's totals are those of the entries, and of the scan. */
static bool
totals_agree(const struct check *c, const struct index *kept, uint64_t size)
{
	struct index_totals sum = { .entries = 0 };
	const struct mbox_entry *e;
	uint64_t dead = 0;

	for (uint64_t i = 0; i < kept->is.entries; i++) {
		e = index_entry(kept, i);
		if (index_is_dead(e)) {
			sum.dead += e->stored;
			continue;
		}
		sum.messages++;
		sum.octets += e->octets;
		sum.stored += e->stored;
	}
	for (uint64_t i = 0; i < c->fresh.is.entries; i++) {
		e = index_entry(&c->fresh, i);
		if (index_is_dead(e) && e->offset < size)
			dead += e->stored;
	}
	return sum.messages == kept->is.messages &&
	    sum.octets == kept->is.octets && sum.stored == kept->is.stored &&
	    sum.dead == kept->is.dead && dead == kept->is.dead;
}

static int
by_unique_id(const void *a, const void *b)
{
	const struct mbox_entry *x = a, *y = b;
	int order = memcmp(x->id, y->id, sizeof(x->id));

	if (order != 0)
		return order;
	return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* Whether no two messages share a unique-id: 1, 0, or -1 without memory. */
static int
ids_are_unique(const struct index *kept)
{
	struct mbox_entry *all = calloc(
	    num_size(kept->is.messages + 1), sizeof(*all));
	size_t count = 0;
	int unique = 1;

	if (all == NULL)
		return -1;
	for (uint64_t i = 0; i < kept->is.entries; i++)
		if (!index_is_dead(index_entry(kept, i)))
			all[count++] = *index_entry(kept, i);
	qsort(all, count, sizeof(*all), by_unique_id);
	for (size_t i = 1; i < count; i++)
		if (by_unique_id(&all[i - 1], &all[i]) == 0)
			unique = 0;
	free(all);
	return unique;
}

/*
 * Compares the index with the first size octets of the mailbox, which it
 * describes.  Returns how it is wrong, or NULL.
 */
static const char *
find_fault(struct check *c, struct index *kept, uint64_t size, char text[FAULT])
{
	uint64_t n = first_difference(c, kept, size);

	if (n != 0) {
		(void)snprintf(text, FAULT,
		    "it differs from the mailbox in message %ju", (uintmax_t)n);
		return text;
	}
	if (!totals_agree(c, kept, size))
		return "its totals are not those of the mailbox";
	switch (ids_are_unique(kept)) {
	case 1:
		return NULL;
	case 0:
		return "two messages have the same unique-id";
	default:
		return strerror(errno);
	}
}

/* The next login trusts the index, or does so after a cheap look. */
static void
judge(struct check *c, struct index *kept, enum index_status status,
    uint64_t size)
{
	char text[FAULT];
	const char *fault;

	if (!index_check(kept, 0)) {
		check_say(c, CHECK_PROBLEM, "index", "damaged",
		    "damaged: a page of it is not what was written");
		return;
	}
	fault = find_fault(c, kept, size, text);
	if (fault != NULL && status == INDEX_LOOK &&
	    !mailbox_looks_right(&c->mb, size))
		check_say(c, CHECK_NOTE, "index", "stale",
		    "stale: the mailbox has not just grown; the next login "
		    "makes it anew");
	else if (fault != NULL)
		check_say(
		    c, CHECK_PROBLEM, "index", "wrong", "wrong: %s", fault);
	else if (size == c->mb.subject.size)
		check_say(c, CHECK_OK, "index", "fits",
		    "fits: all of it is what a scan finds");
	else
		check_say(c, CHECK_OK, "index", "behind",
		    "fits, but for %ju message%s that came later",
		    PLURAL(c->fresh.is.messages - kept->is.messages));
}

void
check_index(struct check *c)
{
	struct index *kept = &c->mb.index; /* closed with the mailbox */
	struct index_subject was;
	enum index_status status;

	if (!check_writable(c, CHECK_NOTE, "index") && kept->fd == -1)
		return;
	if (kept->fd == -1) {
		check_say(c, CHECK_OK, "index", "none",
		    "none: the next login makes it");
		return;
	}
	check_mode(c, "index", "the index", kept->fd);
	status = index_load(kept, &c->mb.subject, &was);
	if (status != INDEX_NONE)
		judge(c, kept, status, was.size);
	else if (was.inode != 0 && why_stale(&was, &c->mb.subject) != NULL)
		check_say(c, CHECK_NOTE, "index", "stale",
		    "stale: %s; the next login makes it anew",
		    why_stale(&was, &c->mb.subject));
	else if (was.inode != 0)
		check_say(c, CHECK_PROBLEM, "index", "damaged",
		    "damaged: it is too short; the next login makes it anew");
	else if (is_void(kept->fd))
		check_say(c, CHECK_OK, "index", "none",
		    "void: the next login makes it");
	else
		check_say(c, CHECK_PROBLEM, "index", "damaged",
		    "damaged, or of another version: the next login makes it "
		    "anew");
}
