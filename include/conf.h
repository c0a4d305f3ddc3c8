/* SPDX-License-Identifier: ISC */
/*
 * The configuration: one table of keywords, from which the file, the command
 * line, the check and the print-out work.  Runs as: master, before anything else.
 */
#ifndef CONF_H
#define CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "channel.h"
#include "log.h"
#include "peruser.h"

enum {
	CONF_LISTEN_MAX = 32,
	CONF_TEXT = 256,
	CONF_ERROR = 512,
	CONF_NETWORKS = 1024,
};

/* What is a choice, in the order of its words in the table of keywords. */
enum conf_apop { CONF_APOP_NO, CONF_APOP_YES, CONF_APOP_AUTO };
enum conf_plain { CONF_PLAIN_YES, CONF_PLAIN_TLS, CONF_PLAIN_AUTO };
enum conf_lock { CONF_LOCK_SESSION, CONF_LOCK_UPDATE };
enum conf_quoting { CONF_QUOTING_NONE, CONF_QUOTING_MBOXRD };
enum conf_log { CONF_LOG_AUTO, CONF_LOG_STDERR, CONF_LOG_SYSLOG };

struct conf_listen {
	char address[64]; /* numeric, or "" for all addresses */
	uint16_t port;
	enum protocol_kind protocol;
	bool tls;   /* what comes here was sent over TLS */
	bool proxy; /* from trusted_proxies, with the PROXY protocol */
};

/* Numbers of seconds are kept in seconds here. */
struct conf {
	char users[PATH_MAX];
	struct conf_listen listen[CONF_LISTEN_MAX];
	uint64_t listen_count;
	char user[CONF_TEXT], keeper_user[CONF_TEXT];
	char pid_file[PATH_MAX];
	bool hide_users, utf8_strict, show_version;
	char tls_helper[PATH_MAX], tls_certificate[PATH_MAX], tls_key[PATH_MAX];
	char tls_user[CONF_TEXT];
	uint64_t apop;           /* enum conf_apop */
	uint64_t mechanisms;     /* a bit for each enum sasl_mechanism, auto */
	uint64_t plaintext_auth; /* enum conf_plain */
	char login_delay[PERUSER_SIZE], expire[PERUSER_SIZE];
	uint64_t login_tries, login_pause, login_penalty, login_timeout,
	    idle_timeout, write_timeout, max_sessions, max_per_address,
	    max_per_user;
	char trusted[CONF_NETWORKS]; /* as networks_parse() reads it */
	char trusted_proxies[CONF_NETWORKS];
	uint64_t lock, mbox_quoting; /* enum conf_lock, enum conf_quoting */
	uint64_t language;           /* of words.h */
	uint64_t log, log_level;     /* enum conf_log, enum log_level */
};

/* Every setting at its default. */
void conf_init(struct conf *);

/*
 * Sets one.  "listen" adds to what is there.  Returns 0, or -1 with a sentence in
 * error.
 */
int conf_set(struct conf *, const char *keyword, const char *value,
    char error[CONF_ERROR]);

/* "keyword=value", for -o. */
int conf_set_option(struct conf *, const char *option, char error[CONF_ERROR]);

/*
 * Reads a file of "keyword value" lines; '#' starts a comment line.  Returns how
 * many lines are wrong, each told on err as "file:line:column: sentence"; or -1 with
 * errno set when the file cannot be read.
 */
int conf_read(struct conf *, const char *path, FILE *err);

/*
 * Reads file, which must be there, or the standard one if it is.  Returns 0, or -1
 * when something is wrong, which is told on err.
 */
int conf_load(struct conf *, const char *file, FILE *err);

/* Prints what is in force, in a form that conf_read() reads. */
void conf_print(const struct conf *, FILE *);

#endif
