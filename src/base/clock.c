/* SPDX-License-Identifier: ISC */
/* The clocks. */

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "log.h"

static int64_t
nanoseconds(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) == -1)
		fatal("clock_gettime");
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_ms(void)
{
	return clock_ns() / 1000000;
}

int64_t
clock_ns(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_ns(void)
{
	return (uint64_t)nanoseconds(CLOCK_REALTIME);
}

int64_t
clock_cpu_us(void)
{
	return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1000;
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
