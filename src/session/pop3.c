/* SPDX-License-Identifier: ISC */
/*
 * POP3: RFC 1939, LAST of RFC 1460, UTF8 and LANG of RFC 6856.  Runs as: session.
 */

#include <errno.h>
#include <string.h>

#include "log.h"
#include "login.h"
#include "maildrop.h"
#include "num.h"
#include "pop3.h"
#include "stls.h"
#include "words.h"

/* The states: RFC 1939 sections 4 and 5. */
enum { AUTHORIZATION, TRANSACTION };

/* Messages whose listing fills more than a few pages. */
enum { LONG_LISTING = 512 };

static void
greet(struct session *s)
{
	if (s->set->apop)
		reply_ok(
		    &s->out, "%s POP3 server ready %s", s->set->host, s->stamp);
	else
		reply_ok(&s->out, "%s POP3 server ready", s->set->host);
}

/* The mailbox has come locked, and stays so. */
static enum next
enter(struct session *s)
{
	const struct mailbox *mb = &s->mailbox;

	if (maildrop_open(s) == -1) {
		s->reason = "unusable-mailbox";
		return NEXT_CLOSE;
	}
	s->state = TRANSACTION;
	reply_ok(&s->out, "%s's maildrop has %ju message%s (%ju octet%s)",
	    s->user, PLURAL(mailbox_left(mb)), PLURAL(mailbox_octets(mb)));
	return NEXT_STAY;
}

/* RFC 6856 section 2.1.  Names and passwords may be in UTF-8 without it. */
static enum next
cmd_utf8(struct session *s, char **arg)
{
	(void)arg;
	s->utf8 = true;
	reply_ok(&s->out, "UTF-8 is fine");
	return NEXT_STAY;
}

static void
list_languages(struct session *s)
{
	reply_ok(&s->out, "languages follow");
	for (int i = 0; i < WORDS_LANGUAGES; i++)
		reply_line(&s->out, "%s %s", words_languages[i].tag,
		    words_languages[i].name);
	reply_end(&s->out);
}

/*
 * RFC 6856 section 3.  The language is what the client asks for, and never follows
 * from a name.
 */
static enum next
cmd_lang(struct session *s, char **arg)
{
	int language;

	if (arg[0] == NULL) {
		list_languages(s);
		return NEXT_STAY;
	}
	language = strcmp(arg[0], "*") == 0 ? s->set->language
					    : words_look_up(arg[0]);
	if (language == -1)
		return session_refuse(s, "no such language here");
	s->out.language = language;
	reply_ok(&s->out, "%s in English from here on",
	    words_languages[language].tag);
	return NEXT_STAY;
}

/*
 * The message that an argument names, or 0 after a reply that says what is wrong
 * with it.
 */
static uint64_t
message(struct session *s, const char *arg)
{
	uint64_t n;

	if (num_parse(arg, mailbox_count(&s->mailbox), &n) == -1) {
		if (errno == EINVAL)
			reply_err(&s->out, "that is not a message number");
		else
			reply_err(&s->out,
			    "no such message, only %ju in the maildrop",
			    (uintmax_t)mailbox_count(&s->mailbox));
		return 0;
	}
	if (n == 0) {
		reply_err(&s->out, "messages are numbered from 1");
		return 0;
	}
	if (mailbox_marked(&s->mailbox, n)) {
		reply_err(
		    &s->out, "message %ju is deleted already", (uintmax_t)n);
		return 0;
	}
	return n;
}

/* Whether the header of message n has octets that are not ASCII. */
static bool
has_raw_header(struct session *s, uint64_t n)
{
	static char buf[MAILBOX_PIECE];
	struct mailbox_reader reader = { .n = n };
	struct mbox_top top = { .lines = 0 };
	ssize_t got;
	size_t len;

	while (
	    !top.done && (got = mailbox_read(&s->mailbox, &reader, buf)) > 0) {
		len = mbox_top(&top, buf, (size_t)got);
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)buf[i] >= 0x80)
				return true;
	}
	return false;
}

/*
 * As message(), for commands that ask for its size or its text.
 *
 * RFC 6856 deviation: a header that is not ASCII goes to a client that has not
 * said UTF8 as it is, unless utf8-strict is set.  All servers did so before there
 * was an RFC, and clients cope; what they cannot get they cannot delete either.
 */
static uint64_t
readable_message(struct session *s, const char *arg)
{
	uint64_t n = message(s, arg);

	if (n == 0 || s->utf8 || !s->set->utf8_strict || !has_raw_header(s, n))
		return n;
	reply_err(&s->out,
	    "[UTF8] the header of message %ju is not ASCII, say UTF8 before "
	    "the login",
	    (uintmax_t)n);
	return 0;
}

