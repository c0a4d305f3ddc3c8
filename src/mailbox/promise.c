/* SPDX-License-Identifier: ISC */
/*
 * Keeping what a journal promises: doing it, doing it again after a death, and
 * telling whether it is meant for this mailbox.  Runs as: session, restantectl.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "append.h"
#include "head.h"
#include "io.h"
#include "log.h"
#include "promise.h"
#include "sum.h"

/* Of the mailbox, to tell by where a compaction belongs. */
enum { CHECK_OCTETS = 4096 };

/* What stands at a place that the journal knows. */
enum place {
	PLACE_UNTOUCHED, /* what stood there when the promise was made */
	PLACE_BEGUN,     /* what the update makes of it, or a piece of that */
	PLACE_OTHER,
	PLACE_UNREADABLE, /* errno is set */
};

/*
 * Whether a run still ends where it did: with a blank line, with the file, or
 * where something begins.  What was made shorter by another program would have
 * its end in a message that is to stay.  1, 0, or -1 with errno set.
 */
static int
ends_there(const struct mailbox *mb, const struct journal_run *run)
{
	enum { BEFORE = 3 };
	char octets[BEFORE + MBOX_FROM], *end = octets + BEFORE;
	uint64_t offset = run->offset + run->length;
	ssize_t n;

	n = io_pread(
	    mb->files.fd, octets, sizeof(octets), (off_t)(offset - BEFORE));
	if (n < BEFORE)
		return n == -1 ? -1 : 0;
	return n == BEFORE || memcmp(end, "From ", (size_t)(n - BEFORE)) == 0 ||
	    memcmp(end - 2, "\n\n", 2) == 0 ||
	    memcmp(end - 3, "\n\r\n", 3) == 0;
}

static enum place
look(const struct mailbox *mb, const struct journal_run *run)
{
	unsigned char line[MBOX_SEPARATOR_MAX];
	const unsigned char *lf;
	ssize_t n = io_pread(
	    mb->files.fd, line, sizeof(line), (off_t)run->offset);
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
	if (end > MBOX_FROM && memcmp(line, "From ", MBOX_FROM) == 0 &&
	    memchr(line + MBOX_FROM, '\0', end - MBOX_FROM) != NULL)
		return PLACE_BEGUN;
	return PLACE_OTHER;
}

static int
write_zeros(int fd, uint64_t offset, uint64_t len)
{
	/* Not const: 64 KB between the constants would keep those apart. */
	static char zeros[64 * 1024];

	while (len > 0) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		if (io_pwrite(fd, zeros, n, (off_t)offset) == -1)
			return -1;
		offset += n;
		len -= n;
	}
	return 0;
}

static size_t
piece(uint64_t offset, uint64_t end)
{
	return end - offset < MAILBOX_PIECE ? (size_t)(end - offset)
					    : MAILBOX_PIECE;
}

/* To cut a file where it ends frees what it has behind that. */
void
promise_give_back(const struct mailbox *mb)
{
	int saved = errno;

	if (mailbox_stands_still(mb) == 0)
		(void)!ftruncate(mb->files.fd, (off_t)mb->subject.size);
	errno = saved;
}

/* Finds room for len octets of a file.  0, or -1 with errno set: there is none. */
static int
find_room(int fd, uint64_t offset, uint64_t len)
{
	if (len == 0 ||
	    fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
		return 0;
	/* Not every file system can say. */
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? -1 : 0;
}

int
promise_prepare(const struct mailbox *mb, uint64_t len)
{
	if (fdatasync(mb->files.fd) == -1)
		return -1;
	if (find_room(mb->files.fd, mb->subject.size, len) == 0)
		return 0;
	promise_give_back(mb);
	return -1;
}

int
promise_spare(const struct mailbox *mb, const struct journal_move *move)
{
	uint64_t end = move->offset + move->length, from, to, holes = 0;

	for (uint64_t at = move->offset; at < end; at = to) {
		from = at;
		mailbox_find_data(mb, &from, &to, end);
		holes += from - at;
	}
	return find_room(
	    mb->files.journal_fd, journal_size(move->length), holes);
}

void
promise_withdraw(const struct mailbox *mb)
{
	int saved = errno;

	(void)journal_clear(mb->files.journal_fd);
	errno = saved;
}

int
promise_keep(const struct mailbox *mb, struct journal_writer *w,
    uint64_t offset, uint64_t end)
{
	static char buf[MAILBOX_PIECE];
	size_t n;

	for (; offset < end; offset += n) {
		n = piece(offset, end);
		if (mailbox_pread(mb, buf, n, offset) == -1 ||
		    journal_write(w, buf, n) == -1)
			return -1;
	}
	return 0;
}

int
promise_put(
    const struct mailbox *mb, uint64_t from, uint64_t offset, uint64_t end)
{
	static char buf[MAILBOX_PIECE];
	size_t n;

	for (; offset < end; offset += n, from += n) {
		n = piece(offset, end);
		if (journal_read(mb->files.journal_fd, buf, n, from) == -1 ||
		    io_pwrite(mb->files.fd, buf, n, (off_t)offset) == -1)
			return -1;
	}
	return 0;
}

int
promise_zero(const struct mailbox *mb, uint64_t offset, uint64_t len)
{
	if (len >= PROMISE_HOLE &&
	    fallocate(mb->files.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)offset, (off_t)len) == 0)
		return 0;
	/* Holes are not to be had everywhere; where they are, not always. */
	return write_zeros(mb->files.fd, offset, len);
}

