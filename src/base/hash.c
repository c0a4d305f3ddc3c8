/* SPDX-License-Identifier: ISC */
/* What MD5 and SHA-256 have in common, HMAC, PBKDF2. */

#include <endian.h>
#include <string.h>

#include "hash.h"

void
hash_init(struct hash *h, const struct hash_kind *kind)
{
	h->kind = kind;
	memcpy(h->state, kind->start, sizeof(h->state));
	h->length = 0;
}

void
hash_update(struct hash *h, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t used = h->length % HASH_BLOCK, room = HASH_BLOCK - used;

	h->length += len;
	if (used > 0) {
		if (len < room) {
			memcpy(h->block + used, p, len);
			return;
		}
		memcpy(h->block + used, p, room);
		h->kind->transform(h->state, h->block);
		p += room;
		len -= room;
	}
	for (; len >= HASH_BLOCK; p += HASH_BLOCK, len -= HASH_BLOCK)
		h->kind->transform(h->state, p);
	memcpy(h->block, p, len);
}

void
hash_final(struct hash *h, unsigned char *digest)
{
	static const unsigned char padding[HASH_BLOCK] = { 0x80 };
	const struct hash_kind *kind = h->kind;
	size_t used = h->length % HASH_BLOCK;
	uint64_t bits = h->length << 3;
	uint32_t word;

	bits = kind->big ? htobe64(bits) : htole64(bits);
	hash_update(h, padding, used < 56 ? 56 - used : 120 - used);
	hash_update(h, &bits, sizeof(bits));
	for (size_t i = 0; i < kind->size; i += sizeof(word)) {
		word = h->state[i / sizeof(word)];
		word = kind->big ? htobe32(word) : htole32(word);
		memcpy(digest + i, &word, sizeof(word));
	}
	explicit_bzero(h, sizeof(*h));
}

/* A key, taken in by the inner and the outer hash: each use starts from a copy. */
struct keyed {
	struct hash inner, outer;
};

static void
set_key(
    struct keyed *k, const struct hash_kind *kind, const void *key, size_t len)
{
	unsigned char pad[HASH_BLOCK] = { 0 };

	hash_init(&k->inner, kind);
	if (len > sizeof(pad)) {
		hash_update(&k->inner, key, len);
		hash_final(&k->inner, pad);
		hash_init(&k->inner, kind);
	} else if (len > 0) {
		memcpy(pad, key, len);
	}
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	hash_update(&k->inner, pad, sizeof(pad));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_init(&k->outer, kind);
	hash_update(&k->outer, pad, sizeof(pad));
	explicit_bzero(pad, sizeof(pad));
}

/* inner has taken the data in; mac may be where that was. */
static void
finish(const struct keyed *k, struct hash *inner, unsigned char *mac)
{
	struct hash outer = k->outer;

	hash_final(inner, mac);
	hash_update(&outer, mac, outer.kind->size);
	hash_final(&outer, mac);
}

/* Of data that is whole; the key is wiped. */
static void
sign(struct keyed *k, const void *data, size_t len, unsigned char *mac)
{
	hash_update(&k->inner, data, len);
	finish(k, &k->inner, mac);
	explicit_bzero(k, sizeof(*k));
}

void
hmac_md5(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[MD5_SIZE])
{
	struct keyed k;

	set_key(&k, &md5, key, keylen);
	sign(&k, data, len, mac);
}

void
hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[SHA256_SIZE])
{
	struct keyed k;

	set_key(&k, &sha256, key, keylen);
	sign(&k, data, len, mac);
}

void
pbkdf2_sha256(const char *password, const void *salt, size_t saltlen,
    uint32_t iterations, unsigned char key[SHA256_SIZE])
{
	static const unsigned char first[4] = { 0, 0, 0, 1 };
	unsigned char u[SHA256_SIZE] = { 0 };
	struct hash inner;
	struct keyed k;

	set_key(&k, &sha256, password, strlen(password));
	inner = k.inner;
	hash_update(&inner, salt, saltlen);
	hash_update(&inner, first, sizeof(first));
	finish(&k, &inner, u);
	memcpy(key, u, sizeof(u));
	while (--iterations > 0) {
		inner = k.inner;
		hash_update(&inner, u, sizeof(u));
		finish(&k, &inner, u);
		for (size_t i = 0; i < sizeof(u); i++)
			key[i] ^= u[i];
	}
	explicit_bzero(u, sizeof(u));
	explicit_bzero(&k, sizeof(k));
}
