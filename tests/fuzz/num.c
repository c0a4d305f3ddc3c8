/* SPDX-License-Identifier: ISC */
/*
 * Property: num_parse() says of every string and every limit what arithmetic on
 * the digits says.
 */

#include <errno.h>

#include "fuzz.h"
#include "num.h"
#include "slow_num.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint64_t max = take(&in, 8) >> take(&in, 1) % 64, got = 0, want = 0;
	char *s = take_string(&in);
	int error = slow_parse(s, max, &want);
	int status = num_parse(s, max, &got);

	if (error == 0)
		must(status == 0 && got == want);
	else
		must(status == -1 && errno == error);
	free(s);
	return 0;
}
