/* SPDX-License-Identifier: ISC */
/* The password line of a mailbox.  Runs as: restantectl, session. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "head.h"
#include "io.h"
#include "log.h"

enum { PIECE = 64 * 1024 };

/* A promise, read: see the header. */
struct promised {
	uint64_t old, fresh; /* octets of each in the journal */
	uint64_t size, grows;
};

/* What nobody promises who means it is refused here: -1. */
static int
read_promise(const struct journal_move *move, struct promised *p)
{
	*p = (struct promised){ .old = move->offset, .size = move->size };
	if (p->old > HEAD_MAX || p->old > move->length || p->old > p->size)
		return -1;
	p->fresh = move->length - p->old;
	if (p->fresh > p->size)
		p->grows = p->fresh - p->size;
	else if (p->fresh != p->old)
		return -1;
	return p->grows <= HEAD_MAX ? 0 : -1;
}

/* Where in the journal is what the file had at i, and what it is to have. */
static uint64_t
old_at(const struct promised *p, uint64_t i)
{
	return i < p->old ? i : p->old + p->grows + i;
}

static uint64_t
fresh_at(const struct promised *p, uint64_t i)
{
	return p->old + i;
}

/* Copies the new octets from..end into place and syncs them. */
static int
put(const struct mailbox *mb, const struct promised *p, uint64_t from,
    uint64_t end)
{
	if (promise_put(mb, fresh_at(p, from), from, end) == -1)
		return -1;
	return fdatasync(mb->files.fd);
}

/*
 * One step makes the file longer, and only then is anything written: mail that
 * an agent appends after a death is behind all of it, or the file is as it was.
 */
static int
grow(const struct mailbox *mb, const struct promised *p)
{
	uint64_t size;

	if (mailbox_size(mb, &size) == -1)
		return -1;
	if (size >= p->fresh)
		return 0;
	if (size != p->size) {
		errno = ESTALE;
		return -1;
	}
	if (ftruncate(mb->files.fd, (off_t)p->fresh) == -1)
		return -1;
	return fsync(mb->files.fd);
}

int
head_finish(const struct mailbox *mb, const struct journal_promise *promise)
{
	struct promised p;

	if (read_promise(&promise->move, &p) == -1) {
		errno = EINVAL;
		return -1;
	}
	if (p.grows == 0)
		return put(mb, &p, 0, p.fresh);
	/*
	 * What is zero in the room that was made says that all before may be
	 * old; it is filled last.
	 */
	if (grow(mb, &p) == -1 || put(mb, &p, 0, p.size) == -1)
		return -1;
	return put(mb, &p, p.size, p.fresh);
}

/* What the octets that are replaced look like. */
struct look {
	bool old, fresh;   /* all of them are */
	uint64_t strange;  /* the first that is neither, or where they end */
	uint64_t replaced; /* how many are no longer the old ones before that */
};

/* The same piece of the mailbox, of what was there and of what is to be. */
struct pieces {
	char now[PIECE], old[PIECE], fresh[PIECE];
};

static void
compare(struct look *l, uint64_t at, const struct pieces *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_old = p->now[i] == p->old[i];
		bool is_fresh = p->now[i] == p->fresh[i];

		l->old = l->old && is_old;
		l->fresh = l->fresh && is_fresh;
		if (!is_old && !is_fresh && at + i < l->strange)
			l->strange = at + i;
		if (!is_old && is_fresh && at + i < l->strange)
			l->replaced++;
	}
}

/* Reads one of three places: 0, or -1 with errno set. */
static int
look(const struct mailbox *mb, const struct promised *p, struct look *l)
{
	static struct pieces pieces;
	uint64_t i, stop, end = p->grows > 0 ? p->size : p->fresh;
	int journal = mb->files.journal_fd;
	size_t len;

	*l = (struct look){ .old = true, .fresh = true, .strange = end };
	for (i = 0; i < end; i += len) {
		/* What was old stands in two places of the journal. */
		stop = i < p->old ? p->old : end;
		len = stop - i < PIECE ? (size_t)(stop - i) : PIECE;
		if (mailbox_pread(mb, pieces.now, len, i) == -1 ||
		    journal_read(journal, pieces.old, len, old_at(p, i)) ==
			-1 ||
		    journal_read(journal, pieces.fresh, len, fresh_at(p, i)) ==
			-1)
			return -1;
		compare(l, i, &pieces, len);
	}
	return 0;
}

