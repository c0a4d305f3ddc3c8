/* SPDX-License-Identifier: ISC */
/*
 * The Users directory: which names are names, and how a mailbox is opened and
 * locked.  Runs as: attendant, restantectl; users_open() as master.
 */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>

#include "mailbox.h"

enum users_status {
	USERS_OK,
	USERS_NONE,   /* no such name, or what is there is no mailbox */
	USERS_IN_USE, /* a session or a delivery holds it */
	USERS_TEMP,   /* errno is set */
	USERS_PERM,   /* errno is set */
};

/* The directory and its .restante, both open. */
struct users {
	int fd, state_fd;
};

/*
 * Whether s may be a user's name: 1 to 64 letters, digits and . _ + - @,
 * starting with a letter or a digit, not ending in ".lock".  No other string
 * ever reaches the file system.
 */
bool users_is_name(const char *s);

/*
 * Opens the directory and makes nothing: state_fd is -1 where .restante is
 * missing.  Returns 0, or -1 with errno set: why the directory cannot be had, fd
 * being -1, or else what is in the place of .restante.  users_close() is for all
 * that is open, whatever the result.
 */
int users_look(struct users *, const char *path);

/* Makes .restante where it is missing, and opens it.  0, or -1 with errno set. */
int users_make_state(struct users *);

/* Both of it.  Called by the master. */
int users_open(struct users *, const char *path);
void users_close(struct users *);

/*
 * Opens the user's mailbox, if the name is one and the file is regular and has
 * one link.  Not locked yet.  Returns USERS_OK, _NONE, _TEMP or _PERM; *fd is -1
 * but for the first.
 */
enum users_status users_find(const struct users *, const char *name, int *fd);

/*
 * Opens what belongs to the mailbox that users_find() opened as files->fd.  With
 * USERS_OK the descriptors in files are the caller's to close; else only
 * files->fd is, as before, and the journal cannot be opened: _TEMP or _PERM.
 */
enum users_status users_complete(
    const struct users *, const char *name, struct mailbox_files *files);

/*
 * The same for who changes nothing: journal and index are opened for reading, -1
 * where they are missing, or the index cannot be opened.
 */
enum users_status users_open_as_is(
    const struct users *, const char *name, struct mailbox_files *files);

/* Takes all locks.  Returns USERS_OK, _IN_USE, _TEMP or _PERM. */
enum users_status users_lock(const struct mailbox_files *);

/* Takes no lock, but one of the seats that a user has.  The same. */
enum users_status users_seat(const struct mailbox_files *, unsigned int seats);

#endif
