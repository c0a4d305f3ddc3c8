/* SPDX-License-Identifier: ISC */
/*
 * Removing messages so that a death at any point leaves all of them or none.
 * Runs as: session.
 *
 * All messages up to the end: the file is cut, which is one step.  Otherwise
 * each run of deleted messages becomes a tombstone: the runs are promised in the
 * journal, their octets are zeroed, the journal is emptied.  The file's inode
 * stays, since a delivery agent may be waiting for its lock, and nothing that is
 * kept is moved.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "journal.h"
#include "log.h"
#include "mailbox.h"
#include "sum.h"

/* A tombstone begins as a separator does. */
enum { FROM = 5 };

/* What stands at the place of a run. */
enum place {
	PLACE_UNTOUCHED, /* the separator that the journal knows */
	PLACE_BEGUN,	 /* a tombstone, or a piece of one */
	PLACE_OTHER,
	PLACE_UNREADABLE, /* errno is set */
};

/* Reads the octets at offset into line.  Returns how many, or -1. */
static ssize_t
read_line(const struct mailbox *mb, uint64_t offset, unsigned char *line)
{
	return io_pread(mb->fd, line, MBOX_SEPARATOR_MAX, (off_t)offset);
}

static enum place
look(const struct mailbox *mb, const struct journal_run *run)
{
	unsigned char line[MBOX_SEPARATOR_MAX];
	const unsigned char *lf;
	ssize_t n = read_line(mb, run->offset, line);
	size_t separator, end;

	if (n == -1)
		return PLACE_UNREADABLE;
	separator = mbox_separator(line, (size_t)n);
	if (separator != 0 && sum64(0, line, separator) == run->check)
		return PLACE_UNTOUCHED;
	/*
	 * After a power loss one sector of the separator may be zeroed and
	 * another not.  No separator has a zero octet of its own.
	 */
	lf = n == 0 ? NULL : memchr(line, '\n', (size_t)n);
	end = lf == NULL ? (size_t)n : (size_t)(lf - line);
	if (end > FROM && memcmp(line, "From ", FROM) == 0 &&
	    memchr(line + FROM, '\0', end - FROM) != NULL)
		return PLACE_BEGUN;
	return PLACE_OTHER;
}

/* How many octets at the end of a run stay: its last two line ends. */
static int
kept_tail(const struct mailbox *mb, const struct journal_run *run)
{
	char end[2];

	if (io_pread(mb->fd, end, sizeof(end),
		(off_t)(run->offset + run->length - sizeof(end))) !=
	    sizeof(end)) {
		errno = ESTALE;
		return -1;
	}
	return end[0] == '\r' ? 3 : 2;
}

static int
write_zeros(int fd, uint64_t offset, uint64_t len)
{
	static const char zeros[64 * 1024];

	while (len > 0) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		if (io_pwrite(fd, zeros, n, (off_t)offset) == -1)
			return -1;
		offset += n;
		len -= n;
	}
	return 0;
}

/* Zeroes what a tombstone does not keep, and gives its blocks back. */
static int
bury(const struct mailbox *mb, const struct journal_run *run)
{
	int tail = kept_tail(mb, run);
	uint64_t offset = run->offset + FROM, len;

	if (tail == -1)
		return -1;
	len = run->length - FROM - (uint64_t)tail;
	if (fallocate(mb->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)offset, (off_t)len) == 0)
		return 0;
	/* Not to be had everywhere; where it is, it may find no room. */
	return write_zeros(mb->fd, offset, len);
}

/* Does what the journal promises, from the begin or again. */
static int
finish(const struct mailbox *mb, const struct journal_run *runs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bury(mb, &runs[i]) == -1)
			return -1;
	if (fdatasync(mb->fd) == -1)
		return -1;
	return journal_clear(mb->journal_fd);
}

/* A journal fits by what the mailbox holds, never by the file's number. */
static enum mailbox_status
check_runs(const struct mailbox *mb, const struct journal_run *runs,
    size_t count, bool *fits)
{
	bool begun = false;

	*fits = true;
	for (size_t i = 0; i < count; i++)
		switch (look(mb, &runs[i])) {
		case PLACE_UNTOUCHED:
			break;
		case PLACE_BEGUN:
			begun = true;
			break;
		case PLACE_OTHER:
			*fits = false;
			break;
		case PLACE_UNREADABLE:
			return MAILBOX_TEMP;
		}
	if (*fits || !begun)
		return MAILBOX_OK;
	log_warnx("the journal of an update that was begun does not fit its "
		  "mailbox any more: restore both from the same backup, or "
		  "remove the journal");
	return MAILBOX_PERM;
}

