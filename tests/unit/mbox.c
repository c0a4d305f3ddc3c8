/* SPDX-License-Identifier: ISC */
/*
 * The scan, as it is built and without the machine's own instructions, against a
 * slow one that reads line by line; in windows cut everywhere, each with memory
 * before and behind it that may not be touched.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <glob.h>
#include <limits.h>

#include "chance.h"
#include "plain_mbox.h"
#include "slow_mbox.h"
#include "slow_wire.h"
#include "tap.h"

#define SEPARATOR "From a@b.example Mon Jan  1 00:00:00 2024"

static const char separator[] = SEPARATOR;

enum { FILE_MAX = 16 * 1024 };

static char file[FILE_MAX];
static size_t size;

/* The two builds of mbox.c. */
static const struct build {
	const char *name;
	void (*init)(struct mbox_scan *, uint64_t,
	    int (*)(void *, const struct mbox_entry *), void *);
	int (*scan)(
	    struct mbox_scan *, const unsigned char *, size_t, uint64_t, bool);
	size_t (*separator)(const unsigned char *, size_t);
	size_t (*top)(struct mbox_top *, const char *, size_t);
	bool (*is_quoted)(const unsigned char *, size_t);
	size_t (*unquote)(char *, size_t, bool);
} builds[] = {
	{ "mbox.c", mbox_scan_init, mbox_scan, mbox_separator, mbox_top,
	    mbox_is_quoted, mbox_unquote },
	{ "its portable twin", plain_scan_init, plain_scan, plain_separator,
	    plain_top, plain_is_quoted, plain_unquote },
};

enum { BUILDS = sizeof(builds) / sizeof(builds[0]) };

/* What found() has been given, against what it should be given. */
struct haul {
	const struct slow_mbox *want;
	size_t first, count; /* of want's entries; how many have come */
	size_t stop;         /* the entry that ends the scan */
	bool good;
};

static int
found(void *ctx, const struct mbox_entry *e)
{
	struct haul *h = ctx;
	size_t i = h->first + h->count++;

	if (i >= h->want->count ||
	    memcmp(e, &h->want->entries[i], sizeof(*e)) != 0)
		h->good = false;
	return h->count == h->stop ? -1 : 0;
}

static struct slow_mbox slow;

/* A copy of a window between pages that may not be touched. */
static const unsigned char *
window(const char *from, size_t len, bool at_end)
{
	static unsigned char *guarded;
	static size_t page, room;

	if (guarded == NULL) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		room = FILE_MAX / page * page + page;
		guarded = mmap(NULL, room + 2 * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		need(guarded != MAP_FAILED &&
			mprotect(
			    guarded + page, room, PROT_READ | PROT_WRITE) == 0,
		    "guarded memory");
	}
	return memcpy(guarded + page + (at_end ? room - len : 0), from, len);
}

/*
 * Scans file from start on.  Windows end at the cuts, the last one at the end;
 * each begins slack octets before it has to.
 */
static bool
scan_windows(const struct build *b, size_t start, const size_t *cuts,
    size_t count, size_t slack, struct haul *h)
{
	struct mbox_scan s;
	int status = 0;

	b->init(&s, start, found, h);
	s.unquote = h->want->unquote;
	for (size_t i = 0; i <= count && status == 0; i++) {
		size_t end = i == count ? size : cuts[i];
		size_t begin = s.pos < MBOX_BEHIND
		    ? 0
		    : (size_t)s.pos - MBOX_BEHIND;
		uint64_t before = s.pos;

		if (s.pos == start)
			begin = start;
		begin -= slack < begin ? slack : begin;
		if (end < begin)
			continue;
		status = b->scan(&s, window(file + begin, end - begin, i & 1),
		    end - begin, begin, i == count);
		if (status == 0 && i < count)
			check(s.pos >= before && s.pos <= end &&
				s.pos + MBOX_SEPARATOR_MAX >= end,
			    "%s looked to %ju of %zu", b->name,
			    (uintmax_t)s.pos, end);
	}
	return check(status == (h->stop == 0 || h->count < h->stop ? 0 : -1),
	    "%s returned %d", b->name, status);
}

