/* SPDX-License-Identifier: ISC */
/* restantectl compact: mailboxes without tombstones.  Runs as: restantectl. */

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "journal.h"
#include "report.h"
#include "tool.h"

static const struct report_column columns[] = {
	{ "USER", REPORT_TEXT },
	{ "BEFORE", REPORT_NUMBER },
	{ "AFTER", REPORT_NUMBER },
	{ "GAINED", REPORT_NUMBER },
};

/*
 * Opens and locks the mailbox at fd, or says why not.  Returns 0, or -1 with
 * everything closed.
 */
static int
open_mailbox(struct tool *t, const char *user, int fd, struct mailbox *mb)
{
	struct mailbox_files files = { fd, -1, -1 };
	enum users_status found = users_complete(&t->users, user, &files);
	enum mailbox_status status = MAILBOX_TEMP;

	*mb = (struct mailbox){ .files = { fd, -1, -1 } };
	if (found == USERS_OK) {
		mb->files = files;
		found = users_lock(&files);
	}
	if (found != USERS_OK)
		tool_explain(t, user, found);
	else
		status = mailbox_open(mb, &t->mailbox, &files);
	if (status == MAILBOX_OK)
		return 0;
	if (status == MAILBOX_PERM)
		tool_complain(t, EX_DATAERR, user,
		    "not compacted: the mailbox needs attention");
	else if (found == USERS_OK)
		tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
	mailbox_close(mb);
	return -1;
}

/*
 * The same with an index of which every page is good: found damaged later, with
 * other numbers than a scan, it would end the process.
 */
static int
open_sound(struct tool *t, const char *user, struct mailbox *mb)
{
	int fd = tool_find(t, user);

	if (fd == -1 || open_mailbox(t, user, fd, mb) == -1)
		return -1;
	if (index_check(&mb->index, 0))
		return 0;
	tool_complain(t, EX_OK, user, "a damaged index is thrown away");
	(void)index_void(&mb->index);
	mailbox_close(mb);
	fd = tool_find(t, user);
	return fd == -1 ? -1 : open_mailbox(t, user, fd, mb);
}

static uint64_t
size_of(const struct mailbox *mb)
{
	struct stat st;

	return fstat(mb->files.fd, &st) == -1 ? 0 : (uint64_t)st.st_size;
}

static void
compact(struct tool *t, struct report_table *table, const char *user)
{
	struct journal_about about;
	struct report_cell *row;
	struct mailbox mb;
	uint64_t before, after;

	if (open_sound(t, user, &mb) == -1)
		return;
	before = size_of(&mb);
	if (mailbox_compact(&mb) != MAILBOX_OK)
		tool_complain(
		    t, EX_IOERR, user, "not compacted: %s", strerror(errno));
	else if (journal_describe(mb.files.journal_fd, &about) == -1 ||
	    about.promises)
		tool_complain(t, EX_TEMPFAIL, user,
		    "not all of it could be done: the next login finishes it");
	after = size_of(&mb);
	mailbox_close(&mb);

	row = report_row(table);
	if (row == NULL) {
		tool_complain(t, EX_OSERR, user, "%s", strerror(errno));
		return;
	}
	row[0].known = true;
	(void)snprintf(row[0].text, sizeof(row[0].text), "%s", user);
	row[1] = report_number(before);
	row[2] = report_number(after);
	row[3] = report_number(before > after ? before - after : 0);
}

void
compact_run(struct tool *t)
{
	struct report_table table = {
		.columns = columns,
		.width = sizeof(columns) / sizeof(columns[0]),
	};

	for (size_t i = 0; i < t->count; i++)
		compact(t, &table, t->names[i]);
	report_print(&table, t->json, stdout);
}
