/* SPDX-License-Identifier: ISC */
/*
 * POP3 up to the login: RFC 1939 sections 4 and 7, AUTH of RFC 5034, UTF8 of
 * RFC 6856.  Runs as: session.
 */

#include "login.h"
#include "maildrop.h"
#include "num.h"
#include "pop3.h"
#include "stls.h"

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
	s->state = &pop3_transaction;
	reply_ok(&s->out, "%s's maildrop has %ju message%s (%ju octet%s)",
	    s->user, PLURAL(mailbox_left(mb)), PLURAL(mailbox_octets(mb)));
	return NEXT_STAY;
}

static enum next
cmd_quit(struct session *s, char **arg)
{
	(void)arg;
	reply_ok(&s->out, "%s POP3 server signing off", s->set->host);
	s->reason = "quit";
	return NEXT_CLOSE;
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

/* clang-format off */
static const struct command commands[] = {
	{ "APOP", 2, 2,    NULL,   login_apop },
	{ "AUTH", 0, 2,    NULL,   login_auth },
	{ "CAPA", 0, 0,    NULL,   pop3_capa },
	{ "LANG", 0, 1,    "LANG", pop3_lang },
	{ "PASS", 1, REST, NULL,   login_pass },
	{ "QUIT", 0, 0,    NULL,   cmd_quit },
	{ "STLS", 0, 0,    "STLS", stls_begin },
	{ "USER", 1, 1,    "USER", login_user },
	{ "UTF8", 0, 0,    "UTF8 USER", cmd_utf8 },
};
/* clang-format on */

const struct state pop3_authorization = {
	"log in first",
	commands,
	sizeof(commands) / sizeof(commands[0]),
};

static const struct state *const states[] = {
	&pop3_authorization,
	&pop3_transaction,
	NULL,
};

const struct protocol pop3 = { states, greet, enter };
