/* SPDX-License-Identifier: ISC */
/*
 * The process that has the Users directory and reads no client octet: it sees to it
 * that some attendant waits for the next session that registers, and nothing more,
 * so that nothing in it can be confused.  Runs as: keeper.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "attendant.h"

struct keeper_links {
	int registrations; /* attendants take them from there */
	int call;   /* a pipe: whoever takes one and leaves nobody idle */
	int called; /* says so; its other end, the keeper's alone */
};

/*
 * Runs until nobody is left who could register; at most most attendants run at a
 * time.  If it dies, sessions that are waiting then are served by those who are
 * idle; were all at work, by the first who is not.  The descriptors of the links
 * are in this order, one above the other, and none above them is open; what
 * settings and the log use is below.
 */
void keeper_run(const struct attendant_settings *, const struct keeper_links *,
    unsigned int most);

#endif
