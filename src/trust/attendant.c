/* SPDX-License-Identifier: ISC */
/* A login conversation.  Runs as: attendant. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "attendant.h"
#include "clock.h"
#include "io.h"
#include "journal.h"
#include "log.h"
#include "peruser.h"
#include "secret.h"
#include "title.h"

struct conversation {
	const struct attendant_settings *set;
	struct registration *reg;
	int channel;
	bool asked; /* something has been asked before */
	unsigned int refused;
	bool passed; /* a client went to the launcher */
	struct guard guard;
};

static const char *
method(const struct request *req)
{
	return req->kind == REQUEST_APOP ? "APOP" : "PASS";
}

static enum verdict_kind
verdict_of(enum users_status status)
{
	switch (status) {
	case USERS_OK:
		return VERDICT_YES;
	case USERS_NONE:
		return VERDICT_NO;
	case USERS_IN_USE:
		return VERDICT_IN_USE;
	case USERS_TEMP:
		return VERDICT_TEMP;
	case USERS_PERM:
		break;
	}
	return VERDICT_PERM;
}

/*
 * Whether the credential fits the password line of the mailbox at fd; without one,
 * -1, it does not, and takes as long.
 */
static enum verdict_kind
check(const struct conversation *c, const struct request *req, int fd)
{
	struct secret secret = { .kind = SECRET_NONE };
	bool right;

	if (fd != -1 && secret_read(fd, &secret) == -1) {
		log_warn("reading the password of %s", req->name);
		return VERDICT_TEMP;
	}
	if (req->kind == REQUEST_APOP)
		right = c->set->apop &&
		    secret_is_digest(&secret, c->reg->stamp, req->secret);
	else
		right = guard_check(&c->guard, &secret, req->secret);
	explicit_bzero(&secret, sizeof(secret));
	return right ? VERDICT_YES : VERDICT_NO;
}

/* The refusal leaves at a time that the request fixed. */
static int
refuse(struct conversation *c, const struct request *req, int64_t asked,
    const char *why, const char *name)
{
	c->refused++;
	log_info("login refused: user=%s addr=%s by=%s why=%s", name,
	    c->reg->peer, method(req), why);
	guard_count(&c->guard, req->name, req->secret);
	guard_wait(&c->guard, asked, c->set->pause * c->refused);
	if (channel_answer(c->channel, VERDICT_NO, NULL) == -1)
		return -1;
	return c->refused < c->set->tries ? 0 : -1;
}

/* The mailbox could not be had, whatever the credential was. */
static int
put_off(const struct conversation *c, const struct request *req,
    enum users_status status)
{
	if (status == USERS_IN_USE)
		log_info("login put off: user=%s addr=%s why=in-use", req->name,
		    c->reg->peer);
	else
		log_warn("locking the mailbox of %s", req->name);
	return channel_answer(c->channel, verdict_of(status), NULL);
}

static void
tell_listener(const struct conversation *c, struct notice *n)
{
	n->serial = c->reg->serial;
	if (c->set->notice_fd != -1 &&
	    channel_notify(c->set->notice_fd, n) == -1)
		log_warn("telling the listener of a session");
}

static int
hand_over(const struct conversation *c, const struct request *req,
    const struct mailbox_files *files)
{
	int fds[CHANNEL_FDS];

	log_info("login: user=%s addr=%s by=%s", req->name, c->reg->peer,
	    method(req));
	/* Before the client can know: it must not be told to make way. */
	tell_listener(c, &(struct notice){ .kind = NOTICE_LOGIN });
	fds[CHANNEL_MAILBOX] = files->fd;
	fds[CHANNEL_JOURNAL] = files->journal_fd;
	fds[CHANNEL_INDEX] = files->index_fd;
	(void)channel_answer(c->channel, VERDICT_YES, fds);
	return -1;
}

/*
 * RFC 2449 section 6.5: whether the user was here a moment ago.  A delay that
 * cannot be kept does not keep anybody out.
 */
static bool
is_early(const struct conversation *c, const struct request *req, int journal)
{
	uint64_t delay = peruser_of(c->set->login_delay, req->name);
	int turn;

	if (delay == 0)
		return false;
	turn = journal_take_turn(journal, clock_wall_ns() / 1000000000, delay);
	if (turn == -1)
		log_warn("noting a login");
	if (turn == 0)
		log_info("login put off: user=%s addr=%s why=login-delay",
		    req->name, c->reg->peer);
	return turn == 0;
}

