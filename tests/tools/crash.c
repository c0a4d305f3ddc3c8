/* SPDX-License-Identifier: ISC */
/*
 * Runs the server under ptrace(2), and ends a session of it at a chosen system
 * call, or makes that call fail.  Tests drive it:
 *
 *	RESTANTE=server CRASH_SOCKET=path crash ARGUMENTS OF THE SERVER
 *
 * It listens on the Unix socket for lines, and answers each when it has done
 * so; one line tells later what became of the session.
 *
 *	count PID		let it pass
 *	kill PID N		end it before its N-th system call
 *	torn PID N		end it after half of its N-th writing one
 *	short PID N		do half of its N-th writing one
 *	fail PID N ERRNO	let its N-th writing one fail
 *	break PID N ERRNO	and all that follow
 *
 * Calls are counted from the next read() that yields something to the write()
 * that answers it: "done CALLS WRITING NUMBER", or "killed ...", or "gone ..."
 * when the session has ended by itself.  Writing calls are those that change a
 * file or sync one; NUMBER is that of the one that was met, or -1.
 *
 * Everything is ended with this program.  Neither memory nor /proc is looked
 * at: a session cannot be dumped, but its tracer needs no right but to be that.
 */

#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum mode { OFF, COUNT, KILL, TORN, SHORT, FAIL, BREAK };

static const char *const modes[] = {
	[COUNT] = "count",
	[KILL] = "kill",
	[TORN] = "torn",
	[SHORT] = "short",
	[FAIL] = "fail",
	[BREAK] = "break",
};

/* The session that is watched. */
static struct {
	enum mode mode;
	pid_t pid;
	long n;
	int error;
	bool interrupted; /* asked to stop, so that it can be watched */
	bool counting;    /* the read() has been */
	bool failing;     /* the call that it is in is one that fails */
	bool torn;
	uint64_t nr, fd;     /* of the call that it is in */
	uint64_t client;     /* where the read() was */
	long calls, writing; /* so far */
	long met;            /* number of the call that was met */
} target;

static pid_t server;
static int server_status, control = -1;

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "crash: %s: %s\n", what, strerror(errno));
	exit(111);
}

__attribute__((format(printf, 1, 2))) static void
tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vdprintf(control, fmt, ap);
	va_end(ap);
}

/* What the machine's registers are called. */
#if defined(__x86_64__)
#define COUNT_REGISTER(r)  ((r).rdx)
#define RESULT_REGISTER(r) ((r).rax)
#define CALL_REGISTER(r)   ((r).orig_rax)
#elif defined(__i386__)
#define COUNT_REGISTER(r)  ((r).edx)
#define RESULT_REGISTER(r) ((r).eax)
#define CALL_REGISTER(r)   ((r).orig_eax)
#elif defined(__aarch64__)
#define COUNT_REGISTER(r)  ((r).regs[2])
#define RESULT_REGISTER(r) ((r).regs[0])
#else
#error "say here what this machine calls its registers"
#endif

static void
get_registers(struct user_regs_struct *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, target.pid, NT_PRSTATUS, &iov) == -1)
		die("reading registers");
}

static void
set_registers(struct user_regs_struct *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, target.pid, NT_PRSTATUS, &iov) == -1)
		die("writing registers");
}

/* The call that is about to be made is none. */
static void
skip_call(void)
{
#ifdef CALL_REGISTER
	struct user_regs_struct r;

	get_registers(&r);
	CALL_REGISTER(r) = (__typeof__(CALL_REGISTER(r)))-1;
	set_registers(&r);
#else
	int none = -1;
	struct iovec iov = { &none, sizeof(none) };

	if (ptrace(PTRACE_SETREGSET, target.pid, NT_ARM_SYSTEM_CALL, &iov) ==
	    -1)
		die("changing a call");
#endif
}

static void
set_result(long result)
{
	struct user_regs_struct r;

	get_registers(&r);
	RESULT_REGISTER(r) = (__typeof__(RESULT_REGISTER(r)))result;
	set_registers(&r);
}

/* Returns whether there is a half. */
static bool
halve_count(void)
{
	struct user_regs_struct r;

	get_registers(&r);
	if (COUNT_REGISTER(r) < 2)
		return false;
	COUNT_REGISTER(r) /= 2;
	set_registers(&r);
	return true;
}

static bool
is_writing(uint64_t nr)
{
	switch (nr) {
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_ftruncate:
	case SYS_fallocate:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_copy_file_range:
	case SYS_sync_file_range:
	case SYS_msync:
#ifdef SYS_ftruncate64
	case SYS_ftruncate64:
#endif
		return true;
	default:
		return false;
	}
}

/* The session goes its way from here. */
static void
finish(const char *how)
{
	tell("%s %ld %ld %ld\n", how, target.calls, target.writing, target.met);
	target.mode = OFF;
}

static void
slay(void)
{
	if (kill(target.pid, SIGKILL) == -1)
		die("kill");
	finish("killed");
}

static void
enter_writing_call(void)
{
	target.writing++;
	if (target.writing < target.n ||
	    (target.writing > target.n && target.mode != BREAK))
		return;
	if (target.writing == target.n)
		target.met = (long)target.nr;
	if (target.mode == FAIL || target.mode == BREAK) {
		target.failing = true;
		skip_call();
	} else if ((target.mode == SHORT || target.mode == TORN) &&
	    target.nr == SYS_pwrite64 && halve_count()) {
		target.torn = target.mode == TORN;
	}
}

