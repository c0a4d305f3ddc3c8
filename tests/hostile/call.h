/* SPDX-License-Identifier: ISC */
/*
 * Raw system calls as a test names them: a number and up to six arguments.  An
 * argument is a number, or a pointer: 'text, %hex octets, @n zeroed octets, &n a
 * struct iovec for n octets.
 */
#ifndef CALL_H
#define CALL_H

#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POINTERS = 16, SCRATCH = 64 * 1024 };

/* Octets of a word of hexadecimal digits, into buf. */
static inline size_t
from_hex(const char *s, char *buf, size_t size)
{
	char digits[3] = { 0 };
	size_t n = 0;

	for (; s[0] != '\0' && s[1] != '\0' && n < size; s += 2) {
		memcpy(digits, s, 2);
		buf[n++] = (char)strtoul(digits, NULL, 16);
	}
	return n;
}

static inline long
argument(char *word)
{
	static char scratch[POINTERS][SCRATCH] __attribute__((aligned(16)));
	static struct iovec iov[POINTERS];
	static size_t next;
	char *place;

	if (strchr("'%@&", *word) == NULL)
		return (long)strtoull(word, NULL, 0);
	if (*word == '\'')
		return (long)(word + 1);
	next = (next + 1) % POINTERS;
	place = scratch[next];
	memset(place, 0, SCRATCH);
	if (*word == '%')
		(void)from_hex(word + 1, place, SCRATCH);
	if (*word != '&')
		return (long)place;
	iov[next].iov_base = place;
	iov[next].iov_len = strtoul(word + 1, NULL, 0);
	return (long)&iov[next];
}

/* The result; errno is 0 if the call has not set it. */
static inline long
raw_call(char **word)
{
	long a[7] = { 0 }, result, self = syscall(SYS_getpid);

	for (int i = 0; i < 7 && word[i] != NULL; i++)
		a[i] = argument(word[i]);
	errno = 0;
	result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	/* A child that should not be. */
	if (syscall(SYS_getpid) != self)
		(void)syscall(SYS_exit, 0);
	return result;
}

#endif
