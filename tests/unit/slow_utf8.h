/* SPDX-License-Identifier: ISC */
/* UTF-8 by arithmetic: what a string decodes to must encode to the string. */
#ifndef SLOW_UTF8_H
#define SLOW_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Yields the octets of a code point, without a NUL. */
static inline size_t
slow_encode(uint32_t c, unsigned char out[4])
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len; i-- > 1; c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)(first[len] | c);
	return len;
}

static inline bool
slow_is_well_formed(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char again[4];
	uint32_t c;
	size_t len;

	for (; *p != '\0'; p += len) {
		len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
		if (strnlen((const char *)p, len) < len)
			return false;
		c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
		for (size_t i = 1; i < len; i++)
			c = c << 6 | (p[i] & 0x3f);
		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
		    slow_encode(c, again) != len || memcmp(p, again, len) != 0)
			return false;
	}
	return true;
}

#endif
