/* SPDX-License-Identifier: ISC */
/* The system calls that a process may make.  Runs as: listener, keeper. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "fds.h"
#include "filter.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARM_EABI__)
#define MACHINE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#else
#define MACHINE 0
#endif

/* The sanitizers' run time opens files and asks for much more. */
#ifdef SANITIZED
#define REFUSED SECCOMP_RET_ALLOW
#else
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#endif

/* Calls that are allowed whatever their arguments, the frequent ones first. */
static const int calls_of_all[] = {
	SYS_read,
	SYS_write,
	SYS_close,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_clock_gettime,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_rt_sigreturn,
	SYS_wait4,
	SYS_exit_group,
	SYS_exit,
	SYS_close_range,
	SYS_dup3,
	SYS_fstat,
	SYS_munmap,
	SYS_madvise,
	SYS_mremap,
	SYS_brk,
	SYS_getpid,
	SYS_gettid,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_restart_syscall,
	SYS_pread64,
	SYS_pwrite64,
	SYS_lseek,
	SYS_flock,
	SYS_fsync,
	SYS_fdatasync,
	SYS_set_robust_list,
	SYS_futex,
	SYS_rseq,
	SYS_getrandom,
	SYS_sched_yield,
	SYS_ppoll,
	SYS_recvfrom,
	SYS_uname,
	SYS_geteuid,
	SYS_getuid,
	SYS_pipe2,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_dup2
	SYS_dup2,
#endif
#ifdef SYS_fork
	SYS_fork,
#endif
#ifdef SYS_fstat64
	SYS_fstat64,
#endif
#ifdef SYS__llseek
	SYS__llseek,
#endif
#ifdef SYS_clock_gettime64
	SYS_clock_gettime64,
	SYS_clock_nanosleep_time64,
	SYS_ppoll_time64,
	SYS_futex_time64,
#endif
#ifdef SYS_sigreturn
	SYS_sigreturn,
	SYS_waitpid,
#endif
};

/* The listener starts sessions; sessions write to a client and a mailbox. */
static const int calls_of_listener[] = {
	SYS_accept4,
	SYS_shutdown,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_pwritev2,
#ifdef SYS_ftruncate64
	SYS_ftruncate64,
#endif
};

/* Attendants wait for sessions and open mailboxes, and Landlock says where. */
static const int calls_of_keeper[] = {
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_rt_sigpending,
	SYS_openat,
	SYS_getdents64,
};

/*
 * Not F_SETFL: the pipe of the log is one open file for all, and whoever could
 * change its flags would have others wait, or run their lines together.
 */
static const uint32_t fcntl_commands[] = {
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_DUPFD_CLOEXEC,
	F_OFD_SETLK,
	F_OFD_SETLKW,
};

#ifdef SYS_socketcall
/* Where all calls of sockets are one, its first argument says which it is. */
static const uint32_t socket_calls[] = {
	SYS_SENDMSG,
	SYS_RECVMSG,
	SYS_RECVFROM,
	SYS_RECV,
};

static const uint32_t socket_calls_of_listener[] = {
	SYS_ACCEPT4,
	SYS_SHUTDOWN,
};
#endif

enum { FILTER_MOST = 512 };

struct program {
	struct sock_filter code[FILTER_MOST];
	unsigned short len;
};

static void
emit(struct program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	assert(p->len < FILTER_MOST);
	p->code[p->len++] = (struct sock_filter){ code, yes, no, k };
}

static void
load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void
refuse(struct program *p)
{
	emit(p, BPF_RET | BPF_K, 0, 0, REFUSED);
}

static void
allow(struct program *p)
{
	emit(p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

static void
allow_calls(struct program *p, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)calls[i]);
		allow(p);
	}
}

/* The low word of an argument; none that is looked at has a high one. */
static size_t
argument(unsigned int n)
{
	size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

	return offsetof(struct seccomp_data, args) + 8 * (size_t)n + low;
}