/*
 * Zeroes what a tombstone does not keep of a run: its last two line ends stay.
 * One that has none, left behind by a full disk, gets them: else the headers of
 * what is delivered behind it would belong to the tombstone.
 */
static int
bury(const struct mailbox *mb, const struct journal_run *run)
{
	char octets[3], *last = octets + 1;
	uint64_t end = run->offset + run->length, tail = 2;

	if (mailbox_pread(mb, octets, sizeof(octets), end - sizeof(octets)) ==
	    -1)
		return -1;
	if (memcmp(octets, "\n\r\n", sizeof(octets)) == 0)
		tail = 3;
	else if (memcmp(last, "\n\n", 2) != 0 &&
	    io_pwrite(mb->files.fd, "\n\n", 2, (off_t)(end - 2)) == -1)
		return -1;
	return promise_zero(
	    mb, run->offset + MBOX_FROM, run->length - MBOX_FROM - tail);
}

static int
finish_runs(const struct mailbox *mb, const struct journal_promise *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (bury(mb, &p->runs[i]) == -1)
			return -1;
	return 0;
}

/* Copies the octets into place, and makes a tombstone of what is left over. */
static int
finish_move(const struct mailbox *mb, const struct journal_promise *p)
{
	const struct journal_move *move = &p->move;
	uint64_t end = move->offset + move->length;

	if (promise_put(mb, 0, move->offset, end) == -1)
		return -1;
	/*
	 * After a power loss in the next writes all octets are in their place,
	 * in one before these the end is as it was: either way the journal fits.
	 */
	if (fdatasync(mb->files.fd) == -1)
		return -1;
	if (io_pwrite(mb->files.fd, "From ", MBOX_FROM, (off_t)end) == -1 ||
	    io_pwrite(mb->files.fd, "\n\n", 2, (off_t)(move->size - 2)) == -1)
		return -1;
	return promise_zero(
	    mb, end + MBOX_FROM, move->size - 2 - (end + MBOX_FROM));
}

/* Sums the octets from offset to end, CHECK_OCTETS at most.  0 or -1. */
static int
sum_at(const struct mailbox *mb, uint64_t offset, uint64_t end, uint64_t *sum)
{
	unsigned char buf[CHECK_OCTETS];
	size_t len = end - offset < sizeof(buf) ? (size_t)(end - offset)
						: sizeof(buf);
	ssize_t n = io_pread(mb->files.fd, buf, len, (off_t)offset);

	if (n == -1)
		return -1;
	*sum = sum64(0, buf, (size_t)n);
	return 0;
}

int
promise_sum_around(const struct mailbox *mb, struct journal_move *move)
{
	uint64_t first = 0, last = move->offset + move->length;

	if (move->offset > CHECK_OCTETS)
		first = move->offset - CHECK_OCTETS;
	if (move->size - last > CHECK_OCTETS)
		last = move->size - CHECK_OCTETS;
	if (sum_at(mb, first, move->offset, &move->before) == -1 ||
	    sum_at(mb, move->offset, move->size, &move->behind) == -1)
		return -1;
	return sum_at(mb, last, move->size, &move->last);
}

/* Whether all octets of a move are in their place: 1, 0, or -1. */
static int
is_moved(const struct mailbox *mb, const struct journal_move *move)
{
	static char promised[MAILBOX_PIECE], there[MAILBOX_PIECE];
	size_t n;

	for (uint64_t done = 0; done < move->length; done += n) {
		n = piece(done, move->length);
		if (journal_read(mb->files.journal_fd, promised, n, done) == -1)
			return -1;
		if (mailbox_pread(mb, there, n, move->offset + done) == -1)
			return errno == ESTALE ? 0 : -1;
		if (memcmp(promised, there, n) != 0)
			return 0;
	}
	return 1;
}

/*
 * What nobody promises who means it: a session that its client has taken over can
 * write a journal, too, and others than sessions keep it.  Sums alone would let
 * it zero without end.
 */
static bool
is_run(const struct journal_run *run, uint64_t size)
{
	return run->offset <= size && run->length <= size - run->offset &&
	    run->length >= MBOX_TOMBSTONE_MIN;
}

