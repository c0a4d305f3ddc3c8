/* SPDX-License-Identifier: ISC */
/*
 * An open, locked mailbox: opening, reading, marking.
 * Runs as: session, restantectl.
 */

#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "io.h"
#include "journal.h"
#include "lock.h"
#include "log.h"
#include "mailbox.h"
#include "num.h"
#include "promise.h"

enum {
	/* Of the file, read at a time. */
	SCAN_PIECE = 256 * 1024,
	/* Dead entries that a login looks at: a disk may have to seek to each. */
	DEAD_LOOKS = 128,
};

int
mailbox_pread(const struct mailbox *mb, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = io_pread(mb->files.fd, buf, len, (off_t)offset);

	if (n == (ssize_t)len)
		return 0;
	if (n != -1)
		errno = ESTALE; /* somebody cut the file */
	return -1;
}

int
mailbox_size(const struct mailbox *mb, uint64_t *size)
{
	struct stat st;

	if (fds_stat(mb->files.fd, &st) == -1)
		return -1;
	*size = (uint64_t)st.st_size;
	return 0;
}

int
mailbox_stands_still(const struct mailbox *mb)
{
	uint64_t size;

	if (mailbox_size(mb, &size) == -1)
		return -1;
	if (size == mb->subject.size)
		return 0;
	errno = ESTALE;
	return -1;
}

static int
keep(void *ctx, const struct mbox_entry *entry)
{
	return index_append(ctx, entry);
}

/*
 * Reads and scans from s->pos to end, piece by piece into a buffer that stays in the
 * cache.  That is faster than a mapping: no page of the file has to be entered into
 * the address space; and faster to whole pages than to others.  In front of a piece
 * is what the scan looks back at, and what it could not look at yet.
 */
static int
scan_pieces(struct mbox_scan *s, const struct mailbox *mb, uint64_t end)
{
	enum { KEPT = MBOX_SEPARATOR_MAX + MBOX_BEHIND, FRONT = 4096 };
	unsigned char *buf = aligned_alloc(FRONT, FRONT + SCAN_PIECE), *piece;
	uint64_t from = s->pos, offset = from;
	size_t kept = 0, len;
	int status = 0;

	if (buf == NULL)
		return -1;
	piece = buf + FRONT;
	while (status == 0 && offset < end) {
		/* The pieces of the file, but for the first, are aligned. */
		len = SCAN_PIECE - (size_t)(offset % SCAN_PIECE);
		if (len > end - offset)
			len = (size_t)(end - offset);
		status = mailbox_pread(mb, piece, len, offset);
		if (status == -1)
			break;
		status = mbox_scan(s, piece - kept, kept + len, offset - kept,
		    offset + len == end);
		offset += len;
		kept = offset - from < KEPT ? (size_t)(offset - from) : KEPT;
		memmove(piece - kept, piece + len - kept, kept);
	}
	free(buf);
	return status;
}

/* Scans the file from offset to the subject's size into the index. */
static int
scan(const struct mailbox *mb, struct index *ix, uint64_t offset)
{
	uint64_t position = ix->is.entries;
	struct mbox_scan s;

	mbox_scan_init(&s, offset, keep, ix);
	s.unquote = mb->set->unquote;
	if (scan_pieces(&s, mb, mb->subject.size) == -1)
		return -1;
	return index_tell_twins_apart(ix, position);
}

int
mailbox_scan(const struct mailbox *mb, struct index *fresh)
{
	return scan(mb, fresh, mb->subject.start);
}

/*
 * A page of the index is damaged.  What the client was told must stay true, else
 * the session ends here and the next one begins with a good index.
 */
static void
repair(struct mailbox *mb)
{
	struct index fresh;

	log_warnx("the index of a mailbox is damaged: scanning again");
	index_init(&fresh, -1);
	if (mailbox_scan(mb, &fresh) == -1 ||
	    fresh.is.messages != mb->index.is.messages ||
	    fresh.is.octets != mb->index.is.octets) {
		(void)index_void(&mb->index);
		fatalx("a damaged index had other numbers: session ended");
	}
	index_replace(&mb->index, &fresh);
}

const struct mbox_entry *
mailbox_entry(struct mailbox *mb, uint64_t n, uint64_t *position)
{
	const struct mbox_entry *e = index_message(&mb->index, n, position);

	if (e == NULL) {
		repair(mb);
		e = index_message(&mb->index, n, position);
	}
	return e;
}

