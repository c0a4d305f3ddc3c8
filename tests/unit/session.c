/* SPDX-License-Identifier: ISC */
/*
 * How long a session takes its time for a client that never rests, or is slow; and
 * what it says of a message that it cannot read.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "clock.h"
#include "log.h"
#include "pop3.h"
#include "scratch.h"
#include "session.h"
#include "tap.h"

enum { LIMIT = 300, FOR_EVER = 60 * 1000 };

static struct session_settings set = {
	.host = "example.org",
	.hide_users = true,
	.login_delay = "0",
	.expire = "never",
	.login_tries = 3,
	.login_timeout = FOR_EVER,
	.idle_timeout = FOR_EVER,
	.write_timeout = FOR_EVER,
};

/* Starts a session that nobody can log in to.  Returns the client's end. */
static int
start(pid_t *pid)
{
	const struct registration reg = { .peer = "local" };
	int ends[2], small = 4096;

	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0 &&
		setsockopt(
		    ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0,
	    "a connection");
	*pid = fork();
	need(*pid != -1, "fork");
	if (*pid == 0) {
		(void)close(ends[1]);
		session_run(&set,
		    &(struct session_links){ ends[0], ends[0], -1, -1, -1 },
		    &reg);
		_exit(0);
	}
	(void)close(ends[0]);
	return ends[1];
}

static void
stop(int fd, pid_t pid)
{
	int status = -1;

	(void)close(fd);
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "it ends as it should");
}

/* Whether more can be read within so many milliseconds. */
static bool
hears(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* Commands, of which so many octets are a whole number. */
static void
fill(char *text, size_t len)
{
	for (size_t i = 0; i < len; i += 6)
		memcpy(text + i, "CAPA\r\n", 6);
}

static void
restless_client(void)
{
	static char text[6000], junk[64 * 1024];
	struct pollfd pfd = { .events = POLLIN | POLLOUT };
	int64_t started = clock_ms(), took = 0;
	ssize_t n = 1;
	pid_t pid;

	set.login_timeout = LIMIT;
	pfd.fd = start(&pid);
	fill(text, sizeof(text));
	while (n != 0 && took < FOR_EVER) {
		need(poll(&pfd, 1, FOR_EVER) == 1, "poll");
		/* More is always there than the session has read. */
		while (send(pfd.fd, text, sizeof(text), 0) > 0)
			;
		n = read(pfd.fd, junk, sizeof(junk));
		took = clock_ms() - started;
	}
	stop(pfd.fd, pid);
	ok(took >= LIMIT && took < FOR_EVER,
	    "P3-298 commands without a pause do not prolong the time for a "
	    "login: %jd ms",
	    (intmax_t)took);
	set.login_timeout = FOR_EVER;
}

enum { COMMANDS = 200 };

/*
 * The answers take longer than the client may be idle.  Returns how many there are,
 * and whether who has just got them is heard.
 */
static size_t
listen_slowly(bool *heard)
{
	static char got[256 * 1024];
	char burst[6 * COMMANDS];
	size_t len = 0, ends = 0;
	pid_t pid;
	int fd = start(&pid);

	fill(burst, sizeof(burst));
	need(send(fd, burst, sizeof(burst), 0) == sizeof(burst), "send");
	clock_sleep_until(clock_ms() + 2 * LIMIT);
	while (ends < COMMANDS && hears(fd, FOR_EVER)) {
		ssize_t n = read(fd, got + len, sizeof(got) - len);

		if (n <= 0)
			break;
		len += (size_t)n;
		ends = 0;
		for (size_t i = 5; i <= len; i++)
			ends += memcmp(got + i - 5, "\r\n.\r\n", 5) == 0;
	}
	(void)send(fd, "NOOP\r\n", 6, MSG_NOSIGNAL);
	*heard = hears(fd, FOR_EVER) && read(fd, got, sizeof(got)) > 0 &&
	    memcmp(got, "-ERR ", 5) == 0;
	stop(fd, pid);
	return ends;
}

/* Who is not scheduled is idle, too: one of some attempts must do. */
static void
slow_client(void)
{
	bool heard = false;
	size_t ends = 0;

	set.idle_timeout = LIMIT;
	for (int i = 0; i < 10 && !heard; i++)
		ends = listen_slowly(&heard);
	is(ends, COMMANDS, "all is answered");
	ok(heard, "P3-295 who has just got the answers is not idle");
	set.idle_timeout = FOR_EVER;
}

/* Opens a mailbox of one message, and puts others in the place of its files. */
static void
open_mailbox(struct mailbox *mb, int dir, int flags, const char *text)
{
	static const struct mailbox_settings as_it_is = { .unquote = false };
	struct mailbox_files files = { .index_fd = -1 };
	int other;

	scratch_file(dir, "mailbox",
	    "secret\nFrom a Thu Nov 20 18:27:05 2025\nA: b\n\nx\n\n");
	scratch_file(dir, "journal", "");
	scratch_file(dir, "other", text);
	files.fd = openat(dir, "mailbox", O_RDWR | O_CLOEXEC);
	files.journal_fd = openat(dir, "journal", O_RDWR | O_CLOEXEC);
	other = openat(dir, "other", flags | O_CLOEXEC);
	need(files.fd != -1 && files.journal_fd != -1 && other != -1, "open");
	need(mailbox_open(mb, &as_it_is, &files) == MAILBOX_OK, "mailbox");
	need(dup2(other, files.fd) == files.fd && close(other) == 0, "dup2");
}

/* What RETR 1 says. */
static const char *
retrieve(struct session *s)
{
	static char number[] = "1";
	char *arg[] = { number, NULL, NULL };
	const struct command *cmd = pop3.commands;

	s->set = &set;
	s->out.len = 0;
	while (strcmp(cmd->verb, "RETR") != 0)
		cmd++;
	is(cmd->run(s, arg), NEXT_STAY, "the session goes on");
	s->out.buf[s->out.len] = '\0';
	return s->out.buf;
}

static void
unreadable_message(int dir)
{
	static struct session s;

	open_mailbox(&s.mailbox, dir, O_RDONLY, "secret\n");
	is_str(retrieve(&s),
	    "-ERR [SYS/TEMP] the maildrop was changed by another program, "
	    "log in again\r\n",
	    "a message that is gone");
	ok(s.mailbox.distrusted, "and the index is not believed any more");
	mailbox_close(&s.mailbox);
	/* Reading fails where only writing is allowed. */
	open_mailbox(&s.mailbox, dir, O_WRONLY, "");
	is_str(retrieve(&s),
	    "-ERR [SYS/TEMP] the message cannot be read now\r\n",
	    "a disk that fails");
	ok(!s.mailbox.distrusted, "which is not the index's fault");
	mailbox_close(&s.mailbox);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_WARN);
	restless_client();
	slow_client();
	need(freopen("/dev/null", "w", stderr) != NULL, "stderr");
	unreadable_message(scratch_open());
	return done();
}
