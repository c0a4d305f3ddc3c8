/* SPDX-License-Identifier: ISC */
/*
 * The index against a plain array of the same entries: in memory, in its file,
 * and when the file is not what it was.
 */

#include <sys/mman.h>

#include <fcntl.h>
#include <time.h>

#include "chance.h"
#include "forge_index.h"
#include "index.h"
#include "tap.h"

enum {
	MOST = 40 * INDEX_PAGE_ENTRIES,
	PAGE = sizeof(struct index_page),
};

/* The same entries, told plainly. */
struct model {
	struct mbox_entry entries[MOST];
	size_t count;
};

static struct model now, saved;
static size_t messages[MOST], message_count; /* positions, of now */
static struct index ix;
static int file_fd = -1;

/* The mailbox that the index is of; long settled. */
static struct index_subject subject = { .device = 1,
	.inode = 2,
	.size = 3000000,
	.modified = 4,
	.changed = 5,
	.start = 7 };

static void
start(int fd)
{
	index_free(&ix);
	index_init(&ix, fd);
	now.count = 0;
}

static void
append(uint8_t flags, uint64_t id)
{
	struct mbox_entry *e = &now.entries[now.count];

	*e = (struct mbox_entry){
		.offset = 100,
		.stored = 41 + chance(1000),
		.octets = flags == 0 ? 1 + chance(2000) : 0,
		.separator = 40,
		.tail = 1,
		.flags = flags,
	};
	/* Mostly behind the one before, without a gap. */
	if (now.count > 0)
		e->offset = e[-1].offset + e[-1].stored +
		    (chance(4) == 0 ? chance(50) : 0);
	memcpy(e->id, &id, sizeof(id));
	now.count++;
	need(index_append(&ix, e) == 0, "index_append");
}

static void
number_messages(void)
{
	message_count = 0;
	for (size_t i = 0; i < now.count; i++)
		if (!index_is_dead(&now.entries[i]))
			messages[message_count++] = i;
}

static bool
same_entry(const struct mbox_entry *a, const struct mbox_entry *b)
{
	return a != NULL && memcmp(a, b, sizeof(*a)) == 0;
}

static void
compare_totals(void)
{
	uint64_t octets = 0, stored = 0, dead = 0, first = 0;

	number_messages();
	for (size_t i = 0; i < now.count; i++) {
		const struct mbox_entry *e = &now.entries[i];

		if (index_is_dead(e)) {
			first = dead == 0 ? e->offset : first;
			dead += e->stored;
		} else {
			octets += e->octets;
			stored += e->stored;
		}
	}
	check(ix.is.entries == now.count && ix.is.messages == message_count,
	    "%ju entries, %ju messages, not %zu, %zu", (uintmax_t)ix.is.entries,
	    (uintmax_t)ix.is.messages, now.count, message_count);
	check(ix.is.octets == octets && ix.is.stored == stored,
	    "%ju octets, %ju stored", (uintmax_t)ix.is.octets,
	    (uintmax_t)ix.is.stored);
	check(ix.is.dead == dead && (dead == 0 || ix.is.first_dead == first),
	    "%ju dead from %ju on, not %ju from %ju", (uintmax_t)ix.is.dead,
	    (uintmax_t)ix.is.first_dead, (uintmax_t)dead, (uintmax_t)first);
}

static void
compare_message(size_t n)
{
	uint64_t position = MOST;
	const struct mbox_entry *e = index_message(&ix, n, &position);

	check(position == messages[n - 1] &&
		same_entry(e, &now.entries[messages[n - 1]]),
	    "message %zu of %zu at %ju, not %zu", n, message_count,
	    (uintmax_t)position, messages[n - 1]);
}

static void
compare_last(void)
{
	const struct mbox_entry *e = index_last(&ix);

	check(message_count == 0
		? e == NULL
		: same_entry(e, &now.entries[messages[message_count - 1]]),
	    "the last of %zu messages", message_count);
}

