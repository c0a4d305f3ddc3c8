/* SPDX-License-Identifier: ISC */
/* The form of a mailbox file.  Looks at memory only.  Runs as: session. */

#include <string.h>

#include "mbox.h"
#include "num.h"

#ifdef __x86_64__
/* Octets that are looked at before it is asked what was found. */
enum { ROUND = 128 };

/*
 * Passes over the rounds of octets at p in which no line begins with a or with b,
 * and counts their bare LFs: three times as fast as memchr() from line to line.
 * p[-1] can be read.
 */
__attribute__((target("avx2"))) static size_t
pass_over(const unsigned char *p, size_t len, unsigned char a, unsigned char b,
    uint64_t *bare)
{
	typedef unsigned char vector __attribute__((vector_size(32)));
	typedef uint64_t words __attribute__((vector_size(32)));
	vector here, before, count, found;
	words any, sum;
	size_t done;

	for (done = 0; len - done >= ROUND; done += ROUND) {
		count = found = (vector){ 0 };
		for (size_t i = done; i < done + ROUND; i += sizeof(here)) {
			memcpy(&here, p + i, sizeof(here));
			memcpy(&before, p + i - 1, sizeof(before));
			/* True is -1. */
			count -= (vector)(here == '\n') &
			    ~(vector)(before == '\r');
			found |= (vector)(before == '\n') &
			    ((vector)(here == a) | (vector)(here == b));
		}
		any = (words)found;
		if ((any[0] | any[1] | any[2] | any[3]) != 0)
			break;
		/* The octets of a word add up in its highest. */
		sum = (words)count * UINT64_C(0x0101010101010101) >> 56;
		*bare += sum[0] + sum[1] + sum[2] + sum[3];
	}
	return done;
}
#endif

static bool
digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static bool
word_of(const unsigned char *p, const char *words)
{
	for (; *words != '\0'; words += 3)
		if (memcmp(p, words, 3) == 0)
			return true;
	return false;
}

/* The first number of four digits behind a blank, or NULL. */
static const unsigned char *
find_year(const unsigned char *p, const unsigned char *end)
{
	for (; end - p >= 5; p++)
		if (p[0] == ' ' && digit(p[1]) && digit(p[2]) && digit(p[3]) &&
		    digit(p[4]) && (end - p == 5 || !digit(p[5])))
			return p + 1;
	return NULL;
}

/* "Www Mmm dd hh:mm", then a year of four digits before the line ends. */
static bool
is_date(const unsigned char *p, const unsigned char *end)
{
	if (end - p < 16 || !word_of(p, "MonTueWedThuFriSatSun") ||
	    p[3] != ' ' || p[7] != ' ' || !word_of(p + 4, months))
		return false;
	p += 8;
	while (p < end && *p == ' ')
		p++;
	if (p == end || !digit(*p++))
		return false;
	if (p < end && digit(*p))
		p++;
	if (end - p < 6 || p[0] != ' ' || !digit(p[1]) || !digit(p[2]) ||
	    p[3] != ':' || !digit(p[4]) || !digit(p[5]))
		return false;
	return find_year(p + 6, end) != NULL;
}

/* Where the date of a separator line starts, or NULL. */
static const unsigned char *
find_date(const unsigned char *p, const unsigned char *end)
{
	for (p += 4; end - p > 16; p++)
		if (*p == ' ' && is_date(p + 1, end))
			return p + 1;
	return NULL;
}

size_t
mbox_separator(const unsigned char *p, size_t len)
{
	const unsigned char *lf, *end;

	if (len < 5 || memcmp(p, "From ", 5) != 0)
		return 0;
	if (len > MBOX_SEPARATOR_MAX)
		len = MBOX_SEPARATOR_MAX;
	lf = memchr(p, '\n', len);
	if (lf == NULL)
		return 0;
	end = lf[-1] == '\r' ? lf - 1 : lf;
	/* A tombstone is told by that. */
	if (memchr(p, '\0', (size_t)(end - p)) != NULL)
		return 0;
	return find_date(p, end) == NULL ? 0 : (size_t)(lf + 1 - p);
}