void
mailbox_check_index(struct mailbox *mb)
{
	if (!index_check(&mb->index, 0))
		repair(mb);
}

/*
 * An index is made void before an update, but not synced, nor are the times of a
 * mailbox in which octets were overwritten: a power loss may bring back both, and
 * in the index all is alive.  The number of updates, which is synced, tells.
 */
static int
count_updates(struct mailbox *mb)
{
	mb->subject.updates = 0;
	if (mb->files.journal_fd == -1)
		return 0;
	return journal_updates(mb->files.journal_fd, &mb->subject.updates);
}

void
mailbox_keep_index(struct mailbox *mb)
{
	int saved = errno;

	if (!mb->complete || mb->distrusted || mb->files.index_fd == -1)
		return;
	if (count_updates(mb) == -1 ||
	    index_save(&mb->index, &mb->subject) == -1)
		log_warn("writing an index");
	errno = saved;
}

void
mailbox_save_index(struct mailbox *mb, uint64_t size)
{
	int saved = errno;

	if (index_identify(mb->files.fd, &mb->subject) == 0) {
		mb->subject.size = size;
		mailbox_keep_index(mb);
	}
	errno = saved;
}

/*
 * Finds the end of the password line; the size when it has none.  A file that
 * begins with mail was made by a delivery agent: there is no such line.
 */
static int
find_start(struct mailbox *mb)
{
	uint64_t offset = 0;
	char buf[4096];
	ssize_t n;
	char *lf;

	for (;;) {
		n = io_pread(mb->files.fd, buf, sizeof(buf), (off_t)offset);
		if (n == -1)
			return -1;
		lf = n == 0 ? NULL : memchr(buf, '\n', (size_t)n);
		if (lf != NULL || n == 0)
			break;
		offset += (uint64_t)n;
	}
	mb->subject.start = lf == NULL ? mb->subject.size
				       : offset + (uint64_t)(lf + 1 - buf);
	if (offset == 0 && mbox_separator((unsigned char *)buf, (size_t)n) != 0)
		mb->subject.start = 0;
	return 0;
}

/* Learns what the file is. */
static int
measure(struct mailbox *mb)
{
	if (index_identify(mb->files.fd, &mb->subject) == -1 ||
	    count_updates(mb) == -1)
		return -1;
	return find_start(mb);
}

const char *
mailbox_missing_end(const struct mailbox *mb)
{
	uint64_t size = mb->subject.size, start = mb->subject.start;
	size_t n = size < 3 ? (size_t)size : 3;
	char end[3];

	if (size == 0)
		return "";
	if (mailbox_pread(mb, end, n, size - n) == -1)
		return NULL;
	if (start == size)
		return end[n - 1] == '\n' ? "" : "\n";
	return mbox_missing_end(end, n);
}

ssize_t
mailbox_append(
    const struct mailbox *mb, const char *end, const char *mbox, size_t len)
{
	struct iovec iov[] = {
		{ (void *)(uintptr_t)end, strlen(end) },
		{ (void *)(uintptr_t)mbox, len },
	};
	off_t size = (off_t)mb->subject.size;
	ssize_t n = pwritev2(mb->files.fd, iov, 2, size, RWF_APPEND);

	if (n == -1 && (errno == EOPNOTSUPP || errno == ENOSYS))
		n = pwritev2(mb->files.fd, iov, 2, size, 0);
	/* The rest of it is not to be had. */
	if (n != -1 && (size_t)n < iov[0].iov_len + len)
		errno = ENOSPC;
	return n;
}

/*
 * Completes the last line of the file that was measured, and the blank line
 * behind the last message: a delivery agent would glue its separator onto the one
 * or have it taken for text of the other.  What cannot be written now (a full
 * disk) is left for the next time: everything else works without.
 */
static int
complete(struct mailbox *mb)
{
	const char *missing = mailbox_missing_end(mb);

	if (missing == NULL)
		return -1;
	mb->complete = true;
	if (*missing == '\0')
		return 0;
	/* Half of it is as good as nothing. */
	if (mailbox_append(mb, missing, "", 0) != (ssize_t)strlen(missing)) {
		log_warn("completing the end of a mailbox");
		mb->complete = false;
		return 0;
	}
	return measure(mb);
}

