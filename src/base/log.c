/* SPDX-License-Identifier: ISC */
/*
 * The log: formatting, escaping, the pipe between processes, syslog.
 * Runs as: every process.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"

/* A line is less than PIPE_BUF, so that it is one piece in the pipe. */
enum {
	LINE_SIZE = 1024,
	/*
	 * Of a pipe: each line takes a page of it, and the 16 of a new one are
	 * full in a moment.  An account may have so many in all, hence not more.
	 */
	PIPE_SIZE = 2 * LOG_RELAY_MOST * 4096,
};

static enum { TO_STDERR, TO_SYSLOG, TO_PIPE } destination = TO_STDERR;
static const char *name = "restante";
static int pipe_fd = -1;
static enum log_level threshold = LOG_LEVEL_INFO;
static int failure = 1;

void
log_to_stderr(void)
{
	destination = TO_STDERR;
}

void
log_to_syslog(void)
{
	openlog("restante", LOG_PID | LOG_NDELAY, LOG_MAIL);
	destination = TO_SYSLOG;
}

void
log_to_pipe(int fd)
{
	pipe_fd = fd;
	destination = TO_PIPE;
}

void
log_set_name(const char *who)
{
	name = who;
}

void
log_set_failure(int status)
{
	failure = status;
}

enum log_level
log_set_level(enum log_level level)
{
	enum log_level was = threshold;

	threshold = level;
	return was;
}

int
log_pipe(int ends[2])
{
	/* O_DIRECT: a read yields exactly what one write put in. */
	return pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC);
}

int
log_widen(int fd)
{
	return fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE) == -1 ? -1 : 0;
}

void
log_escape(const char *text, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	unsigned char c;

	for (; (c = (unsigned char)*text) != '\0' && n + 5 < size; text++) {
		if (c >= 0x20 && c < 0x7f) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
}

static void
deliver(enum log_level level, const char *part, const char *text)
{
	static const int priority[] = {
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_WARN] = LOG_WARNING,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};
	char clean[LINE_SIZE * 2];

	log_escape(text, clean, sizeof(clean));
	if (destination == TO_SYSLOG)
		syslog(
		    priority[level], "%s%s%s", part, *part ? ": " : "", clean);
	else
		fprintf(stderr, "%s: %s%s%s\n", name, part, *part ? ": " : "",
		    clean);
}

__attribute__((format(printf, 3, 0))) static void
vlog(enum log_level level, bool with_errno, const char *fmt, va_list ap)
{
	char line[LINE_SIZE];
	int saved = errno;
	size_t len;

	if (level > threshold)
		return;
	/* The first byte is the level's, for the relay. */
	line[0] = (char)('0' + (int)level);
	line[1] = '\0';
	(void)vsnprintf(line + 1, sizeof(line) - 1, fmt, ap);
	len = strlen(line);
	if (with_errno)
		(void)snprintf(
		    line + len, sizeof(line) - len, ": %s", strerror(saved));
	if (destination == TO_PIPE)
		(void)!write(pipe_fd, line, strlen(line));
	else
		deliver(level, "", line + 1);
	errno = saved;
}

int
log_relay(int fd, const char *part)
{
	char line[LINE_SIZE + 1];
	enum log_level level;
	int saved = errno;
	ssize_t n = 1;
	int lines = 0;

	/* Who floods one pipe must not keep the master from the others. */
	while (lines < LOG_RELAY_MOST) {
		n = read(fd, line, LINE_SIZE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		lines++;
		line[n] = '\0';
		level = LOG_LEVEL_INFO;
		if (line[0] >= '0' && line[0] <= '0' + (int)LOG_LEVEL_DEBUG)
			level = (enum log_level)(line[0] - '0');
		if (level <= threshold)
			deliver(level, part, line + 1);
	}
	errno = saved;
	return n == 0 && lines == 0 ? -1 : lines;
}

#define VLOG(level, with_errno, fmt)                    \
	do {                                            \
		va_list ap;                             \
                                                        \
		va_start(ap, fmt);                      \
		vlog((level), (with_errno), (fmt), ap); \
		va_end(ap);                             \
	} while (0)

void
log_info(const char *fmt, ...)
{
	VLOG(LOG_LEVEL_INFO, false, fmt);
}

void
log_warn(const char *fmt, ...)
{
	VLOG(LOG_LEVEL_WARN, true, fmt);
}

void
log_warnx(const char *fmt, ...)
{
	VLOG(LOG_LEVEL_WARN, false, fmt);
}

void
fatal(const char *fmt, ...)
{
	VLOG(LOG_LEVEL_ERROR, true, fmt);
	exit(failure);
}

void
fatalx(const char *fmt, ...)
{
	VLOG(LOG_LEVEL_ERROR, false, fmt);
	exit(failure);
}
