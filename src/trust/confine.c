/* SPDX-License-Identifier: ISC */
/*
 * Giving up rights.  Runs as: listener, session, keeper, launcher, helper,
 * restantectl.
 */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "filter.h"
#include "log.h"
#include "num.h"

/*
 * Landlock as of its sixth version; the kernel says which it has, and minds no
 * members that it does not know while they are 0.  Headers are often older than
 * kernels, hence the numbers.
 */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/*
 * Descriptors that a session may have.  Also how many it may send to itself and
 * leave under way, but for one packet, before the kernel refuses; above the limits
 * of the keeper, and of sessions that have still to register, which share its user,
 * it would refuse to those, and nobody could log in any more.
 */
enum { SESSION_DESCRIPTORS = 32 };

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_REG = 1 << 8,
	FS_ALL_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	NET_ALL = 3,   /* bind and connect of TCP */
	SCOPE_ALL = 3, /* abstract sockets, signals */
};

static struct ruleset_attr
all_of(long version)
{
	struct ruleset_attr attr = { .handled_access_fs = FS_ALL_1 };

	if (version >= 2)
		attr.handled_access_fs |= FS_REFER;
	if (version >= 3)
		attr.handled_access_fs |= FS_TRUNCATE;
	if (version >= 4)
		attr.handled_access_net = NET_ALL;
	if (version >= 5)
		attr.handled_access_fs |= FS_IOCTL_DEV;
	if (version >= 6)
		attr.scoped = SCOPE_ALL;
	return attr;
}

/* A file, or all that is below a directory, and what may be done with it. */
struct grant {
	int fd;
	uint64_t rights;
};

static int
add_grant(int ruleset, const struct grant *g, uint64_t handled)
{
	struct landlock_path_beneath_attr beneath = {
		.parent_fd = g->fd,
		.allowed_access = handled & g->rights,
	};

	return (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

/* Leaves this process no files but those that are granted. */
static int
landlock(const struct grant *grants, size_t count)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = all_of(version);
	int fd, status = 0;

	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd == -1)
		return -1;
	for (size_t i = 0; i < count && status == 0; i++)
		status = add_grant(fd, &grants[i], attr.handled_access_fs);
	if (status == 0)
		status = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	(void)close(fd);
	return status;
}

static void
limit(unsigned int what, const char *name, rlim_t most)
{
	struct rlimit now, want = { .rlim_cur = most, .rlim_max = most };

	if (getrlimit(what, &now) == -1) {
		log_warn("getrlimit %s", name);
		return;
	}
	if (now.rlim_max < most)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	if (setrlimit(what, &want) == -1)
		log_warn("setrlimit %s", name);
}

void
confine_descriptors(unsigned long most)
{
	limit(RLIMIT_NOFILE, "NOFILE", most);
}

void
confine_session(void)
{
	limit(RLIMIT_NPROC, "NPROC", 0);
	confine_descriptors(SESSION_DESCRIPTORS);
}

/* Becomes id for good.  Returns only when every part was done and checked. */
static void
change_identity(const struct confine_identity *id)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (setgroups(1, &id->gid) == -1)
		fatal("setgroups");
	if (setresgid(id->gid, id->gid, id->gid) == -1)
		fatal("setresgid");
	if (setresuid(id->uid, id->uid, id->uid) == -1)
		fatal("setresuid");

	if (getresgid(&rgid, &egid, &sgid) == -1 ||
	    getresuid(&ruid, &euid, &suid) == -1)
		fatal("getresuid");
	if (rgid != id->gid || egid != id->gid || sgid != id->gid)
		fatalx("group id was not dropped");
	if (ruid != id->uid || euid != id->uid || suid != id->uid)
		fatalx("user id was not dropped");
	if (id->uid != 0 && (setuid(0) != -1 || seteuid(0) != -1))
		fatalx("root could be regained");
}

/*
 * Empties the bounding set but for one capability, or for -1 all of it.  Only a
 * new program could make use of it, and there is none: a start that is not
 * allowed to change it loses nothing.
 */
static void
bound_capabilities(int keep)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (cap != keep)
			(void)prctl(PR_CAPBSET_DROP, cap);
}

/* Gives up all capabilities but those of the mask.  0, or -1 with errno set. */
static int
keep_capabilities(uint32_t mask)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = mask, .permitted = mask },
	};

	return (int)syscall(SYS_capset, &header, data);
}

