/* SPDX-License-Identifier: ISC */
/* UTF-8: what is well-formed, over all that short strings can be. */

#include "slow_utf8.h"
#include "tap.h"
#include "utf8.h"

static void
every_character(void)
{
	char s[8] = "";
	size_t len;

	for (uint32_t c = 1; c < 0x200000; c++) {
		bool is = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		len = slow_encode(c, (unsigned char *)s);
		s[len] = '\0';
		check(utf8_is_well_formed(s) == is, "U+%X", (unsigned int)c);
		/* Cut anywhere, and with another one behind it. */
		for (size_t n = 1; n < len && c % 61 == 0; n++) {
			s[n] = '\0';
			check(!utf8_is_well_formed(s), "%zu of U+%X", n,
			    (unsigned int)c);
			s[n] = 'x';
			s[n + 1] = '\0';
			check(!utf8_is_well_formed(s), "%zu of U+%X, x", n,
			    (unsigned int)c);
			(void)slow_encode(c, (unsigned char *)s);
		}
	}
	check(utf8_is_well_formed(""), "nothing");
	(void)point("every character, surrogates, and beyond the last");
}

static void
every_string(void)
{
	char s[4] = "";

	for (uint32_t n = 1; n < 0x1000000; n++) {
		s[0] = (char)(n & 0xff);
		s[1] = (char)(n >> 8 & 0xff);
		s[2] = (char)(n >> 16);
		if (utf8_is_well_formed(s) != slow_is_well_formed(s))
			check(false, "%06X", (unsigned int)n);
	}
	check(true, "all of them");
	(void)point("every string of up to three octets");
}

static void
edges(void)
{
	static const unsigned char octets[] = { 0, 'a', 0x7f, 0x80, 0x8f, 0x90,
		0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xec, 0xed,
		0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfc,
		0xfe, 0xff };
	const size_t count = sizeof(octets);
	char s[6] = "";
	size_t good = 0;

	for (size_t n = 0; n < count * count * count * count * count; n++) {
		size_t rest = n;

		for (size_t i = 0; i < 5; i++, rest /= count)
			s[i] = (char)octets[rest % count];
		good += utf8_is_well_formed(s);
		if (utf8_is_well_formed(s) != slow_is_well_formed(s))
			check(false, "%02hhX %02hhX %02hhX %02hhX %02hhX",
			    (unsigned char)s[0], (unsigned char)s[1],
			    (unsigned char)s[2], (unsigned char)s[3],
			    (unsigned char)s[4]);
	}
	check(good > 1000, "only %zu are well-formed", good);
	(void)point("five octets, each at an edge of what it may be");
}

int
main(void)
{
	every_character();
	every_string();
	edges();
	return done();
}
