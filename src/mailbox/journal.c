/* SPDX-License-Identifier: ISC */
/* The journal of a mailbox.  Runs as: session, restantectl. */

#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "io.h"
#include "journal.h"
#include "num.h"
#include "sum.h"

enum { BLOCK = 4096, PIECE = 64 * 1024 };

/* Beside the kinds of promises. */
enum { KIND_EMPTY = 0, KIND_ASIDE = 3 };

/* In the byte order of the machine: one from elsewhere has another magic. */
static const uint64_t magic = UINT64_C(0x344c4e4a54534552);

struct header {
	uint64_t magic;
	uint64_t kind;  /* KIND_ or JOURNAL_ */
	uint64_t count; /* of runs */
	struct journal_move move;
	uint64_t body;    /* sum of the runs, or of the octets of a move */
	uint64_t login;   /* the last one, seconds since 1970; 0: not known */
	uint64_t due;     /* when the next one is expected, or 0 */
	uint64_t updates; /* promised so far: runs and moves */
	uint64_t sum;     /* of the fields above */
};

_Static_assert(sizeof(struct header) <= 512, "a header is one sector");

static bool
is_promise(uint64_t kind)
{
	return kind == JOURNAL_RUNS || kind == JOURNAL_MOVE ||
	    kind == JOURNAL_HEAD || kind == JOURNAL_APPEND;
}

static void
seal(struct header *h)
{
	h->sum = sum64(0, h, offsetof(struct header, sum));
}

/* A header that is not whole becomes one of an empty journal. */
static int
read_header(int fd, struct header *h)
{
	ssize_t n = io_pread(fd, h, sizeof(*h), 0);

	if (n == -1)
		return -1;
	if ((size_t)n < sizeof(*h) || h->magic != magic ||
	    h->sum != sum64(0, h, offsetof(struct header, sum)))
		*h = (struct header){ .kind = KIND_EMPTY };
	return 0;
}

/* The header of a new promise: of the one before it keeps what it must. */
static int
begin_header(int fd, enum journal_kind kind, struct header *h)
{
	struct header old;

	if (read_header(fd, &old) == -1)
		return -1;
	*h = (struct header){
		.magic = magic,
		.kind = kind,
		.login = old.login,
		.due = old.due,
		.updates = old.updates,
	};
	if (kind == JOURNAL_RUNS || kind == JOURNAL_MOVE)
		h->updates++;
	return 0;
}

/* Reads and checks the runs. */
static enum journal_status
load_runs(int fd, const struct header *h, struct journal_promise *p)
{
	size_t size = num_size(h->count * sizeof(*p->runs));
	ssize_t n;
	int saved;

	p->runs = malloc(size);
	if (p->runs == NULL)
		return JOURNAL_ERROR;
	p->count = (size_t)h->count;
	n = io_pread(fd, p->runs, size, sizeof(*h));
	if (n == (ssize_t)size && h->body == sum64(0, p->runs, size))
		return JOURNAL_PROMISE;
	saved = errno;
	free(p->runs);
	p->runs = NULL;
	errno = saved;
	return n == -1 ? JOURNAL_ERROR : JOURNAL_TORN;
}

/*
 * Sums the octets of a move.  Returns 0, or -1 with errno set: ENODATA when
 * there are not so many.
 */
static int
sum_octets(int fd, uint64_t length, uint64_t *sum)
{
	static char buf[PIECE];
	uint64_t offset = 0;
	size_t want;

	for (*sum = 0; offset < length; offset += want) {
		want = sizeof(buf);
		if (want > length - offset)
			want = (size_t)(length - offset);
		if (journal_read(fd, buf, want, offset) == -1)
			return -1;
		*sum = sum64(*sum, buf, want);
	}
	return 0;
}

static enum journal_status
check_move(int fd, const struct header *h)
{
	uint64_t sum;

	if (sum_octets(fd, h->move.length, &sum) == -1)
		return errno == ENODATA ? JOURNAL_TORN : JOURNAL_ERROR;
	return sum == h->body ? JOURNAL_PROMISE : JOURNAL_TORN;
}

enum journal_status
journal_load(int fd, struct journal_promise *p)
{
	struct header h;
	struct stat st;

	*p = (struct journal_promise){ .runs = NULL };
	if (read_header(fd, &h) == -1 || fds_stat(fd, &st) == -1)
		return JOURNAL_ERROR;
	if (!is_promise(h.kind))
		return JOURNAL_EMPTY;
	p->kind = (enum journal_kind)h.kind;
	p->move = h.move;
	if (p->kind != JOURNAL_RUNS)
		return check_move(fd, &h);
	if (h.count == 0 || h.count > SIZE_MAX / sizeof(*p->runs) ||
	    h.count > ((uint64_t)st.st_size - sizeof(h)) / sizeof(*p->runs))
		return JOURNAL_TORN;
	return load_runs(fd, &h, p);
}

int
journal_prepare(int fd)
{
	static const char empty[BLOCK];
	struct header h;
	struct stat st;

	if (fds_stat(fd, &st) == -1)
		return -1;
	/* Who was killed before a promise has left octets for it. */
	if (st.st_size > BLOCK && read_header(fd, &h) == 0 &&
	    h.magic == magic && h.kind == KIND_EMPTY)
		(void)!ftruncate(fd, BLOCK);
	if (st.st_size >= BLOCK)
		return 0;
	if (io_pwrite(fd, empty, sizeof(empty), 0) == -1)
		return -1;
	return fdatasync(fd);
}

