/* SPDX-License-Identifier: ISC */
/*
 * Which names are names, which files are mailboxes, and who may have them.
 */

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <regex.h>

#include "channel.h"
#include "clock.h"
#include "scratch.h"
#include "tap.h"
#include "users.h"

/* What was synced last; 0: nothing.  See the Makefile. */
static ino_t synced;
static bool sync_fails;

int __real_fsync(int);
int __wrap_fsync(int);

int
__wrap_fsync(int fd)
{
	struct stat st;

	need(fstat(fd, &st) == 0, "fstat");
	synced = st.st_ino;
	if (!sync_fails)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

static bool
slow_is_name(const char *s)
{
	static regex_t name, lock;
	static bool compiled;

	if (!compiled)
		need(regcomp(&name, "^[A-Za-z0-9][A-Za-z0-9._+@-]*$",
			 REG_EXTENDED | REG_NOSUB) == 0 &&
			regcomp(&lock, "\\.lock$", REG_EXTENDED | REG_NOSUB) ==
			    0,
		    "regcomp");
	compiled = true;
	return strlen(s) <= 64 && regexec(&name, s, 0, NULL, 0) == 0 &&
	    regexec(&lock, s, 0, NULL, 0) != 0;
}

static bool
compare(const char *s)
{
	bool want = slow_is_name(s);

	return check(users_is_name(s) == want, "\"%s\" is %s name", s,
	    want ? "a" : "no");
}

static void
names(void)
{
	char s[128];

	(void)compare("");
	for (int a = 1; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			s[0] = (char)a;
			s[1] = (char)b;
			s[2] = '\0';
			(void)compare(s);
		}
	(void)point("P3-104: every name of one and of two octets");

	for (size_t len = 1; len <= 70; len++)
		for (size_t at = 0; at < len; at++)
			for (int c = 1; c < 256; c++) {
				memset(s, 'a', len);
				s[at] = (char)c;
				s[len] = '\0';
				(void)compare(s);
			}
	(void)point("P3-104: every octet in every place, to 70 octets");

	for (size_t len = 0; len <= 70; len++) {
		static const char *const ends[] = { ".lock", ".LOCK", "lock",
			".lock.", ".locks", "..lock", ".loc", ".lock.lock",
			".lock1" };

		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			memset(s, 'x', len);
			(void)snprintf(s + len, sizeof(s) - len, "%s", ends[i]);
			(void)compare(s);
		}
	}
	(void)point("no name ends in .lock");
	ok(users_is_name("a") && users_is_name("a@b.example") &&
		!users_is_name("../a") && !users_is_name(".restante") &&
		!users_is_name("a/b") && !users_is_name("a.lock"),
	    "P3-104: the obvious ones");
}

static struct users users;

static void
make_socket(int dir, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)dir;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/%s",
	    scratch_path, name);
	need(fd != -1 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0,
	    "a socket");
	(void)close(fd);
}

static enum users_status
find(const char *name)
{
	int fd = -1;
	enum users_status status = users_find(&users, name, &fd);

	if (status == USERS_OK)
		check(close(fd) == 0, "%s: no descriptor", name);
	return status;
}

static void
files(int dir)
{
	scratch_file(dir, "alice", "secret\n");
	scratch_file(dir, "twins", "secret\n");
	scratch_file(dir, "twins.lock", "");
	need(linkat(dir, "twins", dir, "other", 0) == 0 &&
		symlinkat("alice", dir, "symbolic") == 0 &&
		symlinkat("nowhere", dir, "broken") == 0 &&
		mkdirat(dir, "directory", 0700) == 0 &&
		mkfifoat(dir, "fifo", 0600) == 0,
	    "things that are no mailboxes");
	make_socket(dir, "socket");

	is(find("alice"), USERS_OK, "a regular file is a mailbox");
	is(find("nobody"), USERS_NONE, "what is not there is no mailbox");
	is(find("twins"), USERS_NONE, "a file with two links is no mailbox");
	is(find("symbolic"), USERS_NONE, "a symbolic link is no mailbox");
	is(find("broken"), USERS_NONE, "a broken link is no mailbox");
	is(find("directory"), USERS_NONE, "a directory is no mailbox");
	is(find("fifo"), USERS_NONE, "a FIFO is no mailbox, and does not hang");
	is(find("socket"), USERS_NONE, "a socket is no mailbox");
	is(find("twins.lock"), USERS_NONE, "a lock file is no mailbox");
	is(find(".restante"), USERS_NONE, "the state directory is no mailbox");
	is(find("./alice"), USERS_NONE, "a path is no name");
	is(find(""), USERS_NONE, "nothing is no name");

	need(unlinkat(dir, "other", 0) == 0, "unlink");
	is(find("twins"), USERS_OK, "with one link left it is a mailbox");
}

