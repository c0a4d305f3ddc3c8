/* SPDX-License-Identifier: ISC */
/*
 * A deletion that was promised, and a mailbox that another program changed before
 * the next login could keep the promise.
 */

#include <fcntl.h>

#include "journal.h"
#include "mailbox.h"
#include "scratch.h"
#include "sum.h"
#include "tap.h"

#define PASSWORD  "secret\n"
#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define FIRST     SEPARATOR "Subject: first\n\nto stay\n\n"
#define SECOND    SEPARATOR "Subject: second\n\nto go, a longer text than that\n\n"
#define SHORTER   SEPARATOR "Subject: second\n\nto go\n\n"
#define CRLF      SEPARATOR "Subject: second\n\nto go\r\n\r\n"
#define UNENDED   SEPARATOR "Subject: second\n\nto go, and has no end"
#define THIRD     SEPARATOR "Subject: third\n\nto stay\n\n"

static int dir = -1;

/* The second message is promised to go. */
static void
promise(const char *second)
{
	struct journal_run run = {
		.offset = strlen(PASSWORD FIRST),
		.length = strlen(second),
		.check = sum64(0, SEPARATOR, strlen(SEPARATOR)),
	};
	int fd = openat(dir, "journal", O_RDWR | O_CREAT | O_TRUNC, 0600);

	need(fd != -1 && journal_prepare(fd) == 0 &&
		journal_commit_runs(fd, &run, 1) == JOURNAL_PROMISED &&
		close(fd) == 0,
	    "journal");
}

/* Opens what the file is now; the number of messages, or -1. */
static int
messages(void)
{
	static const struct mailbox_settings set = { .unquote = false };
	const struct mailbox_files files = {
		openat(dir, "mailbox", O_RDWR | O_CLOEXEC),
		openat(dir, "journal", O_RDWR | O_CLOEXEC),
		-1,
	};
	struct mailbox mb;
	int count = -1;

	if (mailbox_open(&mb, &set, &files) == MAILBOX_OK)
		count = (int)mailbox_count(&mb);
	mailbox_close(&mb);
	return count;
}

static bool
is_unchanged(const char *text)
{
	char got[sizeof(PASSWORD FIRST SECOND THIRD)] = "";
	int fd = openat(dir, "mailbox", O_RDONLY | O_CLOEXEC);

	need(fd != -1 && read(fd, got, sizeof(got)) >= 0 && close(fd) == 0,
	    "mailbox");
	return strcmp(got, text) == 0;
}

int
main(void)
{
	dir = scratch_open();

	promise(SECOND);
	scratch_file(dir, "mailbox", PASSWORD FIRST SECOND THIRD);
	is(messages(), 2, "the promise is kept in the mailbox it was made for");

	promise(SECOND);
	scratch_file(dir, "mailbox", PASSWORD FIRST SECOND);
	is(messages(), 1, "and where it is about the last message");

	promise(SECOND);
	scratch_file(dir, "mailbox", PASSWORD FIRST SECOND "\nof no form\n");
	is(messages(), 1, "whatever was added behind it");
	promise(CRLF);
	scratch_file(dir, "mailbox", PASSWORD FIRST CRLF "\nof no form\n");
	is(messages(), 1, "... behind a CRLF, too");
	promise(UNENDED);
	scratch_file(dir, "mailbox", PASSWORD FIRST UNENDED THIRD);
	is(messages(), 2, "... or a message behind no line end");
	ok(!is_unchanged(PASSWORD FIRST UNENDED THIRD), "which is gone, too");

	promise(SECOND);
	scratch_file(dir, "mailbox", PASSWORD FIRST SHORTER THIRD);
	is(messages(), 3, "not where the message was made shorter");
	ok(is_unchanged(PASSWORD FIRST SHORTER THIRD),
	    "and the one behind it is whole");

	promise(SECOND);
	scratch_file(dir, "mailbox", PASSWORD FIRST SHORTER);
	is(messages(), 2, "the last one, made shorter, keeps nobody out");
	ok(is_unchanged(PASSWORD FIRST SHORTER), "and nothing is lost");
	return done();
}
