/* SPDX-License-Identifier: ISC */
/*
 * An open, locked mailbox: its messages by number, what is marked as deleted,
 * and the update.  Knows no protocol.  Runs as: session.
 *
 * The descriptors come from an attendant, with the locks held by them: closing
 * them unlocks.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "index.h"

enum mailbox_status {
	MAILBOX_OK,
	MAILBOX_TEMP, /* may work later; errno is set */
	MAILBOX_PERM, /* needs an administrator; the log says why */
};

enum {
	/* Of a unique-id, its NUL included: 32 digits, '-', an ordinal. */
	MAILBOX_ID_SIZE = 2 * MBOX_ID_SIZE + 12,
};

struct mailbox {
	int fd, journal_fd;
	uint64_t size;	/* of the file when it was scanned */
	uint64_t start; /* where the first message may stand */
	struct index index;
	uint8_t *marks; /* a bit for each message, NULL while none is marked */
	uint64_t marked, marked_octets;
};

/*
 * Takes over the descriptors, finishes an update that was promised, completes a
 * last line, and scans.  Whatever it returns, mailbox_close() undoes it.
 */
enum mailbox_status mailbox_open(struct mailbox *, int fd, int journal_fd);

/* Unlocks and forgets; also good for one that was never opened with fd -1. */
void mailbox_close(struct mailbox *);

/* Messages, marked ones included: numbers go from 1 to this. */
uint64_t mailbox_count(const struct mailbox *);
/* Messages that are not marked, and their octets on the wire. */
uint64_t mailbox_left(const struct mailbox *);
uint64_t mailbox_octets(const struct mailbox *);

/* Of a message 1 to count: its octets on the wire, its mark, its unique-id. */
uint64_t mailbox_message_octets(struct mailbox *, uint64_t n);
bool mailbox_marked(const struct mailbox *, uint64_t n);
void mailbox_id(struct mailbox *, uint64_t n, char id[MAILBOX_ID_SIZE]);

/* Marks an unmarked message.  0, or -1 with errno set: no memory. */
int mailbox_mark(struct mailbox *, uint64_t n);
void mailbox_unmark_all(struct mailbox *);

/*
 * Whether message n still stands where the scan saw it.  Asked before a message
 * is sent; -1 with errno ESTALE, or as read() sets it.
 */
int mailbox_look(struct mailbox *, uint64_t n);

/*
 * Reads the next piece of message n as stored, from *offset on, which starts at
 * 0 and is moved.  Returns its length, 0 at the end, or -1 with errno set.
 */
ssize_t mailbox_read(struct mailbox *, uint64_t n, uint64_t *offset, char *buf,
    size_t size);

/*
 * Removes what is marked.  MAILBOX_OK: it is gone for good, whatever happens
 * next.  Else nothing was removed, and errno is set.
 */
enum mailbox_status mailbox_update(struct mailbox *);

/* Finishes the update that the journal promises.  For mailbox_open(). */
enum mailbox_status mailbox_recover(struct mailbox *);

#endif