/* Whether a separator or tombstone stands where the index ends. */
static bool
goes_on(const struct mailbox *mb, uint64_t offset)
{
	unsigned char line[MBOX_SEPARATOR_MAX];
	ssize_t n;

	if (offset == mb->subject.size)
		return true;
	n = io_pread(mb->files.fd, line, sizeof(line), (off_t)offset);
	return n > 5 &&
	    (memcmp(line, "From ", 6) == 0 ||
		mbox_separator(line, (size_t)n) != 0);
}

/* Whether a tombstone begins where a dead entry does, or that is within one. */
static int
check_begin(const struct mailbox *mb, const struct mbox_entry *e)
{
	enum { LEN = sizeof("From ") };
	static const char zeros[LEN];
	char octets[LEN];

	if (mailbox_pread(mb, octets, LEN, e->offset) == -1)
		return -1;
	if (memcmp(octets, "From ", LEN) == 0 ||
	    memcmp(octets, zeros, LEN) == 0)
		return 0;
	errno = ESTALE;
	return -1;
}

/* Whether a dead entry's last octets are zero, but for line ends. */
static bool
ends_dead(const struct mailbox *mb, const struct mbox_entry *e)
{
	enum { LEN = 4 };
	static const char zeros[LEN];
	char octets[LEN];

	return mailbox_pread(mb, octets, LEN, e->offset + e->stored - LEN) ==
	    0 &&
	    (memcmp(octets, zeros, LEN) == 0 ||
		memcmp(octets, "\0\n\r\n", LEN) == 0 ||
		memcmp(octets + 1, "\0\n\n", LEN - 1) == 0);
}

static int
no_message(void *ctx, const struct mbox_entry *entry)
{
	(void)ctx;
	if (entry->flags & MBOX_TOMBSTONE)
		return 0;
	errno = ESTALE;
	return -1;
}

void
mailbox_find_data(
    const struct mailbox *mb, uint64_t *from, uint64_t *to, uint64_t end)
{
	off_t data = lseek(mb->files.fd, (off_t)*from, SEEK_DATA), hole;

	*to = end;
	if ((data == -1 && errno == ENXIO) || data > (off_t)end)
		data = (off_t)end;
	if (data == -1)
		return;
	*from = (uint64_t)data;
	hole = lseek(mb->files.fd, data, SEEK_HOLE);
	if (hole > data && (uint64_t)hole < end)
		*to = (uint64_t)hole;
}

int
mailbox_check_dead(const struct mailbox *mb, const struct mbox_entry *e)
{
	uint64_t from = e->offset, to, end = from + e->stored;
	struct mbox_scan s;

	if (check_begin(mb, e) == -1)
		return -1;
	for (; from < end; from = to) {
		mailbox_find_data(mb, &from, &to, end);
		mbox_scan_init(&s, from, no_message, NULL);
		if (from < end && scan_pieces(&s, mb, to) == -1)
			return -1;
	}
	return 0;
}

/* The same with a look at both ends, where these look as they should. */
static bool
looks_dead(const struct mailbox *mb, const struct mbox_entry *e)
{
	return (check_begin(mb, e) == 0 && ends_dead(mb, e)) ||
	    mailbox_check_dead(mb, e) == 0;
}

/*
 * Whether what died is dead in the file, too: in one that was restored from a
 * backup it is mail again.  Only at its ends, and here and there where there is
 * much of it: this is no time to read all of it.
 */
static bool
are_dead(const struct mailbox *mb)
{
	const struct index_totals *is = &mb->index.is;
	uint64_t every = (is->entries - is->messages) / DEAD_LOOKS + 1, n = 0;

	for (uint64_t i = 0; i < is->entries; i++) {
		const struct mbox_entry *e = index_entry(&mb->index, i);

		if (index_is_dead(e) && n++ % every == 0 && !looks_dead(mb, e))
			return false;
	}
	return true;
}

bool
mailbox_looks_right(struct mailbox *mb, uint64_t size)
{
	const struct mbox_entry *first, *last;

	if (!goes_on(mb, size))
		return false;
	if (size < mb->subject.size &&
	    (!index_check(&mb->index, 0) || !are_dead(mb)))
		return false;
	if (mb->index.is.messages == 0)
		return true;
	first = index_message(&mb->index, 1, NULL);
	last = index_last(&mb->index);
	return first != NULL && last != NULL &&
	    mailbox_check_entry(mb, first) == 0 &&
	    mailbox_check_entry(mb, last) == 0;
}

