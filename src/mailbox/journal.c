/* SPDX-License-Identifier: ISC */
/* The journal of a mailbox.  Runs as: session. */

#include <sys/stat.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "journal.h"
#include "sum.h"

enum { BLOCK = 4096 };

enum kind { KIND_EMPTY, KIND_RUNS, KIND_ASIDE };

/* In the byte order of the machine: one from elsewhere has another magic. */
static const uint64_t magic = UINT64_C(0x314c4e4a54534552);

struct header {
	uint64_t magic;
	uint64_t kind;
	uint64_t count; /* of runs */
	uint64_t sum;	/* of the fields above and the runs */
	uint64_t reserved[4];
};

static uint64_t
sum_of(const struct header *h, const struct journal_run *runs)
{
	uint64_t sum = sum64(0, h, offsetof(struct header, sum));

	return sum64(sum, runs, h->count * sizeof(*runs));
}

static int
read_header(int fd, struct header *h)
{
	ssize_t n = io_pread(fd, h, sizeof(*h), 0);

	if (n == -1)
		return -1;
	if ((size_t)n < sizeof(*h) || h->magic != magic)
		*h = (struct header){ .kind = KIND_EMPTY };
	return 0;
}

enum journal_status
journal_load(int fd, struct journal_run **runs, size_t *count)
{
	struct header h;
	struct stat st;
	size_t size;
	ssize_t n;

	if (read_header(fd, &h) == -1 || fstat(fd, &st) == -1)
		return JOURNAL_ERROR;
	if (h.kind != KIND_RUNS || h.count == 0 ||
	    h.count > ((uint64_t)st.st_size - sizeof(h)) / sizeof(**runs))
		return JOURNAL_EMPTY;
	size = (size_t)h.count * sizeof(**runs);
	*runs = malloc(size);
	if (*runs == NULL)
		return JOURNAL_ERROR;
	n = io_pread(fd, *runs, size, sizeof(h));
	if (n == -1 || (size_t)n < size || h.sum != sum_of(&h, *runs)) {
		int saved = errno;

		free(*runs);
		*runs = NULL;
		errno = saved;
		return n == -1 ? JOURNAL_ERROR : JOURNAL_EMPTY;
	}
	*count = (size_t)h.count;
	return JOURNAL_RUNS;
}

int
journal_prepare(int fd)
{
	static const char empty[BLOCK];
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if (st.st_size >= BLOCK)
		return 0;
	if (io_pwrite(fd, empty, sizeof(empty), 0) == -1)
		return -1;
	return fdatasync(fd);
}

/* Overwrites the header and syncs it. */
static int
put_kind(int fd, enum kind kind)
{
	struct header h;

	if (read_header(fd, &h) == -1)
		return -1;
	h.magic = magic;
	h.kind = kind;
	if (io_pwrite(fd, &h, sizeof(h), 0) == -1)
		return -1;
	return fdatasync(fd);
}

int
journal_commit(int fd, const struct journal_run *runs, size_t count)
{
	struct header h = { .magic = magic, .kind = KIND_RUNS, .count = count };
	unsigned char first[BLOCK] = { 0 };
	size_t size = count * sizeof(*runs), room = sizeof(first) - sizeof(h);
	size_t inside = size < room ? size : room;
	int saved;

	h.sum = sum_of(&h, runs);
	memcpy(first, &h, sizeof(h));
	memcpy(first + sizeof(h), runs, inside);
	/* What may find the disk full comes before what is promised by. */
	if (size > inside &&
	    io_pwrite(fd, (const char *)runs + inside, size - inside, BLOCK) ==
		-1)
		return -1;
	if (io_pwrite(fd, first, sizeof(first), 0) == 0 && fdatasync(fd) == 0)
		return 0;
	saved = errno;
	(void)put_kind(fd, KIND_EMPTY);
	errno = saved;
	return -1;
}

int
journal_clear(int fd)
{
	struct stat st;

	if (put_kind(fd, KIND_EMPTY) == -1)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size > BLOCK)
		(void)!ftruncate(fd, BLOCK);
	return 0;
}

int
journal_set_aside(int fd)
{
	return put_kind(fd, KIND_ASIDE);
}
