/* SPDX-License-Identifier: ISC */
/*
 * The Users directory.  Runs as: attendant, restantectl; users_open() as master.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "fds.h"
#include "lock.h"
#include "log.h"
#include "users.h"

#define ALPHANUMERIC \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool
users_is_name(const char *s)
{
	size_t len = strlen(s);

	return len < CHANNEL_NAME && strspn(s, ALPHANUMERIC) > 0 &&
	    strspn(s, ALPHANUMERIC "._+-@") == len &&
	    (len < 5 || strcmp(s + len - 5, ".lock") != 0);
}

static int
open_state(struct users *u)
{
	u->state_fd = openat(u->fd, ".restante",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return u->state_fd == -1 ? -1 : 0;
}

int
users_look(struct users *u, const char *path)
{
	u->state_fd = -1;
	u->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->fd == -1)
		return -1;
	return open_state(u) == 0 || errno == ENOENT ? 0 : -1;
}

int
users_make_state(struct users *u)
{
	int saved;

	if (u->state_fd != -1)
		return 0;
	if (mkdirat(u->fd, ".restante", 0700) == -1)
		return errno == EEXIST ? open_state(u) : -1;
	/* What a journal promises must be found after a power loss. */
	if (fsync(u->fd) == 0)
		return open_state(u);
	saved = errno;
	(void)unlinkat(u->fd, ".restante", AT_REMOVEDIR);
	errno = saved;
	return -1;
}

int
users_open(struct users *u, const char *path)
{
	return users_look(u, path) == -1 ? -1 : users_make_state(u);
}

void
users_close(struct users *u)
{
	fds_close(&u->fd);
	fds_close(&u->state_fd);
}

static enum users_status
status_of_errno(void)
{
	switch (errno) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
	case EISDIR:
	case ENOTDIR:
		return USERS_PERM;
	default:
		return USERS_TEMP;
	}
}

enum users_status
users_find(const struct users *u, const char *name, int *fd)
{
	struct stat st;

	*fd = -1;
	if (!users_is_name(name))
		return USERS_NONE;
	/* O_NONBLOCK: a FIFO in the mailbox's place must not hang. */
	*fd = openat(u->fd, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd == -1) {
		switch (errno) {
		case ENOENT:
		case ELOOP:  /* a symbolic link */
		case EISDIR: /* a directory */
		case ENXIO:  /* a socket, a device that is not there */
		case ENODEV:
			return USERS_NONE;
		default:
			return status_of_errno();
		}
	}
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return USERS_OK;
	fds_close(fd);
	return USERS_NONE;
}

/* To open a file of ours beside a mailbox, and to make it if it is missing. */
enum { AS_IS = O_RDONLY, TO_WRITE = O_RDWR | O_CREAT };

static int
open_own(const struct users *u, const char *name, const char *suffix, int flags)
{
	char path[CHANNEL_NAME + sizeof(".journal")];
	int n;

	n = snprintf(path, sizeof(path), "%s.%s", name, suffix);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return openat(u->state_fd, path,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

static int
open_journal(const struct users *u, const char *name)
{
	int fd = open_own(u, name, "journal", TO_WRITE);
	struct stat st;

	if (fd != -1 &&
	    (fstat(fd, &st) == -1 ||
		(st.st_size == 0 && fsync(u->state_fd) == -1)))
		fds_close(&fd);
	return fd;
}

enum users_status
users_complete(
    const struct users *u, const char *name, struct mailbox_files *files)
{
	files->journal_fd = open_journal(u, name);
	if (files->journal_fd == -1)
		return status_of_errno();
	/* A cache: without it everything works, only slower. */
	files->index_fd = open_own(u, name, "index", TO_WRITE);
	if (files->index_fd == -1)
		log_warn("opening the index of %s", name);
	return USERS_OK;
}

enum users_status
users_open_as_is(
    const struct users *u, const char *name, struct mailbox_files *files)
{
	files->journal_fd = files->index_fd = -1;
	if (u->state_fd == -1)
		return USERS_OK;
	files->journal_fd = open_own(u, name, "journal", AS_IS);
	if (files->journal_fd == -1 && errno != ENOENT)
		return status_of_errno();
	/* Whoever cannot have the cache can count. */
	files->index_fd = open_own(u, name, "index", AS_IS);
	return USERS_OK;
}

enum users_status
users_lock(const struct mailbox_files *files)
{
	if (lock_take(files->journal_fd, files->fd) == 0)
		return USERS_OK;
	return errno == EWOULDBLOCK ? USERS_IN_USE : status_of_errno();
}

enum users_status
users_seat(const struct mailbox_files *files, unsigned int seats)
{
	if (lock_seat(files->journal_fd, seats) == 0)
		return USERS_OK;
	return errno == EWOULDBLOCK ? USERS_IN_USE : status_of_errno();
}
