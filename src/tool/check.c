/* SPDX-License-Identifier: ISC */
/*
 * restantectl check: what a mailbox, its journal and its index are like.  Reads
 * only: no update is finished, no line is completed, no file is made.
 * Runs as: restantectl.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "check.h"
#include "io.h"
#include "journal.h"
#include "num.h"
#include "promise.h"
#include "report.h"
#include "secret.h"

/* Of a name of 255 octets, each shown as four, and what is said of it. */
enum { SENTENCE = 1280 };

static const char *const levels[] = {
	[CHECK_OK] = "ok",
	[CHECK_NOTE] = "note",
	[CHECK_PROBLEM] = "problem",
};

void
check_say(struct check *c, enum check_level level, const char *about,
    const char *which, const char *fmt, ...)
{
	char sentence[SENTENCE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (level > c->worst)
		c->worst = level;
	c->problems += level == CHECK_PROBLEM;
	c->notes += level == CHECK_NOTE;
	if (c->tool->json) {
		printf("%s\n  {\"level\":\"%s\",\"about\":\"%s\","
		       "\"finding\":\"%s\",\"text\":",
		    c->findings++ == 0 ? "" : ",", levels[level], about, which);
		report_json_string(sentence);
		printf("}");
	} else {
		printf("  %-7s  %-9s  %s\n", levels[level], about, sentence);
	}
}

/* What is to be said is about a user, or with NULL about the directory. */
static void
begin(struct check *c, const char *user)
{
	c->user = user;
	c->worst = CHECK_OK;
	c->findings = 0;
	c->counted = c->halfway = false;
	c->login = 0;
	if (!c->tool->json) {
		printf("%s\n", user == NULL ? c->tool->path : user);
		return;
	}
	printf("%s\n{\"user\":", c->objects++ == 0 ? "" : ",");
	if (user == NULL)
		printf("null");
	else
		report_json_string(user);
	printf(",\"findings\":[");
}

static void
end(struct check *c)
{
	const struct index_totals *is = &c->fresh.is;

	if (!c->tool->json)
		return;
	printf("],\"level\":\"%s\"", levels[c->worst]);
	if (c->user != NULL && c->counted)
		printf(",\"messages\":%ju,\"octets\":%ju,\"dead\":%ju",
		    (uintmax_t)is->messages, (uintmax_t)is->octets,
		    (uintmax_t)is->dead);
	else if (c->user != NULL)
		printf(",\"messages\":null,\"octets\":null,\"dead\":null");
	if (c->user != NULL && c->login != 0)
		printf(",\"last_login\":%ju", (uintmax_t)c->login);
	else if (c->user != NULL)
		printf(",\"last_login\":null");
	printf("}");
}

static void
check_password(struct check *c, int fd)
{
	static const struct {
		enum check_level level;
		const char *which, *text;
	} flaws[] = {
		[SECRET_EMPTY] = { CHECK_PROBLEM, "empty",
		    "empty: nobody can log in" },
		[SECRET_LONG] = { CHECK_PROBLEM, "too-long",
		    "a line that is too long: nobody can log in" },
		[SECRET_LOCKED] = { CHECK_NOTE, "locked", "locked by a '!'" },
		[SECRET_NUL] = { CHECK_PROBLEM, "nul",
		    "a line with a NUL in it: nobody can log in" },
		[SECRET_SEPARATOR] = { CHECK_PROBLEM, "missing",
		    "missing: the first line is a separator, which a delivery "
		    "agent wrote; nobody can log in" },
		[SECRET_FORM] = { CHECK_PROBLEM, "unknown-form",
		    "of a form that is not understood: nobody can log in" },
		[SECRET_COSTLY] = { CHECK_PROBLEM, "too-costly",
		    "a hash that takes too long to check: nobody can log in" },
	};
	static const struct {
		const char *which, *text;
	} kinds[] = {
		[SECRET_PLAIN] = { "plain", "a plain password" },
		[SECRET_CRYPT] = { "crypt", "a crypt(3) hash" },
		[SECRET_SCRAM] = { "scram", "keys of SCRAM-SHA-256" },
	};
	struct secret s;

	if (secret_read(fd, &s) == -1)
		check_say(c, CHECK_PROBLEM, "password", "unreadable",
		    "cannot be read: %s", strerror(errno));
	else if (s.kind == SECRET_NONE)
		check_say(c, flaws[s.flaw].level, "password",
		    flaws[s.flaw].which, "%s", flaws[s.flaw].text);
	else if (!secret_is_possible(&s))
		check_say(c, CHECK_PROBLEM, "password", "no-hash",
		    "a hash that no password matches: nobody can log in");
	else
		check_say(c, CHECK_OK, "password", kinds[s.kind].which, "%s",
		    kinds[s.kind].text);
	explicit_bzero(&s, sizeof(s));
}

/* Whether the octets at offset are line ends and nothing else. */
static bool
are_blank_lines(const struct check *c, uint64_t offset, uint64_t len)
{
	char buf[64];

	if (len > sizeof(buf) ||
	    io_pread(c->mb.files.fd, buf, (size_t)len, (off_t)offset) !=
		(ssize_t)len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (buf[i] != '\n' && buf[i] != '\r')
			return false;
	return true;
}

/* Octets that belong to no message and no tombstone. */
static void
check_strays(struct check *c)
{
	const struct index_totals *is = &c->fresh.is;
	uint64_t start = c->mb.subject.start, size = c->mb.subject.size;
	uint64_t first = is->entries == 0 ? size
					  : index_entry(&c->fresh, 0)->offset;
	uint64_t before = first - start;
	uint64_t behind = size - first - is->stored - is->dead;

	if (before > 0 && are_blank_lines(c, start, before))
		/* So many are what a shorter password line leaves. */
		check_say(c,
		    before < MBOX_TOMBSTONE_MIN ? CHECK_OK : CHECK_NOTE,
		    "mailbox", "blank-lines",
		    "blank lines before the first message");
	else if (before > 0)
		check_say(c, CHECK_PROBLEM, "mailbox", "garbage",
		    "%ju octet%s before the first message belong to none and "
		    "are never sent",
		    PLURAL(before));
	if (behind > 0)
		check_say(c, CHECK_PROBLEM, "mailbox", "garbage",
		    "%ju octet%s behind a tombstone belong to no message and "
		    "are never sent",
		    PLURAL(behind));
}

static void
check_end(struct check *c)
{
	const char *missing = mailbox_missing_end(&c->mb);

	if (missing == NULL)
		check_say(c, CHECK_PROBLEM, "mailbox", "unreadable",
		    "its end cannot be read: %s", strerror(errno));
	else if (strcmp(missing, "\n\n") == 0 ||
	    (*missing != '\0' && c->mb.subject.start == c->mb.subject.size))
		check_say(c, CHECK_NOTE, "mailbox", "no-line-end",
		    "the last line has no end: the next login adds it");
	else if (*missing != '\0')
		check_say(c, CHECK_NOTE, "mailbox", "no-blank-line",
		    "no blank line is behind the last message: the next login "
		    "adds it");
}

static void
check_mailbox(struct check *c)
{
	const struct index_totals *is = &c->fresh.is;
	uint64_t tombstones = is->entries - is->messages, twins = 0;

	check_say(c, CHECK_OK, "mailbox", "messages",
	    "%ju message%s, %ju octet%s", PLURAL(is->messages),
	    PLURAL(is->octets));
	if (tombstones > 0)
		check_say(c, CHECK_OK, "mailbox", "tombstones",
		    "%ju dead octet%s in %ju tombstone%s", PLURAL(is->dead),
		    PLURAL(tombstones));
	for (uint64_t i = 0; i < is->entries; i++)
		twins += index_entry(&c->fresh, i)->ordinal > 0;
	if (twins > 0)
		check_say(c, CHECK_NOTE, "mailbox", "duplicates",
		    "%ju message%s the same as an earlier one",
		    (uintmax_t)twins, twins == 1 ? " is" : "s are");
	check_strays(c);
	check_end(c);
}

static void
check_promise(struct check *c, const struct journal_promise *p)
{
	struct promise_fit fit;

	if (promise_fit(&c->mb, p, &fit) == -1) {
		check_say(c, CHECK_PROBLEM, "journal", "unreadable",
		    "what it promises cannot be compared: %s", strerror(errno));
		return;
	}
	c->halfway = fit.fits && fit.begun;
	if (fit.fits)
		check_say(c, CHECK_NOTE, "journal", "waiting",
		    "an update was promised and %s: the next login or "
		    "restantectl compact finishes it",
		    fit.begun ? "begun" : "not begun");
	else if (fit.begun)
		check_say(c, CHECK_PROBLEM, "journal", "misfit-begun",
		    "an update was begun and does not fit the mailbox any "
		    "more: nobody can log in; restore both from the same "
		    "backup, or remove the journal");
	else
		check_say(c, CHECK_PROBLEM, "journal", "misfit",
		    "an update was promised that does not fit the mailbox: the "
		    "next login sets it aside and deletes nothing");
}

/* A journal that promises nothing. */
static void
check_quiet(struct check *c, const struct journal_about *about)
{
	char when[REPORT_TIME];

	if (about->damaged)
		check_say(c, CHECK_PROBLEM, "journal", "damaged",
		    "damaged, or of another version: it counts as empty");
	else if (about->aside)
		check_say(c, CHECK_NOTE, "journal", "aside",
		    "an update that did not fit was set aside, and nothing of "
		    "it was done");
	else if (about->promises)
		check_say(c, CHECK_NOTE, "journal", "torn",
		    "a promise was never completed: nothing of it was done");
	else if (about->login == 0)
		check_say(c, CHECK_OK, "journal", "empty", "empty");
	else {
		report_time(about->login, when);
		check_say(c, CHECK_OK, "journal", "empty",
		    "empty; the last login was at %s", when);
	}
}

static void
check_journal(struct check *c)
{
	struct journal_promise p = { .runs = NULL };
	struct journal_about about;
	int fd = c->mb.files.journal_fd;
	enum journal_status status;

	if (fd == -1) {
		check_say(c, CHECK_OK, "journal", "none",
		    "none: the first login makes it");
		return;
	}
	check_mode(c, "journal", "the journal", fd);
	(void)check_writable(c, CHECK_PROBLEM, "journal");
	if (journal_describe(fd, &about) == -1 ||
	    (status = journal_load(fd, &p)) == JOURNAL_ERROR) {
		check_say(c, CHECK_PROBLEM, "journal", "unreadable",
		    "cannot be read: %s", strerror(errno));
		return;
	}
	c->login = about.login;
	if (status == JOURNAL_PROMISE)
		check_promise(c, &p);
	else
		check_quiet(c, &about);
	free(p.runs);
}

static void
unreadable(struct check *c)
{
	check_say(c, CHECK_PROBLEM, "mailbox", "unreadable",
	    "cannot be read: %s", strerror(errno));
}

/* The mailbox is locked. */
static void
check_locked(struct check *c)
{
	const struct mailbox_files files = c->mb.files;

	if (mailbox_examine(&c->mb, &c->tool->mailbox, &files) == -1) {
		unreadable(c);
		return;
	}
	check_journal(c);
	if (c->halfway) {
		check_say(c, CHECK_NOTE, "mailbox", "halfway",
		    "halfway through an update: not looked at before that is "
		    "finished");
		return;
	}
	if (mailbox_scan(&c->mb, &c->fresh) == -1) {
		unreadable(c);
		return;
	}
	c->counted = true;
	check_mailbox(c);
	check_index(c);
}

/* The journal of the mailbox is open, if there is one. */
static void
check_open(struct check *c)
{
	enum users_status status = users_lock(&c->mb.files);

	if (status == USERS_OK) {
		check_locked(c);
	} else if (status == USERS_IN_USE) {
		tool_status(c->tool, EX_TEMPFAIL);
		check_say(c, CHECK_NOTE, "mailbox", "in-use",
		    "in use by a session or a delivery: not checked");
	} else {
		check_say(c, CHECK_PROBLEM, "mailbox", "unreadable",
		    "cannot be locked: %s", strerror(errno));
	}
}

static void
check_user(struct check *c, const char *user)
{
	int saved;

	begin(c, user);
	index_init(&c->fresh, -1);
	c->mb = (struct mailbox){ .files = { -1, -1, -1 } };
	if (!check_file(c, &c->mb.files.fd)) {
		end(c);
		return;
	}
	c->mailboxes++;
	check_password(c, c->mb.files.fd);
	if (users_open_as_is(&c->tool->users, user, &c->mb.files) == USERS_OK) {
		check_open(c);
	} else {
		saved = errno;
		if (check_writable(c, CHECK_PROBLEM, "journal"))
			check_say(c, CHECK_PROBLEM, "journal", "unreadable",
			    "cannot be opened: %s", strerror(saved));
	}
	mailbox_close(&c->mb);
	end(c);
	index_free(&c->fresh);
}

void
check_run(struct tool *t)
{
	struct check c = { .tool = t, .exposed = tool_is_exposed(t) };

	if (t->json)
		printf("[");
	if (t->everybody) {
		begin(&c, NULL);
		check_directory(&c);
		end(&c);
	}
	for (size_t i = 0; i < t->count; i++)
		if (tool_is_there(t, t->names[i]))
			check_user(&c, t->names[i]);
		else if (!t->everybody)
			tool_explain(t, t->names[i], USERS_NONE);
	if (c.problems > 0)
		tool_status(t, EX_DATAERR);
	if (t->json)
		printf("\n]\n");
	else
		printf("%ju mailbox%s: %ju problem%s, %ju note%s\n",
		    (uintmax_t)c.mailboxes, c.mailboxes == 1 ? "" : "es",
		    PLURAL(c.problems), PLURAL(c.notes));
}
