/* SPDX-License-Identifier: ISC */
/* Which mechanisms a site can serve.  Runs as: master, when it starts. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "offer.h"
#include "sasl.h"
#include "secret.h"

enum {
	MAILBOXES_MOST = 1000,
	ALL = (1u << SASL_MECHANISMS) - 1,
	CLEAR = 1u << SASL_PLAIN | 1u << SASL_LOGIN,
};

/* What a mailbox's line can serve. */
static unsigned int
served(int fd)
{
	static const unsigned int by_kind[] = {
		[SECRET_NONE] = ALL,
		[SECRET_PLAIN] = ALL,
		[SECRET_CRYPT] = CLEAR,
		[SECRET_SCRAM] = CLEAR | 1u << SASL_SCRAM_SHA_256,
	};
	struct secret s;
	unsigned int bits;

	if (secret_read(fd, &s) == -1)
		return ALL;
	bits = by_kind[s.kind];
	explicit_bzero(&s, sizeof(s));
	return bits;
}

unsigned int
offer_mechanisms(const struct users *u)
{
	int fd, dir_fd = openat(u->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = dir_fd == -1 ? NULL : fdopendir(dir_fd);
	unsigned int bits = ALL, count = 0;
	const struct dirent *d;

	while (dir != NULL && bits != CLEAR && count < MAILBOXES_MOST &&
	    (d = readdir(dir)) != NULL) {
		if (users_find(u, d->d_name, &fd) != USERS_OK)
			continue;
		bits &= served(fd);
		(void)close(fd);
		count++;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return bits;
}