int
mailbox_learn(struct mailbox *mb)
{
	struct index_subject was;
	enum index_status status;

	status = index_load(&mb->index, &mb->subject, &was);
	if (status == INDEX_FITS)
		return 0;
	if (status == INDEX_NONE || !mailbox_looks_right(mb, was.size)) {
		index_free(&mb->index);
		was.size = mb->subject.start;
	}
	if (was.size < mb->subject.size && scan(mb, &mb->index, was.size) == -1)
		return -1;
	/* What is old was believed; so it stays when there is something new. */
	mb->unsettled = was.size > mb->subject.start;
	if (mb->unsettled && was.size < mb->subject.size)
		mb->index.is.looked = 1;
	mailbox_keep_index(mb);
	return 0;
}

void
mailbox_take_in(struct mailbox *mb, uint64_t size)
{
	uint64_t from = mb->subject.size;

	if (!index_check(&mb->index, 0))
		return; /* the next login sees that, too */
	mb->subject.size = size;
	if (scan(mb, &mb->index, from) == 0)
		mailbox_save_index(mb, size);
}

/* All but what is in the file. */
static void
begin(struct mailbox *mb, const struct mailbox_settings *set,
    const struct mailbox_files *files)
{
	*mb = (struct mailbox){ .files = *files, .set = set };
	mb->subject.quoting = set->unquote;
	index_init(&mb->index, files->index_fd);
	/* A user's session has nothing that another one of the same lacks. */
	mb->index.shared = !set->notes_login;
}

int
mailbox_examine(struct mailbox *mb, const struct mailbox_settings *set,
    const struct mailbox_files *files)
{
	/* Not being complete, it is never saved. */
	begin(mb, set, files);
	return measure(mb);
}

enum mailbox_status
mailbox_open(struct mailbox *mb, const struct mailbox_settings *set,
    const struct mailbox_files *files)
{
	enum mailbox_status status;

	begin(mb, set, files);
	status = promise_recover(mb);
	if (status != MAILBOX_OK)
		return status;
	if (journal_prepare(files->journal_fd) == -1)
		log_warn("preparing a journal");
	if (measure(mb) == -1 || complete(mb) == -1 || mailbox_learn(mb) == -1)
		return MAILBOX_TEMP;
	if (set->notes_login &&
	    journal_note_login(
		files->journal_fd, clock_wall_ns() / 1000000000) == -1)
		log_warn("noting a login");
	if (set->lock_update)
		lock_release_mailbox(files->fd);
	return MAILBOX_OK;
}

/* Forgets all but the descriptors. */
static void
forget(struct mailbox *mb)
{
	struct mailbox_files files = mb->files;

	index_free(&mb->index);
	free(mb->marks);
	*mb = (struct mailbox){ .files = files };
}

void
mailbox_leave(struct mailbox *mb)
{
	forget(mb);
	lock_release(mb->files.journal_fd, mb->files.fd);
}

void
mailbox_close(struct mailbox *mb)
{
	forget(mb);
	if (mb->files.fd != -1) {
		/* An attendant that is about to exit may have them open, too. */
		lock_release(mb->files.journal_fd, mb->files.fd);
		fds_close(&mb->files.fd);
		fds_close(&mb->files.journal_fd);
		fds_close(&mb->files.index_fd);
	}
}

uint64_t
mailbox_count(const struct mailbox *mb)
{
	return mb->index.is.messages;
}

uint64_t
mailbox_left(const struct mailbox *mb)
{
	return mb->index.is.messages - mb->marked;
}

uint64_t
mailbox_octets(const struct mailbox *mb)
{
	return mb->index.is.octets - mb->marked_octets;
}

uint64_t
mailbox_message_octets(struct mailbox *mb, uint64_t n)
{
	return mailbox_entry(mb, n, NULL)->octets;
}

