/* SPDX-License-Identifier: ISC */
/* Forks attendants, and gives them work.  Runs as: keeper, attendant. */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "io.h"
#include "keeper.h"
#include "log.h"
#include "mem.h"
#include "sig.h"
#include "title.h"

/* A channel without an attendant yet. */
struct waiting {
	int channel; /* -1: the place is free */
	struct registration reg;
	uint32_t next_free;
};

struct attendant {
	int fd; /* sessions go there, and "done" comes back; -1: it is free */
	uint32_t next_free;
};

enum {
	/* So many attendants wait for a session; others end. */
	IDLE_MOST = 16,
	/* What may be wrong with one unseen is not for long. */
	CONVERSATIONS = 100,
	/* Milliseconds: a wait has an end, and is begun again. */
	PATIENCE = 3600 * 1000,
};

struct keeper {
	const struct attendant_settings *set;
	int fd;    /* of registrations; -1 when the listener is gone */
	int place; /* what fd was: where an attendant has its end */
	int epoll_fd;
	uint32_t most, waiting;
	struct waiting *places;
	uint32_t free;
	struct attendant *attendants;
	uint32_t free_attendant;
	uint32_t idle[IDLE_MOST], idle_count;
};

/* What epoll reports: a place, most and an attendant's number, or one of these. */
static const uint32_t none = UINT32_MAX;
static const uint32_t is_signal = UINT32_MAX - 1;
static const uint32_t is_listener = UINT32_MAX - 2;

