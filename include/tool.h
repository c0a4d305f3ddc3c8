/* SPDX-License-Identifier: ISC */
/* What the commands of restantectl share.  Runs as: restantectl. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "journal.h"
#include "mailbox.h"
#include "secret.h"
#include "users.h"

struct tool {
	struct users users;
	const char *path; /* of the directory */
	struct mailbox_settings mailbox;
	bool json;
	bool yes; /* do not ask */
	bool maildir;
	bool prometheus;
	bool defers; /* every failure of the system may be over later */
	bool lock_update;
	const char *sender;
	uint64_t quota; /* octets; 0: none */
	/* A new password line. */
	int (*make_line)(const char *password, char line[SECRET_LINE]);
	/* All names in the directory, sorted, if nobody was named; or those. */
	char **names;
	size_t count;
	bool everybody;
	int status; /* the worst so far, of sysexits.h */
};

/* The commands: each does its work for all names. */
void add_run(struct tool *);
void check_run(struct tool *);
void compact_run(struct tool *);
void delete_run(struct tool *);
void deliver_run(struct tool *);
void export_run(struct tool *);
void import_run(struct tool *);
void kick_run(struct tool *);
void list_run(struct tool *);
void lock_run(struct tool *);
void passwd_run(struct tool *);
void stats_run(struct tool *);
void unlock_run(struct tool *);
void who_run(struct tool *);

/*
 * All names in a directory but "." and "..", sorted.  Returns 0, or -1 with errno
 * set; tool_free_names() undoes it either way.
 */
int tool_read_names(int directory_fd, char ***names, size_t *count);
void tool_free_names(char **names, size_t count);

/* Takes note of an exit status: the worst of them is the program's. */
void tool_status(struct tool *, int status);

/* The same with a sentence about a user on the standard error stream. */
void tool_complain(struct tool *, int status, const char *user, const char *,
    ...) __attribute__((format(printf, 4, 5)));

/* Whether there is anything of a user's name in the directory. */
bool tool_is_there(const struct tool *, const char *name);

/* Whether everyone may open what is in the directory, if its mode says so. */
bool tool_is_exposed(const struct tool *);

/*
 * Opens a user's mailbox, not locked, or says why not; of everybody only what is
 * a mailbox counts.  Returns the descriptor or -1.
 */
int tool_find(struct tool *, const char *user);

/*
 * Finds, opens and locks a mailbox, finishes what was promised, and sees to it
 * that every page of its index is good: found damaged later, with other numbers
 * than a scan, it would end the process.  Returns 0, or -1 when it has said why
 * not; mailbox_close() undoes it.
 */
int tool_open(struct tool *, const char *user, struct mailbox *);

/*
 * Counts what is in the mailbox at fd, from its index if that will do, and changes
 * nothing.  false: it is not known and that was told.  mailbox_close() undoes it
 * either way.
 */
bool list_count(struct tool *, const char *user, int fd, struct mailbox *,
    struct journal_about *);

/*
 * Room for one more than count things of that size, in the place of what array
 * has.  Ends the program where there is no memory.
 */
void *tool_grow(void *array, size_t count, size_t size)
    __attribute__((warn_unused_result));

/* Says why users_find() or one of its kind failed; errno is set. */
void tool_explain(struct tool *, const char *user, enum users_status);

/* The same of users_complete() and users_open_as_is(). */
void tool_explain_journal(struct tool *, const char *user, enum users_status);

#endif
