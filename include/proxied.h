/* SPDX-License-Identifier: ISC */
/* A client behind a proxy.  Runs as: session. */
#ifndef PROXIED_H
#define PROXIED_H

#include "session.h"

/*
 * Reads what the proxy says of its client, before the greeting; what the client
 * says stays.  From then on the session's peer is the client, and the attendant
 * has been told.  0, or -1 with the reason set.
 */
int proxied_meet(struct session *);

#endif
