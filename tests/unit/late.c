/* SPDX-License-Identifier: ISC */
/*
 * Mail that comes without a lock while a delivery or a longer password line is
 * being promised: it stays.
 */

#include <fcntl.h>
#include <unistd.h>

#include "append.h"
#include "head.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define OLD       "secret\n" SEPARATOR "Subject: old\n\n\n"
#define NEW       SEPARATOR "Subject: new\n\n\n"
#define SHORT     SEPARATOR "\n"

int __real_fdatasync(int);
int __wrap_fdatasync(int);

static const char *late; /* what comes with the next sync */
static int agent, dir;

int
__wrap_fdatasync(int fd)
{
	ssize_t len = late == NULL ? 0 : (ssize_t)strlen(late);

	need(len == 0 || write(agent, late, (size_t)len) == len, "write");
	late = NULL;
	return __real_fdatasync(fd);
}

/* Opens a new one. */
static void
begin(struct mailbox *mb)
{
	static const struct mailbox_settings set = { .unquote = false };
	struct mailbox_files files = { .index_fd = -1 };

	scratch_file(dir, "mailbox", OLD);
	scratch_file(dir, "journal", "");
	files.fd = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	files.journal_fd = openat(dir, "journal", O_RDWR | O_CLOEXEC);
	agent = openat(dir, "mailbox", O_RDWR | O_APPEND | O_CLOEXEC);
	need(files.fd != -1 && files.journal_fd != -1 && agent != -1, "open");
	need(mailbox_open(mb, &set, &files) == MAILBOX_OK, "mailbox");
}

/* The mailbox has what it had, and what came. */
static void
judge(struct mailbox *mb, const char *came, const char *what)
{
	static char text[8192], got[sizeof(text)];

	(void)snprintf(text, sizeof(text), "%s%s", OLD, came);
	mailbox_close(mb);
	memset(got, 0, sizeof(got));
	need(pread(agent, got, sizeof(got) - 1, 0) >= 0, "pread");
	ok(strcmp(got, text) == 0, "%s: all is there, and nothing else", what);
	(void)close(agent);
}

static void
try(const char *came, const char *what)
{
	char line[512];
	struct mailbox mb;
	struct append a;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	begin(&mb);
	late = came;
	is(head_replace(&mb, line, sizeof(line), false), MAILBOX_TEMP,
	    "%s: no new line", what);
	judge(&mb, came, what);

	begin(&mb);
	late = came;
	ok(append_begin(&a, &mb, strlen(NEW)) == -1, "%s: no delivery", what);
	judge(&mb, came, what);
}

int
main(void)
{
	static char text[4096] = SEPARATOR;

	dir = scratch_open();
	memset(text + strlen(text), '\n', sizeof(text) - 1 - strlen(text));
	try(SHORT, "a little mail");
	try(text, "much mail");
	return done();
}