static void
unreadable(int dir)
{
	uid_t uid = geteuid();

	scratch_file(dir, "closed", "secret\n");
	need(fchmodat(dir, "closed", 0, 0) == 0 && fchmod(dir, 0755) == 0 &&
		(uid != 0 || seteuid(65534) == 0),
	    "no rights");
	is(find("closed"), USERS_PERM, "a mailbox that may not be opened");
	need(uid != 0 || seteuid(0) == 0, "rights");
}

/* What keeps a mailbox from being locked, and what should come of it. */
enum holder {
	NOBODY,
	FLOCK,
	FLOCK_SHARED,
	OFD,
	RECORD,
	RECORD_READ,
	RECORD_END,
	JOURNAL,
	ALL,
	LET_GO,
	REMOVED
};

static const struct {
	const char *name, *what;
	enum holder holder;
	enum users_status want;
} rows[] = {
	{ "free", "nobody", NOBODY, USERS_OK },
	{ "flock", "a flock", FLOCK, USERS_IN_USE },
	{ "shared", "a shared flock", FLOCK_SHARED, USERS_IN_USE },
	{ "ofd", "an open-file-description lock", OFD, USERS_IN_USE },
	{ "record", "a record lock", RECORD, USERS_IN_USE },
	{ "reader", "a read lock", RECORD_READ, USERS_IN_USE },
	{ "end", "a record lock behind the end", RECORD_END, USERS_IN_USE },
	{ "journal", "a flock on the journal", JOURNAL, USERS_IN_USE },
	{ "session", "another session", ALL, USERS_IN_USE },
	{ "shortly", "a lock that is let go", LET_GO, USERS_OK },
	{ "removed", "a delivery that replaces the file", REMOVED, USERS_TEMP },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), HOLD_TIME = 150 };

static int
lock_record(int fd, int command, short type, off_t start)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start
	};

	return fcntl(fd, command, &lock);
}

/*
 * Holds as the row says, tells by an octet that it does, and goes on until the
 * other end of the pipe is closed.
 */
