/* SPDX-License-Identifier: ISC */
/* Decimal numbers as clients and administrators type them. */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "num.h"

int
num_parse(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t digit, n = 0;
	bool fits = true;

	if (*s == '\0') {
		errno = EINVAL;
		return -1;
	}
	/* The rest is read even when it is too large: "999x" is no number. */
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9') {
			errno = EINVAL;
			return -1;
		}
		digit = (uint64_t)(*s - '0');
		if (digit > max || n > (max - digit) / 10)
			fits = false;
		else
			n = n * 10 + digit;
	}
	if (!fits) {
		errno = ERANGE;
		return -1;
	}
	*out = n;
	return 0;
}

size_t
num_print(uint64_t n, char *digits)
{
	char text[NUM_DIGITS];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	memcpy(digits, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}

void
num_hex(const unsigned char *octets, size_t count, char *digits)
{
	static const char all[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*digits++ = all[octets[i] >> 4];
		*digits++ = all[octets[i] & 15];
	}
	*digits = '\0';
}
