/* SPDX-License-Identifier: ISC */
/*
 * A session that its client has taken over: it speaks no POP3, but makes the
 * system calls that the client names, and writes what the client wants into its
 * channel.  Linked in the place of src/session/session.c.  Runs as: session.
 *
 *	call NUMBER ARG...	one raw system call: "RESULT ERRNO"
 *	ia32 NUMBER		the same by way of the 32-bit gate
 *	ask KIND NAME SECRET	a proper request: "verdict KIND FD...", or
 *				"verdict KIND CHALLENGE"; the secret of AUTH is
 *				%hex
 *	send HEX COUNT FD...	COUNT packets into the channel, with descriptors:
 *				"SENT ERRNO"
 *	hear MILLISECONDS	what comes from the channel: "OCTETS FD..." or
 *				"timeout"; 0 octets: the other end is gone
 *	pair			a channel of its own making, that nobody reads
 *	tell NAME		a datagram to a socket outside, @ for an abstract one:
 *				"RESULT ERRNO"
 *	log HEX			octets into the pipe of the log: "RESULT ERRNO"
 *	fds			what is open: "FD:TYPE ..."
 *	heap HEX		how often these octets, each of them one higher, so
 *				that the question is no answer, are there: "COUNT
 *				SIZE"
 *
 * An ARG is as in call.h.  In ask and send, "-" is the empty string.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "fds.h"
#include "io.h"
#include "session.h"
#include "title.h"

enum {
	LINE = 256 * 1024,
	WORDS = 260,
	PACKET = LINE / 2,
	FDS = 253, /* as many as the kernel takes in one packet */
	TIMEOUT = 60 * 1000,
	LOG_FD = 3, /* where master and listener put it */
	FD_MAX = 256,
};

static int client, to_attendant;

__attribute__((format(printf, 1, 2))) static void
answer(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	line[n++] = '\r';
	line[n++] = '\n';
	if (io_write_all(client, line, (size_t)n, TIMEOUT) == -1)
		_exit(0);
}

/* A line from the client without its end, or NULL. */
static char *
hear_client(int fd)
{
	static char buf[LINE + 1];
	static size_t end, used;
	char *lf;
	ssize_t n;

	memmove(buf, buf + used, end - used);
	end -= used;
	for (;;) {
		lf = memchr(buf, '\n', end);
		if (lf != NULL)
			break;
		if (end == LINE ||
		    io_wait(fd, POLLIN, clock_ms() + TIMEOUT) == -1)
			return NULL;
		n = read(fd, buf + end, LINE - end);
		if (n <= 0)
			return NULL;
		end += (size_t)n;
	}
	used = (size_t)(lf + 1 - buf);
	*lf = '\0';
	if (lf > buf && lf[-1] == '\r')
		lf[-1] = '\0';
	return buf;
}

static void
call(char **word)
{
	long result = raw_call(word);

	answer("%ld %d", result, errno);
}

static void
call_ia32(char **word)
{
#ifdef __x86_64__
	long result, number = argument(word[0]);

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(0L), "c"(0L), "d"(0L)
			 : "memory");
	answer("%ld 0", result);
#else
	(void)word;
	answer("unknown");
#endif
}

static void
ask(char **word)
{
	struct request req = { .kind = (uint32_t)argument(word[0]) };
	struct verdict verdict;
	int fds[CHANNEL_FDS] = { -1 };

	if (strcmp(word[1], "-") != 0)
		(void)snprintf(req.name, sizeof(req.name), "%s", word[1]);
	if (word[2][0] == '%')
		req.len = (uint32_t)from_hex(
		    word[2] + 1, req.secret, sizeof(req.secret) - 1);
	else if (strcmp(word[2], "-") != 0)
		(void)snprintf(req.secret, sizeof(req.secret), "%s", word[2]);
	if (channel_ask(to_attendant, &req) == -1 ||
	    channel_answered(to_attendant, &verdict, fds) == -1) {
		answer("none %d", errno);
		return;
	}
	if (verdict.kind == VERDICT_MORE)
		answer("verdict %u %s", verdict.kind, verdict.text);
	else if (fds[0] == -1)
		answer("verdict %u", verdict.kind);
	else
		answer("verdict %u %d %d", verdict.kind, fds[0], fds[1]);
}

/* Raw, so that nothing of channel.c mends it. */
static int
send_packet(const char *data, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, nfds * sizeof(int));
	}
	return sendmsg(to_attendant, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == -1
	    ? -1
	    : 0;
}

static void
send_packets(char **word)
{
	static char data[PACKET];
	size_t len = strcmp(word[0], "-") == 0
	    ? 0
	    : from_hex(word[0], data, sizeof(data));
	long count = argument(word[1]), sent = 0;
	int fds[FDS];
	size_t nfds = 0;

	for (char **w = word + 2; *w != NULL && nfds < FDS; w++)
		fds[nfds++] = (int)argument(*w);
	errno = 0;
	while (sent < count && send_packet(data, len, fds, nfds) == 0)
		sent++;
	answer("%ld %d", sent, errno);
}

