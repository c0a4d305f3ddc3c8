/* SPDX-License-Identifier: ISC */
/*
 * The date of a separator line (mbox.h), told by regular expressions and the
 * system's own calendar.
 */
#ifndef SLOW_DATE_H
#define SLOW_DATE_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "slow_mbox.h"

enum { SLOW_DATE_PARTS = 8 };

/* Where the expression, compiled once, matches first; false when nowhere. */
static inline bool
slow_match(regex_t *regex, const char *expression, const char *text,
    regmatch_t parts[SLOW_DATE_PARTS])
{
	if (regex->re_nsub == 0 &&
	    regcomp(regex, expression, REG_EXTENDED) != 0)
		abort();
	return regexec(regex, text, SLOW_DATE_PARTS, parts, 0) == 0;
}

static inline int
slow_number(const char *text, const regmatch_t *part)
{
	char digits[8] = "";

	memcpy(digits, text + part->rm_so, (size_t)(part->rm_eo - part->rm_so));
	return atoi(digits);
}

/* Seconds ahead of UTC; the last zone of all when none is said. */
static inline int
slow_zone(const char *text)
{
	static regex_t regex;
	regmatch_t p[SLOW_DATE_PARTS];
	int seconds;

	while (
	    slow_match(&regex, " ([+-])([0-9]{2})([0-9]{2})( |$)", text, p)) {
		seconds = slow_number(text, &p[2]) * 3600 +
		    slow_number(text, &p[3]) * 60;
		if (seconds <= 14 * 3600)
			return text[p[1].rm_so] == '-' ? -seconds : seconds;
		text += p[3].rm_eo;
	}
	return -12 * 3600;
}

/* Of the first line, which may be cut anywhere. */
static inline int64_t
slow_date(const char *line, size_t len)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static regex_t date, seconds_of, year_of;
	char text[MBOX_SEPARATOR_MAX + 1] = "";
	regmatch_t p[SLOW_DATE_PARTS], q[SLOW_DATE_PARTS];
	struct tm tm = { .tm_isdst = 0 }, same;
	const char *rest;
	time_t when;

	len = slow_line(line, len);
	if (!slow_is_separator(line, len))
		return MBOX_NO_DATE;
	memcpy(text, line, len - slow_line_end(line, len));
	if (!slow_match(&date,
		" (Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|"
		"Aug|Sep|Oct|Nov|Dec)  *([0-9][0-9]?) ([0-9]{2}):([0-9]{2})"
		"(.* [0-9]{4}([^0-9].*)?)$",
		text, p))
		abort();
	rest = text + p[6].rm_so;
	for (int i = 0; i < 12; i++)
		if (memcmp(months + i * 3, text + p[2].rm_so, 3) == 0)
			tm.tm_mon = i;
	tm.tm_mday = slow_number(text, &p[3]);
	tm.tm_hour = slow_number(text, &p[4]);
	tm.tm_min = slow_number(text, &p[5]);
	if (slow_match(&seconds_of, "^:([0-9]{2})", rest, q))
		tm.tm_sec = slow_number(rest, &q[1]);
	if (!slow_match(&year_of, " ([0-9]{4})([^0-9]|$)", rest, q))
		abort();
	tm.tm_year = slow_number(rest, &q[1]) - 1900;
	if (tm.tm_year < 70 ||
	    (tm.tm_year == 70 && tm.tm_mon == 0 && tm.tm_mday == 1) ||
	    tm.tm_sec > 60)
		return MBOX_NO_DATE;
	/* What the calendar had to put right is no date; a leap second is. */
	same = tm;
	if (same.tm_sec == 60)
		same.tm_sec = 59;
	when = timegm(&same);
	if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon ||
	    same.tm_hour != tm.tm_hour || same.tm_min != tm.tm_min)
		return MBOX_NO_DATE;
	return (int64_t)when + (tm.tm_sec == 60 ? 1 : 0) - slow_zone(rest);
}

#endif
