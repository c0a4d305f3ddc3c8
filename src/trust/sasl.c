/* SPDX-License-Identifier: ISC */
/* The mechanisms of AUTH.  Runs as: attendant. */

#include <sys/random.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "log.h"
#include "sasl.h"

/* Random octets that a nonce has, and their text. */
enum { RANDOM = 18 };

static void
random_text(char text[BASE64_TEXT(RANDOM)])
{
	unsigned char octets[RANDOM];

	if (getrandom(octets, sizeof(octets), 0) != sizeof(octets))
		fatal("getrandom");
	base64_encode(octets, sizeof(octets), text);
}

static enum sasl_status
challenge(struct sasl *x, const char *text)
{
	(void)snprintf(x->challenge, sizeof(x->challenge), "%s", text);
	return SASL_CONTINUE;
}

/* A name that does not fit is that of nobody, and is looked up as one. */
static enum sasl_status
claim(struct sasl *x, const char *name)
{
	size_t len = strlen(name);

	explicit_bzero(x->name, sizeof(x->name));
	if (len < sizeof(x->name))
		memcpy(x->name, name, len);
	return SASL_LOOKUP;
}

/* [authzid] NUL authcid NUL passwd (RFC 4616 section 2). */
static enum sasl_status
take_plain(struct sasl *x, size_t len)
{
	char *authzid = x->message, *end = x->message + len, *name;

	name = memchr(authzid, '\0', len);
	if (name == NULL)
		return SASL_BAD;
	name++;
	x->proof = memchr(name, '\0', (size_t)(end - name));
	if (x->proof == NULL)
		return SASL_BAD;
	x->proof++;
	if (strlen(x->proof) != (size_t)(end - x->proof))
		return SASL_BAD;
	/* Nobody may act as somebody else. */
	(void)claim(
	    x, *authzid == '\0' || strcmp(authzid, name) == 0 ? name : "");
	return SASL_PASSWORD;
}

static enum sasl_status
take_login(struct sasl *x, size_t len)
{
	if (strlen(x->message) != len)
		return SASL_BAD;
	if (x->step == 1) {
		(void)claim(x, x->message);
		return challenge(x, "Password:");
	}
	x->proof = x->message;
	return SASL_PASSWORD;
}

/* A msg-id, never the same; the host is that of the connection's own. */
static enum sasl_status
begin_cram(struct sasl *x, const char *stamp)
{
	const char *host = strrchr(stamp, '@');
	char text[BASE64_TEXT(RANDOM)];

	random_text(text);
	(void)snprintf(x->challenge, sizeof(x->challenge), "<%s%s", text,
	    host == NULL ? "@localhost>" : host);
	return SASL_CONTINUE;
}

/* user SP digest (RFC 2195 section 2). */
static enum sasl_status
take_cram(struct sasl *x, size_t len)
{
	char *blank = strrchr(x->message, ' ');

	if (blank == NULL || strlen(x->message) != len)
		return SASL_BAD;
	*blank = '\0';
	x->proof = blank + 1;
	return claim(x, x->message);
}

static enum sasl_status
look_cram(
    struct sasl *x, const struct secret *s, const unsigned char key[SITE_KEY])
{
	(void)key;
	return secret_is_response(s, x->challenge, x->proof) ? SASL_GRANTED
							     : SASL_DENIED;
}

static void
remember(struct sasl *x, const char *text)
{
	char *transcript = x->scram.transcript;
	size_t len = strlen(transcript);

	(void)snprintf(transcript + len, sizeof(x->scram.transcript) - len,
	    "%s%s", len == 0 ? "" : ",", text);
}

/* Undoes =2C and =3D, in place (RFC 5802 section 5.1); false for any other =. */
static bool
decode_name(char *name)
{
	char *to = name;

	for (const char *from = name; *from != '\0'; from++, to++) {
		*to = *from;
		if (*from != '=')
			continue;
		if (strncmp(from, "=2C", 3) == 0)
			*to = ',';
		else if (strncmp(from, "=3D", 3) != 0)
			return false;
		from += 2;
	}
	*to = '\0';
	return true;
}

