/* SPDX-License-Identifier: ISC */
/* The clocks: one for deadlines, one for dates and names, one for prices. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock; deadlines are values of it. */
int64_t clock_ms(void);

/* The same clock, in nanoseconds. */
int64_t clock_ns(void);

/* Nanoseconds since 1970. */
uint64_t clock_wall_ns(void);

/* Microseconds of processor time that this process has had. */
int64_t clock_cpu_us(void);

/* Sleeps until the monotonic clock reads deadline; returns at once if past. */
void clock_sleep_until(int64_t deadline);

/*
 * Sleeps for a random part of so many milliseconds, at most 1,000: the sum of four,
 * so that it has no sharp edge, which many samples would find.
 */
void clock_blur(unsigned int most);

#endif
