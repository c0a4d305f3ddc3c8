/* SPDX-License-Identifier: ISC */
/*
 * A mailbox whose last line has no end, on a disk that is too full to give it one
 * while it is opened, and is not any more when it is updated.  What would join
 * that line is refused.
 */

#include <sys/resource.h>

#include <fcntl.h>
#include <signal.h>

#include "append.h"
#include "head.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define PASSWORD  "secret\n"
#define FIRST     SEPARATOR "Subject: first\n\nto go\n\n"
#define SECOND    SEPARATOR "Subject: second\n\nto stay\n\n"
#define UNENDED   SEPARATOR "Subject: third\n\nto stay, and without an end"
#define NEW       SEPARATOR "Subject: new\n\nto stay\n\n"

static void
limit_size(rlim_t most)
{
	struct rlimit limit = { most, RLIM_INFINITY };

	need(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

#define TEXT PASSWORD FIRST SECOND UNENDED

static struct mailbox mb;
static char got[sizeof(TEXT) + sizeof("\n\n" NEW)];

static int agent;

/* Opens the mailbox on the full disk, of which there is more then. */
static void
open_mailbox(int dir)
{
	static const struct mailbox_settings set = { .unquote = false };
	struct mailbox_files files = { .index_fd = -1 };
	enum mailbox_status status;

	scratch_file(dir, "mailbox", TEXT);
	files.fd = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	files.journal_fd = openat(
	    dir, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	agent = openat(dir, "mailbox", O_RDWR | O_APPEND | O_CLOEXEC);
	need(files.fd != -1 && files.journal_fd != -1 && agent != -1, "open");

	limit_size(sizeof(TEXT) - 1);
	status = mailbox_open(&mb, &set, &files);
	limit_size(RLIM_INFINITY);
	is(status, MAILBOX_OK, "it opens");
	is(mailbox_count(&mb), 3, "with all its messages");
}

static void
refuse(int dir)
{
	struct append a;

	open_mailbox(dir);
	errno = 0;
	ok(append_begin(&a, &mb, strlen(NEW)) == -1 && errno == ENOSPC,
	    "nothing is delivered behind it");
	errno = 0;
	ok(head_replace(&mb, "another\n", 8, false) == MAILBOX_TEMP &&
		errno == ENOSPC,
	    "nor is it moved");
	mailbox_close(&mb);
	memset(got, '\0', sizeof(got));
	need(pread(agent, got, sizeof(got) - 1, 0) >= 0, "pread");
	(void)close(agent);
	is_str(got, TEXT, "and all is as it was");
}

/* Removes message n while somebody appends who takes no lock. */
static void
remove_one(int dir, uint64_t n, const char *new)
{
	open_mailbox(dir);
	need(write(agent, new, strlen(new)) == (ssize_t)strlen(new), "write");
	need(mailbox_mark(&mb, n) == 0, "mark");
	is(mailbox_update(&mb), MAILBOX_OK, "message %d can be removed",
	    (int)n);
	mailbox_close(&mb);

	memset(got, '\0', sizeof(got));
	need(pread(agent, got, sizeof(got) - 1, 0) >= 0, "pread");
	(void)close(agent);
	for (size_t i = 0; i < sizeof(got) - 1; i++)
		if (got[i] == '\0')
			got[i] = '@';
}

int
main(void)
{
	int dir = scratch_open();

	need(signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
	refuse(dir);
	remove_one(dir, 1, "\n\n" NEW);
	ok(strstr(got, "to go") == NULL, "it is gone");
	ok(strstr(got, SECOND UNENDED "\n\n" NEW) != NULL,
	    "and the others are what they were, the last one, too");
	remove_one(dir, 3, NEW);
	ok(strstr(got, "an end") == NULL, "it is gone");
	ok(strstr(got, FIRST SECOND "From @") != NULL &&
		strstr(got, "@\n\n" NEW) != NULL,
	    "and what was glued to it is a message of its own");
	return done();
}
