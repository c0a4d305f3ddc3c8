/* SPDX-License-Identifier: ISC */
/* Memory that children do not have. */

#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "mem.h"
#include "tap.h"

enum { COUNT = 1000, SIZE = 40 };

/* The signal that a child ends by that looks at an octet; 0 for none. */
static int
look_in_child(const volatile unsigned char *octet)
{
	pid_t pid = fork();
	int status;

	need(pid != -1, "fork");
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		_exit(*octet);
	}
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int
main(void)
{
	unsigned char inherited = 1, *p = mem_own(COUNT, SIZE);
	size_t set = 0;

	need(p != NULL, "mem_own");
	for (size_t i = 0; i < COUNT * SIZE; i++) {
		set += p[i] != 0;
		p[i] = 0xff;
	}
	ok(set == 0, "zeroed, and room for all");
	ok(look_in_child(&inherited) == 0, "a child has the rest");
	ok(look_in_child(p) == SIGSEGV &&
		look_in_child(p + COUNT * SIZE - 1) == SIGSEGV,
	    "and not this");
	mem_release(p, COUNT, SIZE);
	mem_release(NULL, COUNT, SIZE);

	errno = 0;
	ok(mem_own(SIZE_MAX / 2, 3) == NULL && errno == ENOMEM,
	    "no table that is longer than memory");
	return done();
}
