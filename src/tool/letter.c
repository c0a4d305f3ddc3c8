/* SPDX-License-Identifier: ISC */
/* A message on its way into an mbox.  Runs as: restantectl. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "letter.h"
#include "mbox.h"

enum { SENDER = 320, FIRST_ROOM = 64 * 1024 };

static const char from[] = "From ";

void
letter_separator(
    const char *sender, uint64_t seconds, char line[LETTER_SEPARATOR])
{
	char clean[SENDER], date[64] = "";
	time_t when = (time_t)seconds;
	size_t n = 0;
	struct tm tm;

	for (; *sender != '\0' && n + 1 < sizeof(clean); sender++)
		clean[n++] = (char)(*sender > ' ' && *sender < 0x7f ? *sender
								    : '-');
	clean[n] = '\0';
	/* No reader takes a year for one that has not four digits. */
	if (gmtime_r(&when, &tm) == NULL || tm.tm_year < 1000 - 1900 ||
	    tm.tm_year > 9999 - 1900) {
		when = 0;
		(void)gmtime_r(&when, &tm);
	}
	(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	(void)snprintf(line, LETTER_SEPARATOR, "From %s %s\n",
	    n == 0 ? "MAILER-DAEMON" : clean, date);
}

/* Whether a line of a body needs a '>' before it. */
static bool
needs_quoting(const char *line, size_t len)
{
	return (len >= sizeof(from) - 1 &&
		   memcmp(line, from, sizeof(from) - 1) == 0) ||
	    mbox_is_quoted((const unsigned char *)line, len);
}

size_t
letter_compose(const char *separator, const char *text, size_t len, char **mbox)
{
	const char *end = text + len, *lf, *next;
	bool in_body = false;
	size_t n = strlen(separator), line;
	/* A line that is quoted has five octets, and gets one. */
	char *out = malloc(n + len + len / 5 + 3);

	*mbox = out;
	if (out == NULL)
		return 0;
	memcpy(out, separator, n);
	for (; text < end; text = next) {
		lf = memchr(text, '\n', (size_t)(end - text));
		next = lf == NULL ? end : lf + 1;
		line = (size_t)((lf == NULL ? end : lf) - text);
		if (lf != NULL && line > 0 && text[line - 1] == '\r')
			line--;
		if (in_body && needs_quoting(text, line))
			out[n++] = '>';
		memcpy(out + n, text, line);
		n += line;
		out[n++] = '\n';
		/* What is left of "\r\r\n" is read as a blank line, too. */
		in_body = in_body || line == 0 || (line == 1 && *text == '\r');
	}
	out[n++] = '\n';
	return n;
}

int
letter_read(int fd, char **text, size_t *len)
{
	size_t room = FIRST_ROOM;
	char *grown;
	ssize_t n = 0;

	*len = 0;
	*text = malloc(room);
	while (*text != NULL) {
		n = read(fd, *text + *len, room - *len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*len += (size_t)n;
		if (*len < room)
			continue;
		room *= 2;
		grown = realloc(*text, room);
		if (grown == NULL)
			break;
		*text = grown;
	}
	if (*text != NULL && n == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -1;
}
