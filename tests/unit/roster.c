/* SPDX-License-Identifier: ISC */
/* The table of sessions, against a list that is searched from end to end. */

#include <fcntl.h>

#include "chance.h"
#include "roster.h"
#include "tap.h"

enum { MOST = 7, CLIENTS = 3, STEPS = 200000 };

/* A session as the list has it, the oldest first. */
struct plain {
	pid_t pid;
	int client; /* CLIENTS: it counts for nobody */
	int fd;     /* -1: logged in, or let go */
	uint64_t serial;
	bool leaving;
};

static struct plain list[MOST];
static size_t count;
static struct address client[CLIENTS];

static int
new_fd(void)
{
	int fd = dup(STDIN_FILENO);

	need(fd != -1, "dup");
	return fd;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static bool
is_running(pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].pid == pid)
			return true;
	return false;
}

static void
add(struct roster *l)
{
	static uint64_t last[MOST];
	struct plain p = { .pid = (pid_t)(1 + chance(40)),
		.client = (int)chance(CLIENTS + 1) };

	if (count == MOST || is_running(p.pid))
		return;
	p.fd = new_fd();
	p.serial = roster_next(l);
	roster_add(
	    l, p.pid, &client[p.client % CLIENTS], p.client < CLIENTS, p.fd);
	check(p.serial > last[p.serial % MOST], "a serial that comes again");
	last[p.serial % MOST] = p.serial;
	list[count++] = p;
}

static void
remove_one(struct roster *l)
{
	pid_t pid = (pid_t)(1 + chance(40));
	struct address from;
	size_t i = 0;

	check(
	    roster_remove(l, pid, &from) == is_running(pid), "process %d", pid);
	while (i < count && list[i].pid != pid)
		i++;
	if (i == count)
		return;
	check(list[i].fd == -1 || !is_open(list[i].fd), "left open");
	check(
	    memcmp(&from, &client[list[i].client % CLIENTS], sizeof(from)) == 0,
	    "process %d came from elsewhere", pid);
	count--;
	memmove(&list[i], &list[i + 1], (count - i) * sizeof(list[0]));
}

static void
login(struct roster *l)
{
	size_t i = chance(MOST);

	/* Of nobody, of one that is gone, or of one that is there. */
	roster_login(l, chance(1000));
	if (i >= count)
		return;
	roster_login(l, list[i].serial + MOST * (1 + chance(3)));
	check(list[i].fd == -1 || is_open(list[i].fd), "closed too soon");
	roster_login(l, list[i].serial);
	check(list[i].fd == -1 || !is_open(list[i].fd), "left open");
	list[i].fd = -1;
}

static void
evict(struct roster *l)
{
	struct address from;
	int fd = roster_evict(l, &from);
	size_t i = 0;

	while (i < count && list[i].fd == -1)
		i++;
	if (i == count) {
		check(fd == -1, "nobody was to go");
		return;
	}
	check(fd == list[i].fd, "not the oldest");
	check(
	    memcmp(&from, &client[list[i].client % CLIENTS], sizeof(from)) == 0,
	    "not from there");
	check(is_open(fd), "closed");
	(void)close(fd);
	list[i].fd = -1;
	list[i].leaving = true;
}

/* One comes from elsewhere than it seemed to. */
static void
move(struct roster *l)
{
	size_t i = chance(MOST);
	int to = (int)chance(CLIENTS + 1);

	roster_move(l, chance(MOST), &client[0], true);
	if (i >= count)
		return;
	roster_move(l, list[i].serial, &client[to % CLIENTS], to < CLIENTS);
	if (!list[i].leaving)
		list[i].client = to;
}

static void
dismiss(struct roster *l)
{
	size_t i = chance(MOST);
	int fd;

	check(roster_dismiss(l, chance(MOST)) == -1, "nobody's");
	if (i >= count)
		return;
	fd = roster_dismiss(l, list[i].serial);
	check(fd == list[i].fd, "not its own");
	if (fd == -1)
		return;
	check(is_open(fd), "closed");
	(void)close(fd);
	list[i].fd = -1;
	list[i].leaving = true;
}

static void
compare(const struct roster *l)
{
	uint32_t from[CLIENTS + 1] = { 0 }, staying = 0;

	for (size_t i = 0; i < count; i++) {
		from[list[i].client]++;
		staying += list[i].leaving ? 0 : 1;
	}
	check(roster_count(l) == staying, "%u in all", roster_count(l));
	check(roster_is_full(l) == (count == MOST), "full, at %zu", count);
	for (int i = 0; i < CLIENTS; i++)
		check(roster_count_from(l, &client[i]) == from[i],
		    "%u from client %d", roster_count_from(l, &client[i]), i);
}

/* As many clients as places, each of which is told from the others. */
static void
fills(void)
{
	enum { MANY = 500 };
	struct roster *l = roster_new(MANY);
	struct address a = { { 0 } }, from;
	int lowest = new_fd();

	need(l != NULL, "roster_new");
	(void)close(lowest);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			memcpy(a.octets + 4, &i, sizeof(i));
			check(roster_count_from(l, &a) == 0, "client %u", i);
			roster_add(l, (pid_t)i + 1, &a, true, new_fd());
			check(roster_count_from(l, &a) == 1, "client %u", i);
		}
		check(roster_count(l) == MANY, "all");
		for (uint32_t i = 0; i < MANY; i++)
			check(
			    roster_remove(l, (pid_t)(i * 7 % MANY) + 1, &from),
			    "process %u", i * 7 % MANY + 1);
		check(roster_count(l) == 0, "none");
	}
	roster_free(l);
	point("every place can be a client of its own");
	l = roster_new(2);
	need(l != NULL, "roster_new");
	roster_add(l, 1, &a, false, new_fd());
	roster_free(l);
	roster_free(NULL);
	ok(!is_open(lowest), "a table that goes closes what it has");
}

int
main(void)
{
	struct roster *l = roster_new(MOST);

	need(l != NULL, "roster_new");
	chance_open();
	for (int i = 0; i < CLIENTS; i++)
		client[i].octets[7] = (unsigned char)i;
	for (int i = 0; i < STEPS; i++) {
		switch (chance(11)) {
		case 0:
		case 1:
		case 2:
			add(l);
			break;
		case 3:
		case 4:
		case 5:
			remove_one(l);
			break;
		case 6:
			login(l);
			break;
		case 7:
		case 8:
			move(l);
			break;
		case 9:
			dismiss(l);
			break;
		default:
			evict(l);
			break;
		}
		compare(l);
	}
	roster_free(l);
	point("sessions come, log in, make way and go");
	fills();
	return done();
}