/* Everything there is; all pages are good. */
static void
compare_all(void)
{
	check(index_check(&ix, 0), "a good index is called damaged");
	compare_totals();
	for (size_t i = 0; i < now.count; i++)
		check(same_entry(index_entry(&ix, i), &now.entries[i]),
		    "entry %zu of %zu", i, now.count);
	for (size_t n = 1; n <= message_count; n++)
		compare_message(n);
	compare_last();
}

/* Forward, backward, from both ends, at random, the same again. */
static void
every_order(void)
{
	size_t n;

	number_messages();
	n = message_count;
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
	compare_last();
}

/* Messages and tombstones in runs; whole pages of either kind among them. */
static void
fill(size_t size, int kind)
{
	static const size_t longest[] = { 1, 2, 3, 50, 3 * INDEX_PAGE_ENTRIES };
	bool dead = kind == 5;

	start(-1);
	while (now.count < size) {
		size_t run = kind == 0 ? size : 1 + chance(longest[kind - 1]);

		for (; run > 0 && now.count < size; run--)
			append(dead ? MBOX_TOMBSTONE : 0, chance_word());
		dead = !dead;
	}
}

static const size_t sizes[] = { 0, 1, 2, INDEX_PAGE_ENTRIES - 1,
	INDEX_PAGE_ENTRIES, INDEX_PAGE_ENTRIES + 1, 5 * INDEX_PAGE_ENTRIES,
	17 * INDEX_PAGE_ENTRIES + 5, MOST };

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), KINDS = 6 };

static void
orders(void)
{
	for (size_t s = 0; s < SIZES; s++)
		for (int kind = 0; kind < KINDS; kind++) {
			fill(sizes[s], kind);
			compare_all();
			every_order();
		}
	(void)point("messages among tombstones, asked for in every order");
}

/* What index_tell_twins_apart() should say, by looking at all pairs. */
static void
slow_ordinals(size_t position)
{
	for (size_t i = position; i < now.count; i++) {
		struct mbox_entry *e = &now.entries[i];
		uint32_t next = 0;

		if (index_is_dead(e))
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct mbox_entry *o = &now.entries[k];
			bool counts = k < position
			    ? !(o->flags & MBOX_TOMBSTONE)
			    : !index_is_dead(o);

			if (counts && next <= o->ordinal &&
			    memcmp(o->id, e->id, sizeof(e->id)) == 0)
				next = o->ordinal + 1;
		}
		e->ordinal = next;
	}
}

static void
tell_apart(size_t position)
{
	check(index_tell_twins_apart(&ix, position) == 0, "no memory");
	slow_ordinals(position);
}

/* No two messages, nor one removed meanwhile, are called the same. */
static void
all_distinct(void)
{
	for (size_t i = 0; i < now.count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct mbox_entry *a = &now.entries[i];
			const struct mbox_entry *b = &now.entries[k];

			check(index_is_dead(a) || index_is_dead(b) ||
				a->ordinal != b->ordinal ||
				memcmp(a->id, b->id, sizeof(a->id)) != 0,
			    "entries %zu and %zu", i, k);
		}
}

static void
remove_at(size_t position)
{
	index_remove(&ix, position);
	now.entries[position].flags |= MBOX_DELETED;
}

/* Ids that are all equal, few, alike in the octets a table may look at. */
static void
twins(void)
{
	static const uint64_t kinds[] = { 1, 2, 7, 100, UINT64_MAX };
	static const size_t counts[] = { 0, 1, 2, 63, 64, 65, 300 };
	enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };

	for (size_t s = 0; s < COUNTS; s++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			for (unsigned int shift = 0; shift < 64; shift += 21) {
				start(-1);
				/* All at once, and then some more mail. */
				for (int more = 0; more < 3; more++) {
					size_t old = now.count;

					while (now.count < old + counts[s])
						append(chance(5)
							? 0
							: MBOX_TOMBSTONE,
						    chance_word() % kinds[k]
							<< shift);
					tell_apart(old);
					compare_all();
					for (size_t n = 0; n < now.count / 6;
					     n++) {
						size_t at = chance(now.count);

						if (!index_is_dead(
							&now.entries[at]))
							remove_at(at);
					}
				}
				if (counts[s] < 70)
					all_distinct();
			}
	(void)point("P3-253, P3-255: twins get ordinals in their order, and "
		    "none that was given before");

	start(-1);
	for (unsigned int i = 0; i < 300; i++) {
		struct mbox_entry e = { .offset = i, .stored = 1 };

		/* The same in their first four octets. */
		e.id[4 + i % 4] = (unsigned char)(i / 4);
		now.entries[now.count++] = e;
		check(index_append(&ix, &e) == 0, "append");
	}
	tell_apart(0);
	compare_all();
	all_distinct();
	(void)point("P3-253: ids that are nearly the same");
}

