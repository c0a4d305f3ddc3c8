/* SPDX-License-Identifier: ISC */
/*
 * Logging in, as all protocols do it: the session asks its attendant, and the
 * mailbox comes back with the verdict.  Runs as: session.
 */
#ifndef LOGIN_H
#define LOGIN_H

#include "session.h"

/*
 * Whether a password may be said as it is (RFC 2595 section 2.3): over TLS, or
 * where the settings do not mind.
 */
bool login_plain(const struct session *);

/* USER and PASS: RFC 1939 section 7, RFC 918. */
enum next login_user(struct session *, char **arg);
enum next login_pass(struct session *, char **arg);
/* APOP: RFC 1939 section 7. */
enum next login_apop(struct session *, char **arg);
/* AUTH: RFC 5034. */
enum next login_auth(struct session *, char **arg);
/* The line of CAPA, if any mechanism is offered. */
void login_announce(struct session *);

#endif
