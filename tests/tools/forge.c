/* SPDX-License-Identifier: ISC */
/*
 * Makes journals and indexes that the server leaves behind only when it dies at
 * the right moment, or never.
 *
 *	forge USERS USER promise N...	an update that waits to be done
 *	forge USERS USER begin N...	the same, its first run begun
 *	forge USERS USER aside N...	the same, set aside
 *	forge USERS USER login N	a last login N seconds after 1970
 *	forge USERS USER drop N		an index in which message N is dead
 *	forge USERS USER twin N		one in which N shares its id with the next
 *	forge USERS USER total		one whose header counts an octet too much
 */

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "journal.h"
#include "log.h"
#include "mailbox.h"
#include "sum.h"
#include "users.h"

static const struct mailbox_settings settings = { .unquote = false };

static uint64_t
number(const char *s)
{
	return strtoull(s, NULL, 10);
}

/* Runs of one message each. */
static void
promise(struct mailbox *mb, char **arg, size_t count, const char *how)
{
	struct journal_run *runs = calloc(count, sizeof(*runs));
	char line[MBOX_SEPARATOR_MAX];
	const struct mbox_entry *e;
	uint64_t position;

	if (runs == NULL)
		err(1, "memory");
	for (size_t i = 0; i < count; i++) {
		e = mailbox_entry(mb, number(arg[i]), &position);
		if (io_pread(mb->files.fd, line, e->separator,
			(off_t)e->offset) != e->separator)
			err(1, "reading");
		runs[i].offset = e->offset;
		runs[i].length = e->stored;
		runs[i].check = sum64(0, line, e->separator);
	}
	if (journal_commit_runs(mb->files.journal_fd, runs, count) == -1)
		err(1, "promising");
	if (strcmp(how, "begin") == 0 &&
	    io_pwrite(mb->files.fd, "\0\0\0", 3, (off_t)runs[0].offset + 5) ==
		-1)
		err(1, "beginning");
	if (strcmp(how, "aside") == 0 &&
	    journal_set_aside(mb->files.journal_fd) == -1)
		err(1, "setting aside");
	free(runs);
}

static void
forge_index(struct mailbox *mb, const char *how, uint64_t n)
{
	struct index *ix = &mb->index, fresh;
	uint64_t seen = 0;

	index_init(&fresh, -1);
	for (uint64_t i = 0; i < ix->is.entries; i++) {
		struct mbox_entry e = *index_entry(ix, i);

		if (!index_is_dead(&e) && ++seen == n) {
			if (strcmp(how, "drop") == 0)
				e.flags |= MBOX_DELETED;
			else
				e.ordinal++;
		}
		if (index_append(&fresh, &e) == -1)
			err(1, "appending");
	}
	if (n == 0)
		fresh.is.octets++;
	index_replace(ix, &fresh);
	if (index_save(ix, &mb->subject) == -1)
		err(1, "saving");
}

int
main(int argc, char **argv)
{
	struct mailbox_files files;
	struct users users;
	struct mailbox mb;

	if (argc < 4)
		errx(1, "usage: forge USERS USER WHAT [N ...]");
	log_set_level(LOG_LEVEL_ERROR);
	if (users_open(&users, argv[1]) == -1 ||
	    users_find(&users, argv[2], &files.fd) != USERS_OK ||
	    users_complete(&users, argv[2], &files) != USERS_OK ||
	    users_lock(&files) != USERS_OK ||
	    mailbox_open(&mb, &settings, &files) != MAILBOX_OK)
		err(1, "%s/%s", argv[1], argv[2]);
	if (strcmp(argv[3], "promise") == 0 || strcmp(argv[3], "begin") == 0 ||
	    strcmp(argv[3], "aside") == 0)
		promise(&mb, argv + 4, (size_t)(argc - 4), argv[3]);
	else if (strcmp(argv[3], "login") == 0) {
		if (journal_note_login(mb.files.journal_fd, number(argv[4])))
			err(1, "noting");
	} else
		forge_index(&mb, argv[3], argc > 4 ? number(argv[4]) : 0);
	mailbox_close(&mb);
	return 0;
}
