/* SPDX-License-Identifier: ISC */
/*
 * Tests that speak TAP.  A point of the test is one line of output; it rests on
 * one check or on millions of them, and without any it fails.
 *
 *	ok(n == 3, "three messages");
 *	is(n, 3, "how many messages");
 *	is_str(name, "alice", "the name");
 *
 *	for (...)
 *		check(f(i) == i, "f(%d)", i);
 *	point("f keeps what it is given");
 *
 *	return done();
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A test that hangs is a failure, after a time that none takes on the busiest of
 * machines; and only so many words about one point.
 */
enum { TAP_SECONDS = 900, TAP_WORDS = 8 };

static struct {
	int points, failures;
	uint64_t checks, wrong; /* of the point that is being made */
	const char *todo;       /* why the next point may fail, or NULL */
} tap;

__attribute__((constructor)) static void
tap_start(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)alarm(TAP_SECONDS);
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_check(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	tap.checks++;
	if (good || tap.wrong++ >= TAP_WORDS)
		return good;
	printf("# %s:%d: wrong: ", file, line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return false;
}

__attribute__((format(printf, 3, 4))) static inline bool
tap_point(const char *file, int line, const char *fmt, ...)
{
	bool good = tap.checks > 0 && tap.wrong == 0;
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap.points);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	if (tap.checks > 1)
		printf(" (%ju checks)", (uintmax_t)tap.checks);
	if (tap.todo != NULL)
		printf(" # TODO %s", tap.todo);
	printf("\n");
	if (!good)
		printf("# at %s:%d: %ju of %ju checks are wrong\n", file, line,
		    (uintmax_t)tap.wrong, (uintmax_t)tap.checks);
	if (!good && tap.todo == NULL)
		tap.failures++;
	tap.checks = tap.wrong = 0;
	tap.todo = NULL;
	return good;
}

static inline bool
tap_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The next point shows a fault that is known: why it stands. */
static inline void
todo(const char *why)
{
	tap.todo = why;
}

/* A point that cannot be made on this machine, and why. */
static inline void
skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap.points, what, why);
}

/* Nothing can be tested without this; errno says more. */
static inline void
need(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out!  %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The plan.  What main() returns. */
static inline int
done(void)
{
	if (tap.checks > 0)
		(void)tap_point(__FILE__, __LINE__, "checks behind no point");
	printf("1..%d\n", tap.points);
	return tap.failures == 0 && tap.points > 0 ? 0 : 1;
}

#define check(good, ...) tap_check((good), __FILE__, __LINE__, __VA_ARGS__)
#define point(...)       tap_point(__FILE__, __LINE__, __VA_ARGS__)

#define ok(good, ...)                       \
	do {                                \
		check((good), "%s", #good); \
		(void)point(__VA_ARGS__);   \
	} while (0)

/* Whole numbers. */
#define is(got, want, ...)                                                \
	do {                                                              \
		intmax_t tap_got = (intmax_t)(got);                       \
		intmax_t tap_want = (intmax_t)(want);                     \
                                                                          \
		check(tap_got == tap_want, "%s is %jd and not %jd", #got, \
		    tap_got, tap_want);                                   \
		(void)point(__VA_ARGS__);                                 \
	} while (0)

/* Strings; NULL is only itself. */
#define is_str(got, want, ...)                                   \
	do {                                                     \
		const char *tap_got = (got), *tap_want = (want); \
                                                                 \
		check(tap_same(tap_got, tap_want),               \
		    "%s is \"%s\" and not \"%s\"", #got,         \
		    tap_got ? tap_got : "(null)",                \
		    tap_want ? tap_want : "(null)");             \
		(void)point(__VA_ARGS__);                        \
	} while (0)

#endif
