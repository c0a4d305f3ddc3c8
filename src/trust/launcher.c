/* SPDX-License-Identifier: ISC */
/* Starts TLS helpers.  Runs as: master (open, meet), launcher, helper. */

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "fds.h"
#include "launcher.h"
#include "log.h"
#include "sig.h"
#include "title.h"

enum {
	FILE_MOST = 1024 * 1024, /* octets of a certificate or a key */
	TRIAL_TIME = 20,         /* seconds */
};

/* Where a helper finds its files: fds_arrange() puts them there. */
enum { PLAIN = 3, CERTIFICATE, KEY, CONFIGURATION };

/* A helper that runs. */
struct launch {
	pid_t pid;   /* 0: the place is free */
	int control; /* the session that waits for its plain end, or -1 */
};

/* Copies the file into memory that nobody can write to.  -1 with errno set. */
static int
copy_file(const char *path, const struct confine_identity *owner)
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int to = memfd_create("tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n = -1;

	if (from != -1 && to != -1)
		n = sendfile(to, from, NULL, FILE_MOST);
	if (n == 0)
		errno = ENODATA;
	fds_close(&from);
	if (n > 0 && fchmod(to, 0400) == 0 &&
	    (geteuid() != 0 || fchown(to, owner->uid, owner->gid) == 0) &&
	    fcntl(to, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return to;
	fds_close(&to);
	return -1;
}

/*
 * What the helper shall do, in stunnel's words.  Returns where to read it.
 * TIMEOUTclose is for the client's goodbye; what it has not taken yet is given
 * TIMEOUTidle, too.
 */
static int
configuration(const struct launcher *l)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1 ||
	    dprintf(ends[1],
		"foreground = yes\nsyslog = no\ndebug = %d\n"
		"sslVersionMin = TLSv1.2\nrenegotiation = no\n"
		"TIMEOUTbusy = %jd\nTIMEOUTidle = %jd\nTIMEOUTclose = 2\n"
		"cert = /proc/self/fd/%d\nkey = /proc/self/fd/%d\n"
		"connect = /proc/self/fd/%d\n",
		l->verbose ? 5 : 2, (intmax_t)l->handshake,
		(intmax_t)l->silence, CERTIFICATE, KEY, PLAIN) < 0 ||
	    close(ends[1]) == -1)
		return -1;
	return ends[0];
}

/* The client is what the helper has as its input and output. */
static _Noreturn void
become_helper(const struct launcher *l, int client, int plain)
{
	static char *const environment[] = { NULL };
	char number[16], name[] = "stunnel", option[] = "-fd";
	char *const argv[] = { name, option, number, NULL };
	int certificate = l->certificate_fd, key = l->key_fd,
	    conf = configuration(l);
	int *const keep[] = { &plain, &certificate, &key, &conf };

	(void)snprintf(number, sizeof(number), "%d", CONFIGURATION);
	if (conf == -1 || dup2(client, 0) == -1 || dup2(client, 1) == -1 ||
	    fds_arrange(keep, 4) == -1)
		fatal("descriptors of a TLS helper");
	for (int fd = PLAIN; fd <= CONFIGURATION; fd++)
		if (fcntl(fd, F_SETFD, 0) == -1)
			fatal("descriptors of a TLS helper");
	sig_exec_defaults();
	confine_helper();
	(void)execve(l->helper, argv, environment);
	fatal("%s", l->helper);
}

/* Whether the helper starts with these files: it meets a client that is gone. */
static int
try_helper(const struct launcher *l)
{
	int status = 0, client = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = client == -1 ? -1 : fork();

	if (pid == 0) {
		(void)alarm(TRIAL_TIME);
		confine_launcher(&l->id);
		become_helper(l, client, l->certificate_fd);
	}
	fds_close(&client);
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	if (pid == -1) {
		log_warn("trying %s", l->helper);
		return -1;
	}
	if (status == 0)
		return 0;
	log_warnx(
	    "%s does not start with tls-certificate and tls-key", l->helper);
	return -1;
}

int
launcher_open(struct launcher *l, const char *certificate, const char *key)
{
	if (*key == '\0')
		key = certificate;
	l->listen_fd = l->plain_fd = -1;
	if (*certificate == '\0') {
		log_warnx("tls-helper needs a tls-certificate");
		return -1;
	}
	l->certificate_fd = copy_file(certificate, &l->id);
	if (l->certificate_fd == -1)
		log_warn("tls-certificate, %s", certificate);
	l->key_fd = copy_file(key, &l->id);
	if (l->key_fd == -1)
		log_warn("tls-key, %s", key);
	if (l->certificate_fd == -1 || l->key_fd == -1)
		return -1;
	return try_helper(l);
}

