/* SPDX-License-Identifier: ISC */
/*
 * The original POP: RFC 918.  A transaction locks and opens the mailbox and says
 * how many octets it has, sends them, and removes what it sent if it was begun
 * with RDEL.  Runs as: session.
 */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lock.h"
#include "log.h"
#include "login.h"
#include "maildrop.h"
#include "num.h"
#include "pop1.h"

/* The states. */
enum { CALL, IDLE, TOLD, SENT };

/* Behind each message, as in the file. */
static const char empty_line[] = "\r\n";
enum { EMPTY_LINE = sizeof(empty_line) - 1 };

static void
greet(struct session *s)
{
	reply_ok(&s->out, "%s POP server ready", s->set->host);
}

/* The mailbox has come, but is not locked yet. */
static enum next
enter(struct session *s)
{
	s->state = IDLE;
	reply_ok(&s->out, "%s is logged in", s->user);
	return NEXT_STAY;
}

/* Whether it names the one mailbox that a user has. */
static bool
is_own(const struct session *s, const char *name)
{
	return name == NULL || strcmp(name, s->user) == 0 ||
	    strcasecmp(name, "mailbox") == 0 || strcasecmp(name, "inbox") == 0;
}

/* Returns 0, or -1 after a reply that says why not. */
static int
lock(struct session *s)
{
	const struct mailbox_files *files = &s->mailbox.files;

	if (lock_take(files->journal_fd, files->fd) == 0)
		return 0;
	if (errno == EWOULDBLOCK) {
		log_info("transaction put off: user=%s addr=%s why=in-use",
		    s->user, s->peer);
		reply_err(&s->out,
		    "[IN-USE] the maildrop is in use by another "
		    "session or a delivery, try again later");
		return -1;
	}
	log_warn("locking the mailbox of %s", s->user);
	if (errno == ESTALE)
		reply_err(&s->out,
		    "[SYS/TEMP] the maildrop was replaced by "
		    "another program, log in again");
	else
		reply_err(
		    &s->out, "[SYS/TEMP] the maildrop cannot be opened now");
	return -1;
}

/* Adds up what is to be sent.  Returns as lock(). */
static int
measure(struct session *s)
{
	uint64_t octets;

	s->told = 0;
	for (uint64_t n = 1; n <= mailbox_count(&s->mailbox); n++) {
		if (mailbox_mbox_octets(&s->mailbox, n, &octets) == -1) {
			log_warn(
			    "reading message %ju of %s", (uintmax_t)n, s->user);
			reply_err(&s->out,
			    "[SYS/TEMP] the maildrop cannot be read now");
			return -1;
		}
		s->told += octets + EMPTY_LINE;
	}
	return 0;
}

static enum next
begin(struct session *s, const char *name)
{
	if (!is_own(s, name))
		return session_refuse(s, "you have no such mailbox");
	if (lock(s) == -1)
		return NEXT_STAY;
	if (maildrop_open(s) == -1 || measure(s) == -1) {
		mailbox_leave(&s->mailbox);
		return NEXT_STAY;
	}
	s->state = TOLD;
	reply_line(&s->out, "#%ju", (uintmax_t)s->told);
	return NEXT_STAY;
}

static enum next
cmd_retr(struct session *s, char **arg)
{
	s->deleting = false;
	return begin(s, arg[0]);
}

static enum next
cmd_rdel(struct session *s, char **arg)
{
	s->deleting = true;
	return begin(s, arg[0]);
}

static int
send_message(struct session *s, uint64_t n)
{
	static char buf[MAILBOX_PIECE];
	struct mailbox_reader reader = { .n = n, .mbox = true };
	ssize_t got = mailbox_look(&s->mailbox, n);

	while (got != -1 && s->out.error == 0 &&
	    (got = mailbox_read(&s->mailbox, &reader, buf)) > 0)
		reply_data(&s->out, buf, (size_t)got);
	if (got == -1) {
		log_warn("reading message %ju of %s", (uintmax_t)n, s->user);
		return -1;
	}
	reply_end_line(&s->out);
	reply_data(&s->out, empty_line, EMPTY_LINE);
	return 0;
}

