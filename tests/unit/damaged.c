/* SPDX-License-Identifier: ISC */
/*
 * A page of the index that nobody has looked at yet is damaged when messages of
 * another page are deleted: no other message goes with them, nor out of sight.
 */

#include <fcntl.h>
#include <unistd.h>

#include "forge_index.h"
#include "log.h"
#include "mailbox.h"
#include "scratch.h"
#include "tap.h"

enum { MAIL_MAX = 1 << 20 };

static char mail[MAIL_MAX];
static struct mailbox mb;
static int dir;

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

static void
start(int letters, int text)
{
	struct timespec past[2] = { { .tv_sec = 1000000000 },
		{ .tv_sec = 1000000000 } };
	size_t size = (size_t)snprintf(mail, MAIL_MAX, "secret\n");
	int fd;

	for (int n = 1; n <= letters; n++)
		size += (size_t)snprintf(mail + size, MAIL_MAX - size,
		    "From a@example.org Thu Nov 20 18:27:05 2025\n"
		    "Subject: letter %d.\n\n%*s\n\n",
		    n, text, "x");
	need(size < MAIL_MAX, "room");
	need(unlinkat(dir, "index", 0) == 0 || errno == ENOENT, "index");
	scratch_file(dir, "mail", mail);
	fd = openat(dir, "mail", O_RDONLY | O_CLOEXEC);
	/* Long ago: the index needs no look. */
	need(fd != -1 && futimens(fd, past) == 0 && close(fd) == 0, "dating");
	open_mailbox();
	mailbox_close(&mb);
}

/* An octet of an entry of the page is another. */
static void
damage(off_t page, size_t octet)
{
	static const char wrong = MBOX_DELETED;
	int fd = openat(dir, "index", O_RDWR | O_CLOEXEC);
	off_t at = page * FORGE_PAGE + 3 * (off_t)sizeof(struct mbox_entry);

	need(fd != -1 && pwrite(fd, &wrong, 1, at + (off_t)octet) == 1 &&
		close(fd) == 0,
	    "damaging");
}

/* Deletes letters 1 to last, but for each so manyth. */
static void
try(int letters, int text, int last, int but, size_t octet)
{
	char id[MAILBOX_ID_SIZE];
	int left = letters - last + last / but, found = 0;

	start(letters, text);
	damage((letters - 1) / INDEX_PAGE_ENTRIES + 1, octet);
	open_mailbox();
	need(!mb.unsettled, "no look");
	for (int n = 1; n <= last; n++)
		if (n % but != 0)
			need(mailbox_mark(&mb, (uint64_t)n) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_OK, "%d of %d letters go",
	    letters - left, letters);
	mailbox_close(&mb);
	open_mailbox();
	is(mailbox_count(&mb), left, "... and the others are left");
	for (uint64_t n = 1; n <= mailbox_count(&mb); n++) {
		mailbox_id(&mb, n, id);
		found += mailbox_look(&mb, n) == 0 && strchr(id, '-') == NULL;
	}
	is(found, left, "... and seen");
	mailbox_close(&mb);
}

int
main(void)
{
	dir = scratch_open();
	log_set_level(LOG_LEVEL_ERROR);
	/* A compaction; and tombstones, and an index without what is dead. */
	try(100, 50, 80, 100, offsetof(struct mbox_entry, ordinal));
	try(198, 4500, 168, 3, offsetof(struct mbox_entry, flags));
	return done();
}
