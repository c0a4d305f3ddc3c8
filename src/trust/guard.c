/* SPDX-License-Identifier: ISC */
/* What guessing costs, and what it does not tell.  Runs as: attendant. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "fds.h"
#include "guard.h"
#include "log.h"
#include "site.h"

enum {
	/* Failures that cost nothing: people mistype. */
	FREE_FAILURES = 3,
	FIRST_PENALTY = 1000, /* milliseconds, and twice that, and so on */
	/* Refusals leave at multiples of this after their request. */
	GRID = 10,
	/*
	 * How much later than the price, which is that of the longest password:
	 * one check of the user's line and one of the decoy, and some time for
	 * others who want the processor.
	 */
	MARGIN_NUMERATOR = 5,
	MARGIN_DENOMINATOR = 2,
};

void
guard_open(struct guard *g, const struct guard_settings *set,
    const struct users *users, const char *peer)
{
	struct address a;

	g->set = set;
	g->watched = address_parse(peer, &a) == 0 &&
	    !networks_have(&set->trusted, &a);
	if (g->watched)
		g->client = address_client(&a);
	g->state_fd = users->state_fd;
	g->penalties = penalties_open(users->state_fd);
	if (g->penalties == -1)
		log_warn("opening the penalties");
}

void
guard_close(struct guard *g)
{
	fds_close(&g->penalties);
}

static int64_t
now_in_seconds(void)
{
	return (int64_t)(clock_wall_ns() / 1000000000);
}

int64_t
guard_penalty(const struct guard *g)
{
	int64_t penalty = FIRST_PENALTY;
	unsigned int n;

	if (!g->watched)
		return 0;
	n = penalties_count(g->penalties, &g->client, now_in_seconds());
	if (n <= FREE_FAILURES)
		return 0;
	for (; n > FREE_FAILURES + 1 && penalty < g->set->penalty_most; n--)
		penalty *= 2;
	return penalty < g->set->penalty_most ? penalty : g->set->penalty_most;
}

/* Checks the decoy as if it were a line.  Returns what it took. */
static int64_t
spend(const char *decoy, const char *password)
{
	int64_t started = clock_cpu_us();
	struct secret s;

	secret_parse(decoy, strlen(decoy), &s);
	(void)secret_is_password(&s, password);
	return clock_cpu_us() - started;
}

/* What such a line costs, at most. */
static struct price
price_of(const char decoy[SECRET_DECOY])
{
	struct price price;
	char longest[SECRET_LONGEST + 1];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	price.microseconds = (uint32_t)spend(decoy, longest);
	memcpy(price.decoy, decoy, SECRET_DECOY);
	return price;
}

/* A wrong password pays the site's price, if not by its own line. */
static bool
check_in_place(
    const struct guard *g, const struct secret *s, const char *password)
{
	char decoy[SECRET_DECOY];
	struct price price, own;
	int64_t started = clock_cpu_us(), spent;

	if (secret_is_password(s, password))
		return true;
	spent = clock_cpu_us() - started;
	secret_decoy(s, decoy);
	penalties_price(g->penalties, &price);
	if (strcmp(decoy, price.decoy) == 0)
		return false;
	if (decoy[0] == '\0' || spent <= price.microseconds) {
		(void)spend(price.decoy, password);
		return false;
	}
	own = price_of(decoy);
	if (own.microseconds > price.microseconds)
		penalties_set_price(g->penalties, &own);
	return false;
}

bool
guard_check(const struct guard *g, const struct secret *s, const char *password)
{
	struct price price;
	bool right;

	penalties_price(g->penalties, &price);
	/* What costs nothing needs no place, where all lines are such. */
	if (g->penalties == -1 ||
	    (price.decoy[0] == '\0' &&
		(s->kind == SECRET_NONE || s->kind == SECRET_PLAIN)))
		return secret_is_password(s, password);
	penalties_take_place(
	    g->penalties, g->watched ? &g->client : NULL, g->set->places);
	right = check_in_place(g, s, password);
	penalties_give_back(g->penalties);
	return right;
}

/* No name has a NUL in it: what is hashed stands for one pair only. */
static void
make_mark(const struct guard *g, const char *name, const char *secret,
    unsigned char mark[SHA256_SIZE])
{
	char both[CHANNEL_NAME + CHANNEL_SECRET];
	size_t len = strnlen(name, CHANNEL_NAME - 1);
	size_t more = strnlen(secret, CHANNEL_SECRET - 1);
	unsigned char key[SITE_KEY];

	memcpy(both, name, len);
	both[len] = '\0';
	memcpy(both + len + 1, secret, more);
	site_key(g->state_fd, key);
	hmac_sha256(key, sizeof(key), both, len + 1 + more, mark);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(both, sizeof(both));
}

void
guard_count(const struct guard *g, const char *name, const char *secret)
{
	unsigned char mark[SHA256_SIZE];

	if (!g->watched)
		return;
	make_mark(g, name, secret, mark);
	penalties_add(g->penalties, &g->client, now_in_seconds(), mark);
}

int64_t
guard_due(const struct guard *g, int64_t asked, int64_t pause)
{
	struct price price;
	int64_t step, wait, now;

	penalties_price(g->penalties, &price);
	step = (int64_t)price.microseconds * MARGIN_NUMERATOR /
	    MARGIN_DENOMINATOR / 1000;
	step = (step / GRID + 1) * GRID;
	wait = pause > step ? pause : step;
	now = clock_ms();
	while (asked + wait <= now)
		wait += step;
	return asked + wait;
}

/* Adds what a line costs to the decoys that are known, if it is another one. */
static size_t
note(int fd, char (*decoys)[SECRET_DECOY], size_t count)
{
	struct secret s;

	if (secret_read(fd, &s) == -1)
		return count;
	secret_decoy(&s, decoys[count]);
	explicit_bzero(&s, sizeof(s));
	if (decoys[count][0] == '\0')
		return count;
	for (size_t i = 0; i < count; i++)
		if (strcmp(decoys[i], decoys[count]) == 0)
			return count;
	return count + 1;
}

/* Milliseconds after which a survey is content with what it has. */
enum { DECOYS = 16, SURVEY_TIME = 5000 };

void
guard_survey(const struct guard *g, const struct users *users)
{
	char decoys[DECOYS + 1][SECRET_DECOY];
	struct price price, highest = { .microseconds = 0 };
	int fd,
	    dir_fd = openat(users->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = dir_fd == -1 ? NULL : fdopendir(dir_fd);
	const struct dirent *d;
	int64_t deadline = clock_ms() + SURVEY_TIME;
	size_t count = 0;

	while (dir != NULL && count < DECOYS && (d = readdir(dir)) != NULL)
		if (users_find(users, d->d_name, &fd) == USERS_OK) {
			count = note(fd, decoys, count);
			(void)close(fd);
		}
	for (size_t i = 0; i < count && clock_ms() < deadline; i++) {
		price = price_of(decoys[i]);
		if (price.microseconds > highest.microseconds)
			highest = price;
	}
	penalties_set_price(g->penalties, &highest);
}
