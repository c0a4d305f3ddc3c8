/* SPDX-License-Identifier: ISC */
/* What the commands share.  Runs as: restantectl. */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "tool.h"

void
tool_status(struct tool *t, int status)
{
	/* The manual has the same order. */
	static const int worst_first[] = { EX_USAGE, EX_NOINPUT, EX_DATAERR,
		EX_CANTCREAT, EX_OSERR, EX_IOERR, EX_NOPERM, EX_NOUSER,
		EX_TEMPFAIL, EX_OK };
	const int *p = worst_first;

	/* A mail system that sees anything else sends the message back. */
	if (t->defers && status != EX_OK && status != EX_NOUSER &&
	    status != EX_DATAERR && status != EX_CANTCREAT)
		status = EX_TEMPFAIL;
	while (*p != t->status && *p != status)
		p++;
	t->status = *p;
}

void
tool_complain(
    struct tool *t, int status, const char *user, const char *fmt, ...)
{
	char text[PATH_MAX + 256], clean[PATH_MAX + sizeof(text)];
	va_list ap;

	tool_status(t, status);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Names of files are somebody else's words. */
	log_escape(text, clean, sizeof(clean));
	fprintf(stderr, "restantectl: %s: %s\n", user, clean);
}

void
tool_explain(struct tool *t, const char *user, enum users_status status)
{
	switch (status) {
	case USERS_OK:
		break;
	case USERS_NONE:
		if (tool_is_there(t, user))
			tool_complain(t, t->defers ? EX_TEMPFAIL : EX_NOUSER,
			    user,
			    "there is something of that name, but no mailbox: "
			    "see restantectl check");
		else
			tool_complain(
			    t, EX_NOUSER, user, "there is no such mailbox");
		break;
	case USERS_IN_USE:
		tool_complain(
		    t, EX_TEMPFAIL, user, "in use by a session or a delivery");
		break;
	case USERS_TEMP:
		tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
		break;
	case USERS_PERM:
		tool_complain(t, EX_NOPERM, user, "%s", strerror(errno));
		break;
	}
}

void
tool_explain_journal(struct tool *t, const char *user, enum users_status status)
{
	tool_complain(t, status == USERS_PERM ? EX_NOPERM : EX_IOERR, user,
	    ".restante/%s.journal: %s", user, strerror(errno));
}

bool
tool_is_there(const struct tool *t, const char *name)
{
	struct stat st;

	return users_is_name(name) &&
	    fstatat(t->users.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
tool_is_exposed(const struct tool *t)
{
	struct stat st;

	return fstat(t->users.fd, &st) == 0 && (st.st_mode & S_IXOTH) != 0;
}

int
tool_find(struct tool *t, const char *user)
{
	enum users_status status;
	int fd;

	status = users_find(&t->users, user, &fd);
	if (status == USERS_OK)
		return fd;
	if (status != USERS_NONE || !t->everybody)
		tool_explain(t, user, status);
	return -1;
}

/* What tool_open() does, but for the index. */
static int
open_mailbox(struct tool *t, const char *user, struct mailbox *mb)
{
	struct mailbox_files files = { tool_find(t, user), -1, -1 };
	enum users_status status;

	*mb = (struct mailbox){ .files = files };
	if (files.fd == -1)
		return -1;
	status = users_complete(&t->users, user, &files);
	mb->files = files;
	if (status != USERS_OK)
		tool_explain_journal(t, user, status);
	else if ((status = users_lock(&files)) != USERS_OK)
		tool_explain(t, user, status);
	else
		switch (mailbox_open(mb, &t->mailbox, &files)) {
		case MAILBOX_OK:
			return 0;
		case MAILBOX_PERM:
			tool_complain(t, t->defers ? EX_TEMPFAIL : EX_DATAERR,
			    user, "the mailbox needs attention");
			break;
		case MAILBOX_TEMP:
		case MAILBOX_UNSURE:
			tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
			break;
		}
	mailbox_close(mb);
	return -1;
}

int
tool_open(struct tool *t, const char *user, struct mailbox *mb)
{
	if (open_mailbox(t, user, mb) == -1)
		return -1;
	if (index_check(&mb->index, 0))
		return 0;
	tool_complain(t, EX_OK, user, "a damaged index is thrown away");
	(void)index_void(&mb->index);
	mailbox_close(mb);
	return open_mailbox(t, user, mb);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void *
tool_grow(void *array, size_t count, size_t size)
{
	array = reallocarray(array, count + 1, size);
	if (array == NULL)
		fatal("memory");
	return array;
}

static void
add_name(char ***names, size_t *count, const char *name)
{
	char *copy = strdup(name);

	if (copy == NULL)
		fatal("memory");
	*names = tool_grow(*names, *count, sizeof(**names));
	(*names)[(*count)++] = copy;
}

/* The next entry but "." and ".."; NULL at the end and on an error. */
static const char *
next_name(DIR *dir)
{
	const struct dirent *d;

	do {
		errno = 0;
		d = readdir(dir);
	} while (d != NULL &&
	    (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0));
	return d == NULL ? NULL : d->d_name;
}

int
tool_read_names(int directory_fd, char ***names, size_t *count)
{
	/* Not a dup(), which would share the place up to which it is read. */
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	const char *name;
	int saved;

	*names = NULL;
	*count = 0;
	if (dir == NULL)
		return -1;
	while ((name = next_name(dir)) != NULL)
		add_name(names, count, name);
	saved = errno;
	(void)closedir(dir);
	if (*count > 1)
		qsort(*names, *count, sizeof(**names), by_name);
	errno = saved;
	return errno == 0 ? 0 : -1;
}

void
tool_free_names(char **names, size_t count)
{
	while (count > 0)
		free(names[--count]);
	free(names);
}
