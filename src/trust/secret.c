/* SPDX-License-Identifier: ISC */
/* The password line of a mailbox.  Runs as: attendant. */

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "channel.h"
#include "hash.h"
#include "io.h"
#include "num.h"
#include "secret.h"

/* Compares all of both strings, wherever they differ. */
static bool
same(const char *a, const char *b)
{
	size_t alen = strlen(a), blen = strlen(b);
	unsigned char diff = alen == blen ? 0 : 1;

	for (size_t i = 0; i < alen; i++)
		diff |= (unsigned char)(a[i] ^ b[blen == 0 ? 0 : i % blen]);
	return diff == 0;
}

bool
secret_equal(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	unsigned char diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= p[i] ^ q[i];
	return diff == 0;
}

static bool
starts_with(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* Whether a line starts with open, some of the letters, and close. */
static bool
is_marked(const char *line, char open, const char *letters, char close)
{
	size_t n = line[0] == open ? strspn(line + 1, letters) : 0;

	return n > 0 && line[n + 1] == close;
}

/* Whether a line looks like a crypt(3) hash: "$", the method, "$". */
static bool
is_hash(const char *line)
{
	return starts_with(line, "$md5,rounds=") ||
	    is_marked(line, '$', "abcdefghijklmnopqrstuvwxyz0123456789", '$');
}

/*
 * "{SSHA}" and the like: what other programs make of a password.  Whoever has seen
 * it must not log in with it.
 */
static bool
has_foreign_mark(const char *line)
{
	return is_marked(
	    line, '{', "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", '}');
}

/*
 * What crypt(5) says of the price of a hash, and the highest that is paid: a few
 * seconds, or a gigabyte.  A number, or letters, which rise as ASCII does; those
 * of scrypt and yescrypt end where they could ask for more rounds of the same.
 */
static bool
is_costly(const char *hash)
{
	static const struct {
		const char *method;
		size_t at;
		unsigned long most;
		const char *letters;
	} prices[] = {
		{ "$2", 4, 15, "" },
		{ "$5$rounds=", 10, 5000000, "" },
		{ "$6$rounds=", 10, 5000000, "" },
		{ "$sm3$rounds=", 12, 5000000, "" },
		{ "$sha1$", 6, 5000000, "" },
		{ "$md5,rounds=", 12, 5000000, "" },
		{ "$y$", 3, 0, "jFT$" },
		{ "$gy$", 4, 0, "jFT$" },
		{ "$sm3y$", 6, 0, "jFT$" },
		{ "$7$", 3, 0, "HU..../...." },
		{ "_", 1, 0, "zzz1" },
	};

	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		size_t at = prices[i].at;
		const char *most = prices[i].letters;

		if (!starts_with(hash, prices[i].method) || strlen(hash) < at)
			continue;
		if (*most == '\0')
			return strtoul(hash + at, NULL, 10) > prices[i].most;
		for (; *most != '\0' && hash[at] != '\0'; most++, at++)
			if (hash[at] > *most)
				return true;
	}
	return false;
}

/* Base64 of exactly the octets that it has to be. */
static bool
read_key(const char *text, unsigned char key[SHA256_SIZE])
{
	size_t len;

	return base64_decode(text, strlen(text), key, SHA256_SIZE, &len) == 0 &&
	    len == SHA256_SIZE;
}

/* "iterations,salt,StoredKey,ServerKey"; takes it apart. */
static bool
read_scram(char *text, struct scram *keys)
{
	const char *field[4];
	uint64_t n;

	for (int i = 0; i < 4; i++) {
		if (text == NULL)
			return false;
		field[i] = strsep(&text, ",");
	}
	if (text != NULL ||
	    num_parse(field[0], SECRET_ITERATIONS_MOST, &n) == -1 ||
	    n < SECRET_ITERATIONS)
		return false;
	keys->iterations = (uint32_t)n;
	return base64_decode(field[1], strlen(field[1]), keys->salt,
		   sizeof(keys->salt), &keys->salt_len) == 0 &&
	    keys->salt_len > 0 && read_key(field[2], keys->stored) &&
	    read_key(field[3], keys->server);
}

