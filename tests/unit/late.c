/* SPDX-License-Identifier: ISC */
/*
 * Mail that comes without a lock while a delivery or a longer password line is
 * being promised, or while mail is appended without a promise: it stays.
 */

#include <sys/uio.h>

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
int __wrap_fsync(int);
ssize_t __real_pwritev64v2(int, const struct iovec *, int, off_t, int);
ssize_t __wrap_pwritev64v2(int, const struct iovec *, int, off_t, int);

/* What the next calls do. */
static struct plan {
	const char *early; /* comes before mail is appended */
	const char *late;  /* comes behind it, or with a sync */
	size_t most;       /* octets that are appended at once; 0: all */
	bool no_append;
	bool sync_fails;
	int fails_at; /* where it does; 0: everywhere */
} plan;

static int agent, dir;

static void
deliver(const char **mail)
{
	ssize_t len = *mail == NULL ? 0 : (ssize_t)strlen(*mail);

	need(len == 0 || write(agent, *mail, (size_t)len) == len, "write");
	*mail = NULL;
}

int
__wrap_fdatasync(int fd)
{
	deliver(&plan.late);
	if (!plan.sync_fails || (plan.fails_at != 0 && plan.fails_at != fd))
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

int
__wrap_fsync(int fd)
{
	return __wrap_fdatasync(fd);
}

ssize_t
__wrap_pwritev64v2(
    int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	struct iovec first = iov[count - 1];
	ssize_t n;

	if (plan.no_append && flags != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	deliver(&plan.early);
	if (plan.most == 0)
		return __real_pwritev64v2(fd, iov, count, offset, flags);
	need(iov[0].iov_len == 0, "nothing lacks");
	first.iov_len = plan.most;
	n = __real_pwritev64v2(fd, &first, 1, offset, flags);
	deliver(&plan.late);
	return n;
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

static bool
promises_nothing(const struct mailbox *mb)
{
	struct journal_about about;

	return journal_describe(mb->files.journal_fd, &about) == 0 &&
	    !about.promises;
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
	plan.late = came;
	is(head_replace(&mb, line, sizeof(line), false), MAILBOX_TEMP,
	    "%s: no new line", what);
	ok(promises_nothing(&mb), "... is promised");
	judge(&mb, came, what);

	begin(&mb);
	plan.late = came;
	ok(append_begin(&a, &mb, strlen(NEW)) == -1, "%s: no delivery", what);
	ok(promises_nothing(&mb), "... is promised");
	judge(&mb, came, what);
}

/* Whether something was promised is not known. */
static void
without_promise(void)
{
	struct mailbox mb;
	struct append a;

	begin(&mb);
	plan = (struct plan){ .sync_fails = true,
		.fails_at = mb.files.journal_fd };
	ok(append_begin(&a, &mb, strlen(NEW)) == -1 && errno == EIO,
	    "no delivery that may not be promised");
	plan = (struct plan){ .early = NULL };
	judge(&mb, "", "a journal that cannot be synced");
}

/* A mailbox whose last line has no end, as no login has seen it yet. */
static void
behind_no_end(void)
{
	static const struct mailbox_settings set = { .unquote = false };
	static const char want[] = "Subject: old\n\n" NEW;
	char got[sizeof(want)] = "";
	struct mailbox_files files;
	struct mailbox mb;

	begin(&mb);
	need(ftruncate(agent, (off_t)strlen(OLD) - 2) == 0, "ftruncate");
	files = mb.files;
	index_free(&mb.index);
	need(mailbox_examine(&mb, &set, &files) == 0, "a mailbox");
	is(append_at_once(&mb, NEW, strlen(NEW)), MAILBOX_OK, "no line end");
	need(pread(agent, got, sizeof(want) - 1,
		 (off_t)strlen(OLD) - (off_t)strlen("Subject: old\n\n\n")) > 0,
	    "pread");
	is_str(got, want, "... does not join the two");
	mailbox_close(&mb);
	(void)close(agent);
}

static void
at_once(const struct plan *p, enum mailbox_status want, const char *came,
    const char *what)
{
	struct mailbox mb;
	int wrong = p->most > 0 ? ENOSPC : EIO;

	begin(&mb);
	plan = *p;
	is(append_at_once(&mb, NEW, strlen(NEW)), want, "%s", what);
	ok(want == MAILBOX_OK || errno == wrong, "... with its errno");
	plan = (struct plan){ .early = NULL };
	judge(&mb, came, what);
}

#define WITH(...) (&(struct plan){ __VA_ARGS__ })

static void
append_beside(void)
{
	at_once(WITH(.most = 0), MAILBOX_OK, NEW, "alone");
	at_once(WITH(.no_append = true), MAILBOX_OK, NEW, "at its size");
	at_once(WITH(.early = SHORT), MAILBOX_OK, SHORT NEW, "behind mail");
	at_once(WITH(.late = SHORT), MAILBOX_OK, NEW SHORT, "before mail");

	at_once(WITH(.most = 3), MAILBOX_TEMP, "", "a piece");
	at_once(WITH(.most = 3, .early = SHORT), MAILBOX_UNSURE, SHORT "Fro",
	    "a piece behind mail");
	at_once(WITH(.most = 3, .late = SHORT), MAILBOX_UNSURE, "Fro" SHORT,
	    "a piece before mail");

	at_once(WITH(.sync_fails = true), MAILBOX_TEMP, "", "a failure");
	at_once(WITH(.sync_fails = true, .early = SHORT), MAILBOX_UNSURE,
	    SHORT NEW, "a failure behind mail");
	at_once(WITH(.sync_fails = true, .late = SHORT), MAILBOX_UNSURE,
	    NEW SHORT, "a failure before mail");
}

int
main(void)
{
	static char text[4096] = SEPARATOR;

	dir = scratch_open();
	memset(text + strlen(text), '\n', sizeof(text) - 1 - strlen(text));
	try(SHORT, "a little mail");
	try(text, "much mail");
	without_promise();
	append_beside();
	behind_no_end();
	return done();
}
