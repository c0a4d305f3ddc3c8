/* SPDX-License-Identifier: ISC */
/* Waiting with a limit, and reading and writing whole things. */

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>

#include "chance.h"
#include "clock.h"
#include "io.h"
#include "sig.h"
#include "tap.h"

/* What a wait of up to time milliseconds leaves in errno; *took is its time. */
static int
wait_for(int fd, short events, int64_t time, int64_t *took)
{
	int64_t before = clock_ms();
	int status;

	errno = 0;
	status = io_wait(fd, events, before + time);
	*took = clock_ms() - before;
	return status == 0 ? 0 : errno;
}

static void
deadlines(void)
{
	int64_t took;
	int ends[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	for (int64_t time = 0; time <= 64; time = time == 0 ? 1 : time * 4) {
		check(wait_for(ends[0], POLLIN, time, &took) == ETIMEDOUT,
		    "no end of %jd ms", (intmax_t)time);
		check(took >= time && took < time + 5000, "%jd ms, not %jd",
		    (intmax_t)took, (intmax_t)time);
	}
	check(wait_for(ends[0], POLLIN, -100000, &took) == ETIMEDOUT &&
		took < 5000,
	    "a deadline that is past");
	(void)point("a wait ends at its deadline, and not before");

	check(wait_for(ends[0], POLLOUT, 0, &took) == 0, "room");
	need(write(ends[1], "x", 1) == 1, "write");
	check(wait_for(ends[0], POLLIN, -1, &took) == 0, "an octet");
	check(wait_for(ends[0], POLLIN, 60000, &took) == 0 && took < 5000,
	    "an octet");
	(void)point("what is ready is ready, whatever the deadline");
	(void)close(ends[1]);
	check(read(ends[0], (char[1]){ 0 }, 1) == 1, "read");
	check(wait_for(ends[0], POLLIN, 60000, &took) == 0 && took < 5000,
	    "the end");
	(void)point("the end of the other side is something to read");
	(void)close(ends[0]);
	errno = 0;
	check(io_wait(ends[0], POLLIN, clock_ms() + 60000) == 0, "poll says");
	(void)point("a closed descriptor does not wait");
}

/* Nanoseconds by which a wait that began late in a millisecond ended late. */
static int64_t
lateness(int fd)
{
	int64_t deadline;

	while (clock_ns() % 1000000 < 700000)
		;
	deadline = clock_ms() + 3;
	need(io_wait(fd, POLLIN, deadline) == -1, "io_wait");
	return clock_ns() - (deadline + 1) * 1000000;
}

/* A refusal leaves at its deadline: what went before must not show in it. */
static void
beginnings(void)
{
	int64_t late, least = INT64_MAX;
	int ends[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	for (int i = 0; i < 200 && least >= 500000; i++) {
		late = lateness(ends[0]);
		check(late >= 0, "%jd ns before its time", (intmax_t)-late);
		if (late < least)
			least = late;
	}
	check(least < 500000, "%jd ns late at best", (intmax_t)least);
	(void)point("when a wait began does not show in when it ends");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
stopping(void)
{
	int ends[2], stop[2];
	int64_t took;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pipe(stop) == 0,
	    "pipes");
	io_set_stop(stop[0]);
	is(wait_for(ends[0], POLLIN, 5, &took), ETIMEDOUT,
	    "a silent stop pipe means nothing");
	need(
	    write(stop[1], "", 1) == 1 && write(ends[1], "x", 1) == 1, "write");
	is(wait_for(ends[0], POLLIN, 60000, &took), ESHUTDOWN,
	    "an octet in it ends a wait, even one that is over");
	is(wait_for(ends[0], POLLIN, 0, &took), ESHUTDOWN,
	    "and each one after");
	need(read(stop[0], (char[1]){ 0 }, 1) == 1, "read");
	(void)close(stop[1]);
	is(wait_for(ends[0], POLLIN, 60000, &took), 0,
	    "the death of the master ends nothing");
	need(read(ends[0], (char[1]){ 0 }, 1) == 1, "read");
	is(wait_for(ends[0], POLLIN, 20, &took), ETIMEDOUT,
	    "nor does it make a wait a loop");
	ok(took >= 20, "of %jd ms", (intmax_t)took);
	io_set_stop(-1);
	(void)close(stop[0]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* In a child: SIGTERM means something only while it waits. */
static _Noreturn void
be_terminated(int fd, int ready)
{
	int64_t took;
	int error;

	sig_ignore_quit();
	(void)alarm(30);
	/* One that comes while nobody waits is kept. */
	(void)raise(SIGTERM);
	if (write(ready, "", 1) != 1)
		_exit(10);
	error = wait_for(fd, POLLIN, 20000, &took);
	_exit(error == ESHUTDOWN && took < 10000 ? 0 : 11);
}

static _Noreturn void
be_terminated_later(int fd, int ready)
{
	int64_t took;

	sig_ignore_quit();
	(void)alarm(30);
	if (write(ready, "", 1) != 1)
		_exit(10);
	_exit(
	    wait_for(fd, POLLIN, 20000, &took) == ESHUTDOWN && sig_terminated()
		? 0
		: 11);
}

static void
signals(void)
{
	for (int later = 0; later < 2; later++) {
		int ends[2], ready[2], status;
		pid_t pid;

		need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
			pipe(ready) == 0,
		    "pipes");
		pid = fork();
		need(pid != -1, "fork");
		if (pid == 0 && later)
			be_terminated_later(ends[0], ready[1]);
		else if (pid == 0)
			be_terminated(ends[0], ready[1]);
		need(read(ready[0], (char[1]){ 0 }, 1) == 1, "read");
		if (later)
			(void)kill(pid, SIGTERM);
		need(waitpid(pid, &status, 0) == pid, "waitpid");
		is(status, 0, "SIGTERM %s a wait ends it",
		    later ? "in" : "before");
		for (int i = 0; i < 2; i++) {
			(void)close(ends[i]);
			(void)close(ready[i]);
		}
	}
}

enum { SIZE = 2 * 1000 * 1000 };

static char text[SIZE];

/* Reads in bits, now and then after a rest; the exit status tells. */
static _Noreturn void
slow_reader(int fd)
{
	static char got[20000];
	size_t at = 0;
	ssize_t n;

	(void)alarm(60);
	while ((n = read(fd, got, 1 + chance(sizeof(got)))) > 0) {
		if ((size_t)n > SIZE - at ||
		    memcmp(got, text + at, (size_t)n) != 0)
			_exit(1);
		at += (size_t)n;
		if (chance(60) == 0)
			clock_sleep_until(clock_ms() + 1 + (int64_t)chance(3));
	}
	_exit(n == 0 && at == SIZE ? 0 : 2);
}

static void
slow_client(void)
{
	int small = 4096, ends[2], status;
	pid_t pid;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
		setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small,
		    sizeof(small)) == 0 &&
		fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0,
	    "socketpair");
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)chance_word();
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0) {
		(void)close(ends[0]);
		slow_reader(ends[1]);
	}
	(void)close(ends[1]);
	check(io_write_all(ends[0], text, 0, 1000) == 0, "nothing");
	for (size_t at = 0; at < SIZE;) {
		size_t n = 1 + chance(200 * 1000);

		if (n > SIZE - at)
			n = SIZE - at;
		check(io_write_all(ends[0], text + at, n, 20000) == 0,
		    "%zu octets at %zu: %s", n, at, strerror(errno));
		at += n;
	}
	(void)point("2 MB to a slow reader");
	(void)close(ends[0]);
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "arrive whole");
}

