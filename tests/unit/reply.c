/* SPDX-License-Identifier: ISC */
/*
 * The reply filter against a slow one that sees a whole text at once; status
 * lines of every length; writes that come through in bits.
 */

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>

#include "chance.h"
#include "clock.h"
#include "reply.h"
#include "slow_wire.h"
#include "tap.h"

static struct reply r;

/* The buffer is too large to be cleared each time. */
static void
open_reply(int fd)
{
	r.fd = fd;
	r.timeout = 10000;
	r.error = 0;
	r.bol = r.cr = false;
	r.octets = 0;
	r.len = 0;
}

/*
 * The filter's output for text, cut at the places given, is in r.buf: a body with
 * its end, or data with its last line end.
 */
static void
filter(const char *text, size_t len, const size_t *cuts, size_t count,
    bool is_body)
{
	size_t at = 0, end;
	uint64_t octets;

	open_reply(-1);
	reply_ok(&r, "here");
	r.len = 0;
	for (size_t i = 0; i <= count; i++) {
		end = i < count ? cuts[i] : len;
		if (is_body)
			reply_body(&r, text + at, end - at);
		else
			reply_data(&r, text + at, end - at);
		at = end;
	}
	octets = reply_octets(&r);
	if (is_body)
		reply_end(&r);
	else
		reply_end_line(&r);
	check(reply_octets(&r) == octets, "%ju octets were %ju before the end",
	    (uintmax_t)reply_octets(&r), (uintmax_t)octets);
}

static bool
compare(const char *text, size_t len, const size_t *cuts, size_t count)
{
	static char want[64 * 1024];
	size_t want_len = slow_crlf(text, len, want);

	filter(text, len, cuts, count, false);
	check(reply_octets(&r) == want_len && r.len == want_len &&
		memcmp(r.buf, want, want_len) == 0,
	    "%zu octets of data cut %zu times: %zu octets, not %zu", len, count,
	    r.len, want_len);
	want_len = slow_multiline(text, len, want);
	filter(text, len, cuts, count, true);
	return check(r.len == want_len && memcmp(r.buf, want, want_len) == 0,
	    "%zu octets cut %zu times, first at %zu: %zu octets, not %zu", len,
	    count, count > 0 ? cuts[0] : 0, r.len, want_len);
}

