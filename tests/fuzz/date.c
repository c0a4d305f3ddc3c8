/* SPDX-License-Identifier: ISC */
/*
 * Property: mbox_date() says of every octets what regular expressions and the
 * system's calendar say.
 */

#include "fuzz.h"
#include "slow_date.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	must(mbox_date(data, size) == slow_date((const char *)data, size));
	return 0;
}