static _Noreturn void
hold(size_t row, int dir, int pipe_fd)
{
	struct mailbox_files files;
	char path[128];
	int fd = openat(dir, rows[row].name, O_RDWR | O_CLOEXEC), held = -1;

	(void)snprintf(
	    path, sizeof(path), ".restante/%s.journal", rows[row].name);
	switch (rows[row].holder) {
	case NOBODY:
		held = 0;
		break;
	case FLOCK:
	case LET_GO:
	case REMOVED:
		held = flock(fd, LOCK_EX);
		break;
	case FLOCK_SHARED:
		held = flock(fd, LOCK_SH);
		break;
	case OFD:
		held = lock_record(fd, F_OFD_SETLK, F_WRLCK, 0);
		break;
	case RECORD:
		held = lock_record(fd, F_SETLK, F_WRLCK, 0);
		break;
	case RECORD_READ:
		held = lock_record(fd, F_SETLK, F_RDLCK, 0);
		break;
	case RECORD_END:
		held = lock_record(fd, F_SETLK, F_WRLCK, 1000000);
		break;
	case JOURNAL:
		fd = openat(dir, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		held = flock(fd, LOCK_EX);
		break;
	case ALL:
		files.fd = fd;
		if (users_complete(&users, rows[row].name, &files) == USERS_OK)
			held = (int)users_lock(&files);
		break;
	}
	if (fd == -1 || held != 0 || write(pipe_fd, "", 1) != 1)
		_exit(1);
	if (rows[row].holder == LET_GO || rows[row].holder == REMOVED) {
		clock_sleep_until(clock_ms() + HOLD_TIME);
		if (rows[row].holder == REMOVED)
			(void)unlinkat(dir, rows[row].name, 0);
		_exit(0);
	}
	/* Not for ever, should the test die. */
	(void)alarm(TAP_SECONDS);
	(void)pause();
	_exit(0);
}

/* Whether a lock that was tried for is let go again, on its own. */
static bool
journal_is_free(int dir, const char *name)
{
	char path[128];
	int fd;
	bool good;

	(void)snprintf(path, sizeof(path), ".restante/%s.journal", name);
	fd = openat(dir, path, O_RDWR | O_CLOEXEC);
	good = fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	(void)close(fd);
	return good;
}

/* A record lock, and no flock. */
static bool
holds_record(enum holder holder)
{
	return holder >= OFD && holder <= RECORD_END;
}

/* Whether nobody has a flock on the mailbox. */
static bool
mailbox_is_free(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	bool good = fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	(void)close(fd);
	return good;
}

/* Tries to lock beside the holder.  The exit status is what came of it. */
static _Noreturn void
contend(size_t row, int dir)
{
	int64_t before = clock_ms(), took;
	struct mailbox_files files;
	enum users_status status;

	if (users_find(&users, rows[row].name, &files.fd) != USERS_OK)
		_exit(100);
	if (users_complete(&users, rows[row].name, &files) != USERS_OK)
		_exit(99);
	status = users_lock(&files);
	took = clock_ms() - before;
	if (status == USERS_IN_USE && (took < 400 || took > 20000))
		_exit(101);
	if (status == USERS_IN_USE && rows[row].holder != JOURNAL &&
	    rows[row].holder != ALL && !journal_is_free(dir, rows[row].name))
		_exit(102);
	if (status == USERS_IN_USE && holds_record(rows[row].holder) &&
	    !mailbox_is_free(dir, rows[row].name))
		_exit(104);
	if (status == USERS_OK && journal_is_free(dir, rows[row].name))
		_exit(103);
	_exit((int)status);
}

/*
 * Agents take the two locks in either order: who waits for the one must not keep
 * the other meanwhile.
 */
static void
others_meanwhile(int dir)
{
	enum { PROBES = 15, PAUSE = 10 };
	size_t taken[ROWS] = { 0 };

	clock_sleep_until(clock_ms() + 6 * (int64_t)PAUSE);
	for (int probe = 0; probe < PROBES; probe++) {
		for (size_t i = 0; i < ROWS; i++)
			if (holds_record(rows[i].holder) &&
			    mailbox_is_free(dir, rows[i].name))
				taken[i]++;
		clock_sleep_until(clock_ms() + PAUSE);
	}
	for (size_t i = 0; i < ROWS; i++)
		if (holds_record(rows[i].holder))
			check(taken[i] >= PROBES / 3, "%s: %zu of %d",
			    rows[i].what, taken[i], PROBES);
	(void)point("who waits for a record lock keeps no flock meanwhile");
}

struct pair {
	pid_t holder, contender;
};

static struct pair
begin(size_t row, int dir)
{
	struct pair p;
	int ready[2];
	char octet;

	scratch_file(dir, rows[row].name, "secret\n");
	need(pipe2(ready, O_CLOEXEC) == 0, "pipe");
	p.holder = fork();
	need(p.holder != -1, "fork");
	if (p.holder == 0)
		hold(row, dir, ready[1]);
	(void)close(ready[1]);
	need(read(ready[0], &octet, 1) == 1, rows[row].what);
	(void)close(ready[0]);
	p.contender = fork();
	need(p.contender != -1, "fork");
	if (p.contender == 0)
		contend(row, dir);
	return p;
}

/* What came of it. */
static int
end(struct pair p)
{
	int status, ended;

	need(waitpid(p.contender, &status, 0) == p.contender, "waitpid");
	check(WIFEXITED(status), "it was killed");
	(void)kill(p.holder, SIGTERM);
	need(waitpid(p.holder, &ended, 0) == p.holder, "waitpid");
	return WEXITSTATUS(status);
}

/*
 * All rows at once: each may have to wait for half a second.  Who is to let go
 * before that may not be scheduled in time, and has more chances.
 */
static void
locks(int dir)
{
	enum { CHANCES = 20 };
	struct pair pairs[ROWS];
	int status;

	for (size_t i = 0; i < ROWS; i++)
		pairs[i] = begin(i, dir);
	others_meanwhile(dir);
	for (size_t i = 0; i < ROWS; i++) {
		status = end(pairs[i]);
		for (int n = 0; n < CHANCES && status == USERS_IN_USE &&
		     rows[i].want != USERS_IN_USE;
		     n++)
			status = end(begin(i, dir));
		is(status, (int)rows[i].want,
		    "P3-135, P3-136, P3-139: a mailbox that %s holds",
		    rows[i].what);
	}
}

/* The locks travel with the descriptors, and go with them. */
static void
locked(int dir)
{
	struct mailbox_files files;
	struct stat st;
	int other;

	need(users_find(&users, "alice", &files.fd) == USERS_OK, "alice");
	is(users_complete(&users, "alice", &files), USERS_OK,
	    "journal and index are opened");
	is(users_lock(&files), USERS_OK, "and all is locked");
	other = openat(dir, "alice", O_RDWR | O_CLOEXEC);
	need(other != -1, "alice");
	ok(flock(other, LOCK_SH | LOCK_NB) == -1, "against flock");
	ok(lock_record(other, F_OFD_SETLK, F_RDLCK, 0) == -1,
	    "against record locks at the begin");
	ok(lock_record(other, F_OFD_SETLK, F_WRLCK, INT64_C(1) << 40) == -1,
	    "and behind the end, where procmail has its lock");
	check(fstat(files.journal_fd, &st) == 0 && S_ISREG(st.st_mode) &&
		(st.st_mode & 077) == 0,
	    "journal");
	check(fstat(files.index_fd, &st) == 0 && S_ISREG(st.st_mode) &&
		(st.st_mode & 077) == 0,
	    "index");
	(void)point("journal and index are there, and private");
	ok(fcntl(files.fd, F_GETFD) == FD_CLOEXEC &&
		fcntl(files.journal_fd, F_GETFD) == FD_CLOEXEC &&
		fcntl(files.index_fd, F_GETFD) == FD_CLOEXEC,
	    "all are close-on-exec");
	(void)close(files.fd);
	ok(flock(other, LOCK_EX | LOCK_NB) == 0 &&
		lock_record(other, F_OFD_SETLK, F_WRLCK, 0) == 0,
	    "closing it unlocks it");
	(void)close(other);
	(void)close(files.journal_fd);
	(void)close(files.index_fd);
	ok(journal_is_free(dir, "alice"), "and the journal");
}

/* Files that have changed their place between opening and locking. */
static void
stale(int dir)
{
	static const char *const what[] = { "whose mailbox has got a link",
		"whose mailbox is gone", "whose journal has got a link",
		"whose journal is gone" };

	for (int i = 0; i < 4; i++) {
		int base = i < 2 ? dir : users.state_fd;
		const char *name = i < 2 ? "dave" : "dave.journal";
		struct mailbox_files files;

		scratch_file(dir, "dave", "secret\n");
		need(users_find(&users, "dave", &files.fd) == USERS_OK &&
			users_complete(&users, "dave", &files) == USERS_OK,
		    "dave");
		if (i % 2 == 0)
			need(linkat(base, name, base, "dave.link", 0) == 0,
			    "link");
		else
			need(unlinkat(base, name, 0) == 0, "unlink");
		errno = 0;
		check(users_lock(&files) == USERS_TEMP && errno == ESTALE,
		    "errno %d", errno);
		if (i % 2 == 0)
			need(unlinkat(base, "dave.link", 0) == 0, "unlink");
		check(i == 1 || mailbox_is_free(dir, "dave"), "locked");
		check(i == 3 || journal_is_free(dir, "dave"), "locked");
		(void)point("one %s is not locked", what[i]);
		(void)close(files.fd);
		(void)close(files.journal_fd);
		(void)close(files.index_fd);
	}
}

/* What a journal promises must be found after a power loss, and so must that be. */
static void
new_journal(int dir)
{
	struct mailbox_files files;
	struct stat st;

	need(fstat(users.state_fd, &st) == 0, "fstat");
	scratch_file(dir, "erin", "secret\n");
	need(users_find(&users, "erin", &files.fd) == USERS_OK, "erin");
	for (int i = 0; i < 2; i++) {
		sync_fails = true;
		errno = 0;
		check(users_complete(&users, "erin", &files) == USERS_TEMP &&
			errno == EIO && files.journal_fd == -1,
		    "errno %d", errno);
		sync_fails = false;
	}
	(void)point("one that may be lost again is not used");
	synced = 0;
	check(users_complete(&users, "erin", &files) == USERS_OK &&
		synced == st.st_ino,
	    "not synced");
	need(write(files.journal_fd, "x", 1) == 1, "write");
	(void)close(files.journal_fd);
	(void)close(files.index_fd);
	synced = 0;
	check(users_complete(&users, "erin", &files) == USERS_OK && synced == 0,
	    "synced");
	(void)close(files.journal_fd);
	(void)close(files.index_fd);
	(void)close(files.fd);
	(void)point("its directory is synced as long as nothing is in it");
}

/* Files of ours that somebody has made into something else. */
static void
bad_files(int dir)
{
	struct mailbox_files files;

	scratch_file(dir, "victim", "secret\n");
	scratch_file(dir, "carol", "secret\n");
	need(symlinkat("../victim", users.state_fd, "carol.journal") == 0,
	    "symlink");
	need(users_find(&users, "carol", &files.fd) == USERS_OK, "carol");
	is(users_complete(&users, "carol", &files), USERS_PERM,
	    "a journal that is a symbolic link is not followed");
	need(unlinkat(users.state_fd, "carol.journal", 0) == 0 &&
		mkdirat(users.state_fd, "carol.journal", 0700) == 0,
	    "mkdir");
	is(users_complete(&users, "carol", &files), USERS_PERM,
	    "nor one that is a directory used");
	need(unlinkat(users.state_fd, "carol.journal", AT_REMOVEDIR) == 0 &&
		symlinkat("../victim", users.state_fd, "carol.index") == 0 &&
		freopen("/dev/null", "w", stderr) != NULL,
	    "symlink");
	is(users_complete(&users, "carol", &files), USERS_OK,
	    "an index that is a symbolic link hinders nobody");
	is(files.index_fd, -1, "and is not followed");
	(void)close(files.journal_fd);
	(void)close(files.fd);
}

/* A state directory that is none; the master comes back on each SIGHUP. */
static void
no_state(int dir)
{
	int fd = openat(dir, ".restante", O_CREAT | O_WRONLY, 0600), before;
	struct users u;

	need(fd != -1 && close(fd) == 0, ".restante");
	before = dup(dir);
	need(before != -1 && close(before) == 0, "dup");
	for (int i = 0; i < 3; i++) {
		check(users_open(&u, scratch_path) == -1 && errno == ENOTDIR &&
			u.fd != -1 && u.state_fd == -1,
		    "opened");
		users_close(&u);
		check(users_look(&u, scratch_path) == -1 && errno == ENOTDIR &&
			u.fd != -1 && u.state_fd == -1,
		    "looked at");
		users_close(&u);
		fd = dup(dir);
		check(fd == before, "a descriptor is left open");
		(void)close(fd);
	}
	(void)point("a file in the place of .restante: nothing stays open");
	need(unlinkat(dir, ".restante", 0) == 0, "unlink");
}

int
main(void)
{
	int dir = scratch_open();
	struct users missing;
	struct stat st;

	names();
	is(users_open(&missing, "/nonexistent/Users"), -1,
	    "a Users directory that is not there");
	is(missing.fd, -1, "is told from what is wrong in one");
	no_state(dir);
	sync_fails = true;
	ok(users_open(&missing, scratch_path) == -1 && errno == EIO,
	    "a .restante that may not survive is none");
	users_close(&missing);
	sync_fails = false;
	need(fstat(dir, &st) == 0, "fstat");
	synced = 0;
	need(users_open(&users, scratch_path) == 0, "users_open");
	ok(synced == st.st_ino,
	    "the directory that .restante is made in is synced");
	synced = 0;
	ok(fstat(users.state_fd, &st) == 0 && S_ISDIR(st.st_mode) &&
		(st.st_mode & 077) == 0,
	    ".restante is made, and private");
	ok(users_open(&missing, scratch_path) == 0 && synced == 0,
	    "and found again");
	files(dir);
	unreadable(dir);
	locks(dir);
	locked(dir);
	stale(dir);
	new_journal(dir);
	bad_files(dir);
	return done();
}
