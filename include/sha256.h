/* SPDX-License-Identifier: ISC */
/*
 * SHA-256 (FIPS 180-4), and what is made of it: HMAC (RFC 2104) and PBKDF2
 * (RFC 8018 section 5.2), for SCRAM (RFC 5802, RFC 7677) and for what is kept only
 * as a keyed hash.
 */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* octets so far */
	unsigned char block[64];
};

void sha256_init(struct sha256 *);
void sha256_update(struct sha256 *, const void *, size_t);
/* Yields the digest and wipes the struct. */
void sha256_final(struct sha256 *, unsigned char digest[SHA256_SIZE]);

void hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[SHA256_SIZE]);

/* A key of the size of one digest; iterations is not 0. */
void pbkdf2_sha256(const char *password, const void *salt, size_t saltlen,
    uint32_t iterations, unsigned char key[SHA256_SIZE]);

#endif
