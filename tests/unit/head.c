/* SPDX-License-Identifier: ISC */
/*
 * Another password line: in every room that there may be for it no octet of mail
 * changes, and the index says what a scan says.  And what a login makes of a line
 * that was promised, from each state in which it may have been left, or not.
 */

#include <sys/mman.h>

#include <fcntl.h>

#include "head.h"
#include "log.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define MAIL                                               \
	SEPARATOR "Subject: one\n\nthe same\n\n" SEPARATOR \
		  "Subject: one\n\nthe same\n\n" SEPARATOR \
		  "Subject: two\n\nanother text\n\n"

enum { TEXT_MAX = 8192, MESSAGES = 3 };

static int mail_fd, journal_fd, index_fd;
static struct mailbox mb;
static char text[TEXT_MAX], got[TEXT_MAX];
static size_t size;

static void
put(const char *octets, size_t len)
{
	need(ftruncate(mail_fd, 0) == 0 &&
		pwrite(mail_fd, octets, len, 0) == (ssize_t)len,
	    "writing");
}

static size_t
get(void)
{
	ssize_t n = pread(mail_fd, got, sizeof(got), 0);

	need(n >= 0, "reading");
	return (size_t)n;
}

static void
open_mailbox(void)
{
	static const struct mailbox_settings set = { .unquote = false };
	const struct mailbox_files files = { dup(mail_fd), dup(journal_fd),
		dup(index_fd) };

	need(mailbox_open(&mb, &set, &files) == MAILBOX_OK, "opening");
}

static void
forget_index(void)
{
	need(ftruncate(index_fd, 0) == 0, "an index");
}

static void
add(const char *octets, size_t len)
{
	need(size + len <= sizeof(text), "room");
	memcpy(text + size, octets, len);
	size += len;
}

static void
add_many(char c, size_t n)
{
	need(size + n <= sizeof(text), "room");
	memset(text + size, c, n);
	size += n;
}

/* What is behind the old line: line ends, then a tombstone or something else. */
struct room {
	size_t line, gap, tombstone;
	char inside; /* of the tombstone */
	bool junk;   /* nobody's octets before it */
	bool crlf;   /* it ends as the lines of others do */
};

static void
make(const struct room *r)
{
	size = 0;
	add_many('o', r->line - 1);
	add_many('\n', 1 + r->gap);
	if (r->junk)
		add("junk\n\n", 6);
	if (r->tombstone > 0) {
		add("From \0", 6);
		add_many(r->inside, r->tombstone - (r->crlf ? 9 : 8));
		add(r->crlf ? "\n\r\n" : "\n\n", r->crlf ? 3 : 2);
	}
	add(MAIL, strlen(MAIL));
	put(text, size);
	forget_index();
	need(ftruncate(journal_fd, 0) == 0, "a journal");
}

/* Whether the octets behind the line are what a file that has none may have. */
static bool
is_room(size_t from, size_t to)
{
	for (; from < to; from++) {
		if (got[from] == '\n')
			continue;
		if (to - from < MBOX_TOMBSTONE_MIN ||
		    memcmp(got + from, "From \0", MBOX_FROM + 1) != 0)
			return false;
		for (from += MBOX_FROM; got[from] == '\0'; from++)
			;
		if (memcmp(got + from, "\n\r\n", 3) == 0)
			from++;
		else if (memcmp(got + from, "\n\n", 2) != 0)
			return false;
		from++;
	}
	return from == to;
}

/* What the index on disk says, which an opening believes, and what a scan says. */
static void
judge_index(const char *what, size_t n)
{
	char ids[MESSAGES][MAILBOX_ID_SIZE], id[MAILBOX_ID_SIZE];
	struct index_totals is;

	open_mailbox();
	check(mb.unsettled || mb.index.mapped, "%s %zu: an index", what, n);
	is = mb.index.is;
	for (uint64_t i = 0; i < MESSAGES && i < is.messages; i++) {
		mailbox_id(&mb, i + 1, ids[i]);
		check(
		    mailbox_look(&mb, i + 1) == 0, "%s %zu: message", what, n);
	}
	mailbox_close(&mb);
	forget_index();
	open_mailbox();
	check(is.messages == MESSAGES && mb.index.is.messages == MESSAGES &&
		is.dead == mb.index.is.dead &&
		is.entries == mb.index.is.entries &&
		(is.dead == 0 || is.first_dead == mb.index.is.first_dead),
	    "%s %zu: the index is right", what, n);
	for (uint64_t i = 0; i < MESSAGES && i < mailbox_count(&mb); i++) {
		mailbox_id(&mb, i + 1, id);
		check(strcmp(id, ids[i]) == 0, "%s %zu: ids", what, n);
	}
	mailbox_close(&mb);
}

