/* SPDX-License-Identifier: ISC */
/*
 * Removing messages so that a death at any point leaves all of them or none.
 * Runs as: session, restantectl.
 *
 * All messages up to the end: the file is cut, which is one step.  Otherwise
 * each run of deleted messages becomes a tombstone: the runs are promised in the
 * journal, their octets are zeroed, the journal is emptied.  Or, when that costs
 * more or leaves more dead than alive, the mailbox is compacted: what is kept
 * behind the first dead octet is copied to the journal, which promises it; it is
 * written into place, what is left over becomes one tombstone, the journal is
 * emptied, and the tombstone at the end is cut off.
 *
 * The file's inode stays, since a delivery agent may be waiting for its lock.
 * Whatever is behind the size that the scan saw is left alone.
 */

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "io.h"
#include "lock.h"
#include "log.h"
#include "num.h"
#include "promise.h"
#include "sum.h"

enum {
	/*
	 * What things cost, in octets written.  Measured on ext4: burying a run
	 * takes as long as writing 4 KB.  A hole takes as long as 128 KB, and as
	 * long as some megabytes where freed blocks are discarded at once.
	 */
	RUN_COST = 4096,
	HOLE_COST = PROMISE_HOLE,
};

/* What an update comes to. */
struct plan {
	struct journal_run *runs; /* of marked messages, in their order */
	size_t count;
	uint64_t octets; /* of all runs */
	/*
	 * Behind cut is nothing but what is dead or will be; there stands
	 * position.  cut is the size where that cannot be said.
	 */
	uint64_t cut, position;
};

/* The first marked message behind n, or 0. */
static uint64_t
next_marked(const struct mailbox *mb, uint64_t n)
{
	while (++n <= mailbox_count(mb)) {
		if (mb->marks[n / 8] == 0)
			n |= 7; /* none of these eight */
		else if (mailbox_marked(mb, n))
			return n;
	}
	return 0;
}

/* A run starts with this message: it must stand where the scan saw it. */
static int
start_run(
    struct mailbox *mb, const struct mbox_entry *e, struct journal_run *run)
{
	unsigned char line[MBOX_SEPARATOR_MAX];

	if (mailbox_check_entry(mb, e) == -1 ||
	    mailbox_pread(mb, line, e->separator, e->offset) == -1)
		return -1;
	*run = (struct journal_run){
		.offset = e->offset,
		.check = sum64(0, line, e->separator),
	};
	return 0;
}

/*
 * Whether something begins at offset: a message, a tombstone, what has died in
 * one, or the end.  0, or -1 with errno set: ESTALE when not.
 */
static int
look_at(const struct mailbox *mb, uint64_t offset)
{
	static const char zeros[sizeof("From ")];
	char octets[sizeof(zeros)];

	if (offset == mb->subject.size)
		return 0;
	if (mailbox_pread(mb, octets, sizeof(octets), offset) == -1)
		return -1;
	if (memcmp(octets, "From ", MBOX_FROM) == 0 ||
	    memcmp(octets, zeros, sizeof(zeros)) == 0)
		return 0;
	errno = ESTALE;
	return -1;
}

/* A run ends with message n: what is behind it must stand there, too. */
static int
end_run(struct mailbox *mb, uint64_t n, const struct journal_run *run)
{
	uint64_t end = run->offset + run->length;
	const struct mbox_entry *e;

	if (n < mailbox_count(mb)) {
		e = mailbox_entry(mb, n + 1, NULL);
		if (e->offset == end)
			return mailbox_check_entry(mb, e);
	}
	return look_at(mb, end);
}

/* Whether the file is as it was when it was measured. */
static bool
is_as_measured(const struct mailbox *mb)
{
	struct index_subject now = mb->subject;

	return index_identify(mb->files.fd, &now) == 0 &&
	    now.size == mb->subject.size &&
	    now.modified == mb->subject.modified &&
	    now.changed == mb->subject.changed;
}

/*
 * Whether every message must be compared, and not only the ends of runs: where
 * nobody has seen all of the file, or somebody wrote to it since.
 */
static bool
must_compare_all(const struct mailbox *mb)
{
	return mb->unsettled || mb->index.is.looked != 0 || !is_as_measured(mb);
}

/*
 * Finds the runs of marked messages, and compares them with what the scan saw,
 * under the locks: a mismatch removes nothing.
 */
