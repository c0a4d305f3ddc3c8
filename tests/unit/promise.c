/* SPDX-License-Identifier: ISC */
/*
 * Recovery by what a journal promises: of messages that were there it makes
 * tombstones, and a promise that nobody can have made touches nothing.  A session
 * that its client has taken over can write one, and restantectl keeps it.
 */

#include <sys/mman.h>
#include <sys/resource.h>

#include <signal.h>

#include "chance.h"
#include "log.h"
#include "promise.h"
#include "sum.h"
#include "tap.h"

#define SEPARATOR "From a@b.example Mon Jan  1 00:00:00 2024\n"

/* The last message is longer than what is summed up at once. */
enum { MESSAGES = 6, LONG = 6000, FILE_MAX = 8192 };

static char mail[FILE_MAX], back[2 * FILE_MAX];
static size_t size, starts[MESSAGES + 1];
static struct mailbox mb;

static void
make_mail(void)
{
	size = (size_t)snprintf(mail, sizeof(mail), "secret\n");
	for (int i = 0; i < MESSAGES; i++) {
		starts[i] = size;
		size += (size_t)snprintf(mail + size, sizeof(mail) - size,
		    SEPARATOR "Subject: message %d\n\n%s%s", i,
		    i & 1 ? "some lines\nof text\n" : "text\r\n",
		    i & 1 ? "\n" : "\r\n");
	}
	size -= strlen("\n");
	memset(mail + size, 'x', LONG);
	size += LONG;
	memcpy(mail + size, "\n\n", 2);
	size += 2;
	starts[MESSAGES] = size;
}

/* The mailbox as it was, and a journal that is empty. */
static void
start(void)
{
	need(ftruncate(mb.files.fd, 0) == 0 &&
		pwrite(mb.files.fd, mail, size, 0) == (ssize_t)size &&
		ftruncate(mb.files.journal_fd, 0) == 0,
	    "starting");
}

static size_t
read_back(void)
{
	ssize_t n = pread(mb.files.fd, back, sizeof(back), 0);

	need(n != -1, "reading back");
	return (size_t)n;
}

static bool
is_untouched(void)
{
	return read_back() == size && memcmp(back, mail, size) == 0;
}

static struct journal_run
run_of(size_t first, size_t count)
{
	return (struct journal_run){
		.offset = starts[first],
		.length = starts[first + count] - starts[first],
		.check = sum64(0, SEPARATOR, sizeof(SEPARATOR) - 1),
	};
}

static enum journal_status
journal_says(void)
{
	struct journal_promise p;
	enum journal_status status = journal_load(mb.files.journal_fd, &p);

	free(p.runs);
	return status;
}

/* The tombstone that a run should have become; the rest is as it was. */
static void
check_tombstone(size_t first, size_t count)
{
	size_t from = starts[first] + 5, to = starts[first + count] - 2;

	/* The line end before a blank line of CRLF is kept whole. */
	if (mail[to] == '\r')
		to--;
	check(read_back() == size, "the size has changed");
	for (size_t i = 0; i < size; i++)
		check(back[i] == (i >= from && i < to ? '\0' : mail[i]),
		    "messages %zu to %zu: octet %zu", first, first + count, i);
}

static void
good_runs(void)
{
	for (size_t first = 0; first < MESSAGES; first++)
		for (size_t count = 1; count <= MESSAGES - first; count++) {
			const struct journal_run run = run_of(first, count);

			start();
			need(journal_commit_runs(
				 mb.files.journal_fd, &run, 1) == 0,
			    "commit");
			check(promise_recover(&mb) == MAILBOX_OK, "recover");
			check_tombstone(first, count);
			check(journal_says() == JOURNAL_EMPTY, "not empty");
			/* And again, from what it has become. */
			need(journal_commit_runs(
				 mb.files.journal_fd, &run, 1) == 0,
			    "commit");
			check(promise_recover(&mb) == MAILBOX_OK, "again");
			check_tombstone(first, count);
		}
	(void)point("runs become tombstones, and again");
}

/* A run is changed on the disk after it was summed up. */
static void
torn_run(void)
{
	struct journal_about about;
	struct journal_run run = run_of(1, 1);
	unsigned char file[4096];
	size_t at = 0;
	int journal;

	start();
	journal = mb.files.journal_fd;
	need(journal_commit_runs(journal, &run, 1) == 0 &&
		pread(journal, file, sizeof(file), 0) == sizeof(file),
	    "commit");
	while (memcmp(file + at, &run, sizeof(run)) != 0)
		need(++at < sizeof(file) - sizeof(run), "the run");
	run.offset ^= 1;
	need(pwrite(journal, &run, sizeof(run), (off_t)at) == sizeof(run),
	    "pwrite");
	ok(promise_recover(&mb) == MAILBOX_OK && is_untouched(),
	    "a promise that is not whole is none");
	ok(journal_describe(journal, &about) == 0 && about.aside &&
		!about.promises,
	    "and it is set aside");
}

