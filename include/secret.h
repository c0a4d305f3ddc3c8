/* SPDX-License-Identifier: ISC */
/*
 * The password line of a mailbox, and whether what a client says fits it.
 * Secrets never leave the attendant.  Runs as: attendant.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum { SECRET_LINE = 1024 };

enum secret_kind {
	SECRET_NONE, /* logs nobody in */
	SECRET_PLAIN,
	SECRET_CRYPT, /* a crypt(3) hash */
};

/* Why a line logs nobody in. */
enum secret_flaw {
	SECRET_NO_FLAW,
	SECRET_EMPTY,
	SECRET_LONG,
	SECRET_LOCKED,    /* by '!' */
	SECRET_NUL,       /* there is one in it */
	SECRET_SEPARATOR, /* "From ...": a delivery agent wrote it */
	SECRET_SCRAM,     /* a form that is not understood here */
};

struct secret {
	enum secret_kind kind;
	enum secret_flaw flaw;  /* of SECRET_NONE */
	char text[SECRET_LINE]; /* the password or the hash */
};

/*
 * Reads the first line of the mailbox at fd.  Returns 0, or -1 with errno set.
 * A line that is empty, too long, holds a NUL, starts with "From " (a delivery
 * agent wrote it) or is locked by '!' gives SECRET_NONE and
 * what is wrong with it.  The caller wipes it.
 */
int secret_read(int fd, struct secret *);

/* The same, of a line already read, without its LF. */
void secret_parse(const char *line, size_t len, struct secret *);

/* Whether the password is right; in a time that does not tell how wrong. */
bool secret_is_password(const struct secret *, const char *password);

/*
 * Whether digest is the one of APOP (RFC 1939 section 7) for this timestamp.
 * Only a plain line can tell.
 */
bool
secret_is_digest(const struct secret *, const char *stamp, const char *digest);

#endif
