/* SPDX-License-Identifier: ISC */
/* Where each message of a mailbox is.  Runs as: session, restantectl. */

#include <sys/mman.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "index.h"
#include "io.h"
#include "num.h"
#include "sum.h"

enum { PAGE = sizeof(struct index_page), MIN_ROOM = 16 };

/* What is known of a page. */
enum { CHECKED = 1, DIRTY = 2 };

/*
 * Nanoseconds.  A file system may keep times of two seconds: what was written
 * sooner after the mailbox changed may have missed a second change.
 */
static const uint64_t settling = UINT64_C(2000000000);

/* Read with another order of bytes or by another version, it is another one. */
static const uint64_t magic = UINT64_C(0x3558444954534552);

struct header {
	uint64_t magic;
	struct index_subject subject;
	struct index_totals totals;
	uint64_t written; /* wall clock, ns */
	uint64_t sum;     /* of the fields above */
};

_Static_assert(sizeof(struct mbox_entry) == 48, "no padding in an entry");
_Static_assert(sizeof(struct index_page) == 4096, "a page is a page");
_Static_assert(sizeof(struct header) <= 512, "a header is one sector");

static uint64_t
page_count(uint64_t entries)
{
	return (entries + INDEX_PAGE_ENTRIES - 1) / INDEX_PAGE_ENTRIES;
}

static uint64_t
page_sum(const struct index_page *p)
{
	uint64_t sum = sum64(0, p->entries, sizeof(p->entries));

	return sum64(sum, &p->build, PAGE - offsetof(struct index_page, build));
}

void
index_init(struct index *ix, int fd)
{
	*ix = (struct index){ .fd = fd };
}

void
index_free(struct index *ix)
{
	if (ix->pages != NULL)
		(void)munmap(ix->pages, ix->room * PAGE);
	free(ix->state);
	*ix = (struct index){ .fd = ix->fd, .shared = ix->shared };
}

void
index_replace(struct index *ix, struct index *fresh)
{
	struct index old = *ix;

	*ix = *fresh;
	ix->fd = old.fd;
	ix->shared = old.shared;
	index_init(fresh, -1);
	index_free(&old);
}

int
index_identify(int fd, struct index_subject *subject)
{
	struct stat st;

	if (fds_stat(fd, &st) == -1)
		return -1;
	subject->device = st.st_dev;
	subject->inode = st.st_ino;
	subject->size = (uint64_t)st.st_size;
	subject->modified = (uint64_t)st.st_mtim.tv_sec * 1000000000 +
	    (uint64_t)st.st_mtim.tv_nsec;
	subject->changed = (uint64_t)st.st_ctim.tv_sec * 1000000000 +
	    (uint64_t)st.st_ctim.tv_nsec;
	return 0;
}

/* Lets pages and their state be those of the file, for so many pages. */
static int
map_file(struct index *ix, uint64_t count)
{
	uint8_t *state = calloc(num_size(count + 1), 1);
	void *p = NULL;

	if (state == NULL)
		return -1;
	/* Private: a removal shows in the file when it is saved. */
	if (count > 0)
		p = mmap(NULL, num_size(count * PAGE), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE, ix->fd, PAGE);
	if (p == MAP_FAILED) {
		free(state);
		return -1;
	}
	if (ix->pages != NULL)
		(void)munmap(ix->pages, ix->room * PAGE);
	free(ix->state);
	ix->pages = p;
	ix->room = (size_t)count;
	ix->state = state;
	ix->mapped = true;
	return 0;
}

static enum index_status
compare(const struct header *h, const struct index_subject *now)
{
	const struct index_subject *was = &h->subject;

	if (was->device != now->device || was->inode != now->inode ||
	    was->start != now->start || was->quoting != now->quoting ||
	    was->updates != now->updates || was->size > now->size)
		return INDEX_NONE;
	if (was->size < now->size)
		return INDEX_LOOK;
	if (was->modified != now->modified || was->changed != now->changed)
		return INDEX_NONE;
	/* It may also be older, by a clock that was set back. */
	return h->written < was->modified + settling ? INDEX_LOOK : INDEX_FITS;
}

