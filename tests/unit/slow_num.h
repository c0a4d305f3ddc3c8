/* SPDX-License-Identifier: ISC */
/* num_parse() by arithmetic on strings. */
#ifndef SLOW_NUM_H
#define SLOW_NUM_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What num_parse() should leave in errno, 0 for a number that fits. */
static inline int
slow_parse(const char *s, uint64_t max, uint64_t *out)
{
	char limit[32];
	size_t len = strlen(s);

	if (len == 0 || strspn(s, "0123456789") != len)
		return EINVAL;
	s += strspn(s, "0");
	len = strlen(s);
	(void)snprintf(limit, sizeof(limit), "%ju", (uintmax_t)max);
	if (max == 0)
		limit[0] = '\0';
	if (len > strlen(limit) ||
	    (len == strlen(limit) && strcmp(s, limit) > 0))
		return ERANGE;
	*out = strtoull(len == 0 ? "0" : s, NULL, 10);
	return 0;
}

#endif
