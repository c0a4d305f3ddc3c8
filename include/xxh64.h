/* SPDX-License-Identifier: ISC */
/*
 * XXH64, a fast hash against accidents, not against people; with seed 0, as
 * `xxhsum -H64' prints it.
 */
#ifndef XXH64_H
#define XXH64_H

#include <stddef.h>
#include <stdint.h>

enum { XXH64_SIZE = 8, XXH64_BLOCK = 32 };

struct xxh64 {
	uint64_t lane[4];
	uint64_t length; /* octets so far */
	unsigned char block[XXH64_BLOCK];
};

void xxh64_init(struct xxh64 *);
void xxh64_update(struct xxh64 *, const void *, size_t);
/* Yields the hash, its highest octet first. */
void xxh64_final(const struct xxh64 *, unsigned char hash[XXH64_SIZE]);

#endif
