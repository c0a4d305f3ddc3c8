/* SPDX-License-Identifier: ISC */
/* SHA-256 (FIPS 180-4), HMAC (RFC 2104), PBKDF2 (RFC 8018 section 5.2). */

#include <string.h>

#include "sha256.h"

/* clang-format off */
/* Of the cube roots of the first 64 primes, what is behind the point. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The same of the square roots of the first eight. */
static const uint32_t start[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};
/* clang-format on */

static uint32_t
rotate(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/* The 16 words of a block become 64 (FIPS 180-4 section 6.2.2). */
static void
schedule(uint32_t w[64], const unsigned char *p)
{
	uint32_t s0, s1;

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | (uint32_t)p[3];
	for (int i = 16; i < 64; i++) {
		s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^
		    w[i - 15] >> 3;
		s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^
		    w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
}

static void
transform(uint32_t state[8], const unsigned char *p)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[64], t1, t2;

	schedule(w, p);
	for (int i = 0; i < 64; i++) {
		t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
		    (g ^ (e & (f ^ g))) + constants[i] + w[i];
		t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
		    ((a & b) | (c & (a | b)));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
	explicit_bzero(w, sizeof(w));
}

void
sha256_init(struct sha256 *s)
{
	memcpy(s->state, start, sizeof(start));
	s->length = 0;
}

void
sha256_update(struct sha256 *s, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t used = s->length % 64, room = 64 - used;

	s->length += len;
	if (used > 0) {
		if (len < room) {
			memcpy(s->block + used, p, len);
			return;
		}
		memcpy(s->block + used, p, room);
		transform(s->state, s->block);
		p += room;
		len -= room;
	}
	for (; len >= 64; p += 64, len -= 64)
		transform(s->state, p);
	memcpy(s->block, p, len);
}

void
sha256_final(struct sha256 *s, unsigned char digest[SHA256_SIZE])
{
	static const unsigned char padding[64] = { 0x80 };
	unsigned char length[8];
	size_t used = s->length % 64;

	for (unsigned int i = 0; i < 8; i++)
		length[i] = (unsigned char)(s->length << 3 >> (56 - 8 * i));
	sha256_update(s, padding, used < 56 ? 56 - used : 120 - used);
	sha256_update(s, length, sizeof(length));
	for (unsigned int i = 0; i < SHA256_SIZE; i++)
		digest[i] = (unsigned char)(s->state[i / 4] >>
		    (24 - 8 * (i % 4)));
	explicit_bzero(s, sizeof(*s));
}

/* A key, taken in by the inner and the outer hash: each use starts from a copy. */
struct keyed {
	struct sha256 inner, outer;
};

static void
set_key(struct keyed *k, const void *key, size_t len)
{
	unsigned char pad[64] = { 0 };
	struct sha256 s;

	if (len > sizeof(pad)) {
		sha256_init(&s);
		sha256_update(&s, key, len);
		sha256_final(&s, pad);
	} else if (len > 0) {
		memcpy(pad, key, len);
	}
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	sha256_init(&k->inner);
	sha256_update(&k->inner, pad, sizeof(pad));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&k->outer);
	sha256_update(&k->outer, pad, sizeof(pad));
	explicit_bzero(pad, sizeof(pad));
}

/* inner has taken the data in; mac may be where that was. */
static void
finish(
    const struct keyed *k, struct sha256 *inner, unsigned char mac[SHA256_SIZE])
{
	struct sha256 outer = k->outer;

	sha256_final(inner, mac);
	sha256_update(&outer, mac, SHA256_SIZE);
	sha256_final(&outer, mac);
}

void
hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[SHA256_SIZE])
{
	struct keyed k;

	set_key(&k, key, keylen);
	sha256_update(&k.inner, data, len);
	finish(&k, &k.inner, mac);
	explicit_bzero(&k, sizeof(k));
}

void
pbkdf2_sha256(const char *password, const void *salt, size_t saltlen,
    uint32_t iterations, unsigned char key[SHA256_SIZE])
{
	static const unsigned char first[4] = { 0, 0, 0, 1 };
	unsigned char u[SHA256_SIZE];
	struct sha256 inner;
	struct keyed k;

	set_key(&k, password, strlen(password));
	inner = k.inner;
	sha256_update(&inner, salt, saltlen);
	sha256_update(&inner, first, sizeof(first));
	finish(&k, &inner, u);
	memcpy(key, u, sizeof(u));
	while (--iterations > 0) {
		inner = k.inner;
		sha256_update(&inner, u, sizeof(u));
		finish(&k, &inner, u);
		for (size_t i = 0; i < sizeof(u); i++)
			key[i] ^= u[i];
	}
	explicit_bzero(u, sizeof(u));
	explicit_bzero(&k, sizeof(k));
}