static enum index_status
load(const struct index_subject *is, struct index_subject *was)
{
	index_free(&ix);
	return index_load(&ix, is, was);
}

static void
save(void)
{
	check(index_save(&ix, &subject) == 0, "save: %s", strerror(errno));
	saved = now;
}

static void
file_subjects(void)
{
	struct index_subject is, was;

	fill(100, 2);
	ix.fd = file_fd;
	save();
	is = subject;
	check(load(&is, &was) == INDEX_FITS &&
		memcmp(&was, &subject, sizeof(was)) == 0,
	    "the same");
	compare_all();
	(void)point("the file of a mailbox that is the same fits");

	is.size++;
	check(load(&is, &was) == INDEX_LOOK && was.size == subject.size,
	    "larger");
	is.modified = is.changed = 99;
	check(load(&is, &was) == INDEX_LOOK && was.size == subject.size,
	    "larger and later");
	compare_all();
	(void)point("of one that has grown it may fit");

	for (size_t i = 0; i < 8; i++)
		for (uint64_t bit = 0; bit < 64; bit += 3) {
			uint64_t field[8], old;

			memcpy(field, &subject, sizeof(field));
			old = field[i];
			field[i] ^= UINT64_C(1) << bit;
			/* The third is the size. */
			if (i == 2 && field[i] > old)
				continue;
			memcpy(&is, field, sizeof(is));
			check(load(&is, &was) == INDEX_NONE,
			    "field %zu, bit %ju", i, (uintmax_t)bit);
			check(ix.is.entries == 0 && ix.pages == NULL,
			    "not empty");
		}
	_Static_assert(sizeof(subject) == 8 * sizeof(uint64_t), "the fields");
	(void)point("of one that is another in anything it does not");

	is = subject;
	check(index_void(&ix) == 0 && load(&is, &was) == INDEX_NONE, "void");
	ix.fd = -1;
	check(load(&is, &was) == INDEX_NONE, "no file");
	check(index_save(&ix, &is) == -1, "no file");
	(void)point("a file that is void, or none");
}

/* Of an index made at once after a change one cannot be sure. */
static void
file_settling(void)
{
	struct index_subject is = subject, was;
	struct timespec ts;

	need(clock_gettime(CLOCK_REALTIME, &ts) == 0, "clock_gettime");
	for (int ago = 0; ago < 6; ago++) {
		fill(50, 1);
		ix.fd = file_fd;
		is.modified = (uint64_t)(ts.tv_sec - ago) * 1000000000;
		check(index_save(&ix, &is) == 0, "save");
		/* A second either way for the clock that goes on. */
		if (ago < 2)
			check(load(&is, &was) == INDEX_LOOK, "%d s ago", ago);
		if (ago > 2)
			check(load(&is, &was) == INDEX_FITS, "%d s ago", ago);
	}
	(void)point("an index younger than two seconds must be looked at");

	fill(50, 1);
	ix.fd = file_fd;
	is.modified = (uint64_t)(ts.tv_sec + 10) * 1000000000;
	check(index_save(&ix, &is) == 0, "save");
	is(load(&is, &was), INDEX_LOOK,
	    "and one older than the mailbox, by a clock that was set back");
}

