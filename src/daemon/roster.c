/* SPDX-License-Identifier: ISC */
/* The sessions of a listener.  Runs as: listener. */

#include <sys/random.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "roster.h"

/* Places are numbers, and this one is none. */
static const uint32_t none = UINT32_MAX;

struct place {
	uint64_t serial; /* 0: the place is free */
	bool leaving;    /* let go */
	pid_t pid;
	int fd; /* -1: logged in, or let go */
	struct address from;
	uint32_t client;       /* who it counts for, or none */
	uint32_t next;         /* with that hash, or the next free place */
	uint32_t older, newer; /* of those with a descriptor */
};

struct client {
	struct address address;
	uint32_t count;
	uint32_t next; /* with that hash, or the next free one */
};

struct roster {
	uint32_t most, count; /* those that were let go do not count */
	uint32_t oldest, newest;
	uint64_t serial, seed;
	struct place *places;
	struct client *clients;
	uint32_t free_place, free_client;
	uint32_t *pid_chains, *client_chains; /* the first of each hash */
};

struct roster *
roster_new(uint32_t most)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->most = most;
	r->oldest = r->newest = r->free_place = r->free_client = none;
	r->places = mem_own(most, sizeof(*r->places));
	r->clients = mem_own(most, sizeof(*r->clients));
	r->pid_chains = mem_own(most, sizeof(*r->pid_chains));
	r->client_chains = mem_own(most, sizeof(*r->client_chains));
	if (r->places == NULL || r->clients == NULL || r->pid_chains == NULL ||
	    r->client_chains == NULL ||
	    getrandom(&r->seed, sizeof(r->seed), 0) != sizeof(r->seed)) {
		roster_free(r);
		return NULL;
	}
	for (uint32_t i = most; i-- > 0;) {
		r->pid_chains[i] = r->client_chains[i] = none;
		r->places[i] = (struct place){ .fd = -1,
			.next = r->free_place };
		r->clients[i].next = r->free_client;
		r->free_place = r->free_client = i;
	}
	return r;
}

void
roster_free(struct roster *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; r->places != NULL && i < r->most; i++)
		if (r->places[i].fd != -1)
			(void)close(r->places[i].fd);
	mem_release(r->places, r->most, sizeof(*r->places));
	mem_release(r->clients, r->most, sizeof(*r->clients));
	mem_release(r->pid_chains, r->most, sizeof(*r->pid_chains));
	mem_release(r->client_chains, r->most, sizeof(*r->client_chains));
	free(r);
}

uint32_t
roster_count(const struct roster *r)
{
	return r->count;
}

bool
roster_is_full(const struct roster *r)
{
	return r->free_place == none;
}

/*
 * Where the number of the client is kept; none stands there, or the end of the
 * chain, when there is no such client.  Whoever can choose addresses does not know
 * the seed, and so cannot choose the chain.
 */
static uint32_t *
find_client(const struct roster *r, const struct address *a)
{
	uint32_t hash = address_hash(a, r->seed);
	uint32_t *at = &r->client_chains[hash % r->most];

	while (
	    *at != none && memcmp(&r->clients[*at].address, a, sizeof(*a)) != 0)
		at = &r->clients[*at].next;
	return at;
}

uint32_t
roster_count_from(const struct roster *r, const struct address *from)
{
	struct address client = address_client(from);
	uint32_t at = *find_client(r, &client);

	return at == none ? 0 : r->clients[at].count;
}

/* One more of the client; returns its number. */
static uint32_t
count_client(struct roster *r, const struct address *a)
{
	uint32_t *at = find_client(r, a), found = *at;

	if (found == none) {
		found = *at = r->free_client;
		r->free_client = r->clients[found].next;
		r->clients[found] = (struct client){ .address = *a,
			.next = none };
	}
	r->clients[found].count++;
	return found;
}

static void
discount_client(struct roster *r, uint32_t number)
{
	struct client *c = &r->clients[number];
	uint32_t *at;

	if (--c->count > 0)
		return;
	at = find_client(r, &c->address);
	*at = c->next;
	c->next = r->free_client;
	r->free_client = number;
}

/* Takes a place out of those with a descriptor, and yields that. */
static int
let_go(struct roster *r, struct place *p)
{
	int fd = p->fd;

	if (fd == -1)
		return -1;
	*(p->older == none ? &r->oldest
			   : &r->places[p->older].newer) = p->newer;
	*(p->newer == none ? &r->newest
			   : &r->places[p->newer].older) = p->older;
	p->fd = -1;
	return fd;
}

static uint32_t *
chain_of(const struct roster *r, pid_t pid)
{
	return &r->pid_chains[(uint32_t)pid % r->most];
}

uint64_t
roster_next(const struct roster *r)
{
	assert(r->free_place != none);
	/* The place can be found by it, and no two are the same. */
	return (r->serial + 1) * r->most + r->free_place;
}

void
roster_add(struct roster *r, pid_t pid, const struct address *from,
    bool counted, int fd)
{
	uint32_t *chain = chain_of(r, pid), number = r->free_place;
	uint64_t serial = roster_next(r);
	struct address client = address_client(from);
	struct place *p = &r->places[number];

	r->serial++;
	r->free_place = p->next;
	*p = (struct place){
		.pid = pid,
		.fd = fd,
		.from = *from,
		.client = counted ? count_client(r, &client) : none,
		.next = *chain,
		.older = r->newest,
		.newer = none,
		.serial = serial,
	};
	*chain = number;
	*(r->newest == none ? &r->oldest
			    : &r->places[r->newest].newer) = number;
	r->newest = number;
	r->count++;
}

void
roster_login(struct roster *r, uint64_t serial)
{
	struct place *p = &r->places[serial % r->most];
	int fd;

	if (p->serial == serial && (fd = let_go(r, p)) != -1)
		(void)close(fd);
}

void
roster_move(
    struct roster *r, uint64_t serial, const struct address *from, bool counted)
{
	struct place *p = &r->places[serial % r->most];
	struct address client = address_client(from);

	if (serial == 0 || p->serial != serial || p->leaving)
		return;
	p->from = *from;
	if (p->client != none)
		discount_client(r, p->client);
	p->client = counted ? count_client(r, &client) : none;
}

bool
roster_remove(struct roster *r, pid_t pid, struct address *from)
{
	uint32_t *at = chain_of(r, pid), number;
	struct place *p;
	int fd;

	while (*at != none && r->places[*at].pid != pid)
		at = &r->places[*at].next;
	if (*at == none)
		return false;
	number = *at;
	p = &r->places[number];
	*from = p->from;
	*at = p->next;
	fd = let_go(r, p);
	if (fd != -1)
		(void)close(fd);
	if (p->client != none)
		discount_client(r, p->client);
	p->serial = 0;
	p->next = r->free_place;
	r->free_place = number;
	r->count -= p->leaving ? 0 : 1;
	return true;
}

static int
dismiss(struct roster *r, struct place *p)
{
	p->leaving = true;
	r->count--;
	return let_go(r, p);
}

int
roster_evict(struct roster *r, struct address *from)
{
	if (r->oldest == none)
		return -1;
	*from = r->places[r->oldest].from;
	return dismiss(r, &r->places[r->oldest]);
}

int
roster_dismiss(struct roster *r, uint64_t serial)
{
	struct place *p = &r->places[serial % r->most];

	return p->serial == serial && p->fd != -1 ? dismiss(r, p) : -1;
}
