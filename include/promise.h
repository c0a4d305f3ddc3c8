/* SPDX-License-Identifier: ISC */
/*
 * Keeping what a journal promises.  Runs as: session, restantectl; under the
 * locks.
 *
 * A run of deleted messages becomes a tombstone: its first five octets, "From ",
 * and its last two line ends stay, what lies between is zeroed.  A move puts the
 * octets that the journal holds into their place and makes one tombstone of what
 * is left between them and the size of the file when it was promised.  Both can
 * be done again from any point that a death left.
 */
#ifndef PROMISE_H
#define PROMISE_H

#include "journal.h"
#include "mailbox.h"

/*
 * A run this long becomes a hole, which gives its blocks back to the disk.  A
 * shorter one is zeroed by writing: that takes less time than a hole, and what
 * is dead is compacted away before it outweighs what is alive.
 */
enum { PROMISE_HOLE = 256 * 1024 };

/*
 * Does what is promised, from the begin or again, syncs it and empties the
 * journal.  Returns 0, or -1 with errno set: the promise then stands.
 */
int promise_finish(const struct mailbox *, const struct journal_promise *);

/*
 * Before a promise: syncs the mailbox, of which a power loss may leave no less than
 * what is promised of it, whoever has written that; and finds room for len octets
 * that will be added.  0, or -1 with errno set: there is to be no promise.
 */
int promise_prepare(const struct mailbox *, uint64_t len);

/*
 * Gives back the room that was found, all of it or as much as there was: a file
 * keeps blocks behind its end, and would fill the disk.  Keeps errno.
 */
void promise_give_back(const struct mailbox *);

/*
 * Finds room in the journal, behind the octets that were kept, for those that will
 * fill holes of the mailbox: it must not find the disk full who has promised.  As
 * prepare.
 */
int promise_spare(const struct mailbox *, const struct journal_move *);

/* Takes back what was not promised in the end, or not begun.  Keeps errno. */
void promise_withdraw(const struct mailbox *);

/*
 * Octets of the mailbox that are to stand elsewhere go to the journal, and from
 * there, where from is their place in it, to where they are to stand.  0, or -1
 * with errno set.
 */
int promise_keep(const struct mailbox *, struct journal_writer *,
    uint64_t offset, uint64_t end);
int promise_put(
    const struct mailbox *, uint64_t from, uint64_t offset, uint64_t end);

/* Zeroes octets and gives their blocks back where that pays.  0 or -1. */
int promise_zero(const struct mailbox *, uint64_t offset, uint64_t len);

/*
 * Notes by what a move will be known: sums of the octets before it, which it
 * never touches, at its begin, which it overwrites first, and at the end, which
 * it zeroes last.  offset, length and size are set.  Returns 0 or -1.
 */
int promise_sum_around(const struct mailbox *, struct journal_move *);

/* Whether a promise is one of this mailbox, and was begun. */
struct promise_fit {
	bool fits, begun;
};

/*
 * A journal fits by what the mailbox holds, never by the file's number.  Returns
 * 0, or -1 with errno set.
 */
int promise_fit(const struct mailbox *, const struct journal_promise *,
    struct promise_fit *);

/*
 * Reads the journal and finishes what it promises.  One that does not fit, and
 * of which nothing was begun, is set aside; one that was begun gives
 * MAILBOX_PERM.  Both are logged.
 */
enum mailbox_status promise_recover(const struct mailbox *);

#endif
