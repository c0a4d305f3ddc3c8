/* SPDX-License-Identifier: ISC */
/*
 * Property: whatever stands in a mailbox, in its index and in its journal, with
 * sums that are right, who opens it, reads all of it and deletes some of it does
 * not leave its memory, and does not make the file longer than it was but for a
 * line end.  A session that its client has taken over can write all three files.
 */

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "forge_index.h"
#include "fuzz.h"
#include "journal.h"
#include "log.h"
#include "mailbox.h"
#include "sum.h"

enum { INDEX_MAX = 8 * FORGE_PAGE, RUNS = 4, PADDING = 70000 };

static const char password[] = "secret\n";
static struct mailbox_files files;
static jmp_buf ended;

/* The Makefile has it called instead of fatalx(), which ends a session. */
_Noreturn void __wrap_fatalx(const char *, ...);

/* What was allocated before that is lost; a session would have ended. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

_Noreturn void
__wrap_fatalx(const char *fmt, ...)
{
	(void)fmt;
	longjmp(ended, 1);
}

/* An update refuses a file without a name; these have none. */
int __real_fstat64(int, struct stat *);
int __wrap_fstat64(int, struct stat *);

int
__wrap_fstat64(int fd, struct stat *st)
{
	int status = __real_fstat64(fd, st);

	st->st_nlink = 1;
	return status;
}

static void
open_files(void)
{
	const struct rlimit limit = { 1 << 20, 1 << 20 };

	files.fd = memfd_create("mailbox", MFD_CLOEXEC);
	files.journal_fd = memfd_create("journal", MFD_CLOEXEC);
	files.index_fd = memfd_create("index", MFD_CLOEXEC);
	must(files.fd != -1 && files.journal_fd != -1 && files.index_fd != -1);
	(void)signal(SIGXFSZ, SIG_IGN);
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	log_set_level(LOG_LEVEL_ERROR);
}

static off_t
size_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st.st_size;
}

/* As a session does it. */
static enum mailbox_status
open_mailbox(struct mailbox *mb, const struct mailbox_settings *set)
{
	const struct mailbox_files copy = { dup(files.fd),
		dup(files.journal_fd), dup(files.index_fd) };

	must(copy.fd != -1 && copy.journal_fd != -1 && copy.index_fd != -1);
	return mailbox_open(mb, set, &copy);
}

/* Changes octets of the index where they matter, and makes its sums right. */
static void
forge_index(struct input *in)
{
	/* The totals; the first entries; what is said of a page at its end. */
	static const size_t places[] = { FORGE_TOTALS_AT, FORGE_PAGE,
		FORGE_PAGE, 2 * FORGE_PAGE - 64 };
	static unsigned char index[INDEX_MAX];
	ssize_t n = pread(files.index_fd, index, sizeof(index), 0);
	size_t changes = (size_t)take(in, 1) % 16;
	/* Long ago, so that nobody has a second look; behind all promises. */
	uint64_t written = UINT64_MAX / 2, updates;

	if (n < FORGE_PAGE)
		return;
	must(journal_updates(files.journal_fd, &updates) == 0);
	memcpy(index + FORGE_SUM_AT - 8, &written, sizeof(written));
	memcpy(index + FORGE_TOTALS_AT - 8, &updates, sizeof(updates));
	while (changes-- > 0) {
		size_t at = places[take(in, 1) % 4] + (size_t)take(in, 1);

		if (at < (size_t)n)
			index[at] ^= (unsigned char)take(in, 1);
	}
	forge_sums(index, (size_t)n / FORGE_PAGE - 1);
	must(pwrite(files.index_fd, index, (size_t)n, 0) == n);
}

/* Promises what the input says, mostly of places where a separator stands. */
static void
forge_journal(struct input *in, const char *mail, size_t size)
{
	struct journal_run runs[RUNS];
	size_t count = 1 + (size_t)take(in, 1) % RUNS;

	for (size_t i = 0; i < count; i++) {
		uint64_t at = take(in, 2) % (size + 1);
		const char *from = memmem(mail + at, size - at, "From ", 5);
		size_t separator = 0;

		runs[i] = (struct journal_run){ .offset = at,
			.length = take(in, 2) };
		if (runs[i].length > 0xff00)
			runs[i].length -= 0xff80;
		if (from != NULL) {
			runs[i].offset = (uint64_t)(from - mail);
			separator = mbox_separator((const unsigned char *)from,
			    size - (size_t)runs[i].offset);
		}
		runs[i].check = sum64(0, mail + runs[i].offset, separator);
	}
	must(journal_commit_runs(files.journal_fd, runs, count) == 0);
}

static void
read_message(struct mailbox *mb, uint64_t n)
{
	static char buf[MAILBOX_PIECE];
	struct mailbox_reader r = { .n = n };
	char id[MAILBOX_ID_SIZE];
	ssize_t got;

	mailbox_id(mb, n, id);
	must(strlen(id) < sizeof(id));
	(void)mailbox_message_octets(mb, n);
	if (mailbox_look(mb, n) == -1)
		return;
	while ((got = mailbox_read(mb, &r, buf)) > 0)
		must((size_t)got <= sizeof(buf));
}

static void
use(struct mailbox *mb, uint64_t marks)
{
	uint64_t most = mailbox_count(mb);

	if (most > 64)
		most = 64;
	for (uint64_t n = 1; n <= most; n++)
		read_message(mb, n);
	for (uint64_t n = 1; n <= most; n++)
		if (marks >> (n - 1) & 1)
			must(mailbox_mark(mb, n) == 0);
	(void)mailbox_update(mb);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mailbox mb;
	static struct mailbox_settings set;
	static char *mail;
	struct input in = { data, size };
	size_t flags = (size_t)take(&in, 1), padding;
	uint64_t marks = take(&in, 8);
	struct input index = in, journal = in;
	off_t before;

	if (files.fd <= 0)
		open_files();
	(void)take(&in, flags & 1 ? 49 : 0);
	journal = in;
	(void)take(&in, flags & 2 ? 17 : 0);
	free(mail);
	/* So much that it does not fit where little is expected. */
	padding = flags & 8 ? PADDING : 0;
	size = sizeof(password) - 1 + in.len + padding;
	mail = malloc(size);
	must(mail != NULL);
	memcpy(mail, password, sizeof(password) - 1);
	memcpy(mail + sizeof(password) - 1, in.p, in.len);
	memset(mail + size - padding, 'x', padding);
	must(ftruncate(files.fd, 0) == 0 &&
	    ftruncate(files.journal_fd, 0) == 0 &&
	    ftruncate(files.index_fd, 0) == 0 &&
	    pwrite(files.fd, mail, size, 0) == (ssize_t)size);
	set.unquote = (flags & 4) != 0;
	if (setjmp(ended) == 0) {
		/* Once in all honesty, for an index. */
		must(open_mailbox(&mb, &set) == MAILBOX_OK);
		mailbox_close(&mb);
		if (flags & 2)
			forge_journal(&journal, mail, size);
		if (flags & 1)
			forge_index(&index);
		before = size_of(files.fd);
		if (open_mailbox(&mb, &set) == MAILBOX_OK)
			use(&mb, marks);
		must(size_of(files.fd) <= before + 2);
		if (flags % 4 == 0) {
			char line[sizeof(password)];

			must(pread(files.fd, line, sizeof(password) - 1, 0) ==
				sizeof(password) - 1 &&
			    memcmp(line, password, sizeof(password) - 1) == 0);
		}
	}
	mailbox_close(&mb);
	return 0;
}
