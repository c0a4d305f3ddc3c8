/* SPDX-License-Identifier: ISC */
/*
 * Property: no file makes the journal's reader fail, and what it yields are the
 * octets of the file, with checksums that fit.  Half of the inputs get a header
 * with the right sum, or nothing would ever pass it.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <unistd.h>

#include "fuzz.h"
#include "journal.h"
#include "sum.h"

/* The header in the file: see journal.c. */
enum {
	HEADER = 112,
	KIND_AT = 8,
	COUNT_AT = 16,
	MOVE_AT = 24,
	BODY_AT = 72,
	SUM_AT = 104,
	BLOCK = 4096,
	RUN = sizeof(struct journal_run),
	PIECE = 64 * 1024,
};

static uint64_t
field(const uint8_t *file, size_t at)
{
	uint64_t n;

	memcpy(&n, file + at, sizeof(n));
	return n;
}

/* As the writer does it: in pieces of a fixed size. */
static uint64_t
sum_of(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;

	for (size_t n; len > 0; p += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		sum = sum64(sum, p, n);
	}
	return sum;
}

/* Makes sums right that are wrong, as far as there is something to sum. */
static void
seal(uint8_t *file, size_t size, bool body)
{
	uint64_t sum, count;

	if (size < HEADER)
		return;
	count = field(file, COUNT_AT);
	if (body && field(file, KIND_AT) == 1 &&
	    count <= (size - HEADER) / RUN) {
		sum = sum64(0, file + HEADER, count * RUN);
		memcpy(file + BODY_AT, &sum, sizeof(sum));
	}
	count = field(file, MOVE_AT + 8);
	if (body && field(file, KIND_AT) != 1 && size > BLOCK &&
	    count <= size - BLOCK) {
		sum = sum_of(file + BLOCK, (size_t)count);
		memcpy(file + BODY_AT, &sum, sizeof(sum));
	}
	sum = sum64(0, file, SUM_AT);
	memcpy(file + SUM_AT, &sum, sizeof(sum));
}

static void
check_promise(
    const struct journal_promise *p, const uint8_t *file, size_t size, int fd)
{
	must(size >= HEADER && field(file, SUM_AT) == sum64(0, file, SUM_AT));
	if (p->runs != NULL) {
		must(p->count > 0 && p->count == field(file, COUNT_AT) &&
		    p->count <= (size - HEADER) / RUN);
		must(memcmp(p->runs, file + HEADER, p->count * RUN) == 0);
		must(field(file, BODY_AT) == sum64(0, p->runs, p->count * RUN));
		return;
	}
	must(memcmp(&p->move, file + MOVE_AT, sizeof(p->move)) == 0);
	must(p->move.length == 0 ||
	    (size > BLOCK && p->move.length <= size - BLOCK));
	must(field(file, BODY_AT) ==
	    sum_of(file + BLOCK, (size_t)p->move.length));
	if (p->move.length > 0) {
		uint8_t octet;

		must(journal_read(fd, &octet, 1, p->move.length - 1) == 0 &&
		    octet == file[BLOCK + p->move.length - 1]);
	}
}

/* A journal, of which a header that says nothing yields the magic. */
static int
open_journal(uint8_t magic[8])
{
	int fd = memfd_create("journal", MFD_CLOEXEC);
	struct stat st;

	must(fd != -1 && journal_set_aside(fd) == 0 && fstat(fd, &st) == 0 &&
	    st.st_size == HEADER && pread(fd, magic, 8, 0) == 8);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t magic[8];
	static int fd = -1;
	struct input in = { data, size };
	size_t flags = (size_t)take(&in, 1), padding = 0;
	struct journal_promise p;
	struct journal_about about;
	uint8_t *file;

	if (fd == -1)
		fd = open_journal(magic);
	/* Short inputs can have a body behind the first block, too. */
	if (flags & 4)
		padding = BLOCK;
	size = in.len + padding;
	file = calloc(size + 1, 1);
	must(file != NULL);
	memcpy(file, in.p, in.len < HEADER ? in.len : HEADER);
	if (in.len > HEADER)
		memcpy(file + HEADER + padding, in.p + HEADER, in.len - HEADER);
	if (flags & 1 && size >= HEADER) {
		memcpy(file, magic, 8);
		seal(file, size, (flags & 2) != 0);
	}
	must(ftruncate(fd, 0) == 0 &&
	    pwrite(fd, file, size, 0) == (ssize_t)size);

	switch (journal_load(fd, &p)) {
	case JOURNAL_EMPTY:
	case JOURNAL_TORN:
		must(p.runs == NULL);
		break;
	case JOURNAL_PROMISE:
		check_promise(&p, file, size, fd);
		break;
	case JOURNAL_ERROR:
		must(false);
	}
	free(p.runs);
	must(journal_describe(fd, &about) == 0);
	must((flags & 8 ? journal_clear(fd) : journal_set_aside(fd)) == 0);
	must(journal_load(fd, &p) == JOURNAL_EMPTY && p.runs == NULL);
	must(journal_describe(fd, &about) == 0 && !about.damaged);
	free(file);
	return 0;
}
