/* SPDX-License-Identifier: ISC */
/* A login conversation.  Runs as: attendant. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "attendant.h"
#include "clock.h"
#include "fds.h"
#include "io.h"
#include "journal.h"
#include "log.h"
#include "offer.h"
#include "peruser.h"
#include "sasl.h"
#include "secret.h"
#include "title.h"

/* Whose mailbox a credential is for, and what was found there. */
struct claim {
	const char *name, *by; /* whose, and how it is shown to be */
	const char *tried;     /* the password, or what is as good as one */
	int fd;                /* the mailbox, or -1 */
	struct secret secret;  /* its password line */
	const char *why;       /* it is refused, if it is */
};

struct conversation {
	const struct attendant_settings *set;
	struct registration *reg; /* proxied: it is still to say for whom */
	int channel;
	bool asked; /* the client has asked for something */
	unsigned int refused;
	bool erred; /* a credential was no good, or a request */
	bool admitted;
	struct claim claim;
	struct sasl sasl;
	bool passed; /* a client went to the launcher */
	struct guard guard;
};

enum {
	/* Milliseconds after which a challenge leaves that a name was looked up
	 * for: longer than that takes, and the same whether it is there or not. */
	CHALLENGE_TIME = 10,
	/*
	 * And by up to so much later still.  How soon a process wakes up depends on
	 * what the processor did before, by some hundredths of a millisecond: that
	 * must be little beside what varies anyway.
	 */
	BLUR = 10,
};

static const char unknown[] = "unknown-user";

static const enum verdict_kind verdict_of[] = {
	[USERS_OK] = VERDICT_YES,
	[USERS_NONE] = VERDICT_NO,
	[USERS_IN_USE] = VERDICT_IN_USE,
	[USERS_TEMP] = VERDICT_TEMP,
	[USERS_PERM] = VERDICT_PERM,
};

/*
 * Opens the mailbox of a name and reads its password line.  Returns 0, or -1 when
 * that cannot be done now; a mailbox that is not there has a line that lets nobody
 * in.
 */
static int
look_up(struct claim *claim, const struct users *users)
{
	enum users_status status = users_find(users, claim->name, &claim->fd);

	claim->why = "wrong-credential";
	if (status == USERS_OK && secret_read(claim->fd, &claim->secret) == 0)
		return 0;
	if (status == USERS_OK)
		log_warn("reading the password of %s", claim->name);
	if (status == USERS_PERM || status == USERS_TEMP)
		log_warn("opening the mailbox of %s", claim->name);
	claim->why = status == USERS_PERM ? "unreadable" : unknown;
	return status == USERS_PERM || status == USERS_NONE ? 0 : -1;
}

/* Lets time pass.  -1: nobody waits for the answer any more. */
static int
rest_until(const struct conversation *c, int64_t time)
{
	if (time <= clock_ms())
		return 0;
	return io_wait(c->channel, POLLRDHUP, time) == -1 && errno == ETIMEDOUT
	    ? 0
	    : -1;
}

/*
 * Looks up the mailbox of whom a credential is to show.  Right or wrong, who has
 * failed too often waits first, and *asked is the later.  Returns 0, or -1 when
 * nobody waits any more or the mailbox cannot be had now.
 */
static int
hear_claim(struct conversation *c, const char *name, const char *by,
    const char *tried, int64_t *asked)
{
	c->claim.name = name;
	c->claim.by = by;
	c->claim.tried = tried;
	*asked += guard_penalty(&c->guard);
	if (rest_until(c, *asked) == -1)
		return -1;
	return look_up(&c->claim, &c->set->users);
}

/* What was looked up, and the exchange that it was for, are over. */
static void
forget(struct conversation *c)
{
	fds_close(&c->claim.fd);
	explicit_bzero(&c->claim, sizeof(c->claim));
	c->claim.fd = -1;
	explicit_bzero(&c->sasl, sizeof(c->sasl));
}

