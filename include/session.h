/* SPDX-License-Identifier: ISC */
/*
 * A connection: the loop that reads a command, finds its row in the table of the
 * protocol, and acts on what the handler says comes next.  RFC 1939 section 3.
 * Runs as: session.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "line.h"
#include "mailbox.h"
#include "peruser.h"
#include "reply.h"
#include "threshold.h"

/* Who does TLS when the client asks for it. */
enum stls_kind { STLS_NONE, STLS_HELPER, STLS_UCSPI };
enum { UCSPI_CONTROL, UCSPI_IN, UCSPI_OUT, UCSPI_FDS };

enum { SESSION_HOST = 65 };

/* Times are in milliseconds. */
struct session_settings {
	char host[SESSION_HOST]; /* this machine's name */
	bool hide_users, apop, utf8_strict, show_version;
	unsigned int mechanisms; /* a bit for each enum sasl_mechanism */
	/* Passwords as they are, without TLS: from here, from other hosts. */
	bool plain_local, plain_remote;
	enum stls_kind stls;
	int ucspi[UCSPI_FDS];           /* with STLS_UCSPI */
	int language;                   /* which LANG * means: see words.h */
	char login_delay[PERUSER_SIZE]; /* seconds */
	char expire[PERUSER_SIZE];      /* days */
	unsigned int login_tries;
	int64_t login_timeout, idle_timeout, write_timeout;
	struct mailbox_settings mailbox;
};

/* What a handler wants to happen after its reply. */
enum next {
	NEXT_STAY,
	NEXT_CLOSE, /* session.reason says why */
};

struct session;

struct command {
	const char *verb;
	unsigned int states;         /* when it may be said: IN() of each */
	unsigned int argmin, argmax; /* argmax REST: one, to the line's end */
	const char *capability;      /* what CAPA says of it, or NULL */
	enum next (*run)(struct session *, char **arg);
};

#define IN(state) (1u << (state))

enum { REST = 255 };

/* A session begins in state 0; a handler moves it to another. */
struct protocol {
	const struct command *commands; /* the last has no verb */
	const char *const *refusals;    /* of a command, in each state */
	void (*greet)(struct session *);
	/* Somebody has logged in, and session.mailbox has the descriptors. */
	enum next (*enter)(struct session *);
};

struct session {
	const struct session_settings *set;
	const struct protocol *protocol;
	unsigned int state;
	/* Takes the next line in the place of the state: AUTH; or NULL. */
	enum next (*answer)(struct session *, char *line);
	const char *peer, *stamp;
	char client[ADDRESS_TEXT]; /* behind a proxy: what peer points to */
	const char *reason;        /* why the session ended, for the log */
	int channel;               /* to the attendant; -1 after the login */
	int64_t login_deadline;
	char user[CHANNEL_NAME]; /* who is logged in, or "" */
	char name[CHANNEL_NAME]; /* what USER said, or "" */
	bool named;              /* USER was the last command, and accepted */
	bool protected;          /* by TLS, here or in front */
	bool stls_said;          /* and is not offered again */
	unsigned int refused, bad;
	uint64_t last; /* highest message accessed, for LAST */
	uint64_t retrieved, retrieved_octets, deleted;
	uint64_t left; /* messages that the mailbox was seen to have */
	uint64_t told; /* octets that RCEV is to send */
	bool utf8;     /* the client takes UTF-8 in headers */
	bool deleting; /* the transaction was begun by RDEL */
	struct mailbox mailbox;
	struct line_reader in;
	struct reply out;
};

/* An -ERR with a text that has no arguments, and no more. */
static inline enum next
session_refuse(struct session *s, const char *why)
{
	reply_err_text(&s->out, why);
	return NEXT_STAY;
}

/* The handler of NOOP. */
static inline enum next
session_noop(struct session *s, char **arg)
{
	(void)arg;
	reply_ok(&s->out, "nothing done");
	return NEXT_STAY;
}

/*
 * Serves a connection from its greeting to its end; peer and stamp are what the
 * registration says.  The caller ends the process.
 */
void session_run(const struct session_settings *, const struct session_links *,
    const struct registration *);

#endif
