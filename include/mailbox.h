/* SPDX-License-Identifier: ISC */
/*
 * An open, locked mailbox: its messages by number, what is marked as deleted,
 * and the update.  Knows no protocol.  Runs as: session, restantectl.
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
	/* Of an update: the disk fails, it has happened or not; errno is set. */
	MAILBOX_UNSURE,
};

enum {
	/* Of a unique-id, its NUL included: 16 digits, '-', an ordinal. */
	MAILBOX_ID_SIZE = 2 * MBOX_ID_SIZE + 12,
	/* A piece that mailbox_read() yields. */
	MAILBOX_PIECE = 64 * 1024,
};

/* The mailbox, its journal, its index (-1: none can be had). */
struct mailbox_files {
	int fd, journal_fd, index_fd;
};

struct mailbox_settings {
	bool unquote;     /* mbox-quoting mboxrd */
	bool lock_update; /* deliveries go on between scan and update */
	bool notes_login; /* opened by its user, not by an administrator */
};

struct mailbox {
	struct mailbox_files files;
	const struct mailbox_settings *set;
	struct index_subject subject; /* the file as it was scanned */
	struct index index;
	bool complete;   /* the file ends as a delivery agent needs it */
	bool distrusted; /* the index is wrong, and is not written down */
	bool unsettled;  /* the index was believed after a look */
	uint8_t *marks;  /* a bit for each message, NULL while none is marked */
	uint64_t marked, marked_octets;
};

/*
 * Takes over the descriptors, finishes an update that was promised, completes a
 * last line, and learns where the messages are, from the index or by a scan.
 * Whatever it returns, mailbox_close() undoes it.
 */
enum mailbox_status mailbox_open(struct mailbox *,
    const struct mailbox_settings *, const struct mailbox_files *);

/* Unlocks and forgets; also good for one whose files.fd is -1. */
void mailbox_close(struct mailbox *);

/*
 * The same, but the descriptors stay in files, for a mailbox_open() when the
 * locks have been taken again.
 */
void mailbox_leave(struct mailbox *);

/* Messages, marked ones included: numbers go from 1 to this. */
uint64_t mailbox_count(const struct mailbox *);
/* Messages that are not marked, and their octets on the wire. */
uint64_t mailbox_left(const struct mailbox *);
uint64_t mailbox_octets(const struct mailbox *);

/*
 * The functions below take a message 1 to count.  When they find a page of the
 * index damaged they scan again; a session whose numbers are then wrong ends
 * there, with a line in the log.
 */

/* Its octets on the wire, its mark, its unique-id. */
uint64_t mailbox_message_octets(struct mailbox *, uint64_t n);
bool mailbox_marked(const struct mailbox *, uint64_t n);
void mailbox_id(struct mailbox *, uint64_t n, char id[MAILBOX_ID_SIZE]);

/* Marks an unmarked message.  0, or -1 with errno set: no memory. */
int mailbox_mark(struct mailbox *, uint64_t n);
void mailbox_unmark_all(struct mailbox *);

/*
 * Whether message n still stands where the scan saw it, with the headers that it
 * had.  Asked before a message is sent.  0, or -1 with errno set: ESTALE when it
 * does not.
 */
int mailbox_look(struct mailbox *, uint64_t n);

/*
 * A message is not what the index says: the next opening scans again.  Called
 * when a look or a reading has shown it.  Keeps errno.
 */
void mailbox_distrust(struct mailbox *);

/*
 * Reading message n in pieces; start with { .n = n }.  mailbox_read() yields the
 * length of the next one, 0 at the end, or -1 with errno set.  What is said of
 * line ends in mbox.h is left to the wire, un-quoting is done.
 *
 * With .mbox the separator line comes first, and quoting stays; with .plain there
 * is none, whatever the setting.
 */
struct mailbox_reader {
	uint64_t n, offset;
	bool mbox, plain;
	struct mbox_top header;
	bool mid_line; /* the last piece ended there */
};

ssize_t mailbox_read(
    struct mailbox *, struct mailbox_reader *, char buf[MAILBOX_PIECE]);

/*
 * The octets on the wire of message n in that form.  Returns 0, or -1 with errno
 * set.
 */
