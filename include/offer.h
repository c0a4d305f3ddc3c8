/* SPDX-License-Identifier: ISC */
/* Which mechanisms a site can serve.  Runs as: master, attendant. */
#ifndef OFFER_H
#define OFFER_H

#include "confine.h"
#include "secret.h"
#include "users.h"

/*
 * A bit for each enum sasl_mechanism that every password line can serve: a client
 * takes what it likes best and tries no other.  Lines that let nobody in do not
 * count, nor more mailboxes than a thousand.  Where none does, it is what serves
 * every line: PLAIN and LOGIN.  The master asks when it starts, and a child of it
 * looks, as the keeper: what that cannot read counts for nothing.
 */
unsigned int
offer_mechanisms(const struct users *, const struct confine_identity *keeper);

/* The same for a line, 0 for one that lets nobody in. */
unsigned int offer_of_line(const struct secret *);

#endif