/*
 * Makes a directory, enters it, removes it: nothing can ever be in it.  Unlike
 * a fixed empty directory it asks nothing of the system.
 */
static void
enter_empty_root(int state_fd)
{
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "empty.%ld", (long)getpid());
	if (mkdirat(state_fd, name, 0700) == -1 && errno != EEXIST)
		fatal("making an empty root directory");
	fd = openat(
	    state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || unlinkat(state_fd, name, AT_REMOVEDIR) == -1 ||
	    fchdir(fd) == -1 || chroot(".") == -1)
		fatal("entering an empty root directory");
	(void)close(fd);
}

/* No trace of its memory for others, no rights from files for itself. */
static void
keep_to_itself(void)
{
	limit(RLIMIT_CORE, "CORE", 0);
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		log_warn("staying dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		log_warn("running without no_new_privs");
}

/* What needs no root: the part that also holds for an ordinary user. */
static void
close_the_doors(enum filter_kind kind, int users_fd)
{
	const struct grant users = { users_fd,
		FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_MAKE_REG |
		    FS_TRUNCATE };

	keep_to_itself();
	if (landlock(&users, users_fd == -1 ? 0 : 1) == -1)
		log_warn("running without Landlock");
	if (filter_install(kind) == -1)
		log_warn("running without a system call filter");
}

void
confine_listener(const struct confine_identity *id, int state_fd)
{
	if (geteuid() == 0) {
		if (id->uid == 0 || id->gid == 0)
			fatalx("sessions do not run as root");
		enter_empty_root(state_fd);
		bound_capabilities(-1);
		change_identity(id);
	}
	(void)close(state_fd);
	/* An ordinary user may have been given the right to a low port. */
	if (keep_capabilities(0) == -1)
		log_warn("keeping capabilities");
	close_the_doors(FILTER_LISTENER, -1);
}

void
confine_become(const struct confine_identity *id)
{
	bool as_root = geteuid() == 0 && id->uid == 0;

	if (geteuid() == 0) {
		bound_capabilities(as_root ? CAP_DAC_OVERRIDE : -1);
		change_identity(id);
	}
	if (keep_capabilities(as_root ? 1u << CAP_DAC_OVERRIDE : 0) == -1) {
		if (as_root)
			fatal("capset");
		log_warn("keeping capabilities");
	}
}

void
confine_keeper(const struct confine_identity *id, int users_fd)
{
	confine_become(id);
	close_the_doors(FILTER_KEEPER, users_fd);
}

void
confine_launcher(const struct confine_identity *id)
{
	confine_become(id);
	keep_to_itself();
}

void
confine_helper(void)
{
	const struct grant grants[] = {
		{ open("/", O_PATH | O_CLOEXEC),
		    FS_EXECUTE | FS_READ_FILE | FS_READ_DIR },
		{ open("/dev/null", O_PATH | O_CLOEXEC),
		    FS_READ_FILE | FS_WRITE_FILE },
	};

	/* A domain of its own: who has another one cannot be traced. */
	if (landlock(grants, 2) == -1)
		log_warn("running without Landlock");
}

/* "name:password:uid:gid:..." */
static bool
is_account(char *line, const char *name, struct confine_identity *id)
{
	char *field[4];
	uint64_t uid, gid;

	for (int i = 0; i < 4; i++) {
		field[i] = strsep(&line, ":");
		if (line == NULL)
			return false;
	}
	if (strcmp(field[0], name) != 0 ||
	    num_parse(field[2], UINT32_MAX - 1, &uid) == -1 ||
	    num_parse(field[3], UINT32_MAX - 1, &gid) == -1)
		return false;
	*id = (struct confine_identity){ .uid = (uid_t)uid, .gid = (gid_t)gid };
	return true;
}

int
confine_find_account(const char *name, struct confine_identity *id)
{
	FILE *f = fopen("/etc/passwd", "re");
	char *line = NULL;
	size_t size = 0;
	int status = -1;

	if (f == NULL)
		return -1;
	errno = ENOENT;
	while (status == -1 && getline(&line, &size, f) != -1)
		if (is_account(line, name, id))
			status = 0;
	free(line);
	(void)fclose(f);
	return status;
}
