/* SPDX-License-Identifier: ISC */
/* Adding mail to a mailbox.  Runs as: restantectl, session. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "append.h"
#include "io.h"
#include "log.h"

/* What stands where the mail is to begin. */
enum place { PLACE_NOTHING, PLACE_OURS, PLACE_MAIL, PLACE_OTHER };

/* 0, or -1 with errno set. */
static int
look(const struct mailbox *mb, const struct journal_move *move,
    enum place *place, uint64_t *size)
{
	char first = '\0';

	if (mailbox_size(mb, size) == -1 ||
	    io_pread(mb->files.fd, &first, 1, (off_t)move->offset) == -1)
		return -1;
	if (*size == move->offset)
		*place = PLACE_NOTHING;
	else if (first == 'F')
		*place = PLACE_MAIL; /* all of ours, or an agent's */
	else
		*place = first == '\0' && *size >= move->size ? PLACE_OURS
							      : PLACE_OTHER;
	return 0;
}

static int
cut(const struct mailbox *mb, uint64_t size)
{
	if (ftruncate(mb->files.fd, (off_t)size) == -1)
		return -1;
	return fsync(mb->files.fd);
}

/* Others have delivered behind it: again its first octet comes last. */
static int
bury(const struct mailbox *mb, const struct journal_move *move)
{
	int fd = mb->files.fd;
	uint64_t zeros = move->offset + MBOX_FROM, end = move->size - 2;

	if (promise_zero(mb, zeros, end - zeros) == -1 ||
	    io_pwrite(fd, "rom ", MBOX_FROM - 1, (off_t)(move->offset + 1)) ==
		-1 ||
	    io_pwrite(fd, "\n\n", 2, (off_t)end) == -1 || fdatasync(fd) == -1)
		return -1;
	return io_pwrite(fd, "F", 1, (off_t)move->offset);
}

int
append_undo(const struct mailbox *mb, const struct journal_promise *promise)
{
	const struct journal_move *move = &promise->move;
	enum place place;
	uint64_t size;

	if (look(mb, move, &place, &size) == -1)
		return -1;
	if (place != PLACE_OURS)
		return 0;
	return size == move->size ? cut(mb, move->offset) : bury(mb, move);
}

int
append_fit(const struct mailbox *mb, const struct journal_promise *promise,
    struct promise_fit *fit)
{
	const struct journal_move *move = &promise->move;
	struct journal_move now = *move;
	enum place place;
	uint64_t size;

	/* What nobody promises who means it. */
	if (move->length != 0 || move->size < move->offset ||
	    move->size - move->offset < MBOX_TOMBSTONE_MIN)
		return 0;
	if (look(mb, move, &place, &size) == -1)
		return -1;
	if (place == PLACE_OTHER)
		return 0;
	if (promise_sum_around(mb, &now) == -1)
		return -1;
	fit->fits = now.before == move->before;
	fit->begun = fit->fits && place == PLACE_OURS;
	return 0;
}

/* Makes room for so many octets, promises them, and lets the file grow. */
static int
make_room(struct append *a, uint64_t length)
{
	struct mailbox *mb = a->mb;
	struct journal_writer w = { .fd = mb->files.journal_fd };

	a->move.size += length;
	if (promise_prepare(mb, length) == -1)
		return -1;
	if (journal_commit_move(&w, JOURNAL_APPEND, &a->move) ==
	    JOURNAL_PROMISED) {
		if (mailbox_stands_still(mb) == 0 &&
		    ftruncate(mb->files.fd, (off_t)a->move.size) == 0)
			return 0;
		promise_withdraw(mb);
	}
	promise_give_back(mb);
	return -1;
}

int
append_begin(struct append *a, struct mailbox *mb, uint64_t length)
{
	uint64_t size = mb->subject.size;

	*a = (struct append){ .mb = mb,
		.move = { .offset = size, .size = size } };
	if (!mb->complete) {
		errno = ENOSPC;
		return -1;
	}
	if (promise_sum_around(mb, &a->move) == -1)
		return -1;
	if (make_room(a, length) == -1) {
		/* The file may have other times; the index knows twins apart. */
		mailbox_save_index(mb, size);
		return -1;
	}
	if (fsync(mb->files.fd) == 0)
		return 0;
	append_cancel(a);
	return -1;
}

int
append_write(struct append *a, const void *data, size_t len)
{
	const char *octets = data;
	uint64_t at = a->move.offset + a->done;

	if (len == 0)
		return 0;
	/* Behind the promised end nothing is undone. */
	if (len > a->move.size - at) {
		errno = EINVAL;
		return -1;
	}
	a->done += len;
	if (at == a->move.offset) {
		a->first = *octets++;
		at++;
		len--;
	}
	return io_pwrite(a->mb->files.fd, octets, len, (off_t)at);
}

void
append_cancel(struct append *a)
{
	struct journal_promise promise = { .kind = JOURNAL_APPEND,
		.move = a->move };
	int saved = errno;

	if (promise_finish(a->mb, &promise) == 0)
		mailbox_save_index(a->mb, a->move.offset);
	else
		log_warn("an unfinished delivery is undone by the next login");
	errno = saved;
}

enum mailbox_status
append_commit(struct append *a)
{
	int fd = a->mb->files.fd;

	if (a->move.offset + a->done != a->move.size) {
		errno = EINVAL;
		append_cancel(a);
		return MAILBOX_TEMP;
	}
	if (fdatasync(fd) == -1 ||
	    io_pwrite(fd, &a->first, 1, (off_t)a->move.offset) == -1) {
		append_cancel(a);
		return MAILBOX_TEMP;
	}
	if (fdatasync(fd) == -1)
		return MAILBOX_UNSURE;
	/* Left promised, the next login finds that there is nothing to undo. */
	if (journal_clear(a->mb->files.journal_fd) == -1)
		log_warn("emptying a journal");
	mailbox_take_in(a->mb, a->move.size);
	return MAILBOX_OK;
}

/* All goes again, or what could be written, unless somebody has delivered, too. */
static enum mailbox_status
take_back(const struct mailbox *mb, size_t written)
{
	enum mailbox_status status = MAILBOX_UNSURE;
	int saved = errno;
	uint64_t size;

	if (mailbox_size(mb, &size) == 0 &&
	    size == mb->subject.size + written &&
	    ftruncate(mb->files.fd, (off_t)mb->subject.size) == 0)
		status = MAILBOX_TEMP;
	errno = saved;
	return status;
}

enum mailbox_status
append_at_once(const struct mailbox *mb, const char *mbox, size_t len)
{
	const char *end = mailbox_missing_end(mb);
	ssize_t n;

	if (end == NULL)
		return MAILBOX_TEMP;
	n = mailbox_append(mb, end, mbox, len);
	if (n == -1)
		return MAILBOX_TEMP;
	if ((size_t)n == strlen(end) + len && fsync(mb->files.fd) == 0)
		return MAILBOX_OK;
	return take_back(mb, (size_t)n);
}
