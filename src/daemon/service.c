/* SPDX-License-Identifier: ISC */
/* What the configuration comes to.  Runs as: master. */

#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "offer.h"
#include "sasl.h"
#include "service.h"
#include "sockets.h"
#include "stamp.h"

enum { NOBODY = 65534 };

int
service_find_keeper(
    const struct conf *c, int users_fd, struct confine_identity *id)
{
	struct stat st;

	if (c->keeper_user[0] != '\0') {
		if (confine_find_account(c->keeper_user, id) == 0)
			return 0;
		log_warnx(
		    "keeper-user: there is no account %s", c->keeper_user);
		return -1;
	}
	if (fstat(users_fd, &st) == -1) {
		log_warn("the directory of mailboxes, %s", c->users);
		return -1;
	}
	*id = (struct confine_identity){ st.st_uid, st.st_gid };
	return 0;
}

int
service_check_state(
    const struct conf *c, const struct users *users, uid_t keeper)
{
	struct stat own, state;

	if (users->state_fd == -1)
		return 0;
	if (fstat(users->fd, &own) == -1 ||
	    fstat(users->state_fd, &state) == -1) {
		log_warn("looking at %s/.restante", c->users);
		return -1;
	}
	if (state.st_uid == 0 || state.st_uid == own.st_uid ||
	    state.st_uid == keeper)
		return 0;
	log_warnx("%s/.restante belongs to account number %ju, who is neither "
		  "root, nor the directory's owner, nor the keeper; if what "
		  "is in there is to be trusted: chown -R %ju %s/.restante",
	    c->users, (uintmax_t)state.st_uid, (uintmax_t)keeper, c->users);
	return -1;
}

/*
 * Whether the keeper could work in the directory; 0, or -1 with errno set.  A
 * process tries it that has become the keeper: there may be more to it than the
 * mode.
 */
static int
try_keeper(const struct confine_identity *keeper, int users_fd)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		confine_become(keeper);
		if (faccessat(users_fd, ".", R_OK | X_OK, 0) == -1)
			_exit(errno);
		_exit(0);
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	if (pid == -1 || status == 0)
		return pid == -1 ? -1 : 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
	return -1;
}

/*
 * By mistake it may be anybody, who would get .restante all the same; and whose
 * that is depends on who it is.
 */
static int
check_keeper(const struct conf *c, const struct users *users,
    const struct confine_identity *keeper)
{
	if (geteuid() != 0 || try_keeper(keeper, users->fd) == 0)
		return service_check_state(c, users, keeper->uid);
	log_warn("the keeper, account number %ju, must read and enter "
		 "the directory of mailboxes, %s",
	    (uintmax_t)keeper->uid, c->users);
	return -1;
}

/* Who was let into .restante could put a journal there, which is obeyed. */
static int
close_state(const struct conf *c, const struct users *users)
{
	struct stat st;

	if (fstat(users->state_fd, &st) == 0 && (st.st_mode & 077) == 0)
		return 0;
	if (fchmod(users->state_fd, 0700) == 0) {
		log_warnx("%s/.restante had mode %04o: closed to others",
		    c->users, st.st_mode & 07777u);
		return 0;
	}
	log_warn("closing %s/.restante to others", c->users);
	return -1;
}

static int
refuse_root(const struct confine_identity *id, const char *who)
{
	if (id->uid != 0 && id->gid != 0)
		return 0;
	log_warnx("%s do not run as root", who);
	return -1;
}

static int
find_session_account(const struct conf *c, struct confine_identity *id)
{
	if (confine_find_account(c->user, id) == -1) {
		log_warnx(
		    "there is no account %s: sessions run as nobody", c->user);
		*id = (struct confine_identity){ NOBODY, NOBODY };
	}
	return refuse_root(id, "sessions");
}

/*
 * Helpers know the key, and what else runs as them can read it: that must be
 * neither what strangers talk to nor, for want of an account, whatever is nobody's.
 * Nor may a helper, who is talked to as well, read what is the keeper's.
 */
static int
find_helper_account(const struct conf *c,
    const struct confine_identity *sessions,
    const struct confine_identity *keeper, struct confine_identity *id)
{
	if (confine_find_account(c->tls_user, id) == -1) {
		log_warnx("tls-user: there is no account %s", c->tls_user);
		return -1;
	}
	if (refuse_root(id, "TLS helpers") == -1)
		return -1;
	if (id->uid != sessions->uid && id->uid != keeper->uid)
		return 0;
	log_warnx("tls-user: %s as %s, too",
	    id->uid == keeper->uid ? "the keeper runs" : "sessions run",
	    c->tls_user);
	return -1;
}

