/* SPDX-License-Identifier: ISC */
/*
 * Giving up rights: identity, root directory, capabilities, files, limits, system
 * calls.  The one place where that is done.  Everything is inherited by children,
 * so that no session pays for it.
 *
 * What this kernel or this start does not allow is said in the log, once, by the
 * process that wanted it; half of a change of identity ends the process.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <sys/types.h>

#include <stdbool.h>

struct confine_identity {
	uid_t uid;
	gid_t gid;
};

/*
 * Looks an account up in the passwd file itself, since a static program has no
 * name service.  Returns 0, or -1 with errno set, ENOENT when it is not there.
 */
int confine_find_account(const char *name, struct confine_identity *);

/*
 * The listener, and so all sessions: as root it becomes id, with a directory
 * that is empty and gone as its root; state_fd is where that one is made, and is
 * closed.  No files, no new sockets, no signals to others, no new programs.
 */
void confine_listener(const struct confine_identity *id, int state_fd);

/*
 * The keeper, and so all attendants: as root it becomes id, or stays root with
 * nothing but the right to read and write any file if id is root; and of all
 * files it has those below users_fd.
 */
void confine_keeper(const struct confine_identity *id, int users_fd);

/*
 * The same change of identity without the rest: restantectl, so that what it
 * makes belongs to the keeper.  Nothing happens unless root asks.
 */
void confine_become(const struct confine_identity *id);

/*
 * The launcher of TLS helpers: identity and capabilities alone, for what it may
 * not do, its helpers may not.
 */
void confine_launcher(const struct confine_identity *id);

/*
 * A TLS helper, just before it becomes another program: files are read, never
 * written, and no other helper is within its reach.
 */
void confine_helper(void);

/* A session, before its client's first octet: no forks, and few descriptors. */
void confine_session(void);

/* Limits for the descriptors of this process; never raises a hard limit. */
void confine_descriptors(unsigned long most);

#endif
