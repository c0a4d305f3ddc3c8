/* SPDX-License-Identifier: ISC */
/* Forks attendants, and gives them work.  Runs as: keeper, attendant. */

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

struct attendant {
	pid_t pid;
	int fd; /* sessions go there; -1: the place is free */
	uint32_t next_free;
};

enum {
	/* So many attendants wait for a session in a rush; others end. */
	IDLE_MOST = 64,
	/* So many may, though they have not been needed for so many milliseconds. */
	IDLE_FEW = 16,
	REVIEW_TIME = 2000,
	/* What may be wrong with one unseen is not for long. */
	CONVERSATIONS = 100,
	/* Milliseconds: a wait has an end, and is begun again. */
	PATIENCE = 3600 * 1000,
};

struct keeper {
	const struct attendant_settings *set;
	int fd; /* of registrations; an attendant has its own end in that place */
	int done[2]; /* a pipe: who has time for a session says its number */
	uint32_t most, count;
	struct attendant *attendants;
	uint32_t free;
	uint32_t idle[IDLE_MOST], idle_count;
	uint32_t spare; /* who were idle all the time since the last review */
	int64_t review; /* when the next one is due */
};

static const uint32_t none = UINT32_MAX;

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
 * at the first try, or asked for nothing.
 */
static _Noreturn void
become_attendant(const struct keeper *k, uint32_t number, int fd)
{
	const int keep[] = { fd, k->done[1] };
	struct registration reg;
	bool came_in;
	int channel;

	/* The ends of others must not outlive those that are in here. */
	if (fds_keep_only(keep, 2, k->fd) == -1)
		_exit(1);
	for (int i = 1;; i++) {
		title_set("idle attendant");
		if (take_session(k->fd, &reg, &channel) == -1)
			break;
		came_in = attendant_run(k->set, channel, &reg);
		(void)close(channel);
		if (!came_in || i == CONVERSATIONS || sig_terminated() ||
		    write(k->fd + 1, &number, sizeof(number)) !=
			(ssize_t)sizeof(number))
			break;
	}
	_exit(0);
}

/* Returns the number of a new attendant, or none. */
static uint32_t
fork_attendant(struct keeper *k)
{
	uint32_t number = k->free;
	struct attendant *a;
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
		become_attendant(k, number, ends[1]);
	(void)close(ends[1]);
	if (pid == -1) {
		log_warn("forking an attendant");
		(void)close(ends[0]);
		return none;
	}
	a = &k->attendants[number];
	a->pid = pid;
	a->fd = ends[0];
	k->free = a->next_free;
	k->count++;
	return number;
}

/* An attendant is gone, or finds its end closed and goes. */
static void
let_go(struct keeper *k, uint32_t number)
{
	struct attendant *a = &k->attendants[number];

	for (uint32_t i = 0; i < k->idle_count; i++)
		if (k->idle[i] == number)
			k->idle[i] = k->idle[--k->idle_count];
	(void)close(a->fd);
	a->fd = -1;
	a->next_free = k->free;
	k->free = number;
	k->count--;
}

/* Learns who is done.  Too many of them are sent away. */
static void
hear_done(struct keeper *k)
{
	uint32_t numbers[IDLE_MOST];
	ssize_t n;

	do {
		n = read(k->done[0], numbers, sizeof(numbers));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(*numbers); i++)
			if (numbers[i] >= k->most ||
			    k->attendants[numbers[i]].fd == -1)
				log_warnx("there is no such attendant");
			else if (k->idle_count < IDLE_MOST)
				k->idle[k->idle_count++] = numbers[i];
			else
				let_go(k, numbers[i]);
	} while (n == (ssize_t)sizeof(numbers));
}

/* A rush is over: not all that it needed need wait for the next. */
static void
send_away(struct keeper *k)
{
	hear_done(k);
	/* The first are those that nobody has come for. */
	for (; k->spare > IDLE_FEW && k->idle_count > IDLE_FEW; k->spare--)
		let_go(k, k->idle[0]);
	k->spare = k->idle_count;
	k->review = clock_ms() + REVIEW_TIME;
}

/* Gives a session to an attendant that is idle, or else to a new one. */
static void
find_attendant(struct keeper *k, const struct registration *reg, int channel)
{
	uint32_t number;
	bool is_new;
	int fd;

	hear_done(k);
	do {
		is_new = k->idle_count == 0;
		number = is_new ? fork_attendant(k) : k->idle[--k->idle_count];
		if (k->idle_count < k->spare)
			k->spare = k->idle_count;
		if (number == none)
			return;
		fd = k->attendants[number].fd;
		if (channel_register(fd, reg, channel) == 0)
			return;
		if (errno != EPIPE && errno != ECONNRESET) {
			log_warn("giving a session to an attendant");
			k->idle[k->idle_count++] = number;
			return;
		}
		/* It has died, and that has not been heard of. */
		let_go(k, number);
	} while (!is_new);
}

static void
take_registration(struct keeper *k)
{
	struct registration reg;
	int channel;

	if (channel_registered(k->fd, &reg, &channel) == 0) {
		find_attendant(k, &reg, channel);
		(void)close(channel);
	} else if (errno == EPIPE) {
		(void)close(k->fd);
		k->fd = -1;
	} else if (errno == EPROTO) {
		log_warn("taking a registration");
	} else {
		/* It would come again at once, for ever. */
		fatal("taking a registration");
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
		guard_open(&g, &k->set->guard, &k->set->users, "");
		guard_survey(&g, &k->set->users);
		_exit(0);
	default:
		break;
	}
}

static void
reap(struct keeper *k)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		/* Its last word, before another has its number. */
		hear_done(k);
		for (uint32_t i = 0; i < k->most; i++)
			if (k->attendants[i].fd != -1 &&
			    k->attendants[i].pid == pid)
				let_go(k, i);
	}
}

static void
open_keeper(struct keeper *k)
{
	k->attendants = mem_own(k->most, sizeof(*k->attendants));
	if (k->attendants == NULL ||
	    pipe2(k->done, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("keeper");
	k->free = none;
	for (uint32_t i = k->most; i-- > 0;) {
		k->attendants[i] = (struct attendant){ .fd = -1,
			.next_free = k->free };
		k->free = i;
	}
}

void
keeper_run(const struct attendant_settings *set, int fd, unsigned int most)
{
	struct keeper k = { .set = set, .fd = fd, .most = most };
	enum { WAKE, REGISTRATION };
	struct pollfd pfd[] = {
		[WAKE] = { .fd = sig_open(), .events = POLLIN },
		[REGISTRATION] = { .fd = fd, .events = POLLIN },
	};

	title_set("keeper");
	open_keeper(&k);
	sig_ignore_quit();
	start_survey(&k);
	while (k.fd != -1) {
		/* Who is done is heard when the next session comes, or none. */
		if (poll(pfd, 2, k.count > IDLE_FEW ? REVIEW_TIME : -1) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (clock_ms() >= k.review)
			send_away(&k);
		if (pfd[WAKE].revents != 0) {
			sig_drain();
			if (sig_child())
				reap(&k);
		}
		if (pfd[REGISTRATION].revents != 0)
			take_registration(&k);
	}
	mem_release(k.attendants, k.most, sizeof(*k.attendants));
}
