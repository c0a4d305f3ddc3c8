/* SPDX-License-Identifier: ISC */
/* The parts of restantectl check.  Runs as: restantectl. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

enum check_level {
	CHECK_OK,
	CHECK_NOTE,    /* worth knowing; mends itself or does no harm */
	CHECK_PROBLEM, /* wants an administrator */
};

struct check {
	struct tool *tool;
	const char *user;       /* who is being checked; NULL: the directory */
	bool exposed;           /* everyone may enter the directory */
	bool counted;           /* fresh is a scan of the mailbox */
	bool halfway;           /* the mailbox is in the middle of an update */
	uint64_t login;         /* the last one, or 0 */
	enum check_level worst; /* of this user */
	uint64_t findings;      /* of this user */
	uint64_t objects, mailboxes, problems, notes;
	struct mailbox mb; /* not recovered, not completed, without an index */
	struct index fresh;
};

/*
 * One finding: what it is about and which it is, for programs a word each, and a
 * sentence.
 */
void check_say(struct check *, enum check_level, const char *about,
    const char *which, const char *, ...) __attribute__((format(printf, 5, 6)));

/* The directory: its mode, and names that are no mailboxes. */
void check_directory(struct check *);

/* What the name stands for.  Whether it is a mailbox that can be opened: *fd. */
bool check_file(struct check *, int *fd);

/* The file's mode, for all that is private. */
void check_mode(struct check *, const char *about, const char *what, int fd);

/* Whether logins can write the user's journal or index, where there is one. */
bool check_writable(struct check *, enum check_level, const char *about);

/* The index file against the fresh scan. */
void check_index(struct check *);

#endif
