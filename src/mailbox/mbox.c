/* SPDX-License-Identifier: ISC */
/* The form of a mailbox file.  Looks at memory only.  Runs as: session. */

#include <stdio.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mbox.h"

/* A bit for each of 64 octets. */
enum { BLOCK = 64 };

/* Bit i is set where p[i] is c. */
#ifdef __SSE2__
static inline uint64_t
mask(const unsigned char *p, unsigned char c)
{
	const __m128i want = _mm_set1_epi8((char)c);
	uint64_t m = 0;

	for (unsigned int i = 0; i < BLOCK; i += 16) {
		__m128i v = _mm_loadu_si128((const void *)(p + i));
		int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(v, want));

		m |= (uint64_t)(unsigned int)bits << i;
	}
	return m;
}
#else
static inline uint64_t
mask(const unsigned char *p, unsigned char c)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t m = 0, x;

	for (unsigned int i = 0; i < BLOCK; i += 8) {
		x = 0;
		for (unsigned int k = 0; k < 8; k++)
			x |= (uint64_t)p[i + k] << (8 * k);
		x ^= ones * c; /* the octets wanted are now zero */
		x = ~(((x & low7) + low7) | x | low7);
		/* One bit an octet, the highest; gathered into the top 8. */
		m |= ((x >> 7) * UINT64_C(0x0102040810204080)) >> 56 << i;
	}
	return m;
}
#endif

static unsigned int
count(uint64_t m)
{
	return (unsigned int)__builtin_popcountll(m);
}

static unsigned int
lowest(uint64_t m)
{
	return (unsigned int)__builtin_ctzll(m);
}

/* The bits below bit n. */
static uint64_t
below(unsigned int n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

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
	/* A minute may have a leap second. */
	if (year < 1970 || day < 1 || day > next - first || hour > 23 ||
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
	while (end[-1] == '\n' || end[-1] == '\r')
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
		.pos = start,
		/* As if a blank line had just ended. */
		.lf = UINT64_C(1) << 63,
		.blank = UINT64_C(1) << 63,
	};
}

/* A window of the file, and what is known of the block that is looked at. */
struct view {
	const unsigned char *octets;
	uint64_t offset, end; /* of the window in the file */
	uint64_t blank;       /* the LFs that end a blank line */
	uint64_t bare;        /* the LFs without a CR before them */
	uint64_t candidates;  /* an F where a separator may start */
	uint64_t quotes;      /* a '>' where a line starts */
};

static const unsigned char *
at(const struct view *v, uint64_t pos)
{
	return v->octets + (pos - v->offset);
}

/* Adds the header up to end to the open message's id. */
static void
hash_header(struct mbox_scan *s, const struct view *v, uint64_t end)
{
	if (end > s->hashed) {
		md5_update(&s->id, at(v, s->hashed), (size_t)(end - s->hashed));
		s->hashed = end;
	}
}

/*
 * The message or tombstone ends before end; its last line is blank and has tail
 * octets, or tail is 0.  bare counts the bare LFs before end; unended is what
 * the wire adds to a last line without an end.
 */
static int
close_entry(struct mbox_scan *s, uint64_t end, uint64_t bare, uint8_t tail,
    uint64_t unended)
{
	struct mbox_entry *e = &s->entry;
	char digits[24];
	int n;

	s->open = s->in_header = false;
	e->stored = end - e->offset;
	e->tail = tail;
	if (e->flags & MBOX_TOMBSTONE)
		return s->found(s->ctx, e);

	e->octets = e->stored - e->separator - tail + unended +
	    (bare - s->bare_at_content - (tail == 1 ? 1 : 0));
	n = snprintf(digits, sizeof(digits), "%ju", (uintmax_t)e->octets);
	md5_update(&s->id, digits, (size_t)n);
	md5_final(&s->id, e->id);
	e->octets -= e->quoted;
	return s->found(s->ctx, e);
}

/* The octets of the blank line that ends before end. */
static uint8_t
blank_line(const struct view *v, uint64_t end)
{
	return at(v, end)[-2] == '\r' ? 2 : 1;
}

/* The first blank line of the open entry ends before end. */
static int
end_header(struct mbox_scan *s, const struct view *v, uint64_t end)
{
	uint8_t blank = blank_line(v, end);

	s->in_header = false;
	if (s->entry.flags & MBOX_TOMBSTONE)
		return close_entry(s, end, 0, blank, 0);
	hash_header(s, v, end - blank);
	return 0;
}

