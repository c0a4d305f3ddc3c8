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
	/*
	 * So many attendants stay.  Others end who have waited for so many
	 * milliseconds, or have done their work and find so many idle.
	 */
	IDLE_FEW = 16,
	IDLE_TIME = 2000,
	IDLE_MOST = 64,
	/* What may be wrong with one unseen is not for long. */
	CONVERSATIONS = 100,
	/* Milliseconds after which what did not work is tried again. */
	REST_TIME = 100,
	/* The exit status of an attendant who could not wait for a session. */
	CANNOT_WAIT = 2,
};

struct keeper {
	const struct attendant_settings *set;
	const struct keeper_links *links;
	struct pool pool;
	pid_t *attendants; /* by their place in the pool; 0: it is free */
	bool doubt;    /* somebody died who may have been woken for a session */
	int64_t again; /* before that time no attendant is forked */
};

static _Noreturn void
cannot_wait(void)
{
	log_warn("waiting for sessions");
	_exit(CANNOT_WAIT);
}

/* Of all who have joined one is woken for a session. */
static void
join(const struct keeper *k, int watch)
{
	struct epoll_event session = { .events = EPOLLIN | EPOLLEXCLUSIVE };

	if (epoll_ctl(
		watch, EPOLL_CTL_ADD, k->links->registrations, &session) == -1)
		cannot_wait();
}

static void
leave(const struct keeper *k, int watch)
{
	if (epoll_ctl(watch, EPOLL_CTL_DEL, k->links->registrations, NULL) ==
	    -1)
		cannot_wait();
}

static int
open_watch(const struct keeper *k, int place)
{
	/* Of this pipe it tells that there is no keeper any more. */
	struct epoll_event end = { .events = 0 };
	int watch = epoll_create1(EPOLL_CLOEXEC);

	if (watch == -1 ||
	    epoll_ctl(watch, EPOLL_CTL_ADD, k->links->call, &end) == -1)
		cannot_wait();
	if (place < IDLE_FEW)
		join(k, watch);
	return watch;
}

/*
 * Waits for a session.  Returns whether there is one; if not, the attendant has
 * waited for too long, or is told to end, or there will be no more sessions.
 */
static bool
await_session(const struct keeper *k, int place, int watch,
    struct registration *reg, int *channel)
{
	int n, patience = place < IDLE_FEW ? -1 : IDLE_TIME;
	struct epoll_event e;

	for (;;) {
		n = epoll_pwait(watch, &e, 1, patience, sig_wait_mask());
		if (n == -1 && errno != EINTR)
			cannot_wait();
		if (sig_terminating())
			return false;
		if (n == 0 && pool_idle(&k->pool, place) > 0)
			return false;
		if (n < 1)
			continue;
		if (channel_registered(k->links->registrations, reg, channel) ==
		    0)
			return true;
		if (errno == EPROTO)
			log_warn("taking a registration");
		else if (errno != EAGAIN || e.events != EPOLLIN)
			return false;
	}
}

/*
 * The same.  The few who stay are always there to be woken, and passed by while they
 * are at work; if many were, it would cost each session that registers.
 */
static bool
take_session(const struct keeper *k, int place, int watch,
    struct registration *reg, int *channel)
{
	bool taken;

	if (place >= IDLE_FEW)
		join(k, watch);
	taken = await_session(k, place, watch, reg, channel);
	if (place >= IDLE_FEW)
		leave(k, watch);
	return taken;
}

static bool
is_surplus(const struct keeper *k, int place)
{
	return place >= IDLE_FEW && pool_idle(&k->pool, place) >= IDLE_MOST;
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
	bool taken, came_in = true;
	int channel, watch;

	if (fds_keep_only(keep, 2, keep[0]) == -1)
		cannot_wait();
	watch = open_watch(k, place);
	for (int i = 0; i < CONVERSATIONS && came_in && !is_surplus(k, place);
	     i++) {
		title_set("idle attendant");
		pool_set_idle(&k->pool, place, true);
		taken = take_session(k, place, watch, &reg, &channel);
		pool_set_idle(&k->pool, place, false);
		if (!taken)
			break;
		/* Where the pipe is full the keeper has been called. */
		if (pool_idle(&k->pool, POOL_NONE) == 0)
			(void)!write(k->links->call, "", 1);
		came_in = attendant_run(k->set, channel, &reg);
		(void)close(channel);
	}
	_exit(0);
}

/* 0, or -1 with errno set: EUSERS when there is no place. */
static int
fork_attendant(struct keeper *k)
{
	int place = pool_add(&k->pool);
	pid_t pid;

	if (place == POOL_NONE) {
		errno = EUSERS;
		return -1;
	}
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
	int saved = errno;
	char octet;
	ssize_t n = recv(
	    k->links->registrations, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	errno = saved;
	return n > 0;
}

/* Those who wait are told that there is no attendant. */
static void
turn_away(struct keeper *k)
{
	struct registration reg;
	int channel;

	for (uint32_t i = 0; i < k->pool.most &&
	     channel_registered(k->links->registrations, &reg, &channel) == 0;
	     i++)
		(void)close(channel);
}

/*
 * Sees to it that an attendant is idle.  Returns for how many milliseconds nothing
 * more can be done about it, or -1: as long as nobody calls.
 */
static int
refill(struct keeper *k)
{
	bool enough = pool_idle(&k->pool, POOL_NONE) > 0;
	int64_t left = k->again - clock_ms();

	if (enough && k->doubt)
		enough = !somebody_waits(k);
	k->doubt = k->doubt && !enough;
	if (enough)
		return -1;
	if (left > 0)
		return (int)left;
	if (fork_attendant(k) == 0) {
		k->doubt = false;
		return -1;
	}
	if (somebody_waits(k)) {
		if (errno == EUSERS)
			log_warnx("too many logins at once");
		else
			log_warn("forking an attendant");
		if (pool_idle(&k->pool, POOL_NONE) == 0)
			turn_away(k);
	}
	k->again = clock_ms() + REST_TIME;
	return REST_TIME;
}

/* Returns the place of the attendant, or POOL_NONE. */
static int
find_place(const struct keeper *k, pid_t pid)
{
	for (uint32_t i = 0; i < k->pool.most; i++)
		if (k->attendants[i] == pid)
			return (int)i;
	return POOL_NONE;
}

static void
reap(struct keeper *k)
{
	int place, status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		place = find_place(k, pid);
		if (place == POOL_NONE)
			continue;
		k->attendants[place] = 0;
		pool_remove(&k->pool, place);
		k->doubt = true;
		/* The next one would fare no better at once. */
		if (status != 0)
			k->again = clock_ms() + REST_TIME;
		if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_WAIT &&
		    pool_idle(&k->pool, POOL_NONE) == 0)
			turn_away(k);
	}
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
