/* SPDX-License-Identifier: ISC */
/*
 * A login conversation: one session's requests, checked; its mailbox, opened and
 * locked.  Runs as: attendant.
 */
#ifndef ATTENDANT_H
#define ATTENDANT_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "guard.h"
#include "peruser.h"
#include "users.h"

struct attendant_settings {
	struct users users;
	int notice_fd;   /* the listener's, to tell of logins; or -1 */
	bool hide_users; /* REQUEST_USER is not answered truly */
	bool apop;
	unsigned int mechanisms;        /* a bit for each enum sasl_mechanism */
	char login_delay[PERUSER_SIZE]; /* seconds */
	struct guard_settings guard;
	unsigned int max_per_user; /* sessions that do not lock */
	unsigned int tries;        /* refusals, then the conversation ends */
	int64_t pause;   /* milliseconds before the first refusal, growing */
	int64_t timeout; /* milliseconds to wait for a request */
	int launcher_fd; /* for requests of TLS; -1: not offered */
};

/*
 * Serves the requests on the channel until one is granted, too many are refused,
 * or the session is gone.  Returns whether the first credential was granted, or
 * nothing was asked: else the caller ends the process, so that who met it at its
 * work meets it once.
 */
bool attendant_run(const struct attendant_settings *, int channel,
    const struct registration *);

#endif
