/* SPDX-License-Identifier: ISC */
/* From plain text to TLS: RFC 2595.  Runs as: session. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "stls.h"
#include "words.h"

/* How often passing descriptors is tried, and the milliseconds between. */
enum { PASS_TRIES = 200, PASS_REST = 10 };

bool
stls_is_offered(const struct session *s)
{
	return s->set->stls != STLS_NONE && s->user[0] == '\0' &&
	    !s->protected && !s->utf8 && !s->stls_said;
}

/* Whether the attendant waits for the descriptors. */
static bool
is_expected(const struct session *s)
{
	struct request req = { .kind = REQUEST_TLS };
	struct verdict verdict;
	int none[CHANNEL_FDS];

	return channel_ask(s->channel, &req) == 0 &&
	    io_wait(s->channel, POLLIN, s->login_deadline) == 0 &&
	    channel_answered(s->channel, &verdict, none) == 0 &&
	    verdict.kind == VERDICT_YES;
}

/*
 * The kernel limits what all sessions together have under way: not for long, unless
 * a hostile one keeps that many there.
 */
static int
pass(int channel, const int *fds)
{
	int status;

	for (int i = 0; i < PASS_TRIES; i++) {
		status = channel_pass(channel, fds, CHANNEL_TLS_FDS);
		if (status == 0 || errno != ETOOMANYREFS)
			return status;
		clock_sleep_until(clock_ms() + PASS_REST);
	}
	return -1;
}

/*
 * Has a helper started.  Returns the descriptor on which the plain text is
 * awaited, or -1.
 */
static int
start_helper(const struct session *s)
{
	int ends[2], fds[CHANNEL_TLS_FDS], status = -1;

	if (channel_pair(ends) == -1)
		return -1;
	fds[CHANNEL_CLIENT] = s->in.fd;
	fds[CHANNEL_CONTROL] = ends[1];
	if (is_expected(s))
		status = pass(s->channel, fds);
	(void)close(ends[1]);
	if (status == 0 && io_wait(ends[0], POLLIN, s->login_deadline) == 0 &&
	    channel_passed(ends[0], NULL, 0) == 0)
		return ends[0];
	(void)close(ends[0]);
	return -1;
}

/* The plain text behind the handshake, or -1 where there was none. */
static int
await_plain(const struct session *s, int control)
{
	int fd = -1;

	if (io_wait(control, POLLIN, s->login_deadline) == 0)
		(void)channel_passed(control, &fd, 1);
	(void)close(control);
	return fd;
}

/* Puts descriptors of plain text in the place of the client's. */
static int
change_over(struct session *s, int in, int out)
{
	if (dup3(in, s->in.fd, O_CLOEXEC) == -1 ||
	    (s->out.fd != s->in.fd && dup3(out, s->out.fd, O_CLOEXEC) == -1))
		return -1;
	(void)close(in);
	if (out != in)
		(void)close(out);
	return 0;
}

static int
enter_helper(struct session *s, int control)
{
	int fd = await_plain(s, control);

	return fd == -1 ? -1 : change_over(s, fd, fd);
}

/* UCSPI-TLS: the server takes the client over, and has pipes for us. */
static int
enter_ucspi(struct session *s)
{
	const int *fds = s->set->ucspi;
	ssize_t n = write(fds[UCSPI_CONTROL], "y", 1);

	(void)close(fds[UCSPI_CONTROL]);
	return n == 1 ? change_over(s, fds[UCSPI_IN], fds[UCSPI_OUT]) : -1;
}

/*
 * What was said in clear is forgotten, whoever said it: commands behind this one,
 * which nobody protected from being slipped in.  A name outlasts no command.
 */
enum next
stls_begin(struct session *s, char **arg)
{
	int control = -1, status;

	(void)arg;
	if (s->protected)
		return session_refuse(s, "this is TLS already");
	if (s->utf8 && s->set->stls != STLS_NONE) /* RFC 6856 section 2.1 */
		return session_refuse(s, "STLS comes before UTF8");
	if (!stls_is_offered(s))
		return session_refuse(s, "TLS is not offered");
	s->stls_said = true;
	if (s->set->stls == STLS_HELPER) {
		control = start_helper(s);
		if (control == -1)
			return session_refuse(
			    s, "[SYS/TEMP] TLS cannot be begun now");
	}
	reply_ok(&s->out, "begin TLS");
	line_forget(&s->in);
	s->out.language = WORDS_ENGLISH;
	status = reply_flush(&s->out);
	if (status == 0)
		status = control == -1 ? enter_ucspi(s)
				       : enter_helper(s, control);
	s->protected = status == 0;
	if (s->protected)
		return NEXT_STAY;
	s->reason = "tls-handshake";
	return NEXT_CLOSE;
}