/* A number of n digits, which are there. */
static int
number(const unsigned char *p, int n)
{
	int value = 0;

	while (n-- > 0)
		value = value * 10 + (*p++ - '0');
	return value;
}

/* Days from 1970 to the first of a month; a year begins in March here. */
static int64_t
days_to(int year, int month)
{
	static const int before[] = { 306, 337, 0, 31, 61, 92, 122, 153, 184,
		214, 245, 275 };

	if (month < 2)
		year--;
	return (int64_t)year * 365 + year / 4 - year / 100 + year / 400 +
	    before[month] - 719468;
}

/*
 * The seconds that the local time is ahead of UTC: "+hhmm", or else those of the
 * zone that comes last in the day.
 */
static int
zone(const unsigned char *p, const unsigned char *end)
{
	int seconds;

	for (; end - p >= 6; p++) {
		if (p[0] != ' ' || (p[1] != '+' && p[1] != '-') ||
		    !digit(p[2]) || !digit(p[3]) || !digit(p[4]) ||
		    !digit(p[5]) || (end - p > 6 && p[6] != ' '))
			continue;
		seconds = number(p + 2, 2) * 3600 + number(p + 4, 2) * 60;
		if (seconds <= 14 * 3600)
			return p[1] == '+' ? seconds : -seconds;
	}
	return -12 * 3600;
}

