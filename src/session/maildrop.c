/* SPDX-License-Identifier: ISC */
/* A session's mailbox, opened and updated.  Runs as: session. */

#include "clock.h"
#include "log.h"
#include "maildrop.h"
#include "peruser.h"

enum { DAY = 24 * 60 * 60 };

/*
 * Removes what is older than the user's messages may be (RFC 2449 section 6.7),
 * before the client is told of anything.
 */
static enum mailbox_status
expire(struct session *s)
{
	uint64_t days = peruser_of(s->set->expire, s->user), removed;
	int64_t now = (int64_t)(clock_wall_ns() / 1000000000);
	enum mailbox_status status;

	if (days == PERUSER_NEVER)
		return MAILBOX_OK;
	status = mailbox_expire(
	    &s->mailbox, now - (int64_t)days * DAY, &removed);
	if (removed > 0)
		log_info("expired: user=%s addr=%s deleted=%ju days=%ju",
		    s->user, s->peer, (uintmax_t)removed, (uintmax_t)days);
	return status;
}

int
maildrop_open(struct session *s)
{
	struct mailbox *mb = &s->mailbox;
	const struct mailbox_files files = mb->files;
	enum mailbox_status status;

	status = mailbox_open(mb, &s->set->mailbox, &files);
	if (status == MAILBOX_OK)
		status = expire(s);
	switch (status) {
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
