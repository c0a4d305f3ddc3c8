/* SPDX-License-Identifier: ISC */
/* How far a word is from another. */

#include <stdbool.h>
#include <string.h>

#include "distance.h"

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
distance(const char *a, const char *b)
{
	/* far[i][j]: from the first i octets of a to the first j of b. */
	size_t far[DISTANCE_MAX][DISTANCE_MAX];
	size_t m = strlen(a), n = strlen(b);

	if (m >= DISTANCE_MAX || n >= DISTANCE_MAX)
		return DISTANCE_MAX;
	for (size_t i = 0; i <= m; i++)
		far[i][0] = i;
	for (size_t j = 0; j <= n; j++)
		far[0][j] = j;
	for (size_t i = 1; i <= m; i++)
		for (size_t j = 1; j <= n; j++) {
			far[i][j] = far[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			far[i][j] = least(far[i][j], far[i - 1][j] + 1);
			far[i][j] = least(far[i][j], far[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				far[i][j] = least(
				    far[i][j], far[i - 2][j - 2] + 1);
		}
	return far[m][n];
}