/* The call, if its argument n has none of the bits. */
static void
allow_without(struct program *p, int call, unsigned int n, uint32_t bits)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)call);
	load(p, argument(n));
	emit(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, bits);
	allow(p);
	refuse(p);
}

/* The call, if its argument n is one of the values; a later set may have more. */
static void
allow_one_of(struct program *p, int call, unsigned int n,
    const uint32_t *values, size_t count)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * count + 2),
	    (uint32_t)call);
	load(p, argument(n));
	for (size_t i = 0; i < count; i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, values[i]);
		allow(p);
	}
	load(p, offsetof(struct seccomp_data, nr));
}

/*
 * Packets between the two ends, and no others: an end that takes datagrams could
 * send some, with descriptors, to any socket that has a name.
 */
static void
allow_channel(struct program *p)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, SYS_socketpair);
	load(p, argument(0));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, AF_UNIX);
	load(p, argument(1));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SOCK_SEQPACKET | SOCK_CLOEXEC);
	allow(p);
	refuse(p);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
special_calls(struct program *p, enum filter_kind kind)
{
	static const uint32_t self[] = { 0 };
	/* fstat() of some C libraries. */
	static const uint32_t of_descriptor[] = { AT_EMPTY_PATH,
		AT_EMPTY_PATH | AT_NO_AUTOMOUNT };

	allow_one_of(p, SYS_fcntl, 1, fcntl_commands, COUNT(fcntl_commands));
	allow_channel(p);
	allow_one_of(p, SYS_prlimit64, 0, self, COUNT(self));
#ifdef SYS_socketcall
	allow_one_of(p, SYS_socketcall, 0, socket_calls, COUNT(socket_calls));
	if (kind == FILTER_LISTENER)
		allow_one_of(p, SYS_socketcall, 0, socket_calls_of_listener,
		    COUNT(socket_calls_of_listener));
#endif
#ifdef SYS_newfstatat
	/* It takes paths as well: a session does without, see fds_stat(). */
	if (kind == FILTER_KEEPER || !FDS_STAT_ALONE)
		allow_one_of(
		    p, SYS_newfstatat, 3, of_descriptor, COUNT(of_descriptor));
#else
	allow_one_of(p, SYS_fstatat64, 3, of_descriptor, COUNT(of_descriptor));
	allow_one_of(p, SYS_statx, 2, of_descriptor, COUNT(of_descriptor));
#endif
#ifdef SYS_fcntl64
	allow_one_of(p, SYS_fcntl64, 1, fcntl_commands, COUNT(fcntl_commands));
#endif
	/* Where there are both, the older one has its arguments in memory. */
#ifdef SYS_mmap2
	allow_without(p, SYS_mmap2, 2, PROT_EXEC);
#else
	allow_without(p, SYS_mmap, 2, PROT_EXEC);
#endif
	allow_without(p, SYS_mprotect, 2, PROT_EXEC);
	/* A fork: no thread, no new name space, not out of the process tree. */
	allow_without(p, SYS_clone, 0,
	    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_VM |
		CLONE_PARENT | CLONE_PTRACE);
}

int
filter_install(enum filter_kind kind)
{
	static struct program p; /* too much for the stack */
	struct sock_fprog prog = { .filter = p.code };

	if (MACHINE == 0) {
		errno = ENOSYS;
		return -1;
	}
	p.len = 0;
	load(&p, offsetof(struct seccomp_data, arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, MACHINE);
	emit(&p, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
	load(&p, offsetof(struct seccomp_data, nr));

	allow_calls(&p, calls_of_all, COUNT(calls_of_all));
	if (kind == FILTER_LISTENER)
		allow_calls(&p, calls_of_listener, COUNT(calls_of_listener));
	else
		allow_calls(&p, calls_of_keeper, COUNT(calls_of_keeper));
	special_calls(&p, kind);
	refuse(&p);

	prog.len = p.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}
