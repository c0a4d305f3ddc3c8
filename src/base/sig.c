/* SPDX-License-Identifier: ISC */
/* Signals: the one file that has handlers.  They note, and wake poll(). */

#include <sys/signalfd.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "sig.h"

static volatile sig_atomic_t got_child, got_hangup, got_quit, got_term;
static int wake[2] = { -1, -1 };
static pid_t owner; /* of the pipe: a child's numbers are other descriptors */
static sigset_t wait_mask;

static void
note(int sig)
{
	int saved = errno;

	if (getpid() != owner)
		return;
	if (sig == SIGCHLD)
		got_child = 1;
	else if (sig == SIGHUP)
		got_hangup = 1;
	else
		got_quit++;
	(void)!write(wake[1], "", 1); /* full is fine: poll() returns anyway */
	errno = saved;
}

static void
note_term(int sig)
{
	(void)sig;
	got_term = 1;
}

/*
 * A mapped file was cut by somebody who takes no lock.  It comes from our own
 * look at the mapping, never from inside the C library: all may be called.
 */
static void
bus_error(int sig)
{
	(void)sig;
	fatalx("a mailbox was cut while it was read: session ended");
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	if (sigfillset(&sa.sa_mask) == -1 || sigaction(sig, &sa, NULL) == -1)
		fatal("sigaction %d", sig);
}

void
sig_inherit_none(void)
{
	sigset_t none;

	handle(SIGCHLD, SIG_DFL);
	handle(SIGALRM, SIG_DFL);
	if (sigemptyset(&none) == -1 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		fatal("sigprocmask");
}

int
sig_open(void)
{
	if (pipe2(wake, O_NONBLOCK | O_CLOEXEC) == -1)
		fatal("pipe2");
	owner = getpid();
	handle(SIGCHLD, note);
	handle(SIGTERM, note);
	handle(SIGINT, note);
	handle(SIGHUP, note);
	handle(SIGPIPE, SIG_IGN);
	return wake[0];
}

void
sig_drain(void)
{
	char junk[64];

	while (read(wake[0], junk, sizeof(junk)) > 0)
		;
}

int
sig_open_children(void)
{
	sigset_t child;
	int fd;

	if (sigemptyset(&child) == -1 || sigaddset(&child, SIGCHLD) == -1 ||
	    sigprocmask(SIG_BLOCK, &child, NULL) == -1)
		fatal("sigprocmask");
	fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd == -1)
		fatal("signalfd");
	handle(SIGPIPE, SIG_IGN);
	return fd;
}

void
sig_drain_children(int fd)
{
	struct signalfd_siginfo info;

	(void)!read(fd, &info, sizeof(info));
}

/*
 * A note is cleared only after it was seen, and before what it says is looked
 * at: one that comes in between is not lost.
 */
bool
sig_child(void)
{
	if (got_child == 0)
		return false;
	got_child = 0;
	return true;
}

bool
sig_hangup(void)
{
	if (got_hangup == 0)
		return false;
	got_hangup = 0;
	return true;
}

int
sig_quit(void)
{
	static int told;
	int all = got_quit, more = all - told;

	told = all;
	return more;
}

static void
change_mask(int how, sigset_t *was)
{
	sigset_t term;

	if (sigemptyset(&term) == -1 || sigaddset(&term, SIGTERM) == -1 ||
	    sigprocmask(how, &term, was) == -1)
		fatal("sigprocmask");
}

void
sig_ignore_quit(void)
{
	handle(SIGINT, SIG_IGN);
	handle(SIGHUP, SIG_IGN);
	/* As good as ignored where nobody waits with the other mask. */
	change_mask(SIG_BLOCK, &wait_mask);
	if (sigdelset(&wait_mask, SIGTERM) == -1)
		fatal("sigdelset");
	handle(SIGTERM, note_term);
	sig_catch_bus();
}

void
sig_catch_bus(void)
{
	handle(SIGBUS, bus_error);
}

void
sig_exec_defaults(void)
{
	handle(SIGTERM, SIG_DFL);
	handle(SIGINT, SIG_DFL);
	handle(SIGHUP, SIG_DFL);
	handle(SIGPIPE, SIG_DFL);
	change_mask(SIG_UNBLOCK, NULL);
}

bool
sig_terminated(void)
{
	return got_term != 0;
}

bool
sig_terminating(void)
{
	sigset_t pending;

	return sig_terminated() ||
	    (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1);
}

const sigset_t *
sig_wait_mask(void)
{
	return &wait_mask;
}
