/* SPDX-License-Identifier: ISC */
/*
 * restantectl export: the messages of a mailbox as an mbox or a Maildir.
 * Runs as: restantectl.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "fds.h"
#include "io.h"
#include "mbox.h"
#include "progress.h"
#include "tool.h"

/* Milliseconds for a reader who does not read, where writing does not wait. */
enum { PATIENCE = 3600 * 1000 };

/* One that is being done: which user, where to. */
struct export
{
	struct tool *t;
	const char *user, *target;
	struct mailbox mb;
	struct progress progress;
};

static void
failed(struct export *ex)
{
	tool_complain(ex->t, EX_IOERR, ex->user, "%s: %s",
	    strcmp(ex->target, "-") == 0 ? "the standard output" : ex->target,
	    strerror(errno));
}

/* Writes what is read of a message, and yields its last octet. */
static int
copy(struct export *ex, struct mailbox_reader *r, int out, char *last)
{
	static char buf[MAILBOX_PIECE];
	ssize_t got;

	while ((got = mailbox_read(&ex->mb, r, buf)) > 0) {
		if (io_write_all(out, buf, (size_t)got, PATIENCE) == -1)
			return -1;
		progress_step(&ex->progress, (uint64_t)got);
		*last = buf[got - 1];
	}
	return got == -1 ? -1 : 0;
}

/* A message as it stands in the file, its blank line included. */
static int
copy_message(struct export *ex, uint64_t n, int out)
{
	struct mailbox_reader r = { .n = n, .mbox = true };
	uint64_t position;
	uint8_t tail = mailbox_entry(&ex->mb, n, &position)->tail;
	const char *blank = tail == 2 ? "\r\n" : "\n";
	char last = '\0';

	if (copy(ex, &r, out, &last) == -1)
		return -1;
	/* The last line of the file may lack its end, too. */
	if (tail == 0 && last != '\n')
		blank = "\n\n";
	return io_write_all(out, blank, strlen(blank), PATIENCE);
}

/* The file is synced; so is its name. */
static int
sync_name(const char *path)
{
	char *copy = strdup(path);
	int dir = -1, status = -1;

	if (copy != NULL)
		dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir != -1)
		status = fsync(dir);
	fds_close(&dir);
	free(copy);
	return status;
}

static void
export_mbox(struct export *ex)
{
	bool to_file = strcmp(ex->target, "-") != 0;
	int out = STDOUT_FILENO, status = 0;

	if (to_file)
		out = open(
		    ex->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out == -1) {
		failed(ex);
		return;
	}
	for (uint64_t n = 1; status == 0 && n <= mailbox_count(&ex->mb); n++)
		status = copy_message(ex, n, out);
	if (status == 0 && to_file)
		status = fsync(out) == 0 ? sync_name(ex->target) : -1;
	if (status == -1)
		failed(ex);
	if (to_file)
		(void)close(out);
	if (to_file && status == -1)
		(void)unlink(ex->target);
}

/*
 * When a message came, of its separator line: where no zone is said it is UTC, as
 * restantectl itself writes it.
 */
static int
read_date(struct export *ex, uint64_t n, int64_t *date)
{
	uint64_t position;
	const struct mbox_entry *e = mailbox_entry(&ex->mb, n, &position);
	/* Behind a zone that the line has this one counts for nothing. */
	static const char utc[] = " +0000\n";
	char line[MBOX_SEPARATOR_MAX + sizeof(utc)];
	size_t len = e->separator;

	if (mailbox_pread(&ex->mb, line, len, e->offset) == -1)
		return -1;
	len -= line[len - 2] == '\r' ? 2 : 1;
	memcpy(line + len, utc, sizeof(utc));
	*date = mbox_date((unsigned char *)line, len + sizeof(utc) - 1);
	if (*date == MBOX_NO_DATE)
		*date = 0;
	return 0;
}

/* A Maildir that is being filled. */
struct maildir {
	int fd, tmp, new;
};

