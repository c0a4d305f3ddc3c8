/* SPDX-License-Identifier: ISC */
/*
 * restantectl import: an mbox or a Maildir into a mailbox, all of it or nothing.
 * Runs as: restantectl.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "append.h"
#include "fds.h"
#include "letter.h"
#include "num.h"
#include "progress.h"
#include "tool.h"

/* One that is being done: which user, from where. */
struct import {
	struct tool *t;
	const char *user, *source;
	struct mailbox mb;
	struct append append;
	struct progress progress;
};

static int
failed(struct import *im, const char *what)
{
	int status = errno == ENOENT ? EX_NOINPUT : EX_IOERR;

	tool_complain(im->t, status, im->user, "nothing is imported: %s: %s",
	    what, strerror(errno));
	return -1;
}

/* Opens the mailbox and makes room. */
static int
begin(struct import *im, uint64_t length)
{
	if (tool_open(im->t, im->user, &im->mb) == -1)
		return -1;
	if (append_begin(&im->append, &im->mb, length) == 0)
		return 0;
	(void)failed(im, "the mailbox");
	mailbox_close(&im->mb);
	return -1;
}

static int
put(struct import *im, const char *octets, size_t len)
{
	enum { PIECE = 256 * 1024 };

	for (size_t n; len > 0; octets += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (append_write(&im->append, octets, n) == -1)
			return failed(im, "the mailbox");
		progress_step(&im->progress, n);
	}
	return 0;
}

/* All is written, or something has failed and was told. */
static void
end(struct import *im, int status)
{
	enum mailbox_status all = MAILBOX_OK;

	if (status == -1)
		append_cancel(&im->append);
	else
		all = append_commit(&im->append);
	if (all == MAILBOX_UNSURE)
		tool_complain(im->t, EX_IOERR, im->user,
		    "all may be imported, or nothing: %s", strerror(errno));
	else if (all != MAILBOX_OK)
		(void)failed(im, "the mailbox");
	progress_end(&im->progress);
	mailbox_close(&im->mb);
}

/* An mbox, octet by octet. */
static void
import_mbox(struct import *im, const char *text, size_t len)
{
	const char *missing;
	int status;

	/* What export makes of a mailbox without mail. */
	if (len == 0)
		return;
	if (mbox_separator((const unsigned char *)text, len) == 0) {
		tool_complain(im->t, EX_DATAERR, im->user,
		    "nothing is imported: %s does not begin with a separator "
		    "line, \"From sender date\"",
		    im->source);
		return;
	}
	missing = mbox_missing_end(text, len);
	im->progress.total = len;
	if (begin(im, len + strlen(missing)) == -1)
		return;
	status = put(im, text, len);
	if (status == 0)
		status = put(im, missing, strlen(missing));
	end(im, status);
}

static void
import_file(struct import *im, int fd, const struct stat *st)
{
	size_t len = num_size((uint64_t)st->st_size), at;
	char *text = NULL;

	if (S_ISREG(st->st_mode) && len > 0) {
		text = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text == MAP_FAILED) {
			(void)failed(im, im->source);
			return;
		}
		/* Who has opened it may have read some of it. */
		at = num_size((uint64_t)lseek(fd, 0, SEEK_CUR));
		if (at < len)
			import_mbox(im, text + at, len - at);
		(void)munmap(text, len);
	} else if (letter_read(fd, &text, &len) == -1) {
		(void)failed(im, im->source);
	} else {
		import_mbox(im, text, len);
		free(text);
	}
}

/* The sender that the agent noted which wrote the message there, or "". */
static void
find_sender(const char *text, size_t len, char *sender, size_t size)
{
	static const char field[] = "Return-Path:";
	const char *end = memchr(text, '\n', len), *p;
	size_t n = 0;

	if (end != NULL && end - text > (ptrdiff_t)sizeof(field) &&
	    strncasecmp(text, field, sizeof(field) - 1) == 0)
		for (p = text + sizeof(field) - 1; p < end; p++)
			if (strchr("<> \t\r", *p) == NULL && n + 1 < size)
				sender[n++] = *p;
	sender[n] = '\0';
}

/* One of the two directories of a Maildir that messages are in. */
struct part {
	const char *name;
	int fd;
	uid_t owner;
	char **names;
	size_t count, at;
};

/* What is wrong with a file of the Maildir that was opened, or NULL. */
static const char *
objection(const struct stat *st, uid_t owner)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	return st->st_uid == owner ? NULL : "is not of its directory's owner";
}

/*
 * Opens a file of a Maildir.  Who owns that is not who this runs as, and must get
 * nothing by a link to a mailbox with its password, or to any other's file.
 * Returns the descriptor, or -1 when it was told why not.
 */
