/* SPDX-License-Identifier: ISC */
/*
 * The journal: what was promised is found again, whole; what was damaged was
 * never promised.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>

#include "chance.h"
#include "journal.h"
#include "tap.h"

enum {
	BLOCK = 4096,
	/* Octets of the header and of a run, as in the file. */
	HEADER = 64,
	RUN = sizeof(struct journal_run),
	INSIDE = (BLOCK - HEADER) / RUN, /* runs that the first block holds */
	MOST = 3 * INSIDE,
	FILE_MAX = HEADER + MOST * RUN,
};

static struct journal_run runs[MOST];
static int fd = -1;

static void
open_file(void)
{
	FILE *f = tmpfile();

	need(f != NULL, "tmpfile");
	fd = dup(fileno(f));
	need(fd != -1 && fclose(f) == 0, "dup");
	for (size_t i = 0; i < MOST; i++)
		runs[i] = (struct journal_run){
			.offset = chance_word() >> chance(60),
			.length = chance_word() >> chance(60),
			.check = chance_word(),
		};
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

/* The journal must hold these runs, or with count 0 be empty. */
static bool
holds(size_t count, const char *when, size_t where)
{
	struct journal_run *got = NULL;
	size_t got_count = 0;
	enum journal_status status = journal_load(fd, &got, &got_count);
	bool good;

	if (count == 0)
		good = check(status == JOURNAL_EMPTY, "%s %zu: status %d", when,
		    where, (int)status);
	else
		good = check(status == JOURNAL_RUNS && got_count == count &&
			memcmp(got, runs, count * sizeof(*runs)) == 0,
		    "%s %zu: status %d, %zu runs, not %zu", when, where,
		    (int)status, got_count, count);
	if (status == JOURNAL_RUNS)
		free(got);
	return good;
}

/* It must hold these runs or be empty.  Returns whether it holds them. */
static bool
holds_or_empty(size_t count, const char *when, size_t where)
{
	struct journal_run *got = NULL;
	size_t got_count = 0;
	enum journal_status status = journal_load(fd, &got, &got_count);

	if (status == JOURNAL_EMPTY)
		return !check(true, "empty");
	check(status == JOURNAL_RUNS && got_count == count &&
		memcmp(got, runs, count * sizeof(*runs)) == 0,
	    "%s %zu: status %d, %zu runs", when, where, (int)status, got_count);
	if (status == JOURNAL_RUNS)
		free(got);
	return true;
}

static const size_t counts[] = { 1, 2, 3, INSIDE - 1, INSIDE, INSIDE + 1,
	INSIDE + 2, MOST };

enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };

static void
round_trips(void)
{
	empty_file();
	(void)holds(0, "no file", 0);
	check(journal_prepare(fd) == 0 && file_size() >= BLOCK, "prepare");
	(void)holds(0, "prepared", 0);
	for (size_t a = 0; a < COUNTS; a++)
		for (size_t b = 0; b < COUNTS; b++) {
			check(journal_commit(fd, runs, counts[a]) == 0,
			    "commit");
			(void)holds(counts[a], "commit", counts[a]);
			check(journal_prepare(fd) == 0, "prepare");
			(void)holds(counts[a], "prepare", counts[a]);
			check(journal_clear(fd) == 0, "clear");
			(void)holds(0, "clear", counts[a]);
			check(file_size() == BLOCK, "cleared to %zu octets",
			    file_size());
			check(journal_commit(fd, runs, counts[b]) == 0,
			    "commit");
			(void)holds(counts[b], "again", counts[b]);
			check(journal_set_aside(fd) == 0, "set_aside");
			(void)holds(0, "set aside", counts[b]);
		}
	(void)point("commit, load, clear, set aside, commit again");
}

static void
set_aside(void)
{
	static unsigned char before[FILE_MAX], after[FILE_MAX];
	size_t size;

	empty_file();
	need(journal_commit(fd, runs, MOST) == 0, "commit");
	size = file_size();
	need(pread(fd, before, size, 0) == (ssize_t)size, "pread");
	check(journal_set_aside(fd) == 0 && file_size() == size, "set aside");
	need(pread(fd, after, size, 0) == (ssize_t)size, "pread");
	check(memcmp(before + HEADER, after + HEADER, size - HEADER) == 0,
	    "the runs have changed");
	(void)point("what is set aside can still be read by a person");
}

/* Any one octet of the file is something else. */
static void
one_octet(size_t count)
{
	static const unsigned char changes[] = { 0x01, 0x80, 0xff };
	size_t size, survived = 0;
	unsigned char octet, wrong;

	empty_file();
	need(journal_commit(fd, runs, count) == 0, "commit");
	size = file_size();
	for (size_t at = 0; at < size; at++) {
		need(pread(fd, &octet, 1, (off_t)at) == 1, "pread");
		for (size_t c = 0; c < sizeof(changes); c++) {
			wrong = octet ^ changes[c];
			need(pwrite(fd, &wrong, 1, (off_t)at) == 1, "pwrite");
			survived += holds_or_empty(count, "octet", at);
		}
		need(pwrite(fd, &octet, 1, (off_t)at) == 1, "pwrite");
		/* Behind the runs nothing matters; before, all but a field. */
		if (at == HEADER + count * RUN - 1)
			check(survived <= 32 * sizeof(changes),
			    "%zu damages were not seen", survived);
	}
	(void)holds(count, "repaired", count);
}