/*
 * Whether the room that was made is still zero, or what belongs there, which is
 * written when all before is.  1, 0, or -1 with errno set.
 */
static int
is_room(const struct mailbox *mb, const struct promised *p, bool may_be_fresh)
{
	char now[HEAD_MAX], fresh[HEAD_MAX];
	size_t len = (size_t)p->grows;

	if (mailbox_pread(mb, now, len, p->size) == -1 ||
	    journal_read(
		mb->files.journal_fd, fresh, len, fresh_at(p, p->size)) == -1)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (now[i] != '\0' && (!may_be_fresh || now[i] != fresh[i]))
			return 0;
	return 1;
}

int
head_fit(const struct mailbox *mb, const struct journal_promise *promise,
    struct promise_fit *fit)
{
	struct promised p;
	struct look l;
	uint64_t end, size;
	int room = 1;

	if (read_promise(&promise->move, &p) == -1)
		return 0;
	end = p.grows > 0 ? p.size : p.fresh;
	if (mailbox_size(mb, &size) == -1)
		return -1;
	if (size < end)
		return 0;
	if (look(mb, &p, &l) == -1)
		return -1;
	if (p.grows > 0 && size >= p.fresh)
		room = is_room(mb, &p, l.fresh);
	else if (p.grows > 0)
		room = size == p.size && l.old;
	if (room == -1)
		return -1;
	fit->fits = room == 1 && l.strange == end;
	/* The first line of another mailbox is neither. */
	if (end > p.old + p.grows)
		end = p.old + p.grows;
	fit->begun = l.replaced > 0 && l.strange >= end;
	return 0;
}

/* What is to be done: the octets from 0, and what they mean. */
struct plan {
	char head[HEAD_MAX];
	size_t len;      /* of them */
	uint64_t line;   /* octets of the new line */
	uint64_t grows;  /* all that is behind the old line moves by that */
	uint64_t moves;  /* from there on it does */
	uint64_t dead;   /* tombstone behind the line: its length, or 0 */
	uint64_t behind; /* entries before this are replaced by that one */
};

/*
 * The end of the room that the line has: line ends behind it are what is left of
 * a longer one, or nobody's.
 */
static uint64_t
room(const struct mailbox *mb)
{
	char buf[HEAD_MAX];
	uint64_t start = mb->subject.start, end = mb->subject.size;
	size_t n = 0, len;

	if (mb->index.is.entries > 0)
		end = index_entry(&mb->index, 0)->offset;
	if (end > HEAD_MAX)
		end = HEAD_MAX;
	len = end > start ? (size_t)(end - start) : 0;
	if (len == 0 || mailbox_pread(mb, buf, len, start) == -1)
		return start;
	while (n < len && buf[n] == '\n')
		n++;
	return start + n;
}

/*
 * What is left of the room behind the line is dead.  A tombstone for which there is
 * too little space here lies in another one, the end of which it shares.
 */
static void
add_rest(struct plan *p, uint64_t rest)
{
	char *end = p->head + p->len;
	size_t len = MBOX_FROM + 1;

	if (rest <= sizeof(p->head) - p->len)
		len = (size_t)rest;
	p->len += len;
	if (rest < MBOX_TOMBSTONE_MIN) {
		memset(end, '\n', len);
		return;
	}
	p->dead = rest;
	memset(end, '\0', len);
	memcpy(end, "From ", MBOX_FROM);
	if (len == rest)
		memcpy(end + len - 2, "\n\n", 2);
}

/*
 * Whether the first entry is a tombstone.  In a mailbox that was restored from a
 * backup there may be mail where the index says so.
 */
static bool
begins_dead(struct mailbox *mb, const struct mbox_entry *e)
{
	if ((e->flags & MBOX_TOMBSTONE) == 0)
		return false;
	if (mailbox_check_dead(mb, e) == 0)
		return true;
	mailbox_distrust(mb);
	return false;
}

/* The line is longer: a tombstone behind its room gives more, or else all moves. */
static void
plan_longer(struct mailbox *mb, struct plan *p, uint64_t end, uint64_t more)
{
	const struct mbox_entry *e = NULL;

	if (mb->index.is.entries > 0)
		e = index_entry(&mb->index, 0);
	if (e != NULL && e->offset == end && more <= e->stored &&
	    begins_dead(mb, e)) {
		p->behind = 1;
		add_rest(p, e->stored - more);
		return;
	}
	p->grows = more;
	p->moves = end;
}