static void
no_client(void)
{
	int64_t before;
	int ends[2], status;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0,
	    "socketpair");
	before = clock_ms();
	errno = 0;
	status = io_write_all(ends[0], text, SIZE, 50);
	ok(status == -1 && errno == ETIMEDOUT, "a reader that does not read");
	ok(clock_ms() - before >= 50 && clock_ms() - before < 10000,
	    "is given up after the time set");
	(void)close(ends[1]);
	(void)signal(SIGPIPE, SIG_IGN);
	errno = 0;
	ok(io_write_all(ends[0], text, SIZE, 50) == -1 && errno == EPIPE,
	    "a reader that is gone is an error");
	(void)close(ends[0]);
}

static void
files(void)
{
	static char back[5000];
	struct rlimit old, small;
	int fd = memfd_create("file", MFD_CLOEXEC);

	need(fd != -1, "memfd_create");
	check(io_pwrite(fd, text, 3000, 1000) == 0, "pwrite");
	check(io_pread(fd, back, 3000, 1000) == 3000 &&
		memcmp(back, text, 3000) == 0,
	    "pread");
	check(io_pread(fd, back, 1000, 0) == 1000 && back[999] == '\0',
	    "the hole before");
	check(io_pread(fd, back, sizeof(back), 0) == 4000, "the end");
	check(io_pread(fd, back, sizeof(back), 3990) == 10, "the last");
	check(io_pread(fd, back, sizeof(back), 4000) == 0, "behind");
	check(io_pread(fd, back, sizeof(back), 1 << 30) == 0, "far behind");
	check(io_pwrite(fd, text, 0, 0) == 0, "nothing");
	check(io_pread(fd, back, 0, 0) == 0, "nothing");
	errno = 0;
	check(io_pread(-1, back, 1, 0) == -1 && errno == EBADF, "fd -1");
	errno = 0;
	check(io_pwrite(-1, back, 1, 0) == -1 && errno == EBADF, "fd -1");
	errno = 0;
	check(io_pread(fd, back, 1, -1) == -1 && errno == EINVAL, "offset -1");
	(void)point("whole pieces of files are read and written");

	/* What is written in part by a limit is an error, and said to be. */
	need(getrlimit(RLIMIT_FSIZE, &old) == 0, "getrlimit");
	small = old;
	small.rlim_cur = 4500;
	(void)signal(SIGXFSZ, SIG_IGN);
	need(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	errno = 0;
	ok(io_pwrite(fd, text, 1000, 4000) == -1 && errno == EFBIG,
	    "a file that is full");
	need(setrlimit(RLIMIT_FSIZE, &old) == 0, "setrlimit");
	(void)close(fd);
}

int
main(void)
{
	chance_open();
	deadlines();
	beginnings();
	stopping();
	signals();
	slow_client();
	no_client();
	files();
	return done();
}