static void
replace(const struct room *r, size_t len, const char *what)
{
	char line[TEXT_MAX];
	size_t room = r->line + r->gap + r->tombstone, now, behind, tail;

	if (r->junk)
		room = r->line + r->gap;
	make(r);
	tail = strlen(MAIL);
	memset(line, 'n', len);
	line[len - 1] = '\n';
	open_mailbox();
	check(head_replace(&mb, line, len, false) == MAILBOX_OK, "%s %zu", what,
	    len);
	mailbox_close(&mb);
	now = get();
	check(memcmp(got, line, len) == 0 && now > tail &&
		memcmp(got + now - tail, MAIL, tail) == 0,
	    "%s %zu: the line and all mail", what, len);
	check(now == size + (len > room ? len - r->line - r->gap : 0),
	    "%s %zu: %zu octets", what, len, now);
	behind = now - tail;
	if (r->inside == '\0' && !r->junk)
		check(
		    is_room(len, behind), "%s %zu: what is between", what, len);
	judge_index(what, len);
}

static void
rooms(void)
{
	static const struct room all[] = {
		{ .line = 8 },
		{ .line = 300 },
		{ .line = 20, .gap = 1 },
		{ .line = 20, .gap = 7 },
		{ .line = 20, .tombstone = 8 },
		{ .line = 20, .tombstone = 9 },
		{ .line = 20, .gap = 3, .tombstone = 8 },
		{ .line = 20, .gap = 2, .tombstone = 60 },
		{ .line = 20, .tombstone = 60, .crlf = true },
		{ .line = 20, .tombstone = 5000 },
		{ .line = 20, .tombstone = 60, .inside = 'x' },
		{ .line = 20, .tombstone = 60, .junk = true },
		{ .line = 20, .gap = 9, .junk = true },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char what[64];
		size_t most = all[i].line + all[i].gap + all[i].tombstone + 12;

		/* No line is longer. */
		if (most > HEAD_MAX / 2)
			most = HEAD_MAX / 2;

		(void)snprintf(what, sizeof(what), "room %zu", i);
		for (size_t len = 2; len <= most; len++)
			replace(&all[i], len, what);
		(void)point("%zu octets, %zu line ends, %zu dead octets%s",
		    all[i].line, all[i].gap, all[i].tombstone,
		    all[i].junk              ? ", nobody's"
			: all[i].inside != 0 ? ", not zero"
			: all[i].crlf        ? ", then a CRLF"
					     : "");
	}
}

/* A first line that is mail already; and one that is longer than any password. */
static void
odd_lines(void)
{
	char line[] = "secret\n";
	size_t len = strlen(line);

	size = 0;
	add(MAIL, strlen(MAIL));
	put(text, size);
	forget_index();
	open_mailbox();
	check(head_replace(&mb, line, len, true) == MAILBOX_OK, "before mail");
	mailbox_close(&mb);
	check(get() == size + len && memcmp(got, line, len) == 0 &&
		memcmp(got + len, text, size) == 0,
	    "all is behind it");
	open_mailbox();
	check(mailbox_count(&mb) == MESSAGES, "%ju messages",
	    (uintmax_t)mailbox_count(&mb));
	mailbox_close(&mb);
	(void)point("a line before mail: all of it is seen");

	make(&(struct room){ .line = 2 * HEAD_MAX - 1000 });
	open_mailbox();
	check(mailbox_count(&mb) == MESSAGES, "mail behind a long line");
	errno = 0;
	check(head_replace(&mb, line, len, false) == MAILBOX_TEMP &&
		errno == EFBIG,
	    "too long");
	mailbox_close(&mb);
	check(get() == size && memcmp(got, text, size) == 0, "untouched");
	(void)point("a line that is too long stays");
}

