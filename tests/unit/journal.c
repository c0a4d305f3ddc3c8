/* SPDX-License-Identifier: ISC */
/*
 * The journal: what was promised is found again, whole; what was damaged was
 * never promised.
 */

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>

#include "chance.h"
#include "journal.h"
#include "sum.h"
#include "tap.h"

enum {
	BLOCK = 4096,
	/* Octets of the header in the file; and of a run. */
	HEADER = 112,
	RUN = sizeof(struct journal_run),
	INSIDE = (BLOCK - HEADER) / RUN, /* runs that the first block holds */
	MOST = 3 * INSIDE,
	OCTETS = 200 * 1000, /* of the longest move */
	FILE_MAX = BLOCK + OCTETS,
};

/* Of the header: its kind and count, and the sum of all before that. */
enum { KIND_AT = 8, COUNT_AT = 16, LENGTH_AT = 32, SUM_AT = HEADER - 8 };

static struct journal_run runs[MOST];
static struct journal_move move;
static char octets[OCTETS];
static int fd = -1;

/* What the journal should hold: so many runs, or a move of so many octets. */
struct promise {
	size_t runs, octets;
	bool is_move;
};

static const struct promise nothing;

static void
open_file(void)
{
	/* On a disk the syncs would take longer than all else. */
	fd = memfd_create("journal", MFD_CLOEXEC);
	need(fd != -1, "memfd_create");
	for (size_t i = 0; i < MOST; i++)
		runs[i] = (struct journal_run){
			.offset = chance_word() >> chance(60),
			.length = chance_word() >> chance(60),
			.check = chance_word(),
		};
	for (size_t i = 0; i < OCTETS; i++)
		octets[i] = (char)chance_word();
	move = (struct journal_move){ .offset = 77,
		.size = 1000000,
		.before = chance_word(),
		.behind = chance_word(),
		.last = chance_word() };
}

static void
empty_file(void)
{
	need(ftruncate(fd, 0) == 0, "ftruncate");
}

static size_t
file_size(void)
{
	struct stat st;

	need(fstat(fd, &st) == 0, "fstat");
	return (size_t)st.st_size;
}

/* Octets of the file that matter to a promise. */
static size_t
extent(const struct promise *p)
{
	return p->is_move ? BLOCK + p->octets : HEADER + p->runs * RUN;
}

static int
commit(const struct promise *p)
{
	struct journal_writer w = { .fd = fd };

	if (!p->is_move)
		return journal_commit_runs(fd, runs, p->runs);
	while (w.length < p->octets) {
		size_t n = 1 + chance(50000);

		if (n > p->octets - w.length)
			n = p->octets - (size_t)w.length;
		if (journal_write(&w, octets + w.length, n) == -1)
			return -1;
	}
	move.length = p->octets;
	return journal_commit_move(&w, JOURNAL_MOVE, &move);
}

static bool
same_move(const struct journal_promise *got, size_t length)
{
	static char back[OCTETS];

	return got->runs == NULL && got->move.length == length &&
	    got->move.offset == move.offset && got->move.size == move.size &&
	    got->move.before == move.before &&
	    got->move.behind == move.behind && got->move.last == move.last &&
	    journal_read(fd, back, length, 0) == 0 &&
	    memcmp(back, octets, length) == 0;
}

/*
 * The journal must hold this, or if it may also nothing.  Returns whether it
 * holds something.
 */
static bool
holds(
    const struct promise *want, bool or_nothing, const char *when, size_t where)
{
	struct journal_promise got = { .count = 0 };
	enum journal_status status = journal_load(fd, &got);
	bool good = false;

	if (status == JOURNAL_EMPTY || status == JOURNAL_TORN)
		good = or_nothing || want->runs + want->octets == 0;
	else if (status == JOURNAL_PROMISE && want->is_move)
		good = same_move(&got, want->octets);
	else if (status == JOURNAL_PROMISE)
		good = got.runs != NULL && got.count == want->runs &&
		    memcmp(got.runs, runs, want->runs * RUN) == 0;
	check(good, "%s %zu: status %d, %zu runs, %ju octets", when, where,
	    (int)status, got.count, (uintmax_t)got.move.length);
	free(got.runs);
	return status == JOURNAL_PROMISE;
}