int mailbox_mbox_octets(struct mailbox *, uint64_t n, uint64_t *octets);

/*
 * Removes what is marked.  MAILBOX_OK: it is gone for good, whatever happens
 * next.  MAILBOX_TEMP: nothing was removed, and errno is set.
 */
enum mailbox_status mailbox_update(struct mailbox *);

/*
 * Right behind mailbox_open(): removes, by an update, what its separator dates
 * before a time in seconds since 1970, and opens what is left; or leaves all there
 * when that is not possible now, with a line in the log.  Returns as
 * mailbox_open() does.
 */
enum mailbox_status
mailbox_expire(struct mailbox *, int64_t time, uint64_t *removed);

/* Makes the file a plain mbox again, without tombstones.  As the update. */
enum mailbox_status mailbox_compact(struct mailbox *);

/*
 * The parts that the files of this folder share.
 */

/* Reads octets of the file.  0, or -1 with errno set: ESTALE when it is shorter. */
int
mailbox_pread(const struct mailbox *, void *buf, size_t len, uint64_t offset);

/*
 * Moves from to the first octets that are no hole, or to end, and yields where
 * these end.  There is no message in a hole, and a large one takes long to read.
 */
void mailbox_find_data(
    const struct mailbox *, uint64_t *from, uint64_t *to, uint64_t end);

/* How long the file is now.  0, or -1 with errno set. */
int mailbox_size(const struct mailbox *, uint64_t *size);

/*
 * Whether it is as long as the scan saw it: mail may have come without a lock.  0,
 * or -1 with errno set: ESTALE when not.
 */
int mailbox_stands_still(const struct mailbox *);

/* The entry of message n, and its position unless that is NULL. */
const struct mbox_entry *
mailbox_entry(struct mailbox *, uint64_t n, uint64_t *position);

/* Whether an entry's separator and headers stand in the file.  As look. */
int mailbox_check_entry(const struct mailbox *, const struct mbox_entry *);

/*
 * Whether what the index calls dead begins as a tombstone in the file, or stands
 * within one, and there is no message in it.  Reads all of it.  As look.
 */
int mailbox_check_dead(const struct mailbox *, const struct mbox_entry *);

/*
 * Writes what the end lacks and some mail behind it in one go, to the end of the
 * file as it is then, should an agent not care for locks.  Returns how many octets
 * it wrote, with errno set when they are not all; or -1.
 */
ssize_t mailbox_append(
    const struct mailbox *, const char *end, const char *mbox, size_t len);

/* Checks all of the index, and scans again if need be. */
void mailbox_check_index(struct mailbox *);

/*
 * Writes the index down, if it can be, as that of the file that was measured: what
 * others do to the file meanwhile is seen by the next login.  Keeps errno.
 */
void mailbox_keep_index(struct mailbox *);

/*
 * The same for the file as it is now, changed by us under the locks; size is what
 * of it the index covers.
 */
void mailbox_save_index(struct mailbox *, uint64_t size);

/* The file is so long now: learns of the messages that were added to it. */
void mailbox_take_in(struct mailbox *, uint64_t size);

/*
 * For who looks at a mailbox and changes nothing, neither the files nor what is
 * promised.
 */

/*
 * Takes over the descriptors, which may be for reading only and but for the first
 * -1, and learns the file's size and where its messages may start; the index is
 * empty.  Returns 0, or -1 with errno set; mailbox_close() undoes it.
 */
int mailbox_examine(struct mailbox *, const struct mailbox_settings *,
    const struct mailbox_files *);

/* Fills the index, from its file, from that and a scan, or from a scan.  0 or -1. */
int mailbox_learn(struct mailbox *);

/*
 * The cheap look at a file that may have changed since the index was made: whether
 * a message may start behind the size that it had then, and whether the index is
 * right about the first and the last, and about what is dead.
 */
bool mailbox_looks_right(struct mailbox *, uint64_t size);

/* Scans all of the file into an empty index.  0, or -1 with errno set. */
int mailbox_scan(const struct mailbox *, struct index *);

/* What the end of the file lacks, as a string; NULL when it cannot be read. */
const char *mailbox_missing_end(const struct mailbox *);

#endif