/* A line of another form refuses what may well be the right password. */
static const char *
reason(const struct claim *claim)
{
	enum sasl_mechanism m = strcmp(claim->by, "APOP") == 0
	    ? SASL_CRAM_MD5
	    : sasl_find(claim->by);
	unsigned int served = offer_of_line(&claim->secret);

	if (m == SASL_MECHANISMS || served == 0 || (served >> m & 1) != 0)
		return claim->why;
	return "other-form";
}

/*
 * The refusal leaves at a time that the request fixed, but for the blur.  A name
 * that is unknown may be a password typed at the wrong prompt: not logged.
 */
static int
refuse(struct conversation *c, int64_t asked)
{
	const struct claim *claim = &c->claim;

	c->refused++;
	c->erred = true;
	log_info("login refused: user=%s addr=%s by=%s why=%s",
	    claim->why == unknown ? "-" : claim->name, c->reg->peer, claim->by,
	    reason(claim));
	guard_count(&c->guard, claim->name, claim->tried);
	asked = guard_due(&c->guard, asked, c->set->pause * c->refused);
	/* Not behind the answer, where it would take its time from the session. */
	forget(c);
	if (rest_until(c, asked) == -1)
		return -1;
	clock_blur(BLUR);
	if (channel_answer(c->channel, VERDICT_NO, "", NULL) == -1)
		return -1;
	return c->refused < c->set->tries ? 0 : -1;
}

/* The mailbox could not be had, whatever the credential was. */
static int
put_off(const struct conversation *c, enum users_status status)
{
	if (status == USERS_IN_USE)
		log_info("login put off: user=%s addr=%s why=%s", c->claim.name,
		    c->reg->peer,
		    c->reg->protocol == PROTOCOL_POP3 ? "in-use"
						      : "max-per-user");
	else
		log_warn("locking the mailbox of %s", c->claim.name);
	return channel_answer(c->channel, verdict_of[status], "", NULL);
}

static void
tell_listener(const struct conversation *c, struct notice *n)
{
	n->serial = c->reg->serial;
	/* A listener that is gone counts nobody any more. */
	if (c->set->notice_fd != -1 &&
	    channel_notify(c->set->notice_fd, n) == -1 && errno != EPIPE)
		log_warn("telling the listener of a session");
}

static int
hand_over(struct conversation *c, const struct mailbox_files *files)
{
	int fds[CHANNEL_FDS];

	log_info("login: user=%s addr=%s by=%s", c->claim.name, c->reg->peer,
	    c->claim.by);
	/* Before the client can know: it must not be told to make way. */
	tell_listener(c, &(struct notice){ .kind = NOTICE_LOGIN });
	fds[CHANNEL_MAILBOX] = files->fd;
	fds[CHANNEL_JOURNAL] = files->journal_fd;
	fds[CHANNEL_INDEX] = files->index_fd;
	if (channel_answer(c->channel, VERDICT_YES, c->claim.name, fds) == 0)
		c->admitted = true;
	else if (errno != EPIPE && errno != ECONNRESET)
		log_warn("handing over the mailbox of %s", c->claim.name);
	return -1;
}

/*
 * RFC 2449 section 6.5: whether it is too early for another login.  A delay that
 * cannot be kept does not keep anybody out.
 */
static bool
is_early(const struct conversation *c, int journal)
{
	uint64_t delay = peruser_of(c->set->login_delay, c->claim.name);
	int turn;

	if (delay == 0)
		return false;
	turn = journal_take_turn(journal, clock_wall_ns() / 1000000000, delay);
	if (turn == -1)
		log_warn("noting a login");
	if (turn == 0)
		log_info("login put off: user=%s addr=%s why=login-delay",
		    c->claim.name, c->reg->peer);
	return turn == 0;
}

/*
 * The credential is right: hands the mailbox over, locked where the protocol
 * wants it from the login on.
 */
