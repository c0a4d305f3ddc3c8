/* SPDX-License-Identifier: ISC */
/* A checksum against accidents, not against people. */

#include <string.h>

#include "sum.h"

/*
 * FNV-1a over words of eight octets instead of single ones, with a shift that
 * lets the high bits of a word reach the low bits of the sum.
 */
uint64_t
sum64(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t sum = seed ^ UINT64_C(0xcbf29ce484222325), word;

	sum = (sum ^ len) * UINT64_C(0x100000001b3);
	while (len > 0) {
		size_t n = len < sizeof(word) ? len : sizeof(word);

		word = 0;
		memcpy(&word, p, n);
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
		sum ^= sum >> 29;
		p += n;
		len -= n;
	}
	return sum;
}
