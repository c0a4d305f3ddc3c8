/* SPDX-License-Identifier: ISC */
/*
 * The update of a mailbox, a new password line, a delivery, and the recovery from
 * each, ended at every call that changes a
 * file: by a kill, by a power loss, by an error.  The calls are caught by the
 * linker (see the Makefile), noted, and played again to any point.
 *
 * After each end a login must find, byte for byte, either all messages that were
 * there or all that should be left; with unique-ids unchanged, the password line
 * whole, the index telling what a scan tells, the last login known, and new mail
 * welcome.  An update that said MAILBOX_OK must have happened, whatever ended
 * next.
 */

#include <sys/stat.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <unistd.h>

#include "append.h"
#include "head.h"
#include "journal.h"
#include "lock.h"
#include "log.h"
#include "mailbox.h"
#include "hash.h"
#include "num.h"
#include "tap.h"

/* The three files of a mailbox. */
enum { MAIL, JOURNAL, INDEX, FILES };

enum { MAX_SIZE = 1 << 21, MAX_CALLS = 4096, MANY_CALLS = 150, SECTOR = 512 };

/* What restantectl does, or what a session does. */
#ifndef CRASH_TOOL
#define CRASH_TOOL false
#endif

/* Power losses tried at each call; an argument of the program. */
static int losses = 6;

struct image {
	unsigned char *octets;
	size_t size;
	uint64_t modified;
};

enum call_kind { WRITE, CUT, HOLE, ROOM, SYNC, SYNC_DATA };

struct call {
	enum call_kind kind;
	int file;
	uint64_t offset, len;
	unsigned char *octets;
	bool failed;
};

static char path[FILES][64];
static int fds[FILES] = { -1, -1, -1 };
static struct image start[FILES], state[FILES];
static struct call calls[MAX_CALLS];
static int call_count;
static uint64_t modified; /* the model's time of change of the mailbox */

/* What goes wrong: the call or read number fault_at, or all calls from it on. */
static enum { NO_FAULT, FAIL, SHORT, READ } fault;
static int fault_at, fault_errno, read_count;
static bool fault_lasts;

static uint64_t seed = 1;

static uint64_t
chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* The mailbox has blocks behind its end. */
static bool room_kept;

static int
file_of(int fd)
{
	for (int i = 0; i < FILES; i++)
		if (fds[i] == fd)
			return i;
	return -1;
}

/* Notes a call and says whether it is to fail. */
static bool
note(enum call_kind kind, int fd, const void *octets, uint64_t offset,
    uint64_t len)
{
	int file = file_of(fd), n = call_count;
	struct call *c = &calls[n];

	need(file != -1 && n < MAX_CALLS, "noting a call");
	if (fault == FAIL && (n == fault_at || (fault_lasts && n > fault_at))) {
		call_count++;
		*c = (struct call){ kind, file, .failed = true };
		errno = fault_errno;
		return true;
	}
	*c = (struct call){ kind, file, offset, len, NULL, false };
	if (octets != NULL) {
		c->octets = malloc(num_size(len + 1));
		need(c->octets != NULL, "memory");
		memcpy(c->octets, octets, num_size(len));
	}
	call_count++;
	if (file == MAIL && kind < ROOM)
		modified++;
	return false;
}

ssize_t __real_pread64(int, void *, size_t, off_t);
ssize_t __wrap_pread64(int, void *, size_t, off_t);
ssize_t __real_pwrite64(int, const void *, size_t, off_t);
ssize_t __wrap_pwrite64(int, const void *, size_t, off_t);
ssize_t __wrap_pwritev64v2(int, const struct iovec *, int, off_t, int);
int __real_ftruncate64(int, off_t);
int __wrap_ftruncate64(int, off_t);
int __wrap_fallocate64(int, int, off_t, off_t);
int __wrap_fsync(int);
int __wrap_fdatasync(int);
int __real_index_identify(int, struct index_subject *);
int __wrap_index_identify(int, struct index_subject *);

ssize_t
__wrap_pread64(int fd, void *buf, size_t len, off_t offset)
{
	if (fault != READ || read_count++ != fault_at)
		return __real_pread64(fd, buf, len, offset);
	errno = EIO;
	return -1;
}

ssize_t
__wrap_pwrite64(int fd, const void *buf, size_t len, off_t offset)
{
	if (fault == SHORT && call_count == fault_at && len > 1)
		len = len / 2;
	if (note(WRITE, fd, buf, (uint64_t)offset, len))
		return -1;
	return __real_pwrite64(fd, buf, len, offset);
}

