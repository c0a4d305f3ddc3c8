/* SPDX-License-Identifier: ISC */
/* The date of a separator line, by which messages expire. */

#include "slow_date.h"
#include "tap.h"

static const char *const week = "SunMonTueWedThuFriSat";
static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";

static int64_t
date(const char *line)
{
	return mbox_date((const unsigned char *)line, strlen(line));
}

/* Every form in which agents write it. */
static const struct {
	const char *line;
	int64_t want;
} forms[] = {
	{ "From a@b Mon Jan  5 09:14:07 2026 +0000\n", 1767604447 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +0000\r\n", 1767604447 },
	{ "From a@b Mon Jan  5 09:14:07 +0000 2026\n", 1767604447 },
	{ "From a@b Mon Jan 5 09:14:07 +0000 2026\n", 1767604447 },
	{ "From a@b Mon Jan 05 09:14:07 +0000 2026\n", 1767604447 },
	{ "From a@b Mon Jan     5 09:14:07 +0000 2026\n", 1767604447 },
	{ "From a@b Mon Jan  5 09:14 +0000 2026\n", 1767604440 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +0100\n", 1767604447 - 3600 },
	{ "From a@b Mon Jan  5 09:14:07 2026 -0830\n", 1767604447 + 30600 },
	{ "From a@b Mon Jan  5 09:14:07 -1200 2026\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 +1400 2026\n", 1767604447 - 50400 },
	/* No zone, or none that is known: the latest that it can be. */
	{ "From a@b Mon Jan  5 09:14:07 2026\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026\r\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 CET 2026\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026 PST\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +1401\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +01000\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +010\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026 +0100\r\r\n", 1767604447 + 43200 },
	{ "From a@b Mon Jan  5 09:14:07 2026+0100\n", 1767604447 + 43200 },
	/* The weekday is not looked at, the sender is anything. */
	{ "From a@b Sun Jan  5 09:14:07 2026 +0000\n", 1767604447 },
	{ "From Mon Jan  5 09:14:07 2026 +0000\n", 1767604447 },
	{ "From Jan Feb Mon Jan  5 09:14:07 2026 +0000 remote from x\n",
	    1767604447 },
	{ "From a@b  Mon Jan  5 09:14:07 2026 +0000\n", 1767604447 },
	{ "From a@b Fri Jan  2 00:00:00 1970 +0000\n", 86400 },
	{ "From a@b Fri Jan  2 00:00:00 1970 +0100\n", 82800 },
	{ "From a@b Fri Dec 31 23:59:60 9999 +0000\n", 253402300800 },
	{ "From a@b Tue Feb 29 12:00:00 2000 +0000\n", 951825600 },
	/* Days and times that there are not. */
	{ "From a@b Mon Feb 29 12:00:00 2100 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Feb 29 12:00:00 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan  0 12:00:00 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan 32 12:00:00 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan  5 24:00:00 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan  5 23:60:00 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan  5 23:59:61 2026 +0000\n", MBOX_NO_DATE },
	{ "From a@b Wed Dec 31 23:59:59 1969 +0000\n", MBOX_NO_DATE },
	/* What programs write that know no date. */
	{ "From a@b Thu Jan  1 00:00:00 1970 +0000\n", MBOX_NO_DATE },
	{ "From a@b Thu Jan  1 23:59:60 1970 -1200\n", MBOX_NO_DATE },
	{ "From a@b Mon Jan  1 00:00:00 0000 +0000\n", MBOX_NO_DATE },
	/* No separators. */
	{ "From a@b Mon Jan  5 09:14:07 2026 +0000", MBOX_NO_DATE },
	{ "From a@b Mon Jan  5 09:14:07 26 +0000\n", MBOX_NO_DATE },
	{ "From a@b 5 Jan 2026 09:14:07 +0000\n", MBOX_NO_DATE },
	{ "From a@b mon Jan  5 09:14:07 2026 +0000\n", MBOX_NO_DATE },
	{ ">From a@b Mon Jan  5 09:14:07 2026 +0000\n", MBOX_NO_DATE },
	{ "From nobody\n", MBOX_NO_DATE },
	{ "From \n", MBOX_NO_DATE },
	{ "", MBOX_NO_DATE },
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static void
known_forms(void)
{
	for (size_t i = 0; i < FORMS; i++) {
		const char *line = forms[i].line;

		check(date(line) == forms[i].want, "%jd: %s",
		    (intmax_t)date(line), line);
		check(slow_date(line, strlen(line)) == forms[i].want,
		    "told slowly: %s", line);
	}
	(void)point("every form in which it is written");
}

/* Yields a line of this day and time. */
static const char *
line_of(const struct tm *tm, const char *rest)
{
	static char line[128];

	(void)snprintf(line, sizeof(line),
	    "From a@b %.3s %.3s %2d %02d:%02d:%02d %d%s\n",
	    week + 3 * tm->tm_wday, months + 3 * tm->tm_mon, tm->tm_mday,
	    tm->tm_hour, tm->tm_min, tm->tm_sec, tm->tm_year + 1900, rest);
	return line;
}

static void
every_day(void)
{
	const int64_t end = 253402300800; /* of the year 9999 */
	struct tm tm;
	time_t t;

	for (int64_t at = 86400; at < end; at += 86400 + 1) {
		t = (time_t)at;
		need(gmtime_r(&t, &tm) != NULL, "gmtime");
		check(date(line_of(&tm, " +0000")) == at, "%s",
		    line_of(&tm, " +0000"));
	}
	(void)point("every day of the years 1970 to 9999, at any time of it");
}

/* All that two digits can say, in each place; what is no date says so. */
static void
every_number(void)
{
	struct tm tm = { .tm_year = 126 };
	const char *line;
	size_t none = 0;

	for (int year = 1968; year <= 2104; year++)
		for (int month = 0; month < 12; month++)
			for (int day = 0; day <= 99; day += day < 27 ? 9 : 1) {
				tm = (struct tm){ .tm_year = year - 1900,
					.tm_mon = month,
					.tm_mday = day };
				line = line_of(&tm, "");
				check(
				    date(line) == slow_date(line, strlen(line)),
				    "%s", line);
				none += date(line) == MBOX_NO_DATE;
			}
	for (int i = 0; i < 1000000; i += 997) {
		tm = (struct tm){ .tm_year = 126,
			.tm_mday = 9,
			.tm_hour = i / 10000,
			.tm_min = i / 100 % 100,
			.tm_sec = i % 100 };
		line = line_of(&tm, "");
		check(date(line) == slow_date(line, strlen(line)), "%s", line);
		none += date(line) == MBOX_NO_DATE;
	}
	for (int i = 0; i <= 9999; i++) {
		char rest[16];

		(void)snprintf(rest, sizeof(rest), " %c%04d", "+-"[i & 1], i);
		tm = (struct tm){ .tm_year = 126, .tm_mday = 9 };
		line = line_of(&tm, rest);
		check(date(line) == slow_date(line, strlen(line)), "%s", line);
	}
	check(none > 1000, "only %zu are no dates", none);
	(void)point("days of every month, times, zones, such as there are not");
}

/* Cut anywhere, and with any octet changed. */
static void
damage(void)
{
	char line[MBOX_SEPARATOR_MAX];
	size_t len;

	for (size_t i = 0; i < FORMS; i++) {
		len = strlen(forms[i].line);
		for (size_t n = 0; n <= len; n++) {
			memcpy(line, forms[i].line, len);
			check(mbox_date((unsigned char *)line, n) ==
				slow_date(line, n),
			    "%zu of %s", n, forms[i].line);
			if (n == len)
				break;
			for (size_t k = 0; k < 12; k++) {
				line[n] = "0129 :+-aM\n\0"[k];
				check(mbox_date((unsigned char *)line, len) ==
					slow_date(line, len),
				    "octet %zu of %s", n, forms[i].line);
			}
		}
	}
	(void)point("cut or changed at every octet");
}

int
main(void)
{
	known_forms();
	every_day();
	every_number();
	damage();
	return done();
}