static const struct promise promises[] = {
	{ .runs = 1 },
	{ .runs = 2 },
	{ .runs = 3 },
	{ .runs = INSIDE - 1 },
	{ .runs = INSIDE },
	{ .runs = INSIDE + 1 },
	{ .runs = INSIDE + 2 },
	{ .runs = MOST },
	{ .is_move = true, .octets = 1 },
	{ .is_move = true, .octets = 511 },
	{ .is_move = true, .octets = BLOCK },
	{ .is_move = true, .octets = 65536 },
	{ .is_move = true, .octets = 65537 },
	{ .is_move = true, .octets = OCTETS },
};

enum { PROMISES = sizeof(promises) / sizeof(promises[0]) };

/* So many updates were promised. */
static bool
counts(uint64_t want)
{
	uint64_t updates = want + 1;

	return journal_updates(fd, &updates) == 0 && updates == want;
}

static void
round_trips(void)
{
	uint64_t updates = 0;

	empty_file();
	(void)holds(&nothing, false, "no file", 0);
	check(journal_prepare(fd) == 0 && file_size() >= BLOCK, "prepare");
	(void)holds(&nothing, false, "prepared", 0);
	check(counts(0), "no updates");
	for (size_t a = 0; a < PROMISES; a++)
		for (size_t b = 0; b < PROMISES; b++) {
			check(commit(&promises[a]) == 0, "commit");
			(void)holds(&promises[a], false, "commit", a);
			check(journal_prepare(fd) == 0, "prepare");
			(void)holds(&promises[a], false, "prepare", a);
			check(journal_clear(fd) == 0, "clear");
			(void)holds(&nothing, false, "clear", a);
			check(counts(++updates), "the updates, cleared");
			check(file_size() == BLOCK, "cleared to %zu octets",
			    file_size());
			check(commit(&promises[b]) == 0, "commit");
			(void)holds(&promises[b], false, "again", b);
			check(journal_set_aside(fd) == 0, "set_aside");
			(void)holds(&nothing, false, "set aside", b);
			check(counts(++updates), "the updates, set aside");
			if (promises[b].is_move)
				check(journal_prepare(fd) == 0 &&
					file_size() == extent(&promises[b]),
				    "what was set aside can be read");
		}
	(void)point("commit, load, clear, set aside, commit again");

	struct journal_writer w = { .fd = fd };

	check(journal_clear(fd) == 0 &&
		journal_write(&w, octets, OCTETS) == 0 &&
		file_size() > OCTETS && journal_prepare(fd) == 0,
	    "killed before a promise");
	is(file_size(), BLOCK, "what nobody promised takes no room");
}

static void
set_aside(void)
{
	static unsigned char before[FILE_MAX], after[FILE_MAX];

	for (size_t i = 0; i < PROMISES; i++) {
		struct journal_about about;
		size_t size;

		empty_file();
		need(commit(&promises[i]) == 0, "commit");
		size = file_size();
		need(pread(fd, before, size, 0) == (ssize_t)size, "pread");
		check(journal_set_aside(fd) == 0 && file_size() == size,
		    "set aside");
		need(pread(fd, after, size, 0) == (ssize_t)size, "pread");
		check(
		    memcmp(before + HEADER, after + HEADER, size - HEADER) == 0,
		    "the promise has changed");
		check(journal_describe(fd, &about) == 0 && about.aside &&
			!about.damaged,
		    "it is not described so");
	}
	(void)point("what is set aside can still be read by a person");
}

