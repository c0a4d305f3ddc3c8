/* SPDX-License-Identifier: ISC */
/*
 * What a session does before its client's first octet: it registers, if there is
 * one, and it can do so no more.
 */

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>

#include "clock.h"
#include "log.h"
#include "tap.h"
#include "threshold.h"

enum { SOON = 300, LATE = 60 * 1000 };

static const char said[] = "USER alice\r\n";
static const struct registration reg = {
	.serial = 4711,
	.protocol = PROTOCOL_POP1,
	.protected = 1,
	.peer = "192.0.2.1",
	.stamp = "<1.2@example.org>",
};

/* The client's end and the keeper's, and what the session has. */
struct trial {
	int client, keeper, called;
	struct session_links links;
	pid_t pid;
};

static void
begin(struct trial *t)
{
	int connection[2], line[2], call[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, connection) == 0 &&
		channel_pair(line) == 0 && pipe(call) == 0,
	    "sockets");
	t->client = connection[0];
	t->keeper = line[0];
	t->called = call[0];
	t->links = (struct session_links){ connection[1], connection[1],
		line[1], call[1], -1 };
}

/* What holds behind the threshold, whoever came to it. */
static void
look_back(const struct session_links *links)
{
	struct rlimit processes, files;

	if (fcntl(links->keeper, F_GETFD) != -1 ||
	    fcntl(links->call, F_GETFD) != -1)
		_exit(10);
	if (getrlimit(RLIMIT_NPROC, &processes) == -1 ||
	    getrlimit(RLIMIT_NOFILE, &files) == -1 || processes.rlim_max != 0 ||
	    files.rlim_max > 100)
		_exit(11);
}

/* A session: status 0 with an attendant, 1 without. */
static _Noreturn void
cross(const struct trial *t, int64_t patience, size_t octets)
{
	struct request req = { .kind = REQUEST_USER, .name = "alice" };
	char got[sizeof(said)];
	int channel;

	(void)close(t->client);
	(void)close(t->keeper);
	(void)close(t->called);
	(void)alarm(60);
	channel = threshold_cross(&t->links, &reg, clock_ms() + patience);
	look_back(&t->links);
	/* Nothing that the client has said is missing. */
	if (octets > 0 &&
	    (read(t->links.in, got, sizeof(got)) != (ssize_t)octets ||
		memcmp(got, said, octets) != 0))
		_exit(12);
	if (channel == -1)
		_exit(1);
	_exit(channel_ask(channel, &req) == 0 ? 0 : 13);
}

static void
start(struct trial *t, int64_t patience, size_t octets)
{
	t->pid = fork();
	need(t->pid != -1, "fork");
	if (t->pid == 0)
		cross(t, patience, octets);
	(void)close(t->links.in);
	(void)close(t->links.keeper);
	(void)close(t->links.call);
}

