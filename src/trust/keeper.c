/* SPDX-License-Identifier: ISC */
/* Sees to it that an attendant is idle.  Runs as: keeper, attendant. */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "keeper.h"
#include "log.h"
#include "mem.h"
#include "pool.h"
#include "sig.h"
#include "title.h"

enum {
	/* So many attendants stay; others end who wait for so many milliseconds. */
	IDLE_FEW = 16,
	IDLE_TIME = 2000,
	/* What may be wrong with one unseen is not for long. */
	CONVERSATIONS = 100,
	/* Milliseconds after which what did not work is tried again. */
	REST_TIME = 100,
};

struct keeper {
	const struct attendant_settings *set;
	const struct keeper_links *links;
	struct pool pool;
	pid_t *attendants; /* by their place in the pool; 0: it is free */
};

/* For a wait in which one attendant is woken for a session, not all. */
static int
open_watch(const struct keeper_links *links)
{
	struct epoll_event session = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	/* Of this pipe it tells that there is no keeper any more. */
	struct epoll_event end = { .events = 0 };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd != -1 &&
	    epoll_ctl(fd, EPOLL_CTL_ADD, links->registrations, &session) == 0 &&
	    epoll_ctl(fd, EPOLL_CTL_ADD, links->call, &end) == 0)
		return fd;
	log_warn("waiting for sessions");
	return -1;
}

/*
 * Waits for a session.  Returns 0, or -1: the attendant has waited for too long, or
 * is told to end, or there will be no more sessions.
 */
static int
take_session(const struct keeper *k, int place, int watch,
    struct registration *reg, int *channel)
{
	int n, patience = place < IDLE_FEW ? -1 : IDLE_TIME;
	struct epoll_event e;

	while (!sig_terminated()) {
		n = epoll_pwait(watch, &e, 1, patience, sig_wait_mask());
		if (n == -1 && errno != EINTR)
			return -1;
		if (n == 0 && pool_has_idle(&k->pool, place))
			return -1;
		if (n < 1)
			continue;
		if (channel_registered(k->links->registrations, reg, channel) ==
		    0)
			return 0;
		if (errno == EPROTO)
			log_warn("taking a registration");
		else if (errno != EAGAIN || e.events != EPOLLIN)
			return -1;
	}
	return -1;
}

/*
 * One conversation after the other, as long as each was with somebody who came in
 * at the first try, or asked for nothing.
 */
static _Noreturn void
become_attendant(struct keeper *k, int place)
{
	const int keep[] = { k->links->registrations, k->links->call };
	struct registration reg;
	bool came_in = true;
	int channel, watch;

	if (fds_keep_only(keep, 2, keep[0]) == -1)
		_exit(1);
	watch = open_watch(k->links);
	if (watch == -1) {
		/* The next one would try as soon as this has ended. */
		clock_sleep_until(clock_ms() + REST_TIME);
		_exit(1);
	}
	for (int i = 0; i < CONVERSATIONS && came_in; i++) {
		title_set("idle attendant");
		pool_set_idle(&k->pool, place, true);
		if (take_session(k, place, watch, &reg, &channel) == -1)
			break;
		pool_set_idle(&k->pool, place, false);
		/* Where the pipe is full the keeper has been called. */
		if (!pool_has_idle(&k->pool, POOL_NONE))
			(void)!write(k->links->call, "", 1);
		came_in = attendant_run(k->set, channel, &reg);
		(void)close(channel);
	}
	_exit(0);
}

/* 0, or -1 with errno set; where there is no place one will be idle some time. */
static int
fork_attendant(struct keeper *k)
{
	int place = pool_add(&k->pool);
	pid_t pid;

	if (place == POOL_NONE)
		return 0;
	pid = fork();
	if (pid == 0)
		become_attendant(k, place);
	if (pid == -1) {
		pool_remove(&k->pool, place);
		return -1;
	}
	k->attendants[place] = pid;
	return 0;
}

/* Whether a session has registered, and nobody has taken it. */
static bool
somebody_waits(const struct keeper *k)
{
	char octet;

	return recv(k->links->registrations, &octet, 1,
		   MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* No attendant could be forked: those who wait are told that there is none. */
static void
turn_away(struct keeper *k)
{
	struct registration reg;
	int channel, saved = errno;

	if (!somebody_waits(k))
		return;
	errno = saved;
	log_warn("forking an attendant");
	for (uint32_t i = 0; i < k->pool.most &&
	     channel_registered(k->links->registrations, &reg, &channel) == 0;
	     i++)
		(void)close(channel);
}

/*
 * Who takes a session finds another idle, or calls.  Returns for how many
 * milliseconds all is well, or -1.
 */
static int
refill(struct keeper *k)
{
	if (pool_has_idle(&k->pool, POOL_NONE) || fork_attendant(k) == 0)
		return -1;
	turn_away(k);
	return REST_TIME;
}

static void
reap(struct keeper *k)
{
	bool any = false;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (uint32_t i = 0; i < k->pool.most; i++)
			if (k->attendants[i] == pid) {
				k->attendants[i] = 0;
				pool_remove(&k->pool, (int)i);
				any = true;
			}
	/* Who has died may have been woken for a session, and nobody else. */
	if (any && somebody_waits(k) && fork_attendant(k) == -1)
		turn_away(k);
}

/* What the most expensive password line costs, while logins go on. */
static void
start_survey(const struct keeper *k)
{
	struct guard g;

	switch (fork()) {
	case -1:
		log_warn("forking a survey of the password lines");
		break;
	case 0:
		title_set("survey");
		if (fds_keep_only(NULL, 0, k->links->registrations) == -1)
			_exit(1);
		guard_open(&g, &k->set->guard, &k->set->users, "");
		guard_survey(&g, &k->set->users);
		_exit(0);
	default:
		break;
	}
}

void
keeper_run(const struct attendant_settings *set,
    const struct keeper_links *links, unsigned int most)
{
	struct keeper k = { .set = set, .links = links };
	enum { WAKE, CALL, REGISTRATIONS };
	struct pollfd pfd[] = {
		[WAKE] = { .fd = sig_open(), .events = POLLIN },
		[CALL] = { .fd = links->called, .events = POLLIN },
		/* For its end, which comes when nobody is left to register. */
		[REGISTRATIONS] = { .fd = links->registrations },
	};
	bool over = false;
	char junk[64];
	int patience;

	title_set("keeper");
	k.attendants = mem_own(most, sizeof(*k.attendants));
	if (k.attendants == NULL || pool_open(&k.pool, most) == -1)
		fatal("the table of attendants");
	sig_ignore_quit();
	start_survey(&k);
	/* When no more can register, those who have are still served. */
	while (!over || somebody_waits(&k)) {
		patience = refill(&k);
		if (poll(pfd, over ? REGISTRATIONS : REGISTRATIONS + 1,
			over ? REST_TIME : patience) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (pfd[CALL].revents != 0)
			(void)!read(links->called, junk, sizeof(junk));
		if (pfd[WAKE].revents != 0) {
			sig_drain();
			if (sig_child())
				reap(&k);
		}
		over = pfd[REGISTRATIONS].revents != 0;
	}
	mem_release(k.attendants, most, sizeof(*k.attendants));
	pool_close(&k.pool);
}
