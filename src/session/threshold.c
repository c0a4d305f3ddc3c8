/* SPDX-License-Identifier: ISC */
/* What comes before a client's first octet.  Runs as: session. */

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "confine.h"
#include "io.h"
#include "log.h"
#include "threshold.h"

/* Whoever only looks whether there is a server needs no attendant. */
static bool
has_spoken(int in)
{
	char octet;

	return recv(in, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Attendants that are at work outlive it, and with them who takes registrations. */
static bool
is_kept(const struct session_links *links)
{
	struct pollfd call = { .fd = links->call };

	if (poll(&call, 1, 0) == 0)
		return true;
	errno = EPIPE;
	return false;
}

static int
find_attendant(const struct session_links *links,
    const struct registration *reg, int64_t deadline)
{
	int ends[2], status;

	if (channel_pair(ends) == -1) {
		log_warn("making a channel");
		return -1;
	}
	/* Who is behind is waited for, as long as the client waits. */
	do
		status = is_kept(links)
		    ? channel_register(links->keeper, reg, ends[1])
		    : -1;
	while (status == -1 && errno == EAGAIN &&
	    io_wait_heard(links->keeper, POLLOUT, links->in, deadline) == 0);
	if (status == -1)
		log_warn("registering a session");
	(void)close(ends[1]);
	if (status == 0)
		return ends[0];
	(void)close(ends[0]);
	return -1;
}

int
threshold_cross(const struct session_links *links,
    const struct registration *reg, int64_t deadline)
{
	int channel = links->channel;

	if (links->keeper != -1) {
		if (has_spoken(links->in))
			channel = find_attendant(links, reg, deadline);
		(void)close(links->keeper);
		(void)close(links->call);
	}
	/* Now, since a channel under way counts as a descriptor. */
	confine_session();
	return channel;
}
