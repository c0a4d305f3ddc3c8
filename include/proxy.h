/* SPDX-License-Identifier: ISC */
/*
 * What a proxy says of its client in front of all else: the PROXY protocol,
 * versions 1 and 2 (HAProxy's proxy-protocol.txt).  Reads octets, and nothing
 * else.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

/* The longest header of version 1, and what one of version 2 may have here. */
enum { PROXY_V1_MAX = 107, PROXY_V2_MAX = 4096 };

enum proxy_status {
	PROXY_MORE, /* what is there may be the start of a header */
	PROXY_BAD,  /* nothing that follows can make it one */
	PROXY_DONE,
};

enum proxy_client {
	PROXY_KNOWN,   /* its address is there */
	PROXY_UNKNOWN, /* not of IPv4 or IPv6, or the proxy does not know */
	PROXY_ITSELF,  /* the proxy speaks for itself, to see who answers */
};

struct proxy_header {
	size_t len; /* octets; the client's own follow */
	enum proxy_client client;
	struct address address;
	bool tls; /* the client speaks TLS with the proxy (version 2) */
};

/* Only PROXY_DONE sets the header. */
enum proxy_status
proxy_parse(const void *octets, size_t len, struct proxy_header *);

#endif
