/* SPDX-License-Identifier: ISC */
/* Base64 (RFC 4648 section 4). */

#include <stdint.h>
#include <string.h>

#include "base64.h"

/* The last is padding and no digit. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/=";
enum { PADDING = 64 };

void
base64_encode(const void *data, size_t len, char *text)
{
	const unsigned char *p = data;
	uint32_t bits;

	for (; len > 0; p += 3, text += 4) {
		bits = (uint32_t)p[0] << 16;
		if (len > 1)
			bits |= (uint32_t)p[1] << 8;
		if (len > 2)
			bits |= p[2];
		text[0] = digits[bits >> 18];
		text[1] = digits[bits >> 12 & 63];
		text[2] = digits[len > 1 ? bits >> 6 & 63 : PADDING];
		text[3] = digits[len > 2 ? bits & 63 : PADDING];
		len -= len > 2 ? 3 : len;
	}
	*text = '\0';
}

/* Four digits, of which the last ones may be padding.  How many octets, or -1. */
static int
quantum(const char *text, unsigned char octets[3])
{
	int count = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
	uint32_t bits = 0;

	for (int i = 0; i <= count; i++) {
		const char *digit = memchr(digits, text[i], PADDING);

		if (digit == NULL)
			return -1;
		bits |= (uint32_t)(digit - digits) << (18 - 6 * i);
	}
	octets[0] = (unsigned char)(bits >> 16);
	octets[1] = (unsigned char)(bits >> 8);
	octets[2] = (unsigned char)bits;
	return count < 3 && octets[count] != 0 ? -1 : count;
}

int
base64_decode(
    const char *text, size_t len, void *data, size_t size, size_t *got)
{
	unsigned char *to = data, octets[3];
	int count = 3;

	*got = 0;
	if (len % 4 != 0)
		return -1;
	/* Behind padding there is nothing. */
	for (; len > 0 && count == 3; text += 4, len -= 4) {
		count = quantum(text, octets);
		if (count == -1 || size - *got < (size_t)count)
			break;
		memcpy(to + *got, octets, (size_t)count);
		*got += (size_t)count;
	}
	explicit_bzero(octets, sizeof(octets));
	return len == 0 ? 0 : -1;
}
