/* SPDX-License-Identifier: ISC */
/* The commands of the original POP, RFC 918.  Runs as: session. */
#ifndef POP1_H
#define POP1_H

#include "session.h"

extern const struct protocol pop1;

#endif
