/* SPDX-License-Identifier: ISC */
/* The Users directory.  Runs as: attendant; users_open() as master. */

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "users.h"

/* Milliseconds for which a lock that is taken is tried again, and how often. */
enum { LOCK_RETRY = 500, LOCK_PAUSE = 20 };

static bool
alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

bool
users_is_name(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len >= CHANNEL_NAME || !alphanumeric(s[0]))
		return false;
	for (const char *p = s; *p != '\0'; p++)
		if (!alphanumeric(*p) && strchr("._+-@", *p) == NULL)
			return false;
	return len < 5 || strcmp(s + len - 5, ".lock") != 0;
}

int
users_open(struct users *u, const char *path)
{
	u->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->fd == -1)
		return -1;
	if (mkdirat(u->fd, ".restante", 0700) == -1 && errno != EEXIST)
		return -1;
	u->state_fd = openat(u->fd, ".restante",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return u->state_fd == -1 ? -1 : 0;
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
	(void)close(*fd);
	return USERS_NONE;
}

static int
open_journal(const struct users *u, const char *name)
{
	char path[CHANNEL_NAME + sizeof(".journal")];
	struct stat st;
	int fd, n;

	n = snprintf(path, sizeof(path), "%s.journal", name);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(u->state_fd, path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	/* What a journal promises must be found after a power loss. */
	if (fstat(fd, &st) == -1 ||
	    (st.st_size == 0 && fsync(u->state_fd) == -1)) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/*
 * Tries each lock once; on failure none is held.  Delivery agents take the two
 * on the mailbox in either order, so nobody may wait for one while it holds the
 * other.
 */
static int
try_locks(int fd, int journal_fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int saved;

	if (flock(journal_fd, LOCK_EX | LOCK_NB) == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		goto unlock_journal;
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	saved = errno;
	(void)flock(fd, LOCK_UN);
	errno = saved;
unlock_journal:
	saved = errno;
	(void)flock(journal_fd, LOCK_UN);
	errno = saved;
	return -1;
}

enum users_status
users_lock(const struct users *u, const char *name, int fd,
    struct users_mailbox *box)
{
	int64_t now = clock_ms(), deadline = now + LOCK_RETRY;
	struct stat st;
	int journal_fd = open_journal(u, name);

	if (journal_fd == -1)
		return status_of_errno();
	while (try_locks(fd, journal_fd) == -1) {
		if (errno != EWOULDBLOCK && errno != EACCES) {
			enum users_status status = status_of_errno();

			(void)close(journal_fd);
			return status;
		}
		now = clock_ms();
		if (now >= deadline) {
			(void)close(journal_fd);
			return USERS_IN_USE;
		}
		clock_sleep_until(now + LOCK_PAUSE);
	}
	/* While it waited the file may have been replaced or removed. */
	if (fstat(fd, &st) == -1 || st.st_nlink != 1) {
		(void)close(journal_fd);
		return USERS_TEMP;
	}
	*box = (struct users_mailbox){ .fd = fd, .journal_fd = journal_fd };
	return USERS_OK;
}
