/* SPDX-License-Identifier: ISC */
/*
 * A delivery that was promised, and what a login makes of it by what stands where
 * the mail was to begin: only what is ours goes again, and a promise that nobody
 * can have made touches nothing.
 */

#include <sys/mman.h>

#include "append.h"
#include "log.h"
#include "tap.h"

/* A zero octet is written '@' here. */
#define SEPARATOR "From a at example.org Thu Nov 20 18:27:05 2025\n"
#define OLD       "secret\n" SEPARATOR "Subject: old\n\ntext\n\n"
#define OTHER     "secret\n" SEPARATOR "Subject: odd\n\ntext\n\n"
#define NEW       SEPARATOR "Subject: new\n\ntext\n\n"
#define GROWN     "@rom a at example.org Thu Nov 20 18:27:05 2025\n"
#define UNDONE    GROWN "Subject: new\n\n@@@@@@"
#define BURIED                                \
	"From @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@" \
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\n\n"
#define SHORT  SEPARATOR "\n"
#define LONG   SEPARATOR "Subject: an agent's\n\nand more of it\n\n"
#define AGENTS "\n" LONG

enum { TEXT_MAX = 1024 };

static struct mailbox mb;

static size_t
decode(const char *from, char to[TEXT_MAX])
{
	size_t len = strlen(from);

	need(len < TEXT_MAX, "room");
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] == '@' ? '\0' : from[i];
	return len;
}

static void
put(const char *before, const char *behind)
{
	char text[TEXT_MAX];
	size_t len = decode(before, text), more;

	need(ftruncate(mb.files.fd, 0) == 0 &&
		pwrite(mb.files.fd, text, len, 0) == (ssize_t)len,
	    "writing");
	more = decode(behind, text);
	need(pwrite(mb.files.fd, text, more, (off_t)len) == (ssize_t)more,
	    "writing");
}

static bool
holds(const char *before, const char *behind)
{
	char text[2 * TEXT_MAX], got[2 * TEXT_MAX];
	size_t len = decode(before, text);

	len += decode(behind, text + len);
	return pread(mb.files.fd, got, sizeof(got), 0) == (ssize_t)len &&
	    memcmp(got, text, len) == 0;
}

/* Promises to undo what begins behind OLD. */
static void
promise(uint64_t offset, uint64_t length, uint64_t size)
{
	struct journal_writer w = { .fd = mb.files.journal_fd };
	struct journal_move move = { .offset = strlen(OLD),
		.size = strlen(OLD) };

	put(OLD, "");
	need(promise_sum_around(&mb, &move) == 0, "sums");
	move.offset = offset;
	move.length = length;
	move.size = size;
	need(ftruncate(w.fd, 0) == 0 &&
		journal_write(&w, "x", (size_t)length) == 0 &&
		journal_commit_move(&w, JOURNAL_APPEND, &move) ==
		    JOURNAL_PROMISED,
	    "promising");
}

enum fate { KEPT, BEGUN, ASIDE };

/* What is behind the old mail, and then is. */
static void
recover(const char *before, const char *behind, const char *left,
    enum fate fate, const char *what)
{
	struct journal_about about;
	struct journal_promise p;
	struct promise_fit fit;

	put(before, behind);
	need(journal_load(mb.files.journal_fd, &p) == JOURNAL_PROMISE,
	    "a promise");
	check(promise_fit(&mb, &p, &fit) == 0 && fit.fits == (fate != ASIDE) &&
		fit.begun == (fate == BEGUN),
	    "how it fits");
	check(promise_recover(&mb) == MAILBOX_OK, "recovery");
	check(holds(before, left), "the mailbox");
	check(journal_describe(mb.files.journal_fd, &about) == 0 &&
		about.aside == (fate == ASIDE) && !about.promises,
	    "the journal");
	(void)point("%s", what);
}

