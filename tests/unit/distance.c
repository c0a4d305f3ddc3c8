/* SPDX-License-Identifier: ISC */
/* distance() against its definition. */

#include <string.h>

#include "distance.h"
#include "tap.h"

static const char letters[] = "abc";

enum { LETTERS = sizeof(letters) - 1, LONGEST = 4, WORDS = 121 };

/* All ways, the cheapest of them: what the last octets have become of. */
static size_t
slow(const char *a, size_t m, const char *b, size_t n)
{
	size_t best, other;

	if (m == 0 || n == 0)
		return m + n;
	best = slow(a, m - 1, b, n - 1) + (a[m - 1] != b[n - 1]);
	other = slow(a, m - 1, b, n) + 1;
	best = other < best ? other : best;
	other = slow(a, m, b, n - 1) + 1;
	best = other < best ? other : best;
	if (m > 1 && n > 1 && a[m - 1] == b[n - 2] && a[m - 2] == b[n - 1]) {
		other = slow(a, m - 2, b, n - 2) + 1;
		best = other < best ? other : best;
	}
	return best;
}

static void
every_word(void)
{
	static char words[WORDS][LONGEST + 1];
	size_t count = 0;

	for (size_t len = 0, all = 1; len <= LONGEST; len++, all *= LETTERS)
		for (size_t i = 0; i < all; i++, count++)
			for (size_t k = 0, n = i; k < len; k++, n /= LETTERS)
				words[count][k] = letters[n % LETTERS];
	is(count, WORDS, "%d words of \"%s\"", WORDS, letters);
	for (size_t i = 0; i < WORDS; i++)
		for (size_t j = 0; j < WORDS; j++) {
			const char *a = words[i], *b = words[j];
			size_t d = distance(a, b);

			check(d == slow(a, strlen(a), b, strlen(b)),
			    "\"%s\" \"%s\": %zu", a, b, d);
			check((d == 0) == (i == j), "\"%s\" \"%s\"", a, b);
		}
	(void)point("each of them to each");
}

static void
long_words(void)
{
	char a[3 * DISTANCE_MAX], b[3 * DISTANCE_MAX];

	for (size_t m = 0; m < sizeof(a); m++)
		for (size_t n = 0; n < sizeof(b); n++) {
			size_t more = m > n ? m - n : n - m;

			memset(a, 'x', m);
			memset(b, 'x', n);
			a[m] = b[n] = '\0';
			if (m >= DISTANCE_MAX || n >= DISTANCE_MAX)
				more = DISTANCE_MAX;
			check(distance(a, b) == more, "%zu %zu octets", m, n);
		}
	(void)point("words of every length around the limit");
}

int
main(void)
{
	every_word();
	long_words();
	return done();
}