/* Sends as many octets as were told.  Returns -1 when there are not so many. */
static int
send_all(struct session *s)
{
	uint64_t n, count = mailbox_count(&s->mailbox);

	s->out.octets = 0;
	for (n = 1; n <= count && s->out.error == 0; n++)
		if (send_message(s, n) == -1)
			return -1;
	if (s->out.error != 0)
		return 0; /* the loop sees it */
	if (s->out.octets != s->told) {
		log_warnx("the mailbox of %s is not what it was", s->user);
		return -1;
	}
	s->retrieved += count;
	s->retrieved_octets += s->told;
	return 0;
}

/* There is no way to say no: the connection ends before the last octet. */
static enum next
cmd_rcev(struct session *s, char **arg)
{
	(void)arg;
	if (send_all(s) == -1) {
		mailbox_distrust(&s->mailbox);
		s->reason = "unreadable-message";
		return NEXT_CLOSE;
	}
	if (s->told > REPLY_BUFFER)
		reply_trim(&s->out);
	s->state = SENT;
	return NEXT_STAY;
}

/* Removes what was sent.  Returns 0, or -1 after a reply. */
static int
remove_all(struct session *s)
{
	for (uint64_t n = 1; n <= mailbox_count(&s->mailbox); n++)
		if (mailbox_mark(&s->mailbox, n) == -1) {
			reply_err(&s->out, "[SYS/TEMP] out of memory");
			return -1;
		}
	return maildrop_update(s);
}

static enum next
cmd_rcvd(struct session *s, char **arg)
{
	uint64_t count = mailbox_count(&s->mailbox);
	int status = 0;

	(void)arg;
	/* It may have been said before the data went out, and that may fail. */
	if (reply_flush(&s->out) == -1)
		return NEXT_STAY; /* the loop sees it */
	if (s->deleting)
		status = remove_all(s);
	mailbox_leave(&s->mailbox);
	s->state = IDLE;
	if (status == 0)
		reply_ok(&s->out, "%ju message%s %s", PLURAL(count),
		    s->deleting ? "deleted" : "kept");
	return NEXT_STAY;
}

/* In a transaction or without one. */
static enum next
cmd_rset(struct session *s, char **arg)
{
	(void)arg;
	mailbox_leave(&s->mailbox);
	s->state = IDLE;
	reply_ok(&s->out, "no transaction");
	return NEXT_STAY;
}

/* A transaction that is open ends with the session. */
static enum next
cmd_quit(struct session *s, char **arg)
{
	(void)arg;
	reply_ok(&s->out, "%s POP server signing off", s->set->host);
	s->reason = "quit";
	return NEXT_CLOSE;
}

static const char *const refusals[] = {
	[CALL] = "log in first",
	[IDLE] = "not now: RETR or RDEL begins a transaction",
	[TOLD] = "not now: RCEV comes next, or RSET",
	[SENT] = "not now: RCVD comes next, or RSET",
};

enum { LOGGED_IN = IN(IDLE) | IN(TOLD) | IN(SENT) };

/* clang-format off */
static const struct command commands[] = {
	{ "NOOP", LOGGED_IN,            0, 0,    NULL, session_noop },
	{ "PASS", IN(CALL),             1, REST, NULL, login_pass },
	{ "QUIT", IN(CALL) | LOGGED_IN, 0, 0,    NULL, cmd_quit },
	{ "RCEV", IN(TOLD),             0, 0,    NULL, cmd_rcev },
	{ "RCVD", IN(SENT),             0, 0,    NULL, cmd_rcvd },
	{ "RDEL", IN(IDLE),             0, 1,    NULL, cmd_rdel },
	{ "RECV", IN(TOLD),             0, 0,    NULL, cmd_rcev }, /* so in the RFC's diagram */
	{ "RETR", IN(IDLE),             0, 1,    NULL, cmd_retr },
	{ "RSET", LOGGED_IN,            0, 0,    NULL, cmd_rset },
	{ "USER", IN(CALL),             1, 1,    NULL, login_user },
	{ .verb = NULL },
};
/* clang-format on */

const struct protocol pop1 = { commands, refusals, greet, enter };