static void
enter_call(const struct ptrace_syscall_info *info)
{
	target.nr = info->entry.nr;
	target.fd = info->entry.args[0];
	if (!target.counting)
		return;
	target.calls++;
	if (target.mode == KILL && target.calls == target.n)
		slay();
	else if (target.nr == SYS_write && target.fd == target.client)
		finish("done");
	else if (is_writing(target.nr))
		enter_writing_call();
}

static void
leave_call(const struct ptrace_syscall_info *info)
{
	if (!target.counting && target.nr == SYS_read && info->exit.rval > 0) {
		target.counting = true;
		target.client = target.fd;
	}
	if (target.failing)
		set_result(-target.error);
	target.failing = false;
	if (target.torn)
		slay();
	target.torn = false;
}

/* The session stands before or behind a call. */
static void
at_call(void)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, target.pid, sizeof(info), &info) <=
	    0)
		return; /* it has been killed meanwhile */
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter_call(&info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave_call(&info);
}

/* A process has stopped: looks, and lets it go on. */
static void
stopped(pid_t pid, int status)
{
	bool watched = target.mode != OFF && pid == target.pid;
	int sig = WSTOPSIG(status);

	if (watched && target.interrupted &&
	    status >> 16 == PTRACE_EVENT_STOP) {
		target.interrupted = false;
		tell("armed\n");
	}
	if (watched && sig == (SIGTRAP | 0x80))
		at_call();
	if (sig == (SIGTRAP | 0x80) || status >> 16 != 0)
		sig = 0;
	watched = target.mode != OFF && pid == target.pid &&
	    !target.interrupted;
	/* It may be gone by now. */
	(void)ptrace(
	    watched ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (long)sig);
}

/* Hears of all that has happened.  False when no process is left. */
static bool
hear_processes(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			stopped(pid, status);
			continue;
		}
		if (pid == server)
			server_status = status;
		if (target.mode != OFF && pid == target.pid)
			finish("gone");
	}
	return pid == 0;
}

static void
obey(const char *line)
{
	char word[16];
	long pid, n = 0;
	int error = 0;

	if (sscanf(line, "%15s %ld %ld %d", word, &pid, &n, &error) < 2) {
		tell("what?\n");
		return;
	}
	memset(&target, 0, sizeof(target));
	for (enum mode m = COUNT; m <= BREAK; m++)
		if (strcmp(word, modes[m]) == 0)
			target.mode = m;
	target.pid = (pid_t)pid;
	target.met = -1;
	target.n = n;
	target.error = error;
	target.interrupted = true;
	if (target.mode == OFF)
		tell("what?\n");
	else if (ptrace(PTRACE_INTERRUPT, target.pid, NULL, NULL) == -1)
		finish("gone");
}

/* A line of commands a read: the test waits for the answer to each. */
static void
hear_control(int listener)
{
	char line[128];
	ssize_t n;

	if (control == -1) {
		control = accept(listener, NULL, NULL);
		return;
	}
	n = read(control, line, sizeof(line) - 1);
	if (n <= 0) {
		(void)close(control);
		control = -1;
		return;
	}
	line[n] = '\0';
	obey(line);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(fd, 1) == -1)
		die(path);
	return fd;
}

/* Seized before it has become the server, so that all its children are, too. */
static void
start(const char *program, char **argv, const sigset_t *mask)
{
	const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD |
	    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	int go[2];
	char octet;

	if (pipe(go) == -1)
		die("pipe");
	server = fork();
	if (server == -1)
		die("fork");
	if (server == 0) {
		(void)close(go[1]);
		if (read(go[0], &octet, 1) != 1)
			_exit(111);
		(void)close(go[0]);
		(void)sigprocmask(SIG_UNBLOCK, mask, NULL);
		execv(program, argv);
		_exit(127);
	}
	(void)close(go[0]);
	if (ptrace(PTRACE_SEIZE, server, NULL, options) == -1)
		die("ptrace");
	if (write(go[1], "", 1) != 1)
		die("pipe");
	(void)close(go[1]);
}

/* Passes on a request to end; the rest is looked for anyway. */
static void
hear_signals(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
	    info.ssi_signo != SIGCHLD)
		(void)kill(server, (int)info.ssi_signo);
}

int
main(int argc, char **argv)
{
	const char *program = getenv("RESTANTE");
	const char *path = getenv("CRASH_SOCKET");
	struct pollfd pfd[2];
	sigset_t mask;
	int listener;

	(void)argc;
	if (program == NULL || path == NULL) {
		fprintf(stderr, "crash: RESTANTE and CRASH_SOCKET, please\n");
		return 64;
	}
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	listener = listen_at(path);
	start(program, argv, &mask);

	pfd[0] = (struct pollfd){ .fd = signalfd(-1, &mask, SFD_CLOEXEC),
		.events = POLLIN };
	while (hear_processes()) {
		pfd[1] = (struct pollfd){ .fd = control == -1 ? listener
							      : control,
			.events = POLLIN };
		if (poll(pfd, 2, -1) == -1)
			die("poll");
		if (pfd[0].revents != 0)
			hear_signals(pfd[0].fd);
		if (pfd[1].revents != 0)
			hear_control(listener);
	}
	return WIFEXITED(server_status) ? WEXITSTATUS(server_status) : 111;
}
