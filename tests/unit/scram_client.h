/* SPDX-License-Identifier: ISC */
/* What a client of SCRAM-SHA-256 says (RFC 5802 section 3), told the password. */
#ifndef SCRAM_CLIENT_H
#define SCRAM_CLIENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "hash.h"

enum { SCRAM_TEXT = 4096 };

/*
 * The final message, and the answer that the server owes to it.  header is "n,,"
 * or the like, bare what stood behind it in the first message.  false: the server
 * has sent nothing that a client can go on with.
 */
static inline bool
scram_client(const char *password, const char *header, const char *bare,
    const char *challenge, char final[2][SCRAM_TEXT])
{
	unsigned char salt[256], salted[SHA256_SIZE], key[SHA256_SIZE];
	unsigned char stored[SHA256_SIZE], proof[SHA256_SIZE];
	char nonce[512], salt64[512], binding[512], text[3 * SCRAM_TEXT];
	unsigned int iterations;
	struct hash sum;
	size_t len;

	if (sscanf(challenge, "r=%511[^,],s=%511[^,],i=%u", nonce, salt64,
		&iterations) != 3 ||
	    base64_decode(salt64, strlen(salt64), salt, sizeof(salt), &len) !=
		0)
		return false;
	pbkdf2_sha256(password, salt, len, iterations, salted);
	hmac_sha256(salted, sizeof(salted), "Client Key", 10, key);
	hash_init(&sum, &sha256);
	hash_update(&sum, key, sizeof(key));
	hash_final(&sum, stored);
	base64_encode(header, strlen(header), binding);
	(void)snprintf(text, sizeof(text), "%s,%s,c=%s,r=%s", bare, challenge,
	    binding, nonce);
	hmac_sha256(stored, sizeof(stored), text, strlen(text), proof);
	for (size_t i = 0; i < sizeof(proof); i++)
		proof[i] ^= key[i];
	base64_encode(proof, sizeof(proof), salt64);
	(void)snprintf(
	    final[0], SCRAM_TEXT, "c=%s,r=%s,p=%s", binding, nonce, salt64);
	hmac_sha256(salted, sizeof(salted), "Server Key", 10, key);
	hmac_sha256(key, sizeof(key), text, strlen(text), proof);
	base64_encode(proof, sizeof(proof), salt64);
	(void)snprintf(final[1], SCRAM_TEXT, "v=%s", salt64);
	return true;
}

#endif
