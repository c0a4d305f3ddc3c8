/* SPDX-License-Identifier: ISC */
/* Removing what is old.  Runs as: session. */

#include "io.h"
#include "lock.h"
#include "log.h"
#include "mailbox.h"

/* Marks what is dated before a time.  0, or -1 with errno set. */
static int
mark_older(struct mailbox *mb, int64_t time)
{
	unsigned char line[MBOX_SEPARATOR_MAX];
	const struct mbox_entry *e;
	uint64_t position;
	ssize_t n;

	for (uint64_t i = 1; i <= mailbox_count(mb); i++) {
		e = mailbox_entry(mb, i, &position);
		n = io_pread(
		    mb->files.fd, line, e->separator, (off_t)e->offset);
		if (n == -1)
			return -1;
		if (mbox_date(line, (size_t)n) < time &&
		    mailbox_mark(mb, i) == -1)
			return -1;
	}
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
