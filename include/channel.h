/* SPDX-License-Identifier: ISC */
/*
 * What processes say to each other: a registration that goes to some attendant,
 * requests from the session to that, verdicts back.  Fixed sizes over
 * sequenced-packet sockets: there is no length to lie about.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum {
	CHANNEL_NAME = 65, /* a user name and its NUL */
	/* A password or digest and its NUL; or a message of AUTH: three words of
	 * 255 octets must fit (RFC 4616 section 2). */
	CHANNEL_SECRET = 1024,
	CHANNEL_TEXT = 360,  /* a challenge of AUTH and a NUL */
	CHANNEL_PEER = 64,   /* an address as text */
	CHANNEL_STAMP = 160, /* the APOP timestamp */
};

/* What a connection speaks. */
enum protocol_kind {
	PROTOCOL_POP3, /* RFC 1939: a login locks the mailbox */
	PROTOCOL_POP1, /* RFC 918: each transaction does */
	PROTOCOL_KINDS,
};

/*
 * A connection, as the listener knows it.  The session sends it before it has read
 * an octet of its client, and cannot do so later: see threshold.h.
 */
struct registration {
	uint64_t serial; /* what the listener calls it; 0: there is none */
	uint32_t protocol;
	uint32_t protected; /* whether it came over TLS */
	uint32_t proxied;   /* by a proxy: the session will say for whom */
	char peer[CHANNEL_PEER];
	char stamp[CHANNEL_STAMP];
};

/* What an attendant tells the listener of a session. */
enum notice_kind {
	NOTICE_LOGIN = 1,
	NOTICE_PEER, /* from is whom a proxy speaks for */
};

struct notice {
	uint64_t serial; /* of the registration */
	uint32_t kind;
	uint32_t unused;
	struct address from;
};

enum request_kind {
	REQUEST_USER = 1, /* is there such a mailbox? */
	REQUEST_PASS,     /* name and password */
	REQUEST_APOP,     /* name and digest (RFC 1939 section 7) */
	REQUEST_TLS,      /* CHANNEL_TLS_FDS are passed behind it */
	/*
	 * name is the address that the proxy gave.  Once, before all others,
	 * and only of a session that is proxied; there is no answer.
	 */
	REQUEST_PEER,
	/* RFC 5034: the name is a mechanism's; without and with an initial
	 * response; and the answer to VERDICT_MORE. */
	REQUEST_AUTH,
	REQUEST_AUTH_INITIAL,
	REQUEST_AUTH_ANSWER,
};

struct request {
	uint32_t magic;
	uint32_t kind;
	uint32_t len; /* of a message of AUTH, which is no string; else 0 */
	char name[CHANNEL_NAME];
	char secret[CHANNEL_SECRET];
};

enum verdict_kind {
	VERDICT_YES = 1, /* with a credential: the descriptors come along */
	VERDICT_NO,      /* no such user, or the credential is wrong */
	VERDICT_IN_USE,
	VERDICT_TEMP,
	VERDICT_EARLY, /* the credential is right, but it is not time yet */
	VERDICT_PERM,
	VERDICT_MORE, /* AUTH goes on: the text is the challenge */
	VERDICT_BAD,  /* AUTH ends: that was no message of the mechanism */
	VERDICT_KINDS,
};

struct verdict {
	uint32_t magic;
	uint32_t kind;
	char text[CHANNEL_TEXT]; /* with the descriptors: who has logged in */
};

/* What comes with VERDICT_YES to a credential, in this order; the index may be
 * missing. */
enum { CHANNEL_MAILBOX, CHANNEL_JOURNAL, CHANNEL_INDEX, CHANNEL_FDS };

/* A pair of connected ends, close-on-exec.  0, or -1 with errno set. */
int channel_pair(int ends[2]);

/*
 * All return 0, or -1 with errno set: EPIPE when the other end is gone.
 * Neither sending a registration waits, EAGAIN when the other end is behind, nor
 * taking one, EAGAIN when there is none to take.
 */
int channel_register(int fd, const struct registration *, int channel);
/* Takes a registration; *channel is the caller's. */
int channel_registered(int fd, struct registration *, int *channel);

/*
 * Notices go through a pipe that attendants write and the listener reads; neither
 * waits.  The first returns 0 or -1; the second takes at most most of them, and
 * returns how many.
 */
int channel_notify(int fd, const struct notice *);
size_t channel_noticed(int fd, struct notice *, size_t most);

/* Sets the magic. */
int channel_ask(int fd, struct request *);
/*
 * Takes one request.  The session has talked to a stranger and may be anybody by
 * now: size, magic, kind, length and strings are checked here, and nothing past this
 * looks at raw octets again.  EPROTO when they are not right.
 */
int channel_asked(int fd, struct request *);

/*
 * A verdict with its text, or "".  fds: CHANNEL_FDS descriptors, the last of which
 * may be -1; or NULL.
 */
int channel_answer(int fd, enum verdict_kind, const char *text, const int *fds);
/* fds[CHANNEL_MAILBOX] is -1 when none came. */
int channel_answered(int fd, struct verdict *, int fds[CHANNEL_FDS]);

/*
 * What goes from the session by its attendant to the launcher: the client, and
 * where the answers are awaited: nothing when a helper was started, then, after
 * the handshake, the client's plain text.
 */
enum { CHANNEL_CLIENT, CHANNEL_CONTROL, CHANNEL_TLS_FDS };

/* Passes so many descriptors, at most CHANNEL_FDS. */
int channel_pass(int fd, const int *fds, size_t count);
/* The same to whom may not read: EAGAIN, it never waits. */
int channel_offer(int fd, const int *fds, size_t count);
/* Takes so many, and closes others; they are -1 when there were fewer. */
int channel_passed(int fd, int *fds, size_t count);

#endif
