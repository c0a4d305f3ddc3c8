/* SPDX-License-Identifier: ISC */
/* Which mechanisms a site can serve.  Runs as: master, attendant. */

#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "offer.h"
#include "sasl.h"

enum {
	MAILBOXES_MOST = 1000,
	ALL = (1u << SASL_MECHANISMS) - 1,
	CLEAR = 1u << SASL_PLAIN | 1u << SASL_LOGIN,
};

unsigned int
offer_of_line(const struct secret *s)
{
	static const unsigned int by_kind[] = {
		[SECRET_NONE] = 0,
		[SECRET_PLAIN] = ALL,
		[SECRET_CRYPT] = CLEAR,
		[SECRET_SCRAM] = CLEAR | 1u << SASL_SCRAM_SHA_256,
	};

	return by_kind[s->kind];
}

static unsigned int
look_at_all(const struct users *u)
{
	int fd, dir_fd = openat(u->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = dir_fd == -1 ? NULL : fdopendir(dir_fd);
	unsigned int bits = ALL, line, count = 0;
	const struct dirent *d;
	struct secret s;
	bool any = false;

	while (dir != NULL && bits != CLEAR && count < MAILBOXES_MOST &&
	    (d = readdir(dir)) != NULL) {
		if (users_find(u, d->d_name, &fd) != USERS_OK)
			continue;
		line = secret_read(fd, &s) == -1 ? 0 : offer_of_line(&s);
		(void)close(fd);
		if (line != 0) {
			bits &= line;
			any = true;
		}
		count++;
	}
	if (dir != NULL)
		(void)closedir(dir);
	explicit_bzero(&s, sizeof(s));
	/* The first that comes may be a hash. */
	return any ? bits : CLEAR;
}

/*
 * In a process of its own: names and passwords that were read would be in the
 * memory of every session, and a session may have written a line.
 */
unsigned int
offer_mechanisms(const struct users *u, const struct confine_identity *keeper)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		confine_become(keeper);
		_exit((int)look_at_all(u));
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	/* A death may have a status, too, but not one that has these. */
	if (pid != -1 && WIFEXITED(status) &&
	    (WEXITSTATUS(status) & CLEAR) == CLEAR)
		return (unsigned int)WEXITSTATUS(status);
	log_warnx("the password lines were not looked at");
	return CLEAR;
}
