/* SPDX-License-Identifier: ISC */
/* num_parse() against arithmetic on strings. */

#include "num.h"
#include "slow_num.h"
#include "tap.h"

static void
compare(const char *s, uint64_t max)
{
	uint64_t got = 0, want = 0;
	int error = slow_parse(s, max, &want), status;

	errno = 0;
	status = num_parse(s, max, &got);
	if (error == 0)
		check(status == 0 && got == want, "\"%s\" up to %ju gives %ju",
		    s, (uintmax_t)max, (uintmax_t)got);
	else
		check(status == -1 && errno == error, "\"%s\" up to %ju: %d %d",
		    s, (uintmax_t)max, status, errno);
}

static void
every_number(void)
{
	static const char *const zeros[] = { "", "0", "000000000000000000000" };
	char s[64];

	for (uint64_t max = 0; max <= 1030; max++)
		for (unsigned int n = 0; n <= 1050; n++)
			for (size_t z = 0; z < 3; z++) {
				(void)snprintf(
				    s, sizeof(s), "%s%u", zeros[z], n);
				compare(s, max);
			}
	(void)point("every number to 1050 against every limit to 1030");
}

static void
every_octet(void)
{
	char s[4] = "";

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			s[0] = (char)a;
			s[1] = (char)b;
			s[2] = '\0';
			compare(s, 50);
			s[2] = '7';
			compare(s, UINT64_MAX);
		}
	(void)point("P3-167: every pair of octets");
}

static void
every_short_string(void)
{
	static const char letters[] = "0159+-x ";
	enum { LETTERS = sizeof(letters) - 1, LONGEST = 5 };
	char s[LONGEST + 1];
	size_t count = 1;

	for (size_t len = 0; len <= LONGEST; len++, count *= LETTERS)
		for (size_t i = 0; i < count; i++) {
			size_t n = i;

			for (size_t k = 0; k < len; k++, n /= LETTERS)
				s[k] = letters[n % LETTERS];
			s[len] = '\0';
			compare(s, 9);
			compare(s, 5199);
		}
	(void)point(
	    "P3-167: every string of \"%s\" up to %d octets", letters, LONGEST);
}

/* 4294967297 and 18446744073709551617 are not 1. */
static void
wide_numbers(void)
{
	static const uint64_t edges[] = { UINT64_MAX, INT64_MAX, UINT32_MAX,
		INT32_MAX, UINT16_MAX, UINT64_MAX / 10, UINT64_MAX / 10 * 10 };
	enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
	char s[64];

	for (size_t m = 0; m < EDGES; m++)
		for (size_t e = 0; e < EDGES; e++)
			for (unsigned int d = 0; d < 400; d++) {
				uint64_t n = edges[e] - 200 + d;

				(void)snprintf(
				    s, sizeof(s), "%ju", (uintmax_t)n);
				compare(s, edges[m]);
				(void)snprintf(
				    s, sizeof(s), "%ju%u", (uintmax_t)n, d);
				compare(s, edges[m]);
				(void)snprintf(
				    s, sizeof(s), "%ju%ux", (uintmax_t)n, d);
				compare(s, edges[m]);
			}
	compare("18446744073709551617", UINT64_MAX);
	compare("18446744073709551617", 1);
	compare("4294967297", 1);
	compare("99999999999999999999999999999999999999", UINT64_MAX);
	(void)point("P3-168: around the ends of the integer types");
}

/* Around each power of ten, and the ends. */
static void
printed(void)
{
	char digits[NUM_DIGITS], want[NUM_DIGITS + 1];
	uint64_t power = 1;

	for (int i = 0; i < NUM_DIGITS; i++, power *= 10)
		for (uint64_t n = power - 2; n != power + 12; n++) {
			size_t len = num_print(n, digits);

			(void)snprintf(want, sizeof(want), "%ju", (uintmax_t)n);
			check(len == strlen(want) &&
				memcmp(digits, want, len) == 0,
			    "%s", want);
		}
	(void)point("numbers printed");
}

static void
in_hexadecimal(void)
{
	char digits[2 * 2 + 1], want[2 * 2 + 1];

	for (unsigned int i = 0; i < 0x10000; i++) {
		const unsigned char octets[] = { (unsigned char)(i >> 8),
			(unsigned char)i };

		num_hex(octets, sizeof(octets), digits);
		(void)snprintf(want, sizeof(want), "%04x", i);
		check(strcmp(digits, want) == 0, "%s", want);
	}
	num_hex(NULL, 0, digits);
	is_str(digits, "", "two octets in digits, and none");
}

int
main(void)
{
	every_number();
	every_octet();
	every_short_string();
	wide_numbers();
	printed();
	in_hexadecimal();
	return done();
}
