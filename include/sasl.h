/* SPDX-License-Identifier: ISC */
/*
 * The mechanisms of AUTH (RFC 5034), from the first message to the last: what the
 * client has said goes in, what it is to be told comes out.  No input or output.
 * Runs as: attendant; names and kinds of mechanisms as session, too.
 */
#ifndef SASL_H
#define SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "base64.h"
#include "channel.h"
#include "secret.h"
#include "site.h"

/* In the order in which they are announced. */
enum sasl_mechanism {
	SASL_PLAIN,         /* RFC 4616 */
	SASL_LOGIN,         /* what some clients have in the place of it */
	SASL_CRAM_MD5,      /* RFC 2195 */
	SASL_SCRAM_SHA_256, /* RFC 5802, RFC 7677 */
	SASL_MECHANISMS,
};

enum {
	/* Of a nonce: more than any client makes; the server's is 24. */
	SASL_NONCE = 192,
	/* Of a header "n,a=name,": each octet of a name may take three. */
	SASL_HEADER = 5 + 3 * CHANNEL_NAME,
};

enum sasl_status {
	/* Out of turn, or not what the mechanism knows; and of what is all zeros. */
	SASL_BAD,
	SASL_CONTINUE, /* the challenge goes out, an answer comes back */
	SASL_PASSWORD, /* the end, but for checking sasl.proof for sasl.name */
	SASL_LOOKUP,   /* sasl_look() wants the password line of sasl.name */
	SASL_GRANTED,
	SASL_DENIED,
};

struct sasl {
	enum sasl_mechanism mechanism;
	enum sasl_status due;         /* what was answered last */
	unsigned int step;            /* messages so far */
	char name[CHANNEL_NAME];      /* "" if what was said can be no name */
	char message[CHANNEL_SECRET]; /* the last, with a NUL behind it */
	const char *proof; /* the password, the digest, or the nonce of SCRAM */
	char challenge[CHANNEL_TEXT]; /* a string */
	struct {
		struct secret secret;
		struct scram keys;
		char binding[BASE64_TEXT(SASL_HEADER)];
		char nonce[SASL_NONCE + 25];
		/* The messages that the proof is about, with commas. */
		char transcript[2 * CHANNEL_SECRET + CHANNEL_TEXT + 2];
	} scram;
};

/* The name of one, or the one of a name in any case, SASL_MECHANISMS if none. */
const char *sasl_name(enum sasl_mechanism);
enum sasl_mechanism sasl_find(const char *name);

/* Whether the password itself is sent. */
bool sasl_is_clear(enum sasl_mechanism);

/*
 * Begins: SASL_CONTINUE.  with_response: a first message will follow before any
 * challenge has gone out; SASL_BAD where the server comes first.  stamp is what the
 * connection was greeted with.
 */
enum sasl_status sasl_begin(
    struct sasl *, enum sasl_mechanism, bool with_response, const char *stamp);

/* Takes a message from the client, of less than CHANNEL_SECRET octets. */
enum sasl_status sasl_take(struct sasl *, const char *message, size_t len);

/*
 * Goes on after SASL_LOOKUP, with the line of that name, or with one of kind
 * SECRET_NONE; and with the site's key.  SASL_CONTINUE, _GRANTED or _DENIED.
 */
enum sasl_status sasl_look(
    struct sasl *, const struct secret *, const unsigned char key[SITE_KEY]);

#endif