static int
watch(const struct keeper *k, int fd, uint32_t what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(k->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static void
forget(struct keeper *k, uint32_t place)
{
	struct waiting *w = &k->places[place];

	/* An attendant may hold it: closing alone does not end the watch. */
	(void)epoll_ctl(k->epoll_fd, EPOLL_CTL_DEL, w->channel, NULL);
	(void)close(w->channel);
	w->channel = -1;
	w->next_free = k->free;
	k->free = place;
	k->waiting--;
}

static void
take_registration(struct keeper *k)
{
	struct registration reg;
	uint32_t place = k->free;
	int channel;

	if (channel_registered(k->fd, &reg, &channel) == -1) {
		if (errno == EPIPE) {
			/* As in forget(): closing does not end the watch. */
			(void)epoll_ctl(
			    k->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
			(void)close(k->fd);
			k->fd = -1;
		} else if (errno == EPROTO) {
			log_warn("taking a registration");
		} else {
			/* It would come again at once, for ever. */
			fatal("taking a registration");
		}
		return;
	}
	if (place == none || watch(k, channel, place) == -1) {
		log_warnx("too many connections for the keeper");
		(void)close(channel);
		return;
	}
	k->free = k->places[place].next_free;
	k->places[place].channel = channel;
	k->places[place].reg = reg;
	k->waiting++;
}

/* Waits for a session as long as it takes, but not against the word to end. */
static int
take_session(int fd, struct registration *reg, int *channel)
{
	while (io_wait(fd, POLLIN, clock_ms() + PATIENCE) == -1)
		if (errno != ETIMEDOUT)
			return -1;
	return channel_registered(fd, reg, channel);
}

/*
 * One conversation after the other, as long as each was with somebody who came in
 * at the first try.
 */
static _Noreturn void
become_attendant(const struct keeper *k, int fd)
{
	struct registration reg;
	bool came_in;
	int channel;

	sig_child_defaults();
	/* The channels of others must not outlive their ends in here. */
	fd = fds_keep_only(fd, k->place);
	for (int i = 1; fd != -1; i++) {
		title_set("idle attendant");
		if (take_session(fd, &reg, &channel) == -1)
			break;
		came_in = attendant_run(k->set, channel, &reg);
		(void)close(channel);
		/* Nothing goes with it: it says that this is done. */
		if (!came_in || i == CONVERSATIONS ||
		    channel_pass(fd, NULL, 0) == -1)
			break;
	}
	_exit(0);
}

/* Returns the number of a new attendant, or none. */
static uint32_t
fork_attendant(struct keeper *k)
{
	uint32_t number = k->free_attendant;
	int ends[2];
	pid_t pid;

	if (number == none) {
		log_warnx("too many logins at once");
		return none;
	}
	if (channel_pair(ends) == -1) {
		log_warn("making a channel");
		return none;
	}
	pid = fork();
	if (pid == 0)
		become_attendant(k, ends[1]);
	(void)close(ends[1]);
	if (pid == -1 || watch(k, ends[0], k->most + number) == -1) {
		log_warn("forking an attendant");
		(void)close(ends[0]);
		return none;
	}
	k->free_attendant = k->attendants[number].next_free;
	k->attendants[number].fd = ends[0];
	return number;
}

static int
give(const struct keeper *k, uint32_t number, const struct waiting *w)
{
	return channel_register(k->attendants[number].fd, &w->reg, w->channel);
}

/* An attendant is gone, or finds its end closed and goes. */
static void
let_go(struct keeper *k, uint32_t number)
{
	struct attendant *a = &k->attendants[number];

	for (uint32_t i = 0; i < k->idle_count; i++)
		if (k->idle[i] == number)
			k->idle[i] = k->idle[--k->idle_count];
	/* As in forget(): closing does not end the watch. */
	(void)epoll_ctl(k->epoll_fd, EPOLL_CTL_DEL, a->fd, NULL);
	(void)close(a->fd);
	a->fd = -1;
	a->next_free = k->free_attendant;
	k->free_attendant = number;
}

/* Gives a session to an attendant that is idle, or else to a new one. */
static void
find_attendant(struct keeper *k, const struct waiting *w)
{
	uint32_t number;

	/* Who takes nothing has died, and will be heard of, or is still idle. */
	for (uint32_t i = k->idle_count; i-- > 0;)
		if (give(k, k->idle[i], w) == 0) {
			k->idle[i] = k->idle[--k->idle_count];
			return;
		}
	number = fork_attendant(k);
	if (number != none && give(k, number, w) == -1) {
		log_warn("giving a session to an attendant");
		/* Nothing of it has been heard: no event still names it. */
		let_go(k, number);
	}
}

static void
take_request(struct keeper *k, uint32_t place)
{
	const struct waiting *w = &k->places[place];
	char octet;

	/* Else the session is gone without having asked. */
	if (recv(w->channel, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		find_attendant(k, w);
	forget(k, place);
}

/* An attendant is done, or gone. */
static void
hear_attendant(struct keeper *k, uint32_t number)
{
	if (channel_passed(k->attendants[number].fd, NULL, 0) == 0 &&
	    k->idle_count < IDLE_MOST)
		k->idle[k->idle_count++] = number;
	else
		let_go(k, number);
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
		sig_child_defaults();
		title_set("survey");
		guard_open(&g, &k->set->guard, &k->set->users, "");
		guard_survey(&g, &k->set->users);
		_exit(0);
	default:
		break;
	}
}

static void
reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
open_keeper(struct keeper *k, int signal_fd)
{
	k->places = mem_own(k->most, sizeof(*k->places));
	k->attendants = mem_own(k->most, sizeof(*k->attendants));
	k->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (k->places == NULL || k->attendants == NULL || k->epoll_fd == -1 ||
	    watch(k, signal_fd, is_signal) == -1 ||
	    watch(k, k->fd, is_listener) == -1)
		fatal("keeper");
	k->free = k->free_attendant = none;
	for (uint32_t i = k->most; i-- > 0;) {
		k->places[i] = (struct waiting){ .channel = -1,
			.next_free = k->free };
		k->attendants[i] = (struct attendant){ .fd = -1,
			.next_free = k->free_attendant };
		k->free = k->free_attendant = i;
	}
}

static void
hear(struct keeper *k, uint32_t what)
{
	if (what < k->most)
		take_request(k, what);
	else if (what == is_listener)
		take_registration(k);
	else if (what != is_signal)
		hear_attendant(k, what - k->most);
}

void
keeper_run(const struct attendant_settings *set, int fd, unsigned int most)
{
	struct keeper k = { .set = set, .fd = fd, .place = fd, .most = most };
	struct epoll_event events[32];
	int n;

	title_set("keeper");
	open_keeper(&k, sig_open());
	sig_ignore_quit();
	start_survey(&k);
	while (k.fd != -1 || k.waiting > 0) {
		n = epoll_wait(k.epoll_fd, events, 32, -1);
		if (n == -1 && errno != EINTR)
			fatal("epoll_wait");
		for (int i = 0; i < n; i++)
			hear(&k, events[i].data.u32);
		sig_drain();
		if (sig_child())
			reap();
	}
	mem_release(k.places, k.most, sizeof(*k.places));
	mem_release(k.attendants, k.most, sizeof(*k.attendants));
}