/* To the end of the file, as completing a last line does. */
ssize_t
__wrap_pwritev64v2(
    int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct stat st;

	need(n == 2 && iov[1].iov_len == 0 && flags == RWF_APPEND &&
		fstat(fd, &st) == 0 && offset == st.st_size,
	    "appending");
	return __wrap_pwrite64(fd, iov->iov_base, iov->iov_len, offset);
}

int
__wrap_ftruncate64(int fd, off_t size)
{
	if (note(CUT, fd, NULL, (uint64_t)size, 0))
		return -1;
	if (file_of(fd) == MAIL)
		room_kept = false;
	return __real_ftruncate64(fd, size);
}

static bool no_holes;

int
__wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
	static const char zeros[4096];

	if (mode == FALLOC_FL_KEEP_SIZE) {
		/* What there is is kept, even if it is not enough. */
		if (file_of(fd) == MAIL)
			room_kept = true;
		return note(ROOM, fd, NULL, (uint64_t)offset, 0) ? -1 : 0;
	}
	need(mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE), "a hole");
	if (no_holes) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (note(HOLE, fd, NULL, (uint64_t)offset, (uint64_t)len))
		return -1;
	for (off_t i = 0; i < len; i += (off_t)sizeof(zeros))
		need(__real_pwrite64(fd, zeros,
			 len - i < (off_t)sizeof(zeros) ? (size_t)(len - i)
							: sizeof(zeros),
			 offset + i) > 0,
		    "zeros");
	return 0;
}

int
__wrap_fsync(int fd)
{
	return note(SYNC, fd, NULL, 0, 0) ? -1 : 0;
}

int
__wrap_fdatasync(int fd)
{
	return note(SYNC_DATA, fd, NULL, 0, 0) ? -1 : 0;
}

/* The model's own clock, so that an index fits its mailbox after a replay. */
int
__wrap_index_identify(int fd, struct index_subject *subject)
{
	if (__real_index_identify(fd, subject) == -1)
		return -1;
	subject->modified = subject->changed = modified;
	return 0;
}

static void
forget_calls(void)
{
	while (call_count > 0)
		free(calls[--call_count].octets);
}

/* Applies a call to an image; keep says which sectors of a write arrive. */
static void
apply(struct image *im, const struct call *c, uint64_t keep)
{
	uint64_t end = c->kind == CUT ? c->offset : c->offset + c->len;
	bool arrives = c->kind == CUT;

	for (uint64_t i = c->offset; i < end && !arrives; i++)
		arrives = keep >> (i / SECTOR % 64) & 1;
	if (c->kind >= ROOM || c->failed || !arrives)
		return;
	if (c->file == MAIL)
		im->modified++;
	need(end <= MAX_SIZE, "room in an image");
	if (end > im->size || c->kind == CUT) {
		if (end > im->size)
			memset(
			    im->octets + im->size, 0, num_size(end - im->size));
		im->size = num_size(end);
	}
	if (c->kind == CUT)
		return;
	for (uint64_t i = c->offset; i < end; i++)
		if (keep >> (i / SECTOR % 64) & 1)
			im->octets[i] = c->kind == HOLE
			    ? 0
			    : c->octets[i - c->offset];
}

static void
copy_image(struct image *to, const struct image *from)
{
	memcpy(to->octets, from->octets, from->size);
	to->size = from->size;
	to->modified = from->modified;
}

static void
read_images(struct image *im)
{
	for (int f = 0; f < FILES; f++) {
		ssize_t n = pread(fds[f], im[f].octets, MAX_SIZE, 0);

		need(n >= 0, "reading a file");
		im[f].size = (size_t)n;
		im[f].modified = modified;
	}
}

static void
close_files(void)
{
	for (int f = 0; f < FILES; f++) {
		if (fds[f] != -1)
			(void)close(fds[f]);
		fds[f] = -1;
	}
}

/* The mailbox has closed them. */
static void
shut(struct mailbox *mb)
{
	mailbox_close(mb);
	for (int f = 0; f < FILES; f++)
		fds[f] = -1;
}

