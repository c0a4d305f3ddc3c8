/* SPDX-License-Identifier: ISC */
/* The file of penalties: who has failed, what checks cost, who waits for whom. */

#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "clock.h"
#include "fds.h"
#include "penalties.h"
#include "scratch.h"
#include "tap.h"

enum { NOW = 2000000000, MINUTE = 60, MOST = 20 };

static int dir;
static int p = -1;

static struct address
client(uint64_t n)
{
	struct address a = { { 0x20, 1 } };

	memcpy(a.octets + 2, &n, 6);
	return a;
}

static unsigned int
count(uint64_t n, int64_t now)
{
	struct address a = client(n);

	return penalties_count(p, &a, now);
}

/* One failure, unlike any before it. */
static void
fail(uint64_t n, int64_t now)
{
	static unsigned char mark[SHA256_SIZE];
	struct address a = client(n);

	for (int i = 0; ++mark[i] == 0; i++)
		;
	penalties_add(p, &a, now, mark);
}

static void
fail_with(unsigned char octet)
{
	unsigned char mark[SHA256_SIZE] = { [15] = octet };
	struct address a = client(7);

	penalties_add(p, &a, NOW, mark);
}

static void
anew(void)
{
	fds_close(&p);
	(void)unlinkat(dir, "penalties", 0);
	need((p = penalties_open(dir)) != -1, "penalties_open");
}

static void
counts(void)
{
	struct stat st;

	need(fstatat(dir, "penalties", &st, 0) == 0, "penalties");
	is(st.st_mode & 07777, 0600, "the file is its owner's alone");
	for (unsigned int i = 0; i < MOST + 5; i++) {
		unsigned int want = i < MOST ? i : MOST;

		check(count(1, NOW) == want, "%u of %u", count(1, NOW), i);
		fail(1, NOW);
	}
	point("failures are counted, up to a number");
	for (int64_t s = 0; s < (MOST + 2) * MINUTE; s += 7) {
		unsigned int want = s / MINUTE < MOST
		    ? (unsigned int)(MOST - s / MINUTE)
		    : 0;

		check(count(1, NOW + s) == want, "%u after %jd s",
		    count(1, NOW + s), (intmax_t)s);
	}
	check(count(1, NOW - 1) == 0, "the clock was set back");
	check(count(1, INT64_MAX) == 0, "the end of time");
	check(count(1, INT64_MIN) == 0, "its beginning");
	point("one is forgotten each minute");
	fail(1, NOW + 10 * MINUTE);
	is(count(1, NOW + 10 * MINUTE), MOST - 10 + 1,
	    "one more counts with those that are not");
	is(count(2, NOW), 0, "nobody else has any");
}

static void
marks(void)
{
	anew();
	for (int i = 0; i < 5; i++)
		fail_with(1);
	is(count(7, NOW), 1, "the same wrong password counts once");
	fail_with(2);
	fail_with(2);
	is(count(7, NOW), 2, "another one counts");
	fail_with(1);
	is(count(7, NOW), 3, "and so does the first behind it");
}

/* Whoever is at home in 4 * 1024 places, and many more than these. */
static void
crowds(void)
{
	enum { MANY = 1500, FLOOD = 20000 };
	unsigned int kept = 0, most = 0;

	anew();
	for (uint64_t i = 0; i < MANY; i++)
		fail(i, NOW);
	for (uint64_t i = 0; i < MANY; i++)
		kept += count(i, NOW);
	check(kept > MANY * 9 / 10, "%u of %d", kept, MANY);
	point("of many that have failed once, nearly all are remembered");
	for (int i = 0; i < 5; i++)
		fail(UINT32_MAX, NOW);
	for (uint64_t i = 0; i < FLOOD; i++)
		fail(i, NOW);
	is(count(UINT32_MAX, NOW), 5, "a flood does not wash away the worst");
	for (uint64_t i = 0; i < FLOOD; i++)
		most = count(i, NOW) > most ? count(i, NOW) : most;
	ok(most >= 1 && most <= 2, "nor are failures taken for another's");
}