static int
find_runs(struct mailbox *mb, struct plan *p)
{
	struct journal_run *run = NULL;
	const struct mbox_entry *e;
	uint64_t n, last = 0;
	bool all = must_compare_all(mb);

	p->runs = calloc(num_size(mb->marked), sizeof(*p->runs));
	if (p->runs == NULL)
		return -1;
	for (n = next_marked(mb, 0); n != 0; n = next_marked(mb, n)) {
		e = mailbox_entry(mb, n, NULL);
		if (run == NULL || run->offset + run->length != e->offset) {
			if (run != NULL && end_run(mb, last, run) == -1)
				return -1;
			/* The look behind may have moved the index. */
			e = mailbox_entry(mb, n, NULL);
			run = &p->runs[p->count++];
			if (start_run(mb, e, run) == -1)
				return -1;
		} else if (all && mailbox_check_entry(mb, e) == -1) {
			return -1;
		}
		run->length += e->stored;
		p->octets += e->stored;
		last = n;
	}
	return run == NULL ? 0 : end_run(mb, last, run);
}

/* Where the file could be cut. */
static void
find_cut(struct mailbox *mb, struct plan *p)
{
	uint64_t n = mailbox_count(mb), end = mb->subject.size;
	const struct mbox_entry *e;

	p->cut = end;
	while (n > 0 && mailbox_marked(mb, n))
		n--;
	if (n == mailbox_count(mb))
		return;
	if (n > 0) {
		e = mailbox_entry(mb, n, &p->position);
		p->position++;
		end = e->offset + e->stored;
	}
	if (!index_check(&mb->index, p->position))
		return;
	if (n == 0)
		end = index_entry(&mb->index, 0)->offset;
	p->cut = end;
	for (uint64_t i = p->position; i < mb->index.is.entries; i++) {
		e = index_entry(&mb->index, i);
		if (e->offset != end)
			break; /* octets that are nobody's */
		if (index_is_dead(e) && mailbox_check_dead(mb, e) == -1) {
			mailbox_distrust(mb);
			break;
		}
		end += e->stored;
	}
	if (end != mb->subject.size)
		p->cut = mb->subject.size;
}

/*
 * Cuts the file, unless mail was appended meanwhile without a lock: it stays, and
 * errno is ESTALE.
 */
static enum mailbox_status
cut_file(const struct mailbox *mb, uint64_t cut)
{
	if (mailbox_stands_still(mb) == -1 ||
	    ftruncate(mb->files.fd, (off_t)cut) == -1)
		return MAILBOX_TEMP;
	return fsync(mb->files.fd) == -1 ? MAILBOX_UNSURE : MAILBOX_OK;
}

/* Brings the index to the state of the file, with tombstones or a cut. */
static void
settle_index(struct mailbox *mb, const struct plan *p, bool was_cut)
{
	uint64_t size = was_cut ? p->cut : mb->subject.size;
	uint64_t n, removed = 0, position, count = mailbox_count(mb);
	struct index fresh;

	for (n = 1; n <= count; n++) {
		if (!mailbox_marked(mb, n))
			continue;
		/* Each removal moves the numbers behind it. */
		(void)mailbox_entry(mb, n - removed, &position);
		if (was_cut && position >= p->position)
			break; /* goes with the cut */
		index_remove(&mb->index, position);
		removed++;
	}
	if (was_cut)
		index_cut(&mb->index, p->position);
	if (index_is_sparse(&mb->index) && index_check(&mb->index, 0) &&
	    index_squeeze(&mb->index, &fresh) == 0)
		index_replace(&mb->index, &fresh);
	mailbox_save_index(mb, size);
}

/* Tombstones, and a cut where the last of them are at the end. */
static enum mailbox_status
bury_runs(struct mailbox *mb, const struct plan *p)
{
	struct journal_promise promise = {
		.kind = JOURNAL_RUNS,
		.runs = p->runs,
		.count = p->count,
	};
	enum journal_promised promised;
	bool was_cut = false;

	if (promise_prepare(mb, 0) == -1)
		return MAILBOX_TEMP;
	promised = journal_commit_runs(mb->files.journal_fd, p->runs, p->count);
	if (promised != JOURNAL_PROMISED)
		return promised == JOURNAL_REFUSED ? MAILBOX_TEMP
						   : MAILBOX_UNSURE;
	if (promise_finish(mb, &promise) == -1) {
		log_warn("an update is promised; the next login finishes it");
		return MAILBOX_OK;
	}
	if (p->cut < mb->subject.size)
		was_cut = cut_file(mb, p->cut) == MAILBOX_OK;
	settle_index(mb, p, was_cut);
	return MAILBOX_OK;
}

