/* SPDX-License-Identifier: ISC */
/*
 * Property: a password line means what a plain reading of its forms says; what
 * logs nobody in has no text; a plain password lets in itself and nothing that is
 * longer, shorter or different in one octet.
 */

#include "base64.h"
#include "fuzz.h"
#include "secret.h"

static bool
starts(const char *line, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static bool
is_hash(const char *line, size_t len)
{
	size_t n = 1;

	if (len == 0 || line[0] != '$')
		return false;
	if (starts(line, len, "$md5,rounds="))
		return true;
	while (n < len &&
	    strchr("0123456789abcdefghijklmnopqrstuvwxyz", line[n]) != NULL &&
	    line[n] != '\0')
		n++;
	return n > 1 && n < len && line[n] == '$';
}

/* Whether it begins with a mark, of whatever name in capitals. */
static bool
slow_mark(const char *line, size_t len)
{
	char text[SECRET_LINE + 1];
	int end = -1;

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, line);
	(void)sscanf(text, "{%*[A-Z0-9.-]}%n", &end);
	return end > 0;
}

/* The kind of the line; *from and *to are where its text is in it. */
static enum secret_kind
slow_kind(const char *line, size_t len, size_t *from, size_t *to)
{
	enum secret_kind kind = SECRET_PLAIN;

	*from = *to = 0;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0 || len >= SECRET_LINE || memchr(line, '\0', len) ||
	    line[0] == '!' || starts(line, len, "From "))
		return SECRET_NONE;
	*to = len;
	if (starts(line, len, "{PLAIN}") || starts(line, len, "{CRYPT}"))
		*from = 7;
	else if (starts(line, len, "{SCRAM-SHA-256}"))
		*from = 15;
	if (starts(line, len, "{SCRAM-"))
		kind = *from > 0 ? SECRET_SCRAM : SECRET_NONE;
	else if (starts(line, len, "{CRYPT}") || is_hash(line, len))
		kind = SECRET_CRYPT;
	else if (*from == 0 && slow_mark(line, len))
		return SECRET_NONE;
	while (kind != SECRET_PLAIN && *to > *from &&
	    (line[*to - 1] == ' ' || line[*to - 1] == '\t'))
		--*to;
	return *from < *to ? kind : SECRET_NONE;
}

/* What was read, written again, is the text. */
static void
same_keys(const struct scram *keys, const char *text, size_t len)
{
	char salt[BASE64_TEXT(SECRET_SALT)], stored[BASE64_TEXT(SHA256_SIZE)];
	char server[BASE64_TEXT(SHA256_SIZE)], again[SECRET_LINE];
	int n;

	must(keys->iterations >= 4096 && keys->iterations <= 1000000);
	must(keys->salt_len > 0 && keys->salt_len <= SECRET_SALT);
	base64_encode(keys->salt, keys->salt_len, salt);
	base64_encode(keys->stored, sizeof(keys->stored), stored);
	base64_encode(keys->server, sizeof(keys->server), server);
	n = snprintf(again, sizeof(again), "%u,%s,%s,%s", keys->iterations,
	    salt, stored, server);
	for (; len > 0 && *text == '0'; text++)
		len--;
	must((size_t)n == len && memcmp(again, text, len) == 0);
}

static void
lets_in_itself(struct secret *s, size_t len)
{
	char wrong[SECRET_LINE + 1];

	must(secret_is_password(s, s->text));
	memcpy(wrong, s->text, len + 1);
	wrong[len / 2] ^= 1;
	must(!secret_is_password(s, wrong));
	memcpy(wrong, s->text, len);
	memcpy(wrong + len, "x", 2);
	must(!secret_is_password(s, wrong));
	must(!secret_is_password(s, s->text + 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *line = take_rest(&in);
	enum secret_kind kind;
	struct secret s;
	size_t from, to;

	memset(&s, 'x', sizeof(s));
	secret_parse(line, in.len, &s);
	kind = slow_kind(line, in.len, &from, &to);
	must(s.kind == kind ||
	    (s.kind == SECRET_NONE &&
		((kind == SECRET_CRYPT && s.flaw == SECRET_COSTLY) ||
		    (kind == SECRET_SCRAM && s.flaw == SECRET_FORM))));
	must((s.kind == SECRET_NONE) == (s.flaw != SECRET_NO_FLAW));
	if (s.kind == SECRET_NONE || s.kind == SECRET_SCRAM) {
		must(s.text[0] == '\0');
		must(!secret_is_digest(
		    &s, "<1@a>", "d41d8cd98f00b204e9800998ecf8427e"));
	} else {
		must(memchr(s.text, '\0', sizeof(s.text)) ==
		    s.text + (to - from));
		must(memcmp(s.text, line + from, to - from) == 0);
	}
	if (s.kind == SECRET_NONE)
		must(!secret_is_password(&s, ""));
	else if (s.kind == SECRET_PLAIN)
		lets_in_itself(&s, to - from);
	else if (s.kind == SECRET_SCRAM)
		same_keys(&s.scram, line + from, to - from);
	free(line);
	return 0;
}