/* An index that was believed stays one that was. */
static void
believed(void)
{
	static const char line[] = "a longer password\n";

	make(&(struct room){ .line = 8 });
	open_mailbox();
	mailbox_close(&mb);
	add(SEPARATOR "\n", strlen(SEPARATOR "\n"));
	put(text, size);
	open_mailbox();
	need(mb.index.is.looked != 0, "believed");
	need(head_replace(&mb, line, strlen(line), false) == MAILBOX_OK,
	    "a line");
	mailbox_close(&mb);
	open_mailbox();
	ok(mb.index.is.looked != 0, "what was believed is not seen by that");
	mailbox_close(&mb);
}

/* A line of LINE octets to be replaced by one of FRESH: all moves by GROWS. */
enum { LINE = 20, FRESH = 50, GROWS = FRESH - LINE };

enum fate { DONE, ASIDE, PERM };

static char old[TEXT_MAX], fresh[TEXT_MAX];
static size_t fresh_size;

/* What promises that; in place: of the first FRESH octets only. */
static void
promise(bool in_place)
{
	struct journal_writer w = { .fd = journal_fd };
	struct journal_move move = { .offset = in_place ? FRESH : LINE };

	make(&(struct room){ .line = LINE, .tombstone = in_place ? 60 : 0 });
	memcpy(old, text, size);
	memset(fresh, 'n', FRESH - 1);
	fresh[FRESH - 1] = '\n';
	fresh_size = in_place ? size : size + GROWS;
	memcpy(fresh + FRESH, old + move.offset, size - (size_t)move.offset);
	if (in_place)
		memcpy(fresh + FRESH, "From \0\0\0\0\0", 10);
	move.size = size;
	need(journal_write(&w, old, (size_t)move.offset) == 0 &&
		journal_write(&w, fresh, in_place ? FRESH : fresh_size) == 0,
	    "octets");
	move.length = w.length;
	need(journal_commit_move(&w, JOURNAL_HEAD, &move) == JOURNAL_PROMISED,
	    "promising");
}

/* Recovers from the file that is in text, of len octets. */
static void
recover(size_t len, enum fate fate, const char *what, size_t n)
{
	const char *want = fate == DONE ? fresh : text;
	size_t left = fate == DONE ? fresh_size : len;
	struct journal_about about;

	put(text, len);
	mb.files = (struct mailbox_files){ mail_fd, journal_fd, -1 };
	check(
	    promise_recover(&mb) == (fate == PERM ? MAILBOX_PERM : MAILBOX_OK),
	    "%s %zu: recovery", what, n);
	check(get() == left && memcmp(got, want, left) == 0,
	    "%s %zu: the mailbox", what, n);
	check(journal_describe(journal_fd, &about) == 0 &&
		about.promises == (fate == PERM) &&
		about.aside == (fate == ASIDE),
	    "%s %zu: the journal", what, n);
}

/* The file when so many octets of it are new. */
static size_t
halfway(bool grown, size_t replaced)
{
	size_t len = size;

	memset(text, 0, sizeof(text));
	memcpy(text, old, size);
	if (grown)
		len = fresh_size;
	memcpy(text, fresh, replaced);
	return len;
}

static void
good_states(void)
{
	size_t end, len;

	promise(false);
	end = fresh_size;
	for (size_t n = 0; n <= end; n++) {
		promise(false);
		len = halfway(true, n);
		recover(len, DONE, "grown, new octets:", n);
	}
	promise(false);
	recover(halfway(false, 0), DONE, "not grown", 0);
	for (size_t n = 0; n <= FRESH; n++) {
		promise(true);
		len = halfway(true, n);
		memcpy(fresh, text, len);
		memset(fresh, 'n', FRESH - 1);
		fresh[FRESH - 1] = '\n';
		recover(len, DONE, "in place, new octets:", n);
	}
	(void)point("a line that was begun is finished from everywhere");
}