/* The windows must give just what the slow scan has given. */
static bool
compare(size_t start, const size_t *cuts, size_t count, size_t slack)
{
	bool good = true;

	for (size_t b = 0; b < BUILDS; b++) {
		struct haul h = { .want = &slow, .good = true };

		good = scan_windows(
			   &builds[b], start, cuts, count, slack, &h) &&
		    good;
		good = check(h.good && h.count == slow.count,
			   "%s, %zu octets from %zu, %zu cuts, first %zu, "
			   "slack %zu: %zu entries, not %zu",
			   builds[b].name, size, start, count,
			   count > 0 ? cuts[0] : 0, slack, h.count,
			   slow.count) &&
		    good;
	}
	return good;
}

static void
put(const char *octets, size_t len)
{
	if (len > sizeof(file) - size)
		len = sizeof(file) - size;
	memcpy(file + size, octets, len);
	size += len;
}

static void
put_times(char octet, size_t times)
{
	while (times-- > 0)
		put(&octet, 1);
}

/* Pieces of mailboxes, and of what looks like one. */
#define PIECE(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct piece {
	const char *octets;
	size_t len;
} pieces[] = {
	PIECE(SEPARATOR),
	PIECE(SEPARATOR "\n"),
	PIECE(SEPARATOR "\r\n"),
	PIECE("\n" SEPARATOR "\n"),
	PIECE("\r\n" SEPARATOR "\r\n"),
	PIECE("\n\n" SEPARATOR "\n"),
	PIECE("From Fri Feb 29 1:00 2024 +0100\nSubject: a date, no name\n"),
	PIECE("From x Mon Jan 1 00:00:00 20245\n"),
	PIECE("From nobody\n"),
	PIECE("From "),
	PIECE("F"),
	PIECE(">From "),
	PIECE("\n>From me to you\n"),
	PIECE("\r\n>>From me to you\n"),
	PIECE(">"),
	PIECE("\n"),
	PIECE("\r\n"),
	PIECE("\r"),
	PIECE("\n\n"),
	PIECE("\r\n\r\n"),
	PIECE("\n\r\n"),
	PIECE("\0"),
	PIECE("From \0\0\0\0\0\0"),
	PIECE("\nFrom \0\0\0\0\0\0\n\n"),
	PIECE("\nFrom \0\0\0\0\0\0\n\r\n"),
	PIECE("From \0 Mon Jan  1 00:00:00 2024\n"),
	PIECE("Subject: hello\n"),
	PIECE("Subject: hello\r\n\r\n.\r\n"),
	PIECE("\xff\x80"),
	PIECE(" "),
};

static void
random_file(size_t longest)
{
	size_t most = chance(longest) + 1;

	size = 0;
	slow.unquote = chance(2) == 0;
	while (size < most) {
		const struct piece *p =
		    &pieces[chance(sizeof(pieces) / sizeof(pieces[0]))];

		switch (chance(12)) {
		case 0:
			put_times("x\0\rF>"[chance(5)], chance(90));
			break;
		case 1:
			/* About as long as a separator may be. */
			if (longest > 1200 && chance(4) == 0) {
				put("\n\nFrom ", 7);
				put_times('y', 960 + chance(40));
				put(&separator[16], sizeof(SEPARATOR) - 17);
				put("\r\n", 2);
			}
			break;
		default:
			put(p->octets, p->len);
		}
	}
}

static void
whole_files(void)
{
	for (int round = 0; round < 20000; round++) {
		size_t start;

		random_file(700);
		start = chance(8) == 0 ? chance(size) : 0;
		slow_scan(&slow, file, size, start);
		(void)compare(start, NULL, 0, 0);
	}
	(void)point("random mailboxes at once");
}

