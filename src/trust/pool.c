/* SPDX-License-Identifier: ISC */
/* Which attendants have time.  Runs as: keeper, attendant. */

#include <sys/mman.h>

#include <stdatomic.h>
#include <stddef.h>

#include "pool.h"

enum { FREE, IDLE, BUSY };

/*
 * What is in here is seen by all in the order in which it was written: who is not
 * idle any more sees whether anybody else is.
 */
struct pool_places {
	atomic_int end; /* all places from here on are free */
	atomic_uchar state[];
};

static size_t
size_of(uint32_t most)
{
	return sizeof(struct pool_places) + most;
}

int
pool_open(struct pool *p, uint32_t most)
{
	void *at = mmap(NULL, size_of(most), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -1;
	p->most = most;
	p->places = at;
	return 0;
}

void
pool_close(struct pool *p)
{
	(void)munmap(p->places, size_of(p->most));
	p->places = NULL;
}

int
pool_add(struct pool *p)
{
	struct pool_places *places = p->places;
	int place = 0;

	while (place < places->end && places->state[place] != FREE)
		place++;
	if ((uint32_t)place == p->most)
		return POOL_NONE;
	places->state[place] = IDLE;
	if (place == places->end)
		places->end++;
	return place;
}

void
pool_remove(struct pool *p, int place)
{
	struct pool_places *places = p->places;

	places->state[place] = FREE;
	while (places->end > 0 && places->state[places->end - 1] == FREE)
		places->end--;
}

void
pool_set_idle(struct pool *p, int place, bool idle)
{
	p->places->state[place] = idle ? IDLE : BUSY;
}

int
pool_idle(const struct pool *p, int besides)
{
	const struct pool_places *places = p->places;
	int end = places->end, count = 0;

	for (int i = 0; i < end; i++)
		count += places->state[i] == IDLE && i != besides;
	return count;
}