static bool
is_move(const struct journal_move *move)
{
	return move->offset <= move->size &&
	    move->length <= move->size - move->offset &&
	    move->size - move->offset - move->length >= MBOX_TOMBSTONE_MIN;
}

static int
fit_move(const struct mailbox *mb, const struct journal_promise *p,
    struct promise_fit *fit)
{
	const struct journal_move *promised = &p->move;
	struct journal_move now = *promised;
	uint64_t size;
	int moved = 0;

	if (!is_move(promised))
		return 0;
	if (mailbox_size(mb, &size) == -1 || promise_sum_around(mb, &now) == -1)
		return -1;
	if (now.last != promised->last)
		moved = is_moved(mb, promised);
	if (moved == -1)
		return -1;
	fit->fits = now.before == promised->before && promised->size <= size &&
	    (now.last == promised->last || moved == 1);
	fit->begun = now.before == promised->before &&
	    now.behind != promised->behind;
	return 0;
}

static int
fit_run(const struct mailbox *mb, const struct journal_run *run, uint64_t size,
    struct promise_fit *fit)
{
	enum place place = run->offset > size ? PLACE_OTHER : look(mb, run);
	int ends = is_run(run, size) ? ends_there(mb, run) : 0;

	if (place == PLACE_UNREADABLE || ends == -1)
		return -1;
	if (place == PLACE_BEGUN)
		fit->begun = true;
	if (place == PLACE_OTHER || ends == 0)
		fit->fits = false;
	return 0;
}

static int
fit_runs(const struct mailbox *mb, const struct journal_promise *p,
    struct promise_fit *fit)
{
	uint64_t size;

	if (mailbox_size(mb, &size) == -1)
		return -1;
	fit->fits = true;
	for (size_t i = 0; i < p->count; i++)
		if (fit_run(mb, &p->runs[i], size, fit) == -1)
			return -1;
	return 0;
}

/* What is done for each kind of promise. */
static const struct {
	int (*finish)(const struct mailbox *, const struct journal_promise *);
	int (*fit)(const struct mailbox *, const struct journal_promise *,
	    struct promise_fit *);
} kinds[] = {
	[JOURNAL_RUNS] = { finish_runs, fit_runs },
	[JOURNAL_MOVE] = { finish_move, fit_move },
	[JOURNAL_HEAD] = { head_finish, head_fit },
	[JOURNAL_APPEND] = { append_undo, append_fit },
};

int
promise_finish(const struct mailbox *mb, const struct journal_promise *p)
{
	/* What was spared is free for the holes. */
	if (p->runs == NULL)
		(void)!ftruncate(
		    mb->files.journal_fd, (off_t)journal_size(p->move.length));
	if (kinds[p->kind].finish(mb, p) == -1 || fdatasync(mb->files.fd) == -1)
		return -1;
	return journal_clear(mb->files.journal_fd);
}

int
promise_fit(const struct mailbox *mb, const struct journal_promise *p,
    struct promise_fit *fit)
{
	*fit = (struct promise_fit){ .fits = false };
	return kinds[p->kind].fit(mb, p, fit);
}

static enum mailbox_status
set_aside(const struct mailbox *mb)
{
	return journal_set_aside(mb->files.journal_fd) == -1 ? MAILBOX_TEMP
							     : MAILBOX_OK;
}

static enum mailbox_status
obey(const struct mailbox *mb, const struct journal_promise *p)
{
	struct promise_fit fit;

	if (promise_fit(mb, p, &fit) == -1)
		return MAILBOX_TEMP;
	if (fit.fits) {
		log_info("finishing an update that was promised");
		return promise_finish(mb, p) == -1 ? MAILBOX_TEMP : MAILBOX_OK;
	}
	if (fit.begun) {
		log_warnx("the journal of an update that was begun does not "
			  "fit its mailbox any more: restore both from the "
			  "same backup, or remove the journal");
		return MAILBOX_PERM;
	}
	log_warnx("a journal does not fit its mailbox, and nothing of it was "
		  "begun: set aside");
	return set_aside(mb);
}

enum mailbox_status
promise_recover(const struct mailbox *mb)
{
	struct journal_promise p;
	enum mailbox_status status = MAILBOX_OK;

	switch (journal_load(mb->files.journal_fd, &p)) {
	case JOURNAL_EMPTY:
		break;
	case JOURNAL_TORN:
		/*
		 * What follows the header is not what it sums up: a power loss
		 * came before the promise was made, or the disk lies.
		 */
		log_warnx("a journal's promise is not whole, and nothing of it "
			  "was done: set aside");
		status = set_aside(mb);
		break;
	case JOURNAL_ERROR:
		status = MAILBOX_TEMP;
		break;
	case JOURNAL_PROMISE:
		status = obey(mb, &p);
		break;
	}
	free(p.runs);
	return status;
}
