/* SPDX-License-Identifier: ISC */
/*
 * A mailbox whose last line has no end, on a disk that is too full to give it one
 * while it is opened, and is not any more when it is updated.
 */

#include <sys/resource.h>

#include <fcntl.h>
#include <signal.h>

#include "mailbox.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define PASSWORD  "secret\n"
#define FIRST     SEPARATOR "Subject: first\n\nto go\n\n"
#define SECOND    SEPARATOR "Subject: second\n\nto stay\n\n"
#define UNENDED   SEPARATOR "Subject: third\n\nto stay, and without an end"
#define NEW       "\n\n" SEPARATOR "Subject: new\n\nto stay\n\n"

static void
limit_size(rlim_t most)
{
	struct rlimit limit = { most, RLIM_INFINITY };

	need(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

int
main(void)
{
	static const struct mailbox_settings set = { .unquote = false };
	static const char text[] = PASSWORD FIRST SECOND UNENDED;
	char got[sizeof(text) + sizeof(NEW)] = "";
	struct mailbox_files files = { .index_fd = -1 };
	struct mailbox mb;
	int dir = scratch_open(), agent;

	scratch_file(dir, "mailbox", text);
	files.fd = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	files.journal_fd = openat(
	    dir, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	agent = openat(dir, "mailbox", O_RDWR | O_APPEND | O_CLOEXEC);
	need(files.fd != -1 && files.journal_fd != -1 && agent != -1, "open");

	need(signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
	limit_size(sizeof(text) - 1);
	is(mailbox_open(&mb, &set, &files), MAILBOX_OK, "it opens");
	limit_size(RLIM_INFINITY);
	is(mailbox_count(&mb), 3, "with all its messages");

	/* Who takes no lock keeps what is left over from being cut off. */
	need(write(agent, NEW, strlen(NEW)) == (ssize_t)strlen(NEW), "write");
	need(mailbox_mark(&mb, 1) == 0, "mark");
	is(mailbox_update(&mb), MAILBOX_OK, "the first one can be removed");
	mailbox_close(&mb);

	need(pread(agent, got, sizeof(got) - 1, 0) >= 0, "pread");
	for (size_t i = 0; i < sizeof(got) - 1; i++)
		if (got[i] == '\0')
			got[i] = '@';
	ok(strstr(got, "to go") == NULL, "it is gone");
	ok(strstr(got, SECOND UNENDED NEW) != NULL,
	    "and the others are what they were, the last one, too");
	return done();
}
