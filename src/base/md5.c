/* SPDX-License-Identifier: ISC */
/* MD5 (RFC 1321). */

#include <string.h>

#include "hash.h"

static uint32_t
rotate(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

/*
 * One step of a round, with the value of its function given.  The four
 * variables change places after each step, hence a macro.
 */
#define STEP(a, b, value, x, t, s) \
	((a) = (b) + rotate((a) + (value) + (x) + UINT32_C(t), (s)))

#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define I(x, y, z) ((y) ^ ((x) | ~(z)))

/* Four steps of round R: four words, four constants, the round's shifts. */
#define QUAD(R, x0, t0, x1, t1, x2, t2, x3, t3, s0, s1, s2, s3) \
	STEP(a, b, R(b, c, d), x[x0], t0, s0);                  \
	STEP(d, a, R(a, b, c), x[x1], t1, s1);                  \
	STEP(c, d, R(d, a, b), x[x2], t2, s2);                  \
	STEP(b, c, R(c, d, a), x[x3], t3, s3)

/* clang-format off */
/* NOLINTBEGIN(readability-function-size): a row of the RFC's table a line */
static void
transform(uint32_t state[8], const unsigned char *p)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t x[16];

	for (int i = 0; i < 16; i++, p += 4)
		x[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

	QUAD(F,  0, 0xd76aa478,  1, 0xe8c7b756,  2, 0x242070db,  3, 0xc1bdceee, 7, 12, 17, 22);
	QUAD(F,  4, 0xf57c0faf,  5, 0x4787c62a,  6, 0xa8304613,  7, 0xfd469501, 7, 12, 17, 22);
	QUAD(F,  8, 0x698098d8,  9, 0x8b44f7af, 10, 0xffff5bb1, 11, 0x895cd7be, 7, 12, 17, 22);
	QUAD(F, 12, 0x6b901122, 13, 0xfd987193, 14, 0xa679438e, 15, 0x49b40821, 7, 12, 17, 22);

	QUAD(G,  1, 0xf61e2562,  6, 0xc040b340, 11, 0x265e5a51,  0, 0xe9b6c7aa, 5, 9, 14, 20);
	QUAD(G,  5, 0xd62f105d, 10, 0x02441453, 15, 0xd8a1e681,  4, 0xe7d3fbc8, 5, 9, 14, 20);
	QUAD(G,  9, 0x21e1cde6, 14, 0xc33707d6,  3, 0xf4d50d87,  8, 0x455a14ed, 5, 9, 14, 20);
	QUAD(G, 13, 0xa9e3e905,  2, 0xfcefa3f8,  7, 0x676f02d9, 12, 0x8d2a4c8a, 5, 9, 14, 20);

	QUAD(H,  5, 0xfffa3942,  8, 0x8771f681, 11, 0x6d9d6122, 14, 0xfde5380c, 4, 11, 16, 23);
	QUAD(H,  1, 0xa4beea44,  4, 0x4bdecfa9,  7, 0xf6bb4b60, 10, 0xbebfbc70, 4, 11, 16, 23);
	QUAD(H, 13, 0x289b7ec6,  0, 0xeaa127fa,  3, 0xd4ef3085,  6, 0x04881d05, 4, 11, 16, 23);
	QUAD(H,  9, 0xd9d4d039, 12, 0xe6db99e5, 15, 0x1fa27cf8,  2, 0xc4ac5665, 4, 11, 16, 23);

	QUAD(I,  0, 0xf4292244,  7, 0x432aff97, 14, 0xab9423a7,  5, 0xfc93a039, 6, 10, 15, 21);
	QUAD(I, 12, 0x655b59c3,  3, 0x8f0ccc92, 10, 0xffeff47d,  1, 0x85845dd1, 6, 10, 15, 21);
	QUAD(I,  8, 0x6fa87e4f, 15, 0xfe2ce6e0,  6, 0xa3014314, 13, 0x4e0811a1, 6, 10, 15, 21);
	QUAD(I,  4, 0xf7537e82, 11, 0xbd3af235,  2, 0x2ad7d2bb,  9, 0xeb86d391, 6, 10, 15, 21);

	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	explicit_bzero(x, sizeof(x));
}
/* NOLINTEND(readability-function-size) */
/* clang-format on */

const struct hash_kind md5 = {
	.size = MD5_SIZE,
	.start = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 },
	.transform = transform,
};