/* A small mailbox with everything in it, at each place in a block. */
static void
every_place(void)
{
	static const char mail[] =
	    "\n" SEPARATOR "\nSubject: one\n\nbody\n\n"
	    "From \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n\n" SEPARATOR
	    "\r\n\r\nno header\r\n\r\n" SEPARATOR "\n\n" SEPARATOR "\nno end";

	for (size_t shift = 0; shift < 140; shift++)
		for (size_t len = 0; len < sizeof(mail); len++) {
			size = 0;
			put_times('x', shift);
			put("\n", 1);
			put(mail, len);
			slow_scan(&slow, file, size, 0);
			if (!compare(0, NULL, 0, 0))
				break;
		}
	(void)point("a mailbox of everything, moved and cut at every octet");
}

/* One cut at every octet, and as far back as the contract lets a window go. */
static void
every_cut(void)
{
	for (int round = 0; round < 12; round++) {
		size_t start;

		do
			random_file(3500);
		while (size < MBOX_SEPARATOR_MAX + 400);
		start = chance(2) == 0 ? 0 : chance(60);
		slow_scan(&slow, file, size, start);
		for (size_t cut = start; cut <= size; cut++)
			(void)compare(start, &cut, 1, 0);
		for (size_t slack = 1; slack < size; slack += 1 + slack / 8) {
			size_t cut = MBOX_SEPARATOR_MAX +
			    chance(size - MBOX_SEPARATOR_MAX);

			(void)compare(start, &cut, 1, slack);
		}
	}
	(void)point("random mailboxes in two windows, cut at every octet");
}

static void
many_cuts(void)
{
	static size_t cuts[FILE_MAX];

	for (int round = 0; round < 1500; round++) {
		size_t count = 0, at = 0, step = 1 + chance(2000);
		size_t start;

		random_file(12000);
		start = chance(2) == 0 ? 0 : chance(size);
		slow_scan(&slow, file, size, start);
		for (at = start; at < size; at += 1 + chance(step))
			cuts[count++] = at;
		(void)compare(
		    start, cuts, count, chance(2) == 0 ? 0 : chance(300));
	}
	(void)point("random mailboxes in many windows");
}

static void
stopped(void)
{
	for (int round = 0; round < 400; round++) {
		size_t cut;

		random_file(4000);
		cut = chance(size + 1);
		slow_scan(&slow, file, size, 0);
		for (size_t stop = 1; stop <= slow.count; stop++)
			for (size_t b = 0; b < BUILDS; b++) {
				struct haul h = { .want = &slow,
					.good = true,
					.stop = stop };

				(void)scan_windows(
				    &builds[b], 0, &cut, 1, 0, &h);
				check(h.good && h.count == stop,
				    "stopped at %zu, not %zu", h.count, stop);
			}
	}
	(void)point("found() ends the scan");
}

/* Where a message and its blank line end, a later scan may go on. */
static void
resumed(void)
{
	for (int round = 0; round < 2000; round++) {
		random_file(2000);
		slow_scan(&slow, file, size, 0);
		for (size_t i = 0; i < slow.count; i++) {
			const struct mbox_entry *e = &slow.entries[i];
			struct haul h = {
				.want = &slow, .first = i + 1, .good = true
			};

			if (e->tail == 0)
				continue;
			(void)scan_windows(&builds[round & 1],
			    (size_t)(e->offset + e->stored), NULL, 0, 0, &h);
			check(h.good && h.count == slow.count - i - 1,
			    "%zu entries behind entry %zu of %zu", h.count, i,
			    slow.count);
		}
	}
	(void)point("a scan goes on where an earlier one ended");
}

