/* SPDX-License-Identifier: ISC */
/* Memory that a process has for itself. */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>
#include <stdint.h>

/*
 * A table of so many entries, zeroed, that children do not inherit: they neither
 * see it nor pay for it.  NULL with errno set when there is no memory.
 * mem_release() takes the same count and size.
 */
void *mem_own(size_t count, size_t size);
void mem_release(void *, size_t count, size_t size);

#endif