static int
open_message(struct import *im, const struct part *part, const char *name,
    struct stat *st)
{
	int fd = openat(part->fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	const char *why;

	if (fd != -1 && fstat(fd, st) == 0)
		why = objection(st, part->owner);
	else if (errno == ELOOP)
		why = "is a symbolic link";
	else {
		(void)failed(im, name);
		return -1;
	}
	if (why == NULL)
		return fd;
	tool_complain(im->t, EX_DATAERR, im->user,
	    "nothing is imported: %s/%s %s", part->name, name, why);
	fds_close(&fd);
	return -1;
}

/*
 * A file of a Maildir in its form in the mailbox; of an empty one no octets, as no
 * message is.  0, or -1 when it was told why not; the caller frees *mbox.
 */
static int
read_file(struct import *im, const struct part *part, const char *name,
    char **mbox, size_t *n)
{
	char line[LETTER_SEPARATOR], sender[256], *text = NULL;
	struct stat st;
	int fd = open_message(im, part, name, &st), status;
	size_t len;

	*mbox = NULL;
	*n = 0;
	if (fd == -1)
		return -1;
	status = letter_read(fd, &text, &len);
	if (status == 0 && len > 0) {
		find_sender(text, len, sender, sizeof(sender));
		letter_separator(sender, (uint64_t)st.st_mtime, line);
		*n = letter_compose(line, text, len, mbox);
		status = *n == 0 ? -1 : 0;
	}
	if (status == -1)
		(void)failed(im, name);
	free(text);
	(void)close(fd);
	return status;
}

/* Of two parts the one with the message that came first, or NULL. */
static struct part *
next(struct part *a, struct part *b)
{
	if (b->at == b->count)
		return a->at == a->count ? NULL : a;
	if (a->at == a->count)
		return b;
	return strcmp(a->names[a->at], b->names[b->at]) <= 0 ? a : b;
}

/* Calls take() for each message in turn; -1 when it did, or none can be read. */
static int
for_each(struct import *im, struct part parts[2],
    int (*take)(struct import *, const char *, size_t))
{
	struct part *part;
	int status = 0;
	const char *name;
	char *mbox;
	size_t len;

	parts[0].at = parts[1].at = 0;
	while (status == 0 && (part = next(&parts[0], &parts[1])) != NULL) {
		name = part->names[part->at++];
		/* No reader of a Maildir takes it for a message. */
		if (name[0] == '.')
			continue;
		status = read_file(im, part, name, &mbox, &len);
		if (status == 0)
			status = take(im, mbox, len);
		free(mbox);
	}
	return status;
}

static int
count_octets(struct import *im, const char *mbox, size_t len)
{
	(void)mbox;
	im->progress.total += len;
	return 0;
}

/* Opens a part and reads its names.  0, or -1 when it was told why not. */
static int
open_part(struct import *im, int fd, struct part *part)
{
	struct stat st;

	part->fd = openat(
	    fd, part->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* As the system says it of a symbolic link. */
	if (part->fd == -1 && errno == ENOTDIR) {
		tool_complain(im->t, EX_DATAERR, im->user,
		    "nothing is imported: %s is a symbolic link, or no "
		    "directory",
		    part->name);
		return -1;
	}
	if (part->fd == -1 || fstat(part->fd, &st) == -1 ||
	    tool_read_names(part->fd, &part->names, &part->count) == -1)
		return failed(im, part->name);
	part->owner = st.st_uid;
	return 0;
}

static void
import_maildir(struct import *im, int fd)
{
	struct part parts[2] = { { .name = "new", .fd = -1 },
		{ .name = "cur", .fd = -1 } };
	int status = 0;

	for (int i = 0; i < 2 && status == 0; i++)
		status = open_part(im, fd, &parts[i]);
	if (status == 0)
		status = for_each(im, parts, count_octets);
	/* One that changes between the two looks fails the commit. */
	if (status == 0 && im->progress.total > 0 &&
	    begin(im, im->progress.total) == 0)
		end(im, for_each(im, parts, put));
	for (int i = 0; i < 2; i++) {
		tool_free_names(parts[i].names, parts[i].count);
		fds_close(&parts[i].fd);
	}
}

void
import_run(struct tool *t)
{
	struct import im = { .t = t,
		.user = t->names[0],
		.source = t->count > 1 ? t->names[1] : "-",
		.progress = { .what = "import" } };
	int fd = tool_find(t, im.user);
	struct stat st;

	/* Of an empty source, too, the user must be there. */
	if (fd == -1)
		return;
	(void)close(fd);
	fd = STDIN_FILENO;
	if (strcmp(im.source, "-") == 0)
		im.source = "the standard input";
	else
		fd = open(im.source, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		(void)failed(&im, im.source);
	else if (S_ISDIR(st.st_mode))
		import_maildir(&im, fd);
	else
		import_file(&im, fd, &st);
	if (fd > STDIN_FILENO)
		(void)close(fd);
}
