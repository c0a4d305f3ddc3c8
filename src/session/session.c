/* SPDX-License-Identifier: ISC */
/* A connection, from its greeting to its end.  Runs as: session. */

#include <sys/socket.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "io.h"
#include "log.h"
#include "login.h"
#include "pop1.h"
#include "pop3.h"
#include "proxy.h"
#include "title.h"
#include "utf8.h"

enum {
	/* Commands in a row that make no sense, then the client is no client. */
	MAX_BAD = 100,
	/* Arguments of a command: two, and one too many. */
	MAX_ARGUMENTS = 3,
};

/* Milliseconds and octets for which the client's last words are awaited. */
enum { LINGER_TIME = 2000, LINGER_OCTETS = 1024 * 1024 };

_Static_assert((int)PROXY_V2_MAX < (int)LINE_BUFFER, "a header fits");

static const struct protocol *const protocols[PROTOCOL_KINDS] = {
	[PROTOCOL_POP3] = &pop3,
	[PROTOCOL_POP1] = &pop1,
};

/* Whether every octet is printable ASCII or a blank. */
static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

/* RFC 6856 section 2.2: names and passwords may be in UTF-8, as CAPA announces it. */
static bool
takes_utf8(const struct command *cmd)
{
	return cmd != NULL &&
	    (cmd->run == login_user || cmd->run == login_pass ||
		cmd->run == login_apop);
}

static bool
is_utf8_text(const char *s)
{
	if (!utf8_is_well_formed(s))
		return false;
	while (*s != '\0' && !iscntrl((unsigned char)*s))
		s++;
	return *s == '\0';
}

static const struct command *
find(const struct command *cmd, const char *verb)
{
	for (; cmd->verb != NULL; cmd++)
		if (strcasecmp(cmd->verb, verb) == 0)
			return cmd;
	return NULL;
}

/*
 * Splits what follows the keyword at single blanks.  Returns how many arguments,
 * at most MAX_ARGUMENTS, or -1 when two blanks are next to each other.  Blanks at
 * the end do not count: old clients send them.
 */
static int
split(char *rest, char **arg)
{
	size_t len = strlen(rest);
	int n = 0;

	while (len > 0 && rest[len - 1] == ' ')
		rest[--len] = '\0';
	if (len == 0)
		return 0;
	while (n < MAX_ARGUMENTS) {
		arg[n++] = rest;
		if (*rest == ' ')
			return -1;
		rest = strchr(rest, ' ');
		if (rest == NULL)
			break;
		*rest++ = '\0';
	}
	return n;
}

static enum next
bad(struct session *s, const char *why)
{
	s->named = false;
	reply_err_text(&s->out, why);
	if (++s->bad < MAX_BAD)
		return NEXT_STAY;
	s->reason = "bad-commands";
	return NEXT_CLOSE;
}

/* The keyword is known: are its arguments as the row says? */
static enum next
run(struct session *s, const struct command *cmd, char *rest)
{
	char *arg[MAX_ARGUMENTS] = { NULL };
	int n;

	if (cmd->argmax == REST) {
		arg[0] = rest;
		n = rest == NULL ? 0 : 1;
	} else {
		n = rest == NULL ? 0 : split(rest, arg);
	}
	if (n == -1)
		return bad(s, "one blank between words, please");
	if ((unsigned int)n < cmd->argmin)
		return bad(s,
		    n == 0 ? "this command needs an argument"
			   : "this command needs another argument");
	if ((unsigned int)n > cmd->argmax)
		return bad(s,
		    cmd->argmax == 0 ? "this command takes no argument"
				     : "too many arguments");
	s->bad = 0;
	return cmd->run(s, arg);
}

/*
 * A command line.  USER counts only for the command right behind it
 * (RFC 1939 section 7), whatever becomes of that one.
 */
static enum next
obey(struct session *s, char *line)
{
	const struct command *cmd;
	bool ascii = is_ascii(line);
	char *rest = strchr(line, ' ');

	if (rest != NULL)
		*rest++ = '\0';
	cmd = find(s->protocol->commands, line);
	if (rest != NULL && takes_utf8(cmd)) {
		if (!is_utf8_text(rest))
			return bad(
			    s, "only printable characters in UTF-8, please");
	} else if (!ascii) {
		return bad(s, "only printable ASCII, please");
	}
	if (cmd == NULL)
		return bad(s, "unknown command");
	if ((cmd->states & IN(s->state)) == 0)
		return bad(s, s->protocol->refusals[s->state]);
	s->named = s->named && cmd->run == login_pass;
	return run(s, cmd, rest);
}

/* A word for the log: why nothing has come, or gone. */
static const char *
why(int error)
{
	if (error == ETIMEDOUT)
		return "timeout";
	return error == ESHUTDOWN ? "shutdown" : "lost";
}