static const struct {
	const char *before, *behind, *left;
	enum fate fate;
	const char *what;
} rows[] = {
	{ OLD, "", "", KEPT, "nothing is there" },
	{ OLD, UNDONE, "", BEGUN, "a piece of it goes" },
	{ OLD, UNDONE SHORT, BURIED SHORT, BEGUN, "... and not what follows" },
	{ OLD, UNDONE "\n", BURIED "\n", BEGUN, "... be it one octet" },
	{ OLD, NEW, NEW, KEPT, "all of it stays" },
	{ OLD, SHORT, SHORT, KEPT, "a letter of an agent stays" },
	{ OLD, LONG, LONG, KEPT, "... and a longer one" },
	{ OLD, AGENTS, AGENTS, ASIDE, "... and one behind a line end" },
	{ OLD, "\n" SHORT, "\n" SHORT, ASIDE, "... and a shorter one" },
	{ OLD, GROWN, GROWN, ASIDE, "what is too short for ours stays" },
	{ OTHER, UNDONE, UNDONE, ASIDE, "another mailbox stays" },
	{ OTHER, NEW, NEW, ASIDE, "... whole or not" },
	{ "secret\n", "", "", ASIDE, "a shorter one, too" },
};

static void
recoveries(void)
{
	need(strlen(NEW) == strlen(UNDONE) && strlen(NEW) == strlen(BURIED),
	    "lengths");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		promise(strlen(OLD), 0, strlen(OLD NEW));
		recover(rows[i].before, rows[i].behind, rows[i].left,
		    rows[i].fate, rows[i].what);
	}
}

/* In each of them what stands there would go. */
static void
bad_promises(void)
{
	promise(strlen(OLD), 1, strlen(OLD NEW));
	recover(OLD, UNDONE, UNDONE, ASIDE, "a promise of octets");
	promise(strlen(OLD), 0, strlen(OLD) - 20);
	recover(OLD, UNDONE, UNDONE, ASIDE, "an end before the begin");
	promise(strlen(OLD), 0, strlen(OLD) + MBOX_TOMBSTONE_MIN - 1);
	recover(OLD, "@@@@@@@", "@@@@@@@", ASIDE, "no room for a tombstone");
	promise(strlen(OLD), 0, strlen(OLD) + MBOX_TOMBSTONE_MIN);
	recover(OLD, "@@@@@@@@", "", BEGUN, "... and room for one");
}

/* Delivers so many octets of NEW, where room was asked for another number. */
static void
deliver(size_t asked, size_t given, size_t piece)
{
	static const struct mailbox_settings set = { .unquote = false };
	const struct mailbox_files files = mb.files;
	bool good = asked == given;
	struct append a;
	size_t n, i;

	put(OLD, "");
	need(mailbox_examine(&mb, &set, &files) == 0 && mailbox_learn(&mb) == 0,
	    "a mailbox");
	mb.complete = true;
	need(append_begin(&a, &mb, asked) == 0, "room");
	for (i = 0; i < given; i += n) {
		n = given - i < piece ? given - i : piece;
		if (append_write(&a, &NEW[i], n) == -1)
			break;
	}
	if (given > asked) {
		check(i < given && errno == EINVAL, "more than there is room");
		append_cancel(&a);
	} else {
		check(append_commit(&a) == (good ? MAILBOX_OK : MAILBOX_TEMP),
		    "%zu of %zu octets", given, asked);
	}
	check(holds(OLD, good ? NEW : ""), "%zu of %zu octets", given, asked);
	check(mailbox_count(&mb) == (good ? 2 : 1), "messages");
	index_free(&mb.index);
}

static void
deliveries(void)
{
	static const size_t pieces[] = { 1, 7, TEXT_MAX };
	size_t len = strlen(NEW);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		deliver(len, len, pieces[i]);
		deliver(len + 1, len, pieces[i]);
		deliver(len - 1, len, pieces[i]);
	}
	(void)point("as much is delivered as was said, or nothing");
}

int
main(void)
{
	mb.files.fd = memfd_create("mailbox", MFD_CLOEXEC);
	mb.files.journal_fd = memfd_create("journal", MFD_CLOEXEC);
	mb.files.index_fd = -1;
	need(mb.files.fd != -1 && mb.files.journal_fd != -1, "files");
	log_set_level(LOG_LEVEL_ERROR);
	recoveries();
	bad_promises();
	deliveries();
	return done();
}
