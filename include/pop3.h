/* SPDX-License-Identifier: ISC */
/* The commands of POP3.  Runs as: session. */
#ifndef POP3_H
#define POP3_H

#include "session.h"

extern const struct protocol pop3;

/* The handler of CAPA. */
enum next pop3_capa(struct session *, char **arg);

#endif
