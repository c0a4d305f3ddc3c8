/* SPDX-License-Identifier: ISC */
/* The password line of a mailbox.  Runs as: attendant. */

#include <crypt.h>
#include <stdint.h>
#include <string.h>

#include "io.h"
#include "md5.h"
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

/* Whether a line looks like a crypt(3) hash: "$", the method, "$". */
static bool
is_hash(const char *line, size_t len)
{
	size_t n = 1;

	if (len < 3 || line[0] != '$')
		return false;
	while (n < len &&
	    ((line[n] >= '0' && line[n] <= '9') ||
		(line[n] >= 'a' && line[n] <= 'z')))
		n++;
	return n > 1 && n < len && line[n] == '$';
}

static bool
starts_with(const char *line, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static const char plain[] = "{PLAIN}";

static enum secret_flaw
find_flaw(const char *line, size_t len)
{
	if (len == 0 || (len == strlen(plain) && starts_with(line, len, plain)))
		return SECRET_EMPTY;
	if (line[0] == '!')
		return SECRET_LOCKED;
	if (len >= SECRET_LINE)
		return SECRET_LONG;
	if (memchr(line, '\0', len) != NULL)
		return SECRET_NUL;
	if (starts_with(line, len, "From "))
		return SECRET_SEPARATOR;
	if (starts_with(line, len, "{SCRAM-"))
		return SECRET_SCRAM;
	return SECRET_NO_FLAW;
}

void
secret_parse(const char *line, size_t len, struct secret *s)
{
	s->kind = SECRET_NONE;
	s->text[0] = '\0';
	if (len > 0 && line[len - 1] == '\r')
		len--;
	s->flaw = find_flaw(line, len);
	if (s->flaw != SECRET_NO_FLAW)
		return;

	if (is_hash(line, len)) {
		s->kind = SECRET_CRYPT;
		while (line[len - 1] == ' ' || line[len - 1] == '\t')
			len--;
	} else {
		if (starts_with(line, len, plain)) {
			line += strlen(plain);
			len -= strlen(plain);
		}
		s->kind = SECRET_PLAIN;
	}
	memcpy(s->text, line, len);
	s->text[len] = '\0';
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

bool
secret_is_password(const struct secret *s, const char *password)
{
	static struct crypt_data cd; /* too much for the stack */
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
	}
	return right;
}

bool
secret_is_digest(const struct secret *s, const char *stamp, const char *digest)
{
	unsigned char sum[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	struct md5 m;
	bool right;

	if (s->kind != SECRET_PLAIN)
		return false;
	md5_init(&m);
	md5_update(&m, stamp, strlen(stamp));
	md5_update(&m, s->text, strlen(s->text));
	md5_final(&m, sum);
	md5_hex(sum, hex);
	right = same(hex, digest);
	explicit_bzero(hex, sizeof(hex));
	explicit_bzero(sum, sizeof(sum));
	return right;
}
