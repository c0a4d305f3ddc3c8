/* SPDX-License-Identifier: ISC */
/*
 * The client's bytes, a line at a time.  Nothing else in the program looks at
 * what has not passed here.  Runs as: session.
 */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* RFC 2449 section 4 asks for 255 octets, the line end included. */
	LINE_MAX_OCTETS = 512,
	/* RFC 5034 section 4: a message of AUTH in base64 may be longer. */
	LINE_AUTH_OCTETS = 2048,
	LINE_BUFFER = 8192,
};

enum line_status {
	LINE_OK,
	LINE_BAD,  /* too long, or holds a NUL: the line is gone */
	LINE_NONE, /* as line_more() says in errno */
};

struct line_reader {
	int fd;
	size_t most;       /* octets of a line, its end included */
	size_t start, end; /* what is not yet used, in buf */
	bool skipping;     /* inside a line that is too long */
	char buf[LINE_BUFFER];
};

/*
 * Yields the next line without its line end (CRLF, or a bare LF), as a string
 * that stays valid until the next call.  A CR elsewhere is part of the line.
 * The deadline is one of clock_ms().
 */
enum line_status line_read(struct line_reader *, int64_t deadline, char **line);

/* Throws away what has been read and not used. */
void line_forget(struct line_reader *);

/*
 * Reads what has come, at least an octet, without looking at it: it is in buf from
 * start to end.  There must be room.  0, or -1 with errno set: that of io_wait(),
 * or EPIPE when the client has sent its last or is lost.
 */
int line_more(struct line_reader *, int64_t deadline);

/* Whether a whole line waits that line_read() would yield without reading. */
bool line_waits(const struct line_reader *);

#endif
