/* SPDX-License-Identifier: ISC */
/*
 * Adding mail to a mailbox so that a death at any point leaves all of it or none.
 * Runs as: restantectl; what undoes it as session, too.
 *
 * It is promised that what begins at the end of the file is to go again; the file
 * becomes as long as it will be, in one step; all octets but the first are
 * written and synced; the first makes them a message.  As long as that one is
 * zero, a recovery undoes it: the file is cut, or, when somebody has delivered
 * behind it, what is there becomes a tombstone.
 *
 * The promise is a journal_move: offset is where the mail begins, size where it
 * ends, before a sum of what is before it; length is 0.
 */
#ifndef APPEND_H
#define APPEND_H

#include <stddef.h>
#include <stdint.h>

#include "mailbox.h"
#include "promise.h"

struct append {
	struct mailbox *mb;
	struct journal_move move;
	uint64_t done; /* octets of it */
	char first;
};

/*
 * Makes room for so many octets: whole messages, each with its separator line and
 * a blank line at its end.  Returns 0, or -1 with errno set and nothing changed.
 */
int append_begin(struct append *, struct mailbox *, uint64_t length);

/*
 * Writes the next of them.  Returns 0, or -1 with errno set, EINVAL when they are
 * more than there is room for: then cancel.
 */
int append_write(struct append *, const void *, size_t);

/*
 * All have been written.  MAILBOX_OK: the mail is there for good, and the index
 * knows it.  MAILBOX_TEMP: nothing has changed.  MAILBOX_UNSURE: the disk fails.
 * errno is set but with the first.
 */
enum mailbox_status append_commit(struct append *);

/* Leaves the mailbox as it was; what cannot be undone now the next login does. */
void append_cancel(struct append *);

/*
 * Adds whole messages as any delivery agent does, where the journal is somebody
 * else's: a death leaves a part of them.  Needs the mailbox's locks alone, and
 * mailbox_examine().  Returns as append_commit(); the index knows nothing of it.
 */
enum mailbox_status
append_at_once(const struct mailbox *, const char *mbox, size_t len);

/* For promise.c. */
int append_undo(const struct mailbox *, const struct journal_promise *);
int append_fit(const struct mailbox *, const struct journal_promise *,
    struct promise_fit *);

#endif