void
launcher_close(struct launcher *l)
{
	fds_close(&l->certificate_fd);
	fds_close(&l->key_fd);
	fds_close(&l->listen_fd);
	fds_close(&l->plain_fd);
}

int
launcher_meet(struct launcher *l, int directory)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	char name[32];
	int bound;

	(void)snprintf(name, sizeof(name), "tls.%ld", (long)getpid());
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s",
	    directory, name);
	(void)unlinkat(directory, name, 0);
	l->listen_fd = socket(
	    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Helpers may be of another user; they are told apart by process. */
	mask = umask(0);
	bound = bind(l->listen_fd, (struct sockaddr *)&a, sizeof(a));
	(void)umask(mask);
	if (bound == 0) {
		l->plain_fd = openat(
		    directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		(void)unlinkat(directory, name, 0);
	}
	if (l->plain_fd != -1 && fstat(l->plain_fd, &st) == 0 &&
	    S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
	    listen(l->listen_fd, SOMAXCONN) == 0)
		return 0;
	log_warn("making a socket for TLS helpers");
	return -1;
}

/* The place of this process, of a free one for 0, or NULL. */
static struct launch *
find(struct launch *list, unsigned int most, pid_t pid)
{
	for (unsigned int i = 0; i < most; i++)
		if (list[i].pid == pid)
			return &list[i];
	return NULL;
}

/* What is none would not end with its client: the pipe of the log, say. */
static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Starts a helper, and keeps the descriptor that its session waits for. */
static void
launch(const struct launcher *l, struct launch *list, int *fds)
{
	struct launch *free = find(list, l->most, 0);
	pid_t pid;

	if (!is_socket(fds[CHANNEL_CLIENT]))
		return;
	if (free == NULL) {
		log_warnx("too many TLS helpers at once");
		return;
	}
	pid = fork();
	if (pid == 0)
		become_helper(l, fds[CHANNEL_CLIENT], l->plain_fd);
	if (pid == -1) {
		log_warn("forking a TLS helper");
		return;
	}
	*free = (struct launch){ pid, fds[CHANNEL_CONTROL] };
	fds[CHANNEL_CONTROL] = -1;
	(void)channel_offer(free->control, NULL, 0);
}

/* A helper that has shaken hands brings its client's plain text. */
static void
hand_over(const struct launcher *l, struct launch *list)
{
	int fd = accept4(
	    l->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred from = { .pid = 0 };
	socklen_t len = sizeof(from);
	struct launch *of = NULL;

	if (fd == -1)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &from, &len) == 0 &&
	    from.pid > 0)
		of = find(list, l->most, from.pid);
	/* Once for each: there is no second session to be had. */
	if (of != NULL && of->control != -1) {
		(void)channel_offer(of->control, &fd, 1);
		fds_close(&of->control);
	}
	(void)close(fd);
}

/* A session that still waits learns it.  Returns whether any helper is left. */
static bool
reap(struct launch *list, unsigned int most)
{
	struct launch *of;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		of = find(list, most, pid);
		if (of == NULL)
			continue;
		fds_close(&of->control);
		of->pid = 0;
	}
	return pid == 0;
}

/* Returns whether there may be another. */
static bool
take_request(const struct launcher *l, struct launch *list, int requests)
{
	int fds[CHANNEL_TLS_FDS];

	if (channel_passed(requests, fds, CHANNEL_TLS_FDS) == -1)
		return errno == EPROTO || errno == EAGAIN;
	launch(l, list, fds);
	fds_close(&fds[CHANNEL_CLIENT]);
	fds_close(&fds[CHANNEL_CONTROL]);
	return true;
}

void
launcher_run(const struct launcher *l, int requests)
{
	struct launch *list = calloc(l->most, sizeof(*list));
	struct pollfd pfd[] = {
		{ .fd = sig_open(), .events = POLLIN },
		{ .fd = requests, .events = POLLIN },
		{ .fd = l->listen_fd, .events = POLLIN },
	};
	bool running = false;

	title_set("launcher");
	sig_ignore_quit();
	if (list == NULL)
		fatal("launcher");
	while (pfd[1].fd != -1 || running) {
		if (poll(pfd, 3, -1) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		if (pfd[1].revents != 0 && !take_request(l, list, requests))
			pfd[1].fd = -1;
		if (pfd[2].revents != 0)
			hand_over(l, list);
		sig_drain();
		running = reap(list, l->most);
	}
	free(list);
}
