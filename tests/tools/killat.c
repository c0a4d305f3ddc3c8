/* SPDX-License-Identifier: ISC */
/*
 * Runs a program, and kills it before its N-th system call, counted from the one
 * that started it:
 *
 *	killat N PROGRAM ARGUMENTS
 *
 * Ends as the program does, or with 137 when it was killed.
 */

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KILLED = 137, FAILED = 111 };

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(FAILED);
}

static int
wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) == -1)
		die("waiting");
	return status;
}

int
main(int argc, char **argv)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
	long left = argc < 3 ? -1 : atol(argv[1]);
	int status, sig = 0, entering = 1;
	pid_t pid;

	if (left < 1) {
		fprintf(stderr, "killat: N PROGRAM ARGUMENTS, please\n");
		return 64;
	}
	pid = fork();
	if (pid == -1)
		die("fork");
	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	status = wait_for(pid);
	if (!WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, options) == -1)
		die(argv[2]);
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (long)sig) == -1)
			die("ptrace");
		status = wait_for(pid);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (!WIFSTOPPED(status))
			return KILLED;
		sig = WSTOPSIG(status);
		if (sig != (SIGTRAP | 0x80))
			continue;
		sig = 0;
		if (entering && --left == 0) {
			(void)kill(pid, SIGKILL);
			(void)wait_for(pid);
			return KILLED;
		}
		entering = !entering;
	}
}
