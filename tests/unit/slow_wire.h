/* SPDX-License-Identifier: ISC */
/*
 * The body of a multi-line reply (RFC 1939 section 3), told so plainly that it
 * can be believed: one octet after the other, the whole text at hand.
 */
#ifndef SLOW_WIRE_H
#define SLOW_WIRE_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Every line end as CRLF, the last line ended.  Returns the octets in out. */
static inline size_t
slow_crlf(const char *text, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = text[i];
	}
	if (n > 0 && out[n - 1] != '\n') {
		if (out[n - 1] != '\r')
			out[n++] = '\r';
		out[n++] = '\n';
	}
	return n;
}

/*
 * The same with dots doubled and the terminator; out holds 3 * len + 5 octets
 * at least.
 */
static inline size_t
slow_multiline(const char *text, size_t len, char *out)
{
	char *lines = malloc(2 * len + 2);
	size_t lines_len, n = 0;

	if (lines == NULL)
		abort();
	lines_len = slow_crlf(text, len, lines);
	for (size_t i = 0; i < lines_len; i++) {
		if (lines[i] == '.' && (i == 0 || lines[i - 1] == '\n'))
			out[n++] = '.';
		out[n++] = lines[i];
	}
	free(lines);
	memcpy(out + n, ".\r\n", 3);
	return n + 3;
}

#endif