/* Ends a listing; one of many messages gives its memory back. */
static void
end_listing(struct session *s)
{
	reply_end(&s->out);
	if (mailbox_count(&s->mailbox) > LONG_LISTING)
		reply_trim(&s->out);
}

static enum next
cmd_stat(struct session *s, char **arg)
{
	(void)arg;
	reply_ok(&s->out, "%ju %ju", (uintmax_t)mailbox_left(&s->mailbox),
	    (uintmax_t)mailbox_octets(&s->mailbox));
	return NEXT_STAY;
}

static enum next
cmd_list(struct session *s, char **arg)
{
	struct mailbox *mb = &s->mailbox;
	uint64_t n;

	if (arg[0] != NULL) {
		n = readable_message(s, arg[0]);
		if (n != 0)
			reply_ok(&s->out, "%ju %ju", (uintmax_t)n,
			    (uintmax_t)mailbox_message_octets(mb, n));
		return NEXT_STAY;
	}
	reply_ok(&s->out, "%ju message%s (%ju octet%s)",
	    PLURAL(mailbox_left(mb)), PLURAL(mailbox_octets(mb)));
	for (n = 1; n <= mailbox_count(mb) && s->out.error == 0; n++)
		if (!mailbox_marked(mb, n))
			reply_line(&s->out, "%ju %ju", (uintmax_t)n,
			    (uintmax_t)mailbox_message_octets(mb, n));
	end_listing(s);
	return NEXT_STAY;
}

static enum next
cmd_uidl(struct session *s, char **arg)
{
	struct mailbox *mb = &s->mailbox;
	char id[MAILBOX_ID_SIZE];
	uint64_t n;

	if (arg[0] != NULL) {
		n = message(s, arg[0]);
		if (n == 0)
			return NEXT_STAY;
		mailbox_id(mb, n, id);
		reply_ok(&s->out, "%ju %s", (uintmax_t)n, id);
		return NEXT_STAY;
	}
	reply_ok(&s->out, "unique-ids follow");
	for (n = 1; n <= mailbox_count(mb) && s->out.error == 0; n++)
		if (!mailbox_marked(mb, n)) {
			mailbox_id(mb, n, id);
			reply_line(&s->out, "%ju %s", (uintmax_t)n, id);
		}
	end_listing(s);
	return NEXT_STAY;
}

/*
 * Sends message n, or with top the part of it that TOP wants.  Returns -1 when it
 * broke off: the connection must end then, without a terminator, since the client
 * would take what it has for the whole message.
 */
static int
send_message(struct session *s, uint64_t n, struct mbox_top *top)
{
	static char buf[MAILBOX_PIECE];
	struct mailbox_reader reader = { .n = n };
	ssize_t got;
	size_t len;

	s->out.octets = 0;
	while ((got = mailbox_read(&s->mailbox, &reader, buf)) > 0) {
		len = (size_t)got;
		if (top != NULL)
			len = mbox_top(top, buf, len);
		reply_body(&s->out, buf, len);
		if (s->out.error != 0)
			return 0; /* the loop sees it */
		if (top != NULL && top->done)
			break;
	}
	if (got == -1) {
		log_warn("reading message %ju of %s", (uintmax_t)n, s->user);
		return -1;
	}
	if (top == NULL &&
	    reply_octets(&s->out) != mailbox_message_octets(&s->mailbox, n)) {
		log_warnx("message %ju of %s is not what it was", (uintmax_t)n,
		    s->user);
		return -1;
	}
	reply_end(&s->out);
	return 0;
}

/* Message n cannot be sent, as errno says. */
static enum next
refuse_message(struct session *s, uint64_t n)
{
	log_warn("message %ju of %s", (uintmax_t)n, s->user);
	if (errno != ESTALE)
		return session_refuse(
		    s, "[SYS/TEMP] the message cannot be read now");
	mailbox_distrust(&s->mailbox);
	return session_refuse(s,
	    "[SYS/TEMP] the maildrop was changed by another program, "
	    "log in again");
}

/* The reply to RETR and TOP. */
static enum next
retrieve(struct session *s, uint64_t n, struct mbox_top *top)
{
	uint64_t octets = mailbox_message_octets(&s->mailbox, n);

	if (mailbox_look(&s->mailbox, n) == -1)
		return refuse_message(s, n);
	if (top == NULL)
		reply_ok(&s->out, "%ju octet%s", PLURAL(octets));
	else
		reply_ok(&s->out, "top of message follows");
	if (send_message(s, n, top) == -1) {
		/* What has been said is sent, the rest is silence. */
		mailbox_distrust(&s->mailbox);
		s->reason = "unreadable-message";
		return NEXT_CLOSE;
	}
	if (octets > REPLY_BUFFER)
		reply_trim(&s->out);
	if (top == NULL && s->out.error == 0) {
		s->retrieved++;
		s->retrieved_octets += octets;
		if (n > s->last)
			s->last = n;
	}
	return NEXT_STAY;
}