/* A day and a time of it; -1 when there are none such. */
static int64_t
seconds_to(int year, int month, int day, const unsigned char *time)
{
	int hour = number(time, 2), minute = number(time + 3, 2), second = 0;
	int64_t first = days_to(year, month);
	int64_t next = month < 11 ? days_to(year, month + 1)
				  : days_to(year + 1, 0);

	if (time[5] == ':' && digit(time[6]) && digit(time[7]))
		second = number(time + 6, 2);
	/* A minute may have a leap second; the first day stands for none. */
	if (first + day <= 1 || day < 1 || day > next - first || hour > 23 ||
	    minute > 59 || second > 60)
		return -1;
	return (first + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
}

int64_t
mbox_date(const unsigned char *line, size_t len)
{
	const unsigned char *end = line + mbox_separator(line, len);
	const unsigned char *p, *time, *year;
	int day, month = 0;
	int64_t seconds;

	if (end == line)
		return MBOX_NO_DATE;
	end--;
	if (end[-1] == '\r')
		end--;
	p = find_date(line, end) + 4;
	while (memcmp(p, months + 3 * month, 3) != 0)
		month++;
	for (p += 4; *p == ' '; p++)
		;
	day = number(p, digit(p[1]) ? 2 : 1);
	time = p + (digit(p[1]) ? 3 : 2);
	year = find_year(time + 5, end);
	seconds = seconds_to(number(year, 4), month, day, time);
	return seconds == -1 ? MBOX_NO_DATE : seconds - zone(time + 5, end);
}

void
mbox_scan_init(struct mbox_scan *s, uint64_t start,
    int (*found)(void *ctx, const struct mbox_entry *), void *ctx)
{
	*s = (struct mbox_scan){
		.found = found,
		.ctx = ctx,
		.start = start,
		.pos = start,
	};
}

/* A window of the file. */
struct view {
	const unsigned char *octets;
	uint64_t offset, end; /* of the window in the file */
};

static const unsigned char *
at(const struct view *v, uint64_t pos)
{
	return v->octets + (pos - v->offset);
}

/* Whether a blank line, or what a scan begins behind, ends before pos. */
static bool
blank_before(const struct mbox_scan *s, const struct view *v, uint64_t pos)
{
	uint64_t behind = pos - s->start;
	const unsigned char *p = at(v, pos);

	if (behind <= 1)
		return behind == 0 || p[-1] == '\n';
	if (p[-1] != '\n' || p[-2] == '\n')
		return p[-1] == '\n';
	return p[-2] == '\r' && (behind == 2 || p[-3] == '\n');
}

/* Adds the header up to end to the open message's id. */
static void
hash_header(struct mbox_scan *s, const struct view *v, uint64_t end)
{
	if (end > s->hashed) {
		xxh64_update(
		    &s->id, at(v, s->hashed), (size_t)(end - s->hashed));
		s->hashed = end;
	}
}

/*
 * The message or tombstone ends before end; its last line is blank and has tail
 * octets, or tail is 0.  unended is what the wire adds to a last line without an
 * end.
 */
static int
close_entry(struct mbox_scan *s, uint64_t end, uint8_t tail, uint64_t unended)
{
	struct mbox_entry *e = &s->entry;
	char digits[NUM_DIGITS];

	s->open = s->in_header = false;
	e->stored = end - e->offset;
	e->tail = tail;
	if (e->flags & MBOX_TOMBSTONE)
		return s->found(s->ctx, e);

	e->octets = e->stored - e->separator - tail + unended +
	    (s->bare - s->bare_at_content - (tail == 1 ? 1 : 0));
	xxh64_update(&s->id, digits, num_print(e->octets, digits));
	xxh64_final(&s->id, e->id);
	e->octets -= e->quoted;
	return s->found(s->ctx, e);
}

/* The octets of the blank line that ends before end. */
static uint8_t
blank_line(const struct view *v, uint64_t end)
{
	return at(v, end)[-2] == '\r' ? 2 : 1;
}

/* The first blank line of the open entry starts at pos and has so many octets. */
static int
end_header(struct mbox_scan *s, const struct view *v, uint8_t blank)
{
	s->in_header = false;
	if (s->entry.flags & MBOX_TOMBSTONE)
		return close_entry(s, s->pos + blank, blank, 0);
	hash_header(s, v, s->pos);
	return 0;
}

/* Starts an entry at pos if a separator or a tombstone stands there. */
static int
begin_entry(struct mbox_scan *s, const struct view *v)
{
	const unsigned char *p = at(v, s->pos);
	size_t len = (size_t)(v->end - s->pos);
	size_t separator = mbox_separator(p, len);
	bool tombstone = separator == 0 && len > 5 &&
	    memcmp(p, "From ", 6) == 0;

	if (separator == 0 && !tombstone)
		return 0;
	if (s->open && close_entry(s, s->pos, blank_line(v, s->pos), 0) == -1)
		return -1;

	s->open = s->in_header = true;
	s->entry = (struct mbox_entry){
		.offset = s->pos,
		.separator = (uint16_t)separator,
		.flags = tombstone ? MBOX_TOMBSTONE : 0,
	};
	s->hashed = s->pos;
	s->bare_at_content = s->bare;
	if (!tombstone) {
		s->bare_at_content += p[separator - 2] == '\r' ? 0 : 1;
		xxh64_init(&s->id);
	}
	return 0;
}

/* Looks at the octet at pos, where a line starts. */
static int
begin_line(struct mbox_scan *s, const struct view *v)
{
	const unsigned char *p = at(v, s->pos);
	size_t len = (size_t)(v->end - s->pos);

	if (s->in_header) {
		if (*p == '\n')
			return end_header(s, v, 1);
		if (*p == '\r' && len > 1 && p[1] == '\n')
			return end_header(s, v, 2);
	} else if (*p == 'F') {
		if (blank_before(s, v, s->pos))
			return begin_entry(s, v);
	} else if (*p == '>' && s->unquote && s->open) {
		s->entry.quoted += mbox_is_quoted(p, len) ? 1 : 0;
	}
	return 0;
}

/*
 * Goes on from pos, which is not the start, to where a line begins with an octet
 * that matters now, or to limit.
 */
static void
find_line(struct mbox_scan *s, const struct view *v, uint64_t limit)
{
	const unsigned char *p = at(v, s->pos), *end = at(v, limit), *lf;
	unsigned char a = s->in_header ? '\n' : 'F';
	unsigned char b = s->in_header ? '\r' : s->unquote ? '>' : 'F';

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		p += pass_over(p, (size_t)(end - p), a, b, &s->bare);
#endif
	while (p < end && (p[-1] != '\n' || (*p != a && *p != b))) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL) {
			p = end;
			break;
		}
		s->bare += lf[-1] != '\r' ? 1 : 0;
		p = lf + 1;
	}
	s->pos = v->offset + (uint64_t)(p - v->octets);
}

