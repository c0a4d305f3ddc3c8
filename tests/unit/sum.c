/* SPDX-License-Identifier: ISC */
/* What sum64() is for: no accident goes unseen. */

#include "chance.h"
#include "sum.h"
#include "tap.h"

static int
order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Whether all n sums differ; sorts them. */
static void
all_differ(uint64_t *sums, size_t n)
{
	qsort(sums, n, sizeof(*sums), order);
	for (size_t i = 1; i < n; i++)
		check(sums[i] != sums[i - 1], "two sums are %jx",
		    (uintmax_t)sums[i]);
}

static void
short_texts(void)
{
	static uint64_t sums[1 + 256 + 65536];
	size_t n = 0;

	sums[n++] = sum64(0, "", 0);
	for (int a = 0; a < 256; a++) {
		unsigned char text[2] = { (unsigned char)a };

		sums[n++] = sum64(0, text, 1);
		for (int b = 0; b < 256; b++) {
			text[1] = (unsigned char)b;
			sums[n++] = sum64(0, text, 2);
		}
	}
	all_differ(sums, n);
	(void)point("all texts of up to two octets have different sums");
}

static void
zeros(void)
{
	static const unsigned char text[8192];
	static uint64_t sums[sizeof(text)];

	for (size_t len = 0; len < sizeof(text); len++)
		sums[len] = sum64(0, text, len);
	all_differ(sums, sizeof(text));
	(void)point("zeros of every length have different sums");
}

static void
damages(void)
{
	static uint64_t sums[8 * 600 + 600 + 1];
	unsigned char text[600], other[600];

	for (size_t len = 1; len < sizeof(text); len += 1 + len / 3) {
		size_t n = 0;

		for (size_t i = 0; i < len; i++)
			text[i] = (unsigned char)chance_word();
		sums[n++] = sum64(0, text, len);
		memcpy(other, text, len);
		check(sum64(0, other, len) == sums[0], "not the same again");
		for (size_t bit = 0; bit < 8 * len; bit++) {
			other[bit / 8] ^= (unsigned char)(1 << bit % 8);
			sums[n++] = sum64(0, other, len);
			other[bit / 8] = text[bit / 8];
		}
		/* Cut short. */
		for (size_t i = 0; i < len; i++)
			sums[n++] = sum64(0, text, i);
		all_differ(sums, n);
	}
	(void)point("every single bit, and every cut, shows in the sum");
}

static void
places(void)
{
	unsigned char text[256], other[256];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)i;
	for (size_t a = 0; a < sizeof(text); a += 8)
		for (size_t b = a + 8; b < sizeof(text); b += 8) {
			memcpy(other, text, sizeof(text));
			memcpy(other + a, text + b, 8);
			memcpy(other + b, text + a, 8);
			check(sum64(0, text, sizeof(text)) !=
				sum64(0, other, sizeof(text)),
			    "words %zu and %zu", a, b);
		}
	(void)point("words that change places show in the sum");
}

static void
seeds(void)
{
	static uint64_t sums[4 * 256];
	unsigned char text[64];
	uint64_t whole;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)chance_word();
	for (size_t i = 0; i < 1000; i++)
		sums[i] = sum64(i, text, sizeof(text));
	all_differ(sums, 1000);
	whole = sum64(sum64(0, text, 20), text + 20, 44);
	for (size_t cut = 0; cut <= sizeof(text); cut++)
		check((sum64(sum64(0, text, cut), text + cut,
			   sizeof(text) - cut) == whole) == (cut == 20),
		    "cut at %zu", cut);
	/* Not on the alignment of the octets. */
	for (size_t shift = 0; shift < 8; shift++) {
		static unsigned char moved[sizeof(text) + 8];

		memcpy(moved + shift, text, sizeof(text));
		check(sum64(5, moved + shift, sizeof(text)) ==
			sum64(5, text, sizeof(text)),
		    "moved by %zu", shift);
	}
	(void)point("the sum depends on what came before, and on nothing else");
}

int
main(void)
{
	chance_open();
	short_texts();
	zeros();
	damages();
	places();
	seeds();
	return done();
}
