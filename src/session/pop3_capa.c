/* SPDX-License-Identifier: ISC */
/* CAPA: RFC 2449 section 5.  Runs as: session. */

#include <stdio.h>

#include "login.h"
#include "num.h"
#include "peruser.h"
#include "pop3.h"
#include "stls.h"

/*
 * A capability whose value may be a user's own: in AUTHORIZATION the one that
 * holds for everybody (RFC 2449 sections 6.5 and 6.7).
 */
static void
announce_value(struct session *s, const char *tag, const char *setting,
    uint64_t everybodys)
{
	uint64_t least, most, value = everybodys;
	char number[NUM_DIGITS + 1] = "NEVER";

	peruser_range(setting, &least, &most);
	if (s->user[0] != '\0')
		value = peruser_of(setting, s->user);
	if (value != PERUSER_NEVER)
		(void)snprintf(number, sizeof(number), "%ju", (uintmax_t)value);
	reply_line(&s->out, "%s %s%s", tag, number,
	    s->user[0] == '\0' && least != most ? " USER" : "");
}

static void
announce_policies(struct session *s)
{
	uint64_t least, most;

	peruser_range(s->set->login_delay, &least, &most);
	announce_value(s, "LOGIN-DELAY", s->set->login_delay, most);
	peruser_range(s->set->expire, &least, &most);
	announce_value(s, "EXPIRE", s->set->expire, least);
}

static bool
is_offered(const struct session *s, const struct command *cmd)
{
	if (cmd->run == login_user && !login_plain(s))
		return false;
	if (cmd->run == stls_begin && !stls_is_offered(s))
		return false;
	return cmd->capability != NULL;
}

/*
 * RFC 2449 section 5: what is announced before the login is announced after it,
 * so the whole table is printed in both states.
 */
enum next
pop3_capa(struct session *s, char **arg)
{
	const struct command *cmd;

	(void)arg;
	reply_ok(&s->out, "capabilities follow");
	for (cmd = s->protocol->commands; cmd->verb != NULL; cmd++)
		if (is_offered(s, cmd))
			reply_line(&s->out, "%s", cmd->capability);
	reply_line(&s->out, "RESP-CODES");
	reply_line(&s->out, "AUTH-RESP-CODE"); /* RFC 3206 section 6 */
	reply_line(&s->out, "PIPELINING");
	login_announce(s);
	announce_policies(s);
	reply_line(&s->out, "IMPLEMENTATION restante%s",
	    s->set->show_version ? "-" VERSION : "");
	reply_end(&s->out);
	return NEXT_STAY;
}
