/* SPDX-License-Identifier: ISC */
/*
 * One session with one mailbox, timed step by step.  What comes is looked at:
 * counts and sums, the size of every message against LIST, dots, terminators.
 *
 * usage: fetch PORT USER PASSWORD STEP...
 *
 * Prints "STEP SECONDS OCTETS" for each step, octets as they came from the server:
 *	open	PASS and STAT
 *	list, uidl
 *	retr	every message, each command behind the answer to the one before
 *	window	the same with 16 commands on their way
 *	first, other, all	DELE of the first, of every other, of all messages
 *	quit	to its answer
 *	wait	until the standard input ends
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BUFFER = 256 * 1024,
	PATIENCE = 300 * 1000, /* milliseconds */
	WINDOW = 16,
	BLOCK = 240, /* no more than 255 dots */
	BURST = 500, /* of DELE */
};

static struct {
	int fd;
	size_t start, end;
	uint64_t octets; /* taken so far */
	char buf[BUFFER];
} in;

static struct {
	uint64_t count, octets;
	uint64_t *size; /* of message n, from 1 */
} maildrop;

static double
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Reads more behind what is there. */
static void
fill(void)
{
	struct pollfd pfd;
	ssize_t n;

	if (in.start > 0) {
		memmove(in.buf, in.buf + in.start, in.end - in.start);
		in.end -= in.start;
		in.start = 0;
	}
	if (in.end == sizeof(in.buf))
		errx(1, "a line that is too long");
	pfd = (struct pollfd){ .fd = in.fd, .events = POLLIN };
	if (poll(&pfd, 1, PATIENCE) != 1)
		errx(1, "no answer");
	n = read(in.fd, in.buf + in.end, sizeof(in.buf) - in.end);
	if (n == -1)
		err(1, "read");
	if (n == 0)
		errx(1, "the server closed");
	in.end += (size_t)n;
	in.octets += (uint64_t)n;
}

/* The next line without its end; good until the next call. */
static const char *
line(void)
{
	char *lf;
	size_t seen = 0;
	const char *text;

	while ((lf = memchr(in.buf + in.start + seen, '\n',
		    in.end - in.start - seen)) == NULL) {
		seen = in.end - in.start;
		fill();
	}
	text = in.buf + in.start;
	if (lf == text || lf[-1] != '\r')
		errx(1, "a line that does not end in CRLF");
	lf[-1] = '\0';
	in.start = (size_t)(lf + 1 - in.buf);
	return text;
}

static const char *
ok(void)
{
	const char *reply = line();

	if (strncmp(reply, "+OK", 3) != 0)
		errx(1, "%s", reply);
	return reply;
}

static void
say(const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n) {
		n = write(in.fd, text, len);
		if (n == -1)
			err(1, "write");
	}
}

__attribute__((format(printf, 1, 2))) static void
command(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) - 2)
		errx(1, "a command that is too long");
	memcpy(text + n, "\r\n", 2);
	say(text, (size_t)n + 2);
}

/*
 * How many octets, in whole blocks, are before what might be the terminator;
 * counts the dots that the protocol has added in them, or right behind them.
 */
static size_t
skip(const char *p, size_t len, uint64_t *dots)
{
	unsigned char odd = 0, more;
	size_t done = 0;

	for (; done + BLOCK + 2 <= len; done += BLOCK) {
		const char *b = p + done;

		more = 0;
		for (size_t i = 0; i < BLOCK; i++) {
			more += (b[i] == '\n') & (b[i + 1] == '.');
			odd |= ((b[i] == '\n') & (b[i + 1] == '.') &
				   (b[i + 2] == '\r')) |
			    ((b[i] != '\r') & (b[i + 1] == '\n'));
		}
		if (odd != 0)
			break;
		*dots += more;
	}
	return done;
}

/*
 * Takes a message up to its terminator; yields its octets without the dots that
 * the protocol adds.
 */
static uint64_t
body(void)
{
	uint64_t octets = 0, dots = 0;
	bool bol = true;
	char *p, *end, *lf;
	size_t len;

	for (;;) {
		/* A line that starts needs three octets to be understood. */
		while (in.end - in.start < (bol ? 3 : 1))
			fill();
		p = in.buf + in.start;
		end = in.buf + in.end;
		if (bol && *p == '.') {
			p++;
			in.start++;
			if (p[0] == '\r' && p[1] == '\n') {
				in.start += 2;
				return octets - dots;
			}
		}
		len = skip(p, (size_t)(end - p), &dots);
		if (len > 0) {
			/* A dot that is next is counted already. */
			bol = false;
			octets += len;
			in.start += len;
			continue;
		}
		lf = memchr(p, '\n', (size_t)(end - p));
		bol = lf != NULL;
		if (lf != NULL)
			end = lf + 1;
		if (lf != NULL && lf > p && lf[-1] != '\r')
			errx(1, "a bare LF in a message");
		octets += (uint64_t)(end - p);
		in.start += (size_t)(end - p);
	}
}

