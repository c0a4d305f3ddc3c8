/* SPDX-License-Identifier: ISC */
/* The commands of POP3, a table for each state.  Runs as: session. */
#ifndef POP3_H
#define POP3_H

#include "session.h"

extern const struct protocol pop3;
extern const struct state pop3_authorization; /* RFC 1939 sections 4 and 7 */
extern const struct state pop3_transaction;   /* RFC 1939 section 5 */

/* Means the same in both states. */
enum next pop3_capa(struct session *, char **arg);
enum next pop3_lang(struct session *, char **arg);

#endif
