/* SPDX-License-Identifier: ISC */
/*
 * Property: however the octets arrive, the reader yields the lines of the whole
 * text: each octet is in one line, or in one that is thrown away as a whole, or
 * behind the last line end.
 */

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>

#include "clock.h"
#include "fuzz.h"
#include "line.h"

enum { CUTS = 32 };

/* What the next line of text should give; moves at behind it. */
static enum line_status
next_line(const char *text, size_t len, size_t *at, size_t *line_len)
{
	const char *bol = text + *at, *lf = memchr(bol, '\n', len - *at);
	size_t octets;

	if (lf == NULL)
		return LINE_NONE;
	octets = (size_t)(lf + 1 - bol);
	*at += octets;
	*line_len = octets - 1;
	if (*line_len > 0 && bol[*line_len - 1] == '\r')
		--*line_len;
	if (octets > LINE_MAX_OCTETS || memchr(bol, '\0', *line_len) != NULL)
		return LINE_BAD;
	return LINE_OK;
}

static bool
has_more(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* Takes the lines that have their end before sent. */
static size_t
take_lines(struct line_reader *lr, const char *text, size_t at, size_t sent)
{
	enum line_status got, want;
	size_t want_len = 0, bol;
	char *line = NULL;

	for (;;) {
		bol = at;
		/* A line that is too long ends with the time. */
		do
			got = line_read(lr, clock_ms(), &line);
		while (got == LINE_NONE && has_more(lr->fd));
		want = next_line(text, sent, &at, &want_len);
		if (want == LINE_NONE)
			break;
		must(got == want);
		if (got == LINE_OK)
			must(strlen(line) == want_len &&
			    memcmp(line, text + bol, want_len) == 0);
	}
	must(got == LINE_NONE && errno == ETIMEDOUT && !line_waits(lr));
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line_reader lr;
	static int ends[2] = { -1, -1 };
	struct input in = { data, size };
	size_t pieces[CUTS], count = take_lengths(&in, pieces, CUTS);
	size_t at = 0, sent = 0;
	char *text = take_rest(&in);

	if (ends[0] == -1)
		must(socketpair(
			 AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	lr = (struct line_reader){ .fd = ends[0], .most = LINE_MAX_OCTETS };
	for (size_t i = 0; sent < in.len; i++) {
		size_t n = i < count ? 1 + pieces[i] % 9000 : in.len;

		if (n > in.len - sent)
			n = in.len - sent;
		must(send(ends[1], text + sent, n, 0) == (ssize_t)n);
		sent += n;
		at = take_lines(&lr, text, at, sent);
	}
	free(text);
	return 0;
}