static int
admit(struct conversation *c)
{
	struct mailbox_files files = { c->claim.fd, -1, -1 };
	enum users_status status;
	int answered;

	status = users_complete(&c->set->users, c->claim.name, &files);
	if (status == USERS_OK)
		status = c->reg->protocol == PROTOCOL_POP3
		    ? users_lock(&files)
		    : users_seat(&files, c->set->max_per_user);
	if (status != USERS_OK)
		answered = put_off(c, status);
	else if (c->reg->protocol == PROTOCOL_POP3 &&
	    is_early(c, files.journal_fd))
		answered = channel_answer(c->channel, VERDICT_EARLY, "", NULL);
	else
		answered = hand_over(c, &files);
	fds_close(&files.journal_fd);
	fds_close(&files.index_fd);
	return answered;
}

/* APOP: the digest is for the timestamp that the client was greeted with. */
static int
apop(struct conversation *c, const struct request *req, int64_t asked)
{
	if (hear_claim(c, req->name, "APOP", req->secret, &asked) == -1)
		return channel_answer(c->channel, VERDICT_TEMP, "", NULL);
	if (c->set->apop &&
	    secret_is_digest(&c->claim.secret, c->reg->stamp, req->secret))
		return admit(c);
	return refuse(c, asked);
}

/* A password as it is: PASS, PLAIN, LOGIN.  No password is none. */
static int
try_password(struct conversation *c, const char *name, const char *by,
    const char *password, int64_t asked)
{
	if (hear_claim(c, name, by, password, &asked) == -1)
		return channel_answer(c->channel, VERDICT_TEMP, "", NULL);
	if (password[0] != '\0' &&
	    guard_check(&c->guard, &c->claim.secret, password))
		return admit(c);
	return refuse(c, asked);
}

/* Takes a message of AUTH (RFC 5034); an answer only where one is due. */
static enum sasl_status
hear(struct conversation *c, const struct request *req)
{
	enum sasl_mechanism m = sasl_find(req->name);
	bool with_response = req->kind == REQUEST_AUTH_INITIAL;
	enum sasl_status status;

	if (req->kind == REQUEST_AUTH_ANSWER)
		return sasl_take(&c->sasl, req->secret, req->len);
	if (m == SASL_MECHANISMS || (c->set->mechanisms >> m & 1) == 0)
		return SASL_BAD;
	status = sasl_begin(&c->sasl, m, with_response, c->reg->stamp);
	if (status == SASL_CONTINUE && with_response)
		status = sasl_take(&c->sasl, req->secret, req->len);
	return status;
}

static int
auth(struct conversation *c, const struct request *req, int64_t asked)
{
	enum sasl_status status = hear(c, req);
	struct sasl *x = &c->sasl;
	unsigned char key[SITE_KEY];

	if (status == SASL_LOOKUP) {
		if (hear_claim(c, x->name, sasl_name(x->mechanism), x->proof,
			&asked) == -1)
			return channel_answer(
			    c->channel, VERDICT_TEMP, "", NULL);
		site_key(c->set->users.state_fd, key);
		status = sasl_look(x, &c->claim.secret, key);
		explicit_bzero(key, sizeof(key));
		if (status == SASL_CONTINUE) {
			clock_sleep_until(asked + CHALLENGE_TIME);
			clock_blur(BLUR);
		}
	}
	switch (status) {
	case SASL_CONTINUE:
		return channel_answer(
		    c->channel, VERDICT_MORE, x->challenge, NULL);
	case SASL_PASSWORD:
		return try_password(
		    c, x->name, sasl_name(x->mechanism), x->proof, asked);
	case SASL_GRANTED:
		return admit(c);
	case SASL_LOOKUP:
	case SASL_DENIED:
		return refuse(c, asked);
	case SASL_BAD:
		break;
	}
	c->erred = true;
	return channel_answer(c->channel, VERDICT_BAD, "", NULL);
}

