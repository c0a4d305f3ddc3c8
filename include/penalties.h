/* SPDX-License-Identifier: ISC */
/*
 * The file .restante/penalties: who has failed lately, and what the most expensive
 * password line in use costs.  All attendants share it, those of every start from
 * inetd, too.  Nothing in it is needed: what does not fit is taken for empty.
 * Runs as: attendant.
 */
#ifndef PENALTIES_H
#define PENALTIES_H

#include <stdint.h>

#include "address.h"
#include "secret.h"

/*
 * Opens the file below state_fd, and makes it anew if it is none.  Returns a
 * descriptor, which is the caller's, or -1 with errno set: that may be used in the
 * place of one, and keeps nothing.
 */
int penalties_open(int state_fd);

/* Failures of the client that are not forgotten; now is in seconds since 1970. */
unsigned int penalties_count(int fd, const struct address *client, int64_t now);

/*
 * One more failure, unless it is the last one again: mark is a keyed hash of what
 * was tried.
 */
void penalties_add(int fd, const struct address *client, int64_t now,
    const unsigned char mark[SHA256_SIZE]);

/*
 * The most expensive password line that was seen: one of its price that is
 * nobody's, "" while none was, and the microseconds that a check of it takes.
 */
struct price {
	uint32_t microseconds;
	char decoy[SECRET_DECOY];
};

void penalties_price(int fd, struct price *);
void penalties_set_price(int fd, const struct price *);

/*
 * Waits for one of the places, of which a client has at most one at a time (NULL:
 * whoever is trusted); gives them back.
 */
void
penalties_take_place(int fd, const struct address *client, unsigned int places);
void penalties_give_back(int fd);

#endif
