/* SPDX-License-Identifier: ISC */
/* Signals: the one file that has handlers.  They note, and wake poll(). */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "log.h"
#include "sig.h"

static volatile sig_atomic_t got_child, got_hangup, got_quit, got_term;
static int wake[2] = { -1, -1 };
static sigset_t wait_mask;

static void
note(int sig)
{
	int saved = errno;

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

int
sig_open(void)
{
	if (pipe2(wake, O_NONBLOCK | O_CLOEXEC) == -1)
		fatal("pipe2");
	handle(SIGCHLD, note);
	handle(SIGTERM, note);
	handle(SIGINT, note);
	handle(SIGHUP, note);
	handle(SIGPIPE, SIG_IGN);
	return wake[0];
}

/* The numbers may be those of other descriptors by now: nothing is written. */
void
sig_leave(void)
{
	wake[0] = wake[1] = -1;
}

void
sig_drain(void)
{
	char junk[64];

	while (read(wake[0], junk, sizeof(junk)) > 0)
		;
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

void
sig_ignore_quit(void)
{
	handle(SIGTERM, SIG_IGN);
	handle(SIGINT, SIG_IGN);
	handle(SIGHUP, SIG_IGN);
}

void
sig_child_defaults(void)
{
	sigset_t term;

	if (sigemptyset(&term) == -1 || sigaddset(&term, SIGTERM) == -1 ||
	    sigprocmask(SIG_BLOCK, &term, &wait_mask) == -1 ||
	    sigdelset(&wait_mask, SIGTERM) == -1)
		fatal("sigprocmask");
	sig_leave();
	got_term = 0;
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
}

bool
sig_terminated(void)
{
	return got_term != 0;
}

const sigset_t *
sig_wait_mask(void)
{
	return &wait_mask;
}
