/* SPDX-License-Identifier: ISC */
/* What goes out to the client.  Runs as: session. */

#include <sys/mman.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "reply.h"
#include "words.h"

int
reply_flush(struct reply *r)
{
	if (r->error == 0 &&
	    io_write_all(r->fd, r->buf, r->len, r->timeout) == -1)
		r->error = errno;
	r->len = 0;
	return r->error == 0 ? 0 : -1;
}

/* Room for n more octets, n being small against the buffer. */
static char *
room(struct reply *r, size_t n)
{
	if (sizeof(r->buf) - r->len < n)
		(void)reply_flush(r);
	return r->buf + r->len;
}

__attribute__((format(printf, 3, 0))) static void
put_line(struct reply *r, const char *status, const char *fmt, va_list ap)
{
	char *p = room(r, REPLY_LINE);
	size_t len = strlen(status);
	int n;

	memcpy(p, status, len);
	n = vsnprintf(p + len, REPLY_LINE - 1 - len, fmt, ap);
	if (n > 0)
		len += (size_t)n;
	if (len > REPLY_LINE - 2)
		len = REPLY_LINE - 2;
	memcpy(p + len, "\r\n", 2);
	r->len += len + 2;
	r->bol = true;
	r->cr = false;
}

void
reply_ok(struct reply *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(r, "+OK ", words_in(r->language, fmt), ap);
	va_end(ap);
}

void
reply_err(struct reply *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(r, "-ERR ", words_in(r->language, fmt), ap);
	va_end(ap);
}

void
reply_err_text(struct reply *r, const char *text)
{
	reply_err(r, "%s", words_in(r->language, text));
}

void
reply_line(struct reply *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(r, "", fmt, ap);
	va_end(ap);
}

/* Octets as they are. */
static void
put(struct reply *r, const char *p, size_t len)
{
	size_t n;

	while (len > 0 && r->error == 0) {
		n = sizeof(r->buf) - r->len;
		if (n > len)
			n = len;
		memcpy(r->buf + r->len, p, n);
		r->len += n;
		p += n;
		len -= n;
		if (r->len == sizeof(r->buf))
			(void)reply_flush(r);
	}
}

/* The octets of a body up to the next line end.  Returns where it goes on. */
static const char *
put_body_line(struct reply *r, const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	if (lf == NULL) {
		put(r, p, (size_t)(end - p));
		r->bol = false;
		r->cr = end[-1] == '\r';
		return end;
	}
	/* The CR may have been the last octet of the piece before. */
	if (lf > p ? lf[-1] == '\r' : r->cr) {
		put(r, p, (size_t)(lf + 1 - p));
	} else {
		put(r, p, (size_t)(lf - p));
		put(r, "\r\n", 2);
		r->octets++;
	}
	r->bol = true;
	r->cr = false;
	return lf + 1;
}

void
reply_body(struct reply *r, const char *p, size_t len)
{
	const char *end = p + len;

	r->octets += len;
	while (p < end && r->error == 0) {
		if (r->bol && *p == '.')
			put(r, ".", 1);
		p = put_body_line(r, p, end);
	}
}

void
reply_data(struct reply *r, const char *p, size_t len)
{
	const char *end = p + len;

	r->octets += len;
	while (p < end && r->error == 0)
		p = put_body_line(r, p, end);
}

uint64_t
reply_octets(const struct reply *r)
{
	return r->octets + (r->bol ? 0 : r->cr ? 1 : 2);
}

void
reply_end_line(struct reply *r)
{
	size_t missing = (size_t)(reply_octets(r) - r->octets);

	put(r, &"\r\n"[2 - missing], missing);
	r->octets += missing;
	r->bol = true;
	r->cr = false;
}

void
reply_end(struct reply *r)
{
	reply_end_line(r);
	/* In one piece: clients wait when it is split across packets. */
	memcpy(room(r, 3), ".\r\n", 3);
	r->len += 3;
}

void
reply_trim(struct reply *r)
{
	long page = sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)r->buf + REPLY_LINE * 16;
	uintptr_t last = (uintptr_t)r->buf + sizeof(r->buf);

	(void)reply_flush(r);
	first = (first + (uintptr_t)page - 1) / (uintptr_t)page;
	last /= (uintptr_t)page;
	(void)madvise((void *)(first * (uintptr_t)page),
	    (last - first) * (uintptr_t)page, MADV_DONTNEED);
}