/* Looks at all octets before limit. */
static int
look(struct mbox_scan *s, const struct view *v, uint64_t limit)
{
	for (;;) {
		if (s->pos != s->start)
			find_line(s, v, limit);
		if (s->pos >= limit)
			return 0;
		if (begin_line(s, v) == -1)
			return -1;
		s->bare += *at(v, s->pos) == '\n' ? 1 : 0;
		s->pos++;
	}
}

/* The file ends behind the open entry. */
static int
end_file(struct mbox_scan *s, const struct view *v)
{
	unsigned char last = at(v, v->end)[-1];
	uint8_t tail = 0;

	if (blank_before(s, v, v->end))
		tail = blank_line(v, v->end);
	return close_entry(s, v->end, tail,
	    last == '\n'       ? 0
		: last == '\r' ? 1
			       : 2);
}

int
mbox_scan(struct mbox_scan *s, const unsigned char *window, size_t len,
    uint64_t offset, bool last)
{
	struct view v = {
		.octets = window,
		.offset = offset,
		.end = offset + len,
	};
	uint64_t limit = v.end;

	if (!last)
		limit = len > MBOX_SEPARATOR_MAX ? limit - MBOX_SEPARATOR_MAX
						 : 0;
	if (s->pos < limit && look(s, &v, limit) == -1)
		return -1;
	if (s->in_header && !(s->entry.flags & MBOX_TOMBSTONE))
		hash_header(s, &v, limit);
	return last && s->open ? end_file(s, &v) : 0;
}

const char *
mbox_missing_end(const char *end, size_t len)
{
	const char *last = end + len - 1;

	if (len > 1 && memcmp(last - 1, "\n\r", 2) == 0)
		return "\n"; /* the blank line's, whose CR is there */
	if (*last != '\n')
		return "\n\n";
	if (len > 2 && last[-1] == '\r')
		last--;
	return len > 1 && last[-1] == '\n' ? "" : "\n";
}

size_t
mbox_top(struct mbox_top *t, const char *p, size_t len)
{
	const char *end = p + len, *bol, *lf;
	bool lone_cr, blank;

	for (bol = p; bol < end; bol = lf + 1) {
		if (t->in_body && t->lines == 0 && t->line == MBOX_TOP_EMPTY) {
			t->done = true;
			return (size_t)(bol - p);
		}
		lf = memchr(bol, '\n', (size_t)(end - bol));
		lone_cr = t->line == MBOX_TOP_EMPTY && *bol == '\r';
		if (lf == NULL) {
			t->line = lone_cr && end - bol == 1 ? MBOX_TOP_CR
							    : MBOX_TOP_TEXT;
			break;
		}
		blank = lf == bol ? t->line != MBOX_TOP_TEXT
				  : lone_cr && lf - bol == 1;
		t->line = MBOX_TOP_EMPTY;
		if (t->in_body)
			t->lines--;
		else
			t->in_body = blank;
	}
	return len;
}

bool
mbox_is_quoted(const unsigned char *p, size_t len)
{
	size_t quotes = 0;

	while (quotes < len && quotes <= MBOX_QUOTES_MAX && p[quotes] == '>')
		quotes++;
	return quotes > 0 && quotes <= MBOX_QUOTES_MAX && len - quotes >= 5 &&
	    memcmp(p + quotes, "From ", 5) == 0;
}

size_t
mbox_unquote(char *p, size_t len, bool bol)
{
	size_t from = 0, to = 0, n;
	const char *lf;

	while (from < len) {
		if (bol &&
		    mbox_is_quoted((unsigned char *)p + from, len - from))
			from++;
		lf = memchr(p + from, '\n', len - from);
		n = lf == NULL ? len - from : (size_t)(lf + 1 - (p + from));
		memmove(p + to, p + from, n);
		from += n;
		to += n;
		bol = true;
	}
	return to;
}
