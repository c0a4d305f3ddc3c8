/* SPDX-License-Identifier: ISC */
/*
 * MD5 (RFC 1321), for APOP (RFC 1939 section 7) and CRAM-MD5 (RFC 2195), no use of
 * which needs collisions to be hard to find.  SHA-256 (FIPS 180-4), for SCRAM
 * (RFC 5802, RFC 7677) and for what is kept only as a keyed hash.  What is made of
 * them: HMAC (RFC 2104) and PBKDF2 (RFC 8018 section 5.2).
 */
#ifndef HASH_H
#define HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MD5_SIZE = 16, SHA256_SIZE = 32, HASH_BLOCK = 64 };

struct hash_kind {
	size_t size; /* octets of a digest */
	bool big;    /* of a word the highest octet comes first */
	uint32_t start[8];
	void (*transform)(uint32_t state[8], const unsigned char *block);
};

extern const struct hash_kind md5, sha256;

struct hash {
	const struct hash_kind *kind;
	uint32_t state[8];
	uint64_t length; /* octets so far */
	unsigned char block[HASH_BLOCK];
};

void hash_init(struct hash *, const struct hash_kind *);
void hash_update(struct hash *, const void *, size_t);
/* Yields the digest, of kind->size octets, and wipes the struct. */
void hash_final(struct hash *, unsigned char *digest);

void hmac_md5(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[MD5_SIZE]);
void hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[SHA256_SIZE]);

/* A key of the size of one digest; iterations is not 0. */
void pbkdf2_sha256(const char *password, const void *salt, size_t saltlen,
    uint32_t iterations, unsigned char key[SHA256_SIZE]);

#endif
