/* SPDX-License-Identifier: ISC */
/* restantectl stats: all in numbers.  Runs as: restantectl. */

#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "sessions.h"

enum { USERS, UNKNOWN, MESSAGES, OCTETS, DEAD, SESSIONS, NUMBERS };

/* Their titles, and what they are for those who collect them. */
static const struct report_column columns[NUMBERS] = {
	[USERS] = { "USERS", REPORT_NUMBER },
	[UNKNOWN] = { "UNKNOWN", REPORT_NUMBER },
	[MESSAGES] = { "MESSAGES", REPORT_NUMBER },
	[OCTETS] = { "OCTETS", REPORT_NUMBER },
	[DEAD] = { "DEAD", REPORT_NUMBER },
	[SESSIONS] = { "SESSIONS", REPORT_NUMBER },
};

static const struct {
	const char *name, *help;
} gauges[NUMBERS] = {
	[USERS] = { "users", "Mailboxes." },
	[UNKNOWN] = { "unknown", "Mailboxes of which no more is known now." },
	[MESSAGES] = { "messages", "Messages in all others." },
	[OCTETS] = { "octets", "Octets of these messages on the wire." },
	[DEAD] = { "dead_octets", "Octets of deleted messages in the files." },
	[SESSIONS] = { "sessions", "Connections, logged in or not." },
};

_Static_assert((int)NUMBERS <= (int)REPORT_COLUMNS, "they fit into a row");

static void
add_user(struct tool *t, uint64_t n[NUMBERS], const char *user, int fd)
{
	struct journal_about about;
	struct mailbox mb;

	n[USERS]++;
	if (list_count(t, user, fd, &mb, &about)) {
		n[MESSAGES] += mb.index.is.messages;
		n[OCTETS] += mb.index.is.octets;
		n[DEAD] += mb.index.is.dead;
	} else {
		n[UNKNOWN]++;
	}
	mailbox_close(&mb);
}

static void
print_prometheus(const uint64_t n[NUMBERS])
{
	for (int i = 0; i < NUMBERS; i++)
		printf("# HELP restante_%s %s\n# TYPE restante_%s gauge\n"
		       "restante_%s %ju\n",
		    gauges[i].name, gauges[i].help, gauges[i].name,
		    gauges[i].name, (uintmax_t)n[i]);
}

static void
print_table(struct tool *t, const uint64_t n[NUMBERS])
{
	struct report_table table = { .columns = columns, .width = NUMBERS };
	struct report_cell *row = report_row(&table);

	for (int i = 0; i < NUMBERS; i++)
		row[i] = report_number(n[i]);
	report_print(&table, t->json);
}

void
stats_run(struct tool *t)
{
	struct session_seen *seen;
	uint64_t n[NUMBERS] = { 0 };
	int fd;

	for (size_t i = 0; i < t->count; i++) {
		fd = tool_find(t, t->names[i]);
		if (fd != -1)
			add_user(t, n, t->names[i], fd);
	}
	n[SESSIONS] = sessions_find(t, &seen);
	free(seen);
	if (t->prometheus)
		print_prometheus(n);
	else
		print_table(t, n);
}
