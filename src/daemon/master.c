/* SPDX-License-Identifier: ISC */
/*
 * The process that starts and ends the others.
 * Runs as: master; the functions become_...() as what they become.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fds.h"
#include "io.h"
#include "keeper.h"
#include "listener.h"
#include "log.h"
#include "master.h"
#include "notify.h"
#include "sig.h"
#include "sockets.h"
#include "stamp.h"
#include "title.h"

enum {
	/* Who ends so soon after a start, so often in a row, cannot run here. */
	RESTART_TIME = 1000,
	RESTARTS_MOST = 5,
	/* For a listener to let go of its sockets. */
	STOP_TIME = 5000,
	/* Between one word to end and the next. */
	END_TIME = 100,
	/*
	 * For which lines of the log may gather: a look at each of them would
	 * cost a busy server a switch of processes.  Who floods the log would
	 * have all the room for itself meanwhile, so then there is no rest.
	 */
	LOG_TIME = 5,
	FLOOD_TIME = 1000,
	/*
	 * Descriptors of a process besides those of its connections.  Few would
	 * do; but the kernel lets nobody send one whose user has more than
	 * this under way, and a hostile session may be of the same user.
	 */
	OWN_DESCRIPTORS = 4096,
};

/*
 * Whether a confined process loses its standard error stream: what is written
 * there passes no relay, and could look like anybody's line.  The sanitizers
 * complain on it.
 */
#ifdef SANITIZED
static const bool silence_errors = false;
#else
static const bool silence_errors = true;
#endif

struct master {
	struct service *svc;
	const struct options *options; /* NULL when started by inetd */
	struct sockets sockets;
	/* Pipes, read end first: the log of each kind of process, ... */
	int session_log[2], keeper_log[2], tls_log[2];
	/* ... and one in which an octet ends all sessions. */
	int stop[2];
	pid_t keeper, listener, launcher; /* 0: there is none */
	int life_fd; /* a channel: its end is the listener's end */
	int64_t started;
	int quits, hasty; /* requests to end; starts that did not last */
	bool wide;        /* the log's pipes have room for a rest */
	int64_t flooded;  /* there is no rest before that time */
};

