/* SPDX-License-Identifier: ISC */
/* How far a word is from another, to guess what was meant. */
#ifndef DISTANCE_H
#define DISTANCE_H

#include <stddef.h>

/* What is longer is not looked at. */
enum { DISTANCE_MAX = 32 };

/*
 * How many octets to add, leave out, change, or swap with their neighbour turn
 * one string into the other, each octet touched once at most; DISTANCE_MAX when
 * either is of that length or longer.
 */
size_t distance(const char *, const char *);

#endif
