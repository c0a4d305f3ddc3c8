/* SPDX-License-Identifier: ISC */
/* Property: utf8_is_well_formed() says of every string what arithmetic says. */

#include "fuzz.h"
#include "slow_utf8.h"
#include "utf8.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *s = take_string(&in);

	must(utf8_is_well_formed(s) == slow_is_well_formed(s));
	free(s);
	return 0;
}