/* Any octet of what matters is something else. */
static void
one_octet(const struct promise *p)
{
	size_t size = extent(p), survived = 0;
	/* A large body in steps, its begin and its end at every octet. */
	size_t step = size > 2 * BLOCK ? 97 : 1;

	empty_file();
	need(commit(p) == 0, "commit");
	for (size_t at = 0; at < size;
	     at += at < BLOCK + 20 || at + 200 > size ? 1 : step) {
		unsigned char octet, wrong;

		/* Of a move, the rest of the first block is nobody's. */
		if (p->is_move && at == HEADER)
			at = BLOCK;
		need(pread(fd, &octet, 1, (off_t)at) == 1, "pread");
		for (unsigned int bit = 0; bit < 8; bit += 7) {
			wrong = octet ^ (unsigned char)(1 << bit);
			need(pwrite(fd, &wrong, 1, (off_t)at) == 1, "pwrite");
			survived += holds(p, true, "octet", at);
		}
		need(pwrite(fd, &octet, 1, (off_t)at) == 1, "pwrite");
	}
	check(survived == 0, "%zu damages were not seen", survived);
	check(holds(p, false, "repaired", size), "repaired");
}

static void
damage(void)
{
	for (size_t i = 0; i < PROMISES; i++)
		one_octet(&promises[i]);
	(void)point("one octet damaged anywhere: nothing was promised");

	for (size_t i = 0; i < PROMISES; i++) {
		size_t size = extent(&promises[i]);
		size_t step = size > 3 * BLOCK ? 501 : 1;

		empty_file();
		need(commit(&promises[i]) == 0 &&
			ftruncate(fd, (off_t)size) == 0,
		    "commit");
		(void)holds(&promises[i], false, "cut to", size);
		while (size > 0) {
			size -= size > step ? step : 1;
			need(ftruncate(fd, (off_t)size) == 0, "ftruncate");
			(void)holds(&nothing, false, "cut to", size);
		}
	}
	(void)point("a file that is cut anywhere promised nothing");
}

/* After a power loss: sectors of one promise among those of another. */
static void
torn(void)
{
	static unsigned char sectors[FILE_MAX];
	struct journal_promise got;

	for (size_t a = 0; a < PROMISES; a++)
		for (size_t b = 0; b < PROMISES; b++) {
			size_t all = extent(&promises[a]), size;

			empty_file();
			need(commit(&promises[a]) == 0, "commit");
			size = file_size();
			need(pread(fd, sectors, size, 0) == (ssize_t)size,
			    "pread");
			empty_file();
			/* Other runs, and a move of other octets. */
			for (size_t i = 0; i < MOST; i++)
				runs[i].check++;
			octets[0]++;
			need(commit(&promises[b]) == 0, "commit");
			for (size_t i = 0; i < MOST; i++)
				runs[i].check--;
			octets[0]--;
			/* The sector with the header comes first, or last. */
			need(pwrite(fd, sectors, 512, 0) == 512, "pwrite");
			if (all > 512)
				check(journal_load(fd, &got) == JOURNAL_TORN &&
					got.runs == NULL,
				    "torn %zu", a);
			need(pwrite(fd, sectors, size, 0) == (ssize_t)size,
			    "pwrite");
			(void)holds(&promises[a], false, "whole", a);
		}
	(void)point("a promise that is there in part is none");
}

static void
noise(void)
{
	unsigned char junk[600];

	for (int round = 0; round < 3000; round++) {
		size_t len = 1 + chance(sizeof(junk));

		empty_file();
		if (chance(2) == 0)
			need(commit(&promises[chance(3)]) == 0, "commit");
		for (size_t i = 0; i < len; i++)
			junk[i] = (unsigned char)chance_word();
		/* Behind the magic, so that the rest is looked at. */
		need(pwrite(fd, junk, len, KIND_AT) == (ssize_t)len, "pwrite");
		(void)holds(&nothing, false, "noise of", len);
	}
	(void)point("noise promised nothing");
}

/* A header whose sum is right, and whose numbers are not. */
static void
forge(size_t at, uint64_t value)
{
	unsigned char header[HEADER];
	uint64_t sum;

	need(pread(fd, header, HEADER, 0) == HEADER, "pread");
	memcpy(header + at, &value, sizeof(value));
	sum = sum64(0, header, SUM_AT);
	memcpy(header + SUM_AT, &sum, sizeof(sum));
	need(pwrite(fd, header, HEADER, 0) == HEADER, "pwrite");
}

