/* SPDX-License-Identifier: ISC */
/*
 * Property: a command line either reaches the handler of its keyword, with as
 * many words as the row wants and exactly as they stood in the line, or gets one
 * -ERR and reaches none.  It is never read behind its end.
 */

#include <ctype.h>

#include "fuzz.h"
#include "session.h"

/* Its functions are static; and the one that is not is there already. */
void fuzz_session_run(const struct session_settings *,
    const struct session_links *, const struct registration *);
#define session_run(...) fuzz_session_run(__VA_ARGS__)
#include "../../src/session/session.c"

enum { WORDS = 2 };

/* What a handler has seen. */
static struct {
	const struct command *row;
	char *arg[WORDS];
} seen;

static enum next handle(struct session *, char **, size_t row);

static enum next
zero(struct session *s, char **arg)
{
	return handle(s, arg, 0);
}

static enum next
one(struct session *s, char **arg)
{
	return handle(s, arg, 1);
}

static enum next
maybe(struct session *s, char **arg)
{
	return handle(s, arg, 2);
}

static enum next
two(struct session *s, char **arg)
{
	return handle(s, arg, 3);
}

static enum next
rest(struct session *s, char **arg)
{
	return handle(s, arg, 4);
}

static const struct command rows[] = {
	{ "ZERO", IN(0), 0, 0, NULL, zero },
	{ "ONE", IN(0), 1, 1, NULL, one },
	{ "MAY", IN(0), 0, 1, NULL, maybe },
	{ "TWO", IN(0), 2, 2, NULL, two },
	{ "REST", IN(0), 1, REST, NULL, rest },
	{ .verb = NULL },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) - 1 };

static enum next
handle(struct session *s, char **arg, size_t row)
{
	must(seen.row == NULL);
	seen.row = &rows[row];
	for (size_t i = 0; i < WORDS; i++)
		seen.arg[i] = arg[i];
	reply_ok(&s->out, "done");
	return NEXT_STAY;
}

static const struct protocol protocol = { .commands = rows };

/*
 * The words of a line, told plainly.  Returns the row that takes them, or NULL;
 * word holds where they begin and end.
 */
static const struct command *
slow_parse(const char *line, size_t len, size_t word[WORDS][2])
{
	size_t verb = 0, n = 0, at;
	const struct command *row = NULL;

	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			return NULL;
	while (verb < len && line[verb] != ' ')
		verb++;
	for (size_t r = 0; r < ROWS; r++) {
		size_t i = 0;

		while (i < verb && toupper(line[i]) == rows[r].verb[i])
			i++;
		if (i == verb && rows[r].verb[i] == '\0')
			row = &rows[r];
	}
	if (row == NULL)
		return NULL;
	if (row->argmax == REST) {
		word[0][0] = verb + 1;
		word[0][1] = len;
		return verb < len ? row : NULL;
	}
	while (len > verb && line[len - 1] == ' ')
		len--;
	for (at = verb; at < len; n++) {
		size_t begin = at + 1;

		for (at = begin; at < len && line[at] != ' ';)
			at++;
		if (at == begin || n == row->argmax)
			return NULL;
		word[n][0] = begin;
		word[n][1] = at;
	}
	return n < row->argmin ? NULL : row;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session s;
	struct input in = { data, size };
	char *line = take_string(&in), *copy;
	size_t len = strlen(line), word[WORDS][2] = { { 0 } };
	const struct command *want = slow_parse(line, len, word);
	enum next next;

	copy = strdup(line);
	must(copy != NULL);
	s.protocol = &protocol;
	s.bad = 0;
	s.out.len = 0;
	s.out.fd = -1;
	seen.row = NULL;
	next = obey(&s, line);

	must(next == NEXT_STAY && seen.row == want);
	must(s.out.len > 2 && s.out.len <= REPLY_LINE &&
	    memchr(s.out.buf, '\n', s.out.len) == s.out.buf + s.out.len - 1);
	must(strncmp(s.out.buf, want == NULL ? "-ERR " : "+OK ", 4) == 0);
	must(s.bad == (want == NULL ? 1 : 0));
	for (size_t i = 0; want != NULL && i < WORDS; i++) {
		size_t n = word[i][1] - word[i][0];

		if (word[i][1] == 0) {
			must(seen.arg[i] == NULL);
			continue;
		}
		must(seen.arg[i] == line + word[i][0] &&
		    strlen(seen.arg[i]) == n &&
		    memcmp(seen.arg[i], copy + word[i][0], n) == 0);
	}
	free(copy);
	free(line);
	return 0;
}
