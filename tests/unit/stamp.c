/* SPDX-License-Identifier: ISC */
/* The machine's name as clients can take it, and the APOP timestamp. */

#include "chance.h"
#include "stamp.h"
#include "tap.h"

static const struct {
	const char *name, *clean;
} rows[] = {
	{ "mail.example.org", "mail.example.org" },
	{ "Mail-1", "Mail-1" },
	{ "localhost", "localhost" },
	{ "", "localhost" },
	{ ".", "localhost" },
	{ "...", "localhost" },
	{ "(none)", "none" },
	{ "mail.example.org.", "mail.example.org" },
	{ ".mail..example...org..", "mail.example.org" },
	{ "a b", "ab" },
	{ "a@b", "ab" },
	{ "<a>", "a" },
	{ "a_b", "ab" },
	{ "a\r\nb", "ab" },
	{ "m\xc3\xa4il", "mil" },
	{ "\xff\xfe", "localhost" },
	{ "a.\x01.b", "a.b" },
	{ "[::1]", "1" },
	{ "-", "-" },
};

static void
names(void)
{
	char host[SESSION_HOST];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stamp_host(rows[i].name, host);
		check(strcmp(host, rows[i].clean) == 0, "\"%s\" gives \"%s\"",
		    rows[i].name, host);
	}
	(void)point("a table of names");
}

/* Whether clients can take it: RFC 822 calls it a domain. */
static bool
is_host(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len < SESSION_HOST &&
	    strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-.") == len &&
	    s[0] != '.' && s[len - 1] != '.' && strstr(s, "..") == NULL;
}

static void
random_names(void)
{
	char name[200], host[SESSION_HOST], again[SESSION_HOST];

	for (int round = 0; round < 50000; round++) {
		size_t len = chance(sizeof(name));

		for (size_t i = 0; i < len; i++)
			name[i] = chance(2) == 0 ? chance_of("a.-", 3)
						 : (char)(1 + chance(255));
		name[len] = '\0';
		memset(host, 'x', sizeof(host));
		stamp_host(name, host);
		stamp_host(host, again);
		check(memchr(host, '\0', sizeof(host)) != NULL &&
			is_host(host) && strcmp(host, again) == 0,
		    "\"%s\"", name);
	}
	(void)point("P3-004: whatever the name, a client can take it");

	for (size_t len = 1; len < sizeof(name); len++) {
		memset(name, 'x', len);
		name[len] = '\0';
		if (len > SESSION_HOST - 2)
			name[SESSION_HOST - 2] = '.';
		stamp_host(name, host);
		check(is_host(host), "%zu octets give \"%s\"", len, host);
	}
	(void)point("names of every length, with a dot where they are cut");
}

/* The Makefile lets stamp.c call this instead of clock_wall_ns(). */
uint64_t __wrap_clock_wall_ns(void);

static const uint64_t wall[] = { 1000, 1001, 1001, 1001, 5, 4, 900, 2000, 2000,
	1999, 2005, 0, 3000 };
static size_t wall_at;

enum { WALLS = sizeof(wall) / sizeof(wall[0]) };

uint64_t
__wrap_clock_wall_ns(void)
{
	return wall[wall_at < WALLS - 1 ? wall_at++ : WALLS - 1];
}

static void
clocks(void)
{
	uint64_t last = 0, now;

	for (int i = 0; i < 1000000; i++) {
		now = stamp_clock();
		check(now > last, "%ju behind %ju", (uintmax_t)now,
		    (uintmax_t)last);
		last = now;
	}
	(void)point("P3-006: the clock never gives a value twice, though the "
		    "machine's stands still and is set back");
}

static void
stamps(void)
{
	static const uint64_t clock[] = { 0, 1, UINT64_MAX };
	static const pid_t pid[] = { 1, 4194304, INT32_MAX };
	char stamp[CHANNEL_STAMP], host[SESSION_HOST], want[2 * CHANNEL_STAMP];

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	stamp_write(stamp, 1896, 697170952, "dbc.mtview.ca.us");
	is_str(stamp, "<1896.697170952@dbc.mtview.ca.us>",
	    "P3-005: process-ID, clock, host");
	for (size_t c = 0; c < 3; c++)
		for (size_t p = 0; p < 3; p++) {
			(void)snprintf(want, sizeof(want), "<%d.%ju@%s>",
			    (int)pid[p], (uintmax_t)clock[c], host);
			stamp_write(stamp, pid[p], clock[c], host);
			check(strcmp(stamp, want) == 0, "\"%s\"", stamp);
		}
	(void)point("P3-005: the longest parts have room");
}

int
main(void)
{
	chance_open();
	names();
	random_names();
	clocks();
	stamps();
	return done();
}
