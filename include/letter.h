/* SPDX-License-Identifier: ISC */
/* A message on its way into an mbox.  Runs as: restantectl. */
#ifndef LETTER_H
#define LETTER_H

#include <stddef.h>
#include <stdint.h>

/* A separator line at most, its LF and NUL included. */
enum { LETTER_SEPARATOR = 512 };

/*
 * Writes "From sender date": what has no place in such a line becomes a '-', and
 * nobody is "MAILER-DAEMON".  The date is that of UTC.
 */
void letter_separator(
    const char *sender, uint64_t seconds, char line[LETTER_SEPARATOR]);

/*
 * Writes the separator, the message and a blank line.  Line ends become LF, a
 * last line gets one, and lines of the body that start with "From " or its quoted
 * forms get a '>' (mboxrd).  Returns the octets; or 0 with errno set.  The caller
 * frees *mbox.
 */
size_t letter_compose(
    const char *separator, const char *text, size_t len, char **mbox);

/* Reads all of fd into memory.  0, or -1 with errno set; the caller frees. */
int letter_read(int fd, char **text, size_t *len);

#endif