enum index_status
index_load(struct index *ix, const struct index_subject *now,
    struct index_subject *was)
{
	enum index_status status;
	struct header h;
	struct stat st;
	uint64_t pages;

	*was = (struct index_subject){ .inode = 0 };
	if (ix->fd == -1 ||
	    io_pread(ix->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    h.magic != magic ||
	    h.sum != sum64(0, &h, offsetof(struct header, sum)))
		return INDEX_NONE;
	*was = h.subject;
	status = compare(&h, now);
	if (status == INDEX_NONE || fds_stat(ix->fd, &st) == -1)
		return INDEX_NONE;
	pages = (uint64_t)st.st_size / PAGE;
	if (pages == 0 || h.totals.entries > (pages - 1) * INDEX_PAGE_ENTRIES ||
	    h.totals.messages > h.totals.entries ||
	    map_file(ix, page_count(h.totals.entries)) == -1)
		return INDEX_NONE;
	ix->is = h.totals;
	ix->size = h.subject.size;
	return status;
}

int
index_void(struct index *ix)
{
	static const struct header none;
	struct stat st;

	/* A full disk has no room for a header where there is none. */
	if (fds_stat(ix->fd, &st) == 0 && st.st_size == 0)
		return 0;
	return io_pwrite(ix->fd, &none, sizeof(none), 0);
}

/* Brings the file up to date, but for the header. */
static int
write_pages(struct index *ix)
{
	uint64_t count = page_count(ix->is.entries), i, end;

	/* Neighbours go together. */
	for (i = 0; i < count; i = end + 1) {
		for (end = i; end < count && (ix->state[end] & DIRTY); end++) {
			ix->pages[end].build = ix->is.build;
			ix->pages[end].sum = page_sum(&ix->pages[end]);
		}
		if (end > i &&
		    io_pwrite(ix->fd, &ix->pages[i], (size_t)(end - i) * PAGE,
			(off_t)((i + 1) * PAGE)) == -1)
			return -1;
	}
	/*
	 * An older page in which removed messages are alive would pass every
	 * check: such a page must be on the disk before the header is.  So would
	 * one that was cut off, once there are as many again: it must be gone.
	 */
	if (ix->dropped)
		return fsync(ix->fd);
	return ix->removed ? fdatasync(ix->fd) : 0;
}

static int
write_header(const struct index *ix, const struct index_subject *subject)
{
	struct header h = {
		.magic = magic,
		.subject = *subject,
		.totals = ix->is,
		.written = clock_wall_ns(),
	};

	h.sum = sum64(0, &h, offsetof(struct header, sum));
	return io_pwrite(ix->fd, &h, sizeof(h), 0);
}

int
index_save(struct index *ix, const struct index_subject *subject)
{
	uint64_t count = page_count(ix->is.entries);

	if (ix->fd == -1) {
		errno = EBADF;
		return -1;
	}
	/* Killed in the midst, it leaves no header that knows older pages. */
	if (index_void(ix) == -1 ||
	    ftruncate(ix->fd, (off_t)((count + 1) * PAGE)) == -1 ||
	    write_pages(ix) == -1 || write_header(ix, subject) == -1)
		return -1;
	ix->removed = ix->dropped = false;
	ix->size = subject->size;
	for (uint64_t i = 0; i < count; i++)
		ix->state[i] = 0;
	/* What was built in memory need not stay there. */
	if (!ix->mapped)
		(void)map_file(ix, count);
	return 0;
}

/*
 * Whether a page's entries can be used without harm.  A session that its client
 * has taken over can write a page whose sum is right, and it is not the last to
 * read it.
 */
static bool
is_harmless(const struct index_page *p, uint64_t size)
{
	uint64_t messages = 0, end = 0;

	for (uint64_t i = 0; i < p->used; i++) {
		const struct mbox_entry *e = &p->entries[i];

		if (e->separator > MBOX_SEPARATOR_MAX ||
		    (uint64_t)e->separator + e->tail > e->stored ||
		    e->offset < end || e->offset > size ||
		    e->stored > size - e->offset)
			return false;
		end = e->offset + e->stored;
		messages += index_is_dead(e) ? 0 : 1;
	}
	return messages == p->messages;
}

/*
 * Writing to a page makes it a copy of our own: a session that was taken over may
 * let go of its locks, and could change it between the look and the use.
 */
static void
own_page(struct index_page *p)
{
	volatile uint64_t *sum = &p->sum;

	*sum = *sum;
}

/* Whether page i is as it was written, and fit to be used. */
static bool
check_page(struct index *ix, uint64_t i)
{
	struct index_page *p = &ix->pages[i];
	uint64_t used = INDEX_PAGE_ENTRIES;

	if (!ix->mapped || ix->state[i] != 0)
		return true;
	if ((i + 1) * INDEX_PAGE_ENTRIES > ix->is.entries)
		used = ix->is.entries - i * INDEX_PAGE_ENTRIES;
	if (ix->shared)
		own_page(p);
	if (p->build != ix->is.build || p->used != used ||
	    p->sum != page_sum(p) || !is_harmless(p, ix->size))
		return false;
	ix->state[i] = CHECKED;
	return true;
}

bool
index_check(struct index *ix, uint64_t position)
{
	uint64_t count = page_count(ix->is.entries), messages = 0;

	for (uint64_t i = position / INDEX_PAGE_ENTRIES; i < count; i++) {
		if (!check_page(ix, i))
			return false;
		messages += ix->pages[i].messages;
	}
	/* Pages may be newer than a header that was not written any more. */
	return position > 0 || messages == ix->is.messages;
}

/* Moves the pages into memory of our own, with room for more of them. */
static int
grow(struct index *ix)
{
	size_t room = ix->room * 2 < MIN_ROOM ? MIN_ROOM : ix->room * 2;
	uint64_t count = page_count(ix->is.entries);
	uint8_t *state;
	void *p;

	state = calloc(room, 1);
	if (state == NULL)
		return -1;
	if (ix->room > 0 && !ix->mapped)
		p = mremap(
		    ix->pages, ix->room * PAGE, room * PAGE, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, room * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		free(state);
		return -1;
	}
	if (ix->mapped && ix->room > 0) {
		memcpy(p, ix->pages, (size_t)count * PAGE);
		(void)munmap(ix->pages, ix->room * PAGE);
	}
	if (ix->state != NULL)
		memcpy(state, ix->state, ix->room);
	free(ix->state);
	ix->pages = p;
	ix->room = room;
	ix->state = state;
	ix->mapped = false;
	return 0;
}

static void
count_dead(struct index_totals *is, const struct mbox_entry *e)
{
	if (is->dead == 0 || e->offset < is->first_dead)
		is->first_dead = e->offset;
	is->dead += e->stored;
}

int
index_append(struct index *ix, const struct mbox_entry *entry)
{
	uint64_t i = ix->is.entries / INDEX_PAGE_ENTRIES;
	struct index_page *p;

	if ((ix->mapped || i == ix->room) && grow(ix) == -1)
		return -1;
	if (ix->is.build == 0)
		ix->is.build = clock_wall_ns();
	p = &ix->pages[i];
	p->entries[p->used++] = *entry;
	ix->state[i] |= DIRTY;
	ix->is.entries++;
	if (index_is_dead(entry)) {
		count_dead(&ix->is, entry);
		return 0;
	}
	p->messages++;
	ix->is.messages++;
	ix->is.octets += entry->octets;
	ix->is.stored += entry->stored;
	return 0;
}

static struct mbox_entry *
entry_at(const struct index *ix, uint64_t position)
{
	return &ix->pages[position / INDEX_PAGE_ENTRIES]
		    .entries[position % INDEX_PAGE_ENTRIES];
}

const struct mbox_entry *
index_entry(const struct index *ix, uint64_t position)
{
	return entry_at(ix, position);
}

void
index_remove(struct index *ix, uint64_t position)
{
	struct mbox_entry *e = entry_at(ix, position);

	e->flags |= MBOX_DELETED;
	ix->pages[position / INDEX_PAGE_ENTRIES].messages--;
	ix->state[position / INDEX_PAGE_ENTRIES] |= DIRTY;
	ix->removed = true;
	ix->is.messages--;
	ix->is.octets -= e->octets;
	ix->is.stored -= e->stored;
	count_dead(&ix->is, e);
	if (position / INDEX_PAGE_ENTRIES < ix->cursor_page)
		ix->cursor_page = ix->cursor_before = 0;
}

/* Forgets the entries of page i from one of them on. */
static void
cut_page(struct index *ix, uint64_t i, uint64_t used)
{
	struct index_page *p = &ix->pages[i];

	for (uint64_t k = used; k < p->used; k++)
		p->messages -= index_is_dead(&p->entries[k]) ? 0 : 1;
	memset(p->entries + used, 0,
	    (size_t)(INDEX_PAGE_ENTRIES - used) * sizeof(*p->entries));
	p->used = used;
	ix->state[i] |= DIRTY;
	ix->removed = true;
}

void
index_cut(struct index *ix, uint64_t position)
{
	uint64_t count = page_count(ix->is.entries);
	uint64_t first = page_count(position), used;
	const struct mbox_entry *e;

	for (uint64_t i = position; i < ix->is.entries; i++) {
		e = entry_at(ix, i);
		if (index_is_dead(e)) {
			ix->is.dead -= e->stored;
			continue;
		}
		ix->is.messages--;
		ix->is.octets -= e->octets;
		ix->is.stored -= e->stored;
	}
	used = position % INDEX_PAGE_ENTRIES;
	if (used > 0 && position < ix->is.entries)
		cut_page(ix, first - 1, used);
	/* Of the file's pages nobody asks for those behind the last. */
	if (!ix->mapped && first < count)
		memset(&ix->pages[first], 0, (size_t)(count - first) * PAGE);
	ix->is.entries = position;
	if (ix->is.dated > position)
		ix->is.dated = position;
	ix->dropped = ix->dropped || first < count;
	if (position == 0) {
		/* A page that a power loss brings back is of no build. */
		ix->is.looked = ix->is.build = 0;
		ix->dropped = false;
	}
	ix->cursor_page = ix->cursor_before = 0;
}

const struct mbox_entry *
index_message(struct index *ix, uint64_t n, uint64_t *position)
{
	const struct index_page *p;
	const struct mbox_entry *e;

	if (n <= ix->cursor_before)
		ix->cursor_page = ix->cursor_before = 0;
	for (;;) {
		if (ix->cursor_page == page_count(ix->is.entries) ||
		    !check_page(ix, ix->cursor_page)) {
			ix->cursor_page = ix->cursor_before = 0;
			return NULL;
		}
		p = &ix->pages[ix->cursor_page];
		if (n <= ix->cursor_before + p->messages)
			break;
		ix->cursor_before += p->messages;
		ix->cursor_page++;
	}
	n -= ix->cursor_before;
	e = p->entries;
	if (p->messages == INDEX_PAGE_ENTRIES)
		e += n - 1;
	else
		while (index_is_dead(e) || --n > 0)
			e++;
	if (position != NULL)
		*position = ix->cursor_page * INDEX_PAGE_ENTRIES +
		    (uint64_t)(e - p->entries);
	return e;
}

const struct mbox_entry *
index_last(struct index *ix)
{
	uint64_t i = ix->is.entries;

	while (i-- > 0) {
		if (!check_page(ix, i / INDEX_PAGE_ENTRIES))
			return NULL;
		if (!index_is_dead(entry_at(ix, i)))
			return entry_at(ix, i);
	}
	return NULL;
}

bool
index_is_sparse(const struct index *ix)
{
	uint64_t dead = ix->is.entries - ix->is.messages;

	return dead > INDEX_PAGE_ENTRIES && dead > ix->is.messages;
}

int
index_squeeze(struct index *ix, struct index *fresh)
{
	struct mbox_entry e, *last = NULL;

	index_init(fresh, -1);
	fresh->is.looked = ix->is.looked;
	for (uint64_t i = 0; i < ix->is.entries; i++) {
		e = *entry_at(ix, i);
		if (index_is_dead(&e))
			e = (struct mbox_entry){ .flags = MBOX_TOMBSTONE,
				.offset = e.offset,
				.stored = e.stored };
		if (index_is_dead(&e) && last != NULL && index_is_dead(last) &&
		    e.offset == last->offset + last->stored) {
			last->stored += e.stored;
			fresh->is.dead += e.stored;
			continue;
		}
		if (index_append(fresh, &e) == -1) {
			index_free(fresh);
			return -1;
		}
		last = entry_at(fresh, fresh->is.entries - 1);
	}
	if (ix->is.dated == ix->is.entries) {
		fresh->is.dated = fresh->is.entries;
		fresh->is.oldest = ix->is.oldest;
	}
	return 0;
}

/* The ids are digests: any of their octets are as good as a hash. */
static uint64_t
slot_of(const struct mbox_entry *e)
{
	uint64_t slot;

	memcpy(&slot, e->id, sizeof(slot));
	return slot;
}

/* The last new message of each id, by that. */
struct twins {
	struct mbox_entry **table; /* NULL where there is none */
	uint64_t size;             /* a power of two, more than there are ids */
};

/* The slot of the entry's id, or a free one. */
static struct mbox_entry **
find_twin(const struct twins *t, const struct mbox_entry *e)
{
	struct mbox_entry **slot;

	for (uint64_t i = slot_of(e);; i++) {
		slot = &t->table[i & (t->size - 1)];
		if (*slot == NULL ||
		    memcmp((*slot)->id, e->id, sizeof(e->id)) == 0)
			return slot;
	}
}

/*
 * Only what is new goes into the table, and what is old is looked up in it: the
 * memory needed follows the new mail, and no count of twins makes it slow.  The
 * last of an id keeps the next ordinal, and at the end the one that is left.
 */
int
index_tell_twins_apart(struct index *ix, uint64_t position)
{
	struct twins t = { .size = 64 };
	struct mbox_entry *e, *last, **slot;
	bool any = false;

	while (t.size < (ix->is.entries - position) * 2)
		t.size *= 2;
	t.table = calloc(num_size(t.size), sizeof(struct mbox_entry *));
	if (t.table == NULL)
		return -1;
	for (uint64_t i = position; i < ix->is.entries; i++) {
		e = entry_at(ix, i);
		if (index_is_dead(e))
			continue;
		slot = find_twin(&t, e);
		any |= *slot != NULL;
		*slot = e;
	}
	for (uint64_t i = 0; i < position; i++) {
		e = entry_at(ix, i);
		last = *find_twin(&t, e);
		if (!(e->flags & MBOX_TOMBSTONE) && last != NULL &&
		    last->ordinal <= e->ordinal) {
			last->ordinal = e->ordinal + 1;
			any = true;
		}
	}
	/* Mostly there are none, and all ordinals stay 0. */
	for (uint64_t i = position; any && i < ix->is.entries; i++) {
		e = entry_at(ix, i);
		if (index_is_dead(e))
			continue;
		last = *find_twin(&t, e);
		if (e != last)
			e->ordinal = last->ordinal++;
	}
	free(t.table);
	return 0;
}
