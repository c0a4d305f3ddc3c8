/* SPDX-License-Identifier: ISC */
/* Base64 (RFC 4648 section 4), for AUTH (RFC 5034) and password lines. */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

/* Room for so many octets as text, with its NUL. */
#define BASE64_TEXT(octets) (((octets) + 2) / 3 * 4 + 1)

/* Writes BASE64_TEXT(len) characters, the last a NUL. */
void base64_encode(const void *data, size_t len, char *text);

/*
 * Yields what len characters stand for; *got is how many octets, of which size
 * have room.  Only what base64_encode() writes is taken: no other characters, no
 * piece without its padding, no bits that stand for nothing.  Returns 0, or -1.
 */
int base64_decode(
    const char *text, size_t len, void *data, size_t size, size_t *got);

#endif
