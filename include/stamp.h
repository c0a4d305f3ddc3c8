/* SPDX-License-Identifier: ISC */
/* The machine's name, and the APOP timestamp (RFC 1939 section 7). */
#ifndef STAMP_H
#define STAMP_H

#include <sys/types.h>

#include <stdint.h>

#include "channel.h"
#include "session.h"

/*
 * Writes a machine's name as clients can take it: letters, digits, '-' and single
 * inner dots, "localhost" if nothing is left.
 */
void stamp_host(const char *name, char host[SESSION_HOST]);

/* A wall clock in nanoseconds that never gives a value twice in a process. */
uint64_t stamp_clock(void);

/* "<process-ID.clock@host>". */
void stamp_write(
    char stamp[CHANNEL_STAMP], pid_t pid, uint64_t clock, const char *host);

#endif
