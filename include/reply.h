/* SPDX-License-Identifier: ISC */
/*
 * What goes out to the client, gathered so that an answer, or the answers to a
 * burst of commands, leave in as few pieces as possible.  Runs as: session.
 *
 * A failure to write is remembered and makes everything after it a no-op: a
 * handler need not look, the session's loop does.
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REPLY_BUFFER = 192 * 1024,
	/* RFC 2449 section 4: a status line with its CRLF. */
	REPLY_LINE = 512,
};

struct reply {
	int fd;
	int language;    /* see words.h */
	int64_t timeout; /* milliseconds without any progress */
	int error;       /* errno of the first failure, or 0 */
	bool bol;        /* the body stands at the start of a line */
	bool cr;         /* the body's last octet was a CR */
	uint64_t octets; /* of bodies so far, stuffing not counted */
	size_t len;
	char buf[REPLY_BUFFER];
};

/*
 * "+OK text", "-ERR text": one line each, cut to REPLY_LINE.  The format is one of
 * words.c, and goes out in the client's language.
 */
void reply_ok(struct reply *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void reply_err(struct reply *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with a text that has no arguments and is no literal here. */
void reply_err_text(struct reply *, const char *);
/* A line of our own with nothing put in front; it never starts with a dot. */
void reply_line(struct reply *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A piece of a message in a multi-line reply (RFC 1939 section 3): every line
 * end becomes CRLF, a dot at the start of a line is doubled.  Pieces may be cut
 * anywhere.
 */
void reply_body(struct reply *, const char *, size_t);

/*
 * The same for data that ends after a count the client knows: no dot is doubled.
 * All pieces up to the next line of a reply are one body.
 */
void reply_data(struct reply *, const char *, size_t);

/* The line end that reply_octets() counts, if the body wants one. */
void reply_end_line(struct reply *);

/* Octets of bodies so far, with the line end that reply_end() would add. */
uint64_t reply_octets(const struct reply *);

/* The end of a multi-line reply; a last line without an end gets one first. */
void reply_end(struct reply *);

/* Sends what has been gathered.  Returns 0, or -1 after any failure so far. */
int reply_flush(struct reply *);

/* Sends the rest of a large answer, and gives its pages back to the system. */
void reply_trim(struct reply *);

#endif