static void
wrong_numbers(void)
{
	for (size_t i = 0; i < PROMISES; i++)
		for (unsigned int bit = 0; bit < 64; bit++)
			for (uint64_t less = 0; less < 2; less++) {
				const struct promise *p = &promises[i];
				uint64_t n = (UINT64_C(1) << bit) - less;

				/* A long move would have to be read. */
				if (p->octets > BLOCK)
					continue;
				empty_file();
				need(commit(p) == 0, "commit");
				forge(p->is_move ? LENGTH_AT : COUNT_AT, n);
				if (n != (p->is_move ? p->octets : p->runs))
					(void)holds(&nothing, false,
					    "number of bit", bit);
			}
	(void)point("no number makes it read, or allocate, what is not there");
	for (uint64_t kind = 0; kind < 100; kind++) {
		struct journal_promise got;

		empty_file();
		need(commit(&promises[0]) == 0, "commit");
		forge(KIND_AT, kind);
		check(
		    (journal_load(fd, &got) == JOURNAL_PROMISE) == (kind == 1),
		    "kind %ju", (uintmax_t)kind);
		free(got.runs);
	}
	(void)point("other kinds promise nothing");
}

static void
logins(void)
{
	struct journal_about about;

	empty_file();
	need(journal_prepare(fd) == 0, "prepare");
	check(journal_describe(fd, &about) == 0 && about.login == 0 &&
		!about.aside && !about.damaged,
	    "a new journal");
	check(journal_note_login(fd, 1234567) == 0, "note");
	for (size_t i = 0; i < PROMISES; i++) {
		check(commit(&promises[i]) == 0, "commit");
		check(journal_note_login(fd, 99) == 0, "note");
		(void)holds(&promises[i], false, "noted", i);
		check(
		    journal_describe(fd, &about) == 0 && about.login == 1234567,
		    "the promise lost the login");
		check((i & 1 ? journal_clear(fd) : journal_set_aside(fd)) == 0,
		    "clear");
		check(journal_describe(fd, &about) == 0 &&
			about.login == 1234567 && about.aside == !(i & 1),
		    "the end of it lost the login");
	}
	check(journal_note_login(fd, 7654321) == 0 &&
		journal_describe(fd, &about) == 0 && about.login == 7654321,
	    "a second login");
	(void)point("the last login is kept, and keeps out of a promise");

	need(pwrite(fd, "x", 1, 40) == 1, "pwrite");
	check(journal_describe(fd, &about) == 0 && about.damaged, "damaged");
	empty_file();
	check(journal_describe(fd, &about) == 0 && !about.damaged, "no file");
	(void)point("a damaged header is described so");
}

/* What a server with no clock but the calls would remember. */
static void
turns(void)
{
	struct journal_about about;
	uint64_t now, due, times, span;

	for (uint64_t delay = 1; delay <= 40; delay++) {
		empty_file();
		now = 1000000;
		check(journal_take_turn(fd, now, delay) == 1, "the first");
		check(journal_take_turn(fd, now, delay) == 1, "early, once");
		for (due = now + delay; now < due; now++)
			check(journal_take_turn(fd, now, delay) == 0,
			    "too early by %ju of %ju", (uintmax_t)(due - now),
			    (uintmax_t)delay);
		for (int i = 0; i < 10; i++, now += delay)
			check(journal_take_turn(fd, now, delay) == 1,
			    "in time, every %ju", (uintmax_t)delay);
	}
	(void)point("one early login passes, and then one every delay");

	for (int round = 0; round < 200; round++) {
		uint64_t delay = 1 + chance(100);

		empty_file();
		span = 50 * delay;
		for (now = 1000000, times = 0; now < 1000000 + span;
		     now += chance((uint32_t)delay))
			times += journal_take_turn(fd, now, delay) == 1;
		check(times <= 51, "%ju in %ju", (uintmax_t)times,
		    (uintmax_t)(span / delay));
		check(journal_take_turn(fd, now + 2 * delay, delay) == 1 &&
			journal_take_turn(fd, now + 2 * delay, delay) == 1,
		    "who stayed away may come early again");
	}
	(void)point("in the long run no more than one each delay");

	empty_file();
	for (int i = 0; i < 2; i++)
		check(journal_take_turn(fd, 5000, 100) == 1, "in time");
	check(journal_take_turn(fd, 4000, 100) == 1, "the clock went back");
	check(journal_take_turn(fd, 4000, 10) == 1, "a shorter delay");
	(void)point("what no login can have made is not believed");

	check(journal_note_login(fd, 4001) == 0 && journal_clear(fd) == 0 &&
		journal_take_turn(fd, 4001, 10) == 1 &&
		journal_take_turn(fd, 4001, 10) == 0 &&
		commit(&promises[1]) == 0 && holds(&promises[1], false, "", 0),
	    "a promise behind it");
	check(journal_take_turn(fd, 4001, 10) == 1 &&
		holds(&promises[1], false, "", 0),
	    "a promise stays whatever the time is");
	check(journal_clear(fd) == 0 && journal_take_turn(fd, 4001, 10) == 0 &&
		journal_describe(fd, &about) == 0 && about.login == 4001,
	    "it and the last login are kept");
	(void)point("it keeps, and is kept");
}