static void
strange_states(void)
{
	size_t len, end;

	/* An octet is neither: not begun, or begun and beyond repair. */
	promise(false);
	end = size;
	for (size_t n = 0; n < end; n++)
		for (size_t done = 0; done <= end; done += end / 2) {
			promise(false);
			len = halfway(true, done);
			text[n] = '\x01';
			recover(len, done > 0 && n >= FRESH ? PERM : ASIDE,
			    "strange octet", n);
		}
	for (size_t n = 0; n < GROWS; n++) {
		promise(false);
		len = halfway(true, size / 2);
		text[size + n] = '\x01';
		recover(len, PERM, "strange room", n);
		/* Before all is in place, nothing of it can be there. */
		promise(false);
		len = halfway(true, size / 2);
		text[size + n] = fresh[size + n];
		recover(len, fresh[size + n] == '\0' ? DONE : PERM, "room", n);
	}
	(void)point("a mailbox that it does not fit is left as it is");

	promise(false);
	len = halfway(false, 0);
	recover(len - 1, ASIDE, "shorter", 0);
	promise(false);
	len = halfway(false, 0);
	recover(len + 3, ASIDE, "longer", 0);
	promise(false);
	len = halfway(false, FRESH);
	recover(len, PERM, "begun and not grown", 0);
	promise(true);
	recover(FRESH - 1, ASIDE, "shorter than the line", 0);
	promise(true);
	len = halfway(true, 0);
	text[3] = '\x01';
	recover(len, ASIDE, "another mailbox", 0);
	promise(false);
	len = halfway(true, size / 2);
	text[3] = text[size - 3] = '\x01';
	recover(len, ASIDE, "another mailbox, new octets in it", 0);
	promise(false);
	len = halfway(true, 0);
	text[FRESH + 1] = '\x01';
	text[FRESH + 2] = fresh[FRESH + 2];
	recover(len, ASIDE, "an old line, another letter", 0);
	(void)point("nor one of another size");
}

/* What nobody promises who means it. */
static void
bad_promise(uint64_t offset, uint64_t length, uint64_t file, const char *what)
{
	static const char octets[4 * HEAD_MAX];
	struct journal_writer w = { .fd = journal_fd };
	struct journal_move move = {
		.offset = offset, .length = length, .size = file
	};
	struct journal_about about;

	make(&(struct room){ .line = LINE, .gap = HEAD_MAX });
	memset(text, 0, size);
	put(text, size);
	need(length <= sizeof(octets) &&
		journal_write(&w, octets, (size_t)length) == 0 &&
		journal_commit_move(&w, JOURNAL_HEAD, &move) ==
		    JOURNAL_PROMISED,
	    "promising");
	mb.files = (struct mailbox_files){ mail_fd, journal_fd, -1 };
	check(promise_recover(&mb) == MAILBOX_OK && get() == size &&
		memcmp(got, text, size) == 0,
	    "%s: untouched", what);
	check(journal_describe(journal_fd, &about) == 0 && about.aside,
	    "%s: set aside", what);
}

static void
bad_promises(void)
{
	make(&(struct room){ .line = LINE, .gap = HEAD_MAX });
	bad_promise(size + 1, 2 * size + 2, size, "more than there is");
	bad_promise(21, 20, size, "more old octets than all");
	bad_promise(20, 41, size, "another number of them");
	bad_promise(20, 20 + size + HEAD_MAX + 1, size, "much longer");
	bad_promise(HEAD_MAX + 1, 2 * HEAD_MAX + 2, size, "a long line");
	(void)point("a promise that makes no sense is set aside");
}

int
main(void)
{
	mail_fd = memfd_create("mailbox", MFD_CLOEXEC);
	journal_fd = memfd_create("journal", MFD_CLOEXEC);
	index_fd = memfd_create("index", MFD_CLOEXEC);
	need(mail_fd != -1 && journal_fd != -1 && index_fd != -1, "files");
	log_set_level(LOG_LEVEL_ERROR);
	rooms();
	odd_lines();
	believed();
	good_states();
	strange_states();
	bad_promises();
	return done();
}