enum mailbox_status
mailbox_recover(struct mailbox *mb)
{
	enum mailbox_status status = MAILBOX_TEMP;
	struct journal_run *runs;
	size_t count;
	bool fits;

	switch (journal_load(mb->journal_fd, &runs, &count)) {
	case JOURNAL_EMPTY:
		return MAILBOX_OK;
	case JOURNAL_ERROR:
		return MAILBOX_TEMP;
	case JOURNAL_RUNS:
		break;
	}
	status = check_runs(mb, runs, count, &fits);
	if (status == MAILBOX_OK && fits) {
		log_info("finishing an update that was promised");
		if (finish(mb, runs, count) == -1)
			status = MAILBOX_TEMP;
	} else if (status == MAILBOX_OK) {
		log_warnx("a journal does not fit its mailbox, and nothing of "
			  "it was begun: set aside");
		if (journal_set_aside(mb->journal_fd) == -1)
			status = MAILBOX_TEMP;
	}
	free(runs);
	return status;
}

/*
 * The runs of marked messages, for the caller to free.  *cut becomes where the
 * file could be cut instead: behind it is nothing but what is or will be dead.
 */
static struct journal_run *
collect(struct mailbox *mb, size_t *count, uint64_t *cut)
{
	struct journal_run *runs = calloc(mb->marked, sizeof(*runs));
	uint64_t end = 0, n = 0;
	bool kept;

	if (runs == NULL)
		return NULL;
	*count = 0;
	*cut = mb->start;
	for (uint64_t i = 0; i < mb->index.entries; i++) {
		const struct mbox_entry *e = index_entry(&mb->index, i);

		kept = !(e->flags & MBOX_TOMBSTONE) && !mailbox_marked(mb, ++n);
		if (kept || (i > 0 && e->offset != end))
			*cut = kept ? e->offset + e->stored : e->offset;
		else if (i == 0)
			*cut = e->offset;
		if (!kept && !(e->flags & MBOX_TOMBSTONE)) {
			if (*count > 0 && runs[*count - 1].offset +
				    runs[*count - 1].length == e->offset)
				runs[*count - 1].length += e->stored;
			else
				runs[(*count)++] = (struct journal_run){
					.offset = e->offset,
					.length = e->stored,
				};
		}
		end = e->offset + e->stored;
	}
	if (end != mb->size)
		*cut = mb->size; /* octets that are nobody's message */
	return runs;
}

/*
 * Compares what is to be removed with what the scan saw, and notes the checks
 * for recovery.  A separator, or the end of the scan, must follow each run.
 */
static int
verify(const struct mailbox *mb, struct journal_run *runs, size_t count)
{
	unsigned char line[MBOX_SEPARATOR_MAX];
	uint64_t end;
	size_t separator;
	ssize_t n;

	for (size_t i = 0; i < count; i++) {
		n = read_line(mb, runs[i].offset, line);
		if (n == -1)
			return -1;
		separator = mbox_separator(line, (size_t)n);
		runs[i].check = sum64(0, line, separator);
		end = runs[i].offset + runs[i].length;
		if (separator == 0)
			goto stale;
		if (end == mb->size)
			continue;
		n = read_line(mb, end, line);
		if (n == -1)
			return -1;
		if (n <= FROM || (memcmp(line, "From ", FROM + 1) != 0 &&
				     mbox_separator(line, (size_t)n) == 0))
			goto stale;
	}
	return 0;
stale:
	errno = ESTALE;
	return -1;
}

static enum mailbox_status
cut_file(const struct mailbox *mb, uint64_t cut)
{
	if (ftruncate(mb->fd, (off_t)cut) == -1)
		return MAILBOX_TEMP;
	return fsync(mb->fd) == -1 ? MAILBOX_TEMP : MAILBOX_OK;
}

static enum mailbox_status
remove_runs(const struct mailbox *mb, struct journal_run *runs, size_t count,
    uint64_t cut)
{
	struct stat st;

	if (fstat(mb->fd, &st) == -1 || verify(mb, runs, count) == -1)
		return MAILBOX_TEMP;
	/* Mail that was appended meanwhile, without a lock, stays. */
	if (cut <= runs[0].offset && (uint64_t)st.st_size == mb->size)
		return cut_file(mb, cut);
	if (journal_commit(mb->journal_fd, runs, count) == -1)
		return MAILBOX_TEMP;
	if (finish(mb, runs, count) == -1)
		log_warn("an update is promised; the next login finishes it");
	return MAILBOX_OK;
}

enum mailbox_status
mailbox_update(struct mailbox *mb)
{
	enum mailbox_status status;
	struct journal_run *runs;
	size_t count;
	uint64_t cut;
	int saved;

	if (mb->marked == 0)
		return MAILBOX_OK;
	runs = collect(mb, &count, &cut);
	if (runs == NULL)
		return MAILBOX_TEMP;
	status = remove_runs(mb, runs, count, cut);
	saved = errno;
	free(runs);
	errno = saved;
	return status;
}