static enum next
cmd_retr(struct session *s, char **arg)
{
	uint64_t n = readable_message(s, arg[0]);

	return n == 0 ? NEXT_STAY : retrieve(s, n, NULL);
}

static enum next
cmd_top(struct session *s, char **arg)
{
	uint64_t n = readable_message(s, arg[0]);
	struct mbox_top top = { 0 };

	if (n == 0)
		return NEXT_STAY;
	/* A number too large for us is more lines than any message has. */
	if (num_parse(arg[1], UINT64_MAX, &top.lines) == -1) {
		if (errno == EINVAL)
			return session_refuse(
			    s, "that is not a number of lines");
		top.lines = UINT64_MAX;
	}
	return retrieve(s, n, &top);
}

static enum next
cmd_dele(struct session *s, char **arg)
{
	uint64_t n = message(s, arg[0]);

	if (n == 0)
		return NEXT_STAY;
	if (mailbox_mark(&s->mailbox, n) == -1)
		return session_refuse(s, "[SYS/TEMP] out of memory");
	if (n > s->last)
		s->last = n;
	reply_ok(&s->out, "message %ju deleted", (uintmax_t)n);
	return NEXT_STAY;
}

static enum next
cmd_rset(struct session *s, char **arg)
{
	const struct mailbox *mb = &s->mailbox;

	(void)arg;
	mailbox_unmark_all(&s->mailbox);
	s->last = 0;
	reply_ok(&s->out, "maildrop has %ju message%s (%ju octet%s)",
	    PLURAL(mailbox_left(mb)), PLURAL(mailbox_octets(mb)));
	return NEXT_STAY;
}

static enum next
cmd_last(struct session *s, char **arg)
{
	(void)arg;
	reply_ok(&s->out, "%ju", (uintmax_t)s->last);
	return NEXT_STAY;
}

/*
 * RFC 1939 section 6.  After the login the reply is prepared when the removal is
 * durable.
 */
static enum next
cmd_quit(struct session *s, char **arg)
{
	(void)arg;
	/* What goes must have been sent: QUIT may be said before that. */
	if (s->mailbox.marked > 0 && reply_flush(&s->out) == -1)
		return NEXT_STAY; /* the loop sees it */
	s->reason = "quit";
	if (s->state == AUTHORIZATION)
		reply_ok(&s->out, "%s POP3 server signing off", s->set->host);
	else if (maildrop_update(s) == -1)
		s->reason = "update-failed";
	else if (s->left == 0)
		reply_ok(&s->out, "%s POP3 server signing off (maildrop empty)",
		    s->set->host);
	else
		reply_ok(&s->out,
		    "%s POP3 server signing off (%ju message%s left)",
		    s->set->host, PLURAL(s->left));
	return NEXT_CLOSE;
}

static const char *const refusals[] = {
	[AUTHORIZATION] = "log in first",
	[TRANSACTION] = "you are logged in already",
};

enum { AUTH = IN(AUTHORIZATION), TRANS = IN(TRANSACTION) };

/* In the order in which CAPA tells of them. */
/* clang-format off */
static const struct command commands[] = {
	{ "APOP", AUTH,         2, 2,    NULL,   login_apop },
	{ "AUTH", AUTH,         0, 2,    NULL,   login_auth },
	{ "CAPA", AUTH | TRANS, 0, 0,    NULL,   pop3_capa },
	{ "LANG", AUTH | TRANS, 0, 1,    "LANG", cmd_lang },
	{ "PASS", AUTH,         1, REST, NULL,   login_pass },
	{ "QUIT", AUTH | TRANS, 0, 0,    NULL,   cmd_quit },
	{ "STLS", AUTH,         0, 0,    "STLS", stls_begin },
	{ "USER", AUTH,         1, 1,    "USER", login_user },
	{ "UTF8", AUTH,         0, 0,    "UTF8 USER", cmd_utf8 },
	{ "DELE", TRANS,        1, 1,    NULL,   cmd_dele },
	{ "LAST", TRANS,        0, 0,    NULL,   cmd_last },
	{ "LIST", TRANS,        0, 1,    NULL,   cmd_list },
	{ "NOOP", TRANS,        0, 0,    NULL,   session_noop },
	{ "RETR", TRANS,        1, 1,    NULL,   cmd_retr },
	{ "RSET", TRANS,        0, 0,    NULL,   cmd_rset },
	{ "STAT", TRANS,        0, 0,    NULL,   cmd_stat },
	{ "TOP",  TRANS,        2, 2,    "TOP",  cmd_top },
	{ "UIDL", TRANS,        0, 1,    "UIDL", cmd_uidl },
	{ .verb = NULL },
};
/* clang-format on */

const struct protocol pop3 = { commands, refusals, greet, enter };
