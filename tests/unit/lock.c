/* SPDX-License-Identifier: ISC */
/* The locks of a mailbox, where the kernel refuses the second of them. */

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lock.h"
#include "scratch.h"
#include "tap.h"

int
main(void)
{
	int dir = scratch_open(), fd, agent;
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct flock octet = {
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1
	};

	scratch_file(dir, "mailbox", "secret\n");
	fd = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	agent = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	need(fd != -1 && agent != -1, "open");

	need(fcntl(agent, F_OFD_SETLK, &whole) == 0, "a record lock");
	errno = 0;
	ok(lock_mailbox(fd) == -1 && errno == EWOULDBLOCK,
	    "a record lock that an agent has");
	ok(flock(agent, LOCK_EX | LOCK_NB) == 0, "... leaves no other behind");
	whole.l_type = F_UNLCK;
	need(fcntl(agent, F_OFD_SETLK, &whole) == 0 &&
		flock(agent, LOCK_UN) == 0,
	    "unlocking");
	ok(lock_mailbox(fd) == 0, "none: it is had");
	ok(flock(agent, LOCK_EX | LOCK_NB) == -1, "... by nobody else");
	ok(fcntl(agent, F_OFD_SETLK, &octet) == -1, "... not one octet of it");
	lock_release_mailbox(fd);
	need(close(fd) == 0, "close");

	/* What is open for reading gets no lock for writing. */
	fd = openat(dir, "mailbox", O_RDONLY | O_CLOEXEC);
	errno = 0;
	ok(lock_mailbox(fd) == -1 && errno == EBADF,
	    "a record lock that cannot be had");
	ok(flock(agent, LOCK_EX | LOCK_NB) == 0, "... leaves no other behind");
	return done();
}
