/* SPDX-License-Identifier: ISC */
/*
 * What a session does before it reads the first octet of its client, and can do no
 * more after that: nobody has had a word in what it is until then.
 * Runs as: session.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdint.h>

#include "channel.h"

/* What a session begins with. */
struct session_links {
	int in, out; /* the client's */
	int keeper;  /* takes registrations; or -1 */
	int call;    /* a pipe to the keeper, which breaks when that is gone */
	int channel; /* to the attendant, where there is no keeper */
};

/*
 * Registers the session with the attendants, one of which takes it, if its client
 * has said something; lets go of them and the keeper, and of what a session does
 * not need.  Returns the channel to the attendant, or -1: nobody can log in.
 */
int threshold_cross(const struct session_links *, const struct registration *,
    int64_t deadline);

#endif