/* What root starts becomes others; all of it else is the keeper. */
static int
find_identities(const struct conf *c, struct service *svc)
{
	if (geteuid() != 0) {
		svc->keeper_id = (struct confine_identity){ geteuid(),
			getegid() };
		return 0;
	}
	if (find_session_account(c, &svc->session_id) == -1)
		return -1;
	return service_find_keeper(c, svc->attendant.users.fd, &svc->keeper_id);
}

void
service_take_state(const struct conf *c, const struct service *svc)
{
	if (geteuid() == 0 &&
	    fchown(svc->attendant.users.state_fd, svc->keeper_id.uid,
		svc->keeper_id.gid) == -1)
		log_warn("changing the owner of %s/.restante", c->users);
}

/* The passwords are in there. */
static void
warn_of_others(const struct conf *c, const struct users *users)
{
	struct stat st;

	if (fstat(users->fd, &st) == 0 && (st.st_mode & S_IRWXO) != 0)
		log_warnx("the directory of mailboxes, %s, has mode %04o: "
			  "everyone on this machine may look into it",
		    c->users, st.st_mode & 07777u);
}

/*
 * A session has ended before a helper takes it for gone: each of its own limits is
 * below their sum.
 */
static void
describe_launcher(const struct conf *c, struct launcher *l)
{
	*l = (struct launcher){
		.most = (unsigned int)c->max_sessions,
		.handshake = (int64_t)c->login_timeout,
		.silence = (int64_t)(c->login_timeout + c->idle_timeout +
		    c->write_timeout),
		.verbose = c->log_level == LOG_LEVEL_DEBUG,
		.certificate_fd = -1,
		.key_fd = -1,
		.listen_fd = -1,
		.plain_fd = -1,
	};
	memcpy(l->helper, c->tls_helper, sizeof(l->helper));
}

/* What the launcher of TLS helpers needs, if there is to be one. */
static int
open_launcher(const struct conf *c, const struct confine_identity *sessions,
    const struct confine_identity *keeper, struct launcher *l)
{
	if (*l->helper == '\0')
		return 0;
	if (geteuid() == 0 &&
	    find_helper_account(c, sessions, keeper, &l->id) == -1)
		return -1;
	return launcher_open(l, c->tls_certificate, c->tls_key);
}

static void
warn_of_missing(const struct conf *c, const struct users *users)
{
	if (users->fd == -1)
		log_warn("the directory of mailboxes, %s", c->users);
	else
		log_warn("opening or making %s/.restante", c->users);
}

/* The directory, and whose it is: the keeper's, if nothing else is said. */
static int
check_users(const struct conf *c, struct confine_identity *keeper)
{
	struct users users;
	int status = users_look(&users, c->users);

	if (status == 0 && users.state_fd == -1)
		status = faccessat(users.fd, ".", W_OK | X_OK, 0);
	if (status == -1)
		warn_of_missing(c, &users);
	else
		warn_of_others(c, &users);
	if ((status == 0 || c->keeper_user[0] != '\0') &&
	    service_find_keeper(c, users.fd, keeper) == -1)
		status = -1;
	if (status == 0)
		status = check_keeper(c, &users, keeper);
	users_close(&users);
	return status;
}

int
service_check(const struct conf *c)
{
	struct launcher launcher;
	struct confine_identity sessions = { NOBODY, NOBODY };
	struct confine_identity keeper = { geteuid(), getegid() };
	int status = sockets_check(c);

	if (check_users(c, &keeper) == -1)
		status = -1;
	if (geteuid() == 0 && find_session_account(c, &sessions) == -1)
		status = -1;
	describe_launcher(c, &launcher);
	if (open_launcher(c, &sessions, &keeper, &launcher) == -1)
		status = -1;
	launcher_close(&launcher);
	return status;
}

/* Whether clients of other hosts have a way to speak TLS. */
static bool
has_tls(const struct conf *c, enum stls_kind stls)
{
	if (stls != STLS_NONE)
		return true;
	for (uint64_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].tls)
			return true;
	return false;
}

static int
prepare_launcher(const struct conf *c, struct service *svc)
{
	if (svc->session.stls != STLS_HELPER)
		return 0;
	if (open_launcher(
		c, &svc->session_id, &svc->keeper_id, &svc->launcher) == -1)
		return -1;
	return launcher_meet(&svc->launcher, svc->attendant.users.state_fd);
}

void
service_release(struct service *svc)
{
	users_close(&svc->attendant.users);
	launcher_close(&svc->launcher);
}