/* Reads a command and answers it. */
static enum next
turn(struct session *s)
{
	int64_t now, deadline;
	char *line;

	/* Answers to a burst leave together, but not after a wait. */
	if (!line_waits(&s->in))
		(void)reply_flush(&s->out);
	/* A client that is lost is not obeyed: its QUIT would delete. */
	if (s->out.error != 0) {
		s->reason = s->out.error == ETIMEDOUT ? "not-reading"
						      : why(s->out.error);
		return NEXT_CLOSE;
	}
	now = clock_ms();
	deadline = now + s->set->idle_timeout;
	if (s->user[0] == '\0' && s->login_deadline < deadline)
		deadline = s->login_deadline;
	/* Also for a client that never lets the reader wait. */
	if (deadline < now) {
		s->reason = why(ETIMEDOUT);
		return NEXT_CLOSE;
	}
	s->in.most = s->answer == NULL ? LINE_MAX_OCTETS : LINE_AUTH_OCTETS;
	switch (line_read(&s->in, deadline, &line)) {
	case LINE_OK:
		return s->answer == NULL ? obey(s, line) : s->answer(s, line);
	case LINE_BAD:
		s->answer = NULL;
		return bad(s, "a line that is too long or holds a NUL");
	case LINE_NONE:
		break;
	}
	s->reason = why(errno);
	return NEXT_CLOSE;
}

/*
 * Ends the connection so that the last answer arrives: closing with octets
 * unread would reset it.  Those that have come are read also when the server
 * stops at once, and others are not awaited.
 */
static void
hang_up(struct session *s)
{
	int64_t deadline = clock_ms() + LINGER_TIME;
	size_t left = LINGER_OCTETS;
	char junk[4096];
	ssize_t n;

	if (reply_flush(&s->out) == -1 || shutdown(s->out.fd, SHUT_WR) == -1)
		return;
	while (left >= sizeof(junk)) {
		n = read(s->in.fd, junk, sizeof(junk));
		if (n > 0)
			left -= (size_t)n;
		else if (n == 0 || errno != EAGAIN ||
		    io_wait(s->in.fd, POLLIN, deadline) == -1)
			break;
	}
}

static void
log_end(const struct session *s, int64_t started)
{
	log_info("end: user=%s addr=%s retrieved=%ju octets=%ju deleted=%ju "
		 "left=%ju seconds=%jd reason=%s",
	    s->user[0] == '\0' ? "-" : s->user, s->peer,
	    (uintmax_t)s->retrieved, (uintmax_t)s->retrieved_octets,
	    (uintmax_t)s->deleted, (uintmax_t)s->left,
	    (intmax_t)((clock_ms() - started) / 1000), s->reason);
}

/*
 * Reads what a proxy says of its client, and takes it out of what has come.  0, or
 * -1 with the reason set.
 */
static int
read_header(struct session *s, struct proxy_header *h)
{
	struct line_reader *in = &s->in;
	enum proxy_status status = PROXY_MORE;

	while (status == PROXY_MORE) {
		if (line_more(in, s->login_deadline) == -1) {
			s->reason = why(errno);
			return -1;
		}
		status = proxy_parse(
		    in->buf + in->start, in->end - in->start, h);
	}
	if (status == PROXY_BAD) {
		s->reason = "proxy-header";
		return -1;
	}
	in->start += h->len;
	return 0;
}

/*
 * From then on the session's peer is the client, and the attendant has been told.
 * Returns as read_header().
 */
static int
meet_proxy(struct session *s)
{
	struct request req = { .kind = REQUEST_PEER };
	struct proxy_header h;

	if (read_header(s, &h) == -1)
		return -1;
	switch (h.client) {
	case PROXY_ITSELF:
		break;
	case PROXY_UNKNOWN:
		/* Not the proxy's own: that one may be trusted. */
		s->peer = "unknown";
		break;
	case PROXY_KNOWN:
		address_text(&h.address, s->client);
		s->peer = s->client;
		(void)snprintf(req.name, sizeof(req.name), "%s", s->peer);
		/* Where it fails, a login will, too. */
		(void)channel_ask(s->channel, &req);
		break;
	}
	s->protected = s->protected || h.tls;
	title_set("session - %s", s->peer);
	return 0;
}

/*
 * The client is greeted, and once it has said something there is an attendant.
 * A proxy speaks before that.  0, or -1 with the reason set.
 */
static int
welcome(struct session *s, const struct session_links *links,
    const struct registration *reg)
{
	int64_t deadline = clock_ms() + s->set->idle_timeout;
	int error;

	if (!reg->proxied) {
		s->protocol->greet(s);
		(void)reply_flush(&s->out);
	}
	if (s->login_deadline < deadline)
		deadline = s->login_deadline;
	error = io_wait(s->in.fd, POLLIN, deadline) == 0 ? 0 : errno;
	s->channel = threshold_cross(links, reg, deadline);
	if (error != 0) {
		s->reason = why(error);
		return -1;
	}
	if (!reg->proxied)
		return 0;
	if (meet_proxy(s) == -1)
		return -1;
	s->protocol->greet(s);
	return 0;
}

void
session_run(const struct session_settings *set,
    const struct session_links *links, const struct registration *reg)
{
	static struct session s; /* most of it is never touched */
	int64_t started = clock_ms();

	s.set = set;
	s.protocol = protocols[reg->protocol];
	s.peer = reg->peer;
	s.stamp = reg->stamp;
	s.protected = reg->protected != 0;
	s.login_deadline = started + set->login_timeout;
	s.mailbox.files.fd = -1;
	s.in.fd = links->in;
	s.out.fd = links->out;
	s.out.timeout = set->write_timeout;
	title_set("session - %s", s.peer);

	if (welcome(&s, links, reg) == 0)
		while (turn(&s) != NEXT_CLOSE)
			;

	/* Unlocked before the client can know that it is over. */
	mailbox_close(&s.mailbox);
	(void)reply_flush(&s.out);
	log_end(&s, started);
	hang_up(&s);
}
