/* SPDX-License-Identifier: ISC */
/*
 * Random input that can be had again: the environment's SEED, or a fixed one, so
 * that a failure of yesterday is one of today.
 */
#ifndef CHANCE_H
#define CHANCE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t chance_state;

static inline void
chance_open(void)
{
	const char *seed = getenv("SEED");

	chance_state = seed == NULL ? 1 : strtoull(seed, NULL, 10);
	printf("# SEED=%ju\n", (uintmax_t)chance_state);
}

/* splitmix64 */
static inline uint64_t
chance_word(void)
{
	uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A number below n, which is not 0. */
static inline size_t
chance(size_t n)
{
	return (size_t)(chance_word() % n);
}

/* One of the octets of a string with its length. */
static inline char
chance_of(const char *octets, size_t len)
{
	return octets[chance(len)];
}

#endif