static enum secret_flaw
find_flaw(const char *line, size_t len)
{
	if (len == 0)
		return SECRET_EMPTY;
	if (line[0] == '!')
		return SECRET_LOCKED;
	if (len >= SECRET_LINE)
		return SECRET_LONG;
	if (memchr(line, '\0', len) != NULL)
		return SECRET_NUL;
	if (len >= 5 && memcmp(line, "From ", 5) == 0)
		return SECRET_SEPARATOR;
	return SECRET_NO_FLAW;
}

/* The forms, told by what they start with; the last is without a mark. */
static const struct form {
	const char *mark;
	enum secret_kind kind;
} forms[] = {
	{ "{PLAIN}", SECRET_PLAIN },
	{ "{CRYPT}", SECRET_CRYPT },
	{ "{SCRAM-SHA-256}", SECRET_SCRAM },
	{ "{SCRAM-", SECRET_NONE },
	{ "", SECRET_PLAIN },
};

/* The text is a line without a flaw: its kind; takes off the mark and blanks. */
static void
take_form(struct secret *s)
{
	const struct form *f = forms;
	char *text = s->text;
	size_t len;

	while (!starts_with(text, f->mark))
		f++;
	s->kind = is_hash(text) ? SECRET_CRYPT : f->kind;
	if (f->mark[0] == '\0' && has_foreign_mark(text))
		s->kind = SECRET_NONE;
	len = strlen(text) - strlen(f->mark);
	memmove(text, text + strlen(f->mark), len + 1);
	while (s->kind != SECRET_PLAIN && len > 0 &&
	    (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = '\0';
}

/* The same of what take_form() has found; takes the keys of SCRAM. */
static enum secret_flaw
find_flaw_of_form(struct secret *s)
{
	switch (s->kind) {
	case SECRET_NONE:
		break;
	case SECRET_PLAIN:
		return s->text[0] == '\0' ? SECRET_EMPTY : SECRET_NO_FLAW;
	case SECRET_CRYPT:
		if (s->text[0] == '\0')
			return SECRET_EMPTY;
		return is_costly(s->text) ? SECRET_COSTLY : SECRET_NO_FLAW;
	case SECRET_SCRAM:
		if (read_scram(s->text, &s->scram))
			return SECRET_NO_FLAW;
		break;
	}
	return SECRET_FORM;
}

void
secret_parse(const char *line, size_t len, struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
	if (len > 0 && line[len - 1] == '\r')
		len--;
	s->flaw = find_flaw(line, len);
	if (s->flaw != SECRET_NO_FLAW)
		return;
	memcpy(s->text, line, len);
	take_form(s);
	s->flaw = find_flaw_of_form(s);
	if (s->flaw != SECRET_NO_FLAW)
		s->kind = SECRET_NONE;
	if (s->kind == SECRET_NONE || s->kind == SECRET_SCRAM)
		explicit_bzero(s->text, sizeof(s->text));
}

int
secret_read(int fd, struct secret *s)
{
	char line[SECRET_LINE + 1]; /* the longest with its CR and LF */
	const char *lf;
	ssize_t n = io_pread(fd, line, sizeof(line), 0);

	if (n == -1)
		return -1;
	lf = memchr(line, '\n', (size_t)n);
	/* A line without an end is the whole file, or too long, and stays so. */
	secret_parse(line, lf == NULL ? (size_t)n : (size_t)(lf - line), s);
	explicit_bzero(line, sizeof(line));
	return 0;
}

/* RFC 5802 section 3. */
void
secret_derive(const char *password, struct scram *keys)
{
	unsigned char salted[SHA256_SIZE], client[SHA256_SIZE];
	struct hash sum;

	pbkdf2_sha256(
	    password, keys->salt, keys->salt_len, keys->iterations, salted);
	hmac_sha256(salted, sizeof(salted), "Client Key", 10, client);
	hash_init(&sum, &sha256);
	hash_update(&sum, client, sizeof(client));
	hash_final(&sum, keys->stored);
	hmac_sha256(salted, sizeof(salted), "Server Key", 10, keys->server);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
}

bool
secret_is_password(const struct secret *s, const char *password)
{
	static struct crypt_data cd; /* too much for the stack */
	struct scram keys;
	const char *hash;
	bool right = false;

	switch (s->kind) {
	case SECRET_NONE:
		break;
	case SECRET_PLAIN:
		right = same(s->text, password);
		break;
	case SECRET_CRYPT:
		hash = crypt_r(password, s->text, &cd);
		right = hash != NULL && hash[0] != '*' && same(s->text, hash);
		explicit_bzero(&cd, sizeof(cd));
		break;
	case SECRET_SCRAM:
		keys = s->scram;
		secret_derive(password, &keys);
		right = secret_equal(
		    keys.stored, s->scram.stored, sizeof(keys.stored));
		explicit_bzero(&keys, sizeof(keys));
		break;
	}
	return right;
}

bool
secret_is_possible(const struct secret *s)
{
	static struct crypt_data cd; /* too much for the stack */
	const char *hash;
	bool possible;

	if (s->kind != SECRET_CRYPT)
		return s->kind != SECRET_NONE;
	errno = 0;
	hash = crypt_r("any", s->text, &cd);
	if (hash == NULL || hash[0] == '*')
		possible = errno == ENOMEM; /* that says nothing of it */
	else
		possible = strlen(hash) == strlen(s->text);
	explicit_bzero(&cd, sizeof(cd));
	return possible;
}

bool
secret_is_digest(const struct secret *s, const char *stamp, const char *digest)
{
	unsigned char sum[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	struct hash m;
	bool right;

	if (s->kind != SECRET_PLAIN)
		return false;
	hash_init(&m, &md5);
	hash_update(&m, stamp, strlen(stamp));
	hash_update(&m, s->text, strlen(s->text));
	hash_final(&m, sum);
	num_hex(sum, sizeof(sum), hex);
	right = same(hex, digest);
	explicit_bzero(hex, sizeof(hex));
	explicit_bzero(sum, sizeof(sum));
	return right;
}

bool
secret_is_response(
    const struct secret *s, const char *challenge, const char *digest)
{
	unsigned char mac[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	bool right;

	if (s->kind != SECRET_PLAIN)
		return false;
	hmac_md5(s->text, strlen(s->text), challenge, strlen(challenge), mac);
	num_hex(mac, sizeof(mac), hex);
	right = same(hex, digest);
	explicit_bzero(hex, sizeof(hex));
	explicit_bzero(mac, sizeof(mac));
	return right;
}

void
secret_salt(const struct secret *s, const char *name,
    const unsigned char site[SHA256_SIZE], struct scram *keys)
{
	static const char purpose[] = "salt of ";
	char who[sizeof(purpose) + CHANNEL_NAME];
	unsigned char mac[SHA256_SIZE];

	if (s->kind == SECRET_SCRAM) {
		*keys = s->scram;
		return;
	}
	(void)snprintf(who, sizeof(who), "%s%s", purpose, name);
	hmac_sha256(site, SHA256_SIZE, who, strlen(who), mac);
	keys->iterations = SECRET_ITERATIONS;
	keys->salt_len = SECRET_NEW_SALT;
	memcpy(keys->salt, mac, SECRET_NEW_SALT);
}

/*
 * All lines cost what a plain one does, or the time would tell that there is one:
 * many at once take longer than any refusal waits.
 */
bool
secret_keys(const struct secret *s, struct scram *keys)
{
	struct scram made = *keys;

	made.iterations = SECRET_ITERATIONS;
	secret_derive(s->text, &made);
	if (s->kind == SECRET_PLAIN)
		*keys = made;
	explicit_bzero(&made, sizeof(made));
	return s->kind == SECRET_PLAIN || s->kind == SECRET_SCRAM;
}
