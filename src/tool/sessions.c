/* SPDX-License-Identifier: ISC */
/* Who is connected.  Runs as: restantectl. */

#include <sys/stat.h>
#include <sys/syscall.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "log.h"
#include "sessions.h"

enum { TEXT = 1024, GENERATIONS = 3, PATIENCE = 10000 };

static const char mark[] = "restante: ";

/* What /proc says of a process. */
struct process {
	char title[TEXT]; /* behind the mark */
	char state;
	pid_t parent;
	uintmax_t start; /* in ticks since the machine began */
	uid_t uid;
};

/* Reads a file of /proc as a string.  0, or -1. */
static int
slurp(pid_t pid, const char *file, char text[TEXT])
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, text, TEXT - 1);
	(void)close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

/* Whether it is a process of restante: what it is called, and by whom it runs. */
static bool
read_process(pid_t pid, struct process *p)
{
	/* Of proc(5), behind the name of the program, which may hold anything. */
	static const char stat_format[] =
	    ") %c %d %*s %*s %*s %*s %*s %*s %*s "
	    "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ju";
	char text[TEXT];
	const char *end, *uid;

	if (slurp(pid, "cmdline", text) == -1 ||
	    strncmp(text, mark, strlen(mark)) != 0)
		return false;
	/* A session that is its client's may call itself anything. */
	log_escape(text + strlen(mark), p->title, sizeof(p->title));
	if (slurp(pid, "stat", text) == -1 ||
	    (end = strrchr(text, ')')) == NULL ||
	    sscanf(end, stat_format, &p->state, &p->parent, &p->start) != 3)
		return false;
	if (slurp(pid, "status", text) == -1 ||
	    (uid = strstr(text, "\nUid:")) == NULL)
		return false;
	p->uid = (uid_t)strtoul(uid + strlen("\nUid:"), NULL, 10);
	return true;
}

/* Anybody can call a process like that, but not be a child of such a master. */
static bool
has_master(const struct users *u, const struct process *session)
{
	struct process p = *session;
	struct stat st;

	if (fstat(u->fd, &st) == -1)
		return false;
	for (int i = 0; i < GENERATIONS && p.parent > 1; i++) {
		if (!read_process(p.parent, &p))
			return false;
		if (strncmp(p.title, "master", strlen("master")) == 0)
			return p.uid == 0 || p.uid == getuid() ||
			    p.uid == st.st_uid;
	}
	return false;
}

/* Whether the process has the user's mailbox open, or that cannot be seen. */
static bool
has_mailbox(const struct users *u, pid_t pid, const char *user)
{
	struct stat mailbox, st;
	const struct dirent *d;
	char path[64];
	bool found = false, seen = true;
	DIR *dir;

	if (fstatat(u->fd, user, &mailbox, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return true;
	while (!found && (d = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), d->d_name, &st, 0) == -1)
			seen = seen && errno != EACCES && errno != EPERM;
		else
			found = st.st_dev == mailbox.st_dev &&
			    st.st_ino == mailbox.st_ino;
	}
	(void)closedir(dir);
	return found || !seen;
}

/* Seconds since 1970 at which a process began. */
static uint64_t
since(const struct process *p)
{
	uint64_t second = 1000000000, began;
	struct timespec up;

	if (clock_gettime(CLOCK_BOOTTIME, &up) == -1)
		fatal("clock_gettime");
	began = clock_wall_ns() - (uint64_t)up.tv_sec * second -
	    (uint64_t)up.tv_nsec;
	return began / second + p->start / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Whether the process calls itself a session: of whom, and from where. */
static bool
read_session(pid_t pid, struct process *p, struct session_seen *s)
{
	if (!read_process(pid, p) ||
	    sscanf(p->title, "session %64s %63s", s->user, s->peer) != 2)
		return false;
	if (strcmp(s->user, "-") == 0)
		s->user[0] = '\0';
	return true;
}

/* Whether the process is a session of this directory. */
static bool
see(const struct users *u, pid_t pid, struct session_seen *s)
{
	struct process p;

	if (!read_session(pid, &p, s) || !has_master(u, &p))
		return false;
	if (s->user[0] != '\0' &&
	    (!users_is_name(s->user) || !has_mailbox(u, pid, s->user)))
		return false;
	s->pid = pid;
	s->state = p.state;
	s->since = since(&p);
	return true;
}

static int
by_age(const void *a, const void *b)
{
	const struct session_seen *s = a, *t = b;

	if (s->since != t->since)
		return s->since < t->since ? -1 : 1;
	return s->pid < t->pid ? -1 : s->pid > t->pid;
}

size_t
sessions_find(struct tool *t, struct session_seen **seen)
{
	struct session_seen s;
	const struct dirent *d;
	DIR *dir = opendir("/proc");
	size_t count = 0;

	*seen = NULL;
	if (dir == NULL) {
		tool_complain(t, EX_OSERR, "/proc", "%s", strerror(errno));
		return 0;
	}
	while ((d = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)d->d_name[0]) ||
		    !see(&t->users, (pid_t)strtol(d->d_name, NULL, 10), &s))
			continue;
		*seen = tool_grow(*seen, count, sizeof(**seen));
		(*seen)[count++] = s;
	}
	(void)closedir(dir);
	if (count > 1)
		qsort(*seen, count, sizeof(**seen), by_age);
	return count;
}

/* Whether the number still belongs to that process. */
static bool
is_still(const struct session_seen *s)
{
	struct session_seen now;
	struct process p;

	return read_session(s->pid, &p, &now) &&
	    strcmp(now.user, s->user) == 0 && strcmp(now.peer, s->peer) == 0;
}

void
sessions_end(struct tool *t, const struct session_seen *s)
{
	int fd = (int)syscall(SYS_pidfd_open, s->pid, 0), status = -1;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (fd != -1 && !is_still(s))
		status = 1;
	else if (fd != -1 &&
	    syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0)
		status = poll(&pfd, 1, PATIENCE);
	if (status == 0)
		tool_complain(
		    t, EX_TEMPFAIL, s->user, "asked to end, and still there");
	else if (status == -1 && errno != ESRCH)
		tool_complain(
		    t, EX_NOPERM, s->user, "not ended: %s", strerror(errno));
	fds_close(&fd);
}
