/* SPDX-License-Identifier: ISC */
/*
 * The form of a mailbox file: what is a message, how long it is on the wire,
 * and what its unique-id is.  Looks at memory only.  Runs as: session.
 *
 *	password line
 *	From sender date		the separator: starts a message
 *	header lines
 *					first blank line
 *	body lines
 *					a blank line that belongs to no message
 *	From ...
 *
 * A separator stands behind the password line or behind a blank line, starts
 * with "From " and holds a date as asctime() writes it.  Lines end in LF or in
 * CRLF.  What stands between the password line and the first separator is
 * nobody's message.  A tombstone is the place of a deleted run of messages:
 * "From ", octets that are zero, and the run's last two line ends.
 */
#ifndef MBOX_H
#define MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xxh64.h"

enum {
	MBOX_ID_SIZE = XXH64_SIZE,
	/* A longer line is no separator.  Also what a scan looks ahead. */
	MBOX_SEPARATOR_MAX = 1024, /* less than 4096 */
	MBOX_BEHIND = 3,           /* what a scan looks back */
	MBOX_FROM = 5,             /* a tombstone begins as a separator does */
	/* Of a tombstone: that, one zero, two line ends. */
	MBOX_TOMBSTONE_MIN = MBOX_FROM + 3,
	MBOX_QUOTES_MAX = 64,
};

enum mbox_flags {
	MBOX_TOMBSTONE = 1,
	MBOX_DELETED = 2, /* was a message when the file was scanned */
};

/* A message or a tombstone.  Part of the index file's format. */
struct mbox_entry {
	uint64_t offset; /* of the separator line */
	uint64_t stored; /* octets from there to the end of the blank line */
	uint64_t octets; /* of the message on the wire */
	/*
	 * XXH64 of the separator line and the header lines as stored, then in
	 * decimal digits the octets that the wire has without un-quoting.
	 */
	unsigned char id[MBOX_ID_SIZE];
	uint32_t ordinal;   /* among messages of the same id, from 0 */
	uint16_t separator; /* octets of the separator line, its end included */
	uint8_t tail; /* octets of the blank line: 2, 1, or 0 at the end */
	uint8_t flags;
	uint64_t quoted; /* octets that un-quoting takes from the wire */
};

/*
 * A scan in progress.  Windows of the file are given to mbox_scan() one after
 * the other; every message and tombstone is handed to found() once its end is
 * known.  found() returns 0, or -1 to end the scan.
 */
struct mbox_scan {
	int (*found)(void *ctx, const struct mbox_entry *);
	void *ctx;
	uint64_t pos; /* everything before has been looked at */

	uint64_t start; /* of it all */
	uint64_t bare;  /* LFs without a CR before them, before pos */
	bool unquote;   /* ">From " lines of bodies lose a '>' on the wire */
	bool in_header; /* of the open message: its id is being computed */
	bool open;      /* entry is a message whose end is not known yet */
	uint64_t
	    bare_at_content; /* value of bare at the open message's content */
	uint64_t hashed;     /* up to where id covers */
	struct xxh64 id;
	struct mbox_entry entry;
};

/*
 * Starts a scan at offset start, where a separator may stand: behind the
 * password line or where an earlier scan of a complete file ended.
 */
void mbox_scan_init(struct mbox_scan *, uint64_t start,
    int (*found)(void *ctx, const struct mbox_entry *), void *ctx);

/*
 * Goes on with the octets window[0..len) that stand at offset in the file and
 * hold the MBOX_BEHIND octets before pos, as far as they are behind the start.
 * All of it is looked at when it is the last, else all but the final
 * MBOX_SEPARATOR_MAX octets.
 * Returns 0, or -1 when found() did.
 */
int mbox_scan(struct mbox_scan *, const unsigned char *window, size_t len,
    uint64_t offset, bool last);

/*
 * Whether the octets begin with a separator line; its length with its line end,
 * or 0.
 */
size_t mbox_separator(const unsigned char *, size_t len);

/*
 * The date in a separator line, in seconds since 1970; or MBOX_NO_DATE, later than
 * all others, when there is no such day or time, or none behind the first of 1970,
 * which programs write that know no date.  Where a zone
 * of the form +hhmm is missing it is the latest time that can be meant.
 */
#define MBOX_NO_DATE INT64_MAX

int64_t mbox_date(const unsigned char *, size_t len);

/*
 * What lacks behind messages, a blank line at the end included, as a string.  Of
 * their octets, one at least, the last three are enough.
 */
const char *mbox_missing_end(const char *, size_t len);

/*
 * How much of a message is in TOP (RFC 1939 section 7): the headers, the blank
 * line, and so many lines of the body.  Start with { .lines = n } and hand over
 * the message in pieces; returns how many octets of the piece belong to it, and
 * sets done when nothing further does.
 */
struct mbox_top {
	uint64_t lines; /* of the body, still to come */
	bool in_body, done;
	enum { MBOX_TOP_EMPTY, MBOX_TOP_CR, MBOX_TOP_TEXT } line; /* so far */
};

size_t mbox_top(struct mbox_top *, const char *, size_t);

/*
 * Whether a line begins with 1 to MBOX_QUOTES_MAX '>' and "From ": in mboxrd form
 * one '>' of it is quoting.
 */
bool mbox_is_quoted(const unsigned char *, size_t len);

/*
 * Takes the quoting out of a piece of a message in place, and returns what is
 * left of its length.  bol says whether the piece starts a line.  Lines must not
 * be cut within their first MBOX_QUOTES_MAX + 5 octets.
 */
size_t mbox_unquote(char *, size_t len, bool bol);

#endif
