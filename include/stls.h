/* SPDX-License-Identifier: ISC */
/*
 * STLS: RFC 2595 section 4.  TLS is another process's business: one that the
 * launcher starts, or the server that has started this one (UCSPI-TLS).
 * Runs as: session.
 */
#ifndef STLS_H
#define STLS_H

#include "session.h"

/* Whether STLS may be said now. */
bool stls_is_offered(const struct session *);

enum next stls_begin(struct session *, char **arg);

#endif
