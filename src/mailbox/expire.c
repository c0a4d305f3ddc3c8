/* SPDX-License-Identifier: ISC */
/* Removing what is old.  Runs as: session. */

#include "lock.h"
#include "log.h"
#include "mailbox.h"

/*
 * Marks what is dated before a time.  The index knows how old the oldest is of
 * those that were looked at before: most often only what is new has to be.
 * Returns 0, or -1 with errno set.
 */
static int
mark_older(struct mailbox *mb, int64_t time)
{
	struct index_totals *is = &mb->index.is;
	uint64_t position, from = is->oldest < time ? 0 : is->dated;
	int64_t date, oldest = from == 0 ? MBOX_NO_DATE : is->oldest;
	unsigned char line[MBOX_SEPARATOR_MAX];
	const struct mbox_entry *e;

	for (uint64_t i = mailbox_count(mb); i > 0; i--) {
		e = mailbox_entry(mb, i, &position);
		if (position < from)
			break;
		if (mailbox_pread(mb, line, e->separator, e->offset) == -1)
			return -1;
		date = mbox_date(line, e->separator);
		if (date < time && mailbox_mark(mb, i) == -1)
			return -1;
		if (date < oldest)
			oldest = date;
	}
	if (is->dated == is->entries && is->oldest == oldest)
		return 0;
	is->dated = is->entries;
	is->oldest = oldest;
	mailbox_keep_index(mb);
	return 0;
}

/*
 * The mailbox is opened again behind the removal: nobody has been told a number
 * yet, and what is left has those from 1 on.
 */
enum mailbox_status
mailbox_expire(struct mailbox *mb, int64_t time, uint64_t *removed)
{
	const struct mailbox_settings *set = mb->set;
	const struct mailbox_files files = mb->files;
	enum mailbox_status status = MAILBOX_TEMP;
	uint64_t marked = 0;

	*removed = 0;
	if (mark_older(mb, time) == 0) {
		marked = mb->marked;
		status = mailbox_update(mb);
	}
	if (status == MAILBOX_OK && marked > 0) {
		*removed = marked;
		mb->files.fd = -1; /* stays open, and locked */
		mailbox_close(mb);
		return mailbox_open(mb, set, &files);
	}
	if (status != MAILBOX_TEMP)
		return status;
	log_warn("removing old messages");
	mailbox_unmark_all(mb);
	if (set->lock_update)
		lock_release_mailbox(files.fd);
	return MAILBOX_OK;
}
