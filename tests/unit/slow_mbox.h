/* SPDX-License-Identifier: ISC */
/*
 * The form of a mailbox (mbox.h), told so plainly that it can be believed: a
 * line after the other, the whole file at hand, a regular expression for the
 * date.
 */
#ifndef SLOW_MBOX_H
#define SLOW_MBOX_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mbox.h"

enum { SLOW_ENTRIES = 4096 };

struct slow_mbox {
	const char *file;
	size_t size;
	bool unquote; /* count what un-quoting takes */
	struct mbox_entry entries[SLOW_ENTRIES];
	size_t count;
};

/* Octets of the line at p, its LF included if it has one. */
static inline size_t
slow_line(const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	return lf == NULL ? len : (size_t)(lf + 1 - p);
}

/* Octets of the line end that the line has: 2, 1 or 0. */
static inline size_t
slow_line_end(const char *line, size_t len)
{
	if (len == 0 || line[len - 1] != '\n')
		return 0;
	return len > 1 && line[len - 2] == '\r' ? 2 : 1;
}

static inline bool
slow_is_blank(const char *line, size_t len)
{
	return len > 0 && slow_line_end(line, len) == len;
}

static inline bool
slow_is_separator(const char *line, size_t len)
{
	static const char date[] =
	    "^From (.* )?(Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
	    "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
	    " *[0-9][0-9]? [0-9][0-9]:[0-9][0-9]"
	    ".* [0-9][0-9][0-9][0-9]([^0-9].*)?$";
	static regex_t regex;
	static bool compiled;
	char text[MBOX_SEPARATOR_MAX];
	size_t end = slow_line_end(line, len);

	if (!compiled && regcomp(&regex, date, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	compiled = true;
	if (len < 5 || memcmp(line, "From ", 5) != 0 || end == 0 ||
	    len > MBOX_SEPARATOR_MAX)
		return false;
	/* To the expression a zero octet would be the end. */
	if (memchr(line, '\0', len) != NULL)
		return false;
	memcpy(text, line, len - end);
	text[len - end] = '\0';
	return regexec(&regex, text, 0, NULL, 0) == 0;
}

static inline bool
slow_is_tombstone(const char *line, size_t len)
{
	return len > 5 && memcmp(line, "From ", 6) == 0;
}

/* Octets on the wire: a CR for each LF that has none, the last line ended. */
static inline uint64_t
slow_octets(const char *p, size_t len)
{
	uint64_t n = len;

	for (size_t i = 0; i < len; i++)
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			n++;
	if (len > 0 && p[len - 1] != '\n')
		n += p[len - 1] == '\r' ? 1 : 2;
	return n;
}

/* Octets of the header of a message: all before the first blank line. */
static inline size_t
slow_header(const char *p, size_t len)
{
	size_t at = 0, line;

	for (; at < len; at += line) {
		line = slow_line(p + at, len - at);
		if (slow_is_blank(p + at, line))
			break;
	}
	return at;
}

/* Whether the line is one that mboxrd quotes, and not beyond all measure. */
static inline bool
slow_is_quoted(const char *line, size_t len)
{
	size_t quotes = 0;

	while (quotes < len && line[quotes] == '>')
		quotes++;
	return quotes >= 1 && quotes <= MBOX_QUOTES_MAX && len - quotes >= 5 &&
	    memcmp(line + quotes, "From ", 5) == 0;
}

/*
 * Copies the message to out without the quoting of its body.  Returns the octets
 * in out.
 */
static inline size_t
slow_unquote(const char *p, size_t len, char *out)
{
	size_t header = slow_header(p, len), at = 0, line, n = 0;

	for (; at < len; at += line) {
		size_t quote;

		line = slow_line(p + at, len - at);
		quote = at > header && slow_is_quoted(p + at, line) ? 1 : 0;
		memcpy(out + n, p + at + quote, line - quote);
		n += line - quote;
	}
	return n;
}

/* Notes the entry that stands from offset to end. */
static inline void
slow_add(struct slow_mbox *m, size_t offset, size_t end)
{
	const char *p = m->file + offset;
	size_t len = end - offset, first = slow_line(p, len), last = 0;
	struct mbox_entry *e = &m->entries[m->count++];
	char digits[32];
	struct xxh64 id;

	if (m->count == SLOW_ENTRIES)
		abort();
	*e = (struct mbox_entry){ .offset = offset, .stored = len };
	for (size_t at = 0; at < len; at += last)
		last = slow_line(p + at, len - at);
	if (slow_is_blank(p + len - last, last))
		e->tail = (uint8_t)last;
	if (!slow_is_separator(p, first)) {
		e->flags = MBOX_TOMBSTONE;
		return;
	}
	e->separator = (uint16_t)first;
	e->octets = slow_octets(p + first, len - first - e->tail);
	xxh64_init(&id);
	xxh64_update(&id, p, slow_header(p, len));
	(void)snprintf(digits, sizeof(digits), "%ju", (uintmax_t)e->octets);
	xxh64_update(&id, digits, strlen(digits));
	xxh64_final(&id, e->id);
	if (m->unquote) {
		char *out = malloc(len);

		if (out == NULL)
			abort();
		e->quoted = len - e->tail - slow_unquote(p, len - e->tail, out);
		e->octets -= e->quoted;
		free(out);
	}
}

/* All entries of the file from start on, where a separator may stand. */
static inline void
slow_scan(struct slow_mbox *m, const char *file, size_t size, size_t start)
{
	enum { NOTHING, MESSAGE, GRAVE } in = NOTHING;
	bool after_blank = true, blank;
	size_t at, begin = 0, len;

	m->file = file;
	m->size = size;
	m->count = 0;
	for (at = start; at < size; at += len) {
		len = slow_line(file + at, size - at);
		blank = slow_is_blank(file + at, len);
		if (after_blank &&
		    (slow_is_separator(file + at, len) ||
			slow_is_tombstone(file + at, len))) {
			if (in != NOTHING)
				slow_add(m, begin, at);
			begin = at;
			in = slow_is_separator(file + at, len) ? MESSAGE
							       : GRAVE;
		} else if (in == GRAVE && blank) {
			slow_add(m, begin, at + len);
			in = NOTHING;
		}
		after_blank = blank;
	}
	if (in != NOTHING)
		slow_add(m, begin, size);
}

#endif
