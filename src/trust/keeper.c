/* SPDX-License-Identifier: ISC */
/* Forks attendants.  Runs as: keeper. */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fds.h"
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

struct keeper {
	const struct attendant_settings *set;
	int fd;    /* of registrations; -1 when the listener is gone */
	int place; /* what fd was: where an attendant has its channel */
	int epoll_fd;
	struct waiting *places;
	uint32_t most, free, waiting, attendants;
};

/* What epoll reports: a place, or one of these. */
static const uint32_t no_place = UINT32_MAX;
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
		} else if (errno != EPROTO) {
			/* It would come again at once, for ever. */
			fatal("taking a registration");
		}
		return;
	}
	if (place == no_place || watch(k, channel, place) == -1) {
		log_warnx("too many connections for the keeper");
		(void)close(channel);
		return;
	}
	k->free = k->places[place].next_free;
	k->places[place].channel = channel;
	k->places[place].reg = reg;
	k->waiting++;
}

static _Noreturn void
become_attendant(
    const struct keeper *k, int channel, const struct registration *reg)
{
	sig_child_defaults();
	/* The channels of others must not outlive their ends in here. */
	channel = fds_keep_only(channel, k->place);
	if (channel != -1)
		attendant_run(k->set, channel, reg);
	_exit(0);
}

static void
start_attendant(struct keeper *k, uint32_t place)
{
	/* The places are the keeper's own: an attendant has a copy of one. */
	const struct waiting w = k->places[place];
	char octet;

	/* The session is gone without having asked. */
	if (recv(w.channel, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
		forget(k, place);
		return;
	}
	if (k->attendants >= k->most) {
		log_warnx("too many logins at once");
		forget(k, place);
		return;
	}
	switch (fork()) {
	case -1:
		log_warn("forking an attendant");
		break;
	case 0:
		become_attendant(k, w.channel, &w.reg);
	default:
		k->attendants++;
	}
	forget(k, place);
}

/* What the most expensive password line costs, while logins go on. */
static void
start_survey(struct keeper *k)
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
		k->attendants++;
	}
}

static void
reap(struct keeper *k)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		k->attendants--;
}

static void
open_keeper(struct keeper *k, int signal_fd)
{
	k->places = mem_own(k->most, sizeof(*k->places));
	k->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (k->places == NULL || k->epoll_fd == -1 ||
	    watch(k, signal_fd, is_signal) == -1 ||
	    watch(k, k->fd, is_listener) == -1)
		fatal("keeper");
	k->free = no_place;
	for (uint32_t i = k->most; i-- > 0;) {
		k->places[i] = (struct waiting){ .channel = -1,
			.next_free = k->free };
		k->free = i;
	}
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
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == is_listener)
				take_registration(&k);
			else if (events[i].data.u32 != is_signal)
				start_attendant(&k, events[i].data.u32);
		}
		sig_drain();
		if (sig_child())
			reap(&k);
	}
	mem_release(k.places, k.most, sizeof(*k.places));
}