static int
end(struct trial *t)
{
	int status;

	need(waitpid(t->pid, &status, 0) == t->pid, "waitpid");
	if (t->client != -1)
		(void)close(t->client);
	if (t->keeper != -1)
		(void)close(t->keeper);
	if (t->called != -1)
		(void)close(t->called);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void
speak(const struct trial *t)
{
	need(write(t->client, said, sizeof(said) - 1) == sizeof(said) - 1,
	    "write");
}

/* Takes what comes next to where registrations are taken. */
static int
take(const struct trial *t, struct registration *got, int *channel)
{
	struct pollfd pfd = { .fd = t->keeper, .events = POLLIN };

	need(poll(&pfd, 1, 60000) == 1, "poll");
	return channel_registered(t->keeper, got, channel);
}

/* Whether the registration comes, and the request by its channel. */
static bool
is_registered(const struct trial *t)
{
	struct registration got;
	struct request req;
	int channel;
	bool right;

	if (take(t, &got, &channel) == -1)
		return false;
	right = memcmp(&got, &reg, sizeof(reg)) == 0 &&
	    channel_asked(channel, &req) == 0 && req.kind == REQUEST_USER &&
	    strcmp(req.name, "alice") == 0;
	(void)close(channel);
	return right;
}

/* Whether nobody has registered, and nobody can any more. */
static bool
is_over(const struct trial *t)
{
	struct registration got;
	int channel;

	return take(t, &got, &channel) == -1 && errno == EPIPE;
}

static void
clients(void)
{
	struct trial t;

	begin(&t);
	speak(&t);
	start(&t, LATE, sizeof(said) - 1);
	ok(is_registered(&t),
	    "a client that has spoken: its session registers");
	ok(is_over(&t), "once");
	is(end(&t), 0, "and has an attendant");

	begin(&t);
	start(&t, LATE, 0);
	ok(is_over(&t), "a silent client: nobody registers");
	is(end(&t), 1, "and there is no attendant");

	begin(&t);
	(void)close(t.client);
	t.client = -1;
	start(&t, LATE, 0);
	ok(is_over(&t), "a client that has left: nobody registers");
	is(end(&t), 1, "and there is no attendant");

	begin(&t);
	speak(&t);
	need(shutdown(t.client, SHUT_WR) == 0, "shutdown");
	start(&t, LATE, sizeof(said) - 1);
	ok(is_registered(&t),
	    "a client that has said all: its session registers");
	is(end(&t), 0, "and has an attendant");
}

/* Fills the keeper's queue.  Returns how many packets are in it. */
static int
fill(const struct trial *t)
{
	struct registration junk = { .serial = 1 };
	int n = 0;

	while (channel_register(t->links.keeper, &junk, STDIN_FILENO) == 0)
		n++;
	need(errno == EAGAIN, "a full queue");
	return n;
}

static void
keepers(void)
{
	struct registration junk;
	struct trial t;
	int channel, n;

	begin(&t);
	speak(&t);
	(void)close(t.keeper);
	t.keeper = -1;
	start(&t, LATE, sizeof(said) - 1);
	is(end(&t), 1, "keeper and attendants are gone: no attendant");

	begin(&t);
	speak(&t);
	(void)close(t.called);
	t.called = -1;
	start(&t, LATE, sizeof(said) - 1);
	ok(is_over(&t), "a keeper that is gone: nobody registers");
	is(end(&t), 1, "though attendants are at work");

	begin(&t);
	speak(&t);
	n = fill(&t);
	start(&t, LATE, sizeof(said) - 1);
	/* It has tried before there is room. */
	clock_sleep_until(clock_ms() + SOON);
	while (n-- > 0) {
		check(take(&t, &junk, &channel) == 0 && junk.serial == 1,
		    "what was in the queue");
		(void)close(channel);
	}
	check(is_registered(&t), "the last");
	is(end(&t), 0, "a keeper that is behind is waited for");

	begin(&t);
	speak(&t);
	(void)fill(&t);
	start(&t, SOON, sizeof(said) - 1);
	is(end(&t), 1, "but not for ever");
}

/* Whoever does not wait any more keeps no place at the keeper's. */
static void
impatient_client(void)
{
	int64_t begun = clock_ms();
	struct trial t;

	begin(&t);
	speak(&t);
	(void)fill(&t);
	start(&t, LATE, sizeof(said) - 1);
	clock_sleep_until(clock_ms() + SOON);
	(void)close(t.client);
	t.client = -1;
	is(end(&t), 1, "a client that leaves meanwhile: no attendant");
	ok(clock_ms() - begun < LATE, "and nobody waits");
}

/* Started by inetd it has an attendant of its own. */
static void
without_keeper(void)
{
	struct trial t;
	int line[2], status;
	pid_t pid;

	begin(&t);
	need(channel_pair(line) == 0, "channel_pair");
	pid = fork();
	need(pid != -1, "fork");
	if (pid == 0) {
		t.links.keeper = -1;
		t.links.channel = line[1];
		_exit(threshold_cross(&t.links, &reg, 0) == line[1] ? 0 : 1);
	}
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	is(status, 0, "without a keeper the channel is the one that it has");
}

int
main(void)
{
	/* What fails is said in the log, too. */
	log_set_level(LOG_LEVEL_ERROR);
	clients();
	keepers();
	impatient_client();
	without_keeper();
	return done();
}
