/* SPDX-License-Identifier: ISC */
/* Clocks, signals through the self-pipe, and what ps shows. */

#include <sys/mman.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "clock.h"
#include "sig.h"
#include "tap.h"
#include "title.h"

static void
clocks(void)
{
	struct timespec ts;
	int64_t before = clock_ms(), last = before;
	uint64_t wall = clock_wall_ns();

	need(clock_gettime(CLOCK_REALTIME, &ts) == 0, "clock_gettime");
	ok((uint64_t)ts.tv_sec - wall / 1000000000 <= 1,
	    "the wall clock is the time of day, in nanoseconds");
	for (int i = 0; i < 100000; i++) {
		check(clock_ms() >= last, "it went back");
		last = clock_ms();
	}
	(void)point("the other clock does not go back");
	before = clock_ms();
	clock_sleep_until(before + 30);
	ok(clock_ms() - before >= 30, "a sleep lasts until its deadline");
	before = clock_ms();
	clock_sleep_until(before - 100000);
	clock_sleep_until(0);
	ok(clock_ms() - before < 5000, "one in the past does not");
}

static bool
readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static void
signals(void)
{
	int fd = sig_open();

	ok(!readable(fd) && !sig_child() && !sig_hangup() && sig_quit() == 0,
	    "nothing has happened yet");
	(void)raise(SIGCHLD);
	ok(readable(fd), "a signal makes the descriptor readable");
	sig_drain();
	ok(!readable(fd), "until it is drained");
	ok(sig_child() && !sig_child(), "it is told once");
	ok(!sig_hangup() && sig_quit() == 0, "and as nothing else");
	(void)raise(SIGHUP);
	ok(sig_hangup() && !sig_hangup() && !sig_child(), "SIGHUP is SIGHUP");
	(void)raise(SIGTERM);
	(void)raise(SIGINT);
	(void)raise(SIGTERM);
	is(sig_quit(), 3, "requests to end are counted");
	is(sig_quit(), 0, "once");
	/* More of them than the pipe holds. */
	for (int i = 0; i < 100000; i++)
		(void)raise(SIGCHLD);
	ok(sig_child() && readable(fd), "a flood of signals blocks nobody");
	sig_drain();
	ok(!readable(fd), "and is drained at once");
	(void)raise(SIGPIPE);
	ok(true, "SIGPIPE ends nobody");
	sig_ignore_quit();
	(void)raise(SIGTERM);
	(void)raise(SIGINT);
	(void)raise(SIGHUP);
	ok(sig_quit() == 0 && !sig_hangup() && !readable(fd),
	    "what is the master's business is ignored");
	(void)raise(SIGCHLD);
	ok(sig_child() && readable(fd), "but SIGCHLD");
	sig_drain();
}

/* A child whose files have come to stand where its parent had the pipe. */
static int
child(int most)
{
	int fd;

	for (fd = 3; fd <= most; fd++)
		(void)close(fd);
	do
		fd = memfd_create("mailbox", MFD_CLOEXEC);
	while (fd != -1 && fd < most);
	(void)raise(SIGCHLD);
	for (; fd >= 3; fd--)
		if (lseek(fd, 0, SEEK_END) != 0)
			return 1;
	return 0;
}

static void
children(void)
{
	int most = sig_open() + 1, status;
	pid_t pid = fork();

	need(pid != -1, "fork");
	if (pid == 0)
		_exit(child(most));
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "a child's signals are not noted in its files");
}

/* The command line as ps sees it: whole, its NULs as blanks at the end. */
static size_t
command_line(char *buf, size_t size)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, buf, size - 1);

	need(n != -1, "/proc/self/cmdline");
	(void)close(fd);
	buf[n] = '\0';
	return (size_t)n;
}

static void
titles(int argc, char **argv)
{
	static char line[4096], before[4096], want[4096];
	char *path = strdup(getenv("PATH") == NULL ? "" : getenv("PATH"));
	size_t room = command_line(before, sizeof(before)), environment = 0;

	for (size_t i = 0; environ[i] != NULL; i++)
		environment += strlen(environ[i]) + 1;
	need(path != NULL && setenv("TAP_TITLE", "here", 1) == 0, "setenv");
	title_set("too early");
	(void)command_line(line, sizeof(line));
	is_str(line, before, "before title_init() nothing is shown");

	title_init(argc, argv);
	title_set("session %s %s", "alice", "192.0.2.7");
	(void)command_line(line, sizeof(line));
	is_str(line, "restante: session alice 192.0.2.7", "a title is shown");
	title_set("listener");
	(void)command_line(line, sizeof(line));
	is_str(line, "restante: listener", "a shorter one replaces it whole");
	title_set("%s", "%s%n");
	(void)command_line(line, sizeof(line));
	is_str(line, "restante: %s%n", "it is text, not a format");
	memset(want, 'x', sizeof(want) - 1);
	title_set("%s", want);
	(void)command_line(line, sizeof(line));
	check(strlen(line) < 200 && strlen(line) <= room + environment,
	    "%zu octets", strlen(line));
	(void)point("a long one is cut");
	is_str(getenv("PATH") == NULL ? "" : getenv("PATH"), path,
	    "the environment is still there");
	is_str(getenv("TAP_TITLE"), "here", "with what was added to it");
	free(path);
}

int
main(int argc, char **argv)
{
	clocks();
	signals();
	children();
	titles(argc, argv);
	return done();
}