/* The pipes stay the same for as long as the master lives. */
static void
open_pipes(struct master *m)
{
	if (log_pipe(m->session_log) == -1 || log_pipe(m->keeper_log) == -1 ||
	    log_pipe(m->tls_log) == -1 ||
	    pipe2(m->stop, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("pipe");
}

/*
 * Leaves this process the descriptors in keep and no others; the first of them
 * is where it logs from now on.
 */
static void
arrange(int *const *keep, size_t count)
{
	if (fds_arrange(keep, count) == -1)
		fatal("arranging descriptors");
	log_to_pipe(*keep[0]);
	if (fds_silence(silence_errors) == -1)
		fatal("/dev/null");
}

static _Noreturn void
become_keeper(struct master *m, struct keeper_links links, int notice_fd)
{
	struct service *svc = m->svc;
	struct users *users = &svc->attendant.users;
	int *keep[8] = { &m->keeper_log[1], &users->fd, &users->state_fd,
		&notice_fd };
	size_t count = 4;

	if (svc->attendant.launcher_fd != -1)
		keep[count++] = &svc->attendant.launcher_fd;
	keep[count++] = &links.registrations;
	keep[count++] = &links.call;
	keep[count++] = &links.called;
	arrange(keep, count);
	svc->attendant.notice_fd = notice_fd;
	confine_descriptors(svc->max_sessions + OWN_DESCRIPTORS);
	confine_keeper(&svc->keeper_id, users->fd);
	keeper_run(
	    &svc->attendant, &links, svc->max_sessions + LISTENER_LEAVING);
	_exit(0);
}

/* What l has already are its links. */
static _Noreturn void
become_listener(struct master *m, struct listener l)
{
	struct service *svc = m->svc;
	int state_fd = svc->attendant.users.state_fd;
	int *keep[SOCKETS_MAX + 7] = { &m->session_log[1], &l.stop_fd,
		&l.life_fd, &l.keeper_fd, &l.call_fd, &l.notice_fd, &state_fd };
	size_t count = 7;

	for (size_t i = 0; i < m->sockets.count; i++)
		keep[count++] = &m->sockets.list[i].fd;
	arrange(keep, count);
	l.set = &svc->session;
	l.sockets = m->sockets.list;
	l.count = m->sockets.count;
	l.trusted = &svc->attendant.guard.trusted;
	l.proxies = &svc->proxies;
	l.max_sessions = svc->max_sessions;
	l.max_per_address = svc->max_per_address;
	/* No business of sessions: the filter has no call for it. */
	l.child_fd = sig_open_children();
	confine_descriptors(svc->max_sessions + OWN_DESCRIPTORS);
	confine_listener(&svc->session_id, state_fd);
	listener_run(&l);
	_exit(0);
}

static _Noreturn void
become_launcher(struct master *m, int requests)
{
	struct launcher *l = &m->svc->launcher;
	int *const keep[] = { &m->tls_log[1], &l->certificate_fd, &l->key_fd,
		&l->listen_fd, &l->plain_fd, &requests };

	arrange(keep, 6);
	/* Where helpers complain. */
	if (dup2(m->tls_log[1], 2) == -1)
		fatal("dup2");
	confine_descriptors(m->svc->max_sessions + OWN_DESCRIPTORS);
	confine_launcher(&l->id);
	launcher_run(l, requests);
	_exit(0);
}

static pid_t
fork_or_die(void)
{
	pid_t pid = fork();

	if (pid == -1)
		fatal("fork");
	return pid;
}

/*
 * If there is to be one: attendants have the line to it.  0, or -1 with errno
 * set.
 */
static int
start_launcher(struct master *m)
{
	int link[2];

	m->launcher = 0;
	m->svc->attendant.launcher_fd = -1;
	if (m->svc->session.stls != STLS_HELPER)
		return 0;
	if (channel_pair(link) == -1)
		return -1;
	m->launcher = fork();
	if (m->launcher == 0)
		become_launcher(m, link[0]);
	fds_close(&link[0]);
	m->svc->attendant.launcher_fd = link[1];
	return m->launcher == -1 ? -1 : 0;
}

/* The line to it is its attendants' alone: its end is the launcher's end. */
static void
leave_launcher(struct service *svc)
{
	fds_close(&svc->attendant.launcher_fd);
}

/* What keeper, listener and master know each other by: read ends first. */
struct ends {
	int life[2], link[2], call[2], notice[2];
};

static int
open_ends(struct ends *e)
{
	return channel_pair(e->life) == -1 || channel_pair(e->link) == -1 ||
		pipe2(e->notice, O_CLOEXEC | O_NONBLOCK) == -1 ||
		pipe2(e->call, O_CLOEXEC | O_NONBLOCK) == -1
	    ? -1
	    : 0;
}

static int
fork_pair(struct master *m, const struct ends *e)
{
	m->keeper = fork();
	if (m->keeper == 0)
		become_keeper(m,
		    (struct keeper_links){ e->link[0], e->call[1], e->call[0] },
		    e->notice[1]);
	if (m->keeper == -1)
		return -1;
	m->listener = fork();
	if (m->listener == 0)
		become_listener(m,
		    (struct listener){ .stop_fd = m->stop[0],
			.life_fd = e->life[0],
			.keeper_fd = e->link[1],
			.call_fd = e->call[1],
			.notice_fd = e->notice[0] });
	return m->listener == -1 ? -1 : 0;
}

/*
 * A keeper and a listener that know each other.  0, or -1 with errno set: whoever
 * was started then finds nobody, and ends.
 */
static int
start_pair(struct master *m)
{
	struct ends e = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int status = -1;

	if (start_launcher(m) == 0 && open_ends(&e) == 0)
		status = fork_pair(m, &e);
	leave_launcher(m->svc);
	if (status == -1)
		fds_close(&e.life[1]);
	fds_close(&e.life[0]);
	for (int i = 0; i < 2; i++) {
		fds_close(&e.link[i]);
		fds_close(&e.call[i]);
		fds_close(&e.notice[i]);
	}
	m->life_fd = e.life[1];
	m->started = clock_ms();
	return status;
}

static void
start_pair_or_die(struct master *m)
{
	if (start_pair(m) == -1)
		fatal("starting processes");
}

static void
stop_listening(struct master *m)
{
	fds_close(&m->life_fd);
}

/*
 * Has a new keeper and listener take over, on the same sockets where the addresses
 * are; only then do the old ones stop.  They end with their last session.  0, or
 * -1 with errno set, and all is as before.
 */
static int
replace_pair(struct master *m, const struct conf *c,
    const struct service *fresh, const struct sockets *sockets)
{
	static struct service old;
	const struct master before = *m;
	enum log_level level = log_set_level((enum log_level)c->log_level);
	struct pollfd life = { .fd = m->life_fd, .events = POLLIN };

	old = *m->svc;
	service_take_state(c, fresh);
	*m->svc = *fresh;
	m->sockets = *sockets;
	if (start_pair(m) == -1) {
		*m = before;
		*m->svc = old;
		service_take_state(c, &old);
		(void)log_set_level(level);
		return -1;
	}
	sockets_close_but(&before.sockets, sockets);
	service_release(&old);
	/* Once it is told, nobody is served by the old one any more. */
	(void)shutdown(life.fd, SHUT_WR);
	while (poll(&life, 1, STOP_TIME) == -1 && errno == EINTR)
		;
	(void)close(life.fd);
	return 0;
}

/* Makes the configuration anew, or leaves all as it is: -1 after a line in the log. */
static int
reconfigure(struct master *m)
{
	static struct conf c;
	static struct service fresh;
	struct sockets sockets;

	if (options_conf(m->options, &c, NULL) == -1 ||
	    service_prepare(&c, NULL, &fresh) == -1)
		return -1;
	if (sockets_open(&c, &m->sockets, &sockets) == -1) {
		service_release(&fresh);
		return -1;
	}
	if (replace_pair(m, &c, &fresh, &sockets) == 0)
		return 0;
	log_warn("starting processes");
	sockets_close_but(&sockets, &m->sockets);
	service_release(&fresh);
	return -1;
}

static void
reload(struct master *m)
{
	if (reconfigure(m) == 0)
		log_info("the new configuration is in force");
	else
		log_warnx("the old configuration stays in force");
}

/* The log's pipes end when the last of the others does, and not before. */
static void
close_own_ends(const struct master *m)
{
	(void)close(m->session_log[1]);
	(void)close(m->keeper_log[1]);
	(void)close(m->tls_log[1]);
}

static void
quit(struct master *m)
{
	if (m->quits++ > 0) {
		log_info("ending all sessions");
		return;
	}
	log_info("ending; sessions may finish");
	notify_stopping();
	stop_listening(m);
	sockets_close_but(&m->sockets, &(struct sockets){ .count = 0 });
	if (m->options != NULL)
		close_own_ends(m);
}

/* What this process is called, or NULL when it is none of the last start. */
static const char *
name_of(const struct master *m, pid_t pid)
{
	if (pid == m->keeper)
		return m->options == NULL ? "attendant" : "keeper";
	if (pid == m->listener)
		return m->options == NULL ? "session" : "listener";
	return pid == m->launcher ? "launcher" : NULL;
}

/*
 * A keeper, listener or launcher that has ended unasked is replaced, with its
 * partners.  Started by inetd they are attendant and session, and end when they
 * are done.
 */
static void
reap(struct master *m)
{
	bool lost = false;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		const char *name = name_of(m, pid);

		if (name == NULL)
			continue;
		if (m->options == NULL && pid != m->launcher)
			*(pid == m->keeper ? &m->keeper : &m->listener) = 0;
		if (m->quits > 0 || (m->options == NULL && status == 0))
			continue;
		log_warnx("the %s has ended, %s %d", name,
		    WIFSIGNALED(status) ? "by signal" : "with status",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
		lost = true;
	}
	if (!lost || m->options == NULL)
		return;
	m->hasty = clock_ms() - m->started < RESTART_TIME ? m->hasty + 1 : 0;
	if (m->hasty == RESTARTS_MOST)
		fatalx("it had just been started, again: giving up");
	stop_listening(m);
	start_pair_or_die(m);
}

/* Whether the two that inetd's way of starting has are not both gone. */
static bool
is_waiting(const struct master *m)
{
	return m->options == NULL && (m->keeper != 0 || m->listener != 0);
}

enum { WAKE, LOGS, WATCHED = 4 };

/* Passes on what is in the log's pipes.  Returns whether to rest then. */
static bool
relay(struct master *m, struct pollfd *pfd)
{
	static const char *const part[WATCHED] = { NULL, "session", "keeper",
		"tls" };
	bool any = false;
	int lines;

	for (int i = LOGS; i < WATCHED; i++) {
		if (pfd[i].revents == 0)
			continue;
		any = true;
		lines = log_relay(pfd[i].fd, part[i]);
		if (lines == -1)
			pfd[i].fd = -1;
		if (lines == LOG_RELAY_MOST)
			m->flooded = clock_ms() + FLOOD_TIME;
	}
	return any && m->wide && clock_ms() >= m->flooded;
}

static void
obey_signals(struct master *m)
{
	sig_drain();
	if (sig_child())
		reap(m);
	if (sig_hangup() && m->options != NULL && m->quits == 0) {
		notify_reloading();
		reload(m);
		notify_ready();
	}
	for (int n = sig_quit(); n > 0; n--)
		quit(m);
}

/* Passes on the log and obeys signals until all others are gone. */
static void
watch(struct master *m, int signal_fd)
{
	struct pollfd pfd[WATCHED] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = m->session_log[0], .events = POLLIN },
		{ .fd = m->keeper_log[0], .events = POLLIN },
		{ .fd = m->tls_log[0], .events = POLLIN },
	};
	bool rest = false;
	int patience;

	while (pfd[1].fd != -1 || pfd[2].fd != -1 || pfd[3].fd != -1 ||
	    is_waiting(m)) {
		/*
		 * All sessions read that pipe, and a hostile one may have taken
		 * out what was there for the others: said until all are gone.
		 */
		if (m->quits > 1)
			(void)!write(m->stop[1], "", 1);
		patience = rest ? LOG_TIME : m->quits > 1 ? END_TIME : -1;
		if (poll(pfd, rest ? LOGS : WATCHED, patience) == -1) {
			if (errno != EINTR)
				fatal("poll");
			continue;
		}
		/* During a rest the pipes were not asked, and a signal ends it:
		 * who has died may have said why. */
		if (rest) {
			rest = false;
			continue;
		}
		rest = relay(m, pfd);
		if (pfd[WAKE].revents != 0)
			obey_signals(m);
	}
}

