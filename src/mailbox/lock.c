/* SPDX-License-Identifier: ISC */
/* The locks of a mailbox.  Runs as: attendant, session, restantectl. */

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "lock.h"

/* Milliseconds for which a lock that is taken is tried again, and how often. */
enum { RETRY_TIME = 500, RETRY_PAUSE = 20 };

static int
try_journal(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int
try_mailbox(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int saved;

	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return -1;
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	saved = errno == EACCES ? EWOULDBLOCK : errno;
	(void)flock(fd, LOCK_UN);
	errno = saved;
	return -1;
}

static int
retry(int (*try)(int), int fd)
{
	int64_t deadline = clock_ms() + RETRY_TIME, now;

	while (try(fd) == -1) {
		now = clock_ms();
		if (errno != EWOULDBLOCK || now >= deadline)
			return -1;
		clock_sleep_until(now + RETRY_PAUSE);
	}
	return 0;
}

int
lock_journal(int journal_fd)
{
	return retry(try_journal, journal_fd);
}

int
lock_mailbox(int fd)
{
	return retry(try_mailbox, fd);
}

/* Octets that no journal has, and that are only locked. */
static const off_t seats_at = (off_t)1 << 40;

int
lock_seat(int journal_fd, unsigned int seats)
{
	struct flock seat = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = seats_at,
		.l_len = 1 };

	for (; seats > 0; seats--, seat.l_start++) {
		if (fcntl(journal_fd, F_OFD_SETLK, &seat) == 0)
			return 0;
		if (errno != EACCES && errno != EAGAIN)
			return -1;
	}
	errno = EWOULDBLOCK;
	return -1;
}

void
lock_release_mailbox(int fd)
{
	struct flock whole = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(fd, F_OFD_SETLK, &whole);
	(void)flock(fd, LOCK_UN);
}

static int
look_for_one_link(int fd)
{
	struct stat st;

	if (fds_stat(fd, &st) == -1)
		return -1;
	if (st.st_nlink == 1)
		return 0;
	errno = ESTALE;
	return -1;
}

int
lock_take(int journal_fd, int fd)
{
	int saved;

	if (journal_fd != -1 && lock_journal(journal_fd) == -1)
		return -1;
	if (lock_mailbox(fd) == 0 && look_for_one_link(fd) == 0 &&
	    (journal_fd == -1 || look_for_one_link(journal_fd) == 0))
		return 0;
	saved = errno;
	lock_release(journal_fd, fd);
	errno = saved;
	return -1;
}

void
lock_release(int journal_fd, int fd)
{
	lock_release_mailbox(fd);
	if (journal_fd != -1)
		(void)flock(journal_fd, LOCK_UN);
}
