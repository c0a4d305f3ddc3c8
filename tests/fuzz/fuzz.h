/* SPDX-License-Identifier: ISC */
/*
 * What the harnesses share: input taken apart from its front, and properties that
 * end the run when they do not hold.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define must(holds)                                                   \
	do {                                                          \
		if (!(holds)) {                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", \
			    __FILE__, __LINE__, #holds);              \
			abort();                                      \
		}                                                     \
	} while (0)

/* What is left of the input. */
struct input {
	const uint8_t *p;
	size_t len;
};

/* A number of so many octets; 0 for those that are not there. */
static inline uint64_t
take(struct input *in, size_t octets)
{
	uint64_t n = 0;

	while (octets-- > 0 && in->len > 0) {
		n = n << 8 | *in->p++;
		in->len--;
	}
	return n;
}

/*
 * A list of at most most lengths: its count first, then each in two octets.
 */
static inline size_t
take_lengths(struct input *in, size_t *lengths, size_t most)
{
	size_t count = (size_t)take(in, 1) % (most + 1);

	for (size_t i = 0; i < count; i++)
		lengths[i] = (size_t)take(in, 2);
	return count;
}

/* A copy of what is left, in memory that ends with it. */
static inline char *
take_rest(struct input *in)
{
	char *copy = malloc(in->len == 0 ? 1 : in->len);

	must(copy != NULL);
	memcpy(copy, in->p, in->len);
	return copy;
}

/* The same as a string. */
static inline char *
take_string(struct input *in)
{
	char *copy = malloc(in->len + 1);

	must(copy != NULL);
	memcpy(copy, in->p, in->len);
	copy[in->len] = '\0';
	return copy;
}

#endif
