/* SPDX-License-Identifier: ISC */
/* Which descriptors are left, wherever they stood before. */

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>

#include "fds.h"
#include "tap.h"

enum { MOST = 5, FIRST = 3, HIGH = 40 };

static int
memory(void)
{
	int fd = memfd_create("x", 0);

	need(fd != -1, "memfd_create");
	return fd;
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Whether all descriptors are closed from this one on. */
static bool
all_closed_from(int from)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	bool good = dir != NULL;

	while (good && (e = readdir(dir)) != NULL) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && fd >= from && fd != dirfd(dir))
			good = false;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return good;
}

/*
 * In a child: count files stand at these places, and must come to stand at 3 and
 * up, in this order, and nothing else with them.
 */
static int
arranged(const int *places, size_t count)
{
	int fds[MOST], *list[MOST];
	ino_t inodes[MOST];

	for (size_t i = 0; i < count; i++) {
		int fd = memory();

		inodes[i] = inode_of(fd);
		/* Out of the way of places to come. */
		fds[i] = fcntl(fd, F_DUPFD, 2 * HIGH);
		(void)close(fd);
	}
	for (size_t i = 0; i < count; i++) {
		if (dup2(fds[i], places[i]) != places[i])
			return 1;
		(void)close(fds[i]);
		fds[i] = places[i];
		list[i] = &fds[i];
	}
	/* Bystanders, that must go. */
	(void)fcntl(fds[0], F_DUPFD, HIGH / 2);
	(void)fcntl(fds[0], F_DUPFD, 3 * HIGH);
	if (fds_arrange(list, count) != 0)
		return 2;
	for (size_t i = 0; i < count; i++)
		if (fds[i] != FIRST + (int)i || inode_of(fds[i]) != inodes[i] ||
		    fcntl(fds[i], F_GETFD) != FD_CLOEXEC)
			return 3;
	return all_closed_from(FIRST + (int)count) ? 0 : 4;
}

static bool
try(const int *places, size_t count)
{
	int status;
	pid_t pid = fork();

	need(pid != -1, "fork");
	if (pid == 0)
		_exit(arranged(places, count));
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	return check(status == 0, "places %d %d %d %d %d: status %x", places[0],
	    places[1], places[2], places[3], places[4], (unsigned int)status);
}

/* Every way to put count files into the places from 3 to 3 + range. */
static void
every_place(int *places, size_t chosen, size_t count, int range)
{
	if (chosen == count) {
		(void)try(places, count);
		return;
	}
	for (int place = FIRST; place < FIRST + range; place++) {
		bool taken = false;

		for (size_t i = 0; i < chosen; i++)
			taken = taken || places[i] == place;
		if (taken)
			continue;
		places[chosen] = place;
		every_place(places, chosen + 1, count, range);
	}
}

static void
arrange(void)
{
	int places[MOST] = { 0 };

	every_place(places, 0, 1, 6);
	every_place(places, 0, 2, 6);
	every_place(places, 0, 3, 5);
	every_place(places, 0, 4, 5);
	(void)point("up to four files in every order and place");
	/* The standard places are left alone, though what is there may move. */
	for (int i = 0; i < 3; i++) {
		const int low[MOST] = { i, 4, (i + 1) % 3, 3, 17 };

		(void)try(low, MOST);
	}
	(void)point("files among them that are in the standard places");
}

/* Moves a file, and with two another, to place and behind it. */
static int
keep_only(const int *from, size_t count, int place)
{
	ino_t inode[2];

	for (size_t i = 0; i < count; i++) {
		int fd = memory();

		inode[i] = inode_of(fd);
		if (fd != HIGH && dup2(fd, HIGH + (int)i) == -1)
			return 1;
		(void)close(fd);
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(HIGH + (int)i, from[i]) == -1)
			return 2;
	if (fcntl(from[0], F_DUPFD, 3 * HIGH) == -1)
		return 3;
	if (fds_keep_only(from, count, place) == -1)
		return 4;
	for (size_t i = 0; i < count; i++)
		if (inode_of(place + (int)i) != inode[i] ||
		    (from[i] != place + (int)i &&
			fcntl(place + (int)i, F_GETFD) != FD_CLOEXEC))
			return 5;
	return all_closed_from(place + (int)count) ? 0 : 6;
}

static void
try_keeping(const int *from, size_t count, int place)
{
	pid_t pid = fork();
	int status;

	need(pid != -1, "fork");
	if (pid == 0)
		_exit(keep_only(from, count, place));
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	check(status == 0, "%zu, from %d to %d: status %x", count, from[0],
	    place, (unsigned int)status);
}

static void
keep(void)
{
	const int closed = 2 * HIGH;
	int from[2];

	for (from[0] = 3; from[0] < 14; from[0]++)
		for (int place = 3; place < 14; place++)
			try_keeping(from, 1, place);
	(void)point("one is moved, from anywhere to anywhere");
	for (from[0] = 3; from[0] < 9; from[0]++)
		for (from[1] = 3; from[1] < 9; from[1]++)
			for (int place = 3; place < 9; place++)
				if (from[0] != from[1] &&
				    from[0] != place + 1 && from[1] != place)
					try_keeping(from, 2, place);
	(void)point("and two, but into the place of each other");
	errno = 0;
	ok(fds_keep_only(&closed, 1, 3) == -1 && errno == EBADF,
	    "one that is not open is an error");
}

static int
silence(bool errors)
{
	ino_t before = inode_of(2);
	struct stat st, null;

	if (fds_silence(errors) != 0 || stat("/dev/null", &null) != 0)
		return 1;
	for (int i = 0; i < (errors ? 3 : 2); i++)
		if (fstat(i, &st) != 0 || st.st_rdev != null.st_rdev ||
		    st.st_ino != null.st_ino)
			return 2;
	if (!errors && inode_of(2) != before)
		return 3;
	return read(0, &st, 1) == 0 && write(1, "x", 1) == 1 ? 0 : 4;
}

static void
silent(void)
{
	for (int err = 0; err < 2; err++)
		for (int closed = 0; closed < 2; closed++) {
			int status;
			pid_t pid = fork();

			need(pid != -1, "fork");
			if (pid == 0) {
				for (int i = 0; closed && i < 3; i++)
					(void)close(i);
				_exit(silence(err == 1));
			}
			need(waitpid(pid, &status, 0) == pid, "waitpid");
			check(status == 0, "err %d, closed %d: status %x", err,
			    closed, (unsigned int)status);
		}
	(void)point("the standard streams lead nowhere");
}

static void
closing(void)
{
	int fd = memory(), was = fd;

	errno = EDOM;
	fds_close(&fd);
	check(fd == -1 && fcntl(was, F_GETFD) == -1, "still open");
	errno = EDOM;
	fds_close(&fd);
	check(fd == -1 && errno == EDOM, "errno %d, of none", errno);
	fd = was;
	fds_close(&fd);
	check(fd == -1 && errno == EDOM, "errno %d", errno);
	(void)point("closing what is open, and what is not");
}

int
main(void)
{
	arrange();
	keep();
	closing();
	silent();
	return done();
}