/* One of the things that a session does with an index. */
static void
step(void)
{
	struct index_subject was;
	struct index fresh;
	size_t at, n;

	number_messages();
	switch (chance(8)) {
	case 0:
		n = chance(3 * INDEX_PAGE_ENTRIES);
		at = now.count;
		while (n-- > 0 && now.count < MOST)
			append(chance(6) ? 0 : MBOX_TOMBSTONE, chance(40));
		tell_apart(at);
		break;
	case 1:
	case 2:
		for (n = chance(1 + message_count / 3); n > 0; n--) {
			/* One that has been asked for, now and then. */
			if (chance(4) == 0)
				compare_message(1 + chance(message_count));
			at = messages[chance(message_count)];
			if (!index_is_dead(&now.entries[at]))
				remove_at(at);
			number_messages();
			if (message_count == 0)
				break;
		}
		break;
	case 3:
		at = chance(now.count + 1);
		if (chance(3) == 0)
			at = now.count > 5 ? now.count - chance(5) : 0;
		index_cut(&ix, at);
		now.count = at;
		break;
	case 4:
		save();
		break;
	case 5:
		/* Back to what the file says. */
		save();
		check(load(&subject, &was) == INDEX_FITS, "load");
		check(chance(2) == 0 || ix.is.entries == now.count, "totals");
		compare_last();
		for (n = 0; message_count > 0 && n < 20; n++)
			compare_message(1 + chance(message_count));
		check(index_check(&ix, 0), "check");
		break;
	case 6:
		/* What was not saved is not in the file. */
		if (saved.count == 0)
			break;
		check(load(&subject, &was) == INDEX_FITS, "load");
		now = saved;
		check(index_check(&ix, 0), "check");
		break;
	case 7:
		check(index_squeeze(&ix, &fresh) == 0, "squeeze");
		index_replace(&ix, &fresh);
		at = 0;
		for (n = 0; n < now.count; n++) {
			struct mbox_entry e = now.entries[n];

			if (index_is_dead(&e))
				e = (struct mbox_entry){
					.offset = e.offset,
					.stored = e.stored,
					.flags = MBOX_TOMBSTONE,
				};
			if (at > 0 && index_is_dead(&e) &&
			    index_is_dead(&now.entries[at - 1]) &&
			    now.entries[at - 1].offset +
				    now.entries[at - 1].stored ==
				e.offset)
				now.entries[at - 1].stored += e.stored;
			else
				now.entries[at++] = e;
		}
		now.count = at;
		break;
	}
}

static void
random_lives(void)
{
	for (int life = 0; life < 60; life++) {
		start(file_fd);
		check(index_void(&ix) == 0, "void");
		saved.count = 0;
		for (int n = 0; n < 60; n++) {
			step();
			/* Also the first after a change, wherever it is. */
			number_messages();
			if (message_count > 0)
				compare_message(1 + chance(message_count));
			compare_all();
		}
	}
	(void)point("random lives: append, remove, cut, save, load, squeeze");
}

/*
 * The index is loaded from a file that is not what it was: it must say so, or say
 * what was saved.  Returns whether it said all of it.
 */
static bool
believed(const char *what, size_t where)
{
	struct index_subject was;
	uint64_t position;
	bool good = true;

	if (load(&subject, &was) == INDEX_NONE)
		return false;
	for (size_t n = 1; n <= ix.is.messages && n <= message_count; n++) {
		const struct mbox_entry *e = index_message(&ix, n, &position);

		if (e == NULL) {
			good = false;
			continue;
		}
		check(position == messages[n - 1] &&
			same_entry(e, &now.entries[messages[n - 1]]),
		    "%s %zu: message %zu is another", what, where, n);
	}
	if (!index_check(&ix, 0))
		return false;
	check(good, "%s %zu: checked, and damaged", what, where);
	compare_all();
	return true;
}

