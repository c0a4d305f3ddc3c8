/* SPDX-License-Identifier: ISC */
/*
 * restantectl check: names, kinds of files, modes.  Runs as: restantectl.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "check.h"
#include "fds.h"

/* A name of NAME_MAX octets, each of which may need four. */
enum { CLEAN = 4 * NAME_MAX + 1 };

void
check_mode(struct check *c, const char *about, const char *what, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || (st.st_mode & S_IRWXO) == 0)
		return;
	check_say(c, c->exposed ? CHECK_PROBLEM : CHECK_NOTE, about, "mode",
	    "%s has mode %04o: %s", what, st.st_mode & 07777u,
	    c->exposed ? "everyone on this machine may use it"
		       : "only the directory's mode keeps everyone out");
}

bool
check_writable(struct check *c, enum check_level level, const char *about)
{
	char name[CHANNEL_NAME + sizeof(".journal")];
	int fd;

	if (c->tool->users.state_fd == -1)
		return true;
	(void)snprintf(name, sizeof(name), "%s.%s", c->user, about);
	/* As a login opens it, but it makes none. */
	fd = openat(c->tool->users.state_fd, name,
	    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && errno != ENOENT) {
		check_say(c, level, about, "unwritable",
		    ".restante/%s cannot be written: %s", name,
		    strerror(errno));
		return false;
	}
	fds_close(&fd);
	return true;
}

/* What is wrong with a name that could be a mailbox; true if nothing is. */
static bool
check_kind(struct check *c, const struct stat *st)
{
	if (S_ISLNK(st->st_mode)) {
		check_say(c, CHECK_PROBLEM, "file", "symbolic-link",
		    "a symbolic link, which is not followed: nobody can log in");
	} else if (!S_ISREG(st->st_mode)) {
		check_say(c, CHECK_NOTE, "file", "no-file", "%s, not a mailbox",
		    S_ISDIR(st->st_mode) ? "a directory" : "a special file");
	} else if (st->st_nlink != 1) {
		check_say(c, CHECK_PROBLEM, "file", "links",
		    "a file with %ju links: nobody can log in while it has "
		    "more than one",
		    (uintmax_t)st->st_nlink);
	} else {
		return true;
	}
	return false;
}

bool
check_file(struct check *c, int *fd)
{
	const struct users *users = &c->tool->users;
	struct stat st;

	if (fstatat(users->fd, c->user, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		check_say(c, CHECK_PROBLEM, "file", "unreadable", "%s",
		    strerror(errno));
		return false;
	}
	if (!check_kind(c, &st))
		return false;
	if (users_find(users, c->user, fd) != USERS_OK) {
		check_say(c, CHECK_PROBLEM, "file", "unreadable",
		    "cannot be opened for reading and writing: %s",
		    strerror(errno));
		return false;
	}
	check_mode(c, "file", "the mailbox", *fd);
	return true;
}

/* A name as printable ASCII: other octets become \xNN. */
static void
clean_name(const char *name, char clean[CLEAN])
{
	size_t n = 0;

	for (; *name != '\0' && n + 4 < CLEAN; name++) {
		unsigned char c = (unsigned char)*name;

		if (c >= 0x20 && c < 0x7f && c != '\\')
			clean[n++] = (char)c;
		else
			n += (size_t)snprintf(clean + n, 5, "\\x%02x", c);
	}
	clean[n] = '\0';
}

/* A name that cannot be a mailbox. */
static void
check_other_name(struct check *c, const char *name)
{
	size_t len = strlen(name);
	char clean[CLEAN];

	clean_name(name, clean);
	if (len > 5 && strcmp(name + len - 5, ".lock") == 0)
		check_say(c, CHECK_NOTE, "name", "lock-file",
		    "\"%s\" is a lock file, which is ignored", clean);
	else
		check_say(c, CHECK_NOTE, "name", "no-name",
		    "\"%s\" can be no user's name and is ignored", clean);
}

/*
 * A file of ours in .restante: its mailbox should be there, and none half made,
 * with a password in it.
 */
static void
check_own(struct check *c, const char *name)
{
	char user[NAME_MAX + 1];
	const char *dot = strrchr(name, '.');
	bool is_new = dot != NULL && strcmp(dot, ".new") == 0;

	if (dot == NULL ||
	    (!is_new && strcmp(dot, ".index") != 0 &&
		strcmp(dot, ".journal") != 0))
		return;
	(void)snprintf(user, sizeof(user), "%.*s", (int)(dot - name), name);
	if (!users_is_name(user))
		return;
	if (is_new)
		check_say(c, CHECK_NOTE, "name", "unfinished",
		    "\".restante/%s\" is of an add that has not ended: the "
		    "next one of that user uses it, or remove it",
		    name);
	else if (!tool_is_there(c->tool, user))
		check_say(c, CHECK_NOTE, "name", "orphan",
		    "\".restante/%s\" has no mailbox", name);
}

static void
check_state(struct check *c)
{
	char **names;
	size_t count;

	if (c->tool->users.state_fd == -1)
		return;
	check_mode(c, "directory", ".restante", c->tool->users.state_fd);
	if (tool_read_names(c->tool->users.state_fd, &names, &count) == -1)
		check_say(c, CHECK_PROBLEM, "directory", "unreadable",
		    ".restante: %s", strerror(errno));
	for (size_t i = 0; i < count; i++)
		check_own(c, names[i]);
	tool_free_names(names, count);
}

void
check_directory(struct check *c)
{
	struct stat st;
	const struct tool *t = c->tool;

	if (fstat(t->users.fd, &st) == -1) {
		check_say(c, CHECK_PROBLEM, "directory", "unreadable", "%s",
		    strerror(errno));
		return;
	}
	if (st.st_mode & S_IRWXO)
		check_say(c, CHECK_PROBLEM, "directory", "mode",
		    "mode %04o: everyone on this machine may look into it",
		    st.st_mode & 07777u);
	else if (st.st_mode & S_IRWXG)
		check_say(c, CHECK_NOTE, "directory", "mode",
		    "mode %04o: its group may look into it",
		    st.st_mode & 07777u);
	else
		check_say(c, CHECK_OK, "directory", "mode",
		    "mode %04o: only its owner may look into it",
		    st.st_mode & 07777u);
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->names[i], ".restante") != 0 &&
		    !users_is_name(t->names[i]))
			check_other_name(c, t->names[i]);
	check_state(c);
}
