/* SPDX-License-Identifier: ISC */
/*
 * What becomes of a session's mailbox in any protocol: opened and updated, with
 * the log and the refusal.  Runs as: session.
 */
#ifndef MAILDROP_H
#define MAILDROP_H

#include "session.h"

/*
 * Opens the mailbox whose descriptors session.mailbox has and whose locks are
 * taken.  Returns 0, or -1 after a reply that says why not.
 */
int maildrop_open(struct session *);

/*
 * Removes what is marked.  Returns 0 when it is gone for good, or -1 after a
 * reply that says that nothing was deleted, or that this is not certain.
 */
int maildrop_update(struct session *);

#endif