/* The octets that LIST tells are those that RETR sends. */
static void
wire_sizes(void)
{
	static char text[FILE_MAX], out[2 * FILE_MAX + 2];
	uint64_t messages = 0, quoted = 0;

	for (int round = 0; round < 6000; round++) {
		random_file(1500);
		slow_scan(&slow, file, size, 0);
		for (size_t i = 0; i < slow.count; i++) {
			const struct mbox_entry *e = &slow.entries[i];
			const char *content = file + e->offset + e->separator;
			size_t len = (size_t)e->stored - e->separator - e->tail;

			if (e->flags & MBOX_TOMBSTONE)
				continue;
			messages++;
			quoted += e->quoted;
			if (slow.unquote) {
				len = slow_unquote(content, len, text);
				content = text;
			}
			check(slow_crlf(content, len, out) == e->octets,
			    "message %zu of %ju octets", i,
			    (uintmax_t)e->octets);
		}
	}
	check(messages > 1000 && quoted > 100, "only %ju messages, %ju quotes",
	    (uintmax_t)messages, (uintmax_t)quoted);
	(void)point("P3-068 to P3-071, P3-164: sizes are those of the wire");
}

static void
good_separators(void)
{
	static const char *const good[] = {
		"From a Mon Jan  1 00:00:00 2024\n",
		"From a Mon Jan  1 00:00:00 2024\r\n",
		"From a Mon Jan 01 00:00:00 2024\n",
		"From a Mon Jan 31 23:59:59 1999\n",
		"From a Mon Jan  1 00:00 2024\n",
		"From a Sun Dec 31 23:59:60 2024 +0100\n",
		"From a Sat Nov  9 1997 Sat Nov  9 09:09:09 1997\n",
		"From a Wed Jun  5 10:00:00 MET DST 1996\n",
		"From a Thu Jul  4 10:00:00 EDT 1996 remote from uucp\n",
		"From Tue Mar  3 00:00:00 2024\n",
		"From  Tue Mar  3 00:00:00 2024\n",
		"From MAILER-DAEMON Fri Apr  5 00:00:00 2024\n",
		"From \"a b\"@c Fri May 17 00:00:00 2024\n",
		"From - Fri Aug 16 12:00:00 2024\n",
		"From a@b  Fri Sep 20 12:00:00 2024\n",
		"From a Fri Oct    4 12:00:00 2024\n",
		"From \xff\xfe Fri Feb  2 12:00:00 2024\n",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i]);

		check(slow_is_separator(good[i], len), "slow: %s", good[i]);
		for (size_t b = 0; b < BUILDS; b++) {
			for (size_t n = 0; n < len; n++)
				check(builds[b].separator(
					  window(good[i], n, true), n) == 0,
				    "%zu octets of %s", n, good[i]);
			check(builds[b].separator(
				  window(good[i], len, true), len) == len,
			    "%s", good[i]);
			/* What follows does not matter. */
			size = 0;
			put(good[i], len);
			put(good[i], len);
			check(builds[b].separator(
				  window(file, size, true), size) == len,
			    "twice %s", good[i]);
		}
	}
	(void)point("MB-001: separators of many programs, and no piece of one");
}

