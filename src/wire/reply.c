/* SPDX-License-Identifier: ISC */
/* What goes out to the client.  Runs as: session. */

#include <sys/mman.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "io.h"
#include "reply.h"
#include "words.h"

/* Of a body: for less room than twice this the buffer is sent first. */
enum { PIECE = 8 * 1024 };

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

/*
 * Copies the octets before the next LF, or all len when there is none, and
 * returns how many.  Of len octets in out, those behind them may change too.
 */
static inline size_t
copy_line(char *out, const char *p, size_t len)
{
	size_t n = 0, left;
	const char *lf;

#ifdef __SSE2__
	const __m128i want = _mm_set1_epi8('\n');
	unsigned int found;
	__m128i v;

	for (; len - n >= sizeof(v); n += sizeof(v)) {
		v = _mm_loadu_si128((const void *)(p + n));
		_mm_storeu_si128((void *)(out + n), v);
		found = (unsigned int)_mm_movemask_epi8(
		    _mm_cmpeq_epi8(v, want));
		if (found != 0)
			return n + (size_t)__builtin_ctz(found);
	}
#endif
	lf = memchr(p + n, '\n', len - n);
	left = lf == NULL ? len - n : (size_t)(lf - (p + n));
	memcpy(out + n, p + n, left);
	return n + left;
}

/* Appends octets of a body, for which there is room at twice their length. */
static void
put_lines(struct reply *r, const char *p, size_t len, bool stuffing)
{
	const char *end = p + len;
	char *out = r->buf + r->len;
	size_t n;

	while (p < end) {
		if (stuffing && r->bol && *p == '.')
			*out++ = '.';
		n = copy_line(out, p, (size_t)(end - p));
		out += n;
		if (n == (size_t)(end - p)) {
			r->bol = false;
			r->cr = end[-1] == '\r';
			break;
		}
		/* The CR may have been the last octet of the piece before. */
		if (n > 0 ? p[n - 1] != '\r' : !r->cr) {
			*out++ = '\r';
			r->octets++;
		}
		*out++ = '\n';
		p += n + 1;
		r->bol = true;
		r->cr = false;
	}
	r->len = (size_t)(out - r->buf);
}

static void
put_body(struct reply *r, const char *p, size_t len, bool stuffing)
{
	size_t n;

	r->octets += len;
	for (; len > 0 && r->error == 0; p += n, len -= n) {
		/* A dot or a CR goes with each octet, at the most. */
		n = (sizeof(r->buf) - r->len) / 2;
		if (n < PIECE) {
			(void)reply_flush(r);
			n = sizeof(r->buf) / 2;
		}
		if (n > len)
			n = len;
		put_lines(r, p, n, stuffing);
	}
}

void
reply_body(struct reply *r, const char *p, size_t len)
{
	put_body(r, p, len, true);
}

void
reply_data(struct reply *r, const char *p, size_t len)
{
	put_body(r, p, len, false);
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

	memcpy(room(r, 2), &"\r\n"[2 - missing], missing);
	r->len += missing;
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
