/* SPDX-License-Identifier: ISC */
/* Which attendants have time.  Runs as: keeper, attendant. */

#include <sys/mman.h>

#include <stdatomic.h>
#include <stddef.h>

#include "pool.h"

enum { FREE, IDLE, BUSY };

/* One writer a place.  Each word is in order with all others. */
struct pool_places {
	atomic_int end; /* no place from here on was ever taken */
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
	p->places->state[place] = FREE;
}

void
pool_set_idle(struct pool *p, int place, bool idle)
{
	p->places->state[place] = idle ? IDLE : BUSY;
}

bool
pool_has_idle(const struct pool *p, int besides)
{
	const struct pool_places *places = p->places;
	int end = places->end;

	for (int i = 0; i < end; i++)
		if (places->state[i] == IDLE && i != besides)
			return true;
	return false;
}