static void
bad_separators(void)
{
	static const char *const bad[] = {
		"",
		"\n",
		"From \n",
		"From \r\n",
		"From me to you\n",
		"From a\n",
		"From a Mon Jan  1 00:00:00\n",
		"From a Mon Jan  1 00:00:00 24\n",
		"From a Mon Jan  1 00:00:00 20245\n",
		"From a Mon Jan  1 00:00:002024\n",
		"From a Mon Jan  1 2024\n",
		"From a Mon Jan   00:00:00 2024\n",
		"From a Mon Jan  123 00:00:00 2024\n",
		"From a Mon Jan  1 0:00:00 2024\n",
		"From a Mon Jan  1 00.00.00 2024\n",
		"From a Mon Jan 1  00:00:00 2024\n",
		"From a Mon  Jan 1 00:00:00 2024\n",
		"From a mon Jan  1 00:00:00 2024\n",
		"From a Mon JAN  1 00:00:00 2024\n",
		"From a Xxx Jan  1 00:00:00 2024\n",
		"From a onT Jan  1 00:00:00 2024\n",
		"From a Mon anF  1 00:00:00 2024\n",
		"From aMon Jan  1 00:00:00 2024\n",
		"From: Mon Jan  1 00:00:00 2024\n",
		"From\ta Mon Jan  1 00:00:00 2024\n",
		"from a Mon Jan  1 00:00:00 2024\n",
		"FROM a Mon Jan  1 00:00:00 2024\n",
		">From a Mon Jan  1 00:00:00 2024\n",
		" From a Mon Jan  1 00:00:00 2024\n",
		"From a\nMon Jan  1 00:00:00 2024\n",
		"From a Mon Jan  1 00:00:00 2024",
		"From a Mon Jan  1 00:00:00 2024\r",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = strlen(bad[i]);

		check(!slow_is_separator(bad[i], slow_line(bad[i], len)),
		    "slow: %s", bad[i]);
		for (size_t b = 0; b < BUILDS; b++)
			check(builds[b].separator(
				  window(bad[i], len, true), len) == 0,
			    "%s", bad[i]);
	}
	(void)point("MB-005: lines that are no separators");
}

/* One octet changed, taken away or put in, anywhere. */
static void
near_separators(void)
{
	static const char line[] = SEPARATOR " +0100\r\n";
	static const char octets[] = "\0\n\r 0aM:\xff";

	for (size_t i = 0; i < sizeof(line) - 1; i++)
		for (size_t k = 0; k < 3 * (sizeof(octets) - 1); k++) {
			char c = octets[k / 3];
			size_t first, want;

			size = 0;
			put(line, i);
			if (k % 3 != 0)
				put(&c, 1);
			put(line + i + (k % 3 == 2 ? 0 : 1),
			    sizeof(line) - 1 - i - (k % 3 == 2 ? 0 : 1));
			first = slow_line(file, size);
			want = slow_is_separator(file, first) ? first : 0;
			for (size_t b = 0; b < BUILDS; b++)
				check(
				    builds[b].separator(
					window(file, size, true), size) == want,
				    "octet %zu, %02x, way %zu", i,
				    (unsigned char)c, k % 3);
		}
	(void)point("a separator damaged at every octet");

	for (size_t len = sizeof(SEPARATOR) + 1; len < MBOX_SEPARATOR_MAX + 20;
	     len++) {
		size = 0;
		put("From ", 5);
		put_times('y', len - sizeof(SEPARATOR));
		put(&separator[5], sizeof(SEPARATOR) - 6);
		put("\n", 1);
		for (size_t b = 0; b < BUILDS; b++)
			check(builds[b].separator(
				  window(file, size, true), size) ==
				(size <= MBOX_SEPARATOR_MAX ? size : 0),
			    "%zu octets", size);
	}
	(void)point("separators of every length to the limit and behind it");
}

static void
quotes(void)
{
	static const char tail[] = "From you";
	char line[MBOX_QUOTES_MAX + 20];

	for (size_t n = 0; n < MBOX_QUOTES_MAX + 4; n++)
		for (size_t len = 0; len <= n + sizeof(tail) - 1; len++)
			for (size_t b = 0; b < BUILDS; b++) {
				memset(line, '>', n);
				memcpy(line + n, tail, sizeof(tail));
				check(
				    builds[b].is_quoted(window(line, len, true),
					len) == slow_is_quoted(line, len),
				    "%zu octets of %zu quotes", len, n);
				check(slow_is_quoted(line, len) ==
					(n >= 1 && n <= MBOX_QUOTES_MAX &&
					    len >= n + 5),
				    "slow: %zu octets of %zu", len, n);
			}
	(void)point("MB-003: quotes of every number");
	for (size_t i = 0; i < 6; i++)
		for (unsigned int c = 0; c < 256; c++) {
			bool is = (char)c == ">From "[i];

			memcpy(line, ">From me", 8);
			line[i] = (char)c;
			/* Two quotes are as good as one. */
			check(mbox_is_quoted((const unsigned char *)line, 8) ==
				is,
			    "octet %zu is %u", i, c);
		}
	(void)point("what is nearly quoted is not");
}

