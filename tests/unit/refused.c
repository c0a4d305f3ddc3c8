/* SPDX-License-Identifier: ISC */
/*
 * What is refused removes nothing and leaves the index as good as it was: twins
 * keep their unique-ids, and what another program did is seen; and so what is done.
 */

#include <sys/file.h>
#include <sys/resource.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "append.h"
#include "head.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define PASSWORD  "secret\n"
#define TWIN      SEPARATOR "Subject: twin\n\nthe same\n\n"
#define ONE       SEPARATOR "Subject: one\n\ntext\n\n"
#define TWO       SEPARATOR "Subject: two\n\ntext\n\n"

enum { LONG = 20000, LIMIT = 12000, SMALL_LIMIT = 2000 };

static struct mailbox mb;
static int dir;

static void
open_mailbox(bool lock_update)
{
	static struct mailbox_settings set;
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	const struct mailbox_files files = {
		openat(dir, "mail", flags, 0600),
		openat(dir, "journal", flags, 0600),
		openat(dir, "index", flags, 0600),
	};

	set.lock_update = lock_update;
	need(mailbox_open(&mb, &set, &files) == MAILBOX_OK, "opening");
}

static void
limit_size(rlim_t most)
{
	struct rlimit limit = { most, RLIM_INFINITY };

	need(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

/* Adds a letter that is too long to be moved rather than left where it is. */
static void
add_long(char text[LONG + 1024])
{
	size_t len = strlen(text);

	need(len < 1000 - strlen(SEPARATOR), "room");
	memcpy(text + len, SEPARATOR "\n", sizeof(SEPARATOR));
	len += sizeof(SEPARATOR);
	memset(text + len, 'x', LONG);
	memcpy(text + len + LONG, "\n\n", 3);
}

/* Leaves the second of two twins, and yields its id. */
static void
bereave(char id[MAILBOX_ID_SIZE])
{
	open_mailbox(false);
	mailbox_id(&mb, 2, id);
	ok(strchr(id, '-') != NULL, "the second twin has an ordinal");
	need(mailbox_mark(&mb, 1) == 0, "marking");
	need(mailbox_update(&mb) == MAILBOX_OK, "updating");
	mailbox_close(&mb);
	open_mailbox(false);
}

static void
has_id(const char *id)
{
	char again[MAILBOX_ID_SIZE];

	mailbox_close(&mb);
	open_mailbox(false);
	mailbox_id(&mb, 1, again);
	ok(strcmp(id, again) == 0, "the twin that is left keeps its id");
	mailbox_close(&mb);
}

/* There is no room for what a compaction writes to the journal. */
static void
without_room(void)
{
	static char text[LONG + 1024] = PASSWORD TWIN TWIN;
	enum mailbox_status status;
	char id[MAILBOX_ID_SIZE];

	add_long(text);
	scratch_file(dir, "mail", text);
	bereave(id);
	limit_size(LIMIT);
	status = mailbox_compact(&mb);
	limit_size(RLIM_INFINITY);
	is(status, MAILBOX_TEMP, "no room for a compaction");
	has_id(id);
}

/* Nor for a longer password line, behind which all moves. */
static void
without_line(void)
{
	static char text[LONG + 1024] = PASSWORD TWIN TWIN;
	enum mailbox_status status;
	char id[MAILBOX_ID_SIZE];

	add_long(text);
	scratch_file(dir, "mail", text);
	bereave(id);
	limit_size(LIMIT);
	status = head_replace(&mb, "longer than secret\n", 19, false);
	limit_size(RLIM_INFINITY);
	is(status, MAILBOX_TEMP, "no room for another line");
	has_id(id);
}

/* A delivery begins and is given up; or there is no room for it. */
static void
without_delivery(bool begins)
{
	char id[MAILBOX_ID_SIZE];
	struct append a;
	int status;

	scratch_file(dir, "mail", PASSWORD TWIN TWIN ONE);
	bereave(id);
	if (begins) {
		need(append_begin(&a, &mb, strlen(TWO)) == 0, "beginning");
		need(append_write(&a, TWO, 10) == 0, "writing");
		append_cancel(&a);
	} else {
		limit_size(LIMIT);
		status = append_begin(&a, &mb, LONG);
		limit_size(RLIM_INFINITY);
		is(status, -1, "no room");
	}
	has_id(id);
}

/*
 * Another program takes the lock and exchanges two messages; the file is as long
 * as it was, and dated back.
 */
static int
exchange(void)
{
	const struct timespec old[2] = { { .tv_sec = 1000000000 },
		{ .tv_sec = 1000000000 } };
	int agent = openat(dir, "mail", O_RDWR | O_CLOEXEC);

	need(agent != -1 && flock(agent, LOCK_EX | LOCK_NB) == 0, "the lock");
	need(pwrite(agent, TWO ONE, strlen(TWO ONE),
		 sizeof(PASSWORD TWIN) - 1) == (ssize_t)strlen(TWO ONE) &&
		futimens(agent, old) == 0,
	    "exchanging");
	return agent;
}

enum what { NOTHING, REFUSED, DONE };

/*
 * Before that the lock was let go.  Then nothing is to be deleted; or the lock is
 * not had back; or it is.
 */
static void
try_exchange(enum what what)
{
	char ids[2][MAILBOX_ID_SIZE], again[2][MAILBOX_ID_SIZE];
	uint64_t removed;
	int agent;

	scratch_file(dir, "mail", PASSWORD TWIN ONE TWO TWIN TWIN);
	open_mailbox(true);
	for (unsigned int i = 0; i < 2; i++)
		mailbox_id(&mb, 2 + i, ids[i]);
	agent = exchange();
	if (what == DONE)
		need(flock(agent, LOCK_UN) == 0, "unlocking");
	if (what == NOTHING) {
		is(mailbox_expire(&mb, 1000000000, &removed), MAILBOX_OK,
		    "nothing is too old");
	} else {
		need(mailbox_mark(&mb, 5) == 0, "marking");
		is(mailbox_update(&mb),
		    what == DONE ? MAILBOX_OK : MAILBOX_TEMP,
		    "an update that wants the lock");
	}
	mailbox_close(&mb);
	(void)close(agent);

	open_mailbox(true);
	for (unsigned int i = 0; i < 2; i++)
		mailbox_id(&mb, 2 + i, again[i]);
	ok(strcmp(ids[0], again[1]) == 0 && strcmp(ids[1], again[0]) == 0,
	    "the next login sees what was done");
	mailbox_close(&mb);
}

#define MARKED SEPARATOR "Subject: marked\n\n0123456789\n\n"
#define DEAD   SEPARATOR "Subject: dead\n\ngone\n\n"
#define KEPT   SEPARATOR "Subject: kept\n\ntext\n\n"

/* The same octets without the tombstone, and with another edge between the two. */
#define SHORTER SEPARATOR "Subject: marked\n\n\n\n"
#define LONGER                                   \
	SEPARATOR "Subject: kept\n\n#" SEPARATOR \
		  "34 octets more than stood between.\n\n"

/* Another program has taken a tombstone out, and nothing begins behind a run. */
static void
where_nothing_begins(bool with_more)
{
	static char text[LONG + 1024], changed[sizeof(text)], got[sizeof(text)];
	int agent;

	memcpy(text, PASSWORD ONE MARKED DEAD KEPT,
	    sizeof(PASSWORD ONE MARKED DEAD KEPT));
	memcpy(changed, PASSWORD ONE SHORTER LONGER,
	    sizeof(PASSWORD ONE SHORTER LONGER));
	need(strlen(MARKED DEAD KEPT) == strlen(SHORTER LONGER), "lengths");
	add_long(text);
	add_long(changed);
	scratch_file(dir, "mail", text);
	open_mailbox(false);
	need(mailbox_mark(&mb, 3) == 0, "marking");
	need(mailbox_update(&mb) == MAILBOX_OK, "updating");
	mailbox_close(&mb);

	open_mailbox(true);
	agent = openat(dir, "mail", O_RDWR | O_CLOEXEC);
	need(agent != -1 &&
		pwrite(agent, changed, strlen(changed), 0) ==
		    (ssize_t)strlen(changed),
	    "editing");
	need(mailbox_mark(&mb, 2) == 0, "marking");
	if (with_more)
		need(mailbox_mark(&mb, mailbox_count(&mb)) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_TEMP, "a message that ends elsewhere");
	mailbox_close(&mb);
	need(pread(agent, got, sizeof(got), 0) >= 0, "pread");
	(void)close(agent);
	ok(strcmp(got, changed) == 0, "does not take its neighbour along");
}

/* There is no room for a promise. */
static void
without_promise(void)
{
	static char text[LONG + 1024] = PASSWORD TWIN TWIN ONE;
	enum mailbox_status status;
	char id[MAILBOX_ID_SIZE];

	add_long(text);
	scratch_file(dir, "mail", text);
	bereave(id);
	need(mailbox_mark(&mb, 2) == 0, "marking");
	limit_size(SMALL_LIMIT);
	status = mailbox_update(&mb);
	limit_size(RLIM_INFINITY);
	is(status, MAILBOX_TEMP, "no room for a promise");
	has_id(id);
}

/* What is done, too: the first goes, and the last is cut off. */
static void
at_the_end(void)
{
	static char text[LONG + 1024] = PASSWORD TWIN TWIN;
	char id[MAILBOX_ID_SIZE];

	add_long(text);
	memcpy(text + strlen(text), ONE, sizeof(ONE));
	scratch_file(dir, "mail", text);
	open_mailbox(false);
	mailbox_id(&mb, 2, id);
	need(mailbox_mark(&mb, 1) == 0 && mailbox_mark(&mb, 4) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_OK, "the first and the last go");
	has_id(id);
}

/* New twins come; the one that there is, is not numbered again. */
static void
beside_new_twins(void)
{
	char ids[3][MAILBOX_ID_SIZE];
	char id[MAILBOX_ID_SIZE];

	scratch_file(dir, "mail", PASSWORD TWIN TWIN ONE);
	bereave(id);
	need(pwrite(mb.files.fd, TWIN TWIN, strlen(TWIN TWIN),
		 (off_t)mb.subject.size) == (ssize_t)strlen(TWIN TWIN),
	    "delivering");
	mailbox_close(&mb);
	open_mailbox(false);
	mailbox_id(&mb, 1, ids[0]);
	mailbox_id(&mb, 3, ids[1]);
	mailbox_id(&mb, 4, ids[2]);
	ok(strcmp(ids[0], ids[1]) != 0 && strcmp(ids[0], ids[2]) != 0 &&
		strcmp(ids[1], ids[2]) != 0,
	    "new twins are told apart");
	has_id(id);
}

/* While the lock was let go the file got a second name, or was cut. */
static void
not_the_same(bool named)
{
	scratch_file(dir, "mail", PASSWORD ONE TWO TWIN);
	open_mailbox(true);
	if (named)
		need(linkat(dir, "mail", dir, "name", 0) == 0, "linkat");
	else
		need(ftruncate(mb.files.fd, sizeof(PASSWORD ONE TWO) - 1) == 0,
		    "ftruncate");
	need(mailbox_mark(&mb, 1) == 0, "marking");
	errno = 0;
	ok(mailbox_update(&mb) == MAILBOX_TEMP && errno == ESTALE,
	    "a mailbox with two names or of another size");
	mailbox_close(&mb);
	open_mailbox(false);
	is(mailbox_count(&mb), named ? 3 : 2, "... stays");
	mailbox_close(&mb);
	need(!named || unlinkat(dir, "name", 0) == 0, "unlinkat");
}

int
main(void)
{
	dir = scratch_open();
	need(signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
	without_room();
	without_line();
	without_delivery(true);
	without_delivery(false);
	try_exchange(NOTHING);
	try_exchange(REFUSED);
	try_exchange(DONE);
	where_nothing_begins(false);
	where_nothing_begins(true);
	without_promise();
	at_the_end();
	beside_new_twins();
	not_the_same(true);
	not_the_same(false);
	return done();
}
