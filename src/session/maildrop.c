/* SPDX-License-Identifier: ISC */
/* A session's mailbox, opened and updated.  Runs as: session. */

#include "log.h"
#include "maildrop.h"

int
maildrop_open(struct session *s)
{
	struct mailbox *mb = &s->mailbox;
	const struct mailbox_files files = mb->files;

	switch (mailbox_open(mb, &s->set->mailbox, &files)) {
	case MAILBOX_OK:
		s->left = mailbox_count(mb);
		return 0;
	case MAILBOX_TEMP:
	case MAILBOX_UNSURE: /* not of an opening */
		log_warn("opening the mailbox of %s", s->user);
		reply_err(
		    &s->out, "[SYS/TEMP] the maildrop cannot be opened now");
		break;
	case MAILBOX_PERM:
		log_warnx("the mailbox of %s needs attention", s->user);
		reply_err(&s->out,
		    "[SYS/PERM] the maildrop needs the postmaster's "
		    "attention");
		break;
	}
	return -1;
}

int
maildrop_update(struct session *s)
{
	uint64_t marked = s->mailbox.marked;

	switch (mailbox_update(&s->mailbox)) {
	case MAILBOX_OK:
		s->deleted += marked;
		s->left -= marked;
		return 0;
	case MAILBOX_TEMP:
		log_warn("updating the mailbox of %s", s->user);
		reply_err(&s->out, "[SYS/TEMP] nothing was deleted");
		break;
	case MAILBOX_UNSURE:
		log_warn("updating the mailbox of %s, which may have happened",
		    s->user);
		reply_err(&s->out,
		    "[SYS/TEMP] the disk fails: what was to be "
		    "deleted may be there or not");
		break;
	case MAILBOX_PERM: /* not of an update */
		break;
	}
	return -1;
}