/* A disk that is full once the first block is written, by a limit. */
static void
full_disk(void)
{
	struct rlimit old, small;

	empty_file();
	need(getrlimit(RLIMIT_FSIZE, &old) == 0, "getrlimit");
	need(journal_prepare(fd) == 0, "prepare");
	small = old;
	small.rlim_cur = BLOCK;
	(void)signal(SIGXFSZ, SIG_IGN);
	need(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	for (size_t n = 1; n <= MOST; n += 1 + n / 7) {
		const struct promise p = { .runs = n };
		bool fits = extent(&p) <= BLOCK;

		errno = 0;
		check(commit(&p) == (fits ? 0 : -1) && (fits || errno == EFBIG),
		    "%zu runs: errno %d", n, errno);
		(void)holds(fits ? &p : &nothing, false, "full", n);
		check(journal_clear(fd) == 0, "clear");
	}
	for (size_t n = 1; n <= OCTETS; n *= 3) {
		const struct promise p = { .is_move = true, .octets = n };

		errno = 0;
		check(commit(&p) == -1 && errno == EFBIG,
		    "%zu octets: errno %d", n, errno);
		(void)holds(&nothing, false, "full", n);
	}
	/* Without the first block, of which some octets can be written. */
	for (size_t n = 0; n < BLOCK; n += HEADER / 2) {
		empty_file();
		small.rlim_cur = n;
		need(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
		check(commit(&promises[0]) == JOURNAL_REFUSED,
		    "%zu octets of a block", n);
		(void)holds(&nothing, false, "octets of a block", n);
	}
	need(setrlimit(RLIMIT_FSIZE, &old) == 0, "setrlimit");
	(void)point("on a full disk the runs of one block, and else nothing");
}

static void
bad_descriptors(void)
{
	struct journal_promise got;
	struct journal_about about;
	char path[64];
	uint64_t updates;
	int whole = fd;

	empty_file();
	need(commit(&promises[1]) == 0, "commit");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd != -1, path);
	for (size_t i = 0; i < PROMISES; i++)
		check(commit(&promises[i]) != 0, "commit");
	check(journal_clear(fd) == -1, "clear");
	check(journal_set_aside(fd) == -1, "set aside");
	(void)holds(&promises[1], false, "read-only", 0);
	(void)close(fd);
	fd = whole;
	check(
	    journal_load(-1, &got) == JOURNAL_ERROR && errno == EBADF, "load");
	check(journal_prepare(-1) == -1, "prepare");
	check(journal_updates(-1, &updates) == -1, "updates");
	check(journal_note_login(-1, 1) == -1, "note");
	check(journal_take_turn(-1, 1, 1) == -1, "turn");
	check(journal_describe(-1, &about) == -1, "describe");
	(void)point("what cannot be read or written is an error");
}

int
main(void)
{
	chance_open();
	open_file();
	round_trips();
	set_aside();
	damage();
	torn();
	noise();
	wrong_numbers();
	logins();
	turns();
	full_disk();
	bad_descriptors();
	(void)close(fd);
	return done();
}
