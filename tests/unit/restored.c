/* SPDX-License-Identifier: ISC */
/*
 * A mailbox that was put back in place as a backup had it, and got mail before the
 * next login: what had been deleted since is there again, and no index that says
 * otherwise hides it or takes it away.
 */

#include <fcntl.h>
#include <unistd.h>

#include "head.h"
#include "mailbox.h"
#include "scratch.h"
#include "tap.h"

enum { TEXT = 3000, SMALL = 30, MAIL_MAX = 1 << 21 };

static char mail[MAIL_MAX], backup[MAIL_MAX];
static struct mailbox mb;
static bool some_small; /* odd letters are, and the second */
static int dir;

static size_t
add_letter(char *text, size_t size, int n)
{
	size_t body = some_small && (n == 2 || n % 2 == 1) ? SMALL : TEXT;
	size_t len = (size_t)snprintf(text + size, MAIL_MAX - size,
	    "From a@example.org Thu Nov 20 18:27:05 2025\n"
	    "Subject: letter %d.\n\n",
	    n);

	memset(text + size + len, 'x', body);
	memcpy(text + size + len + body, "\n\n", 2);
	return size + len + body + 2;
}

static void
put(const char *text, size_t size)
{
	int fd = openat(dir, "mail", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	need(fd != -1 && pwrite(fd, text, size, 0) == (ssize_t)size &&
		ftruncate(fd, (off_t)size) == 0 && close(fd) == 0,
	    "writing");
}

static size_t
get(char *text)
{
	int fd = openat(dir, "mail", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd == -1 ? -1 : read(fd, text, MAIL_MAX);

	need(size > 0 && size < MAIL_MAX && close(fd) == 0, "reading");
	return (size_t)size;
}

static void
open_mailbox(void)
{
	static const struct mailbox_settings set = { .unquote = false };
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	const struct mailbox_files files = {
		openat(dir, "mail", flags, 0600),
		openat(dir, "journal", flags, 0600),
		openat(dir, "index", flags, 0600),
	};

	need(mailbox_open(&mb, &set, &files) == MAILBOX_OK, "opening");
}

/* Deletes message first, and so on by steps to the last. */
static void delete (int first, int last, int step)
{
	open_mailbox();
	for (int n = first; n <= last; n += step)
		need(mailbox_mark(&mb, (uint64_t)n) == 0, "marking");
	need(mailbox_update(&mb) == MAILBOX_OK, "deleting");
	mailbox_close(&mb);
}

static void
start(int letters)
{
	size_t size = (size_t)snprintf(mail, MAIL_MAX, "secret\n");

	for (int n = 1; n <= letters; n++)
		size = add_letter(mail, size, n);
	need(unlinkat(dir, "index", 0) == 0 || errno == ENOENT, "index");
	put(mail, size);
}

/* The file is again what it was, and letter n comes. */
static void
restore(size_t size, int n)
{
	put(backup, add_letter(backup, size, n));
}

/* Whether a login that knows of nothing finds the letter. */
static bool
is_there(int n)
{
	static char buf[MAILBOX_PIECE];
	char wanted[32];
	bool found = false;

	(void)snprintf(wanted, sizeof(wanted), "Subject: letter %d.", n);
	open_mailbox();
	for (uint64_t i = 1; i <= mailbox_count(&mb) && !found; i++) {
		struct mailbox_reader r = { .n = i };

		need(mailbox_read(&mb, &r, buf) > 0, "a letter");
		found = strncmp(buf, wanted, strlen(wanted)) == 0;
	}
	mailbox_close(&mb);
	return found;
}

static void
few(void)
{
	size_t size;

	start(5);
	open_mailbox();
	mailbox_close(&mb);
	size = get(backup);
	delete (3, 3, 1);
	restore(size, 6);
	open_mailbox();
	is(mailbox_count(&mb), 6, "the next login shows all that was restored");
	mailbox_close(&mb);
	ok(is_there(3), "what had been deleted, too");
}

/*
 * Among so many that are dead the login overlooks the one that is not: the last
 * but one of 500.
 */
static void
begin_many(void)
{
	size_t size;

	start(500);
	delete (3, 453, 3);
	size = get(backup);
	delete (348, 348, 1);
	restore(size, 501);
	open_mailbox();
}

static void
many(void)
{
	begin_many();
	is(mailbox_compact(&mb),
	    mailbox_count(&mb) == 349 ? MAILBOX_TEMP : MAILBOX_OK,
	    "a compaction that would take it away is refused");
	mailbox_close(&mb);
	ok(is_there(499), "the login after that shows it");

	begin_many();
	for (uint64_t n = mailbox_count(&mb) - 1; n <= mailbox_count(&mb); n++)
		need(mailbox_mark(&mb, n) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_OK, "those behind it can be deleted");
	mailbox_close(&mb);
	ok(is_there(499) && !is_there(500) && !is_there(501),
	    "they are gone, and it is there");

	/* Where next to nothing is left it would be moved together. */
	begin_many();
	for (uint64_t n = 1; n < mailbox_count(&mb) - 2; n++)
		need(mailbox_mark(&mb, n) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_OK, "most of the others, too");
	mailbox_close(&mb);
	ok(is_there(499) && !is_there(497), "and it is there");
}

/*
 * What is dead has become one entry of the index, and was in part alive when the
 * backup was made: in the middle, or up to the end.
 */
static void
begin_merged(bool to_the_end)
{
	size_t size;

	start(222);
	delete (2, 2, 1);
	if (!to_the_end)
		delete (151, 151, 1); /* letter 152 */
	size = get(backup);
	delete (2, to_the_end ? 151 : 150, 1);
	restore(size, 223);
	open_mailbox();
}

static void
merged(void)
{
	begin_merged(true);
	is(mailbox_count(&mb), 222, "the end of what was dead is looked at");
	mailbox_close(&mb);
	ok(is_there(50), "what is in there is shown");

	begin_merged(false);
	ok(mailbox_count(&mb) == 221 || mailbox_compact(&mb) == MAILBOX_TEMP,
	    "a compaction looks at all of it");
	mailbox_close(&mb);
	ok(is_there(50), "the login after that shows what is in there");

	begin_merged(false);
	for (uint64_t n = 2; n <= mailbox_count(&mb); n++)
		need(mailbox_mark(&mb, n) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_OK, "all behind it can be deleted");
	mailbox_close(&mb);
	ok(is_there(50), "and it is there");
}

/*
 * Three small letters have become one dead entry behind the password line, of
 * which the second was alive when the backup was made.  A longer line has room
 * there, as it seems: all of it but so many octets.
 */
static void
line(uint64_t rest)
{
	const struct mbox_entry *e;
	char text[HEAD_MAX / 2];
	size_t size, len;

	some_small = true;
	start(180);
	delete (1, 179, 2);
	size = get(backup);
	delete (1, 1, 1); /* letter 2 */
	restore(size, 181);
	open_mailbox();
	e = index_entry(&mb.index, 0);
	need((e->flags & MBOX_TOMBSTONE) != 0 && mailbox_count(&mb) == 90,
	    "one dead entry");

	len = strlen("secret\n") + (size_t)(e->stored - rest);
	memset(text, 'x', len);
	text[len - 1] = '\n';
	is(head_replace(&mb, text, len, false), MAILBOX_OK,
	    "a longer line, %d octets left", (int)rest);
	mailbox_close(&mb);
	ok(is_there(2), "it is not written over mail");
	some_small = false;
}

int
main(void)
{
	dir = scratch_open();
	few();
	many();
	merged();
	line(0);
	line(MBOX_TOMBSTONE_MIN - 1);
	line(100);
	line(200);
	return done();
}
