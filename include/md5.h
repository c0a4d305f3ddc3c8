/* SPDX-License-Identifier: ISC */
/*
 * MD5 (RFC 1321), for APOP (RFC 1939 section 7) and CRAM-MD5 (RFC 2195).  No use
 * needs collisions to be hard to find.
 */
#ifndef MD5_H
#define MD5_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_SIZE = 16 };

struct md5 {
	uint32_t state[4];
	uint64_t length; /* octets so far */
	unsigned char block[64];
};

void md5_init(struct md5 *);
void md5_update(struct md5 *, const void *, size_t);
/* Yields the digest and wipes the struct. */
void md5_final(struct md5 *, unsigned char digest[MD5_SIZE]);

/* HMAC-MD5 (RFC 2104). */
void hmac_md5(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char mac[MD5_SIZE]);

/* Writes a digest as 32 lower-case hexadecimal digits and a NUL. */
void md5_hex(const unsigned char digest[MD5_SIZE], char hex[2 * MD5_SIZE + 1]);

#endif
