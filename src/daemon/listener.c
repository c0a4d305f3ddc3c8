/* SPDX-License-Identifier: ISC */
/* The accept loop.  Runs as: listener, and forks what runs as: session. */

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "confine.h"
#include "fds.h"
#include "io.h"
#include "roster.h"
#include "listener.h"
#include "log.h"
#include "sig.h"
#include "sockets.h"
#include "stamp.h"
#include "title.h"

enum {
	/* Milliseconds of rest when the system has no more to give. */
	REST_TIME = 100,
	/* Refusals of one kind are logged once in so many milliseconds. */
	BURST_TIME = 10 * 1000,
	/*
	 * For which notices and ends of sessions may gather, since none is
	 * urgent: a look at each would cost a login two switches of processes.
	 */
	GATHER_TIME = 5,
	NOTICES = 64,
};

/* Why there is no session for a connection, or none any more; or NONE. */
enum refusal { FULL, CROWD, MADE_WAY, NO_MEANS, NO_PROXY, REFUSALS, NONE };

static const struct {
	const char *why;   /* for the log */
	const char *words; /* for the client */
} refusals[REFUSALS] = {
	[FULL] = { "max-sessions", "too many sessions, try again later" },
	[CROWD] = { "max-per-address",
	    "too many connections from your address" },
	[MADE_WAY] = { "made-way",
	    "too many sessions, and nobody has logged in here" },
	[NO_MEANS] = { "no-means", "no session can be started now" },
	[NO_PROXY] = { "no-proxy", "this port is for the proxies" },
};

struct burst {
	int64_t end;       /* the next line of its kind is not sooner */
	unsigned int more; /* since the last line */
};

struct accepting {
	const struct listener *l;
	struct roster *roster;
	struct burst bursts[REFUSALS];
	int64_t gathered; /* when that is to be looked at which gathers */
};

struct client {
	int fd;
	struct address from;
	bool counted; /* by its address */
	uint64_t clock;
	struct registration reg;
};

/*
 * Says what bursts have come to: those that are due, or all.  Returns the
 * milliseconds to the next, or -1.
 */
static int
log_bursts(struct accepting *a, bool all)
{
	int64_t now = clock_ms();
	int next = -1, left;

	for (int i = 0; i < REFUSALS; i++) {
		struct burst *b = &a->bursts[i];

		if (b->more == 0)
			continue;
		if (all || b->end <= now) {
			log_warnx("refused: %u more, why=%s", b->more,
			    refusals[i].why);
			*b = (struct burst){ .end = now + BURST_TIME };
			continue;
		}
		left = (int)(b->end - now);
		if (next == -1 || left < next)
			next = left;
	}
	return next;
}

/* One line to a client that has no session, or loses it.  Never waits. */
static void
refuse(
    struct accepting *a, int fd, const struct address *from, enum refusal which)
{
	struct burst *b = &a->bursts[which];
	char line[REPLY_LINE], text[ADDRESS_TEXT];
	int n;

	if (clock_ms() < b->end) {
		b->more++;
	} else {
		address_text(from, text);
		log_warnx("refused: addr=%s why=%s", text, refusals[which].why);
		b->end = clock_ms() + BURST_TIME;
	}
	n = snprintf(line, sizeof(line), "-ERR [SYS/TEMP] %s\r\n",
	    refusals[which].words);
	(void)!write(fd, line, (size_t)n);
}

static _Noreturn void
become_session(const struct listener *l, struct client *c)
{
	const int keep[] = { c->fd, l->keeper_fd, l->call_fd };
	const struct session_links links = {
		.in = l->life_fd,
		.out = l->life_fd,
		.keeper = l->keeper_fd,
		.call = l->call_fd,
		.channel = -1,
	};

	if (fds_keep_only(keep, 3, l->life_fd) == -1)
		fatal("closing descriptors");
	io_set_stop(l->stop_fd);
	stamp_write(c->reg.stamp, getpid(), c->clock, l->set->host);
	session_run(l->set, &links, &c->reg);
	_exit(0);
}

