/* SPDX-License-Identifier: ISC */
/*
 * STLS (RFC 2595) without linking TLS: for each client that wants it, the
 * installed stunnel is started between the client and its session, which goes on
 * as it was.  The certificate and the key are read once, into memory that only the
 * launcher and the helpers have.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "confine.h"

struct launcher {
	char helper[PATH_MAX];      /* "": none */
	struct confine_identity id; /* of launcher and helpers */
	unsigned int most;          /* helpers at once */
	int64_t handshake;          /* seconds, at most */
	int64_t silence;            /* seconds: longer, and nobody is there */
	bool verbose;               /* helpers log all they do */
	int certificate_fd, key_fd; /* copies in memory */
	int listen_fd;              /* where helpers come with plain text */
	int plain_fd;               /* the way there: O_PATH */
};

/*
 * Reads the files, key being "" where one has both, and tries the helper on them,
 * as id, so that STLS is announced only where it works.  Runs as: master.  0, or -1
 * after a line in the log; either way launcher_close() frees what was opened.
 */
int launcher_open(struct launcher *, const char *certificate, const char *key);
void launcher_close(struct launcher *);

/*
 * Makes the socket that helpers connect to; its name is gone from the directory
 * when this returns.  Runs as: master.  0, or -1 after a line in the log.
 */
int launcher_meet(struct launcher *, int directory);

/*
 * Starts a helper for each request on the socket requests, see CHANNEL_TLS_FDS,
 * until the other end and the last helper are gone.  Runs as: launcher.
 */
void launcher_run(const struct launcher *, int requests);

#endif