/* Several processes at once lose nothing. */
static void
race(void)
{
	enum { PROCESSES = 6, EACH = 3 };

	anew();
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			struct address a = client(9);
			unsigned char mark[SHA256_SIZE] = { 0 };

			need((p = penalties_open(dir)) != -1, "penalties_open");
			for (int j = 0; j < EACH; j++) {
				mark[0] = (unsigned char)i;
				mark[1] = (unsigned char)(j + 1);
				penalties_add(p, &a, NOW, mark);
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	is(count(9, NOW), PROCESSES * EACH, "processes at once lose nothing");
}

static void
prices(void)
{
	struct price price, found;

	anew();
	penalties_price(p, &found);
	ok(found.microseconds == 0 && found.decoy[0] == '\0',
	    "there is no price yet");
	price = (struct price){ 12345, "$6$........" };
	penalties_set_price(p, &price);
	penalties_price(p, &found);
	ok(memcmp(&price, &found, sizeof(found)) == 0, "one is kept");
	memset(price.decoy, 'x', sizeof(price.decoy));
	penalties_set_price(p, &price);
	penalties_price(p, &found);
	ok(found.microseconds == 0 && found.decoy[0] == '\0',
	    "one without an end is none");
}

/* Octets changed one by one, and files that are none. */
static void
damage(void)
{
	struct address a = client(7);
	struct price price = { 1000, "$1$" };
	const unsigned char mark[SHA256_SIZE] = { 0 };
	unsigned char octet;
	struct stat st;
	int64_t wrong = 0;

	anew();
	fail(7, NOW);
	fail(7, NOW);
	penalties_set_price(p, &price);
	need(fstat(p, &st) == 0, "fstat");
	for (off_t at = 0; at < st.st_size; at++) {
		need(pread(p, &octet, 1, at) == 1, "pread");
		if (at > 1024 && octet == 0)
			continue;
		octet ^= 1;
		need(pwrite(p, &octet, 1, at) == 1, "pwrite");
		penalties_price(p, &price);
		check(penalties_count(p, &a, NOW) % 2 == 0 &&
			price.microseconds % 1000 == 0,
		    "octet %jd", (intmax_t)at);
		wrong += penalties_count(p, &a, NOW) != 2;
		octet ^= 1;
		need(pwrite(p, &octet, 1, at) == 1, "pwrite");
	}
	check(wrong > 24, "only %jd were seen", (intmax_t)wrong);
	check(count(7, NOW) == 2, "whole again");
	point("damage is taken for nothing");
	for (off_t size = 0; size < st.st_size; size += 61) {
		int q;
		int fd = openat(dir, "penalties", O_RDWR | O_CLOEXEC);

		need(fd != -1 && ftruncate(fd, size) == 0, "ftruncate");
		check(count(7, NOW) <= MOST, "cut to %jd", (intmax_t)size);
		need((q = penalties_open(dir)) != -1, "penalties_open");
		penalties_add(q, &a, NOW, mark);
		check(penalties_count(q, &a, NOW) >= 1, "after %jd",
		    (intmax_t)size);
		fds_close(&q);
		(void)close(fd);
	}
	point("one that was cut works, or is made anew");
	need(pwrite(p, "x", 1, 0) == 1, "pwrite");
	check(count(7, NOW) == 0, "another version");
	fail(7, NOW);
	check(count(7, NOW) == 0, "is not written, either");
	fds_close(&p);
	check((p = penalties_open(dir)) != -1 && count(7, NOW) == 0, "anew");
	fail(7, NOW);
	check(count(7, NOW) == 1, "anew");
	point("one of another version is made anew");
}

static void
odd_files(void)
{
	fds_close(&p);
	need(unlinkat(dir, "penalties", 0) == 0, "unlink");
	need(mkdirat(dir, "penalties", 0700) == 0, "mkdir");
	check((p = penalties_open(dir)) == -1, "a directory");
	need(unlinkat(dir, "penalties", AT_REMOVEDIR) == 0, "rmdir");
	need(symlinkat("elsewhere", dir, "penalties") == 0, "symlink");
	check((p = penalties_open(dir)) == -1, "a link");
	check(faccessat(dir, "elsewhere", F_OK, 0) == -1, "made through it");
	need(unlinkat(dir, "penalties", 0) == 0, "unlink");
	need(mkfifoat(dir, "penalties", 0600) == 0, "mkfifo");
	check((p = penalties_open(dir)) == -1, "a pipe");
	need(unlinkat(dir, "penalties", 0) == 0, "unlink");
	need((p = penalties_open(dir)) != -1, "penalties_open");
	fds_close(&p);
	need(linkat(dir, "penalties", dir, "other", 0) == 0, "link");
	check((p = penalties_open(dir)) == -1, "with two names");
	need(unlinkat(dir, "penalties", 0) == 0 &&
		unlinkat(dir, "other", 0) == 0,
	    "unlink");
	point("what is no file is not opened");
	fail(7, NOW);
	check(count(7, NOW) == 0, "count");
	penalties_take_place(p, NULL, 1);
	penalties_give_back(p);
	fds_close(&p);
	point("without a file nothing is kept, and nobody waits");
}

/* Takes a place in another process, and says so; keeps it until told. */
static pid_t
occupy(uint64_t n, bool trusted, unsigned int places, int said[2])
{
	pid_t pid;

	need(pipe(said) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		struct address a = client(n);

		need((p = penalties_open(dir)) != -1, "penalties_open");
		penalties_take_place(p, trusted ? NULL : &a, places);
		(void)!write(said[1], "", 1);
		(void)pause();
	}
	(void)close(said[1]);
	return pid;
}

static bool
has_place(const int said[2], int patience)
{
	struct pollfd pfd = { .fd = said[0], .events = POLLIN };

	return poll(&pfd, 1, patience) == 1;
}

static void
leave(pid_t pid, const int said[2])
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(said[0]);
}

