/* SPDX-License-Identifier: ISC */
/* Sleeping by the clocks. */

#include "clock.h"
#include "tap.h"

static void
until(void)
{
	int64_t deadline = clock_ms() + 5;

	clock_sleep_until(deadline);
	ok(clock_ms() >= deadline, "a sleep lasts until its deadline");
}

/* Others may want the processor: that something was short says more. */
static void
blur(void)
{
	enum { MOST = 4, TRIES = 200 };
	int64_t before, took, least = INT64_MAX;
	int lower = 0;

	for (int i = 0; i < TRIES; i++) {
		before = clock_ns();
		clock_blur(MOST);
		took = clock_ns() - before;
		if (took < least)
			least = took;
		lower += took < (int64_t)MOST * 1000000 / 2;
	}
	ok(least < (int64_t)MOST * 1000000 / 2,
	    "a random part may be small: %jd ns", (intmax_t)least);
	ok(lower < TRIES * 9 / 10, "and large: %d of %d are in the lower half",
	    lower, TRIES);
}

int
main(void)
{
	until();
	blur();
	return done();
}
