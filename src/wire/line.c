/* SPDX-License-Identifier: ISC */
/* The client's bytes, a line at a time.  Runs as: session. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "line.h"

int
line_more(struct line_reader *lr, int64_t deadline)
{
	ssize_t n;

	do {
		if (io_wait(lr->fd, POLLIN, deadline) == -1)
			return -1;
		n = read(lr->fd, lr->buf + lr->end, sizeof(lr->buf) - lr->end);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));

	/* A connection that timed out is gone: its errno is no deadline's. */
	if (n <= 0) {
		errno = EPIPE;
		return -1;
	}
	lr->end += (size_t)n;
	return 0;
}

/* Makes room for more of an unfinished line, or forgets it as too long. */
static void
make_room(struct line_reader *lr)
{
	size_t len = lr->end - lr->start;

	if (lr->skipping || len >= lr->most) {
		lr->skipping = true;
		len = 0;
	}
	memmove(lr->buf, lr->buf + lr->start, len);
	lr->start = 0;
	lr->end = len;
}

/*
 * A line that is too long is read to its end and given as LINE_BAD, once, so
 * that its tail is never taken for a command; so is a line with a NUL in it,
 * which would hide what follows.  A bare LF also ends a line: people and old
 * programs send it, and nothing else it could mean is allowed.
 */
enum line_status
line_read(struct line_reader *lr, int64_t deadline, char **line)
{
	char *bol, *lf, *end;
	bool bad;

	for (;;) {
		bol = lr->buf + lr->start;
		lf = memchr(bol, '\n', lr->end - lr->start);
		if (lf != NULL)
			break;
		/* Of a line without end there may always be more. */
		if (lr->skipping && lr->start < lr->end &&
		    clock_ms() > deadline) {
			lr->start = lr->end;
			errno = ETIMEDOUT;
			return LINE_NONE;
		}
		make_room(lr);
		if (line_more(lr, deadline) == -1)
			return LINE_NONE;
	}
	lr->start = (size_t)(lf + 1 - lr->buf);

	end = lf > bol && lf[-1] == '\r' ? lf - 1 : lf;
	bad = lr->skipping || (size_t)(lf + 1 - bol) > lr->most ||
	    memchr(bol, '\0', (size_t)(end - bol)) != NULL;
	lr->skipping = false;
	if (bad)
		return LINE_BAD;
	*end = '\0';
	*line = bol;
	return LINE_OK;
}

bool
line_waits(const struct line_reader *lr)
{
	return memchr(lr->buf + lr->start, '\n', lr->end - lr->start) != NULL;
}

void
line_forget(struct line_reader *lr)
{
	lr->start = lr->end = 0;
	lr->skipping = false;
}
