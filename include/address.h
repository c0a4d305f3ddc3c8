/* SPDX-License-Identifier: ISC */
/* Addresses of clients, and networks of them, as they are written. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of IPv4 is ::ffff:a.b.c.d, however it was written. */
struct address {
	unsigned char octets[16];
};

enum { ADDRESS_TEXT = 46 };

/* That of an IPv4 address's four octets. */
void address_v4(struct address *, const void *octets);

/* 0, or -1 when text is no numeric address. */
int address_parse(const char *text, struct address *);

/* 0, or -1 when it is of another family. */
int address_of(const struct sockaddr_storage *, struct address *);

void address_text(const struct address *, char text[ADDRESS_TEXT]);

/*
 * Who counts as one client: an address of IPv4, or a /64 of IPv6, which is what
 * one customer gets.
 */
struct address address_client(const struct address *);

/*
 * A number for a table of any size: whoever does not know the seed, which is
 * random, cannot choose addresses that share one.
 */
uint32_t address_hash(const struct address *, uint64_t seed);

enum { ADDRESS_NETWORKS = 32 };

struct networks {
	size_t count;
	struct network {
		struct address base;
		unsigned int bits; /* of its 128 */
	} list[ADDRESS_NETWORKS];
};

/*
 * Reads "192.0.2.0/24 2001:db8::/32 ::1", at most ADDRESS_NETWORKS of them, or
 * none.  0, or -1 with errno set when something else is there: EDOM for an address
 * that is not the first of its network.
 */
int networks_parse(const char *text, struct networks *);

bool networks_have(const struct networks *, const struct address *);

#endif