enum { SOON = 20000, NOT_YET = 100 };

static void
places(void)
{
	int said[4][2];
	pid_t pid[4];

	need((p = penalties_open(dir)) != -1, "penalties_open");
	pid[0] = occupy(1, false, 2, said[0]);
	ok(has_place(said[0], SOON), "one of two places");
	pid[1] = occupy(1, false, 2, said[1]);
	ok(!has_place(said[1], NOT_YET), "none for the same client");
	pid[2] = occupy(2, false, 2, said[2]);
	ok(has_place(said[2], SOON), "one for another");
	pid[3] = occupy(0, true, 2, said[3]);
	ok(!has_place(said[3], NOT_YET), "no third");
	leave(pid[0], said[0]);
	leave(pid[2], said[2]);
	ok(has_place(said[1], SOON) && has_place(said[3], SOON),
	    "those that waited get those that are left");
	leave(pid[1], said[1]);
	leave(pid[3], said[3]);
	penalties_take_place(p, NULL, 1);
	pid[0] = occupy(0, true, 1, said[0]);
	ok(!has_place(said[0], NOT_YET), "one place for all");
	penalties_give_back(p);
	ok(has_place(said[0], SOON), "is given back");
	leave(pid[0], said[0]);
}

/* A file system without locks, as a descriptor that may not have them shows it. */
static void
no_locks(void)
{
	int q = openat(dir, "penalties", O_RDONLY | O_CLOEXEC);
	int64_t before = clock_ms();

	need(q != -1, "openat");
	penalties_take_place(q, NULL, 1);
	penalties_give_back(q);
	fds_close(&q);
	ok(clock_ms() - before < SOON,
	    "where nothing can be locked, nobody waits");
}

int
main(void)
{
	dir = scratch_open();
	need((p = penalties_open(dir)) != -1, "penalties_open");
	counts();
	marks();
	crowds();
	race();
	prices();
	damage();
	odd_files();
	places();
	no_locks();
	fds_close(&p);
	scratch_close();
	return done();
}
