/* SPDX-License-Identifier: ISC */
/* The machine's name, and the APOP timestamp.  Runs as: master, listener. */

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "stamp.h"

void
stamp_host(const char *name, char host[SESSION_HOST])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-";
	size_t n = 0;

	for (; *name != '\0' && n < SESSION_HOST - 1; name++)
		if (strchr(letters, *name) != NULL ||
		    (*name == '.' && n > 0 && host[n - 1] != '.'))
			host[n++] = *name;
	while (n > 0 && host[n - 1] == '.')
		n--;
	host[n] = '\0';
	if (n == 0)
		(void)snprintf(host, SESSION_HOST, "localhost");
}

uint64_t
stamp_clock(void)
{
	static uint64_t last;
	uint64_t now = clock_wall_ns();

	/* The wall clock can be set back. */
	last = now > last ? now : last + 1;
	return last;
}

void
stamp_write(
    char stamp[CHANNEL_STAMP], pid_t pid, uint64_t clock, const char *host)
{
	(void)snprintf(stamp, CHANNEL_STAMP, "<%ld.%ju@%s>", (long)pid,
	    (uintmax_t)clock, host);
}
