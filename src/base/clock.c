/* SPDX-License-Identifier: ISC */
/* The two clocks: one for deadlines, one for names that must not repeat. */

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "log.h"

int64_t
clock_ms(void)
{
	return clock_ns() / 1000000;
}

int64_t
clock_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t
clock_wall_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		fatal("clock_gettime");
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void
clock_sleep_until(int64_t deadline)
{
	struct timespec ts = {
		.tv_sec = (time_t)(deadline / 1000),
		.tv_nsec = (long)(deadline % 1000) * 1000000,
	};

	while (clock_ms() < deadline &&
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

void
clock_blur(unsigned int most)
{
	uint16_t parts[4];
	struct timespec ts = { .tv_sec = 0 };

	if (getrandom(parts, sizeof(parts), 0) != sizeof(parts))
		fatal("getrandom");
	for (int i = 0; i < 4; i++)
		ts.tv_nsec += (long)((uint64_t)parts[i] * most * 250000 >> 16);
	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		;
}
