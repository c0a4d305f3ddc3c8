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
	size_t len = num_size((uint64_t)st->st_size);
	char *text = NULL;

	if (S_ISREG(st->st_mode) && len > 0) {
		text = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text == MAP_FAILED) {
			(void)failed(im, im->source);
			return;
		}
		import_mbox(im, text, len);
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

/* A file of a Maildir in its form in the mailbox: its octets, or 0. */
static size_t
read_file(struct import *im, int dir, const char *name, char **mbox)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char line[LETTER_SEPARATOR], sender[256], *text = NULL;
	size_t len = 0, n = 0;
	struct stat st;

	*mbox = NULL;
	if (fd != -1 && fstat(fd, &st) == 0 &&
	    letter_read(fd, &text, &len) == 0) {
		find_sender(text, len, sender, sizeof(sender));
		letter_separator(sender, (uint64_t)st.st_mtime, line);
		n = letter_compose(line, text, len, mbox);
	}
	if (n == 0)
		(void)failed(im, name);
	free(text);
	if (fd != -1)
		(void)close(fd);
	return n;
}

/* The messages of new and cur, in the order in which they came. */
struct maildir {
	int fd[2];
	char **names[2];
	size_t count[2];
};

/* The next of both, or -1. */
static int
next(const struct maildir *md, const size_t at[2])
{
	if (at[0] == md->count[0])
		return at[1] == md->count[1] ? -1 : 1;
	if (at[1] == md->count[1])
		return 0;
	return strcmp(md->names[0][at[0]], md->names[1][at[1]]) <= 0 ? 0 : 1;
}

/* Calls take() for each message in turn; -1 when it did, or none can be read. */
static int
for_each(struct import *im, const struct maildir *md,
    int (*take)(struct import *, const char *, size_t))
{
	size_t at[2] = { 0, 0 }, len;
	int status = 0, which;
	const char *name;
	char *mbox;

	while (status == 0 && (which = next(md, at)) != -1) {
		name = md->names[which][at[which]++];
		/* No reader of a Maildir takes it for a message. */
		if (name[0] == '.')
			continue;
		len = read_file(im, md->fd[which], name, &mbox);
		status = len == 0 ? -1 : take(im, mbox, len);
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

static void
import_maildir(struct import *im, int fd)
{
	static const char *const parts[2] = { "new", "cur" };
	struct maildir md = { .fd = { -1, -1 } };
	int status = 0;

	for (int i = 0; i < 2; i++) {
		md.fd[i] = openat(
		    fd, parts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (status == 0 &&
		    (md.fd[i] == -1 ||
			tool_read_names(md.fd[i], &md.names[i], &md.count[i]) ==
			    -1))
			status = failed(im, parts[i]);
	}
	if (status == 0)
		status = for_each(im, &md, count_octets);
	/* One that changes between the two looks fails the commit. */
	if (status == 0 && im->progress.total > 0 &&
	    begin(im, im->progress.total) == 0)
		end(im, for_each(im, &md, put));
	for (int i = 0; i < 2; i++) {
		tool_free_names(md.names[i], md.count[i]);
		if (md.fd[i] != -1)
			(void)close(md.fd[i]);
	}
}

void
import_run(struct tool *t)
{
	struct import im = { .t = t,
		.user = t->names[0],
		.source = t->count > 1 ? t->names[1] : "-",
		.progress = { .what = "import" } };
	int fd = STDIN_FILENO;
	struct stat st;

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