static void
table(void)
{
	/* Text of a message, and what the client gets. */
	static const struct {
		const char *text, *wire;
	} rows[] = {
		{ "", ".\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ "a\n", "a\r\n.\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ "a\r", "a\r\n.\r\n" },
		{ "\n", "\r\n.\r\n" },
		{ "\r\n", "\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ ".\n", "..\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ "..\n", "...\r\n.\r\n" },
		{ " .\n", " .\r\n.\r\n" },
		{ "a.\n.b\n", "a.\r\n..b\r\n.\r\n" },
		{ "a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r.b\n", "a\r.b\r\n.\r\n" },
		{ "a\r\r\n", "a\r\r\n.\r\n" },
		{ "a\n\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n" },
		{ "\r", "\r\n.\r\n" },
		{ "\n\n.", "\r\n\r\n..\r\n.\r\n" },
		{ "\xff\x80\n", "\xff\x80\r\n.\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char slow[64];
		size_t len = strlen(rows[i].wire);

		filter(rows[i].text, strlen(rows[i].text), NULL, 0, true);
		check(r.len == len && memcmp(r.buf, rows[i].wire, len) == 0,
		    "row %zu: \"%.*s\"", i, (int)r.len, r.buf);
		check(slow_multiline(
			  rows[i].text, strlen(rows[i].text), slow) == len &&
			memcmp(slow, rows[i].wire, len) == 0,
		    "the slow filter in row %zu", i);
	}
	(void)point("P3-064 to P3-066, P3-069 to P3-073: a table of texts");
}

/* Every text of these octets, in all ways to cut it. */
static void
every_text(void)
{
	static const char octets[] = { '.', '\r', '\n', 'a' };
	enum { LONGEST = 6 };
	size_t cuts[LONGEST], count = 1;
	char text[LONGEST];

	for (size_t len = 0; len <= LONGEST; len++) {
		for (size_t i = 0; i < count; i++) {
			size_t n = i;

			for (size_t k = 0; k < len; k++, n /= sizeof(octets))
				text[k] = octets[n % sizeof(octets)];
			for (unsigned int ways = 0;
			     ways < 1u << (len == 0 ? 0 : len - 1); ways++) {
				size_t places = 0;

				for (size_t k = 1; k < len; k++)
					if (ways >> (k - 1) & 1)
						cuts[places++] = k;
				(void)compare(text, len, cuts, places);
			}
		}
		count *= sizeof(octets);
	}
	(void)point("P3-064 to P3-073: every text of dot, CR, LF, a to %d "
		    "octets, cut in every way",
	    LONGEST);
}

/*
 * Every text of four of these octets at every place in a long line: what takes many
 * octets at a time meets it at all its edges.
 */
static void
every_place(void)
{
	static const char octets[] = { '.', '\r', '\n', 'a' };
	enum { LEN = 4, ALL = 3 * 32 + LEN };
	char text[ALL];
	size_t cut;

	for (unsigned int which = 0; which < 256; which++)
		for (size_t at = 0; at <= ALL - LEN; at++) {
			memset(text, 'x', sizeof(text));
			for (size_t k = 0; k < LEN; k++)
				text[at + k] = octets[which >> 2 * k & 3];
			(void)compare(text, sizeof(text), NULL, 0);
			for (cut = at; cut <= at + LEN; cut++)
				(void)compare(text, sizeof(text), &cut, 1);
		}
	(void)point(
	    "P3-064 to P3-073: every text of %d octets in %d, cut there", LEN,
	    ALL);
}

static size_t
random_text(char *text, size_t size)
{
	static const char octets[] = ".\r\n\n\n\0\xff"
				     "abc";
	size_t len = chance(size);

	for (size_t i = 0; i < len; i++)
		text[i] = chance(3) == 0 ? chance_of(octets, sizeof(octets) - 1)
					 : 'x';
	return len;
}

static void
random_texts(void)
{
	char text[400];
	size_t cuts[3];

	for (int round = 0; round < 300; round++) {
		size_t len = random_text(text, sizeof(text));

		for (cuts[0] = 0; cuts[0] <= len; cuts[0]++) {
			(void)compare(text, len, cuts, 1);
			cuts[1] = cuts[0] + chance(len - cuts[0] + 1);
			cuts[2] = cuts[1] + chance(len - cuts[1] + 1);
			(void)compare(text, len, cuts, 3);
		}
	}
	(void)point("P3-072: random texts cut at every octet");
}

static void
status_lines(void)
{
	static const char *const starts[] = { "+OK ", "-ERR ", "" };
	char text[2 * REPLY_LINE], want[3 * REPLY_LINE];

	for (size_t len = 0; len < sizeof(text); len++)
		for (int kind = 0; kind < 3; kind++) {
			size_t n;

			memset(text, 'x', len);
			text[len] = '\0';
			n = (size_t)snprintf(
			    want, sizeof(want), "%s%s", starts[kind], text);
			if (n > REPLY_LINE - 2)
				n = REPLY_LINE - 2;
			memcpy(want + n, "\r\n", 2);
			open_reply(-1);
			if (kind == 0)
				reply_ok(&r, "%s", text);
			else if (kind == 1)
				reply_err(&r, "%s", text);
			else
				reply_line(&r, "%s", text);
			check(r.len == n + 2 && memcmp(r.buf, want, n + 2) == 0,
			    "kind %d with %zu octets: %zu octets", kind, len,
			    r.len);
		}
	(void)point("P3-060, P3-061: status lines of every length to %zu",
	    sizeof(text));
}

/* What has arrived in the file. */
static size_t
arrived(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size, 0);

	need(n != -1 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0,
	    "reading back");
	return (size_t)n;
}

/* Each kind of output, begun at each place near the end of the buffer. */
static void
full_buffer(void)
{
	static char out[2 * REPLY_BUFFER], fill[REPLY_BUFFER];
	static const char tail[] = "+OK abc\r\n..d\r\nlast\r\n.\r\n-ERR no\r\n";
	int fd = memfd_create("out", MFD_CLOEXEC);
	size_t n;

	need(fd != -1, "memfd_create");
	memset(fill, 'f', sizeof(fill));
	for (size_t left = 0; left < REPLY_LINE + 40; left++) {
		size_t before = sizeof(fill) - left;

		open_reply(fd);
		reply_body(&r, fill, before);
		reply_ok(&r, "abc");
		reply_body(&r, ".d", 2);
		reply_body(&r, "\nlast", 5);
		reply_end(&r);
		reply_err(&r, "no");
		check(reply_flush(&r) == 0, "flush");
		n = arrived(fd, out, sizeof(out));
		check(n == before + sizeof(tail) - 1 &&
			memcmp(out, fill, before) == 0 &&
			memcmp(out + before, tail, sizeof(tail) - 1) == 0,
		    "%zu octets before the end: %zu octets", left, n);
	}
	(void)point("output begun anywhere near the end of the buffer");
	(void)close(fd);
}

