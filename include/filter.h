/* SPDX-License-Identifier: ISC */
/* The system calls that a process may make (seccomp).  Linux only. */
#ifndef FILTER_H
#define FILTER_H

enum filter_kind { FILTER_LISTENER, FILTER_KEEPER };

/*
 * Restricts this process and all its children to what the kind needs; any other
 * call fails with EPERM.  no_new_privs must be set.  Returns 0, or -1 with errno
 * set: ENOSYS on a machine whose calls are not known here.
 */
int filter_install(enum filter_kind);

#endif