/* Whether the mailbox is there; whoever hides its users does not say. */
static int
user(const struct conversation *c, const struct request *req)
{
	enum users_status status = USERS_OK;
	int fd = -1;

	if (!c->set->hide_users)
		status = users_find(&c->set->users, req->name, &fd);
	if (status == USERS_TEMP)
		log_warn("opening the mailbox of %s", req->name);
	fds_close(&fd);
	/* It is there; PASS will tell what is wrong with it. */
	if (status == USERS_PERM)
		status = USERS_OK;
	return channel_answer(c->channel, verdict_of[status], "", NULL);
}

/*
 * Passes the client on to the launcher: once, so that a session can have no more
 * helpers than a client that asks for TLS.
 */
static int
pass_client(struct conversation *c)
{
	int fds[CHANNEL_TLS_FDS], status;

	if (c->passed || c->set->launcher_fd == -1 ||
	    channel_answer(c->channel, VERDICT_YES, "", NULL) == -1 ||
	    io_wait(c->channel, POLLIN, clock_ms() + c->set->timeout) == -1 ||
	    channel_passed(c->channel, fds, CHANNEL_TLS_FDS) == -1)
		return -1;
	c->passed = true;
	status = channel_pass(c->set->launcher_fd, fds, CHANNEL_TLS_FDS);
	(void)close(fds[CHANNEL_CLIENT]);
	(void)close(fds[CHANNEL_CONTROL]);
	if (status == -1)
		log_warn("asking for a TLS helper");
	return 0;
}

/*
 * Whom a proxy speaks for: that is who counts and is logged from now on.  Nobody
 * else's session may say so, nor a proxy's at another time.
 */
static int
meet(struct conversation *c, const struct request *req)
{
	struct notice n = { .kind = NOTICE_PEER };

	if (!c->reg->proxied || c->asked ||
	    address_parse(req->name, &n.from) == -1)
		return -1;
	c->reg->proxied = 0;
	address_text(&n.from, c->reg->peer);
	title_set("attendant %s", c->reg->peer);
	guard_close(&c->guard);
	guard_open(&c->guard, &c->set->guard, &c->set->users, c->reg->peer);
	tell_listener(c, &n);
	return 0;
}

/* Answers a request; -1: the conversation is over. */
static int
answer(struct conversation *c, const struct request *req, int64_t asked)
{
	/* What AUTH has begun lasts as long as nothing else comes in. */
	if (req->kind != REQUEST_AUTH_ANSWER)
		forget(c);
	else if (c->sasl.due != SASL_CONTINUE)
		return -1;
	switch ((enum request_kind)req->kind) {
	case REQUEST_PEER:
		return meet(c, req);
	case REQUEST_USER:
		return user(c, req);
	case REQUEST_PASS:
		return try_password(c, req->name, "PASS", req->secret, asked);
	case REQUEST_APOP:
		return apop(c, req, asked);
	case REQUEST_TLS:
		return pass_client(c);
	case REQUEST_AUTH:
	case REQUEST_AUTH_INITIAL:
	case REQUEST_AUTH_ANSWER:
		break;
	}
	return auth(c, req, asked);
}

bool
attendant_run(const struct attendant_settings *set, int channel,
    const struct registration *reg)
{
	struct registration own = *reg;
	struct conversation c = {
		.set = set,
		.reg = &own,
		.channel = channel,
		.claim.fd = -1,
	};
	struct request req;
	int64_t now;
	int status;

	title_set("attendant %s", reg->peer);
	guard_open(&c.guard, &set->guard, &set->users, reg->peer);
	do {
		now = clock_ms();
		if (io_wait(channel, POLLIN, now + set->timeout) == -1)
			break;
		if (channel_asked(channel, &req) == -1) {
			c.erred = c.erred || errno != EPIPE;
			break;
		}
		status = answer(&c, &req, clock_ms());
		c.asked = c.asked || req.kind != REQUEST_PEER;
		if (c.sasl.due != SASL_CONTINUE)
			forget(&c);
		explicit_bzero(&req, sizeof(req));
	} while (status == 0);
	guard_close(&c.guard);
	return !c.erred && (c.admitted || !c.asked);
}
