/* SPDX-License-Identifier: ISC */
/* What goes out to the client.  Runs as: session. */

#include <sys/mman.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__
#include <immintrin.h>
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

/* Appends octets of a body, for which there is room at twice their length. */
static void
put_lines(struct reply *r, const char *p, size_t len, bool stuffing)
{
	const char *end = p + len, *lf;
	char *out = r->buf + r->len;
	size_t n;

	for (; p < end; p = lf + 1) {
		if (stuffing && r->bol && *p == '.')
			*out++ = '.';
		lf = memchr(p, '\n', (size_t)(end - p));
		n = (size_t)((lf == NULL ? end : lf) - p);
		memcpy(out, p, n);
		out += n;
		r->bol = lf != NULL;
		if (lf == NULL) {
			r->cr = end[-1] == '\r';
			break;
		}
		/* The CR may have been the last octet of the piece before. */
		if (n > 0 ? lf[-1] != '\r' : !r->cr) {
			*out++ = '\r';
			r->octets++;
		}
		*out++ = '\n';
		r->cr = false;
	}
	r->len = (size_t)(out - r->buf);
}

#ifdef __x86_64__
/*
 * Of eight octets and what may go before each, in pairs: the numbers of those that
 * are taken, for every set of octets that something goes before.
 */
#define PICK0(...) { 1, __VA_ARGS__ }, { 0, 1, __VA_ARGS__ },
#define PICK1(...) PICK0(3, __VA_ARGS__) PICK0(2, 3, __VA_ARGS__)
#define PICK2(...) PICK1(5, __VA_ARGS__) PICK1(4, 5, __VA_ARGS__)
#define PICK3(...) PICK2(7, __VA_ARGS__) PICK2(6, 7, __VA_ARGS__)
#define PICK4(...) PICK3(9, __VA_ARGS__) PICK3(8, 9, __VA_ARGS__)
#define PICK5(...) PICK4(11, __VA_ARGS__) PICK4(10, 11, __VA_ARGS__)
#define PICK6(...) PICK5(13, __VA_ARGS__) PICK5(12, 13, __VA_ARGS__)
static const unsigned char picks[256][16] = { PICK6(15) PICK6(14, 15) };

typedef unsigned char vector __attribute__((vector_size(32)));

/* Two times eight octets, each with what may go before it: what is wanted of them. */
__attribute__((target("avx2"))) static inline __m256i
pick(__m256i pairs, unsigned int want)
{
	return _mm256_shuffle_epi8(pairs,
	    _mm256_set_m128i(
		_mm_loadu_si128((const void *)picks[want >> 16 & 0xff]),
		_mm_loadu_si128((const void *)picks[want & 0xff])));
}

/* How many octets the first n are, with what is wanted before them. */
__attribute__((target("popcnt"))) static inline size_t
with_extra(size_t n, unsigned int want)
{
	return n + (size_t)__builtin_popcount(want << (32 - n));
}

/*
 * Appends octets as put_lines() does, as many as make whole vectors, and returns
 * how many; p[-1] is the octet before them.  Where lines end moves what is written
 * and no branch: text whose lines nobody can foresee goes twice as fast.
 */
__attribute__((target("avx2,popcnt"))) static size_t
put_vectors(struct reply *r, const char *p, size_t len, bool stuffing)
{
	const vector none = { 0 }, stuffed = stuffing ? ~none : none;
	vector here, before, lf, bare, dots, extra;
	__m256i even, odd;
	char *out = r->buf + r->len;
	uint64_t crs = 0;
	unsigned int want;
	size_t n;

	for (n = 0; len - n >= sizeof(here); n += sizeof(here)) {
		memcpy(&here, p + n, sizeof(here));
		memcpy(&before, p + n - 1, sizeof(before));
		lf = (vector)(here == '\n');
		bare = lf & ~(vector)(before == '\r');
		dots = stuffed & (vector)(here == '.') &
		    (vector)(before == '\n');
		want = (unsigned int)_mm256_movemask_epi8((__m256i)bare);
		crs += (uint64_t)__builtin_popcount(want);
		want |= (unsigned int)_mm256_movemask_epi8((__m256i)dots);
		/* A CR before an LF, a dot before a dot. */
		extra = here ^ (lf & ('\n' ^ '\r'));
		even = pick(
		    _mm256_unpacklo_epi8((__m256i)extra, (__m256i)here), want);
		odd = pick(_mm256_unpackhi_epi8((__m256i)extra, (__m256i)here),
		    want >> 8);
		/* What is behind eight of them, the next eight cover. */
		_mm_storeu_si128((void *)out, _mm256_castsi256_si128(even));
		_mm_storeu_si128((void *)(out + with_extra(8, want)),
		    _mm256_castsi256_si128(odd));
		_mm_storeu_si128((void *)(out + with_extra(16, want)),
		    _mm256_extracti128_si256(even, 1));
		_mm_storeu_si128((void *)(out + with_extra(24, want)),
		    _mm256_extracti128_si256(odd, 1));
		out += with_extra(32, want);
	}
	r->len = (size_t)(out - r->buf);
	r->octets += crs;
	r->bol = p[n - 1] == '\n';
	r->cr = p[n - 1] == '\r';
	return n;
}
#endif

/* Appends octets of a body, for which there is room at twice their length. */
static void
put_piece(struct reply *r, const char *p, size_t len, bool stuffing)
{
	size_t n = 0;

#ifdef __x86_64__
	if (len > sizeof(vector) && __builtin_cpu_supports("avx2")) {
		put_lines(r, p, 1, stuffing);
		n = 1 + put_vectors(r, p + 1, len - 1, stuffing);
	}
#endif
	put_lines(r, p + n, len - n, stuffing);
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
		put_piece(r, p, n, stuffing);
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