void
mailbox_id(struct mailbox *mb, uint64_t n, char id[MAILBOX_ID_SIZE])
{
	const struct mbox_entry *e = mailbox_entry(mb, n, NULL);

	num_hex(e->id, MBOX_ID_SIZE, id);
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
		mb->marks = calloc(num_size(mb->index.is.messages / 8 + 1), 1);
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
mailbox_check_entry(const struct mailbox *mb, const struct mbox_entry *e)
{
	char buf[4096], digits[NUM_DIGITS];
	uint64_t end = e->offset + e->stored - e->tail, offset = e->offset;
	size_t separator = e->separator, len, blank;
	struct mbox_top top = { .lines = 0 };
	unsigned char sum[MBOX_ID_SIZE];
	struct xxh64 id;

	xxh64_init(&id);
	do {
		len = sizeof(buf) < end - offset ? sizeof(buf)
						 : (size_t)(end - offset);
		if (mailbox_pread(mb, buf, len, offset) == -1)
			return -1;
		/* The blank line behind the header stays in one piece. */
		if (offset + len < end && buf[len - 1] == '\r')
			len--;
		if (offset == e->offset &&
		    mbox_separator((unsigned char *)buf, len) != separator)
			goto stale;
		len = separator +
		    mbox_top(&top, buf + separator, len - separator);
		blank = 0;
		if (top.in_body)
			blank = len > 1 && buf[len - 2] == '\r' ? 2 : 1;
		xxh64_update(&id, buf, len - blank);
		offset += len;
		separator = 0; /* of the pieces behind the first */
	} while (offset < end && !top.in_body);
	xxh64_update(&id, digits, num_print(e->octets + e->quoted, digits));
	xxh64_final(&id, sum);
	if (memcmp(sum, e->id, sizeof(sum)) == 0)
		return 0;
stale:
	errno = ESTALE;
	return -1;
}

int
mailbox_look(struct mailbox *mb, uint64_t n)
{
	return mailbox_check_entry(mb, mailbox_entry(mb, n, NULL));
}

void
mailbox_distrust(struct mailbox *mb)
{
	int saved = errno;

	mb->distrusted = true;
	if (mb->files.index_fd != -1 && index_void(&mb->index) == -1)
		log_warn("making an index void");
	errno = saved;
}

/*
 * The length of a piece that is not cut near the begin of a line, where
 * un-quoting must see on.
 */
static size_t
whole_starts(const char *buf, size_t len)
{
	size_t near = MBOX_QUOTES_MAX + 5;
	const char *lf;

	if (len <= near)
		return len;
	lf = memrchr(buf + len - near, '\n', near);
	return lf == NULL ? len : (size_t)(lf + 1 - buf);
}

/* Takes the quoting out of the body in a piece; yields what is left of it. */
static size_t
unquote(struct mailbox_reader *r, char *buf, size_t len)
{
	bool bol = !r->mid_line;
	size_t header = 0;

	r->mid_line = len > 0 && buf[len - 1] != '\n';
	if (!r->header.in_body) {
		header = mbox_top(&r->header, buf, len);
		bol = true;
	}
	return header + mbox_unquote(buf + header, len - header, bol);
}

ssize_t
mailbox_read(
    struct mailbox *mb, struct mailbox_reader *r, char buf[MAILBOX_PIECE])
{
	uint64_t start, left;
	const struct mbox_entry *e = mailbox_entry(mb, r->n, NULL);
	bool unquoting = (mb->set->unquote || r->plain) && !r->mbox;
	size_t len = MAILBOX_PIECE;

	start = e->offset + (r->mbox ? 0 : e->separator);
	left = e->offset + e->stored - e->tail - start - r->offset;
	if (len > left)
		len = (size_t)left;
	if (mailbox_pread(mb, buf, len, start + r->offset) == -1)
		return -1;
	if (unquoting && len < left)
		len = whole_starts(buf, len);
	r->offset += len;
	if (unquoting)
		len = unquote(r, buf, len);
	return (ssize_t)len;
}

int
mailbox_mbox_octets(struct mailbox *mb, uint64_t n, uint64_t *octets)
{
	const struct mbox_entry *e = mailbox_entry(mb, n, NULL);
	char end[2];

	/* How the separator line ends is told by the file alone. */
	if (mailbox_pread(mb, end, sizeof(end),
		e->offset + e->separator - sizeof(end)) == -1)
		return -1;
	*octets = e->separator + e->octets + e->quoted;
	if (end[0] != '\r')
		++*octets;
	return 0;
}
