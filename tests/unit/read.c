/* SPDX-License-Identifier: ISC */
/*
 * Reading a long message in pieces, with its quoting taken out, and looking
 * whether it is there: wherever a piece ends.  And what is too old is removed, and
 * nothing that is a second younger.
 */

#include <fcntl.h>
#include <unistd.h>

#include "mailbox.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025"
#define QUOTED    ">>From a\n"

enum { LINES = 8000, MAIL_MAX = 1 << 17, QUOTED_LEN = sizeof(QUOTED) - 1 };

static char mail[MAIL_MAX], got[MAIL_MAX];
static struct mailbox mb;
static int dir;

static void
open_mailbox(bool unquote)
{
	static struct mailbox_settings set;
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	const struct mailbox_files files = { openat(dir, "mail", flags, 0600),
		openat(dir, "journal", flags, 0600), -1 };

	set.unquote = unquote;
	need(mailbox_open(&mb, &set, &files) == MAILBOX_OK, "opening");
}

static size_t
read_all(void)
{
	static char buf[MAILBOX_PIECE];
	struct mailbox_reader r = { .n = 1 };
	size_t len = 0;
	ssize_t n;

	while ((n = mailbox_read(&mb, &r, buf)) > 0) {
		need(len + (size_t)n < sizeof(got), "room");
		memcpy(got + len, buf, (size_t)n);
		len += (size_t)n;
	}
	need(n == 0, "reading");
	return len;
}

/* The first line of the body has so many octets, the others are quoted. */
static void
pieces(int shift)
{
	size_t len = (size_t)snprintf(
	    mail, sizeof(mail), "secret\n" SEPARATOR "\n\n%*s\n", shift, "x");
	size_t octets = 1 + (size_t)shift + 1, i;

	for (int n = 0; n < LINES; n++, len += QUOTED_LEN)
		memcpy(mail + len, QUOTED "\n", QUOTED_LEN + 2);
	scratch_file(dir, "mail", mail);
	open_mailbox(true);
	need(mailbox_count(&mb) == 1, "a message");
	check(read_all() == octets + LINES * (QUOTED_LEN - 1) &&
		mailbox_message_octets(&mb, 1) ==
		    octets + LINES * (QUOTED_LEN - 1) + LINES + 2,
	    "shifted by %d", shift);
	for (i = 0; i < LINES; i++)
		check(memcmp(got + octets + i * (QUOTED_LEN - 1), &QUOTED[1],
			  QUOTED_LEN - 1) == 0,
		    "shifted by %d: line %zu", shift, i);
	check(mailbox_look(&mb, 1) == 0, "shifted by %d: it is there", shift);
	mailbox_close(&mb);
}

/* A header of so many octets, with its separator line, is looked at. */
static void
look(size_t header, const char *line_end, bool body)
{
	size_t len = strlen("secret\n"), end = len + header;
	size_t eol = strlen(line_end);

	(void)snprintf(mail, sizeof(mail), "secret\n" SEPARATOR "%s", line_end);
	len += strlen(SEPARATOR) + eol;
	memset(mail + len, 'h', end - len);
	memcpy(mail + end - eol, line_end, eol);
	(void)snprintf(mail + end, sizeof(mail) - end, "%s%s%s", line_end,
	    body ? "text\r\n" : "", body ? line_end : "");
	scratch_file(dir, "mail", mail);
	open_mailbox(false);
	check(mailbox_count(&mb) == 1 && mailbox_look(&mb, 1) == 0,
	    "a header of %zu octets", header);
	mail[end - eol - 1] = 'x';
	scratch_file(dir, "mail", mail);
	check(mailbox_look(&mb, 1) == -1 && errno == ESTALE,
	    "a header of %zu octets that has changed", header);
	mailbox_close(&mb);
}

static void
looks(void)
{
	for (size_t around = 4096; around <= 3 * 4096; around += 4096)
		for (size_t n = around - 6; n <= around + 6; n++)
			for (int body = 0; body <= 1; body++) {
				look(n, "\n", body != 0);
				look(n, "\r\n", body != 0);
			}
	(void)point("a header is looked at whole, wherever a piece ends");
}

/* The letters are of one second after the other. */
static void
expire(int64_t time, uint64_t gone)
{
	uint64_t removed;

	scratch_file(dir, "mail",
	    "secret\n" SEPARATOR " +0000\nSubject: 1\n\n\n"
	    "From a Thu Nov 20 18:27:06 2025 +0000\nSubject: 2\n\n\n"
	    "From a Thu Nov 20 18:27:07 2025 +0000\nSubject: 3\n\n\n");
	open_mailbox(false);
	need(mailbox_count(&mb) == 3, "letters");
	ok(mailbox_expire(&mb, time, &removed) == MAILBOX_OK &&
		removed == gone && mailbox_count(&mb) == 3 - gone,
	    "%ju too old", (uintmax_t)gone);
	mailbox_close(&mb);
}

int
main(void)
{
	const int64_t first = 1763663225; /* 2025-11-20 18:27:05 */

	dir = scratch_open();
	for (int shift = 1; shift <= 2 * QUOTED_LEN; shift++)
		pieces(shift);
	(void)point("a line is un-quoted wherever a piece ends");
	looks();
	for (int64_t n = 0; n <= 3; n++)
		expire(first + n, (uint64_t)n);
	return done();
}
