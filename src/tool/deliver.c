/* SPDX-License-Identifier: ISC */
/*
 * restantectl deliver: a message from the standard input into a mailbox, all of it
 * or nothing.  Runs as: restantectl.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "append.h"
#include "clock.h"
#include "letter.h"
#include "lock.h"
#include "num.h"
#include "tool.h"

/*
 * The message in its form in the mailbox.  A separator line that is there already
 * says who sent it and when, unless somebody else does.
 */
static size_t
read_letter(struct tool *t, const char *user, char **mbox)
{
	char line[LETTER_SEPARATOR], *text;
	size_t len, skip, n = 0;

	*mbox = NULL;
	if (letter_read(STDIN_FILENO, &text, &len) == -1) {
		tool_complain(t, EX_IOERR, user, "reading the message: %s",
		    strerror(errno));
		return 0;
	}
	skip = mbox_separator((unsigned char *)text, len);
	letter_separator(t->sender == NULL ? "" : t->sender,
	    clock_wall_ns() / 1000000000, line);
	if (skip != 0 && skip < sizeof(line) && t->sender == NULL) {
		memcpy(line, text, skip);
		/* Without the CR of its end; another is a part of it. */
		memcpy(line + skip - (line[skip - 2] == '\r' ? 2 : 1), "\n", 2);
	}
	if (len == skip)
		tool_complain(t, EX_DATAERR, user, "the message is empty");
	else if ((n = letter_compose(line, text + skip, len - skip, mbox)) == 0)
		tool_complain(t, EX_OSERR, user, "%s", strerror(errno));
	free(text);
	return n;
}

/* Says what a delivery came to, unless all is well. */
static void
tell(struct tool *t, const char *user, enum mailbox_status status)
{
	if (status == MAILBOX_UNSURE)
		tool_complain(t, EX_IOERR, user,
		    "the message may have been delivered: %s", strerror(errno));
	else if (status != MAILBOX_OK)
		tool_complain(
		    t, EX_IOERR, user, "not delivered: %s", strerror(errno));
}

static bool
has_room(struct tool *t, const char *user, const struct mailbox *mb, size_t len)
{
	if (t->quota == 0 || mb->index.is.stored + len <= t->quota)
		return true;
	tool_complain(t, EX_CANTCREAT, user,
	    "over quota: %ju octet%s and %ju more, of %ju",
	    PLURAL(mb->index.is.stored), (uintmax_t)len, (uintmax_t)t->quota);
	return false;
}

static void
deliver(struct tool *t, const char *user, struct mailbox *mb, const char *mbox,
    size_t len)
{
	enum mailbox_status status = MAILBOX_TEMP;
	struct append a;

	if (append_begin(&a, mb, len) == 0) {
		if (append_write(&a, mbox, len) == 0)
			status = append_commit(&a);
		else
			append_cancel(&a);
	}
	tell(t, user, status);
}

/*
 * With "lock update" a session has the journal all the time, and the mailbox for
 * moments only: what is delivered meanwhile is appended as any agent does it.
 */
static void
deliver_beside(struct tool *t, const char *user, const char *mbox, size_t len)
{
	struct mailbox_files files = { tool_find(t, user), -1, -1 };
	const struct mailbox_files mail = files;
	struct mailbox mb = { .files = files };
	enum users_status status;

	if (files.fd == -1)
		return;
	status = users_open_as_is(&t->users, user, &files);
	if (status != USERS_OK) {
		tool_explain_journal(t, user, status);
		mailbox_close(&mb);
		return;
	}
	mb.files = files;
	status = users_lock(&mail);
	if (status != USERS_OK)
		tool_explain(t, user, status);
	else if (mailbox_examine(&mb, &t->mailbox, &files) == -1 ||
	    (t->quota != 0 && mailbox_learn(&mb) == -1))
		tell(t, user, MAILBOX_TEMP);
	else if (has_room(t, user, &mb, len))
		tell(t, user, append_at_once(&mb, mbox, len));
	mailbox_close(&mb);
}

/* Whether a session has the journal and lets others deliver. */
static bool
is_shared(struct tool *t, const char *user)
{
	struct mailbox mb = { .files = { -1, -1, -1 } };
	bool taken;

	if (!t->lock_update ||
	    users_find(&t->users, user, &mb.files.fd) != USERS_OK)
		return false;
	taken = users_complete(&t->users, user, &mb.files) == USERS_OK &&
	    lock_journal(mb.files.journal_fd) == -1 && errno == EWOULDBLOCK;
	mailbox_close(&mb);
	return taken;
}

void
deliver_run(struct tool *t)
{
	const char *user = t->names[0];
	struct mailbox mb;
	char *mbox;
	size_t len = read_letter(t, user, &mbox);

	if (len > 0 && is_shared(t, user)) {
		deliver_beside(t, user, mbox, len);
	} else if (len > 0 && tool_open(t, user, &mb) == 0) {
		if (has_room(t, user, &mb, len))
			deliver(t, user, &mb, mbox, len);
		mailbox_close(&mb);
	}
	free(mbox);
}
