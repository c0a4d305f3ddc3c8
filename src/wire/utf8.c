/* SPDX-License-Identifier: ISC */
/* UTF-8.  Runs as: session, restantectl. */

#include <stddef.h>

#include "utf8.h"

/*
 * Octets of the character at p, or 0 when there is none.  Of all first octets
 * four have a second one that is not simply a continuation: RFC 3629 section 4.
 */
static size_t
character(const unsigned char *p)
{
	unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || p[1] < low || p[1] > high)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	/* The NUL at the end is no continuation. */
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool
utf8_is_well_formed(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len;

	for (; *p != '\0'; p += len)
		if ((len = character(p)) == 0)
			return false;
	return true;
}
