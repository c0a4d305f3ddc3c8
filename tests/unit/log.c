/* SPDX-License-Identifier: ISC */
/*
 * The log: one line for each message, whatever is in it and whoever wrote it.
 */

#include <sys/mman.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "chance.h"
#include "clock.h"
#include "log.h"
#include "tap.h"

/* Where the standard error stream goes meanwhile, and where it was. */
static int file_fd = -1, stderr_fd = -1;

/* What has been logged since the last call. */
static const char *
logged(void)
{
	static char text[2 * 1024 * 1024];
	ssize_t n;

	(void)fflush(stderr);
	n = pread(file_fd, text, sizeof(text) - 1, 0);
	need(n != -1 && ftruncate(file_fd, 0) == 0, "reading the log");
	text[n] = '\0';
	return strlen(text) == (size_t)n ? text : "a NUL";
}

/* The text as it should be: printable ASCII is itself. */
static void
slow_escape(const char *text, char *out)
{
	for (; *text != '\0'; text++)
		if (*text >= ' ' && *text <= '~')
			*out++ = *text;
		else
			out += sprintf(out, "\\x%02x", (unsigned char)*text);
	*out = '\0';
}

static void
octets(void)
{
	char text[4], clean[32], want[64];

	for (int c = 1; c < 256; c++) {
		text[0] = 'a';
		text[1] = (char)c;
		text[2] = 'b';
		text[3] = '\0';
		slow_escape(text, clean);
		(void)snprintf(want, sizeof(want), "restante: %s\n", clean);
		log_info("%s", text);
		check(strcmp(logged(), want) == 0, "octet %d", c);
	}
	(void)point("every octet that is not printable ASCII is escaped");
}

/* A whole line, whose escapes are whole, behind start. */
static bool
is_clean(const char *line, const char *start)
{
	size_t len = strlen(line);

	if (len == 0 || line[len - 1] != '\n' ||
	    strncmp(line, start, strlen(start)) != 0)
		return false;
	for (const char *p = line; p < line + len - 1; p++) {
		if (*p < ' ' || *p > '~')
			return false;
		if (p[0] == '\\' && p[1] == 'x' &&
		    (p + 4 > line + len - 1 ||
			strspn(p + 2, "0123456789abcdef") < 2))
			return false;
	}
	return true;
}

static void
lengths(void)
{
	static char text[4000];
	size_t longest = 0;

	for (size_t len = 0; len < sizeof(text); len += 1 + len / 200)
		for (int kind = 0; kind < 3; kind++) {
			const char *line;

			for (size_t i = 0; i < len; i++)
				text[i] =
				    "x\xff"[kind == 2 ? i % 2 : (size_t)kind];
			text[len] = '\0';
			log_info("%s", text);
			line = logged();
			check(is_clean(line, "restante: "), "%zu octets", len);
			if (strlen(line) > longest)
				longest = strlen(line);
			errno = ENOENT;
			log_warn("%s", text);
			check(is_clean(logged(), "restante: "), "%zu octets",
			    len);
		}
	check(longest <= PIPE_BUF, "%zu octets", longest);
	(void)point("messages of every length are one line");
}

static void
forms(void)
{
	errno = ENOENT;
	log_warn("opening %s", "x");
	is(errno, ENOENT, "errno is kept");
	is_str(logged(), "restante: opening x: No such file or directory\n",
	    "log_warn() says what errno means");
	log_warnx("no %s", "x");
	is_str(logged(), "restante: no x\n", "log_warnx() does not");
	log_set_level(LOG_LEVEL_WARN);
	log_info("no");
	is_str(logged(), "", "what is below the level is not said");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("no");
	log_info("no");
	is_str(logged(), "", "nor anything below the least level");
	log_set_level(LOG_LEVEL_DEBUG);
	log_info("yes");
	is_str(logged(), "restante: yes\n", "all of it at the highest");
	log_set_level(LOG_LEVEL_INFO);
}

static void
deaths(void)
{
	for (int x = 0; x < 2; x++) {
		int status = 0;
		pid_t pid = fork();

		need(pid != -1, "fork");
		if (pid == 0) {
			errno = EACCES;
			if (x)
				fatalx("the end of %s", "all");
			fatal("the end of %s", "all");
		}
		need(waitpid(pid, &status, 0) == pid, "waitpid");
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
		    "fatal%s() ends the process with status 1", x ? "x" : "");
		is_str(logged(),
		    x ? "restante: the end of all\n"
		      : "restante: the end of all: Permission denied\n",
		    "and says so");
	}
}