static void
hear(char **word)
{
	static char data[PACKET];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (io_wait(to_attendant, POLLIN, clock_ms() + argument(word[0])) ==
	    -1) {
		answer("timeout");
		return;
	}
	n = recvmsg(to_attendant, &msg, 0);
	cmsg = n == -1 ? NULL : CMSG_FIRSTHDR(&msg);
	answer("%zd %zu", n == -1 ? 0 : n,
	    cmsg == NULL ? (size_t)0
			 : (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

/* An end of a pair of its own sends to whom it likes, unless it has none. */
static void
tell(char **word)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strnlen(word[0], sizeof(to.sun_path));
	struct iovec iov = { .iov_base = word[0], .iov_len = len };
	struct msghdr msg = { .msg_name = &to,
		.msg_namelen = (socklen_t)(sizeof(to.sun_family) + len),
		.msg_iov = &iov,
		.msg_iovlen = 1 };
	int ends[2];
	ssize_t n = -1;

	memcpy(to.sun_path, word[0], len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	errno = 0;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0)
		n = sendmsg(ends[0], &msg, MSG_DONTWAIT);
	answer("%zd %d", n, errno);
}

static void
write_log(char **word)
{
	static char data[PACKET];
	size_t len = from_hex(word[0], data, sizeof(data));
	ssize_t n;

	errno = 0;
	n = write(LOG_FD, data, len);
	answer("%zd %d", n, errno);
}

/* Whether the octet can be read: the kernel says so of what it cannot copy. */
static bool
is_mapped(const char *p)
{
	static int ends[2] = { -1, -1 };
	char octet;

	if (ends[0] == -1 && pipe2(ends, O_CLOEXEC) == -1)
		return false;
	return write(ends[1], p, 1) == 1 && read(ends[0], &octet, 1) == 1;
}

static void
search_heap(char **word)
{
	char text[64];
	size_t len = from_hex(word[0], text, sizeof(text)), i;
	const char *end = sbrk(0), *p = end;
	long count = 0;

	while (is_mapped(p - 1))
		p -= 4096;
	for (const char *at = p; at + len <= end; at++) {
		for (i = 0; i < len && at[i] == (char)(text[i] - 1); i++)
			;
		count += i == len ? 1 : 0;
	}
	answer("%ld %td", count, end - p);
}

static void
make_pair(void)
{
	int ends[2] = { -1, -1 };

	errno = 0;
	if (channel_pair(ends) == 0)
		to_attendant = ends[0];
	answer("%d %d", ends[0], errno);
}

static void
list_fds(void)
{
	char line[4000];
	size_t n = 0;
	struct stat st;

	line[0] = '\0';
	for (int fd = 0; fd < FD_MAX && n + 16 < sizeof(line); fd++) {
		if (fds_stat(fd, &st) == -1)
			continue;
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%d:%c",
		    n == 0 ? "" : " ", fd,
		    S_ISREG(st.st_mode)        ? 'f'
			: S_ISDIR(st.st_mode)  ? 'd'
			: S_ISSOCK(st.st_mode) ? 's'
			: S_ISFIFO(st.st_mode) ? 'p'
			: S_ISCHR(st.st_mode)  ? 'c'
					       : '?');
	}
	answer("%s", line);
}

static void
obey(char *line)
{
	static const struct {
		const char *verb;
		int words;
		void (*run)(char **word);
	} table[] = {
		{ "call", 1, call },
		{ "ia32", 1, call_ia32 },
		{ "ask", 3, ask },
		{ "send", 2, send_packets },
		{ "hear", 1, hear },
		{ "tell", 1, tell },
		{ "log", 1, write_log },
		{ "heap", 1, search_heap },
	};
	char *word[WORDS + 1] = { NULL }, *next = line;
	int n = 0;

	while (n < WORDS && next != NULL)
		word[n++] = strsep(&next, " ");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(word[0], table[i].verb) == 0 && n > table[i].words) {
			table[i].run(word + 1);
			return;
		}
	if (strcmp(word[0], "fds") == 0)
		list_fds();
	else if (strcmp(word[0], "pair") == 0)
		make_pair();
	else
		answer("what?");
}

void
session_run(const struct session_settings *set,
    const struct session_links *links, const struct registration *reg)
{
	int64_t deadline = clock_ms() + TIMEOUT;
	char *line;

	(void)set;
	client = links->out;
	title_set("session - %s", reg->peer);
	answer("+OK hostile %s", reg->stamp);
	(void)io_wait(links->in, POLLIN, deadline);
	/* From here on the client has a word. */
	to_attendant = threshold_cross(links, reg, deadline);
	while ((line = hear_client(links->in)) != NULL)
		obey(line);
}
