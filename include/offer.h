/* SPDX-License-Identifier: ISC */
/* Which mechanisms a site can serve.  Runs as: master, when it starts. */
#ifndef OFFER_H
#define OFFER_H

#include "users.h"

/*
 * A bit for each enum sasl_mechanism that every password line can serve: a client
 * takes what it likes best and tries no other.  Lines that let nobody in do not
 * count, nor more mailboxes than a thousand.
 */
unsigned int offer_mechanisms(const struct users *);

#endif