/* Starts an entry at pos if a separator or a tombstone stands there. */
static int
begin_entry(
    struct mbox_scan *s, const struct view *v, uint64_t pos, uint64_t bare)
{
	const unsigned char *p = at(v, pos);
	size_t len = (size_t)(v->end - pos);
	size_t separator = mbox_separator(p, len);
	bool tombstone = separator == 0 && len > 5 &&
	    memcmp(p, "From ", 6) == 0;

	if (separator == 0 && !tombstone)
		return 0;
	if (s->open && close_entry(s, pos, bare, blank_line(v, pos), 0) == -1)
		return -1;

	s->open = s->in_header = true;
	s->entry = (struct mbox_entry){
		.offset = pos,
		.separator = (uint16_t)separator,
		.flags = tombstone ? MBOX_TOMBSTONE : 0,
	};
	s->hashed = pos;
	s->bare_at_content = bare;
	if (!tombstone) {
		s->bare_at_content += p[separator - 2] == '\r' ? 0 : 1;
		md5_init(&s->id);
	}
	return 0;
}

/* A line of the open message's body starts with '>' at pos. */
static int
quoted_line(struct mbox_scan *s, const struct view *v, uint64_t pos)
{
	if (mbox_is_quoted(at(v, pos), (size_t)(v->end - pos)))
		s->entry.quoted++;
	return 0;
}

/* Takes what matters in a block in its order. */
static int
events(struct mbox_scan *s, const struct view *v)
{
	unsigned int i, from = 0;
	uint64_t blanks, quotes, any;
	int status;

	for (;;) {
		blanks = s->in_header ? v->blank : 0;
		quotes = s->open && !s->in_header ? v->quotes : 0;
		any = (blanks | quotes | v->candidates) & ~below(from);
		if (any == 0)
			return 0;
		i = lowest(any);
		if (blanks >> i & 1)
			status = end_header(s, v, s->pos + i + 1);
		else if (quotes >> i & 1)
			status = quoted_line(s, v, s->pos + i);
		else
			status = begin_entry(s, v, s->pos + i,
			    s->bare + count(v->bare & below(i)));
		if (status == -1)
			return -1;
		from = i + 1;
	}
}

/* Looks at the n octets at pos, at most a block of them. */
static int
block(struct mbox_scan *s, struct view *v, unsigned int n)
{
	unsigned char padded[BLOCK];
	const unsigned char *p = at(v, s->pos);
	uint64_t lf, cr, after_lf, after_cr, after_lf2;

	if (n < BLOCK) {
		memset(padded, 0, sizeof(padded));
		memcpy(padded, p, n);
		p = padded;
	}
	lf = mask(p, '\n');
	cr = mask(p, '\r');
	after_lf = lf << 1 | s->lf >> 63;
	after_lf2 = lf << 2 | s->lf >> 62;
	after_cr = cr << 1 | s->cr >> 63;

	v->blank = lf & (after_lf | (after_cr & after_lf2));
	v->bare = lf & ~after_cr;
	v->candidates = (v->blank << 1 | s->blank >> 63) & mask(p, 'F');
	v->quotes = s->unquote ? (after_lf & mask(p, '>')) : 0;
	if (((v->candidates | v->quotes) != 0 || s->in_header) &&
	    events(s, v) == -1)
		return -1;

	s->bare += count(v->bare);
	s->lf = n < BLOCK ? lf << (BLOCK - n) | s->lf >> n : lf;
	s->cr = n < BLOCK ? cr << (BLOCK - n) | s->cr >> n : cr;
	s->blank = n < BLOCK ? v->blank << (BLOCK - n) | s->blank >> n
			     : v->blank;
	s->pos += n;
	return 0;
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
	uint64_t unended = 0;

	if (!last)
		limit = len > MBOX_SEPARATOR_MAX ? limit - MBOX_SEPARATOR_MAX
						 : 0;
	while (s->pos < limit)
		if (block(s, &v,
			limit - s->pos < BLOCK ? (unsigned int)(limit - s->pos)
					       : BLOCK) == -1)
			return -1;

	/* A CR at the very end may belong to the blank line. */
	if (s->in_header && !(s->entry.flags & MBOX_TOMBSTONE) && limit > 0)
		hash_header(s, &v, last ? limit : limit - 1);
	if (!last || !s->open)
		return 0;
	if (s->lf >> 63 == 0)
		unended = s->cr >> 63 ? 1 : 2;
	return close_entry(s, v.end, s->bare,
	    s->blank >> 63 ? blank_line(&v, v.end) : 0, unended);
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
