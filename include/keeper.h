/* SPDX-License-Identifier: ISC */
/*
 * The process that has the Users directory and reads no client octet: it finds
 * an attendant for each session that registers, and nothing more, so that nothing
 * in it can be confused.  Runs as: keeper.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "attendant.h"

/*
 * Takes registrations from fd until nobody is left who could register; at most
 * most attendants run at a time.  Descriptors above the last one that settings, fd
 * and the log use are not open.
 */
void keeper_run(const struct attendant_settings *, int fd, unsigned int most);

#endif