/* Whether all of it may be in a nonce: printable, no comma. */
static bool
is_nonce(const char *s)
{
	size_t len = strlen(s);

	for (const char *p = s; *p != '\0'; p++)
		if (*p < 0x21 || *p > 0x7e || *p == ',')
			return false;
	return len > 0 && len <= SASL_NONCE;
}

/* n=name,r=nonce[,extensions] (RFC 5802 section 7); takes it apart. */
static enum sasl_status
take_first_bare(struct sasl *x, char *bare, const char *authzid)
{
	char *name = strsep(&bare, ","), *nonce = strsep(&bare, ",");
	char random[BASE64_TEXT(RANDOM)];

	if (nonce == NULL || strncmp(name, "n=", 2) != 0 ||
	    strncmp(nonce, "r=", 2) != 0 || !is_nonce(nonce + 2) ||
	    !decode_name(name + 2))
		return SASL_BAD;
	random_text(random);
	(void)snprintf(
	    x->scram.nonce, sizeof(x->scram.nonce), "%s%s", nonce + 2, random);
	x->proof = x->scram.nonce;
	return claim(x,
	    *authzid == '\0' || strcmp(authzid, name + 2) == 0 ? name + 2 : "");
}

/*
 * The header says "n", or "y": the client could bind to a TLS channel, and knows
 * that it was not offered.  "p" wants it done.
 */
static enum sasl_status
take_first(struct sasl *x)
{
	char *authzid = x->message + 2, *comma;
	size_t len;

	if (strncmp(x->message, "n,", 2) != 0 &&
	    strncmp(x->message, "y,", 2) != 0)
		return SASL_BAD;
	comma = strchr(authzid, ',');
	if (comma == NULL)
		return SASL_BAD;
	len = (size_t)(comma + 1 - x->message);
	if (len > SASL_HEADER)
		return SASL_BAD;
	base64_encode(x->message, len, x->scram.binding);
	remember(x, comma + 1);
	*comma = '\0';
	if (*authzid != '\0') {
		if (strncmp(authzid, "a=", 2) != 0 || authzid[2] == '\0')
			return SASL_BAD;
		authzid += 2;
		if (!decode_name(authzid))
			return SASL_BAD;
	}
	return take_first_bare(x, comma + 1, authzid);
}

/* The client is told the salt; whose line it is comes in when it has answered. */
static enum sasl_status
look_scram(
    struct sasl *x, const struct secret *s, const unsigned char key[SITE_KEY])
{
	char salt[BASE64_TEXT(SECRET_SALT)];
	struct scram *keys = &x->scram.keys;

	x->scram.secret = *s;
	secret_salt(s, x->name, key, keys);
	base64_encode(keys->salt, keys->salt_len, salt);
	(void)snprintf(x->challenge, sizeof(x->challenge), "r=%s,s=%s,i=%u",
	    x->scram.nonce, salt, keys->iterations);
	remember(x, x->challenge);
	return SASL_CONTINUE;
}

/* RFC 5802 section 3: the proof is the client's key under a signature. */
static bool
is_proof(struct sasl *x, const unsigned char proof[SHA256_SIZE])
{
	unsigned char key[SHA256_SIZE], stored[SHA256_SIZE];
	const struct scram *keys = &x->scram.keys;
	struct hash sum;
	bool right;

	hmac_sha256(keys->stored, sizeof(keys->stored), x->scram.transcript,
	    strlen(x->scram.transcript), key);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] ^= proof[i];
	hash_init(&sum, &sha256);
	hash_update(&sum, key, sizeof(key));
	hash_final(&sum, stored);
	right = secret_equal(stored, keys->stored, sizeof(stored));
	explicit_bzero(key, sizeof(key));
	return right;
}