void
master_listen(struct service *svc, const struct options *options,
    const struct sockets *sockets, int signal_fd)
{
	struct master m = {
		.svc = svc, .options = options, .sockets = *sockets
	};

	open_pipes(&m);
	m.wide = log_widen(m.session_log[0]) == 0 &&
	    log_widen(m.keeper_log[0]) == 0;
	title_set("master");
	start_pair_or_die(&m);
	notify_ready();
	watch(&m, signal_fd);
}

static _Noreturn void
become_lone_attendant(
    struct master *m, int channel, const struct registration *reg)
{
	struct service *svc = m->svc;
	struct users *users = &svc->attendant.users;
	int *const keep[] = { &m->keeper_log[1], &users->fd, &users->state_fd,
		&channel, &svc->attendant.launcher_fd };

	arrange(keep, svc->attendant.launcher_fd == -1 ? 4 : 5);
	sig_ignore_quit();
	confine_descriptors(OWN_DESCRIPTORS);
	confine_keeper(&svc->keeper_id, users->fd);
	attendant_run(&svc->attendant, channel, reg);
	_exit(0);
}

static _Noreturn void
become_lone_session(struct master *m, struct session_links links,
    const struct registration *reg)
{
	struct service *svc = m->svc;
	int state_fd = svc->attendant.users.state_fd;
	int *ucspi = svc->session.ucspi;
	int *const keep[] = { &m->session_log[1], &m->stop[0], &links.in,
		&links.out, &links.channel, &state_fd, &ucspi[0], &ucspi[1],
		&ucspi[2] };

	arrange(keep, svc->session.stls == STLS_UCSPI ? 9 : 6);
	io_set_stop(m->stop[0]);
	sig_ignore_quit();
	confine_listener(&svc->session_id, state_fd);
	session_run(&svc->session, &links, reg);
	_exit(0);
}

