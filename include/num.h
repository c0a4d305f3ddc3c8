/* SPDX-License-Identifier: ISC */
/* Decimal numbers as people type and read them, and numbers as sizes. */
#ifndef NUM_H
#define NUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads s as a decimal number up to max: digits and nothing else, no sign, no
 * blank, no empty string.  Returns 0, or -1 with errno EINVAL (not a number) or
 * ERANGE (a number, but larger than max).
 */
int num_parse(const char *s, uint64_t max, uint64_t *out);

/*
 * A number as a size for calloc() and mmap(): what no size can be, where they have
 * 32 bits, becomes the greatest one, which nobody gives.
 */
static inline size_t
num_size(uint64_t n)
{
	return n < SIZE_MAX ? (size_t)n : SIZE_MAX;
}

/* Writes n in decimal digits, at most NUM_DIGITS; returns how many.  No NUL. */
enum { NUM_DIGITS = 20 };

size_t num_print(uint64_t n, char *digits);

/* Writes octets as twice so many lower-case hexadecimal digits, and a NUL. */
void num_hex(const unsigned char *octets, size_t count, char *digits);

/* A number and its plural, for "%ju octet%s". */
#define PLURAL(n) ((uintmax_t)(n)), ((n) == 1 ? "" : "s")

#endif
