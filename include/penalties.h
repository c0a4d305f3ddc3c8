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

/* A file that is not open keeps nothing. */
struct penalties {
	int fd;
};

/* Opens the file below state_fd, and makes it anew if it is none. 0 or -1. */
int penalties_open(struct penalties *, int state_fd);
void penalties_close(struct penalties *);

/* Failures of the client that are not forgotten; now is in seconds since 1970. */
unsigned int penalties_count(
    const struct penalties *, const struct address *client, int64_t now);

/*
 * One more failure, unless it is the last one again: mark is a keyed hash of what
 * was tried.
 */
void penalties_add(const struct penalties *, const struct address *client,
    int64_t now, const unsigned char mark[SHA256_SIZE]);

/*
 * The most expensive password line that was seen: one of its price that is
 * nobody's, "" while none was, and the microseconds that a check of it takes.
 */
struct price {
	uint32_t microseconds;
	char decoy[SECRET_DECOY];
};

void penalties_price(const struct penalties *, struct price *);
void penalties_set_price(const struct penalties *, const struct price *);

/*
 * Waits for one of the places, of which a client has at most one at a time (NULL:
 * whoever is trusted); gives them back.
 */
void penalties_take_place(const struct penalties *,
    const struct address *client, unsigned int places);
void penalties_give_back(const struct penalties *);

#endif
