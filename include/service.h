/* SPDX-License-Identifier: ISC */
/* What the configuration comes to: settings, identities, what is open. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>

#include "attendant.h"
#include "conf.h"
#include "confine.h"
#include "launcher.h"
#include "session.h"

/* What the configuration comes to, for all ways of starting. */
struct service {
	struct session_settings session;
	struct attendant_settings attendant;
	struct launcher launcher;
	struct confine_identity session_id, keeper_id;
	struct networks proxies;
	unsigned int max_sessions, max_per_address;
};

/*
 * Who keeper and attendants are where root starts them: keeper-user, or the
 * owner of the directory.  0, or -1 after a line in the log.
 */
int service_find_keeper(
    const struct conf *, int users_fd, struct confine_identity *);

/*
 * Whether .restante, if it is there, is root's, the directory's owner's or the
 * keeper's.  0, or -1 after a line in the log: somebody else may have made it.
 */
int
service_check_state(const struct conf *, const struct users *, uid_t keeper);

/*
 * Opens and looks up what all ways of starting need; ucspi is what who started
 * this one gave, or NULL.  0, or -1 after a line in the log that says what is
 * missing.
 */
int service_prepare(const struct conf *, const int *ucspi, struct service *);

/*
 * Gives .restante to the keeper, whoever made it.  Behind all that can fail: the
 * keeper that is in force may be another, who cannot work there from then on.
 */
void service_take_state(const struct conf *, const struct service *);

/* Closes what service_prepare() opened. */
void service_release(struct service *);

/*
 * Looks whether a start would come to something, and changes nothing.  0, or -1
 * after lines in the log.
 */
int service_check(const struct conf *);

#endif
