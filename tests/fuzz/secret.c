/* SPDX-License-Identifier: ISC */
/*
 * Property: a password line means what a plain reading of its forms says; what
 * logs nobody in has no text; a plain password lets in itself and nothing that is
 * longer, shorter or different in one octet.
 */

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
	while (n < len &&
	    strchr("0123456789abcdefghijklmnopqrstuvwxyz", line[n]) != NULL &&
	    line[n] != '\0')
		n++;
	return n > 1 && n < len && line[n] == '$';
}

/* The kind of the line; *from and *to are where its text is in it. */
static enum secret_kind
slow_kind(const char *line, size_t len, size_t *from, size_t *to)
{
	*from = *to = 0;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0 || len >= SECRET_LINE || memchr(line, '\0', len) ||
	    line[0] == '!' || starts(line, len, "From ") ||
	    starts(line, len, "{SCRAM-"))
		return SECRET_NONE;
	*to = len;
	if (is_hash(line, len)) {
		while (line[*to - 1] == ' ' || line[*to - 1] == '\t')
			--*to;
		return SECRET_CRYPT;
	}
	if (starts(line, len, "{PLAIN}"))
		*from = 7;
	if (*from < *to)
		return SECRET_PLAIN;
	*from = *to = 0;
	return SECRET_NONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *line = take_rest(&in), wrong[SECRET_LINE + 1];
	struct secret s;
	size_t from, to, len;

	memset(&s, 'x', sizeof(s));
	secret_parse(line, in.len, &s);
	must(s.kind == slow_kind(line, in.len, &from, &to));
	len = to - from;
	must(memchr(s.text, '\0', sizeof(s.text)) == s.text + len);
	must(memcmp(s.text, line + from, len) == 0);
	must((s.kind == SECRET_NONE) == (s.flaw != SECRET_NO_FLAW));
	if (s.kind == SECRET_NONE) {
		must(!secret_is_password(&s, "") &&
		    !secret_is_digest(
			&s, "<1@a>", "d41d8cd98f00b204e9800998ecf8427e"));
	} else if (s.kind == SECRET_PLAIN) {
		must(secret_is_password(&s, s.text));
		memcpy(wrong, s.text, len + 1);
		wrong[len / 2] ^= 1;
		must(!secret_is_password(&s, wrong));
		memcpy(wrong, s.text, len);
		memcpy(wrong + len, "x", 2);
		must(!secret_is_password(&s, wrong));
		must(!secret_is_password(&s, s.text + 1));
	}
	free(line);
	return 0;
}