/* c=binding,r=nonce[,extensions],p=proof (RFC 5802 section 7). */
static enum sasl_status
take_final(struct sasl *x)
{
	unsigned char proof[SHA256_SIZE], signature[SHA256_SIZE];
	char text[BASE64_TEXT(SHA256_SIZE)], *p = strrchr(x->message, ',');
	char *rest = x->message, *binding, *nonce;
	size_t len;

	if (p == NULL || strncmp(p, ",p=", 3) != 0 ||
	    base64_decode(p + 3, strlen(p + 3), proof, sizeof(proof), &len) ==
		-1)
		return SASL_BAD;
	*p = '\0';
	remember(x, x->message);
	binding = strsep(&rest, ",");
	nonce = strsep(&rest, ",");
	if (nonce == NULL || strncmp(binding, "c=", 2) != 0 ||
	    strncmp(nonce, "r=", 2) != 0)
		return SASL_BAD;
	if (strcmp(binding + 2, x->scram.binding) != 0 ||
	    strcmp(nonce + 2, x->scram.nonce) != 0 || len != sizeof(proof) ||
	    !secret_keys(&x->scram.secret, &x->scram.keys) ||
	    !is_proof(x, proof))
		return SASL_DENIED;
	hmac_sha256(x->scram.keys.server, SHA256_SIZE, x->scram.transcript,
	    strlen(x->scram.transcript), signature);
	base64_encode(signature, sizeof(signature), text);
	(void)snprintf(x->challenge, sizeof(x->challenge), "v=%s", text);
	return SASL_CONTINUE;
}

/* The last is empty: success has no data (RFC 5034 section 4). */
static enum sasl_status
take_scram(struct sasl *x, size_t len)
{
	if (strlen(x->message) != len)
		return SASL_BAD;
	if (x->step == 1)
		return take_first(x);
	if (x->step == 2)
		return take_final(x);
	return len == 0 ? SASL_GRANTED : SASL_BAD;
}

static const struct mechanism {
	const char *name;
	bool clear, server_first;
	enum sasl_status (*take)(struct sasl *, size_t len);
	enum sasl_status (*look)(
	    struct sasl *, const struct secret *, const unsigned char *key);
} mechanisms[SASL_MECHANISMS] = {
	[SASL_PLAIN] = { "PLAIN", true, false, take_plain, NULL },
	[SASL_LOGIN] = { "LOGIN", true, false, take_login, NULL },
	[SASL_CRAM_MD5] = { "CRAM-MD5", false, true, take_cram, look_cram },
	[SASL_SCRAM_SHA_256] = { "SCRAM-SHA-256", false, false, take_scram,
	    look_scram },
};

const char *
sasl_name(enum sasl_mechanism m)
{
	return mechanisms[m].name;
}

enum sasl_mechanism
sasl_find(const char *name)
{
	unsigned int m = 0;

	while (m < SASL_MECHANISMS && strcasecmp(mechanisms[m].name, name) != 0)
		m++;
	return (enum sasl_mechanism)m;
}

bool
sasl_is_clear(enum sasl_mechanism m)
{
	return mechanisms[m].clear;
}

enum sasl_status
sasl_begin(struct sasl *x, enum sasl_mechanism m, bool with_response,
    const char *stamp)
{
	explicit_bzero(x, sizeof(*x));
	x->mechanism = m;
	if (!mechanisms[m].server_first)
		x->due = challenge(x, m == SASL_LOGIN ? "Username:" : "");
	else
		x->due = with_response ? SASL_BAD : begin_cram(x, stamp);
	return x->due;
}

enum sasl_status
sasl_take(struct sasl *x, const char *message, size_t len)
{
	explicit_bzero(x->message, sizeof(x->message));
	if (x->due != SASL_CONTINUE || len >= sizeof(x->message)) {
		x->due = SASL_BAD;
	} else {
		memcpy(x->message, message, len);
		x->step++;
		x->due = mechanisms[x->mechanism].take(x, len);
	}
	return x->due;
}

enum sasl_status
sasl_look(
    struct sasl *x, const struct secret *s, const unsigned char key[SITE_KEY])
{
	x->due = x->due == SASL_LOOKUP
	    ? mechanisms[x->mechanism].look(x, s, key)
	    : SASL_DENIED;
	return x->due;
}
