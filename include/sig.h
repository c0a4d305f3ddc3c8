/* SPDX-License-Identifier: ISC */
/* Signals: the one file that has handlers. */
#ifndef SIG_H
#define SIG_H

#include <signal.h>
#include <stdbool.h>

/*
 * Before anything else: undoes what whoever started this one has ignored or
 * blocked.  Without it the end of a child leaves no status, a time limit ends
 * nothing, and SIGTERM is not heard.
 */
void sig_inherit_none(void);

/*
 * For the processes that wait in a loop of their own (master, keeper, launcher):
 * SIGCHLD, SIGTERM, SIGINT and SIGHUP are noted and make the descriptor
 * that is returned readable.  A self-pipe and not ppoll(), which delivers no
 * signal while another descriptor stays ready.  SIGPIPE is ignored.
 */
int sig_open(void);

/* Empties the pipe; call it before asking what happened. */
void sig_drain(void);

/*
 * For a process that has other times for the ends of its children than when they
 * come: SIGCHLD does nothing but make the descriptor that is returned readable,
 * until sig_drain_children().  SIGPIPE is ignored.
 */
int sig_open_children(void);
void sig_drain_children(int fd);

/* Whether one has come since the last call. */
bool sig_child(void);
bool sig_hangup(void);
/* How many requests to end have come since the last call. */
int sig_quit(void);

/*
 * For listener and keeper: the terminal's and the administrator's signals are
 * the master's business, only SIGCHLD counts.  Sessions and attendants inherit
 * what they need, and need do nothing for it: SIGTERM means something while
 * io_wait() waits, and the end of a mapped file ends the process.
 */
void sig_ignore_quit(void);
/* The last part of it, for others who map mailboxes. */
void sig_catch_bus(void);
/* For a process that is about to become another program. */
void sig_exec_defaults(void);
/* Whether SIGTERM has come; the second: or would, if it were not blocked. */
bool sig_terminated(void);
bool sig_terminating(void);
const sigset_t *sig_wait_mask(void);

#endif