static void
damage(void)
{
	static unsigned char content[8 * PAGE];
	size_t size, survived = 0;

	fill(3 * INDEX_PAGE_ENTRIES + 11, 3);
	number_messages();
	ix.fd = file_fd;
	save();
	size = (size_t)pread(file_fd, content, sizeof(content), 0);
	is(size, 5 * PAGE, "the file is a page for the header and the pages");
	for (size_t at = 0; at < size; at += at < 600 ? 1 : 1 + chance(5)) {
		unsigned char wrong = content[at] ^
		    (unsigned char)(1 << chance(8));

		need(pwrite(file_fd, &wrong, 1, (off_t)at) == 1, "pwrite");
		if (believed("octet", at))
			survived += at < PAGE ? 0 : 1;
		need(
		    pwrite(file_fd, &content[at], 1, (off_t)at) == 1, "pwrite");
	}
	check(survived == 0, "%zu damages of pages were not seen", survived);
	check(believed("repaired", 0), "the repaired file");
	(void)point("one octet damaged: the same entries, or none");

	for (size_t at = size; at-- > 0;) {
		need(ftruncate(file_fd, (off_t)at) == 0, "ftruncate");
		check(!believed("cut to", at), "cut to %zu", at);
	}
	(void)point("a file that is cut is none");

	/* A page of an older build comes back after a power loss. */
	for (size_t page = 0; page < 5; page++) {
		static unsigned char newer[8 * PAGE];

		need(ftruncate(file_fd, 0) == 0, "ftruncate");
		fill(3 * INDEX_PAGE_ENTRIES + 11, 3);
		number_messages();
		ix.fd = file_fd;
		save();
		need(pread(file_fd, newer, size, 0) == (ssize_t)size &&
			pwrite(file_fd, content + page * PAGE, PAGE,
			    (off_t)(page * PAGE)) == PAGE,
		    "old page");
		check(page == 0 || !believed("old page", page), "old page %zu",
		    page);
		if (page == 0) {
			struct index_subject was;

			check(load(&subject, &was) == INDEX_NONE ||
				!index_check(&ix, 0),
			    "old header");
		}
	}
	(void)point("a page of another build is not believed");
}

/* What a page or the header says against all sense, with sums that are right. */
static void
forged(void)
{
	static unsigned char file[4 * PAGE];
	static struct index_page page;
	const size_t entries_at = FORGE_TOTALS_AT +
	    offsetof(struct index_totals, entries);
	const size_t messages_at = FORGE_TOTALS_AT +
	    offsetof(struct index_totals, messages);
	struct index_subject was;
	uint64_t position;

	for (int what = 0; what < 7; what++) {
		uint64_t n = UINT64_MAX;
		struct mbox_entry *e = &page.entries[3];

		fill(2 * INDEX_PAGE_ENTRIES + 5, 0);
		number_messages();
		ix.fd = file_fd;
		save();
		need(pread(file_fd, file, sizeof(file), 0) == sizeof(file),
		    "pread");
		memcpy(&page, file + PAGE, PAGE);
		if (what == 0)
			e->separator = UINT16_MAX;
		else if (what == 1)
			e->stored = (uint64_t)e->separator;
		else if (what == 2)
			page.messages++;
		else if (what == 3)
			page.messages = 0;
		else if (what == 4)
			e->flags = MBOX_DELETED;
		memcpy(file + PAGE, &page, PAGE);
		if (what >= 5)
			memcpy(file + (what == 5 ? entries_at : messages_at),
			    &n, sizeof(n));
		forge_sums(file, 3);
		need(pwrite(file_fd, file, sizeof(file), 0) == sizeof(file),
		    "pwrite");
		if (load(&subject, &was) == INDEX_NONE) {
			check(what >= 5, "what %d", what);
			continue;
		}
		check(what < 5 && index_message(&ix, 1, &position) == NULL &&
			!index_check(&ix, 0),
		    "what %d", what);
	}
	(void)point("a page that contradicts itself is not believed");
}

