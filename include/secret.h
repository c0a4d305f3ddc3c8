/* SPDX-License-Identifier: ISC */
/*
 * The password line of a mailbox, and whether what a client says fits it.
 * Secrets never leave the attendant.  Runs as: attendant.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"

enum {
	SECRET_LINE = 1024,
	/* Lines of a fixed form have this many octets, the rest blanks, so that
	 * one can take the place of another. */
	SECRET_PADDED = 255,
	SECRET_LONGEST = 511, /* octets of a password that crypt(3) takes */
	SECRET_DECOY = 256,   /* with its NUL */
	SECRET_SALT = 64,     /* octets at most, and of one that is made here */
	SECRET_NEW_SALT = 16,
	/* Of PBKDF2: RFC 7677 section 4, and what takes about a second. */
	SECRET_ITERATIONS = 4096,
	SECRET_ITERATIONS_MOST = 1000 * 1000,
};

enum secret_kind {
	SECRET_NONE, /* logs nobody in */
	SECRET_PLAIN,
	SECRET_CRYPT, /* a crypt(3) hash */
	SECRET_SCRAM, /* "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey" */
};

/* Why a line logs nobody in. */
enum secret_flaw {
	SECRET_NO_FLAW,
	SECRET_EMPTY,
	SECRET_LONG,
	SECRET_LOCKED,    /* by '!' */
	SECRET_NUL,       /* there is one in it */
	SECRET_SEPARATOR, /* "From ...": a delivery agent wrote it */
	SECRET_FORM,      /* bad keys of SCRAM, or another program's {MARK} */
	SECRET_COSTLY,    /* checking it would occupy the machine */
};

/* What SCRAM (RFC 5802 section 3) keeps of a password. */
struct scram {
	uint32_t iterations;
	size_t salt_len;
	unsigned char salt[SECRET_SALT];
	unsigned char stored[SHA256_SIZE], server[SHA256_SIZE];
};

struct secret {
	enum secret_kind kind;
	enum secret_flaw flaw;  /* of SECRET_NONE */
	char text[SECRET_LINE]; /* the password or the hash, or "" */
	struct scram scram;     /* of SECRET_SCRAM */
};

/*
 * Reads the first line of the mailbox at fd.  Returns 0, or -1 with errno set.
 * A line that logs nobody in gives SECRET_NONE and what is wrong with it.  The
 * caller wipes it.
 */
int secret_read(int fd, struct secret *);

/* The same, of a line already read, without its LF. */
void secret_parse(const char *line, size_t len, struct secret *);

/* Whether the password is right; in a time that does not tell how wrong. */
bool secret_is_password(const struct secret *, const char *password);

/*
 * Whether any password may be right: none is where crypt(3) refuses the setting of
 * a hash, or makes hashes of another length.  Costs what looking at one does.
 */
bool secret_is_possible(const struct secret *);

/*
 * A line whose check costs what that of this one costs, and that is nobody's:
 * neither hash nor salt are in it, so that it is the same for all of that price.
 * "" for what costs nothing.
 */
void secret_decoy(const struct secret *, char line[SECRET_DECOY]);

/*
 * Whether digest is the one of APOP (RFC 1939 section 7) for this timestamp, or of
 * CRAM-MD5 (RFC 2195) for this challenge.  Only a plain line can tell.
 */
bool
secret_is_digest(const struct secret *, const char *stamp, const char *digest);
bool secret_is_response(
    const struct secret *, const char *challenge, const char *digest);

/*
 * The salt and the iterations that a SCRAM client is told.  Those of a line that
 * has none are made of the name and the site's key: always the same, and like
 * those of any other name, if it is there or not.
 */
void secret_salt(const struct secret *, const char *name,
    const unsigned char site[SHA256_SIZE], struct scram *);
/* Completes the keys.  false: the line does not know them. */
bool secret_keys(const struct secret *, struct scram *);

/* Makes both keys of a password, for the salt and iterations that are there. */
void secret_derive(const char *password, struct scram *);

/* Compares all octets, wherever they differ. */
bool secret_equal(const void *, const void *, size_t);

/*
 * Write a password line, without its LF, that secret_parse() reads and that this
 * password opens.  Return 0, or -1 with errno EINVAL: there is no such line.
 */
int secret_make_plain(const char *password, char line[SECRET_LINE]);
/* By the method that libcrypt prefers. */
int secret_make_crypt(const char *password, char line[SECRET_LINE]);
int secret_make_scram(const char *password, char line[SECRET_LINE]);

/* Why nobody may have this password, to follow "the password "; or NULL. */
const char *secret_objection(const char *password);

/*
 * The same line, locked or not; it is not longer where blanks at its end allow
 * that.  Returns 0, or -1 with errno EINVAL when there is nothing in it that
 * could log somebody in.
 */
int secret_lock(const char *line, bool locked, char changed[SECRET_LINE]);

#endif