/*
 * Pieces may be cut anywhere but in the first octets of a line; the header is
 * the caller's business, so the slow way gets one.
 */
static void
unquoting(void)
{
	enum { NEAR = MBOX_QUOTES_MAX + 5 };
	static char text[3000], want[3000], got[3000];
	uint64_t cuts = 0;

	for (int round = 0; round < 3000; round++) {
		size_t want_len, got_len = 0, last = 0, bol = 0;

		random_file(chance(2000) + 1);
		text[0] = '\n';
		memcpy(text + 1, file, size < 2900 ? size : 2900);
		size = 1 + (size < 2900 ? size : 2900);
		want_len = slow_unquote(text, size, want);
		for (size_t at = 1; at <= size; at++) {
			bool may = at == size || text[at - 1] == '\n' ||
			    at - bol >= NEAR;

			if (text[at - 1] == '\n')
				bol = at;
			if (!may || (at < size && chance(4) > 0))
				continue;
			memcpy(got + got_len, text + last, at - last);
			got_len += builds[round & 1].unquote(got + got_len,
			    at - last, last == 0 || text[last - 1] == '\n');
			last = at;
			cuts++;
		}
		check(got_len == want_len && memcmp(got, want, got_len) == 0,
		    "round %d: %zu octets of %zu, not %zu", round, got_len,
		    size, want_len);
	}
	check(cuts > 10000, "only %ju cuts", (uintmax_t)cuts);
	(void)point("MB-003: quoting taken out of pieces");
}

/* Octets of a message that TOP shows with so many lines of the body. */
static size_t
slow_top(const char *text, size_t len, uint64_t lines)
{
	size_t at = slow_header(text, len);

	/* The blank line belongs to it. */
	at += slow_line(text + at, len - at);
	for (; lines > 0 && at < len; lines--)
		at += slow_line(text + at, len - at);
	return at;
}

static bool
compare_top(const struct build *b, const char *text, size_t len, uint64_t lines,
    size_t cut, size_t cut2)
{
	const size_t ends[] = { cut, cut2, len };
	struct mbox_top top = { .lines = lines };
	size_t at = 0, sum = 0, want = slow_top(text, len, lines);

	for (size_t i = 0; i < 3 && !top.done; at = ends[i++]) {
		size_t n = b->top(&top,
		    (const char *)window(
			(const char *)text + at, ends[i] - at, i & 1),
		    ends[i] - at);

		sum += n;
		if (n < ends[i] - at)
			check(top.done, "%s: less but not done", b->name);
	}
	return check(sum == want,
	    "%s: %zu octets, %ju lines, cut at %zu, %zu: %zu, not %zu", b->name,
	    len, (uintmax_t)lines, cut, cut2, sum, want);
}

static void
tops(void)
{
	static const char octets[] = { 'a', '\r', '\n' };
	enum { LONGEST = 7 };
	char text[80];
	size_t count = 1;

	for (size_t len = 0; len <= LONGEST; len++, count *= sizeof(octets))
		for (size_t i = 0; i < count; i++) {
			size_t n = i;

			for (size_t k = 0; k < len; k++, n /= sizeof(octets))
				text[k] = octets[n % sizeof(octets)];
			for (size_t cut = 0; cut <= len; cut++)
				for (size_t cut2 = cut; cut2 <= len; cut2++)
					for (uint64_t lines = 0; lines < 5;
					     lines++)
						(void)compare_top(
						    &builds[i & 1], text, len,
						    lines, cut, cut2);
		}
	(void)point("P3-231 to P3-237: TOP of every text of a, CR, LF to %d "
		    "octets, cut in three everywhere",
	    LONGEST);

	for (int round = 0; round < 4000; round++) {
		size_t len = chance(sizeof(text) + 1);
		uint64_t lines = chance(4) == 0 ? UINT64_MAX - chance(2)
						: chance(12);

		for (size_t k = 0; k < len; k++)
			text[k] = chance_of("abc\n\n\r", 6);
		for (size_t cut = 0; cut <= len; cut++)
			(void)compare_top(&builds[round & 1], text, len, lines,
			    cut, cut + chance(len - cut + 1));
	}
	(void)point("P3-231 to P3-237: TOP of random texts");
}