/*
 * Reads what should be text after the filter, in small and slow bits; the exit
 * status says whether it was.
 */
static _Noreturn void
slow_client(int fd, const char *want, size_t want_len)
{
	static char got[3000];
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, got, 1 + chance(sizeof(got)))) > 0) {
		if ((size_t)n > want_len - at ||
		    memcmp(got, want + at, (size_t)n) != 0)
			_exit(1);
		at += (size_t)n;
	}
	_exit(n == 0 && at == want_len ? 0 : 2);
}

static void
socket_pair(int ends[2])
{
	int small = 4096;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	need(setsockopt(
		 ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0 &&
		fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0,
	    "small buffers");
}

static void
short_writes(void)
{
	enum { SIZE = 3 * 1000 * 1000 };
	char *text = malloc(SIZE), *want = malloc(3 * SIZE + 5);
	size_t want_len;
	int ends[2], status = -1;
	pid_t pid;

	need(text != NULL && want != NULL, "memory");
	for (size_t i = 0; i < SIZE; i++)
		text[i] = chance_of("abcdefgh.\r\n\n", 12);
	want_len = slow_multiline(text, SIZE, want);
	socket_pair(ends);
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0) {
		(void)close(ends[0]);
		slow_client(ends[1], want, want_len);
	}
	(void)close(ends[1]);
	open_reply(ends[0]);
	r.bol = true;
	for (size_t at = 0; at < SIZE;) {
		size_t n = 1 + chance(100 * 1000);

		if (n > SIZE - at)
			n = SIZE - at;
		reply_body(&r, text + at, n);
		at += n;
	}
	reply_end(&r);
	is(reply_flush(&r), 0, "3 MB through a socket that takes little");
	(void)close(ends[0]);
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "P3-072: arrive as they should");
	free(text);
	free(want);
}

static void
deaf_client(void)
{
	static char text[REPLY_BUFFER];
	int64_t before = clock_ms(), took;
	int ends[2];

	socket_pair(ends);
	open_reply(ends[0]);
	r.timeout = 60;
	memset(text, 'x', sizeof(text));
	reply_body(&r, text, sizeof(text));
	took = clock_ms() - before;
	is(r.error, ETIMEDOUT, "a client that does not read is given up");
	ok(took >= 60 && took < 5000, "after the time set: %jd ms",
	    (intmax_t)took);
	r.timeout = 60000;
	before = clock_ms();
	for (int i = 0; i < 1000; i++) {
		reply_ok(&r, "%s", "again");
		reply_body(&r, text, sizeof(text));
		reply_end(&r);
		check(r.len <= sizeof(r.buf), "%zu octets", r.len);
	}
	check(reply_flush(&r) == -1, "flush");
	check(clock_ms() - before < 60000, "it waited again");
	(void)point("everything after a failure is a no-op");
	(void)close(ends[1]);
	open_reply(ends[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	reply_ok(&r, "anybody there?");
	ok(reply_flush(&r) == -1 && r.error == EPIPE,
	    "a client that is gone is an error");
	(void)close(ends[0]);
}

/* What has not been sent yet must survive reply_trim(). */
static void
trim(void)
{
	enum { LINE = 1024, ALL = REPLY_BUFFER / (LINE + 1) };
	static char out[REPLY_BUFFER + 64], line[LINE];
	int fd = memfd_create("out", MFD_CLOEXEC);

	need(fd != -1, "memfd_create");
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (size_t lines = 0; lines < ALL; lines += 7) {
		size_t n, bad = 0;

		open_reply(fd);
		r.bol = true;
		for (size_t i = 0; i < lines; i++)
			reply_body(&r, line, sizeof(line));
		reply_end(&r);
		reply_trim(&r);
		check(reply_flush(&r) == 0, "flush");
		n = arrived(fd, out, sizeof(out));
		check(n == lines * (sizeof(line) + 1) + 3, "%zu octets", n);
		for (size_t i = 0; i < n; i++)
			bad += out[i] == '\0';
		check(bad == 0, "%zu lines: %zu octets lost", lines, bad);
	}
	(void)point("reply_trim() keeps what is not sent yet");
	(void)close(fd);
}

int
main(void)
{
	chance_open();
	table();
	every_text();
	every_place();
	random_texts();
	status_lines();
	full_buffer();
	short_writes();
	deaf_client();
	trim();
	return done();
}