static void
relay(void)
{
	char text[4], clean[32], want[64];
	int ends[2];

	need(log_pipe(ends) == 0, "log_pipe");
	ok(fcntl(ends[0], F_GETFD) == FD_CLOEXEC &&
		fcntl(ends[1], F_GETFD) == FD_CLOEXEC,
	    "a pipe that no program inherits");
	is(log_relay(ends[0], "part"), 0, "an empty pipe is no end");
	log_to_pipe(ends[1]);
	for (int c = 1; c < 256; c++) {
		text[0] = (char)c;
		text[1] = '1';
		text[2] = '\0';
		slow_escape(text, clean);
		(void)snprintf(
		    want, sizeof(want), "restante: part: %s\n", clean);
		log_info("%s", text);
		check(logged()[0] == '\0', "it was said already");
		log_to_stderr();
		check(log_relay(ends[0], "part") == 1, "relay");
		check(strcmp(logged(), want) == 0, "octet %d", c);
		log_to_pipe(ends[1]);
	}
	(void)point("what goes through the pipe is escaped once");

	log_info("one");
	log_info("two");
	errno = EPERM;
	log_warn("three");
	log_to_stderr();
	check(log_relay(ends[0], "part") == 3, "relay");
	is_str(logged(),
	    "restante: part: one\nrestante: part: two\n"
	    "restante: part: three: Operation not permitted\n",
	    "several messages are several lines");

	log_to_pipe(ends[1]);
	log_info("no");
	log_warn("yes");
	log_to_stderr();
	log_set_level(LOG_LEVEL_WARN);
	check(log_relay(ends[0], "part") == 2, "relay");
	log_set_level(LOG_LEVEL_INFO);
	is_str(logged(), "restante: part: yes: Operation not permitted\n",
	    "the level goes with the message");

	(void)close(ends[1]);
	is(log_relay(ends[0], "part"), -1, "the end of the pipe");
	(void)close(ends[0]);
}

/* A pipe that nobody empties. */
static void
full_pipe(void)
{
	int64_t before = clock_ms();
	int ends[2];

	need(log_pipe(ends) == 0, "log_pipe");
	log_to_pipe(ends[1]);
	errno = ENOTTY;
	for (int i = 0; i < 20000; i++)
		log_info("message %d", i);
	ok(errno == ENOTTY && clock_ms() - before < 20000,
	    "a full pipe keeps nobody waiting");
	log_to_stderr();
	(void)close(ends[0]);
	(void)close(ends[1]);
	check(logged()[0] == '\0', "something was said");
}

/* Many sessions that end at once, while the master is busy. */
static void
burst(void)
{
	enum { LINES = 2 * LOG_RELAY_MOST };
	int ends[2], lines = 0, room;
	const char *text;

	need(pipe(ends) == 0, "pipe");
	room = fcntl(ends[0], F_SETPIPE_SZ, LINES * 4096);
	(void)close(ends[0]);
	(void)close(ends[1]);
	need(log_pipe(ends) == 0, "log_pipe");
	if (room == -1) {
		is(log_widen(ends[0]), -1, "an account with too many pipes");
	} else {
		is(log_widen(ends[0]), 0, "a wider pipe");
		log_to_pipe(ends[1]);
		for (int i = 0; i < LINES; i++)
			log_info("line %d", i);
		log_to_stderr();
		for (int i = 0; i < 2; i++)
			check(log_relay(ends[0], "session") == LOG_RELAY_MOST,
			    "relay");
		text = logged();
		for (const char *lf = text; (lf = strchr(lf, '\n')); lf++)
			lines++;
		is(lines, LINES, "a burst of lines, and none is lost");
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* A session that is not a session any more writes what it wants. */
static void
noise(void)
{
	int ends[2];

	need(log_pipe(ends) == 0, "log_pipe");
	for (int round = 0; round < 5000; round++) {
		char octets[PIPE_BUF];
		size_t len = 1 + chance(chance(4) ? 30 : sizeof(octets));
		const char *line;

		for (size_t i = 0; i < len; i++)
			octets[i] = chance(3) ? (char)chance_word()
					      : chance_of("0123\n\0", 6);
		octets[0] = chance_of("01244\n\0\xff", 8);
		need(write(ends[1], octets, len) == (ssize_t)len, "write");
		check(log_relay(ends[0], "session") == 1, "relay");
		line = logged();
		check((octets[0] == '3' && line[0] == '\0') ||
			is_clean(line, "restante: session: "),
		    "\"%s\"", line);
	}
	(void)point("noise becomes one clean line under the pipe's name");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* A session that does not stop writing must not have the master to itself. */
static void
flood(void)
{
	int ends[2], status;
	pid_t pid;

	need(log_pipe(ends) == 0, "log_pipe");
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0) {
		(void)close(ends[0]);
		(void)alarm(20);
		for (;;)
			(void)!write(ends[1], "4flood", 6);
	}
	for (int i = 0; i < 20; i++)
		check(log_relay(ends[0], "session") >= 0, "relay");
	(void)kill(pid, SIGKILL);
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "it ended before: status %x", (unsigned int)status);
	(void)point("log_relay() comes back although there is always more");
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)logged();
}

int
main(void)
{
	chance_open();
	file_fd = memfd_create("log", MFD_CLOEXEC);
	stderr_fd = dup(STDERR_FILENO);
	need(file_fd != -1 && stderr_fd != -1 &&
		fcntl(file_fd, F_SETFL, O_APPEND) == 0 &&
		dup2(file_fd, STDERR_FILENO) != -1,
	    "the standard error stream");
	octets();
	lengths();
	forms();
	deaths();
	relay();
	full_pipe();
	burst();
	noise();
	flood();
	(void)dup2(stderr_fd, STDERR_FILENO);
	return done();
}