/* Bodies with long stretches in which nothing happens, and what then may. */
static void
stretches(void)
{
	static const char rare[] = "\n\n\r\r\nFF>F\nF\n\nF\r\n>F";
	static const char separator_line[] = SEPARATOR "\n\n";

	for (unsigned int round = 0; round < 600; round++) {
		slow.unquote = round & 1;
		size = 0;
		while (size < 3000 + round) {
			if (chance(9) == 0)
				put(separator_line, strlen(separator_line));
			put_times(
			    'x', chance(4) == 0 ? chance(600) : chance(9));
			put(rare + chance(sizeof(rare) - 3), 1 + chance(2));
		}
		slow_scan(&slow, file, size, 0);
		if (!compare(0, NULL, 0, 0))
			break;
	}
	slow.unquote = false;
	(void)point("long stretches without anything");
}

/* Real mail, from the folder that CORPUS names. */
static void
real_mail(void)
{
	const char *corpus = getenv("CORPUS");
	char pattern[PATH_MAX];
	glob_t names;
	struct stat st;
	int len;

	len = snprintf(pattern, sizeof(pattern), "%s/*.mbox",
	    corpus == NULL ? "" : corpus);
	need(len > 0 && (size_t)len < sizeof(pattern), "a path");
	if (corpus == NULL || glob(pattern, 0, NULL, &names) != 0) {
		skip("real mail", "there is none here: CORPUS names none");
		return;
	}
	for (size_t i = 0; i < names.gl_pathc; i++) {
		int fd = open(names.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		unsigned char *map;

		need(fd != -1 && fstat(fd, &st) == 0, names.gl_pathv[i]);
		map = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		need(map != MAP_FAILED, "mmap");
		for (int round = 0; round < 2 * BUILDS; round++) {
			const struct build *b = &builds[round % BUILDS];
			struct haul h = { .want = &slow, .good = true };
			struct mbox_scan s;
			size_t end = 0, begin;

			slow.unquote = round < BUILDS;
			slow_scan(
			    &slow, (const char *)map, (size_t)st.st_size, 0);
			b->init(&s, 0, found, &h);
			s.unquote = slow.unquote;
			for (; end < slow.size;) {
				begin = s.pos < MBOX_BEHIND
				    ? 0
				    : (size_t)s.pos - MBOX_BEHIND;
				end = begin + 1026 + chance(300000);
				if (end > slow.size || round < BUILDS)
					end = slow.size;
				check(b->scan(&s, map + begin, end - begin,
					  begin, end == slow.size) == 0,
				    "scan");
			}
			check(h.good && h.count == slow.count && slow.count > 1,
			    "%s: %zu messages, not %zu", names.gl_pathv[i],
			    h.count, slow.count);
		}
		(void)munmap(map, (size_t)st.st_size);
		(void)close(fd);
	}
	globfree(&names);
	(void)point("real mail");
}

int
main(void)
{
	chance_open();
	stretches();
	good_separators();
	bad_separators();
	near_separators();
	whole_files();
	every_place();
	every_cut();
	many_cuts();
	stopped();
	resumed();
	wire_sizes();
	quotes();
	unquoting();
	tops();
	real_mail();
	return done();
}
