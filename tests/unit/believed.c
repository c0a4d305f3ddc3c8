/* SPDX-License-Identifier: ISC */
/*
 * An index that was believed after a look is wrong about messages in the middle:
 * another program has exchanged two of the same length.  Nothing is deleted that
 * nobody saw there, and what is found out is not forgotten.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "forge_index.h"
#include "log.h"
#include "mailbox.h"
#include "scratch.h"
#include "tap.h"

#define SEPARATOR "From a@example.org Thu Nov 20 18:27:05 2025\n"
#define LETTER(n) SEPARATOR "Subject: " #n "\n\n" TEXT "\n\n"
#define LINE      "text of a letter that is not as short as it could be\n"
/* As long as it takes for a tombstone to pay. */
#define TEXT LINE LINE LINE LINE LINE LINE LINE LINE
#define ORDER(a, b)                                                            \
	"secret\n" LETTER(1) LETTER(2) LETTER(a) LETTER(4) LETTER(5) LETTER(b) \
	    LETTER(7)
#define BEFORE ORDER(3, 6)
#define AFTER  ORDER(6, 3)

enum { LETTERS = 7 };

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
put_at(off_t at, const char *text)
{
	int fd = openat(dir, "mail", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	need(fd != -1 &&
		pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text) &&
		close(fd) == 0,
	    "writing");
}

static void
write_at_once(const char *text)
{
	put_at(0, text);
}

/*
 * Lets the index be one of the mailbox as it is now, written so many seconds
 * behind its last change.
 */
static void
date_index(uint64_t seconds)
{
	int fd = openat(dir, "index", O_RDWR | O_CLOEXEC);
	unsigned char header[FORGE_SUM_AT + 8];
	struct index_subject subject;
	uint64_t written;
	int mail = openat(dir, "mail", O_RDONLY | O_CLOEXEC);

	need(fd != -1 && mail != -1 &&
		pread(fd, header, sizeof(header), 0) == sizeof(header),
	    "an index");
	memcpy(&subject, header + 8, sizeof(subject));
	need(index_identify(mail, &subject) == 0, "a mailbox");
	memcpy(header + 8, &subject, sizeof(subject));
	written = subject.modified + seconds * 1000000000;
	memcpy(header + FORGE_SUM_AT - 8, &written, sizeof(written));
	forge_sums(header, 0);
	need(pwrite(fd, header, sizeof(header), 0) == sizeof(header) &&
		close(fd) == 0 && close(mail) == 0,
	    "dating an index");
}

static void
start(void)
{
	need(unlinkat(dir, "index", 0) == 0 || errno == ENOENT, "no index");
	scratch_file(dir, "mail", BEFORE);
	open_mailbox(false);
	is(mailbox_count(&mb), LETTERS, "all letters");
	mailbox_close(&mb);
}

/* What nobody saw is the first of a run, or within it. */
static void
refuse(uint64_t first, const char *what)
{
	char id[2][MAILBOX_ID_SIZE], again[MAILBOX_ID_SIZE];

	mailbox_id(&mb, 3, id[0]);
	mailbox_id(&mb, 6, id[1]);
	for (uint64_t n = first; n <= 4; n++)
		need(mailbox_mark(&mb, n) == 0, "marking");
	is(mailbox_update(&mb), MAILBOX_TEMP, "%s: nothing is deleted", what);
	mailbox_close(&mb);
	open_mailbox(false);
	mailbox_id(&mb, 3, again);
	is_str(again, id[1], "... and the next login sees why");
	mailbox_close(&mb);
}

/* All times are what they were: two changes within one tick of the clock. */
static void
in_one_tick(uint64_t first)
{
	start();
	write_at_once(AFTER);
	date_index(0);
	open_mailbox(false);
	need(mb.unsettled && mb.index.is.looked == 0, "a look");
	refuse(first, "a look");
}

/* An earlier session took a look, as there was new mail; and said so. */
static void
look_and_settle(void)
{
	start();
	write_at_once(AFTER LETTER(8));
	open_mailbox(false);
	need(mb.unsettled && mb.index.is.looked != 0, "a look");
	mailbox_close(&mb);
	date_index(10);
	open_mailbox(false);
	need(!mb.unsettled, "no look");
}

