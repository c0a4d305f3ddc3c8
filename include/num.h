/* SPDX-License-Identifier: ISC */
/* Decimal numbers as people type and read them. */
#ifndef NUM_H
#define NUM_H

#include <stdint.h>

/*
 * Reads s as a decimal number up to max: digits and nothing else, no sign, no
 * blank, no empty string.  Returns 0, or -1 with errno EINVAL (not a number) or
 * ERANGE (a number, but larger than max).
 */
int num_parse(const char *s, uint64_t max, uint64_t *out);

/* A number and its plural, for "%ju octet%s". */
#define PLURAL(n) ((uintmax_t)(n)), ((n) == 1 ? "" : "s")

#endif
