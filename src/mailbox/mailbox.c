/* SPDX-License-Identifier: ISC */
/* An open, locked mailbox: opening, reading, marking.  Runs as: session. */

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "journal.h"
#include "log.h"
#include "mailbox.h"

/* Of the file, mapped at a time; more than a page and the look ahead. */
static const uint64_t window_size = 32 * 1024 * 1024;

static int
keep(void *ctx, const struct mbox_entry *entry)
{
	return index_append(ctx, entry);
}

/* Maps and scans from s->pos on, to size, a window after the other. */
static int
scan_windows(struct mbox_scan *s, int fd, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t offset, len;
	bool last;
	void *p;
	int status;

	do {
		offset = (s->pos < 2 ? 0 : s->pos - 2) / page * page;
		last = size - offset <= window_size;
		len = last ? size - offset : window_size;
		p = mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, fd,
		    (off_t)offset);
		if (p == MAP_FAILED)
			return -1;
		(void)madvise(p, (size_t)len, MADV_SEQUENTIAL);
		status = mbox_scan(s, p, (size_t)len, offset, last);
		(void)munmap(p, (size_t)len);
		if (status == -1)
			return -1;
	} while (!last);
	return 0;
}

static enum mailbox_status
scan(struct mailbox *mb)
{
	struct mbox_scan s;

	mbox_scan_init(&s, mb->start, keep, &mb->index);
	if (mb->start < mb->size &&
	    scan_windows(&s, mb->fd, mb->size) == -1)
		return MAILBOX_TEMP;
	if (index_tell_twins_apart(&mb->index) == -1)
		return MAILBOX_TEMP;
	return MAILBOX_OK;
}

/* Finds the end of the password line; the size when it has none. */
static int
find_start(struct mailbox *mb)
{
	char buf[4096];
	uint64_t offset = 0;
	ssize_t n;
	char *lf;

	for (;;) {
		n = io_pread(mb->fd, buf, sizeof(buf), (off_t)offset);
		if (n == -1)
			return -1;
		lf = n == 0 ? NULL : memchr(buf, '\n', (size_t)n);
		if (lf != NULL || n == 0)
			break;
		offset += (uint64_t)n;
	}
	mb->start = lf == NULL ? mb->size : offset + (uint64_t)(lf + 1 - buf);
	return 0;
}

/*
 * Completes the last line, and the blank line behind the last message: a
 * delivery agent would glue its separator onto the one or have it taken for text
 * of the other.  What cannot be written now (a full disk) is left for the next
 * time: everything else works without.
 */
static int
complete_end(struct mailbox *mb)
{
	char end[3] = { 0 };
	size_t n = mb->size < 3 ? (size_t)mb->size : 3;
	const char *missing = "\n\n";
	struct iovec iov;

	if (mb->size == 0)
		return 0;
	if (io_pread(mb->fd, end + 3 - n, n, (off_t)(mb->size - n)) !=
	    (ssize_t)n)
		return -1;
	if (end[2] == '\n') {
		if (mb->start == mb->size || end[1] == '\n' ||
		    (end[1] == '\r' && end[0] == '\n'))
			return 0;
		missing = "\n";
	} else if (mb->start == mb->size) {
		missing = "\n"; /* the password line itself */
	}

	/* To the end as it is then, should an agent not care for locks. */
	iov.iov_base = (char *)(uintptr_t)missing;
	iov.iov_len = strlen(missing);
	if (pwritev2(mb->fd, &iov, 1, (off_t)mb->size, RWF_APPEND) == -1 &&
	    (errno != EOPNOTSUPP ||
		io_pwrite(mb->fd, missing, strlen(missing),
		    (off_t)mb->size) == -1))
		log_warn("completing the end of a mailbox");
	return 0;
}

static int
measure(struct mailbox *mb)
{
	struct stat st;

	if (fstat(mb->fd, &st) == -1)
		return -1;
	mb->size = (uint64_t)st.st_size;
	return find_start(mb);
}

enum mailbox_status
mailbox_open(struct mailbox *mb, int fd, int journal_fd)
{
	enum mailbox_status status;

	*mb = (struct mailbox){ .fd = fd, .journal_fd = journal_fd };
	status = mailbox_recover(mb);
	if (status != MAILBOX_OK)
		return status;
	if (journal_prepare(journal_fd) == -1)
		log_warn("preparing a journal");
	if (measure(mb) == -1 || complete_end(mb) == -1 || measure(mb) == -1)
		return MAILBOX_TEMP;
	return scan(mb);
}

void
mailbox_close(struct mailbox *mb)
{
	if (mb->fd != -1) {
		(void)close(mb->fd);
		(void)close(mb->journal_fd);
	}
	index_free(&mb->index);
	free(mb->marks);
	*mb = (struct mailbox){ .fd = -1, .journal_fd = -1 };
}

uint64_t
mailbox_count(const struct mailbox *mb)
{
	return mb->index.messages;
}

uint64_t
mailbox_left(const struct mailbox *mb)
{
	return mb->index.messages - mb->marked;
}

uint64_t
mailbox_octets(const struct mailbox *mb)
{
	return mb->index.octets - mb->marked_octets;
}

uint64_t
mailbox_message_octets(struct mailbox *mb, uint64_t n)
{
	return index_message(&mb->index, n)->octets;
}

void
mailbox_id(struct mailbox *mb, uint64_t n, char id[MAILBOX_ID_SIZE])
{
	const struct mbox_entry *e = index_message(&mb->index, n);

	md5_hex(e->id, id);
	if (e->ordinal != 0)
		(void)snprintf(id + 2 * MBOX_ID_SIZE,
		    MAILBOX_ID_SIZE - 2 * MBOX_ID_SIZE, "-%u", e->ordinal);
}

bool
mailbox_marked(const struct mailbox *mb, uint64_t n)
{
	return mb->marks != NULL && (mb->marks[n / 8] >> n % 8 & 1);
}

int
mailbox_mark(struct mailbox *mb, uint64_t n)
{
	if (mb->marks == NULL) {
		mb->marks = calloc(mb->index.messages / 8 + 1, 1);
		if (mb->marks == NULL)
			return -1;
	}
	mb->marks[n / 8] |= (uint8_t)(1 << n % 8);
	mb->marked++;
	mb->marked_octets += mailbox_message_octets(mb, n);
	return 0;
}

void
mailbox_unmark_all(struct mailbox *mb)
{
	free(mb->marks);
	mb->marks = NULL;
	mb->marked = mb->marked_octets = 0;
}

int
mailbox_look(struct mailbox *mb, uint64_t n)
{
	const struct mbox_entry *e = index_message(&mb->index, n);
	unsigned char line[MBOX_SEPARATOR_MAX];
	ssize_t len;

	len = io_pread(mb->fd, line, e->separator, (off_t)e->offset);
	if (len == -1)
		return -1;
	if (mbox_separator(line, (size_t)len) != e->separator) {
		errno = ESTALE;
		return -1;
	}
	return 0;
}

ssize_t
mailbox_read(struct mailbox *mb, uint64_t n, uint64_t *offset, char *buf,
    size_t size)
{
	const struct mbox_entry *e = index_message(&mb->index, n);
	uint64_t left = e->stored - e->separator - e->tail - *offset;
	ssize_t got;

	if (size > left)
		size = (size_t)left;
	got = io_pread(mb->fd, buf, size,
	    (off_t)(e->offset + e->separator + *offset));
	if (got != -1 && (size_t)got < size) {
		errno = ESTALE; /* somebody cut the file */
		return -1;
	}
	*offset += (uint64_t)size;
	return got;
}
