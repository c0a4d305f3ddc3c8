/* SPDX-License-Identifier: ISC */
/*
 * The locks of a mailbox.  Everything of ours takes first a flock on the
 * journal, then one on the mailbox, then a record lock over all of it, so that
 * delivery agents that use flock and those that use fcntl are both kept out.
 * All belong to the open file description and vanish with it.
 * Runs as: attendant, session, restantectl.
 */
#ifndef LOCK_H
#define LOCK_H

/*
 * Each tries for a moment, and returns 0, or -1 with errno EWOULDBLOCK while
 * somebody else has it.  Where the second of the two locks on the mailbox is
 * not to be had, the first is let go meanwhile: agents take them in either order.
 */
int lock_journal(int journal_fd);
int lock_mailbox(int fd);

/*
 * Takes one of so many seats of a user who does not hold the mailbox: it is given
 * back when the journal's open file description is closed.  0, or -1 with errno,
 * EWOULDBLOCK when all are taken.
 */
int lock_seat(int journal_fd, unsigned int seats);

/* Lets go of the mailbox's two locks. */
void lock_release_mailbox(int fd);

/*
 * Takes all of them in their order, without the journal's if journal_fd is -1,
 * and looks whether both files are still those of the directory: ESTALE when one
 * has been removed or replaced since it was opened, or has got a second link.
 * All or none are held afterwards.
 */
int lock_take(int journal_fd, int fd);
void lock_release(int journal_fd, int fd);

#endif
