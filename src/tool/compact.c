/* SPDX-License-Identifier: ISC */
/* restantectl compact: mailboxes without tombstones.  Runs as: restantectl. */

#include <sys/stat.h>

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "journal.h"
#include "report.h"
#include "tool.h"

static const struct report_column columns[] = {
	{ "USER", REPORT_TEXT },
	{ "BEFORE", REPORT_NUMBER },
	{ "AFTER", REPORT_NUMBER },
	{ "GAINED", REPORT_NUMBER },
};

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

	if (tool_open(t, user, &mb) == -1)
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
	row[0] = report_text(user);
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
	report_print(&table, t->json);
}