/* Forks the session.  Returns 0 or -1. */
static int
start_session(struct accepting *a, struct client *c)
{
	pid_t pid;

	c->clock = stamp_clock();
	c->reg.serial = roster_next(a->roster);
	pid = fork();
	if (pid == 0)
		become_session(a->l, c);
	if (pid == -1) {
		log_warn("forking a session");
		return -1;
	}
	roster_add(a->roster, pid, &c->from, c->counted, c->fd);
	return 0;
}

static void
hang_up(
    struct accepting *a, int fd, const struct address *from, enum refusal which)
{
	refuse(a, fd, from, which);
	(void)shutdown(fd, SHUT_RDWR);
	(void)close(fd);
}

/* A proxy has said for whom it speaks: that is who counts. */
static void
recount(struct accepting *a, const struct notice *n)
{
	bool counted = !networks_have(a->l->trusted, &n->from);
	int fd = -1;

	if (counted &&
	    roster_count_from(a->roster, &n->from) >= a->l->max_per_address)
		fd = roster_dismiss(a->roster, n->serial);
	if (fd != -1)
		hang_up(a, fd, &n->from, CROWD);
	else
		roster_move(a->roster, n->serial, &n->from, counted);
}

static void
take_notices(struct accepting *a)
{
	struct notice n[NOTICES];
	size_t count;

	do {
		count = channel_noticed(a->l->notice_fd, n, NOTICES);
		for (size_t i = 0; i < count; i++)
			if (n[i].kind == NOTICE_LOGIN)
				roster_login(a->roster, n[i].serial);
			else if (n[i].kind == NOTICE_PEER)
				recount(a, &n[i]);
	} while (count == NOTICES);
}

/* One that was killed has not said how it ended. */
static void
reap(struct accepting *a)
{
	char text[ADDRESS_TEXT];
	struct address from;
	pid_t pid;
	int status;

	sig_drain_children(a->l->child_fd);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (roster_remove(a->roster, pid, &from) &&
		    WIFSIGNALED(status)) {
			address_text(&from, text);
			log_warnx("killed: addr=%s process=%ld signal=%d", text,
			    (long)pid, WTERMSIG(status));
		}
}

/* Learns what has become of the sessions. */
static void
catch_up(struct accepting *a)
{
	take_notices(a);
	reap(a);
	a->gathered = clock_ms() + GATHER_TIME;
}

/*
 * Ends the oldest connection that has not logged in, so that strangers who wait
 * for nothing keep nobody out: its session finds it closed.  Returns whether there
 * was one.  Behind catch_up(): whoever has just logged in is not taken for one.
 */
static bool
make_way(struct accepting *a)
{
	struct address from;
	int fd = roster_evict(a->roster, &from);

	if (fd == -1)
		return false;
	hang_up(a, fd, &from, MADE_WAY);
	return true;
}

/* Whether too many have come from where it comes from. */
static bool
is_crowd(const struct accepting *a, const struct client *c)
{
	return c->counted &&
	    roster_count_from(a->roster, &c->from) >= a->l->max_per_address;
}

static bool
is_full(const struct accepting *a)
{
	return roster_is_full(a->roster) ||
	    roster_count(a->roster) >= a->l->max_sessions;
}

/* Why there is no place for the client, or NONE. */
static enum refusal
find_place(struct accepting *a, const struct client *c)
{
	if (c->reg.proxied && !networks_have(a->l->proxies, &c->from))
		return NO_PROXY;
	/* Not because of sessions that have ended. */
	if (is_crowd(a, c) || is_full(a))
		catch_up(a);
	if (is_crowd(a, c))
		return CROWD;
	if (!is_full(a) || (!roster_is_full(a->roster) && make_way(a)))
		return NONE;
	return FULL;
}