static void
write_images(const struct image *im)
{
	close_files();
	for (int f = 0; f < FILES; f++) {
		fds[f] = open(
		    path[f], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		need(fds[f] != -1 &&
			__real_pwrite64(fds[f], im[f].octets, im[f].size, 0) ==
			    (ssize_t)im[f].size,
		    "writing a file");
	}
	modified = im[MAIL].modified;
	room_kept = false;
}

static void
reopen(void)
{
	close_files();
	for (int f = 0; f < FILES; f++) {
		fds[f] = open(path[f], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		need(fds[f] != -1, "opening a file");
	}
}

/* What a login sees: ids and contents, in order. */
struct sight {
	enum mailbox_status status;
	uint64_t count, dead;
	unsigned char ids[MD5_SIZE], all[MD5_SIZE];
};

static struct mailbox_settings settings;

static enum mailbox_status
open_mailbox(struct mailbox *mb)
{
	struct mailbox_files files;

	reopen();
	files = (struct mailbox_files){ fds[MAIL], fds[JOURNAL], fds[INDEX] };
	need(lock_journal(fds[JOURNAL]) == 0 && lock_mailbox(fds[MAIL]) == 0,
	    "locking");
	return mailbox_open(mb, &settings, &files);
}

/*
 * Opens, looks at everything, closes; skip leaves out marked messages, and late
 * so many at the end.
 */
static struct sight
see(const bool *skip, uint64_t late)
{
	static char buf[MAILBOX_PIECE];
	char id[MAILBOX_ID_SIZE];
	struct mailbox mb;
	struct sight s = { .status = open_mailbox(&mb) };
	struct hash ids, all;
	ssize_t n;

	s.dead = mb.index.is.dead;
	hash_init(&ids, &md5);
	hash_init(&all, &md5);
	for (uint64_t i = 1;
	     s.status == MAILBOX_OK && i + late <= mailbox_count(&mb); i++) {
		struct mailbox_reader r = { .n = i };

		if (skip != NULL && skip[i])
			continue;
		s.count++;
		mailbox_id(&mb, i, id);
		hash_update(&ids, id, strlen(id) + 1);
		check(mailbox_look(&mb, i) == 0, "message %ju is there",
		    (uintmax_t)i);
		while ((n = mailbox_read(&mb, &r, buf)) > 0)
			hash_update(&all, buf, (size_t)n);
		check(n == 0, "message %ju is read", (uintmax_t)i);
		hash_update(&all, "", 1);
	}
	hash_final(&ids, s.ids);
	hash_final(&all, s.all);
	shut(&mb);
	return s;
}

static bool
same(const struct sight *a, const struct sight *b)
{
	return a->status == b->status && a->count == b->count &&
	    memcmp(a->ids, b->ids, sizeof(a->ids)) == 0 &&
	    memcmp(a->all, b->all, sizeof(a->all)) == 0;
}

/* The first line, and the one that is to replace it, or the same. */
static char old_line[1100] = "secret\n", new_line[1100] = "secret\n";

/* Noted before, and later only if the settings say so. */
static const uint64_t early_login = 1000000000;

static void
judge_journal(const char *what, bool may_misfit)
{
	int fd = open(path[JOURNAL], O_RDWR | O_CLOEXEC);
	struct journal_about about;

	need(fd != -1 && journal_describe(fd, &about) == 0, "a journal");
	check(settings.notes_login ? about.login > early_login
				   : about.login == early_login,
	    "%s: the last login was at %ju", what, (uintmax_t)about.login);
	check(may_misfit || !about.aside, "%s: the journal fits", what);
	(void)close(fd);
}

/* The last message has no blank line at its end, until a login adds it. */
static bool unended;

static void
append_message(const char *name, size_t octets)
{
	static char text[MAX_SIZE];
	struct stat st;
	int n, fd = open(path[MAIL], O_RDWR | O_CLOEXEC);
	char end[2] = "";
	bool looks;

	need(fd != -1 && fstat(fd, &st) == 0 && octets < sizeof(text) - 200,
	    "delivering");
	/* Where the blank line is missing it is added. */
	looks = unended && __real_pread64(fd, end, 2, st.st_size - 2) == 2 &&
	    end[0] != '\0' && end[0] != '\n' && end[1] == '\n';
	n = snprintf(text, 200,
	    "%sFrom %s@example.org Thu Nov 19 10:00:00 2026\n"
	    "Subject: %s\n\n",
	    looks ? "\n" : "", name, name);
	for (size_t i = 0; i < octets; i++)
		text[n++] = i % 61 == 60 ? '\n' : (char)('a' + i % 26);
	text[n++] = '\n';
	text[n++] = '\n';
	need(__real_pwrite64(fd, text, (size_t)n, st.st_size) == n,
	    "delivering");
	modified++;
	(void)close(fd);
}

struct mail {
	const char *name;
	int count;
	size_t small, large; /* octets of even and odd messages */
	int removed_before;  /* every so manyth is a tombstone already, or 0 */
	bool unended;        /* the last lacks its blank line */
};

struct choice {
	const char *name;
	bool (*marks)(int n, int count);
};

static bool
first(int n, int count)
{
	return n == 1 && count > 0;
}

static bool
last(int n, int count)
{
	return n == count;
}

static bool
even(int n, int count)
{
	return n <= count && n % 2 == 0;
}

static bool
odd(int n, int count)
{
	return n <= count && n % 2 == 1;
}

static bool
all(int n, int count)
{
	return n <= count;
}

static bool
tail(int n, int count)
{
	return n > count / 2;
}

static bool
some(int n, int count)
{
	return n <= count && ((unsigned int)n * 2654435761u >> 30 & 1) != 0;
}

static void
make_mail(const struct mail *m)
{
	struct mailbox mb;
	struct stat st;
	char name[32];

	unended = false;
	for (int f = 0; f < FILES; f++)
		(void)unlink(path[f]);
	reopen();
	need(__real_pwrite64(fds[MAIL], old_line, strlen(old_line), 0) > 0,
	    "the password");
	modified = 1;
	for (int i = 1; i <= m->count; i++) {
		(void)snprintf(name, sizeof(name), "message%d", i);
		append_message(name, i % 2 == 0 ? m->small : m->large);
	}
	need(open_mailbox(&mb) == MAILBOX_OK &&
		journal_note_login(fds[JOURNAL], early_login) == 0,
	    "a fresh mailbox");
	if (m->removed_before > 0) {
		for (int i = 1; i < m->count; i += m->removed_before)
			need(mailbox_mark(&mb, (uint64_t)i) == 0, "marking");
		need(mailbox_update(&mb) == MAILBOX_OK, "an early update");
	}
	shut(&mb);
	reopen();
	unended = m->unended;
	if (unended) {
		need(fstat(fds[MAIL], &st) == 0 &&
			__real_ftruncate64(fds[MAIL], st.st_size - 1) == 0,
		    "no end");
		modified++;
	}
	read_images(start);
	forget_calls();
}

/* What is being tried, for the words of a check. */
static const char *mail_name, *choice_name, *how;
static struct sight before, after;
static int step, turn;
static bool lost_writes; /* what was not synced may be gone */

/* Whether the file begins with that line. */
static bool
begins_with(const char *line)
{
	char there[sizeof(old_line)] = "";
	size_t len = strlen(line);
	int fd = open(path[MAIL], O_RDONLY | O_CLOEXEC);

	need(fd != -1, "the mailbox");
	need(pread(fd, there, len, 0) >= 0, "reading a line");
	(void)close(fd);
	return memcmp(there, line, len) == 0;
}

/* What an end may have left. */
enum outcome { EITHER, OLD, NEW };

/*
 * After an end, and perhaps early mail that was delivered before anybody logged
 * in: a login, and what must be true of it.
 */
static void
judge(enum outcome want, uint64_t early)
{
	struct sight s, again;

	s = see(NULL, early);
	check(s.status == MAILBOX_OK, "%s, %s, %s %d/%d: opens (status %d)",
	    mail_name, choice_name, how, step, turn, (int)s.status);
	check((want != OLD && same(&s, &after)) ||
		(want != NEW && same(&s, &before)),
	    "%s, %s, %s %d/%d: %ju messages, all or none of %ju gone",
	    mail_name, choice_name, how, step, turn, (uintmax_t)s.count,
	    (uintmax_t)(before.count - after.count));
	/* A line is not changed where all moves and mail came first. */
	judge_journal(how, lost_writes || early > 0);
	check((want != OLD && begins_with(new_line)) ||
		(want != NEW && begins_with(old_line)),
	    "%s, %s, %s %d/%d: the password is whole", mail_name, choice_name,
	    how, step, turn);

	/* The index, which is now written, says what a scan says. */
	(void)unlink(path[INDEX]);
	again = see(NULL, early);
	check(same(&s, &again) && s.dead == again.dead,
	    "%s, %s, %s %d/%d: the index is right", mail_name, choice_name, how,
	    step, turn);

	append_message("late", 50);
	again = see(NULL, 0);
	check(again.status == MAILBOX_OK && again.count == s.count + early + 1,
	    "%s, %s, %s %d/%d: new mail is seen", mail_name, choice_name, how,
	    step, turn);
}

/* What is delivered, in pieces of some size; or NULL. */
static const char *new_mail;
static size_t new_piece;

static enum mailbox_status
deliver(struct mailbox *mb)
{
	size_t len = strlen(new_mail), n;
	struct append a;

	if (append_begin(&a, mb, len) == -1)
		return MAILBOX_TEMP;
	for (size_t i = 0; i < len; i += n) {
		n = len - i < new_piece ? len - i : new_piece;
		if (append_write(&a, new_mail + i, n) == -1) {
			append_cancel(&a);
			return MAILBOX_TEMP;
		}
	}
	return append_commit(&a);
}

/*
 * What is tried: marked messages go; or without a choice there is new mail, or the
 * line changes.
 */
static enum mailbox_status
update(const struct choice *choice, int count)
{
	enum mailbox_status status;
	struct mailbox mb;

	status = open_mailbox(&mb);
	if (status == MAILBOX_OK && choice == NULL && new_mail != NULL) {
		status = deliver(&mb);
	} else if (status == MAILBOX_OK && choice == NULL) {
		status = head_replace(&mb, new_line, strlen(new_line), false);
	} else if (status == MAILBOX_OK) {
		for (int i = 1; i <= count; i++)
			if (choice->marks(i, count))
				need(mailbox_mark(&mb, (uint64_t)i) == 0,
				    "marking");
		status = mailbox_update(&mb);
	}
	shut(&mb);
	return status;
}

/*
 * Plays the noted calls up to the one numbered n into state: all of them for a
 * kill.  After a power loss what was not synced since may be there, or not, or in
 * some of its sectors; what was synced is.  fdatasync() need not sync a size, nor
 * times: on ext4 what is written over other octets leaves them as they were.
 */
static void
play(int n, bool power_loss)
{
	int synced[FILES] = { -1, -1, -1 }, sized[FILES] = { -1, -1, -1 };
	bool lose_times = power_loss && chance() % 2 == 0;
	uint64_t time;

	lost_writes = power_loss;
	for (int f = 0; f < FILES; f++)
		copy_image(&state[f], &start[f]);
	for (int i = 0; i < n; i++) {
		if (calls[i].kind >= SYNC && !calls[i].failed)
			synced[calls[i].file] = i;
		if (calls[i].kind == SYNC && !calls[i].failed)
			sized[calls[i].file] = i;
	}
	for (int i = 0; i < n; i++) {
		const struct call *c = &calls[i];
		uint64_t keep = UINT64_MAX;

		if (power_loss &&
		    i > (c->kind == CUT ? sized : synced)[c->file]) {
			if (chance() % 3 == 0)
				continue;
			if (chance() % 3 == 0)
				keep = chance();
		}
		time = state[MAIL].modified;
		apply(&state[c->file], c, keep);
		if (lose_times && c->kind != CUT && i > sized[MAIL])
			state[MAIL].modified = time;
	}
}

/* Judges the end in state, perhaps with a further early message. */
static void
try_end(enum outcome want, uint64_t early, bool delivered)
{
	int count = call_count;

	write_images(state);
	if (delivered)
		append_message("early", 70);
	judge(want, early + (delivered ? 1 : 0));
	while (call_count > count)
		free(calls[--call_count].octets);
}

static bool
promises(void)
{
	int fd = open(path[JOURNAL], O_RDWR | O_CLOEXEC);
	struct journal_about about;

	need(fd != -1 && journal_describe(fd, &about) == 0, "a journal");
	(void)close(fd);
	return about.promises;
}

/* A login fails at one of its calls or reads: it leaves the rest to the next. */
static void
fail_recovery(int kind, int at, enum outcome want, uint64_t early)
{
	enum mailbox_status status;
	struct mailbox mb;
	uint64_t count;

	write_images(start);
	fault = kind == READ ? READ : FAIL;
	fault_at = kind == READ ? at : call_count + at;
	fault_errno = EIO;
	fault_lasts = false;
	read_count = 0;
	turn = at;
	status = open_mailbox(&mb);
	fault = NO_FAULT;
	count = mailbox_count(&mb);
	shut(&mb);
	check(status == MAILBOX_TEMP ||
		(status == MAILBOX_OK && !promises() &&
		    (count == before.count + early ||
			count == after.count + early)),
	    "%s, %s, %s %d/%d: status %d, %ju messages", mail_name, choice_name,
	    how, step, turn, (int)status, (uintmax_t)count);
	judge(want, early);
}

/* What a login does after the end in state is noted, and ended in its turn. */
static void
end_recovery(enum outcome want, uint64_t early)
{
	static struct call kept[MAX_CALLS];
	struct image saved[FILES];
	int count = call_count;

	memcpy(kept, calls, sizeof(calls));
	memcpy(saved, start, sizeof(start));
	write_images(state);
	if (early > 0)
		append_message("early", 70);
	for (int f = 0; f < FILES; f++) {
		start[f].octets = malloc(MAX_SIZE);
		need(start[f].octets != NULL, "memory");
	}
	read_images(start);
	call_count = 0;
	(void)see(NULL, 0);
	for (turn = 0; turn <= call_count; turn++) {
		how = "recovery killed at";
		play(turn, false);
		try_end(want, early, turn % 2 == 1);
		how = "power lost in recovery at";
		play(turn, true);
		try_end(want, early, turn % 4 > 1);
	}
	lost_writes = false;
	for (int i = 2 * step; i < 2 * step + 2; i++) {
		how = "recovery unread at";
		fail_recovery(READ, i % 20, want, early);
		how = "recovery failed at";
		fail_recovery(FAIL, i % 10, want, early);
	}
	forget_calls();
	for (int f = 0; f < FILES; f++)
		free(start[f].octets);
	memcpy(start, saved, sizeof(start));
	memcpy(calls, kept, sizeof(calls));
	call_count = count;
}

/*
 * Ends at every call that was noted, or where these are many at the first of them
 * and the last; ok_at being where the caller had its answer; and what a recovery
 * does after that ended at each of its calls.
 */
static void
end_everywhere(int ok_at, bool deep)
{
	int count = call_count;

	for (step = 0; step <= count; step++) {
		enum outcome want = step >= ok_at ? NEW : EITHER;

		if (count > MANY_CALLS && step == MANY_CALLS / 10)
			step = count - MANY_CALLS / 10;
		turn = 0;
		play(step, false);
		if (deep)
			end_recovery(want, step % 2 == 1 ? 1 : 0);
		how = "killed at";
		play(step, false);
		try_end(want, 0, step % 2 == 1);
		how = "power lost at";
		for (turn = 1; turn <= losses; turn++) {
			play(step, true);
			try_end(want, 0, turn % 2 == 1);
		}
	}
}

static uint64_t ends, errors;

/* Whether the mailbox is what it was, and nothing is promised. */
static bool
is_untouched(void)
{
	bool same;

	reopen();
	read_images(state);
	/* But that it may have been completed. */
	if (unended && state[MAIL].size == start[MAIL].size + 1)
		state[MAIL].size--;
	same = state[MAIL].size == start[MAIL].size &&
	    memcmp(state[MAIL].octets, start[MAIL].octets, state[MAIL].size) ==
		0;
	return same && !promises();
}

static const enum outcome wants[] = {
	[MAILBOX_OK] = NEW,
	[MAILBOX_TEMP] = OLD,
	[MAILBOX_UNSURE] = EITHER,
};

/* A caller that was told of a failure is told whether something has changed. */
static void
judge_failure(enum mailbox_status status, bool delivered)
{
	lost_writes = false;
	check(status != MAILBOX_PERM, "%s, %s, %s %d/%d: of no use any more",
	    mail_name, choice_name, how, step, turn);
	check(status != MAILBOX_TEMP || fault_lasts || is_untouched(),
	    "%s, %s, %s %d/%d: nothing has changed", mail_name, choice_name,
	    how, step, turn);
	check(status != MAILBOX_TEMP || fault_lasts || new_mail == NULL ||
		!room_kept,
	    "%s, %s, %s %d/%d: no blocks are kept", mail_name, choice_name, how,
	    step, turn);
	if (delivered)
		append_message("early", 70);
	judge(wants[status], delivered ? 1 : 0);
	errors++;
}

/* Reads fail, each once. */
static void
fail_reads(const struct choice *choice, int messages)
{
	enum mailbox_status status;
	int count;

	how = "unread at";
	turn = 0;
	fault_lasts = false;
	for (step = -1, count = 0; step < count; step += 1 + count / 60) {
		write_images(start);
		read_count = 0;
		fault_at = step;
		fault = READ;
		status = update(choice, messages);
		fault = NO_FAULT;
		forget_calls();
		if (step == -1)
			count = read_count;
		check(count > 0, "no reads");
		judge_failure(status, step % 2 == 1);
	}
}

/* Every call fails in every way, once or from then on. */
static void
fail_everywhere(const struct choice *choice, int messages, int count)
{
	static const int kinds[] = { ENOSPC, EIO, EINTR, EDQUOT };
	enum mailbox_status status;
	int noted;

	for (step = 0; step < count; step++)
		for (turn = 0; turn < 9; turn++) {
			how = "failed at";
			write_images(start);
			fault = turn == 8 ? SHORT : FAIL;
			fault_at = step;
			fault_errno = kinds[turn % 4];
			fault_lasts = turn >= 4 && fault_errno != EINTR;
			forget_calls();
			status = update(choice, messages);
			fault = NO_FAULT;
			if (fault_errno == EINTR && turn < 8)
				check(status == MAILBOX_OK || unended ||
					calls[fault_at].kind != WRITE,
				    "EINTR is not the end");
			check(calls[fault_at].kind != ROOM || turn == 8 ||
				fault_errno == EIO || fault_errno == EINTR ||
				status == MAILBOX_TEMP,
			    "there is no room");
			noted = call_count;
			judge_failure(status, turn % 2 == 1);
			if (turn == 8 || fault_errno != EIO)
				continue;
			how = "power lost when it had failed at";
			play(noted, true);
			try_end(wants[status], 0, false);
		}
	fail_reads(choice, messages);
	forget_calls();
}

/*
 * A power loss leaves what others had written of the mailbox before it, synced or
 * not, or there is no promise that counts on it.
 */
static void
check_ground(void)
{
	bool synced = false;

	for (int i = 0; i < call_count; i++) {
		if (calls[i].kind < SYNC)
			continue;
		check(calls[i].file != JOURNAL || synced,
		    "%s, %s: the mailbox is synced before a promise", mail_name,
		    choice_name);
		synced = synced || calls[i].file == MAIL;
	}
}

/*
 * Pages of the index that an update cuts off are gone for good before the header
 * says how many there are: later ones in their place may be lost.
 */
static void
try_pages(void)
{
	static const struct mail m = { "pages", 300, 10, 10, 0, false };
	static const struct choice choice = { "tail", tail };
	bool gone = true, cut = false;

	mail_name = m.name;
	choice_name = choice.name;
	make_mail(&m);
	write_images(start);
	forget_calls();
	check(update(&choice, m.count) == MAILBOX_OK, "an update");
	for (int i = 0; i < call_count; i++) {
		const struct call *c = &calls[i];

		if (c->file != INDEX)
			continue;
		if (c->kind == CUT && c->offset < start[INDEX].size)
			gone = !(cut = true);
		if (c->kind == SYNC)
			gone = true;
		check(gone || c->kind != WRITE || c->offset > 0,
		    "a header before they are gone");
	}
	check(cut && gone, "they are gone");
	forget_calls();
	point("pages of the index that are cut off");
}

static void
try_update(const struct mail *m, const struct choice *choice)
{
	bool skip[512] = { false };
	int count, ok_at;

	settings.notes_login = m->removed_before > 0 || m->count > 12;
	mail_name = m->name;
	choice_name = choice->name;
	make_mail(m);
	write_images(start);
	before = see(NULL, 0);
	count = (int)before.count;
	for (int i = 1; i <= count; i++)
		skip[i] = choice->marks(i, count);
	after = see(skip, 0);
	forget_calls();

	write_images(start);
	check(update(choice, count) == MAILBOX_OK, "%s, %s: an update", m->name,
	    choice->name);
	ok_at = call_count;
	check_ground();
	check(!promises(), "%s, %s: it is done", mail_name, choice_name);
	end_everywhere(ok_at, m->count <= 12);
	ends += (uint64_t)((ok_at + 1) * (losses + 1));
	fail_everywhere(choice, count,
	    ok_at > MANY_CALLS ? 12
		: ok_at < 40   ? ok_at
			       : 40);
}

/* A line of so many octets, its end included. */
static void
make_line(char *line, char c, size_t len)
{
	memset(line, c, len - 1);
	line[len - 1] = '\n';
	line[len] = '\0';
}

static void
try_line(const struct mail *m, size_t old, size_t new)
{
	static char name[64];
	int ok_at;

	make_line(old_line, 'o', old);
	make_line(new_line, 'n', new);
	(void)snprintf(name, sizeof(name), "line of %zu to %zu", old, new);
	mail_name = m->name;
	choice_name = name;
	settings.notes_login = false;
	make_mail(m);
	write_images(start);
	before = after = see(NULL, 0);
	forget_calls();

	write_images(start);
	check(
	    update(NULL, 0) == MAILBOX_OK, "%s, %s: a new line", m->name, name);
	ok_at = call_count;
	check_ground();
	check(!promises(), "%s, %s: it is done", mail_name, choice_name);
	end_everywhere(ok_at, m->count <= 6);
	ends += (uint64_t)((ok_at + 1) * (losses + 1));
	fail_everywhere(NULL, 0, ok_at);
	point("%s: %s", m->name, name);
}

/* Shorter, as long, longer; by little and by much; into a tombstone's room. */
static void
try_lines(void)
{
	static const struct mail mails[] = {
		{ "no mail", 0, 0, 0, 0, false },
		{ "few small", 3, 100, 700, 0, false },
		{ "with a tombstone", 4, 300, 600, 2, false },
		{ "without an end", 3, 100, 700, 0, true },
		{ "larger than a piece", 5, 9000, 40000, 0, false },
	};
	static const size_t lines[][2] = { { 7, 256 }, { 256, 256 }, { 256, 7 },
		{ 8, 7 }, { 7, 8 }, { 20, 13 }, { 7, 1000 }, { 1000, 999 } };

	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++)
			try_line(&mails[i], lines[k][0], lines[k][1]);
}

/* One message or several, in one piece or many. */
static void
try_delivery(
    const struct mail *m, const char *name, const char *text, size_t piece)
{
	int ok_at;

	new_mail = text;
	new_piece = piece;
	mail_name = m->name;
	choice_name = name;
	make_line(old_line, 's', 7);
	make_line(new_line, 's', 7);
	settings.notes_login = false;
	make_mail(m);
	write_images(start);
	before = see(NULL, 0);
	forget_calls();

	write_images(start);
	check(
	    update(NULL, 0) == MAILBOX_OK, "%s, %s: delivered", m->name, name);
	ok_at = call_count;
	check_ground();
	check(!promises(), "%s, %s: it is done", mail_name, choice_name);
	for (int f = 0; f < FILES; f++)
		copy_image(&state[f], &start[f]);
	for (int i = 0; i < ok_at; i++)
		apply(&state[calls[i].file], &calls[i], UINT64_MAX);
	write_images(state);
	after = see(NULL, 0);
	check(after.count > before.count, "%s, %s: it is seen", m->name, name);
	while (call_count > ok_at)
		free(calls[--call_count].octets);
	end_everywhere(ok_at, m->count <= 6);
	ends += (uint64_t)((ok_at + 1) * (losses + 1));
	fail_everywhere(NULL, 0, ok_at);
	new_mail = NULL;
	point("%s: %s", m->name, name);
}

#define SEPARATOR "From new@example.org Thu Nov 19 10:00:00 2026\n"

static void
try_deliveries(void)
{
	static const struct mail mails[] = {
		{ "no mail", 0, 0, 0, 0, false },
		{ "few small", 3, 100, 700, 0, false },
		{ "with tombstones", 8, 300, 6000, 2, false },
		{ "without an end", 3, 100, 700, 0, true },
	};
	static char large[20000];
	size_t n = (size_t)snprintf(
	    large, sizeof(large), SEPARATOR "Subject: large\n\n");

	while (n < sizeof(large) - 80)
		n += (size_t)snprintf(large + n, sizeof(large) - n,
		    "%zu octets are there, and\n\n", n);
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		try_delivery(&mails[i], "one message",
		    SEPARATOR "Subject: new\n\nnew\n\n", 1000);
		try_delivery(
		    &mails[i], "nothing but a separator", SEPARATOR "\n", 7);
		try_delivery(&mails[i], "twins",
		    SEPARATOR "Subject: twin\n\n\n" SEPARATOR
			      "Subject: twin\n\n\n",
		    50);
		try_delivery(&mails[i], "a large one", large, 4000);
	}
}