/*
 * The credential is right: hands the mailbox over, locked where the protocol
 * wants it from the login on.
 */
static int
admit(const struct conversation *c, const struct request *req, int fd)
{
	struct mailbox_files files = { fd, -1, -1 };
	enum users_status status;
	int answered;

	status = users_complete(&c->set->users, req->name, &files);
	if (status == USERS_OK && c->reg->protocol == PROTOCOL_POP3)
		status = users_lock(&files);
	if (status != USERS_OK)
		answered = put_off(c, req, status);
	else if (c->reg->protocol == PROTOCOL_POP3 &&
	    is_early(c, req, files.journal_fd))
		answered = channel_answer(c->channel, VERDICT_EARLY, NULL);
	else
		answered = hand_over(c, req, &files);
	if (files.journal_fd != -1)
		(void)close(files.journal_fd);
	if (files.index_fd != -1)
		(void)close(files.index_fd);
	return answered;
}

static int
credential(struct conversation *c, const struct request *req, int64_t asked)
{
	const char *why = "wrong-credential", *name = req->name;
	enum verdict_kind verdict;
	int fd = -1, status;

	/* Right or wrong: who has failed too often waits. */
	asked += guard_penalty(&c->guard);
	clock_sleep_until(asked);
	switch (users_find(&c->set->users, req->name, &fd)) {
	case USERS_OK:
		break;
	case USERS_NONE:
	case USERS_IN_USE:
		/* Perhaps a password typed at the wrong prompt: not logged. */
		why = "unknown-user";
		name = "-";
		break;
	case USERS_PERM:
		log_warn("opening the mailbox of %s", req->name);
		why = "unreadable";
		break;
	case USERS_TEMP:
		log_warn("opening the mailbox of %s", req->name);
		return channel_answer(c->channel, VERDICT_TEMP, NULL);
	}
	verdict = check(c, req, fd);
	if (verdict == VERDICT_YES)
		status = admit(c, req, fd);
	else if (verdict == VERDICT_NO)
		status = refuse(c, req, asked, why, name);
	else
		status = channel_answer(c->channel, verdict, NULL);
	if (fd != -1)
		(void)close(fd);
	return status;
}

/* Whether the mailbox is there; whoever hides its users does not say. */
static int
user(const struct conversation *c, const struct request *req)
{
	enum users_status status = USERS_OK;
	int fd = -1;

	if (!c->set->hide_users)
		status = users_find(&c->set->users, req->name, &fd);
	if (fd != -1)
		(void)close(fd);
	/* It is there; PASS will tell what is wrong with it. */
	if (status == USERS_PERM)
		status = USERS_OK;
	return channel_answer(c->channel, verdict_of(status), NULL);
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
	    channel_answer(c->channel, VERDICT_YES, NULL) == -1 ||
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
	address_text(&n.from, c->reg->peer);
	title_set("attendant %s", c->reg->peer);
	guard_close(&c->guard);
	guard_open(&c->guard, &c->set->guard, &c->set->users, c->reg->peer);
	tell_listener(c, &n);
	return 0;
}

void
attendant_run(const struct attendant_settings *set, int channel,
    const struct registration *reg)
{
	struct registration own = *reg;
	struct conversation c = {
		.set = set,
		.reg = &own,
		.channel = channel,
	};
	struct request req;
	int64_t now;
	int status;

	title_set("attendant %s", reg->peer);
	guard_open(&c.guard, &set->guard, &set->users, reg->peer);
	do {
		now = clock_ms();
		if (io_wait(channel, POLLIN, now + set->timeout) == -1 ||
		    channel_asked(channel, &req) == -1)
			break;
		now = clock_ms();
		if (req.kind == REQUEST_PEER)
			status = meet(&c, &req);
		else if (req.kind == REQUEST_USER)
			status = user(&c, &req);
		else if (req.kind == REQUEST_TLS)
			status = pass_client(&c);
		else
			status = credential(&c, &req, now);
		c.asked = true;
		explicit_bzero(&req, sizeof(req));
	} while (status == 0);
	guard_close(&c.guard);
}