static void
bad_run(const struct journal_run *run, const char *what, uint64_t number)
{
	start();
	need(journal_commit_runs(mb.files.journal_fd, run, 1) == 0, "commit");
	check(promise_recover(&mb) == MAILBOX_OK, "%s %ju: not set aside", what,
	    (uintmax_t)number);
	check(is_untouched(), "%s %ju: something has changed", what,
	    (uintmax_t)number);
	check(journal_says() == JOURNAL_EMPTY, "%s %ju: not set aside", what,
	    (uintmax_t)number);
}

static void
bad_runs(void)
{
	struct journal_run run;

	for (uint64_t length = 0; length < 8; length++) {
		run = run_of(2, 1);
		run.length = length;
		bad_run(&run, "length", length);
		run.length = UINT64_MAX - length;
		bad_run(&run, "length", run.length);
		run.length = size - run.offset + 1 + length;
		bad_run(&run, "length", run.length);
		run.length = (UINT64_C(1) << 63) + length;
		bad_run(&run, "length", run.length);
	}
	(void)point("a run of no sensible length is not obeyed");
	for (uint64_t offset = 0; offset < size + 50; offset++) {
		bool separator = false;

		for (size_t i = 0; i < MESSAGES; i++)
			separator = separator || offset == starts[i];
		run = run_of(0, 1);
		run.offset = offset;
		if (!separator)
			bad_run(&run, "offset", offset);
	}
	run.offset = UINT64_MAX - 3;
	start();
	need(journal_commit_runs(mb.files.journal_fd, &run, 1) == 0, "commit");
	check(promise_recover(&mb) == MAILBOX_OK && is_untouched(),
	    "an offset that is none");
	(void)point("nor one where no message is");
	for (unsigned int bit = 0; bit < 64; bit++) {
		run = run_of(1, 1);
		run.check ^= UINT64_C(1) << bit;
		bad_run(&run, "check", bit);
	}
	(void)point("nor one of another message");

	/* One that was begun and makes no sense needs a person. */
	run = run_of(3, 1);
	start();
	need(pwrite(mb.files.fd, "\0", 1, (off_t)run.offset + 5) == 1 &&
		pread(mb.files.fd, mail, size, 0) == (ssize_t)size,
	    "pwrite");
	run.length = 4;
	need(journal_commit_runs(mb.files.journal_fd, &run, 1) == 0, "commit");
	check(promise_recover(&mb) == MAILBOX_PERM && is_untouched() &&
		journal_says() == JOURNAL_PROMISE,
	    "obeyed");
	(void)point("one that was begun is left for a person");
	make_mail();
}

/* All of them fit, or none is obeyed. */
static void
two_runs(void)
{
	struct journal_run two[2];

	for (int wrong = 0; wrong < 3; wrong++) {
		two[0] = run_of(1, 1);
		two[1] = run_of(4, 1);
		if (wrong < 2)
			two[wrong].check ^= 1;
		start();
		need(journal_commit_runs(mb.files.journal_fd, two, 2) == 0,
		    "commit");
		check(promise_recover(&mb) == MAILBOX_OK &&
			is_untouched() == (wrong < 2),
		    "run %d is of another message", wrong);
	}
	(void)point("all runs fit, or none is obeyed");
}

/* Whether a move of this form leaves room for a tombstone in the file. */
static bool
makes_sense(const struct journal_move *move)
{
	return move->size <= size && move->offset <= move->size &&
	    move->length <= move->size - move->offset &&
	    move->size - move->offset - move->length >= MBOX_TOMBSTONE_MIN;
}

static void
check_move(const struct journal_move *move, const char *octets)
{
	size_t end = (size_t)(move->offset + move->length);

	check(read_back() == size, "the size has changed");
	for (size_t i = 0; i < size; i++) {
		char want = mail[i];

		if (i >= move->offset && i < end)
			want = octets[i - move->offset];
		else if (i >= end && i < end + 5)
			want = "From "[i - end];
		else if (i >= end && i + 2 < move->size)
			want = '\0';
		else if (i >= end && i < move->size)
			want = '\n';
		check(back[i] == want, "octet %zu of a move of %ju to %ju", i,
		    (uintmax_t)move->length, (uintmax_t)move->offset);
	}
}