/* Takes one connection, if there is one.  Returns whether the means run out. */
static bool
take(struct accepting *a, const struct listening *from)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct client c = { .reg.protocol = from->line.protocol,
		.reg.protected = from->line.tls,
		.reg.proxied = from->line.proxy };
	enum refusal why;

	c.fd = accept4(from->fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c.fd == -1) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
		    errno != ENOMEM)
			return false;
		log_warn("accept");
		return true;
	}
	/* A proxy does not count, but for whom it will speak. */
	c.counted = address_of(&ss, &c.from) == 0 && !from->line.proxy &&
	    !networks_have(a->l->trusted, &c.from);
	address_text(&c.from, c.reg.peer);
	why = find_place(a, &c);
	if (why == NONE && start_session(a, &c) == -1)
		why = NO_MEANS;
	/* The table has the descriptor then. */
	if (why == NONE)
		return false;
	refuse(a, c.fd, &c.from, why);
	(void)close(c.fd);
	return why == NO_MEANS;
}

/*
 * Takes one connection from each socket that has one.  Returns whether the system
 * needs a rest: where its means run out, one makes way.
 */
static bool
take_all(struct accepting *a, const struct pollfd *pfd)
{
	for (size_t i = 0; i < a->l->count; i++)
		if (pfd[i].revents != 0 && take(a, &a->l->sockets[i])) {
			catch_up(a);
			(void)make_way(a);
			return true;
		}
	return false;
}

enum { CHILD, NOTICE, LIFE, KEEPER, SOCKETS };

/*
 * Sets whether what gathers is waited for.  Returns how long to wait at all, or
 * -1.
 */
static int
patience(struct accepting *a, struct pollfd *pfd)
{
	int next = log_bursts(a, false);
	int64_t left = a->gathered - clock_ms();

	pfd[CHILD].events = pfd[NOTICE].events = left > 0 ? 0 : POLLIN;
	return left > 0 && (next == -1 || left < next) ? (int)left : next;
}

/* Hears all but the clients. */
static void
hear(struct accepting *a, struct pollfd *pfd)
{
	if (pfd[CHILD].revents != 0 || pfd[NOTICE].revents != 0)
		catch_up(a);
	if (pfd[NOTICE].revents & ~POLLIN)
		pfd[NOTICE].fd = -1; /* nobody is left to write one */
	/* It gets a successor, for whom clients wait where they are. */
	if (pfd[KEEPER].revents != 0)
		pfd[KEEPER].fd = -1;
}

/* Until there are to be no more connections. */
static void
serve(struct accepting *a, struct pollfd *pfd)
{
	bool rest = false;
	int wait;

	for (;;) {
		wait = patience(a, pfd);
		if (poll(pfd, rest ? SOCKETS : SOCKETS + a->l->count,
			rest ? REST_TIME : wait) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (pfd[LIFE].revents != 0)
			return;
		hear(a, pfd);
		/* During a rest the sockets were not asked. */
		rest = !rest &&
		    (pfd[KEEPER].fd == -1 || take_all(a, pfd + SOCKETS));
	}
}

void
listener_run(const struct listener *l)
{
	struct pollfd pfd[SOCKETS_MAX + SOCKETS];
	struct accepting a = {
		.l = l,
		.roster = roster_new(l->max_sessions + LISTENER_LEAVING),
	};

	if (a.roster == NULL)
		fatal("the table of sessions");
	title_set("listener");
	pfd[CHILD] = (struct pollfd){ .fd = l->child_fd };
	pfd[LIFE] = (struct pollfd){ .fd = l->life_fd, .events = POLLIN };
	pfd[NOTICE] = (struct pollfd){ .fd = l->notice_fd };
	pfd[KEEPER] = (struct pollfd){ .fd = l->call_fd };
	for (size_t i = 0; i < l->count; i++)
		pfd[SOCKETS + i] = (struct pollfd){ .fd = l->sockets[i].fd,
			.events = POLLIN };
	sig_ignore_quit();
	serve(&a, pfd);
	/* Before life_fd: the master waits for it. */
	for (size_t i = 0; i < l->count; i++)
		(void)close(l->sockets[i].fd);
	(void)log_bursts(&a, true);
	roster_free(a.roster);
}