static void
damage(void)
{
	for (size_t i = 0; i < COUNTS; i++)
		one_octet(counts[i]);
	(void)point("one octet damaged anywhere: the same runs, or none");

	for (size_t i = 0; i < COUNTS; i++) {
		empty_file();
		need(journal_commit(fd, runs, counts[i]) == 0, "commit");
		for (size_t size = file_size(); size-- > 0;) {
			bool whole = size >= HEADER + counts[i] * RUN;

			need(ftruncate(fd, (off_t)size) == 0, "ftruncate");
			(void)holds(whole ? counts[i] : 0, "cut to", size);
		}
	}
	(void)point("a file that is cut anywhere promised nothing");

	/* Sectors of one journal among those of another. */
	for (size_t i = 0; i < COUNTS; i++)
		for (size_t k = 0; k < COUNTS; k++) {
			static unsigned char sectors[FILE_MAX + BLOCK];
			size_t size;

			empty_file();
			need(journal_commit(fd, runs, counts[i]) == 0,
			    "commit");
			size = file_size();
			need(pread(fd, sectors, size, 0) == (ssize_t)size,
			    "pread");
			for (size_t at = 0; at < size; at += 512) {
				empty_file();
				need(journal_commit(fd, runs + 1,
					 counts[k] == MOST ? 1 : counts[k]) ==
					0,
				    "commit");
				need(pwrite(fd, sectors, at, 0) == (ssize_t)at,
				    "pwrite");
				/* Torn behind all runs it is the new one. */
				if (at > 0 && at < HEADER + counts[i] * RUN)
					(void)holds(0, "torn at", at);
			}
		}
	(void)point("a journal written in part over another promised nothing");
}

static void
noise(void)
{
	unsigned char junk[600];

	for (int round = 0; round < 3000; round++) {
		size_t len = chance(sizeof(junk));

		empty_file();
		if (chance(2) == 0)
			need(journal_commit(fd, runs, 1 + chance(20)) == 0,
			    "commit");
		for (size_t i = 0; i < len; i++)
			junk[i] = (unsigned char)chance_word();
		/* Behind the magic, so that the rest is looked at. */
		need(pwrite(fd, junk, len, 8) == (ssize_t)len, "pwrite");
		if (len > 0)
			(void)holds(0, "noise of", len);
	}
	(void)point("noise promised nothing");
}

/* A header that says that there are more runs than any file holds. */
static void
huge_counts(void)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t count = UINT64_C(1) << bit;

		empty_file();
		need(journal_commit(fd, runs, 3) == 0, "commit");
		for (int less = 0; less < 2; less++) {
			count -= (unsigned int)less;
			need(pwrite(fd, &count, 8, 16) == 8, "pwrite");
			if (count != 3)
				(void)holds(0, "count of bit", bit);
		}
	}
	(void)point("no count makes it read, or allocate, what is not there");
}

/* A disk that is full once the first block is written, by a limit. */
static void
full_disk(void)
{
	struct rlimit old, small;

	empty_file();
	need(journal_prepare(fd) == 0 && getrlimit(RLIMIT_FSIZE, &old) == 0,
	    "prepare");
	small = old;
	small.rlim_cur = BLOCK;
	(void)signal(SIGXFSZ, SIG_IGN);
	need(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	check(journal_commit(fd, runs, INSIDE) == 0, "commit: %s",
	    strerror(errno));
	(void)holds(INSIDE, "full", 0);
	check(journal_clear(fd) == 0, "clear");
	(void)point("on a full disk as many runs as the first block holds");
	for (size_t i = INSIDE + 1; i <= MOST; i++) {
		errno = 0;
		check(journal_commit(fd, runs, i) == -1 && errno == EFBIG,
		    "commit of %zu: errno %d", i, errno);
		(void)holds(0, "full", i);
	}
	need(setrlimit(RLIMIT_FSIZE, &old) == 0, "setrlimit");
	(void)point("more of them are refused, and nothing is promised");
}

static void
bad_descriptors(void)
{
	struct journal_run *got;
	char path[64];
	size_t count;
	int whole = fd;

	empty_file();
	need(journal_commit(fd, runs, 2) == 0, "commit");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd != -1, path);
	check(journal_commit(fd, runs, 1) == -1, "commit");
	check(journal_clear(fd) == -1, "clear");
	check(journal_set_aside(fd) == -1, "set aside");
	(void)holds(2, "read-only", 0);
	(void)close(fd);
	fd = whole;
	check(journal_load(-1, &got, &count) == JOURNAL_ERROR && errno == EBADF,
	    "load");
	check(journal_prepare(-1) == -1, "prepare");
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
	noise();
	huge_counts();
	full_disk();
	bad_descriptors();
	(void)close(fd);
	return done();
}