/* Overwrites the header and syncs it. */
static int
put_kind(int fd, uint64_t kind)
{
	struct header h;

	if (read_header(fd, &h) == -1)
		return -1;
	h.magic = magic;
	h.kind = kind;
	seal(&h);
	if (io_pwrite(fd, &h, sizeof(h), 0) == -1)
		return -1;
	return fdatasync(fd);
}

/* Writes the first block, which makes the promise, and syncs. */
static enum journal_promised
promise(int fd, const void *first)
{
	bool written = io_pwrite(fd, first, BLOCK, 0) == 0, refused;
	struct header h;
	int saved;

	if (written && fdatasync(fd) == 0)
		return JOURNAL_PROMISED;
	saved = errno;
	/* What is not there to be read was never on its way to the disk. */
	refused = !written && read_header(fd, &h) == 0 && !is_promise(h.kind);
	refused = put_kind(fd, KIND_EMPTY) == 0 || refused;
	errno = saved;
	return refused ? JOURNAL_REFUSED : JOURNAL_UNSURE;
}

enum journal_promised
journal_commit_runs(int fd, const struct journal_run *runs, size_t count)
{
	unsigned char first[BLOCK] = { 0 };
	struct header h;
	size_t size = count * sizeof(*runs), room = sizeof(first) - sizeof(h);
	size_t inside = size < room ? size : room;

	if (begin_header(fd, JOURNAL_RUNS, &h) == -1)
		return JOURNAL_REFUSED;
	h.count = count;
	h.body = sum64(0, runs, size);
	seal(&h);
	memcpy(first, &h, sizeof(h));
	memcpy(first + sizeof(h), runs, inside);
	/* What may find the disk full comes before what promises. */
	if (size > inside &&
	    io_pwrite(fd, (const char *)runs + inside, size - inside, BLOCK) ==
		-1)
		return JOURNAL_REFUSED;
	return promise(fd, first);
}

int
journal_write(struct journal_writer *w, const void *data, size_t len)
{
	if (io_pwrite(w->fd, data, len, (off_t)(BLOCK + w->length)) == -1)
		return -1;
	w->length += len;
	return 0;
}

enum journal_promised
journal_commit_move(const struct journal_writer *w, enum journal_kind kind,
    const struct journal_move *move)
{
	unsigned char first[BLOCK] = { 0 };
	struct header h;

	if (begin_header(w->fd, kind, &h) == -1)
		return JOURNAL_REFUSED;
	h.move = *move;
	if (sum_octets(w->fd, w->length, &h.body) == -1)
		return JOURNAL_REFUSED;
	seal(&h);
	memcpy(first, &h, sizeof(h));
	return promise(w->fd, first);
}

uint64_t
journal_size(uint64_t length)
{
	return BLOCK + length;
}

int
journal_read(int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = io_pread(fd, buf, len, (off_t)(BLOCK + offset));

	if (n == (ssize_t)len)
		return 0;
	if (n != -1)
		errno = ENODATA;
	return -1;
}

int
journal_clear(int fd)
{
	struct stat st;

	if (put_kind(fd, KIND_EMPTY) == -1)
		return -1;
	if (fds_stat(fd, &st) == 0 && st.st_size > BLOCK)
		(void)!ftruncate(fd, BLOCK);
	return 0;
}

int
journal_set_aside(int fd)
{
	return put_kind(fd, KIND_ASIDE);
}

/*
 * The login stands in the header itself, so that whatever writes the header
 * carries it on, and a sync that is made anyway takes it to the disk.  It is
 * written only where nothing is promised: what a death may leave of it is the
 * header before, this one, or none that is whole, and each of them says that the
 * journal is empty.  A promise made later is written over it, and synced.
 */
int
journal_note_login(int fd, uint64_t when)
{
	struct header h;

	if (read_header(fd, &h) == -1)
		return -1;
	if (h.kind != KIND_EMPTY && h.kind != KIND_ASIDE)
		return 0;
	h.magic = magic;
	h.login = when;
	seal(&h);
	return io_pwrite(fd, &h, sizeof(h), 0);
}

/*
 * As safe as a note.  What is later than any login can have made it was written
 * when the clock was wrong, or the delay longer.
 */
int
journal_take_turn(int fd, uint64_t now, uint64_t delay)
{
	struct header h;

	(void)journal_prepare(fd);
	if (read_header(fd, &h) == -1)
		return -1;
	if (h.kind != KIND_EMPTY && h.kind != KIND_ASIDE)
		return 1;
	if (h.due < now || h.due > now + 2 * delay)
		h.due = now;
	if (h.due > now + delay)
		return 0;
	h.magic = magic;
	h.due += delay;
	seal(&h);
	return io_pwrite(fd, &h, sizeof(h), 0) == -1 ? -1 : 1;
}

int
journal_updates(int fd, uint64_t *updates)
{
	struct header h;

	if (read_header(fd, &h) == -1)
		return -1;
	*updates = h.updates;
	return 0;
}

int
journal_describe(int fd, struct journal_about *about)
{
	static const struct header none;
	struct header raw, h;

	*about = (struct journal_about){ .login = 0 };
	raw = none;
	if (io_pread(fd, &raw, sizeof(raw), 0) == -1 ||
	    read_header(fd, &h) == -1)
		return -1;
	about->damaged = h.magic != magic &&
	    memcmp(&raw, &none, sizeof(raw)) != 0;
	about->aside = h.kind == KIND_ASIDE;
	about->promises = is_promise(h.kind);
	about->login = h.login;
	return 0;
}
