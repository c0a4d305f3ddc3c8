/* SPDX-License-Identifier: ISC */
/*
 * An index file as somebody would write it who knows its form: whatever it says,
 * its sums are right.
 */
#ifndef FORGE_INDEX_H
#define FORGE_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "index.h"
#include "sum.h"

enum {
	FORGE_PAGE = sizeof(struct index_page),
	/* Of the header: behind magic and subject; behind that and a time. */
	FORGE_TOTALS_AT = 8 + sizeof(struct index_subject),
	FORGE_SUM_AT = FORGE_TOTALS_AT + sizeof(struct index_totals) + 8,
};

/* Makes the sums right of the header and of so many pages behind it. */
static inline void
forge_sums(unsigned char *file, size_t pages)
{
	uint64_t sum = sum64(0, file, FORGE_SUM_AT);
	struct index_page page;

	memcpy(file + FORGE_SUM_AT, &sum, sizeof(sum));
	for (size_t i = 1; i <= pages; i++) {
		memcpy(&page, file + i * FORGE_PAGE, FORGE_PAGE);
		sum = sum64(0, page.entries, sizeof(page.entries));
		page.sum = sum64(sum, &page.build,
		    FORGE_PAGE - offsetof(struct index_page, build));
		memcpy(file + i * FORGE_PAGE, &page, FORGE_PAGE);
	}
}

#endif