static void
moves(void)
{
	uint64_t obeyed = 0, refused = 0;

	for (int round = 0; round < 20000; round++) {
		struct journal_writer w = { .fd = mb.files.journal_fd };
		struct journal_move move = {
			.offset = chance(size + 40),
			.size = chance(size + 40),
		};
		char octets[600];
		size_t n = chance(sizeof(octets));

		switch (chance(6)) {
		case 0:
			move.size = size;
			break;
		case 1:
			move.offset = move.size - n - chance(20);
			break;
		case 2:
			move.size = UINT64_MAX - chance(3000);
			break;
		case 3:
			move.offset = UINT64_MAX - chance(3000);
			break;
		default:
			break;
		}
		for (size_t i = 0; i < n; i++)
			octets[i] = (char)chance_word();
		start();
		move.length = n;
		if (promise_sum_around(&mb, &move) == -1) {
			check(!makes_sense(&move), "no sums");
			continue;
		}
		need(journal_write(&w, octets, n) == 0 &&
			journal_commit_move(&w, JOURNAL_MOVE, &move) == 0,
		    "commit");
		if (makes_sense(&move)) {
			check(promise_recover(&mb) == MAILBOX_OK, "recover");
			check_move(&move, octets);
			obeyed++;
		} else {
			check(promise_recover(&mb) != MAILBOX_PERM &&
				is_untouched(),
			    "a move of %ju to %ju of %ju, file of %zu",
			    (uintmax_t)move.length, (uintmax_t)move.offset,
			    (uintmax_t)move.size, size);
			refused++;
		}
	}
	check(obeyed > 1000 && refused > 500, "%ju obeyed, %ju refused",
	    (uintmax_t)obeyed, (uintmax_t)refused);
	(void)point("moves that make sense are done, others touch nothing");
}

/* A move of the second half of the long message to the first message's place. */
static struct journal_move
promise_move(void)
{
	struct journal_writer w = { .fd = mb.files.journal_fd };
	struct journal_move move = {
		.offset = starts[1], .size = size, .length = LONG / 2
	};

	start();
	need(promise_sum_around(&mb, &move) == 0 &&
		journal_write(&w, mail + size - LONG / 2, LONG / 2) == 0 &&
		journal_commit_move(&w, JOURNAL_MOVE, &move) == 0,
	    "commit");
	return move;
}

static void
change(size_t at)
{
	need(pwrite(mb.files.fd, "\x01", 1, (off_t)at) == 1, "pwrite");
}

/* What is not this mailbox, or not any more, stays. */
static void
misfit(enum mailbox_status want, const char *what)
{
	size_t len = read_back();
	static char was[sizeof(back)];
	struct journal_about about;

	memcpy(was, back, len);
	check(promise_recover(&mb) == want, "%s: recovery", what);
	check(read_back() == len && memcmp(back, was, len) == 0,
	    "%s: the mailbox", what);
	check(journal_describe(mb.files.journal_fd, &about) == 0 &&
		about.aside == (want == MAILBOX_OK),
	    "%s: the journal", what);
}

static void
bad_moves(void)
{
	struct journal_move move = promise_move();
	size_t end = (size_t)(move.offset + move.length);

	change((size_t)move.offset - 1);
	misfit(MAILBOX_OK, "another octet before it");
	(void)promise_move();
	change(size - 1);
	misfit(MAILBOX_OK, "another end");
	(void)promise_move();
	change((size_t)move.offset - 1);
	change((size_t)move.offset);
	misfit(MAILBOX_OK, "another mailbox");
	(void)promise_move();
	change((size_t)move.offset);
	change(size - 1);
	misfit(MAILBOX_PERM, "another end, and begun");
	(void)promise_move();
	need(ftruncate(mb.files.fd, (off_t)size - 1) == 0, "ftruncate");
	misfit(MAILBOX_OK, "a shorter file");
	(void)promise_move();
	need(ftruncate(mb.files.fd, (off_t)end - 1) == 0, "ftruncate");
	misfit(MAILBOX_PERM, "one that ends within it");
	(void)point("a move that does not fit is not made");

	/* All octets in their place: then the end does not matter. */
	(void)promise_move();
	need(pwrite(mb.files.fd, mail + size - LONG / 2, LONG / 2,
		 (off_t)move.offset) == LONG / 2,
	    "pwrite");
	change(size - 9);
	check(promise_recover(&mb) == MAILBOX_OK, "recovery");
	check_move(&move, mail + size - LONG / 2);
	(void)promise_move();
	need(pwrite(mb.files.fd, mail + size - LONG / 2, LONG / 2 - 1,
		 (off_t)move.offset) == LONG / 2 - 1,
	    "pwrite");
	change(size - 9);
	misfit(MAILBOX_PERM, "all octets but one");
	(void)point("one whose octets are there is finished");
}

int
main(void)
{
	const struct rlimit limit = { 1024 * 1024, 1024 * 1024 };

	chance_open();
	mb.files.fd = memfd_create("mailbox", MFD_CLOEXEC);
	mb.files.journal_fd = memfd_create("journal", MFD_CLOEXEC);
	mb.files.index_fd = -1;
	/* Who writes without end is stopped. */
	(void)signal(SIGXFSZ, SIG_IGN);
	need(mb.files.fd != -1 && mb.files.journal_fd != -1 &&
		setrlimit(RLIMIT_FSIZE, &limit) == 0,
	    "files");
	log_set_level(LOG_LEVEL_ERROR);
	make_mail();
	good_runs();
	torn_run();
	bad_runs();
	two_runs();
	moves();
	bad_moves();
	return done();
}
