/* SPDX-License-Identifier: ISC */
/*
 * The first line of a mailbox, the password line, and changing it so that a death
 * at any point leaves the old one or the new one, and all mail.
 * Runs as: restantectl; the parts of a promise as session, too.
 *
 * A line that takes no more room than there is, dead octets behind it included,
 * is written in place.  Another moves all that follows: the file grows first, and
 * mail that is delivered between a death and the next login stands behind that.
 *
 * The promise is a journal_move of which the octets in the journal are the old
 * ones, move.offset of them, and then what the file is to begin with; move.size
 * is the file's before.
 */
#ifndef HEAD_H
#define HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "mailbox.h"
#include "promise.h"

/* No line is longer, nor what is written in its place. */
enum { HEAD_MAX = 4096 };

/*
 * Puts a line, its LF included, into the place of the first one; or before it
 * where the first line is no password line but already mail.  The mailbox is
 * good for nothing but closing afterwards.
 *
 * MAILBOX_OK: it is there for good.  MAILBOX_TEMP: nothing has changed; errno is
 * set, EFBIG when the first line is too long to be one.  MAILBOX_UNSURE: the disk
 * fails; errno is set.
 */
enum mailbox_status
head_replace(struct mailbox *, const char *line, size_t len, bool before);

/* For promise.c: does what is promised, and whether it can be. */
int head_finish(const struct mailbox *, const struct journal_promise *);
int head_fit(const struct mailbox *, const struct journal_promise *,
    struct promise_fit *);

#endif