/* What the last entry, behind which there is room, says of itself. */
static void
forged_last(void)
{
	static const struct {
		bool good;
		uint16_t separator;
		uint64_t stored, behind; /* the one before */
	} rows[] = {
		{ true, MBOX_SEPARATOR_MAX, 5000, 0 },
		{ false, MBOX_SEPARATOR_MAX + 1, 5000, 0 }, { true, 40, 41, 0 },
		{ false, 40, 40, 0 },
		{ false, 40, 100, UINT64_MAX },        /* overlaps it */
		{ false, 40, 100, UINT64_MAX / 2 },    /* behind the end */
		{ false, 40, UINT64_MAX / 2, 0 },      /* up to there */
		{ false, 40, UINT64_MAX - 100000, 0 }, /* once around */
	};
	static unsigned char file[4 * PAGE];
	static struct index_page page;
	struct index_subject was;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mbox_entry *e = &page.entries[4];

		fill(2 * INDEX_PAGE_ENTRIES + 5, 0);
		ix.fd = file_fd;
		save();
		need(pread(file_fd, file, sizeof(file), 0) == sizeof(file),
		    "pread");
		memcpy(&page, file + 3 * PAGE, PAGE);
		e->separator = rows[i].separator;
		e->tail = 1;
		e->stored = rows[i].stored;
		e->offset = e[-1].offset + e[-1].stored + rows[i].behind;
		memcpy(file + 3 * PAGE, &page, PAGE);
		forge_sums(file, 3);
		need(pwrite(file_fd, file, sizeof(file), 0) == sizeof(file),
		    "pwrite");
		need(load(&subject, &was) != INDEX_NONE, "a header");
		check(index_check(&ix, 0) == rows[i].good, "row %zu", i);
	}
	(void)point("an entry that cannot be is not believed");
}

/* A page comes back that is of the same build and ended sooner. */
static void
shorter_page(void)
{
	static unsigned char older[PAGE];
	struct index_subject was;
	uint64_t position;

	fill(5, 0);
	ix.fd = file_fd;
	save();
	need(pread(file_fd, older, PAGE, PAGE) == PAGE, "pread");
	append(0, 77);
	save();
	need(pwrite(file_fd, older, PAGE, PAGE) == PAGE, "pwrite");
	ok(load(&subject, &was) == INDEX_NONE ||
		(!index_check(&ix, 0) &&
		    index_message(&ix, 1, &position) == NULL),
	    "a page that ends sooner is not believed");
}

/* What was looked at stays so, whatever others write into the file. */
static void
written_to(void)
{
	static unsigned char noise[3 * PAGE];
	struct index_subject was;
	uint64_t position;

	fill(2 * INDEX_PAGE_ENTRIES + 5, 0);
	number_messages();
	ix.fd = file_fd;
	ix.shared = true;
	save();
	memset(noise, 0xff, sizeof(noise));
	check(load(&subject, &was) == INDEX_FITS &&
		index_message(&ix, 1, &position) != NULL,
	    "one page is looked at");
	need(pwrite(file_fd, noise, sizeof(noise), PAGE) == sizeof(noise),
	    "pwrite");
	for (size_t n = 1; n <= INDEX_PAGE_ENTRIES; n++)
		compare_message(n);
	check(index_message(&ix, INDEX_PAGE_ENTRIES + 1, &position) == NULL,
	    "the next page");
	point("a page that was looked at is nobody else's");
}

/* A file that cannot be written: the index in memory stays as good. */
static void
unwritable(void)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd != -1, path);
	fill(500, 2);
	ix.fd = fd;
	check(index_save(&ix, &subject) == -1 && errno == EBADF, "save");
	compare_all();
	while (now.count < 700)
		append(0, chance_word());
	compare_all();
	(void)close(fd);
	(void)point("an index that cannot be saved goes on in memory");
}

static void
sparse(void)
{
	fill(2 * INDEX_PAGE_ENTRIES, 0);
	ok(!index_is_sparse(&ix), "a full index is not sparse");
	for (size_t i = 0; i < INDEX_PAGE_ENTRIES; i++)
		remove_at(i);
	ok(!index_is_sparse(&ix), "nor one that is half dead");
	for (size_t i = INDEX_PAGE_ENTRIES; i < now.count; i++)
		remove_at(i);
	ok(index_is_sparse(&ix), "one that is all dead is");
	compare_all();
	(void)point("and its totals are right");
}

int
main(void)
{
	chance_open();
	file_fd = memfd_create("index", MFD_CLOEXEC);
	need(file_fd != -1, "memfd_create");
	index_init(&ix, -1);
	orders();
	twins();
	file_subjects();
	file_settling();
	random_lives();
	damage();
	forged();
	forged_last();
	shorter_page();
	written_to();
	unwritable();
	sparse();
	index_free(&ix);
	return done();
}