static void
try_updates(void)
{
	static const struct mail mails[] = {
		{ "few small", 6, 300, 700, 0, false },
		{ "small between large", 5, 400, 270000, 0, false },
		{ "large between small", 8, 30000, 500, 0, false },
		{ "with tombstones", 12, 900, 20000, 3, false },
		{ "without an end", 6, 300, 700, 0, true },
		{ "tombstones, no end", 12, 600, 1500, 2, true },
		{ "two pages of index", 80, 60, 8500, 0, false },
		/* More runs than the first block of a journal holds. */
		{ "many", 340, 20, 2600, 0, false },
	};
	static const struct choice choices[] = {
		{ "first", first },
		{ "last", last },
		{ "even", even },
		{ "odd", odd },
		{ "all", all },
		{ "tail", tail },
		{ "some", some },
	};

	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		for (size_t k = 0; k < sizeof(choices) / sizeof(choices[0]);
		     k++) {
			if (mails[i].count > 100 && choices[k].marks != even)
				continue;
			no_holes = (i + k) % 3 == 2;
			try_update(&mails[i], &choices[k]);
			point("%s: %s%s", mails[i].name, choices[k].name,
			    no_holes ? ", without holes" : "");
		}
	no_holes = false;
}

int
main(int argc, char **argv)
{
	char memory[] = "/dev/shm/restante-crash.XXXXXX";
	char disk[] = "/tmp/restante-crash.XXXXXX", *dir = memory;
	static const char *const names[] = { "mail", "journal", "index" };

	if (argc > 1)
		losses = atoi(argv[1]);
	if (mkdtemp(dir) == NULL)
		dir = mkdtemp(disk);
	need(dir != NULL, "a directory");
	log_set_level(LOG_LEVEL_ERROR);
	for (int f = 0; f < FILES; f++) {
		(void)snprintf(
		    path[f], sizeof(path[f]), "%s/%s", dir, names[f]);
		start[f].octets = malloc(MAX_SIZE);
		state[f].octets = malloc(MAX_SIZE);
		need(start[f].octets != NULL && state[f].octets != NULL,
		    "memory");
	}
	if (CRASH_TOOL) {
		try_lines();
		try_deliveries();
	} else {
		try_updates();
		try_pages();
	}
	printf("# ended at %ju states, %ju errors\n", (uintmax_t)ends,
	    (uintmax_t)errors);
	for (int f = 0; f < FILES; f++)
		(void)unlink(path[f]);
	(void)rmdir(dir);
	return done();
}
