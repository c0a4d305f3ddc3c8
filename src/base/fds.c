/* SPDX-License-Identifier: ISC */
/* Which descriptors a process has. */

#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "fds.h"

enum { FIRST = 3 };

static int
close_from(int fd)
{
	return (int)syscall(SYS_close_range, (unsigned int)fd, UINT_MAX, 0u);
}

int
fds_arrange(int *const *list, size_t count)
{
	int high = FIRST + (int)count;

	/* Out of the way first: one may stand in the place of another. */
	for (size_t i = 0; i < count; i++) {
		*list[i] = fcntl(*list[i], F_DUPFD_CLOEXEC, high);
		if (*list[i] == -1)
			return -1;
	}
	for (size_t i = 0; i < count; i++) {
		*list[i] = dup3(*list[i], FIRST + (int)i, O_CLOEXEC);
		if (*list[i] == -1)
			return -1;
	}
	return close_from(high);
}

int
fds_keep_only(const int *fds, size_t count, int place)
{
	for (size_t i = 0; i < count; i++, place++)
		if (fds[i] != place && dup3(fds[i], place, O_CLOEXEC) == -1)
			return -1;
	return close_from(place);
}

int
fds_fill(void)
{
	for (int fd = 0; fd < FIRST; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_PATH) == -1)
			return -1;
	return 0;
}

void
fds_close(int *fd)
{
	int saved = errno;

	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int
fds_silence(bool errors)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status = 0;

	if (fd == -1)
		return -1;
	for (int i = 0; i < (errors ? 3 : 2); i++)
		if (dup2(fd, i) == -1)
			status = -1;
	if (fd > 2)
		(void)close(fd);
	return status;
}

int
fds_stat(int fd, struct stat *st)
{
#if FDS_STAT_ALONE
	/* The C library's may be newfstatat(2), which sessions do not have. */
	return (int)syscall(SYS_fstat, fd, st);
#else
	return fstat(fd, st);
#endif
}
