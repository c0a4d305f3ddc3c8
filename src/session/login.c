/* SPDX-License-Identifier: ISC */
/* Logging in.  Runs as: session. */

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "clock.h"
#include "io.h"
#include "login.h"
#include "sasl.h"
#include "title.h"
#include "users.h"

/* Milliseconds an attendant may take beyond any pause: the price of a hash. */
enum { ATTENDANT_TIME = 300 * 1000 };

/*
 * When the client is gone, or was cut off to make way, nobody needs the verdict,
 * and the attendant is told so.  The session stays until the attendant has ended,
 * or its client could have more attendants than connections.
 */
static int
await_verdict(struct session *s)
{
	int64_t deadline = clock_ms() + ATTENDANT_TIME;
	int status = io_wait_heard(s->channel, POLLIN, s->out.fd, deadline);

	if (status == 0 || errno != EPIPE)
		return status;
	s->reason = "lost";
	(void)shutdown(s->channel, SHUT_WR);
	return io_wait(s->channel, POLLIN, deadline);
}

/*
 * Asks the attendant and takes its verdict.  Returns 0, or -1 when there is none
 * to be had any more.
 */
static int
ask(struct session *s, struct request *req, struct verdict *verdict,
    int fds[CHANNEL_FDS])
{
	int status = -1;

	if (channel_ask(s->channel, req) == 0 && await_verdict(s) == 0)
		status = channel_answered(s->channel, verdict, fds);
	explicit_bzero(req, sizeof(*req));
	return status;
}

static enum next
no_attendant(struct session *s)
{
	if (errno == ESHUTDOWN) {
		s->reason = "shutdown";
		return NEXT_CLOSE;
	}
	reply_err(&s->out, "[SYS/TEMP] logins are not possible now");
	if (s->reason == NULL)
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
	if (++s->refused < s->set->login_tries)
		return session_refuse(s, "[AUTH] wrong name or password");
	reply_err(&s->out, "[AUTH] wrong name or password, once too often");
	s->reason = "login-tries";
	return NEXT_CLOSE;
}

/* The last word of the attendant on a credential. */
static enum next
conclude(struct session *s, const struct verdict *verdict,
    const int fds[CHANNEL_FDS])
{
	if (fds[CHANNEL_MAILBOX] != -1)
		return enter(s, verdict->text, fds);
	switch ((enum verdict_kind)verdict->kind) {
	case VERDICT_IN_USE:
		return session_refuse(s,
		    "[IN-USE] the maildrop is in use by another session or a "
		    "delivery, try again later");
	case VERDICT_EARLY:
		return session_refuse(s,
		    "[LOGIN-DELAY] it is too early for another login, try "
		    "again later");
	case VERDICT_TEMP:
		return session_refuse(
		    s, "[SYS/TEMP] the maildrop cannot be opened now");
	case VERDICT_PERM:
		return session_refuse(
		    s, "[SYS/PERM] the maildrop cannot be opened");
	case VERDICT_BAD:
		return session_refuse(
		    s, "that is nothing that the mechanism knows");
	case VERDICT_YES:
	case VERDICT_NO:
	case VERDICT_MORE:
	case VERDICT_KINDS:
		break;
	}
	return refused(s);
}

static enum next answer(struct session *s, char *line);

/* Passes a credential or a message on, and what is said to it back. */
static enum next
exchange(struct session *s, struct request *req)
{
	char text[BASE64_TEXT(CHANNEL_TEXT)];
	int fds[CHANNEL_FDS] = { -1 };
	struct verdict verdict;

	if (ask(s, req, &verdict, fds) == -1)
		return no_attendant(s);
	if (verdict.kind != VERDICT_MORE)
		return conclude(s, &verdict, fds);
	base64_encode(verdict.text, strlen(verdict.text), text);
	reply_line(&s->out, "+ %s", text);
	s->answer = answer;
	return NEXT_STAY;
}

