/* SPDX-License-Identifier: ISC */
/*
 * line_read() against an oracle that sees the whole text at once.  A deadline
 * that is past makes the reader say ETIMEDOUT where it would wait, so that a
 * fragment can be looked at before the next is sent.
 */

#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>

#include "chance.h"
#include "clock.h"
#include "io.h"
#include "line.h"
#include "tap.h"

enum { TEXT_MAX = 64 * 1024 };

static char text[TEXT_MAX];
static size_t text_len;

/* How long a line may be: a command, or a message of AUTH. */
static size_t limit = LINE_MAX_OCTETS;

/* The reader, the client's end, and how far the oracle has come in text. */
static struct line_reader lr;
static int client = -1;
static size_t seen;

static void
open_reader(void)
{
	int ends[2];

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0,
	    "socketpair");
	lr = (struct line_reader){ .fd = ends[0], .most = limit };
	client = ends[1];
	seen = 0;
}

static void
close_reader(void)
{
	(void)close(lr.fd);
	if (client != -1)
		(void)close(client);
	client = -1;
}

/* Whether more has come than the reader has read. */
static bool
has_more(void)
{
	struct pollfd pfd = { .fd = lr.fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* Why there is no line; 0: there is one. */
static int
why_none(int64_t deadline)
{
	char *line;

	errno = 0;
	return line_read(&lr, deadline, &line) == LINE_NONE ? errno : 0;
}

/* What the next whole line of text should give. */
static enum line_status
expected(char **line, size_t *len)
{
	char *bol = text + seen;
	char *lf = memchr(bol, '\n', text_len - seen);
	size_t octets = (size_t)(lf + 1 - bol);

	seen += octets;
	*line = bol;
	*len = octets - 1;
	if (*len > 0 && bol[*len - 1] == '\r')
		--*len;
	if (octets > limit || memchr(bol, '\0', *len) != NULL)
		return LINE_BAD;
	return LINE_OK;
}

/*
 * Takes what the reader has after sent octets of text, which must be the lines
 * that have their end there, and no more.
 */
static bool
take_lines(size_t sent)
{
	enum line_status got, want;
	char *line = NULL, *oracle;
	size_t want_len;
	bool waits;
	int fd = lr.fd;

	for (;;) {
		waits = line_waits(&lr);
		/* What waits comes without a look at the descriptor. */
		lr.fd = waits ? -1 : fd;
		got = line_read(&lr, 0, &line);
		lr.fd = fd;
		if (got == LINE_NONE && errno == ETIMEDOUT) {
			/* A line that is too long ends with the time. */
			if (has_more())
				continue;
			break;
		}
		if (memchr(text + seen, '\n', sent - seen) == NULL)
			return check(false, "a line too many: %d", (int)got);
		want = expected(&oracle, &want_len);
		if (!check(got == want, "status %d, not %d, behind octet %zu",
			(int)got, (int)want, seen))
			return false;
		if (got == LINE_OK &&
		    !check(strlen(line) == want_len &&
			    memcmp(line, oracle, want_len) == 0,
			"a line of %zu octets, not %zu", strlen(line),
			want_len))
			return false;
	}
	return check(!waits, "line_waits() saw a line that was none") &&
	    check(memchr(text + seen, '\n', sent - seen) == NULL,
		"a line is missing behind octet %zu of %zu", seen, sent);
}

/* Sends the text in pieces that end at the cuts, looking after each. */
static bool
send_pieces(const size_t *cuts, size_t count)
{
	size_t sent = 0;
	bool good = true;

	open_reader();
	for (size_t i = 0; i < count && good; i++) {
		ssize_t n = send(client, text + sent, cuts[i] - sent, 0);

		need(n == (ssize_t)(cuts[i] - sent), "send");
		sent = cuts[i];
		good = take_lines(sent);
	}
	(void)close(client);
	client = -1;
	if (good)
		good = check(why_none(0) == EPIPE, "no EPIPE at the end");
	close_reader();
	return good;
}

static void
put_text(const char *octets, size_t len)
{
	need(len <= sizeof(text) - text_len, "a longer text");
	memcpy(text + text_len, octets, len);
	text_len += len;
}

/* A line of len octets with its end, which is CRLF or LF. */
static void
put_line(size_t len, bool crlf, char octet)
{
	size_t end = crlf && len > 1 ? 2 : 1;

	for (size_t i = 0; i < len - end; i++)
		put_text(&octet, 1);
	put_text(end == 2 ? "\r\n" : "\n", end);
}

/* Around each limit: every length, cut at every octet. */
static void
every_length(void)
{
	size_t cuts[2];

	for (size_t len = 1; len <= limit + 600; len++)
		for (int crlf = 0; crlf < 2; crlf++) {
			text_len = 0;
			put_line(len, crlf, 'x');
			put_text("NOOP\r\n", 6);
			cuts[0] = text_len;
			(void)send_pieces(cuts, 1);
		}
	(void)point(
	    "P3-024, P3-026: lines of every length to %zu", limit + 600);

	for (size_t len = limit - 2; len <= limit + 2; len++)
		for (int crlf = 0; crlf < 2; crlf++) {
			text_len = 0;
			put_line(len, crlf, 'x');
			put_text("NOOP\r\n", 6);
			cuts[1] = text_len;
			for (cuts[0] = 1; cuts[0] < text_len; cuts[0]++)
				(void)send_pieces(cuts, 2);
		}
	(void)point("P3-026, P3-042: lines around the limit, cut anywhere");

	for (size_t len = LINE_BUFFER - 3; len <= LINE_BUFFER + 3; len++)
		for (size_t times = 1; times <= 3; times++)
			for (size_t cut = 1; cut < 24; cut++) {
				text_len = 0;
				put_text("NOOP\r\n", 6);
				put_line(len * times, true, 'x');
				put_text("NOOP\r\nQUIT", 10);
				cuts[0] = len * times + cut - 12;
				cuts[1] = text_len;
				(void)send_pieces(cuts, 2);
			}
	(void)point("P3-026: lines around multiples of the buffer");
}

/* Every string of these octets, in one piece and octet by octet. */
static void
every_short_text(void)
{
	static const char octets[] = { 'A', '\r', '\n', '\0' };
	enum { LONGEST = 6 };
	size_t one[1], each[LONGEST], count = 1;

	for (size_t len = 1; len <= LONGEST; len++) {
		count *= sizeof(octets);
		for (size_t i = 0; i < count; i++) {
			size_t n = i;

			text_len = 0;
			for (size_t k = 0; k < len; k++, n /= sizeof(octets)) {
				put_text(&octets[n % sizeof(octets)], 1);
				each[k] = k + 1;
			}
			one[0] = len;
			(void)send_pieces(one, 1);
			(void)send_pieces(each, len);
		}
	}
	(void)point("P3-032, P3-033, P3-034: every text of A, CR, LF, NUL to "
		    "%d octets",
	    LONGEST);
}

/* Lines of many lengths, limit of them short. */
static void
random_text(void)
{
	static const char odd[] = "\r\0 A\xff\r\n";
	size_t lines = 1 + chance(40);

	text_len = 0;
	while (lines-- > 0) {
		static const size_t longest[] = { 8, 60, 520, 1200, 9000 };
		size_t len = chance(longest[chance(chance(8) == 0 ? 5 : 3)]);

		if (len + 2 > sizeof(text) - text_len)
			break;
		while (len-- > 0) {
			char c = 'a';

			if (chance(200) == 0)
				c = chance_of(odd, sizeof(odd) - 1);
			put_text(&c, 1);
		}
		if (chance(5) > 0)
			put_text("\r", 1);
		put_text("\n", 1);
	}
	if (chance(2) == 0)
		put_text("QUIT\r", chance(6));
}

static void
random_texts(void)
{
	static size_t cuts[TEXT_MAX];

	for (int round = 0; round < 3000; round++) {
		static const size_t longest[] = { 4, 40, 600, 5000, 20000 };
		size_t most = longest[chance(5)], count = 0, at = 0;

		random_text();
		if (text_len > 4000 && most < 40)
			most = 600;
		while (at < text_len) {
			at += 1 + chance(most);
			cuts[count++] = at < text_len ? at : text_len;
			at = cuts[count - 1];
		}
		(void)send_pieces(cuts, count);
	}
	(void)point("P3-042: random texts in random pieces");
}

static void
deadlines(void)
{
	int64_t before = clock_ms(), after;
	char *line;

	open_reader();
	need(send(client, "NOO", 3, 0) == 3, "send");
	is(why_none(before + 50), ETIMEDOUT,
	    "half a line runs into the deadline");
	after = clock_ms();
	ok(after - before >= 50 && after - before < 5000,
	    "which is kept: %jd ms", (intmax_t)(after - before));
	need(send(client, "P\r\n", 3, 0) == 3, "send");
	ok(line_read(&lr, clock_ms() + 5000, &line) == LINE_OK &&
		strcmp(line, "NOOP") == 0,
	    "nothing is lost by it");
	close_reader();

	open_reader();
	need((lr.fd = open("/dev/zero", O_RDONLY)) != -1, "/dev/zero");
	before = clock_ms();
	is(why_none(before + 50), ETIMEDOUT,
	    "P3-296: so does a line without end");
	ok(clock_ms() - before < 5000, "though there is always more of it");
	close_reader();
}

static void
ends(void)
{
	int stop[2];
	char *line;

	open_reader();
	need(pipe(stop) == 0, "pipe");
	io_set_stop(stop[0]);
	is(why_none(0), ETIMEDOUT, "a silent stop pipe means nothing");
	need(write(stop[1], "", 1) == 1, "write");
	is(why_none(clock_ms() + 5000), ESHUTDOWN,
	    "an octet in the stop pipe ends the wait");
	need(send(client, "A\r\nB\r\n", 6, 0) == 6, "send");
	io_set_stop(-1);
	is(line_read(&lr, clock_ms() + 5000, &line), LINE_OK,
	    "a line is there");
	io_set_stop(stop[0]);
	is(line_read(&lr, clock_ms() + 5000, &line), LINE_OK,
	    "a line that is there already is still yielded");
	need(read(stop[0], text, 1) == 1, "read");
	(void)close(stop[1]);
	is(why_none(0), ETIMEDOUT, "the end of the stop pipe means nothing");
	(void)close(stop[0]);
	io_set_stop(-1);

	/* What the client has not read when it closes makes an error. */
	need(send(lr.fd, "+OK\r\n", 5, 0) == 5, "send");
	(void)close(client);
	client = -1;
	is(why_none(clock_ms() + 5000), EPIPE, "a reset connection is gone");
	close_reader();
}

/* Where a stream turns into another one, nothing of the first is left. */
static void
forgotten(void)
{
	static const char first[] = "one\r\ntwo\r\nthr";
	char *line;

	for (size_t cut = 1; cut < sizeof(first); cut++) {
		open_reader();
		need(send(client, first, cut, 0) == (ssize_t)cut, "send");
		if (cut > 4)
			check(
			    line_read(&lr, clock_ms() + 1000, &line) == LINE_OK,
			    "cut at %zu: one", cut);
		else
			check(why_none(0) == ETIMEDOUT, "cut at %zu: no line",
			    cut);
		line_forget(&lr);
		check(!line_waits(&lr), "cut at %zu: none waits", cut);
		need(send(client, "new\n", 4, 0) == 4, "send");
		check(line_read(&lr, clock_ms() + 1000, &line) == LINE_OK &&
			strcmp(line, "new") == 0,
		    "cut at %zu: the new one", cut);
		close_reader();
	}
	point("what is forgotten is gone, also a piece of a line");
}

int
main(void)
{
	chance_open();
	every_length();
	limit = LINE_AUTH_OCTETS;
	every_length();
	limit = LINE_MAX_OCTETS;
	every_short_text();
	random_texts();
	deadlines();
	ends();
	forgotten();
	return done();
}
