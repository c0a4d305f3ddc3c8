/* SPDX-License-Identifier: ISC */
/* Memory that is not inherited. */

#include <sys/mman.h>

#include <errno.h>

#include "mem.h"

void *
mem_own(size_t count, size_t size)
{
	size_t len;
	void *p;

	if (__builtin_mul_overflow(count, size, &len)) {
		errno = ENOMEM;
		return NULL;
	}
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, len, MADV_DONTFORK) == 0)
		return p;
	mem_release(p, count, size);
	return NULL;
}

void
mem_release(void *p, size_t count, size_t size)
{
	int saved = errno;

	if (p != NULL)
		(void)munmap(p, count * size);
	errno = saved;
}
