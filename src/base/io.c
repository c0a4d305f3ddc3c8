/* SPDX-License-Identifier: ISC */
/* Reading and writing whole things, and waiting with a limit. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "sig.h"

static int stop_fd = -1;

void
io_set_stop(int fd)
{
	stop_fd = fd;
}

int
io_wait(int fd, short events, int64_t deadline)
{
	return io_wait_heard(fd, events, -1, deadline);
}

int
io_wait_heard(int fd, short events, int hearer, int64_t deadline)
{
	struct pollfd pfd[3];
	struct timespec ts;
	int64_t left;
	int n;

	for (;;) {
		if (sig_terminated()) {
			errno = ESHUTDOWN;
			return -1;
		}
		/* To the nanosecond: it must not tell when the wait began. */
		left = (deadline + 1) * 1000000 - clock_ns();
		if (left < 0)
			left = 0;
		ts.tv_sec = (time_t)(left / 1000000000);
		ts.tv_nsec = (long)(left % 1000000000);
		pfd[0] = (struct pollfd){ .fd = fd, .events = events };
		pfd[1] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
		pfd[2] = (struct pollfd){ .fd = hearer };
		n = ppoll(pfd, 3, &ts, sig_wait_mask());
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		/*
		 * A byte in the pipe is the master's word to end.  Its mere end
		 * is the master's death, which is no reason to lose a session.
		 */
		if (pfd[1].revents & POLLIN) {
			errno = ESHUTDOWN;
			return -1;
		}
		if (pfd[1].revents != 0)
			stop_fd = -1;
		if (pfd[0].revents != 0)
			return 0;
		if (pfd[2].revents != 0) {
			errno = EPIPE;
			return -1;
		}
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
io_write_all(int fd, const void *buf, size_t len, int64_t timeout)
{
	const char *p = buf;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (io_wait(fd, POLLOUT, clock_ms() + timeout) == -1)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

ssize_t
io_pread(int fd, void *buf, size_t len, off_t offset)
{
	char *p = buf;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, p + done, len - done, offset + (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int
io_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	const char *p = buf;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(fd, p + done, len - done, offset + (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}