static int
make_plan(struct mailbox *mb, const char *line, size_t len, bool before,
    struct plan *p)
{
	uint64_t old = before ? 0 : mb->subject.start, end;

	*p = (struct plan){ .len = len, .line = len };
	if (old > HEAD_MAX || len > HEAD_MAX / 2) {
		errno = EFBIG;
		return -1;
	}
	memcpy(p->head, line, len);
	end = before ? 0 : room(mb);
	if (before)
		p->grows = len;
	else if (len <= end)
		add_rest(p, end - len);
	else
		plan_longer(mb, p, end, len - end);
	return 0;
}

static enum journal_promised
promise_head(
    const struct mailbox *mb, const struct plan *p, struct journal_move *move)
{
	struct journal_writer w = { .fd = mb->files.journal_fd };
	uint64_t size = mb->subject.size;

	*move = (struct journal_move){
		.offset = p->grows > 0 ? p->moves : p->len,
		.size = size,
	};
	if (promise_prepare(mb, p->grows) == -1 ||
	    promise_keep(mb, &w, 0, move->offset) == -1 ||
	    journal_write(&w, p->head, p->len) == -1 ||
	    (p->grows > 0 && promise_keep(mb, &w, p->moves, size) == -1))
		return JOURNAL_REFUSED;
	move->length = w.length;
	if (p->grows > 0 && promise_spare(mb, move) == -1)
		return JOURNAL_REFUSED;
	return journal_commit_move(&w, JOURNAL_HEAD, move);
}

/* The same messages with the same ids, in their new places. */
static void
settle_index(struct mailbox *mb, const struct plan *p)
{
	const struct mbox_entry dead = {
		.offset = p->line,
		.stored = p->dead,
		.tail = 1,
		.flags = MBOX_TOMBSTONE,
	};
	uint64_t size = mb->subject.size + p->grows;
	struct index fresh;
	struct mbox_entry e;
	int status = 0;

	index_init(&fresh, -1);
	fresh.is.looked = mb->index.is.looked;
	if (p->dead > 0)
		status = index_append(&fresh, &dead);
	for (uint64_t i = p->behind; status == 0 && i < mb->index.is.entries;
	     i++) {
		e = *index_entry(&mb->index, i);
		e.offset += p->grows;
		status = index_append(&fresh, &e);
	}
	if (status == -1) {
		index_free(&fresh);
		return;
	}
	index_replace(&mb->index, &fresh);
	mb->subject.start = p->line;
	mailbox_save_index(mb, size);
}

/* Promises it and does it. */
static enum mailbox_status
carry_out(struct mailbox *mb, const struct plan *p)
{
	struct journal_promise promise = { .kind = JOURNAL_HEAD };
	enum journal_promised promised = promise_head(mb, p, &promise.move);
	struct promise_fit fit;
	int saved;

	if (promised == JOURNAL_UNSURE)
		return MAILBOX_UNSURE;
	if (promised == JOURNAL_REFUSED) {
		promise_withdraw(mb);
		return MAILBOX_TEMP;
	}
	if ((p->grows == 0 || mailbox_stands_still(mb) == 0) &&
	    promise_finish(mb, &promise) == 0)
		return MAILBOX_OK;
	saved = errno;
	/* Perhaps before anything was begun. */
	if (promise_fit(mb, &promise, &fit) == 0 && !fit.fits && !fit.begun &&
	    journal_clear(mb->files.journal_fd) == 0) {
		errno = saved;
		return MAILBOX_TEMP;
	}
	errno = saved;
	return MAILBOX_UNSURE;
}

enum mailbox_status
head_replace(struct mailbox *mb, const char *line, size_t len, bool before)
{
	enum mailbox_status status;
	struct plan p;

	/* What moves must not end in a line without an end. */
	if (!mb->complete) {
		errno = ENOSPC;
		return MAILBOX_TEMP;
	}
	mailbox_check_index(mb);
	if (make_plan(mb, line, len, before, &p) == -1)
		return MAILBOX_TEMP;
	if (mb->files.index_fd != -1 && index_void(&mb->index) == -1)
		return MAILBOX_TEMP;
	status = carry_out(mb, &p);
	explicit_bzero(p.head, sizeof(p.head));
	/* What was not seen behind a separator is counted by the next login. */
	if (status == MAILBOX_OK && !before)
		settle_index(mb, &p);
	else if (status == MAILBOX_TEMP)
		mailbox_save_index(mb, mb->subject.size);
	return status;
}
