/* SPDX-License-Identifier: ISC */
/* The site's key.  Runs as: attendant. */

#include <sys/file.h>
#include <sys/random.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fds.h"
#include "io.h"
#include "log.h"
#include "site.h"

/* The first to come fills the file, under its lock; the others read it. */
static int
load(int fd, int state_fd, unsigned char key[SITE_KEY])
{
	unsigned char octets[SITE_KEY + 1];
	ssize_t n;

	if (flock(fd, LOCK_EX) == -1 ||
	    (n = io_pread(fd, octets, sizeof(octets), 0)) == -1)
		return -1;
	if (n == 0)
		return io_pwrite(fd, key, SITE_KEY, 0) == -1 ||
			fsync(fd) == -1 || fsync(state_fd) == -1
		    ? -1
		    : 0;
	if (n == SITE_KEY)
		memcpy(key, octets, SITE_KEY);
	else
		log_warnx("the site's key, .restante/secret, has not %d "
			  "octets: remove it, and it is made anew",
		    SITE_KEY);
	explicit_bzero(octets, sizeof(octets));
	return 0;
}

void
site_key(int state_fd, unsigned char key[SITE_KEY])
{
	int fd = openat(state_fd, "secret",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (getrandom(key, SITE_KEY, 0) != SITE_KEY)
		fatal("getrandom");
	if (fd == -1 || load(fd, state_fd, key) == -1)
		log_warn("the site's key, .restante/secret");
	fds_close(&fd);
}