/* All that is to be removed is at the end. */
static enum mailbox_status
cut_end(struct mailbox *mb, const struct plan *p)
{
	enum mailbox_status status = cut_file(mb, p->cut);

	if (status == MAILBOX_TEMP && errno == ESTALE)
		return bury_runs(mb, p);
	if (status == MAILBOX_OK)
		settle_index(mb, p, true);
	return status;
}

/* A walk over the entries; all pages are checked. */
struct walk {
	uint64_t position, n; /* the next entry, messages before it */
};

/*
 * Takes the next entry, and says whether a compaction leaves it out.  A tombstone
 * stays where octets that are nobody's stand behind it: without it they would
 * become a part of the message before.
 */
static bool
leaves_out(
    const struct mailbox *mb, struct walk *w, const struct mbox_entry **entry)
{
	const struct mbox_entry *e = index_entry(&mb->index, w->position++);
	uint64_t next = mb->subject.size;

	*entry = e;
	if (!index_is_dead(e))
		return mailbox_marked(mb, ++w->n);
	if (w->position < mb->index.is.entries)
		next = index_entry(&mb->index, w->position)->offset;
	return e->offset + e->stored == next;
}

/* The next entry that goes, or NULL. */
static const struct mbox_entry *
next_dead(const struct mailbox *mb, struct walk *w)
{
	const struct mbox_entry *e;

	while (w->position < mb->index.is.entries)
		if (leaves_out(mb, w, &e))
			return e;
	return NULL;
}

/*
 * What is marked was compared with the mailbox; what died earlier is known from
 * the index alone, and must not be mail by now.
 */
static int
check_dead(const struct mailbox *mb, const struct mbox_entry *e)
{
	if (!index_is_dead(e))
		return 0;
	return mailbox_check_dead(mb, e) == -1 ||
		look_at(mb, e->offset + e->stored) == -1
	    ? -1
	    : 0;
}

/* Promises the move that leaves no dead octet; there is one. */
static enum journal_promised
promise_move(const struct mailbox *mb, struct journal_move *move)
{
	struct journal_writer writer = { .fd = mb->files.journal_fd };
	struct walk walk = { 0 };
	const struct mbox_entry *e = next_dead(mb, &walk);
	uint64_t from;

	assert(e != NULL);
	if (promise_prepare(mb, 0) == -1)
		return JOURNAL_REFUSED;
	*move = (struct journal_move){
		.offset = e->offset,
		.size = mb->subject.size,
	};
	do {
		if (check_dead(mb, e) == -1)
			return JOURNAL_REFUSED;
		from = e->offset + e->stored;
		e = next_dead(mb, &walk);
		if (promise_keep(mb, &writer, from,
			e == NULL ? move->size : e->offset) == -1)
			return JOURNAL_REFUSED;
	} while (e != NULL);
	move->length = writer.length;
	if (promise_spare(mb, move) == -1 || promise_sum_around(mb, move) == -1)
		return JOURNAL_REFUSED;
	return journal_commit_move(&writer, JOURNAL_MOVE, move);
}

/* The index of the compacted mailbox. */
static int
move_index(const struct mailbox *mb, struct index *fresh)
{
	struct walk walk = { 0 };
	const struct mbox_entry *e;
	struct mbox_entry moved;
	uint64_t gone = 0;

	index_init(fresh, -1);
	fresh->is.looked = mb->index.is.looked;
	while (walk.position < mb->index.is.entries) {
		if (leaves_out(mb, &walk, &e)) {
			gone += e->stored;
			continue;
		}
		moved = *e;
		moved.offset -= gone;
		if (index_append(fresh, &moved) == -1) {
			index_free(fresh);
			return -1;
		}
	}
	return 0;
}

/*
 * Moves what is kept together.  MAILBOX_TEMP: nothing was promised, and
 * tombstones may still work, which need less room.
 */
