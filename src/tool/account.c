/* SPDX-License-Identifier: ISC */
/*
 * restantectl add, passwd, lock, unlock, delete: who may log in.
 * Runs as: restantectl.
 */

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ask.h"
#include "channel.h"
#include "head.h"
#include "io.h"
#include "num.h"
#include "secret.h"
#include "tool.h"

/* Yields the line of a new password, or says why not: -1. */
static int
ask_for_line(struct tool *t, const char *user, char line[SECRET_LINE])
{
	char password[ASK_PASSWORD];
	const char *wrong = ask_password(password, sizeof(password));
	const char *objection = NULL;
	int made = -1;

	if (wrong == NULL)
		objection = secret_objection(password);
	if (wrong != NULL)
		tool_complain(t, EX_DATAERR, user, "%s", wrong);
	else if (objection != NULL)
		tool_complain(
		    t, EX_DATAERR, user, "the password %s", objection);
	else if ((made = t->make_line(password, line)) == -1)
		tool_complain(t, EX_OSERR, user, "hashing the password: %s",
		    strerror(errno));
	explicit_bzero(password, sizeof(password));
	return made;
}

/* What others can read is no secret. */
static void
tell_who_can_read(struct tool *t, const char *user, int fd)
{
	struct stat st;

	if (!tool_is_exposed(t))
		return;
	tool_complain(t, EX_OK, t->path,
	    "everyone on this machine may look into it: chmod 700");
	if (fstat(fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		tool_complain(t, EX_OK, user,
		    "the mailbox has mode %04o, others may see the password: "
		    "chmod 600",
		    st.st_mode & 07777u);
}

/*
 * A line, its LF included, takes the place of the one that there is.  Returns 0,
 * or -1 when that was told.
 */
static int
replace(struct tool *t, const char *user, struct mailbox *mb, const char *line,
    bool before)
{
	char text[SECRET_LINE + 1];
	int n = snprintf(text, sizeof(text), "%s\n", line);
	enum mailbox_status status;

	status = head_replace(mb, text, (size_t)n, before);
	explicit_bzero(text, sizeof(text));
	if (status == MAILBOX_OK)
		return 0;
	if (status == MAILBOX_UNSURE)
		tool_complain(t, EX_IOERR, user,
		    "%s: the password may be the old one or the new one",
		    strerror(errno));
	else if (errno == EFBIG)
		tool_complain(t, EX_DATAERR, user,
		    "the first line is too long to be a password");
	else
		tool_complain(t, EX_IOERR, user, "nothing has changed: %s",
		    strerror(errno));
	return -1;
}

/*
 * The first line without its end; of one that is too long the begin.  Returns 0,
 * or -1 with errno set; whole: it is all there, with no NUL in it.
 */
static int
read_line(const struct mailbox *mb, char line[SECRET_LINE], bool *whole)
{
	ssize_t n = io_pread(mb->files.fd, line, SECRET_LINE, 0);
	char *end;

	if (n == -1)
		return -1;
	end = memchr(line, '\n', (size_t)n);
	*whole = end != NULL || n < SECRET_LINE;
	if (end == NULL)
		end = line + n - (n == SECRET_LINE);
	else if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	*whole = *whole && strlen(line) == (size_t)(end - line);
	return 0;
}

/* Whether the first line is already mail, or there is none. */
static bool
lacks_line(const char *line)
{
	return strncmp(line, "From ", 5) == 0;
}

void
passwd_run(struct tool *t)
{
	const char *user = t->names[0];
	char line[SECRET_LINE], old[SECRET_LINE] = "", new[SECRET_LINE];
	struct mailbox mb = { .files = { -1, -1, -1 } };
	int fd = tool_find(t, user);
	bool whole;

	if (fd == -1)
		return;
	(void)close(fd);
	if (ask_for_line(t, user, line) == 0 && tool_open(t, user, &mb) == 0) {
		if (read_line(&mb, old, &whole) == -1 ||
		    secret_lock(line, old[0] == '!', new) == -1)
			tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
		else if (replace(t, user, &mb, new, lacks_line(old)) == 0 &&
		    old[0] == '!')
			tool_complain(t, EX_OK, user, "is still locked");
		tell_who_can_read(t, user, mb.files.fd);
		mailbox_close(&mb);
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(old, sizeof(old));
	explicit_bzero(new, sizeof(new));
}

static void
set_lock(struct tool *t, const char *user, bool locked)
{
	char old[SECRET_LINE] = "", new[SECRET_LINE];
	struct mailbox mb;
	bool whole;

	if (tool_open(t, user, &mb) == -1)
		return;
	if (read_line(&mb, old, &whole) == -1)
		tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
	else if (!whole || secret_lock(old, locked, new) == -1)
		tool_complain(t, EX_DATAERR, user,
		    "there is no password: nobody can log in");
	else if ((old[0] == '!') != locked)
		(void)replace(t, user, &mb, new, false);
	mailbox_close(&mb);
	explicit_bzero(old, sizeof(old));
	explicit_bzero(new, sizeof(new));
}

void
lock_run(struct tool *t)
{
	for (size_t i = 0; i < t->count; i++)
		set_lock(t, t->names[i], true);
}

void
unlock_run(struct tool *t)
{
	for (size_t i = 0; i < t->count; i++)
		set_lock(t, t->names[i], false);
}

/* Removes one of the user's files in .restante. */
static void
remove_own(struct tool *t, const char *user, const char *suffix)
{
	char name[CHANNEL_NAME + sizeof(".journal")];

	(void)snprintf(name, sizeof(name), "%s.%s", user, suffix);
	if (unlinkat(t->users.state_fd, name, 0) == -1 && errno != ENOENT)
		tool_complain(t, EX_IOERR, user, "removing .restante/%s: %s",
		    name, strerror(errno));
}

/* What belongs to a mailbox, or to one of somebody who had that name. */
static void
remove_belongings(struct tool *t, const char *user)
{
	remove_own(t, user, "index");
	remove_own(t, user, "journal");
}

/*
 * The mailbox goes last, its journal being empty: as soon as it is gone another
 * may be added, whose files these are then.
 */
static void
remove_mailbox(struct tool *t, const char *user)
{
	remove_belongings(t, user);
	if (unlinkat(t->users.fd, user, 0) == -1 || fsync(t->users.fd) == -1)
		tool_complain(t, EX_IOERR, user, "%s", strerror(errno));
}

static bool
may_delete(struct tool *t, const char *user, uint64_t messages)
{
	char question[256];

	if (t->yes || messages == 0)
		return true;
	(void)snprintf(question, sizeof(question),
	    "delete %s and %ju message%s?", user, PLURAL(messages));
	if (!isatty(STDIN_FILENO))
		tool_complain(t, EX_USAGE, user,
		    "not deleted: there %s %ju message%s (--yes deletes them)",
		    messages == 1 ? "is" : "are", PLURAL(messages));
	else if (ask_whether(question))
		return true;
	else
		tool_complain(t, EX_NOUSER, user, "not deleted");
	return false;
}

void
delete_run(struct tool *t)
{
	struct mailbox mb;

	for (size_t i = 0; i < t->count; i++) {
		if (tool_open(t, t->names[i], &mb) == -1)
			continue;
		if (may_delete(t, t->names[i], mailbox_count(&mb)))
			remove_mailbox(t, t->names[i]);
		mailbox_close(&mb);
	}
}

/*
 * Opens the file that becomes the mailbox, in .restante, and locks it, so that one
 * who adds a user is alone.  Returns the descriptor, or -1 with errno set:
 * EWOULDBLOCK when somebody else is at it.
 */
static int
open_new(const struct tool *t, const char *name)
{
	struct stat here, there;
	int fd = openat(t->users.state_fd, name,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &here) == 0 &&
	    fstatat(t->users.state_fd, name, &there, AT_SYMLINK_NOFOLLOW) ==
		0) {
		if (here.st_ino == there.st_ino && ftruncate(fd, 0) == 0)
			return fd;
		errno = EWOULDBLOCK; /* it is a mailbox by now */
	} else if (errno == ENOENT) {
		errno = EWOULDBLOCK;
	}
	(void)close(fd);
	return -1;
}

/* A new name for a file, if it is nobody's yet. */
static int
give_name(const struct tool *t, const char *name, const char *user)
{
	enum { NOREPLACE = 1 };
	struct stat st;

	if (syscall(SYS_renameat2, t->users.state_fd, name, t->users.fd, user,
		NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* Not every file system can do it in one step. */
	if (fstatat(t->users.fd, user, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(t->users.state_fd, name, t->users.fd, user);
}

/* Makes the mailbox whole, and only then a mailbox.  0, or -1 with errno. */
static int
create(struct tool *t, const char *user, const char *line)
{
	char text[SECRET_LINE + 1], name[CHANNEL_NAME + sizeof(".new")];
	int n = snprintf(text, sizeof(text), "%s\n", line), fd, status = -1;
	int saved;

	(void)snprintf(name, sizeof(name), "%s.new", user);
	fd = open_new(t, name);
	if (fd == -1)
		return -1;
	if (io_pwrite(fd, text, (size_t)n, 0) == 0 && fsync(fd) == 0) {
		if (!tool_is_there(t, user))
			remove_belongings(t, user);
		status = give_name(t, name, user);
	}
	saved = errno;
	if (status == -1)
		remove_own(t, user, "new");
	else if (fsync(t->users.fd) == -1)
		tool_complain(t, EX_IOERR, user,
		    "added, but a power loss may undo it: %s", strerror(errno));
	explicit_bzero(text, sizeof(text));
	tell_who_can_read(t, user, fd);
	(void)close(fd);
	errno = saved;
	return status;
}

void
add_run(struct tool *t)
{
	const char *user = t->names[0];
	char line[SECRET_LINE];

	if (!users_is_name(user)) {
		tool_complain(t, EX_DATAERR, user,
		    "a user's name is 1 to 64 letters, digits and . _ + - @, "
		    "starts with a letter or a digit, and does not end in "
		    ".lock");
		return;
	}
	if (tool_is_there(t, user)) {
		tool_complain(t, EX_CANTCREAT, user, "is there already");
		return;
	}
	if (ask_for_line(t, user, line) == 0 && create(t, user, line) == -1) {
		if (errno == EEXIST)
			tool_complain(
			    t, EX_CANTCREAT, user, "is there already");
		else if (errno == EWOULDBLOCK)
			tool_complain(t, EX_TEMPFAIL, user,
			    "somebody else adds the same user");
		else
			tool_complain(t, EX_IOERR, user, "not added: %s",
			    strerror(errno));
	}
	explicit_bzero(line, sizeof(line));
}
