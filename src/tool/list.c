/* SPDX-License-Identifier: ISC */
/* restantectl list: who has how much.  Runs as: restantectl. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "journal.h"
#include "report.h"
#include "tool.h"

static const struct report_column columns[] = {
	{ "USER", REPORT_TEXT },
	{ "MESSAGES", REPORT_NUMBER },
	{ "OCTETS", REPORT_NUMBER },
	{ "DEAD", REPORT_NUMBER },
	{ "LAST LOGIN", REPORT_TIME_OF },
};

/*
 * What the header of the index says of the mailbox as it is.  That needs no lock:
 * the mailbox was measured first, and a header is whole or is none.
 */
static enum index_status
read_header(struct tool *t, struct mailbox *mb)
{
	const struct mailbox_files files = mb->files;
	struct index_subject was;
	enum index_status status;

	if (mailbox_examine(mb, &t->mailbox, &files) == -1)
		return INDEX_NONE;
	status = index_load(&mb->index, &mb->subject, &was);
	/* Of a piece of the mailbox it says too little. */
	return was.size == mb->subject.size ? status : INDEX_NONE;
}

/* Whether the journal of a locked mailbox promises that messages will go. */
static bool
update_waits(const struct mailbox_files *files)
{
	struct journal_promise p = { .runs = NULL };
	enum journal_status status = JOURNAL_EMPTY;

	if (files->journal_fd != -1)
		status = journal_load(files->journal_fd, &p);
	free(p.runs);
	return status == JOURNAL_PROMISE;
}

/* Counts what is in the mailbox, which is locked.  Returns whether it could. */
static bool
count_locked(struct tool *t, const char *user, struct mailbox *mb)
{
	const struct mailbox_files files = mb->files;

	if (update_waits(&files)) {
		tool_complain(t, EX_TEMPFAIL, user,
		    "an update waits to be finished by the next login");
		return false;
	}
	if (mailbox_examine(mb, &t->mailbox, &files) == 0 &&
	    mailbox_learn(mb) == 0)
		return true;
	tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
	return false;
}

/* The same of one that is not locked. */
static bool
count(struct tool *t, const char *user, struct mailbox *mb, bool promises)
{
	enum index_status header = read_header(t, mb);
	enum users_status locked;

	if (header == INDEX_FITS && !promises)
		return true;
	locked = users_lock(&mb->files);
	/* Who holds the mailbox has looked whether a young index is right. */
	if (locked == USERS_IN_USE && header == INDEX_LOOK && !promises)
		return true;
	if (locked != USERS_OK) {
		tool_explain(t, user, locked);
		return false;
	}
	index_free(&mb->index);
	return count_locked(t, user, mb);
}

bool
list_count(struct tool *t, const char *user, int fd, struct mailbox *mb,
    struct journal_about *about)
{
	struct mailbox_files files = { .fd = fd };
	enum users_status status;

	*mb = (struct mailbox){ .files = { fd, -1, -1 } };
	*about = (struct journal_about){ .login = 0 };
	status = users_open_as_is(&t->users, user, &files);
	if (status != USERS_OK) {
		tool_explain_journal(t, user, status);
		return false;
	}
	if (files.journal_fd != -1 &&
	    journal_describe(files.journal_fd, about) == -1)
		tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
	mb->files = files;
	return count(t, user, mb, about->promises);
}

static void
add_row(struct tool *t, struct report_table *table, const char *user, int fd)
{
	struct report_cell *row = report_row(table);
	struct journal_about about;
	struct mailbox mb;

	row[0] = report_text(user);
	if (list_count(t, user, fd, &mb, &about)) {
		row[1] = report_number(mb.index.is.messages);
		row[2] = report_number(mb.index.is.octets);
		row[3] = report_number(mb.index.is.dead);
	}
	if (about.login != 0)
		row[4] = report_number(about.login);
	mailbox_close(&mb);
}

void
list_run(struct tool *t)
{
	struct report_table table = {
		.columns = columns,
		.width = sizeof(columns) / sizeof(columns[0]),
	};
	int fd;

	for (size_t i = 0; i < t->count; i++) {
		fd = tool_find(t, t->names[i]);
		if (fd != -1)
			add_row(t, &table, t->names[i], fd);
	}
	report_print(&table, t->json);
}
