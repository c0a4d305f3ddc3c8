/* SPDX-License-Identifier: ISC */
/* The index against a plain array of the same entries. */

#include "chance.h"
#include "index.h"
#include "tap.h"

enum { MOST = 40 * INDEX_PAGE_ENTRIES };

/* All entries, and the positions of the messages among them. */
static struct mbox_entry entries[MOST];
static size_t count, messages[MOST], message_count;
static struct index ix;

static void
start(void)
{
	index_free(&ix);
	count = message_count = 0;
}

static void
append(bool tombstone, uint64_t id)
{
	struct mbox_entry *e = &entries[count];
	unsigned char digest[MBOX_ID_SIZE] = { 0 };

	memcpy(digest, &id, sizeof(id));
	*e = (struct mbox_entry){
		.offset = 100 + count * 1000,
		.stored = 1 + chance(1000),
		.octets = tombstone ? 0 : 1 + chance(2000),
		.separator = 40,
		.tail = 1,
		.flags = tombstone ? MBOX_TOMBSTONE : 0,
	};
	memcpy(e->id, digest, sizeof(e->id));
	if (!tombstone)
		messages[message_count++] = count;
	count++;
	need(index_append(&ix, e) == 0, "index_append");
}

static void
compare_totals(void)
{
	uint64_t octets = 0, dead = 0;

	for (size_t i = 0; i < count; i++)
		if (entries[i].flags & MBOX_TOMBSTONE)
			dead += entries[i].stored;
		else
			octets += entries[i].octets;
	check(ix.entries == count && ix.messages == message_count &&
		ix.octets == octets && ix.dead == dead,
	    "%ju entries, %ju messages, %ju octets, %ju dead, not %zu, %zu, "
	    "%ju, %ju",
	    (uintmax_t)ix.entries, (uintmax_t)ix.messages, (uintmax_t)ix.octets,
	    (uintmax_t)ix.dead, count, message_count, (uintmax_t)octets,
	    (uintmax_t)dead);
	for (size_t i = 0; i < count; i++)
		check(memcmp(index_entry(&ix, i), &entries[i],
			  sizeof(entries[i])) == 0,
		    "entry %zu of %zu", i, count);
}

static void
compare_message(size_t n)
{
	check(memcmp(index_message(&ix, n), &entries[messages[n - 1]],
		  sizeof(entries[0])) == 0,
	    "message %zu of %zu", n, message_count);
}

/* Forward, backward, from both ends, at random, the same again. */
static void
every_order(void)
{
	size_t n = message_count;

	for (size_t i = 1; i <= n; i++)
		compare_message(i);
	for (size_t i = n; i >= 1; i--)
		compare_message(i);
	for (size_t i = 1; i <= n; i++) {
		compare_message(i);
		compare_message(n + 1 - i);
		compare_message(n + 1 - i);
	}
	for (size_t i = 0; n > 0 && i < 2 * n; i++)
		compare_message(1 + chance(n));
}

/*
 * One entry in how many is a message, one in how many a tombstone; whole pages
 * of either kind come from the runs.
 */
static void
orders(void)
{
	static const size_t sizes[] = { 0, 1, 2, INDEX_PAGE_ENTRIES - 1,
		INDEX_PAGE_ENTRIES, INDEX_PAGE_ENTRIES + 1,
		5 * INDEX_PAGE_ENTRIES, 17 * INDEX_PAGE_ENTRIES + 5, MOST };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int kind = 0; kind < 6; kind++) {
			static const size_t longest[] = { 1, 2, 3, 50,
				3 * INDEX_PAGE_ENTRIES };
			bool dead = kind == 5;

			start();
			while (count < sizes[s]) {
				size_t run = kind == 0 ?
				    sizes[s] :
				    1 + chance(longest[kind - 1]);

				for (; run > 0 && count < sizes[s]; run--)
					append(dead, chance_word());
				dead = !dead;
			}
			compare_totals();
			every_order();
		}
	(void)point("messages among tombstones, asked for in every order");
}

/* Appending goes on after messages were asked for. */
static void
growing(void)
{
	start();
	while (count < MOST) {
		append(chance(3) == 0, chance_word());
		if (message_count > 0 && chance(4) == 0)
			compare_message(1 + chance(message_count));
		if (message_count > 0 && chance(8) == 0)
			compare_message(message_count);
	}
	compare_totals();
	every_order();
	(void)point("an index that grows while it is asked");
}

/* What index_tell_twins_apart() should say, by looking at all pairs. */
static void
slow_ordinals(void)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t ordinal = 0;

		if (entries[i].flags & MBOX_TOMBSTONE)
			continue;
		for (size_t k = 0; k < i; k++)
			if (!(entries[k].flags & MBOX_TOMBSTONE) &&
			    memcmp(entries[k].id, entries[i].id,
				sizeof(entries[i].id)) == 0)
				ordinal++;
		entries[i].ordinal = ordinal;
	}
}

/* Ids that are all equal, few, alike in the octets a table may look at. */
static void
twins(void)
{
	static const uint64_t kinds[] = { 1, 2, 7, 200, UINT64_MAX };
	static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 500, 2000 };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			for (unsigned int shift = 0; shift < 64; shift += 21) {
				start();
				while (count < sizes[s])
					append(chance(5) == 0,
					    chance_word() % kinds[k] << shift);
				check(index_tell_twins_apart(&ix) == 0,
				    "no memory");
				slow_ordinals();
				compare_totals();
			}
	(void)point("P3-253: twins get ordinals in their order");
}

/* Ids that differ only behind their first eight octets are no twins. */
static void
near_twins(void)
{
	start();
	for (unsigned int i = 0; i < 300; i++) {
		append(false, 7);
		entries[i].id[8 + i % 8] = (unsigned char)(i / 8);
		*index_entry(&ix, i) = entries[i];
	}
	check(index_tell_twins_apart(&ix) == 0, "no memory");
	slow_ordinals();
	compare_totals();
	(void)point("P3-253: ids that are nearly the same");
}

static void
freed(void)
{
	static const struct index none;

	start();
	append(false, 1);
	append(true, 2);
	compare_message(1);
	index_free(&ix);
	check(memcmp(&ix, &none, sizeof(ix)) == 0, "not empty");
	index_free(&ix);
	start();
	append(false, 3);
	compare_totals();
	compare_message(1);
	(void)point("an index that was let go is an empty one");
	index_free(&ix);
}

int
main(void)
{
	chance_open();
	orders();
	growing();
	twins();
	near_twins();
	freed();
	return done();
}
