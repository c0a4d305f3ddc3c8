/* SPDX-License-Identifier: ISC */
/* XXH64, as its author specifies it (doc/xxhash_spec.md of xxHash). */

#include <endian.h>
#include <string.h>

#include "xxh64.h"

static const uint64_t prime1 = UINT64_C(0x9e3779b185ebca87);
static const uint64_t prime2 = UINT64_C(0xc2b2ae3d27d4eb4f);
static const uint64_t prime3 = UINT64_C(0x165667b19e3779f9);
static const uint64_t prime4 = UINT64_C(0x85ebca77c2b2ae63);
static const uint64_t prime5 = UINT64_C(0x27d4eb2f165667c5);

static uint64_t
rotate(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

/* Eight octets, the lowest first. */
static uint64_t
word(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

static uint64_t
half_word(const unsigned char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static uint64_t
mix(uint64_t lane, uint64_t n)
{
	return rotate(lane + n * prime2, 31) * prime1;
}

/* Whole blocks. */
static void
take(uint64_t lane[4], const unsigned char *p, size_t len)
{
	uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3];

	for (; len >= XXH64_BLOCK; p += XXH64_BLOCK, len -= XXH64_BLOCK) {
		a = mix(a, word(p));
		b = mix(b, word(p + 8));
		c = mix(c, word(p + 16));
		d = mix(d, word(p + 24));
	}
	lane[0] = a;
	lane[1] = b;
	lane[2] = c;
	lane[3] = d;
}

void
xxh64_init(struct xxh64 *x)
{
	x->lane[0] = prime1 + prime2;
	x->lane[1] = prime2;
	x->lane[2] = 0;
	x->lane[3] = 0 - prime1;
	x->length = 0;
}

void
xxh64_update(struct xxh64 *x, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t used = x->length % XXH64_BLOCK, room = XXH64_BLOCK - used;

	x->length += len;
	if (used > 0) {
		if (len < room) {
			memcpy(x->block + used, p, len);
			return;
		}
		memcpy(x->block + used, p, room);
		take(x->lane, x->block, XXH64_BLOCK);
		p += room;
		len -= room;
	}
	take(x->lane, p, len);
	memcpy(
	    x->block, p + len / XXH64_BLOCK * XXH64_BLOCK, len % XXH64_BLOCK);
}

/* The lanes become one. */
static uint64_t
join(const uint64_t lane[4])
{
	uint64_t h = rotate(lane[0], 1) + rotate(lane[1], 7) +
	    rotate(lane[2], 12) + rotate(lane[3], 18);

	for (int i = 0; i < 4; i++)
		h = (h ^ mix(0, lane[i])) * prime1 + prime4;
	return h;
}

void
xxh64_final(const struct xxh64 *x, unsigned char hash[XXH64_SIZE])
{
	const unsigned char *p = x->block;
	size_t len = x->length % XXH64_BLOCK;
	uint64_t h = x->length < XXH64_BLOCK ? prime5 : join(x->lane);

	h += x->length;
	for (; len >= 8; p += 8, len -= 8)
		h = rotate(h ^ mix(0, word(p)), 27) * prime1 + prime4;
	for (; len >= 4; p += 4, len -= 4)
		h = rotate(h ^ half_word(p) * prime1, 23) * prime2 + prime3;
	for (; len > 0; p++, len--)
		h = rotate(h ^ *p * prime5, 11) * prime1;
	h = (h ^ h >> 33) * prime2;
	h = (h ^ h >> 29) * prime3;
	h ^= h >> 32;
	for (unsigned int i = 0; i < XXH64_SIZE; i++)
		hash[i] = (unsigned char)(h >> (56 - 8 * i));
}