static void
open_maildrop(const char *password)
{
	command("PASS %s", password);
	(void)ok();
	command("STAT");
	if (sscanf(ok(), "+OK %" SCNu64 " %" SCNu64, &maildrop.count,
		&maildrop.octets) != 2)
		errx(1, "STAT");
}

static void
list(void)
{
	uint64_t n, number, size, sum = 0;
	const char *text;

	if (maildrop.size == NULL)
		maildrop.size = calloc(
		    maildrop.count + 1, sizeof(*maildrop.size));
	if (maildrop.size == NULL)
		err(1, "calloc");
	command("LIST");
	(void)ok();
	for (n = 1; n <= maildrop.count; n++) {
		char *rest;

		text = line();
		number = strtoull(text, &rest, 10);
		size = strtoull(rest, NULL, 10);
		if (number != n)
			errx(1, "LIST: \"%s\" for message %" PRIu64, text, n);
		maildrop.size[n] = size;
		sum += size;
	}
	if (strcmp(line(), ".") != 0 || sum != maildrop.octets)
		errx(1, "LIST does not add up to what STAT says");
}

static void
uidl(void)
{
	const char *text;
	size_t len;
	char *rest;

	command("UIDL");
	(void)ok();
	for (uint64_t n = 1; n <= maildrop.count; n++) {
		text = line();
		if (strtoull(text, &rest, 10) != n || *rest != ' ')
			errx(1, "UIDL: %s", text);
		len = strlen(rest + 1);
		if (len < 1 || len > 70)
			errx(1, "UIDL: %s", text);
	}
	if (strcmp(line(), ".") != 0)
		errx(1, "UIDL: no end");
}

static void
retrieve(uint64_t window)
{
	uint64_t asked = 0, octets;

	for (uint64_t n = 1; n <= maildrop.count; n++) {
		while (asked < maildrop.count && asked < n + window - 1)
			command("RETR %" PRIu64, ++asked);
		(void)ok();
		octets = body();
		if (octets != maildrop.size[n])
			errx(1,
			    "RETR %" PRIu64 ": %" PRIu64 " octets, but %" PRIu64
			    " in LIST",
			    n, octets, maildrop.size[n]);
	}
}

/* Marks each so many messages from the first to last. */
static void delete (uint64_t last, uint64_t each)
{
	uint64_t n = 1, burst;

	while (n <= last) {
		for (burst = 0; burst < BURST && n <= last; burst++, n += each)
			command("DELE %" PRIu64, n);
		while (burst-- > 0)
			(void)ok();
	}
}

static void
quit(void)
{
	command("QUIT");
	(void)ok();
}

static void
step(const char *name, const char *password)
{
	double begin;
	uint64_t octets;
	char junk;

	if (maildrop.size == NULL &&
	    (strcmp(name, "retr") == 0 || strcmp(name, "window") == 0))
		list();
	begin = now();
	octets = in.octets;
	if (strcmp(name, "open") == 0)
		open_maildrop(password);
	else if (strcmp(name, "list") == 0)
		list();
	else if (strcmp(name, "uidl") == 0)
		uidl();
	else if (strcmp(name, "retr") == 0)
		retrieve(1);
	else if (strcmp(name, "window") == 0)
		retrieve(WINDOW);
	else if (strcmp(name, "first") == 0)
		delete (1, 1);
	else if (strcmp(name, "other") == 0)
		delete (maildrop.count, 2);
	else if (strcmp(name, "all") == 0)
		delete (maildrop.count, 1);
	else if (strcmp(name, "quit") == 0)
		quit();
	else if (strcmp(name, "wait") != 0)
		errx(64, "no such step: %s", name);
	printf(
	    "%s %.6f %" PRIu64 "\n", name, now() - begin, in.octets - octets);
	(void)fflush(stdout);
	if (strcmp(name, "wait") == 0)
		while (read(0, &junk, 1) > 0)
			;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (argc < 5)
		errx(64, "usage: fetch PORT USER PASSWORD STEP...");
	sin.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	in.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (in.fd == -1 ||
	    connect(in.fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "port %s", argv[1]);
	(void)ok();
	command("USER %s", argv[2]);
	(void)ok();
	for (int i = 4; i < argc; i++)
		step(argv[i], argv[3]);
	return 0;
}