static enum mailbox_status
compact(struct mailbox *mb)
{
	struct journal_promise promise = { .kind = JOURNAL_MOVE };
	struct journal_move *move = &promise.move;
	uint64_t end;
	enum journal_promised promised;
	struct index fresh;

	/* What is left over must not join a last line that has no end. */
	if (!mb->complete) {
		errno = ENOSPC;
		return MAILBOX_TEMP;
	}
	mailbox_check_index(mb);
	promised = promise_move(mb, move);
	if (promised == JOURNAL_UNSURE)
		return MAILBOX_UNSURE;
	if (promised == JOURNAL_REFUSED) {
		if (errno == ESTALE)
			mailbox_distrust(mb);
		promise_withdraw(mb);
		return MAILBOX_TEMP;
	}
	if (promise_finish(mb, &promise) == -1) {
		log_warn("an update is promised; the next login finishes it");
		return MAILBOX_OK;
	}
	end = move->offset + move->length;
	/* With a tombstone left at the end, the next scan finds the way. */
	if (cut_file(mb, end) == MAILBOX_OK && move_index(mb, &fresh) == 0) {
		index_replace(&mb->index, &fresh);
		mailbox_save_index(mb, end);
	}
	return MAILBOX_OK;
}

/*
 * Whether compaction is cheaper than tombstones, or due: in the long run what is
 * dead must not outweigh what is alive.  What this update buries counts only at
 * the next, so that no single one pays for more than it has to.
 */
static bool
compaction_pays(const struct mailbox *mb, const struct plan *p)
{
	const struct index_totals *is = &mb->index.is;
	uint64_t first = p->runs[0].offset, kept, bury_cost = 0;

	if (is->dead > is->stored - p->octets)
		return true;
	for (size_t i = 0; i < p->count; i++)
		bury_cost += RUN_COST +
		    (p->runs[i].length < PROMISE_HOLE ? p->runs[i].length
						      : HOLE_COST);
	if (is->dead > 0 && is->first_dead < first)
		first = is->first_dead;
	/* What moves is written to the journal, and then into place. */
	kept = mb->subject.size - first - is->dead - p->octets;
	return 2 * kept < bury_cost;
}

static enum mailbox_status
remove_marked(struct mailbox *mb, struct plan *p)
{
	enum mailbox_status status;

	if (find_runs(mb, p) == -1)
		return MAILBOX_TEMP;
	find_cut(mb, p);
	if (p->cut <= p->runs[0].offset)
		return cut_end(mb, p);
	if (compaction_pays(mb, p)) {
		status = compact(mb);
		if (status != MAILBOX_TEMP)
			return status;
	}
	return bury_runs(mb, p);
}

/*
 * Takes the mailbox's locks again where they were let go, and looks whether it
 * is still the same file.  The index on disk is void until an update has ended:
 * what makes one refuse, or die, has the next login scan.
 */
static int
begin(struct mailbox *mb)
{
	struct stat st;

	if (mb->set->lock_update && lock_mailbox(mb->files.fd) == -1)
		return -1;
	if (mb->files.index_fd != -1 && index_void(&mb->index) == -1)
		return -1;
	if (fds_stat(mb->files.fd, &st) == -1)
		return -1;
	if (st.st_nlink != 1 || (uint64_t)st.st_size < mb->subject.size) {
		errno = ESTALE;
		return -1;
	}
	/* What was written into it is not to be taken for seen. */
	if ((uint64_t)st.st_size == mb->subject.size && !is_as_measured(mb))
		mailbox_distrust(mb);
	return 0;
}

/*
 * When nothing was removed the index is right still, but where it was what refused.
 */
static enum mailbox_status
conclude(struct mailbox *mb, enum mailbox_status status)
{
	if (status == MAILBOX_TEMP && errno != ESTALE)
		mailbox_keep_index(mb);
	return status;
}

enum mailbox_status
mailbox_update(struct mailbox *mb)
{
	struct plan p = { .runs = NULL };
	enum mailbox_status status;
	int saved;

	if (mb->marked == 0)
		return MAILBOX_OK;
	if (begin(mb) == -1)
		return MAILBOX_TEMP;
	status = remove_marked(mb, &p);
	saved = errno;
	free(p.runs);
	errno = saved;
	if (status == MAILBOX_OK)
		mailbox_unmark_all(mb);
	return conclude(mb, status);
}

enum mailbox_status
mailbox_compact(struct mailbox *mb)
{
	struct walk walk = { 0 };

	/* With nothing to do the index stays: it knows twins apart. */
	mailbox_check_index(mb);
	if (next_dead(mb, &walk) == NULL)
		return MAILBOX_OK;
	if (begin(mb) == -1)
		return MAILBOX_TEMP;
	return conclude(mb, compact(mb));
}
