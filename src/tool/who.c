/* SPDX-License-Identifier: ISC */
/* restantectl who and kick: sessions.  Runs as: restantectl. */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "report.h"
#include "sessions.h"

static const struct report_column columns[] = {
	{ "USER", REPORT_TEXT },
	{ "PID", REPORT_NUMBER },
	{ "FROM", REPORT_TEXT },
	{ "SINCE", REPORT_TIME_OF },
	{ "DOING", REPORT_TEXT },
};

static const char *
doing(const struct session_seen *s)
{
	if (s->user[0] == '\0')
		return "logging in";
	return s->state == 'S' ? "waiting" : "working";
}

static bool
is_named(const struct tool *t, const char *user)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->names[i], user) == 0)
			return true;
	return false;
}

void
who_run(struct tool *t)
{
	struct report_table table = {
		.columns = columns,
		.width = sizeof(columns) / sizeof(columns[0]),
	};
	struct session_seen *seen;
	struct report_cell *row;
	size_t count;

	for (size_t i = 0; i < t->count; i++)
		if (!t->everybody && !tool_is_there(t, t->names[i]))
			tool_explain(t, t->names[i], USERS_NONE);
	count = sessions_find(t, &seen);
	for (size_t i = 0; i < count; i++) {
		if (!t->everybody && !is_named(t, seen[i].user))
			continue;
		row = report_row(&table);
		row[0] = report_text(seen[i].user);
		row[1] = report_number((uint64_t)seen[i].pid);
		row[2] = report_text(seen[i].peer);
		row[3] = report_number(seen[i].since);
		row[4] = report_text(doing(&seen[i]));
	}
	free(seen);
	report_print(&table, t->json);
}

static void
kick(struct tool *t, const char *user, const struct session_seen *seen,
    size_t count)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (*user == '\0' || strcmp(seen[i].user, user) != 0)
			continue;
		found = true;
		sessions_end(t, &seen[i]);
	}
	if (!found)
		tool_complain(t, EX_NOUSER, user, "is not logged in");
}

void
kick_run(struct tool *t)
{
	struct session_seen *seen;
	size_t count = sessions_find(t, &seen);

	for (size_t i = 0; i < t->count; i++)
		kick(t, t->names[i], seen, count);
	free(seen);
}