/* Writes a file in tmp, and gives it its place in new when it is whole. */
static int
export_file(struct export *ex, uint64_t n, const struct maildir *md)
{
	struct mailbox_reader r = { .n = n, .plain = true };
	struct timespec times[2] = { { .tv_sec = 0 } };
	char id[MAILBOX_ID_SIZE], name[96], last;
	int64_t date;
	int fd, status = -1, saved;

	if (read_date(ex, n, &date) == -1)
		return -1;
	mailbox_id(&ex->mb, n, id);
	/* In the order of the mailbox, and the same file each time. */
	(void)snprintf(name, sizeof(name), "%010jd.M%010ju.%s", (intmax_t)date,
	    (uintmax_t)n, id);
	times[0].tv_sec = times[1].tv_sec = (time_t)date;
	/* One that was killed has left it, or it is a link to another file. */
	(void)unlinkat(md->tmp, name, 0);
	fd = openat(
	    md->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (copy(ex, &r, fd, &last) == 0 && futimens(fd, times) == 0 &&
	    fsync(fd) == 0)
		status = renameat(md->tmp, name, md->new, name);
	(void)close(fd);
	if (status == -1) {
		saved = errno;
		(void)unlinkat(md->tmp, name, 0);
		errno = saved;
	}
	return status;
}

/* Opens a directory, which is made if it is missing. */
static int
open_directory(int at, const char *path, int flags)
{
	if (mkdirat(at, path, 0700) == -1 && errno != EEXIST)
		return -1;
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

/*
 * Who owns a Maildir that is there is not who this runs as, and must have nothing
 * written elsewhere by a link in it.
 */
static int
open_maildir(const char *path, struct maildir *md)
{
	md->fd = open_directory(AT_FDCWD, path, 0);
	if (md->fd == -1 ||
	    (mkdirat(md->fd, "cur", 0700) == -1 && errno != EEXIST))
		return -1;
	md->tmp = open_directory(md->fd, "tmp", O_NOFOLLOW);
	if (md->tmp == -1)
		return -1;
	md->new = open_directory(md->fd, "new", O_NOFOLLOW);
	return md->new == -1 ? -1 : 0;
}

static void
export_maildir(struct export *ex)
{
	struct maildir md = { -1, -1, -1 };
	int status = open_maildir(ex->target, &md);

	for (uint64_t n = 1; status == 0 && n <= mailbox_count(&ex->mb); n++)
		status = export_file(ex, n, &md);
	/* The files are synced; so are their names in new, and its own. */
	if (status == 0)
		status = fsync(md.new) == -1 ? -1 : fsync(md.fd);
	if (status == -1)
		failed(ex);
	fds_close(&md.fd);
	fds_close(&md.tmp);
	fds_close(&md.new);
}

/*
 * Opens the mailbox.  A login trusts an index after a cheap look, and so may be
 * wrong about a message that it does not send; here all of them are sent.
 */
static int
open_all(struct export *ex)
{
	if (tool_open(ex->t, ex->user, &ex->mb) == -1)
		return -1;
	for (uint64_t n = 1; n <= mailbox_count(&ex->mb); n++) {
		if (mailbox_look(&ex->mb, n) == 0)
			continue;
		mailbox_distrust(&ex->mb);
		mailbox_close(&ex->mb);
		return tool_open(ex->t, ex->user, &ex->mb);
	}
	return 0;
}

void
export_run(struct tool *t)
{
	struct export ex = { .t = t,
		.user = t->names[0],
		.target = t->count > 1 ? t->names[1] : "-",
		.progress = { .what = "export" } };

	if (t->maildir && strcmp(ex.target, "-") == 0) {
		tool_complain(t, EX_USAGE, ex.user,
		    "a Maildir wants the name of a directory");
		return;
	}
	if (open_all(&ex) == -1)
		return;
	ex.progress.total = ex.mb.index.is.stored;
	if (t->maildir)
		export_maildir(&ex);
	else
		export_mbox(&ex);
	progress_end(&ex.progress);
	mailbox_close(&ex.mb);
}