void
master_serve(struct service *svc, int in, int out, const char *peer,
    enum protocol_kind protocol)
{
	struct master m = { .svc = svc, .life_fd = -1 };
	struct registration reg = { .protocol = protocol };
	int channel[2], signal_fd = sig_open();
	uint64_t clock = stamp_clock();

	open_pipes(&m);
	title_set("master for %s", peer);
	(void)snprintf(reg.peer, sizeof(reg.peer), "%s", peer);
	/* The attendant needs it before there is a session with a process-ID. */
	stamp_write(reg.stamp, getpid(), clock, svc->session.host);
	if (channel_pair(channel) == -1)
		fatal("making a channel");
	if (start_launcher(&m) == -1)
		fatal("starting processes");
	m.keeper = fork_or_die();
	if (m.keeper == 0)
		become_lone_attendant(&m, channel[1], &reg);
	leave_launcher(svc);
	m.listener = fork_or_die();
	if (m.listener == 0)
		become_lone_session(&m,
		    (struct session_links){ in, out, -1, -1, channel[0] },
		    &reg);
	(void)close(channel[0]);
	(void)close(channel[1]);
	close_own_ends(&m);
	/* The connection ends when the session ends it. */
	(void)close(in);
	(void)close(out);
	for (int i = 0; svc->session.stls == STLS_UCSPI && i < UCSPI_FDS; i++)
		(void)close(svc->session.ucspi[i]);
	if (fds_silence(false) == -1)
		fatal("arranging descriptors");
	watch(&m, signal_fd);
}