static void
earlier(void)
{
	look_and_settle();
	ok(mb.index.is.looked != 0, "an earlier look is known");
	refuse(2, "an earlier look");
}

/* It is known, too, where the first letter goes and all others move. */
static void
compacted(void)
{
	look_and_settle();
	need(mailbox_mark(&mb, 1) == 0 && mailbox_update(&mb) == MAILBOX_OK,
	    "deleting");
	need(mailbox_compact(&mb) == MAILBOX_OK, "compacting");
	mailbox_close(&mb);
	date_index(10);
	open_mailbox(false);
	is(mb.index.is.entries, LETTERS, "a compacted mailbox");
	ok(mb.index.is.looked != 0, "... is no better known");
	mailbox_close(&mb);
}

/* The lock was let go, and the times are set to what they were. */
static void
in_a_session(void)
{
	struct timespec times[2];
	struct stat st;

	start();
	date_index(10);
	open_mailbox(true);
	need(!mb.unsettled && fstat(mb.files.fd, &st) == 0, "fstat");
	write_at_once(AFTER);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	need(futimens(mb.files.fd, times) == 0, "futimens");
	refuse(2, "a change during the session");
}

/* What a look finds: the first letter is another one, or the last one goes on. */
static void
found(void)
{
	static const char more[] = "From my mother\n\nI have this.\n\n";
	char first[MAILBOX_ID_SIZE], again[MAILBOX_ID_SIZE];
	uint64_t octets;

	start();
	open_mailbox(false);
	mailbox_id(&mb, 2, first);
	octets = mailbox_message_octets(&mb, LETTERS);
	mailbox_close(&mb);
	write_at_once("secret\n" LETTER(2) LETTER(1));
	date_index(0);
	open_mailbox(false);
	mailbox_id(&mb, 1, again);
	is_str(again, first, "another first letter");
	mailbox_close(&mb);

	start();
	put_at((off_t)strlen(BEFORE), more);
	open_mailbox(false);
	ok(mailbox_count(&mb) == LETTERS &&
		mailbox_message_octets(&mb, LETTERS) >= octets + strlen(more),
	    "a last letter that goes on");
	mailbox_close(&mb);
}

/* A letter that is looked at is another one: that is not forgotten. */
static void
distrusted(void)
{
	char ids[2][MAILBOX_ID_SIZE];

	start();
	write_at_once(AFTER);
	date_index(10);
	open_mailbox(false);
	mailbox_id(&mb, 3, ids[0]);
	ok(mailbox_look(&mb, 3) == -1 && errno == ESTALE, "another letter");
	mailbox_distrust(&mb);
	mailbox_close(&mb);
	open_mailbox(false);
	mailbox_id(&mb, 6, ids[1]);
	is_str(ids[1], ids[0], "the next login sees where it is");
	mailbox_close(&mb);
}

/* A tombstone has become text of the letter before. */
static void
filled_in(void)
{
	char text[sizeof(LETTER(2))], got[sizeof(text)] = "";
	off_t at = (off_t)strlen("secret\n" LETTER(1));

	start();
	open_mailbox(false);
	need(mailbox_mark(&mb, 2) == 0 && mailbox_update(&mb) == MAILBOX_OK,
	    "deleting");
	mailbox_close(&mb);
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + sizeof(text) - 3, "\n\n", 3);
	put_at(at, text);
	date_index(10);
	open_mailbox(false);
	is(mailbox_compact(&mb), MAILBOX_TEMP, "nothing is taken out");
	need(pread(mb.files.fd, got, sizeof(got) - 1, at) > 0, "pread");
	is_str(got, text, "... of a letter");
	mailbox_close(&mb);
}

int
main(void)
{
	dir = scratch_open();
	log_set_level(LOG_LEVEL_ERROR);
	in_one_tick(2);
	in_one_tick(3);
	earlier();
	compacted();
	in_a_session();
	found();
	distrusted();
	filled_in();
	return done();
}
