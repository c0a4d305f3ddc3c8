/* SPDX-License-Identifier: ISC */
/* Logging in.  Runs as: session. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "login.h"
#include "title.h"
#include "users.h"

/* Milliseconds an attendant may take beyond any pause: the price of a hash. */
enum { ATTENDANT_TIME = 300 * 1000 };

/*
 * Asks the attendant and takes its verdict.  Returns 0, or -1 when there is none
 * to be had any more.
 */
static int
ask(struct session *s, struct request *req, enum verdict_kind *verdict,
    int fds[CHANNEL_FDS])
{
	int status = -1;

	if (s->channel != -1 && channel_ask(s->channel, req) == 0 &&
	    io_wait(s->channel, POLLIN, clock_ms() + ATTENDANT_TIME) == 0)
		status = channel_answered(s->channel, verdict, fds);
	explicit_bzero(req, sizeof(*req));
	return status;
}

void
login_introduce(const struct session *s)
{
	struct request req = { .kind = REQUEST_PEER };

	(void)snprintf(req.name, sizeof(req.name), "%s", s->peer);
	/* Where it fails, a login will, too. */
	(void)channel_ask(s->channel, &req);
}

static enum next
no_attendant(struct session *s)
{
	if (errno == ESHUTDOWN) {
		s->reason = "shutdown";
		return NEXT_CLOSE;
	}
	reply_err(&s->out, "[SYS/TEMP] logins are not possible now");
	s->reason = "no-attendant";
	return NEXT_CLOSE;
}

/* The credential is right, and the mailbox has come with the verdict. */
static enum next
enter(struct session *s, const char *name, const int fds[CHANNEL_FDS])
{
	(void)close(s->channel);
	s->channel = -1;
	(void)snprintf(s->user, sizeof(s->user), "%s", name);
	title_set("session %s %s", s->user, s->peer);
	s->mailbox.files = (struct mailbox_files){ fds[CHANNEL_MAILBOX],
		fds[CHANNEL_JOURNAL], fds[CHANNEL_INDEX] };
	return s->protocol->enter(s);
}

static enum next
refused(struct session *s)
{
	if (++s->refused < s->set->login_tries) {
		reply_err(&s->out, "[AUTH] wrong name or password");
		return NEXT_STAY;
	}
	reply_err(&s->out, "[AUTH] wrong name or password, once too often");
	s->reason = "login-tries";
	return NEXT_CLOSE;
}

/* Tries a credential; kind says which. */
static enum next
log_in(struct session *s, enum request_kind kind, const char *name,
    const char *secret)
{
	struct request req = { .kind = kind };
	int fds[CHANNEL_FDS] = { -1 };
	enum verdict_kind verdict;

	/* What does not fit is wrong, and costs what a wrong one costs. */
	(void)snprintf(
	    req.name, sizeof(req.name), "%s", users_is_name(name) ? name : "");
	(void)snprintf(req.secret, sizeof(req.secret), "%s", secret);
	if (ask(s, &req, &verdict, fds) == -1)
		return no_attendant(s);
	if (fds[CHANNEL_MAILBOX] != -1)
		return enter(s, name, fds);
	switch (verdict) {
	case VERDICT_IN_USE:
		reply_err(&s->out,
		    "[IN-USE] the maildrop is in use by another "
		    "session or a delivery, try again later");
		break;
	case VERDICT_EARLY:
		reply_err(&s->out,
		    "[LOGIN-DELAY] you were here a moment ago, try again "
		    "later");
		break;
	case VERDICT_TEMP:
		reply_err(&s->out,
		    "[SYS/TEMP] the maildrop cannot be opened "
		    "now");
		break;
	case VERDICT_PERM:
		reply_err(&s->out, "[SYS/PERM] the maildrop cannot be opened");
		break;
	case VERDICT_YES:
	case VERDICT_NO:
		return refused(s);
	}
	return NEXT_STAY;
}

/* Whether nothing between the client and here is another host's. */
static bool
is_local(const char *peer)
{
	return strcmp(peer, "local") == 0 || strcmp(peer, "::1") == 0 ||
	    strncmp(peer, "127.", 4) == 0;
}

bool
login_plain(const struct session *s)
{
	return s->protected ||
	    (is_local(s->peer) ? s->set->plain_local : s->set->plain_remote);
}

/* RFC 3206 section 4: it is the way of logging in that must change. */
static enum next
needs_tls(struct session *s)
{
	reply_err(&s->out, "[AUTH] passwords are taken over TLS only");
	return NEXT_STAY;
}

/*
 * RFC 1939 section 7.  Says whether the mailbox is there, unless names are
 * hidden.  A name that is no name is not said back.
 */
enum next
login_user(struct session *s, char **arg)
{
	struct request req = { .kind = REQUEST_USER };
	int fds[CHANNEL_FDS] = { -1 };
	enum verdict_kind verdict = VERDICT_YES;
	bool is_name = users_is_name(arg[0]);

	if (!login_plain(s))
		return needs_tls(s);
	if (!s->set->hide_users) {
		if (!is_name) {
			reply_err(&s->out, "never heard of such a mailbox");
			return NEXT_STAY;
		}
		(void)snprintf(req.name, sizeof(req.name), "%s", arg[0]);
		if (ask(s, &req, &verdict, fds) == -1)
			return no_attendant(s);
		if (verdict == VERDICT_NO) {
			reply_err(&s->out, "never heard of mailbox %s", arg[0]);
			return NEXT_STAY;
		}
	}
	(void)snprintf(s->name, sizeof(s->name), "%s", is_name ? arg[0] : "");
	s->named = true;
	if (s->set->hide_users)
		reply_ok(&s->out, "now the password");
	else
		reply_ok(&s->out, "%s is a valid mailbox", arg[0]);
	return NEXT_STAY;
}

enum next
login_pass(struct session *s, char **arg)
{
	enum next next;

	if (!login_plain(s))
		return needs_tls(s);
	if (!s->named) {
		reply_err(&s->out, "USER first");
		return NEXT_STAY;
	}
	s->named = false;
	next = log_in(s, REQUEST_PASS, s->name, arg[0]);
	explicit_bzero(arg[0], strlen(arg[0]));
	return next;
}

enum next
login_apop(struct session *s, char **arg)
{
	if (!s->set->apop) {
		reply_err(&s->out, "APOP is not offered here");
		return NEXT_STAY;
	}
	return log_in(s, REQUEST_APOP, arg[0], arg[1]);
}
