/* SPDX-License-Identifier: ISC */
/* New password lines.  Runs as: restantectl. */

#include <sys/random.h>

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "line.h"
#include "secret.h"
#include "utf8.h"

/*
 * Takes the length that snprintf() gave, and sees that the line is what it should
 * be: a password may begin like another form, or end in what is no part of it.
 */
static int
settle(const char *password, char line[SECRET_LINE], int len,
    enum secret_kind kind)
{
	struct secret s = { .kind = SECRET_NONE };
	bool good = false;

	if (len > 0 && len < SECRET_LINE) {
		secret_parse(line, (size_t)len, &s);
		good = s.kind == kind && secret_is_password(&s, password);
	}
	explicit_bzero(&s, sizeof(s));
	if (good)
		return 0;
	explicit_bzero(line, SECRET_LINE);
	errno = EINVAL;
	return -1;
}

int
secret_make_plain(const char *password, char line[SECRET_LINE])
{
	static const char *const marks[] = { "", "{PLAIN}" };

	for (int i = 0; i < 2 && strchr(password, '\n') == NULL; i++) {
		int len = snprintf(
		    line, SECRET_LINE, "%s%s", marks[i], password);

		if (settle(password, line, len, SECRET_PLAIN) == 0)
			return 0;
	}
	errno = EINVAL;
	return -1;
}

int
secret_make_crypt(const char *password, char line[SECRET_LINE])
{
	static struct crypt_data cd; /* too much for the stack */
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;
	int len = -1;

	if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof(setting)) !=
	    NULL)
		hash = crypt_r(password, setting, &cd);
	if (hash != NULL)
		len = snprintf(line, SECRET_LINE, "%-*s", SECRET_PADDED, hash);
	explicit_bzero(&cd, sizeof(cd));
	return settle(password, line, len, SECRET_CRYPT);
}

int
secret_make_scram(const char *password, char line[SECRET_LINE])
{
	char salt[BASE64_TEXT(SECRET_NEW_SALT)];
	char stored[BASE64_TEXT(SHA256_SIZE)], server[BASE64_TEXT(SHA256_SIZE)];
	char text[SECRET_LINE];
	struct scram keys = { .iterations = SECRET_ITERATIONS,
		.salt_len = SECRET_NEW_SALT };
	int len;

	if (getrandom(keys.salt, keys.salt_len, 0) != (ssize_t)keys.salt_len)
		return -1;
	secret_derive(password, &keys);
	base64_encode(keys.salt, keys.salt_len, salt);
	base64_encode(keys.stored, sizeof(keys.stored), stored);
	base64_encode(keys.server, sizeof(keys.server), server);
	(void)snprintf(text, sizeof(text), "{SCRAM-SHA-256}%u,%s,%s,%s",
	    keys.iterations, salt, stored, server);
	len = snprintf(line, SECRET_LINE, "%-*s", SECRET_PADDED, text);
	explicit_bzero(&keys, sizeof(keys));
	explicit_bzero(text, sizeof(text));
	return settle(password, line, len, SECRET_SCRAM);
}

const char *
secret_objection(const char *password)
{
	bool blank = true;

	/* As PASS says it, with its line end. */
	if (strlen("PASS ") + strlen(password) + 2 > LINE_MAX_OCTETS)
		return "is longer than a client can say";
	for (const char *p = password; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "has a control character in it";
		if (*p != ' ')
			blank = false;
	}
	/* The server refuses such words unseen: RFC 6856 section 2.2. */
	if (!utf8_is_well_formed(password))
		return "is neither ASCII nor UTF-8";
	return blank ? "is blank" : NULL;
}

int
secret_lock(const char *line, bool locked, char changed[SECRET_LINE])
{
	struct secret s;
	bool plain, useless;
	size_t len;

	while (*line == '!')
		line++;
	len = strlen(line);
	secret_parse(line, len, &s);
	plain = s.kind == SECRET_PLAIN;
	useless = s.flaw == SECRET_EMPTY || s.flaw == SECRET_LONG ||
	    s.flaw == SECRET_SEPARATOR;
	explicit_bzero(&s, sizeof(s));
	if (useless || len + 2 > SECRET_LINE) {
		errno = EINVAL;
		return -1;
	}
	while (!plain && len > 0 && line[len - 1] == ' ')
		len--;
	(void)snprintf(changed, SECRET_LINE, "%s%-*.*s", locked ? "!" : "",
	    plain ? 0 : SECRET_PADDED - locked, (int)len, line);
	return 0;
}