/* Tries a credential; kind says which. */
static enum next
log_in(struct session *s, enum request_kind kind, const char *name,
    const char *secret)
{
	struct request req = { .kind = kind };

	/* What does not fit is wrong, and costs what a wrong one costs. */
	(void)snprintf(
	    req.name, sizeof(req.name), "%s", users_is_name(name) ? name : "");
	(void)snprintf(req.secret, sizeof(req.secret), "%s", secret);
	return exchange(s, &req);
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

/* RFC 3206 section 5: it is the way of logging in that must change. */
static enum next
needs_tls(struct session *s)
{
	return session_refuse(s, "[AUTH] passwords are taken over TLS only");
}

static enum next
take_name(struct session *s, const char *name)
{
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	s->named = true;
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
	struct verdict verdict;
	bool is_name = users_is_name(arg[0]);

	if (!login_plain(s))
		return needs_tls(s);
	if (s->set->hide_users) {
		reply_ok(&s->out, "now the password");
		return take_name(s, is_name ? arg[0] : "");
	}
	if (!is_name)
		return session_refuse(s, "never heard of such a mailbox");
	(void)snprintf(req.name, sizeof(req.name), "%s", arg[0]);
	if (ask(s, &req, &verdict, fds) == -1)
		return no_attendant(s);
	if (verdict.kind == VERDICT_NO) {
		reply_err(&s->out, "never heard of mailbox %s", arg[0]);
		return NEXT_STAY;
	}
	if (verdict.kind != VERDICT_YES)
		return conclude(s, &verdict, fds);
	reply_ok(&s->out, "%s is a valid mailbox", arg[0]);
	return take_name(s, arg[0]);
}

static enum next
try_password(struct session *s, const char *password)
{
	if (!login_plain(s))
		return needs_tls(s);
	if (!s->named)
		return session_refuse(s, "USER first");
	s->named = false;
	return log_in(s, REQUEST_PASS, s->name, password);
}

enum next
login_pass(struct session *s, char **arg)
{
	enum next next = try_password(s, arg[0]);

	explicit_bzero(arg[0], strlen(arg[0]));
	return next;
}

enum next
login_apop(struct session *s, char **arg)
{
	if (!s->set->apop)
		return session_refuse(s, "APOP is not offered here");
	return log_in(s, REQUEST_APOP, arg[0], arg[1]);
}

static bool
is_offered(const struct session *s, enum sasl_mechanism m)
{
	return (s->set->mechanisms >> m & 1) != 0 &&
	    (!sasl_is_clear(m) || login_plain(s));
}

void
login_announce(struct session *s)
{
	char line[REPLY_LINE] = "SASL";
	size_t len = 4;

	for (unsigned int m = 0; m < SASL_MECHANISMS; m++)
		if (is_offered(s, m))
			len += (size_t)snprintf(line + len, sizeof(line) - len,
			    " %s", sasl_name(m));
	if (len > 4)
		reply_line(&s->out, "%s", line);
}

/* Older than CAPA, and in no RFC: some clients ask so what there is. */
static enum next
list_mechanisms(struct session *s)
{
	reply_ok(&s->out, "mechanisms follow");
	for (unsigned int m = 0; m < SASL_MECHANISMS; m++)
		if (is_offered(s, m))
			reply_line(&s->out, "%s", sasl_name(m));
	reply_end(&s->out);
	return NEXT_STAY;
}

/* A message in base64 for the attendant; wipes it here. */
static enum next
pass_on(struct session *s, struct request *req, char *text)
{
	size_t len = strlen(text), got;
	int status = base64_decode(
	    text, len, req->secret, sizeof(req->secret) - 1, &got);

	explicit_bzero(text, len);
	req->len = (uint32_t)got;
	if (status == 0)
		return exchange(s, req);
	explicit_bzero(req, sizeof(*req));
	return session_refuse(s, "that is no base64, or too much of it");
}

/* The client's answer to a challenge: base64, or "*" to give up. */
static enum next
answer(struct session *s, char *line)
{
	struct request req = { .kind = REQUEST_AUTH_ANSWER };

	s->answer = NULL;
	if (strcmp(line, "*") != 0)
		return pass_on(s, &req, line);
	return session_refuse(s, "given up");
}

enum next
login_auth(struct session *s, char **arg)
{
	struct request req = { .kind = REQUEST_AUTH };
	enum sasl_mechanism m;

	if (arg[0] == NULL)
		return list_mechanisms(s);
	m = sasl_find(arg[0]);
	if (m == SASL_MECHANISMS || (s->set->mechanisms >> m & 1) == 0)
		return session_refuse(s, "that mechanism is not offered here");
	if (!is_offered(s, m))
		return needs_tls(s);
	(void)snprintf(req.name, sizeof(req.name), "%s", sasl_name(m));
	if (arg[1] == NULL)
		return exchange(s, &req);
	req.kind = REQUEST_AUTH_INITIAL;
	/* "=" is a message of no octets (RFC 5034 section 4). */
	if (strcmp(arg[1], "=") == 0)
		*arg[1] = '\0';
	return pass_on(s, &req, arg[1]);
}