/* Milliseconds; whoever waits for a refusal must still be there. */
static int64_t
penalty_most(const struct conf *c)
{
	uint64_t half = c->login_timeout * 1000 / 2;
	uint64_t most = c->login_penalty * 1000;

	return (int64_t)(most < half ? most : half);
}

static unsigned int
processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned int)n;
}

static void
set_attendant(const struct conf *c, struct attendant_settings *set)
{
	*set = (struct attendant_settings){
		.notice_fd = -1,
		.hide_users = c->hide_users,
		.tries = (unsigned int)c->login_tries,
		.pause = (int64_t)c->login_pause * 1000,
		.timeout = (int64_t)c->login_timeout * 1000,
		.max_per_user = (unsigned int)c->max_per_user,
		.guard = {
			.places = processors(),
			.penalty_most = penalty_most(c),
		},
	};
	memcpy(set->login_delay, c->login_delay, PERUSER_SIZE);
	/* It was tried when it was set. */
	(void)networks_parse(c->trusted, &set->guard.trusted);
}

/*
 * One bit more than there are mechanisms asks for those that can be served; APOP
 * needs what CRAM-MD5 does.
 */
static void
choose_mechanisms(const struct conf *c, struct service *svc)
{
	const unsigned int automatic = 1u << SASL_MECHANISMS;
	unsigned int bits = (unsigned int)c->mechanisms & ~automatic;
	unsigned int served = 0;

	if ((c->mechanisms & automatic) != 0 || c->apop == CONF_APOP_AUTO)
		served = offer_mechanisms(
		    &svc->attendant.users, &svc->keeper_id);
	if ((c->mechanisms & automatic) != 0)
		bits |= served;
	svc->session.apop = c->apop == CONF_APOP_YES ||
	    (c->apop == CONF_APOP_AUTO && (served >> SASL_CRAM_MD5 & 1) != 0);
	svc->attendant.apop = svc->session.apop;
	svc->session.mechanisms = bits;
	svc->attendant.mechanisms = bits;
}

int
service_prepare(const struct conf *c, const int *ucspi, struct service *svc)
{
	const enum stls_kind stls = ucspi != NULL ? STLS_UCSPI
	    : *c->tls_helper != '\0'              ? STLS_HELPER
						  : STLS_NONE;
	struct users *users = &svc->attendant.users;
	struct utsname machine = { .nodename = "" };

	svc->session = (struct session_settings){
		.hide_users = c->hide_users,
		.utf8_strict = c->utf8_strict,
		.show_version = c->show_version,
		.language = (int)c->language,
		.plain_local = c->plaintext_auth != CONF_PLAIN_TLS,
		.plain_remote = c->plaintext_auth == CONF_PLAIN_YES ||
		    (c->plaintext_auth == CONF_PLAIN_AUTO && !has_tls(c, stls)),
		.stls = stls,
		.login_tries = (unsigned int)c->login_tries,
		.login_timeout = (int64_t)c->login_timeout * 1000,
		.idle_timeout = (int64_t)c->idle_timeout * 1000,
		.write_timeout = (int64_t)c->write_timeout * 1000,
		.mailbox = {
			.unquote = c->mbox_quoting == CONF_QUOTING_MBOXRD,
			.lock_update = c->lock == CONF_LOCK_UPDATE,
			.notes_login = true,
		},
	};
	if (ucspi != NULL)
		memcpy(svc->session.ucspi, ucspi, sizeof(svc->session.ucspi));
	set_attendant(c, &svc->attendant);
	memcpy(svc->session.expire, c->expire, PERUSER_SIZE);
	memcpy(svc->session.login_delay, c->login_delay, PERUSER_SIZE);
	svc->max_sessions = (unsigned int)c->max_sessions;
	svc->max_per_address = (unsigned int)c->max_per_address;
	describe_launcher(c, &svc->launcher);
	/* It was tried when it was set. */
	(void)networks_parse(c->trusted_proxies, &svc->proxies);
	/* Where it is not told, it is empty. */
	(void)uname(&machine);
	stamp_host(machine.nodename, svc->session.host);
	if (users_open(users, c->users) == -1) {
		warn_of_missing(c, users);
		service_release(svc);
		return -1;
	}
	warn_of_others(c, users);
	if (find_identities(c, svc) == -1 ||
	    check_keeper(c, users, &svc->keeper_id) == -1 ||
	    close_state(c, users) == -1 || prepare_launcher(c, svc) == -1) {
		service_release(svc);
		return -1;
	}
	choose_mechanisms(c, svc);
	return 0;
}
