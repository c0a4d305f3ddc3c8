/* SPDX-License-Identifier: ISC */
/* A checksum against accidents, not against people. */
#ifndef SUM_H
#define SUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of len octets that follow on what gave seed; start with 0. */
uint64_t sum64(uint64_t seed, const void *, size_t len);

#endif
