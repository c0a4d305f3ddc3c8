/* SPDX-License-Identifier: ISC */
/* The forms of the password line, and what opens each. */

#include <sys/mman.h>

#include <crypt.h>
#include <time.h>

#include "io.h"
#include "hash.h"
#include "num.h"
#include "secret.h"
#include "tap.h"

/* What becomes of "pencil" in RFC 7677 section 3. */
#define SALT   "W22ZaJ0SNY7soEsUEjb6gQ=="
#define STORED "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define KEYS   "," SALT "," STORED "," SERVER
#define SCRAM  "{SCRAM-SHA-256}"

/* A line, and what it should be: kind and text. */
static const struct {
	const char *line;
	enum secret_kind kind;
	const char *text;
} rows[] = {
	{ "secret", SECRET_PLAIN, "secret" },
	{ "secret\r", SECRET_PLAIN, "secret" },
	{ "secret\r\r", SECRET_PLAIN, "secret\r" },
	{ " two words  ", SECRET_PLAIN, " two words  " },
	{ "tab\t", SECRET_PLAIN, "tab\t" },
	{ "p\xc3\xa4ss", SECRET_PLAIN, "p\xc3\xa4ss" },
	{ "From", SECRET_PLAIN, "From" },
	{ "Fromage", SECRET_PLAIN, "Fromage" },
	{ "from here", SECRET_PLAIN, "from here" },
	{ "a!", SECRET_PLAIN, "a!" },
	{ " !a", SECRET_PLAIN, " !a" },
	{ "*", SECRET_PLAIN, "*" },
	{ "$", SECRET_PLAIN, "$" },
	{ "$$", SECRET_PLAIN, "$$" },
	{ "$$x", SECRET_PLAIN, "$$x" },
	{ "$6", SECRET_PLAIN, "$6" },
	{ "$6x", SECRET_PLAIN, "$6x" },
	{ "$ 6$", SECRET_PLAIN, "$ 6$" },
	{ "$A$x", SECRET_PLAIN, "$A$x" },
	{ "a$6$x", SECRET_PLAIN, "a$6$x" },
	{ "{PLAIN}secret", SECRET_PLAIN, "secret" },
	{ "{PLAIN}secret \r", SECRET_PLAIN, "secret " },
	{ "{PLAIN}!secret", SECRET_PLAIN, "!secret" },
	{ "{PLAIN}From me", SECRET_PLAIN, "From me" },
	{ "{PLAIN}$6$salt$hash", SECRET_PLAIN, "$6$salt$hash" },
	{ "{PLAIN}{PLAIN}x", SECRET_PLAIN, "{PLAIN}x" },
	{ "{plain}x", SECRET_PLAIN, "{plain}x" },
	{ "{PLAIN", SECRET_PLAIN, "{PLAIN" },
	{ "{}x", SECRET_PLAIN, "{}x" },
	{ "{A B}x", SECRET_PLAIN, "{A B}x" },
	{ "{SHA_1}x", SECRET_PLAIN, "{SHA_1}x" },
	{ "x{SSHA}x", SECRET_PLAIN, "x{SSHA}x" },
	{ "{PLAIN}{SSHA}x", SECRET_PLAIN, "{SSHA}x" },
	{ "$6$salt$hash", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash\r", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash  \t ", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash  \r", SECRET_CRYPT, "$6$salt$hash" },
	{ "$y$j9T$a b", SECRET_CRYPT, "$y$j9T$a b" },
	{ "$2b$05$x", SECRET_CRYPT, "$2b$05$x" },
	{ "$sha1$1$x", SECRET_CRYPT, "$sha1$1$x" },
	{ "$1$", SECRET_CRYPT, "$1$" },
	{ "$md5$x$y", SECRET_CRYPT, "$md5$x$y" },
	{ "$md5,rounds=1$x$y", SECRET_CRYPT, "$md5,rounds=1$x$y" },
	{ "$md5,x", SECRET_PLAIN, "$md5,x" },
	{ "{CRYPT}abVbXDTR5rG8c", SECRET_CRYPT, "abVbXDTR5rG8c" },
	{ "{CRYPT}$6$salt$hash \t\r", SECRET_CRYPT, "$6$salt$hash" },
	{ "{PLAIN}{CRYPT}x", SECRET_PLAIN, "{CRYPT}x" },
	{ "{crypt}x", SECRET_PLAIN, "{crypt}x" },
	{ "{CRYPT}", SECRET_NONE, "" },
	{ "{CRYPT}  ", SECRET_NONE, "" },
	{ SCRAM "4096" KEYS, SECRET_SCRAM, "" },
	{ SCRAM "4096" KEYS " \t  \r", SECRET_SCRAM, "" },
	{ SCRAM "1000000" KEYS, SECRET_SCRAM, "" },
	{ "{scram-sha-256}4096", SECRET_PLAIN, "{scram-sha-256}4096" },
	{ "", SECRET_NONE, "" },
	{ "\r", SECRET_NONE, "" },
	{ "!", SECRET_NONE, "" },
	{ "!secret", SECRET_NONE, "" },
	{ "!{PLAIN}secret", SECRET_NONE, "" },
	{ "!$6$salt$hash", SECRET_NONE, "" },
	{ "{PLAIN}", SECRET_NONE, "" },
	{ "{PLAIN}\r", SECRET_NONE, "" },
	{ "From a@b Mon Jan  1 00:00:00 2024", SECRET_NONE, "" },
	{ "From ", SECRET_NONE, "" },
};

static const struct {
	const char *line;
	enum secret_flaw flaw;
} flaws[] = {
	{ "", SECRET_EMPTY },
	{ "\r", SECRET_EMPTY },
	{ "{PLAIN}", SECRET_EMPTY },
	{ "!", SECRET_LOCKED },
	{ "!From x", SECRET_LOCKED },
	{ "!{PLAIN}", SECRET_LOCKED },
	{ "From x", SECRET_SEPARATOR },
	{ "{CRYPT}", SECRET_EMPTY },
	{ "!" SCRAM "4096" KEYS, SECRET_LOCKED },
	{ SCRAM, SECRET_FORM },
	{ SCRAM "4096", SECRET_FORM },
	{ SCRAM "4096,c2FsdA==,x,y", SECRET_FORM },
	{ SCRAM "4095" KEYS, SECRET_FORM },
	{ SCRAM "0" KEYS, SECRET_FORM },
	{ SCRAM "1000001" KEYS, SECRET_FORM },
	{ SCRAM "99999999999999999999999" KEYS, SECRET_FORM },
	{ SCRAM "-4096" KEYS, SECRET_FORM },
	{ SCRAM " 4096" KEYS, SECRET_FORM },
	{ SCRAM "0x1000" KEYS, SECRET_FORM },
	{ SCRAM KEYS, SECRET_FORM },
	{ SCRAM "4096" KEYS ",", SECRET_FORM },
	{ SCRAM "4096" KEYS "x", SECRET_FORM },
	{ SCRAM "4096" KEYS " x", SECRET_FORM },
	{ SCRAM "4096,," STORED "," SERVER, SECRET_FORM },
	{ SCRAM "4096,W22ZaJ0SNY7soEsUEjb6gQ," STORED "," SERVER, SECRET_FORM },
	{ SCRAM "4096," SALT "," STORED ",", SECRET_FORM },
	{ SCRAM "4096," SALT ",,", SECRET_FORM },
	{ SCRAM "4096," SALT "," SALT "," SERVER, SECRET_FORM },
	{ SCRAM "4096," SALT "," STORED "," STORED STORED, SECRET_FORM },
	{ "{SCRAM-SHA-1}4096" KEYS, SECRET_FORM },
	{ "{SCRAM-SHA-256-PLUS}4096" KEYS, SECRET_FORM },
	{ "{SCRAM-", SECRET_FORM },
	{ "{SSHA}x", SECRET_FORM },
	{ "{SSHA}", SECRET_FORM },
	{ "{SHA512-CRYPT}$6$salt$hash", SECRET_FORM },
	{ "{SHA256.HEX}x", SECRET_FORM },
	{ "{0}x \r", SECRET_FORM },
	{ "$2b$16$x", SECRET_COSTLY },
	{ "$2y$31$x", SECRET_COSTLY },
	{ "$6$rounds=5000001$x$", SECRET_COSTLY },
	{ "$5$rounds=999999999$x$", SECRET_COSTLY },
	{ "$6$rounds=99999999999999999999999$x$", SECRET_COSTLY },
	{ "$sha1$4294967295$x$", SECRET_COSTLY },
	{ "$md5,rounds=4294967295$x$", SECRET_COSTLY },
	{ "$y$jGT$x$", SECRET_COSTLY },
	{ "$y$jFU$x$", SECRET_COSTLY },
	{ "$y$zFT$x$", SECRET_COSTLY },
	{ "$gy$jzT$x$", SECRET_COSTLY },
	{ "$y$j9T/zzzzzz$x$", SECRET_COSTLY },
	{ "$y$j9T./$x$", SECRET_COSTLY },
	{ "$gy$j9T/zzzzzz$x$", SECRET_COSTLY },
	{ "$sm3$rounds=5000001$x$", SECRET_COSTLY },
	{ "$sm3y$jGT$x$", SECRET_COSTLY },
	{ "$sm3y$j9T/zzzzzz$x$", SECRET_COSTLY },
	{ "$7$IU..../....x", SECRET_COSTLY },
	{ "$7$C/..../z...x", SECRET_COSTLY },
	{ "$7$CU...../...x", SECRET_COSTLY },
	{ "$7$CU/..../....x", SECRET_COSTLY },
	{ "$7$CU...//....x", SECRET_COSTLY },
	{ "{CRYPT}_zzzzsalt", SECRET_COSTLY },
	{ "{CRYPT}$2b$16$x", SECRET_COSTLY },
};

/* In memory that ends with the line. */
static void
parse(const char *line, size_t len, struct secret *s)
{
	char *copy = malloc(len == 0 ? 1 : len);

	need(copy != NULL, "memory");
	memcpy(copy, line, len);
	memset(s, 'x', sizeof(*s));
	secret_parse(copy, len, s);
	free(copy);
}

static void
table(void)
{
	struct secret s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse(rows[i].line, strlen(rows[i].line), &s);
		check(
		    s.kind == rows[i].kind && strcmp(s.text, rows[i].text) == 0,
		    "\"%s\" is of kind %d, \"%s\"", rows[i].line, (int)s.kind,
		    s.text);
		check((s.kind == SECRET_NONE) == (s.flaw != SECRET_NO_FLAW),
		    "\"%s\": flaw %d", rows[i].line, (int)s.flaw);
		check((s.kind == SECRET_NONE || s.kind == SECRET_SCRAM) ==
			(s.text[0] == '\0'),
		    "\"%s\": text of nothing", rows[i].line);
	}
	(void)point("lines of every form");
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		parse(flaws[i].line, strlen(flaws[i].line), &s);
		check(s.kind == SECRET_NONE && s.flaw == flaws[i].flaw,
		    "\"%s\" has flaw %d", flaws[i].line, (int)s.flaw);
	}
	(void)point("and what is wrong with those that log nobody in");
}

static void
odd_lines(void)
{
	char line[SECRET_LINE + 10];
	struct secret s;

	for (size_t len = 1; len < 40; len++)
		for (size_t at = 0; at < len; at++) {
			memset(line, 'x', len);
			line[at] = '\0';
			parse(line, len, &s);
			check(s.kind == SECRET_NONE && s.flaw == SECRET_NUL,
			    "NUL at %zu of %zu", at, len);
		}
	(void)point("P3-034: a line with a NUL anywhere logs nobody in");

	for (size_t len = 0; len < sizeof(line); len++)
		for (int cr = 0; cr < 2 && len > 0; cr++) {
			size_t text = len - (size_t)cr;

			memset(line, 'x', len);
			if (cr)
				line[len - 1] = '\r';
			parse(line, len, &s);
			if (text == 0 || text >= SECRET_LINE)
				check(s.kind == SECRET_NONE &&
					s.flaw ==
					    (text == 0 ? SECRET_EMPTY
						       : SECRET_LONG),
				    "%zu octets", text);
			else
				check(s.kind == SECRET_PLAIN &&
					strlen(s.text) == text,
				    "%zu octets", text);
		}
	(void)point("lines of every length to the limit and behind it");
}

/* The first line of a file, whatever stands behind it. */
static void
from_file(void)
{
	static const char *const rest[] = { "", "\n", "\r\n",
		"\nFrom a@b Mon Jan  1 00:00:00 2024\n", "\r\n\nx\n", "\n\n" };
	char file[2 * SECRET_LINE];
	int fd = memfd_create("mailbox", MFD_CLOEXEC);
	struct secret s;

	need(fd != -1, "memfd_create");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < sizeof(rest) / sizeof(rest[0]); k++) {
			int n = snprintf(
			    file, sizeof(file), "%s%s", rows[i].line, rest[k]);

			/* One CR is ignored, two are too many. */
			if (strchr(rows[i].line, '\r') && rest[k][0] == '\r')
				continue;
			need(ftruncate(fd, 0) == 0 &&
				io_pwrite(fd, file, (size_t)n, 0) == 0,
			    "writing");
			check(secret_read(fd, &s) == 0 &&
				s.kind == rows[i].kind &&
				strcmp(s.text, rows[i].text) == 0,
			    "\"%s\" in front of \"%s\"", rows[i].line, rest[k]);
		}
	(void)point("the first line of a file");

	for (size_t len = SECRET_LINE - 20; len < SECRET_LINE + 20; len++)
		for (size_t cr = 0; cr <= len; cr += cr < len - 3 ? 7 : 1)
			for (size_t k = 0; k < sizeof(rest) / sizeof(rest[0]);
			     k++) {
				size_t n = strlen(rest[k]), text = len;

				if (cr == len && rest[k][0] == '\r')
					continue;
				memset(file, 'x', len);
				/* A CR elsewhere ends nothing. */
				if (cr > 0)
					file[cr - 1] = '\r';
				memcpy(file + len, rest[k], n);
				if (cr == len)
					text--;
				need(ftruncate(fd, 0) == 0 &&
					io_pwrite(fd, file, len + n, 0) == 0,
				    "writing");
				check(secret_read(fd, &s) == 0, "read");
				if (text < SECRET_LINE)
					check(s.kind == SECRET_PLAIN &&
						strlen(s.text) == text,
					    "%zu octets, CR at %zu", len, cr);
				else
					check(s.kind == SECRET_NONE,
					    "%zu octets, CR at %zu, \"%s\"",
					    len, cr, rest[k]);
			}
	(void)point("P3-095: a first line that is too long is never cut short");

	errno = 0;
	check(secret_read(-1, &s) == -1 && errno == EBADF, "fd -1");
	(void)point("what cannot be read is an error");
	(void)close(fd);
}

/* Whatever is near the password is not the password. */
static void
near_misses(const struct secret *s, const char *password, size_t step)
{
	char wrong[64];
	size_t len = strlen(password);

	check(secret_is_password(s, password), "the password is refused");
	for (size_t n = 0; n < len; n += step) {
		(void)snprintf(wrong, sizeof(wrong), "%.*s", (int)n, password);
		check(!secret_is_password(s, wrong), "cut to %zu", n);
		check(!secret_is_password(s, password + n + 1), "from %zu",
		    n + 1);
		for (unsigned int bit = 0; bit < 7; bit += 5) {
			(void)snprintf(wrong, sizeof(wrong), "%s", password);
			wrong[n] ^= (char)(1 << bit);
			check(!secret_is_password(s, wrong), "\"%s\"", wrong);
		}
	}
	(void)snprintf(wrong, sizeof(wrong), "%s ", password);
	check(!secret_is_password(s, wrong), "with a blank");
	(void)snprintf(wrong, sizeof(wrong), "%s%s", password, password);
	check(!secret_is_password(s, wrong), "twice");
	check(!secret_is_password(s, s->text) || s->kind == SECRET_PLAIN,
	    "the hash is the password");
}

static void
plain(void)
{
	static const char *const passwords[] = { "x", "secret", " two words ",
		"p\xc3\xa4ss", "!locked", "$6$salt$hash", "From me" };
	char line[64];
	struct secret s;

	for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		int n = snprintf(line, sizeof(line), "{PLAIN}%s", passwords[i]);

		parse(line, (size_t)n, &s);
		near_misses(&s, passwords[i], 1);
	}
	(void)point("P3-094, P3-095: plain passwords, and what is near them");
	parse("!secret", 7, &s);
	check(!secret_is_password(&s, "secret") &&
		!secret_is_password(&s, "!secret") &&
		!secret_is_password(&s, ""),
	    "locked");
	parse("", 0, &s);
	check(!secret_is_password(&s, ""), "empty");
	parse("{PLAIN}", 7, &s);
	check(!secret_is_password(&s, ""), "{PLAIN}");
	(void)point("what is locked or empty lets nobody in");
}

/* Cheap parameters: the methods are tested, not their price. */
static const struct {
	const char *method;
	unsigned long cost;
} methods[] = { { "$y$", 1 }, { "$gy$", 1 }, { "$2b$", 4 }, { "$6$", 1000 },
	{ "$5$", 1000 }, { "$sha1", 1000 }, { "$1$", 0 }, { "$7$", 6 },
	{ "$3$", 0 }, { "_", 725 } };

static void
hashes(void)
{
	static const char password[] = "correct horse";
	static struct crypt_data cd;
	char line[2 * SECRET_LINE], what[64];
	struct secret s;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *hash, *method = methods[i].method;
		char *setting = crypt_gensalt_ra(
		    method, methods[i].cost, NULL, 0);
		int n;

		(void)snprintf(what, sizeof(what), "passwords by %s", method);
		if (setting == NULL) {
			skip(what, "the system's libcrypt does not know it");
			continue;
		}
		hash = crypt_r(password, setting, &cd);
		need(hash != NULL && hash[0] != '*', method);
		/* As restantectl pads it. */
		n = snprintf(line, sizeof(line), "%s%-255s\r",
		    hash[0] == '$' ? "" : "{CRYPT}", hash);
		parse(line, (size_t)n, &s);
		check(s.kind == SECRET_CRYPT, "kind %d", (int)s.kind);
		near_misses(&s, password, 6);
		/* Any octet changed behind the setting, which has a price. */
		for (size_t at = strlen(hash) - 20; at < strlen(hash);
		     at += 4) {
			struct secret other = s;

			other.text[at] = other.text[at] == 'a' ? 'b' : 'a';
			check(!secret_is_password(&other, password),
			    "%s for %s", other.text, hash);
		}
		(void)snprintf(line, sizeof(line), "!%s", hash);
		parse(line, strlen(line), &s);
		check(!secret_is_password(&s, password), "locked");
		(void)point("P3-095: %s", what);
		free(setting);
	}
	if (crypt_r("secret", "ab", &cd) == NULL || cd.output[0] == '*') {
		skip("passwords by DES", "the system's libcrypt has none");
		return;
	}
	(void)snprintf(line, sizeof(line), "{CRYPT}%s", cd.output);
	parse(line, strlen(line), &s);
	ok(secret_is_password(&s, "secret") &&
		!secret_is_password(&s, "secreT"),
	    "passwords by DES");
}

/* Lines that look like a hash and are none. */
static void
no_hashes(void)
{
	static const char *const lines[] = { "$6$", "$6$$", "$9$salt$hash",
		"$y$", "$y$j9T$", "$2b$03$xxxxxxxxxxxxxxxxxxxxxx", "$x$*0",
		"$6$salt$", "$1$x" };
	struct secret s;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(lines[i], strlen(lines[i]), &s);
		check(s.kind == SECRET_CRYPT, "\"%s\"", lines[i]);
		check(!secret_is_password(&s, "") &&
			!secret_is_password(&s, lines[i]) &&
			!secret_is_password(&s, "*0") &&
			!secret_is_password(&s, "*1"),
		    "\"%s\" lets somebody in", lines[i]);
	}
	(void)point("a broken hash lets nobody in");
}

/* The highest price that crypt_gensalt() makes is paid, and its hash is found. */
static void
prices(void)
{
	static const char *const lines[] = { "$y$jFT$x", "$gy$jFT$x",
		"$y$j75$x", "$7$HU..../....x", "$2b$15$x",
		"$6$rounds=5000000$x$", "$5$rounds=5000000$x$",
		"$sha1$5000000$x$", "$md5,rounds=5000000$x$",
		"{CRYPT}_zzz1salt", "{CRYPT}ab", "$y$", "$2", "$7$", "$y$j",
		"{CRYPT}_" };
	struct secret s;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(lines[i], strlen(lines[i]), &s);
		check(s.kind != SECRET_NONE, "\"%s\" has flaw %d", lines[i],
		    (int)s.flaw);
	}
	(void)point("what crypt(5) can ask for at most is paid");
}

/* RFC 7677 section 3, and keys that are not those of the password. */
static void
scram(void)
{
	static const char line[] = SCRAM "4096" KEYS "   ";
	const size_t fields = strlen(SCRAM "4096,");
	struct scram keys;
	struct secret s;
	char wrong[sizeof(line)];

	parse(line, strlen(line), &s);
	is(s.scram.iterations, 4096, "a SCRAM line: its iterations");
	memset(&keys, 0, sizeof(keys));
	keys.iterations = 4096;
	keys.salt_len = s.scram.salt_len;
	memcpy(keys.salt, s.scram.salt, sizeof(keys.salt));
	secret_derive("pencil", &keys);
	ok(memcmp(keys.stored, s.scram.stored, sizeof(keys.stored)) == 0 &&
		memcmp(keys.server, s.scram.server, sizeof(keys.server)) == 0,
	    "RFC 7677 section 3: both keys of the password");
	near_misses(&s, "pencil", 1);
	(void)point(
	    "P3-095: the password of a SCRAM line, and what is near it");
	ok(!secret_is_digest(&s, "<1@a>", "") &&
		!secret_is_response(&s, "<1@a>", "") &&
		!secret_is_password(&s, line),
	    "it knows no digest");
	for (size_t n = fields; n + 4 < strlen(line); n += 7) {
		memcpy(wrong, line, sizeof(line));
		wrong[n] = wrong[n] == 'A' ? 'B' : 'A';
		parse(wrong, strlen(wrong), &s);
		/* Clients see the server's key, passwords do not. */
		if (n < fields + strlen(SALT "," STORED ","))
			check(
			    !secret_is_password(&s, "pencil"), "\"%s\"", wrong);
		parse(line, n, &s);
		check(s.kind == SECRET_NONE, "cut at %zu", n);
	}
	(void)point("a line that was changed or cut");
}

/* P3-383: what a stranger is told of a name says nothing about it. */
static void
salts(void)
{
	static const unsigned char site[SHA256_SIZE] = "the key of this site",
				   other[SHA256_SIZE] = "that of another one";
	static const char *const lines[] = { "", "!x", "secret", "$6$salt$hash",
		"another", "From x" };
	struct scram keys[2], first;
	struct secret s;

	parse("", 0, &s);
	secret_salt(&s, "alice", site, &first);
	is(first.iterations, SECRET_ITERATIONS, "P3-382: iterations enough");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(lines[i], strlen(lines[i]), &s);
		secret_salt(&s, "alice", site, &keys[0]);
		check(keys[0].salt_len == first.salt_len &&
			keys[0].iterations == first.iterations &&
			memcmp(keys[0].salt, first.salt, first.salt_len) == 0,
		    "\"%s\" has another salt", lines[i]);
		check(secret_keys(&s, &keys[0]) == (s.kind == SECRET_PLAIN),
		    "\"%s\" has keys", lines[i]);
		secret_salt(&s, "alicf", site, &keys[0]);
		check(memcmp(keys[0].salt, first.salt, first.salt_len) != 0,
		    "another name has the same salt");
		secret_salt(&s, "alice", other, &keys[0]);
		check(memcmp(keys[0].salt, first.salt, first.salt_len) != 0,
		    "another site has the same salt");
	}
	(void)point("P3-383: a salt depends on name and site, not on the line");
	parse(SCRAM "5000" KEYS, strlen(SCRAM "5000" KEYS), &s);
	secret_salt(&s, "alice", site, &keys[0]);
	ok(keys[0].iterations == 5000 && secret_keys(&s, &keys[0]) &&
		memcmp(keys[0].stored, s.scram.stored, SHA256_SIZE) == 0,
	    "a SCRAM line has its own");
	parse("pencil", 6, &s);
	keys[1] = keys[0];
	memset(keys[1].stored, 0, SHA256_SIZE);
	keys[1].iterations = 4096;
	ok(secret_keys(&s, &keys[1]) &&
		memcmp(keys[1].stored, keys[0].stored, SHA256_SIZE) == 0,
	    "a plain line makes the keys");
}

/* Microseconds of processor time that the keys of a line cost, at least. */
static int64_t
cost_of_keys(const char *line)
{
	static const unsigned char site[SHA256_SIZE] = "the key of this site";
	int64_t least = INT64_MAX, spent;
	struct timespec from, to;
	struct scram keys;
	struct secret s;

	parse(line, strlen(line), &s);
	for (int i = 0; i < 5; i++) {
		secret_salt(&s, "alice", site, &keys);
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		(void)secret_keys(&s, &keys);
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		spent = (to.tv_sec - from.tv_sec) * 1000000 +
		    (to.tv_nsec - from.tv_nsec) / 1000;
		if (spent < least)
			least = spent;
	}
	return least;
}

/*
 * P3-383: a refusal leaves at a fixed time, but not when many at once want more of
 * the processor than there is.
 */
static void
same_price(void)
{
	static const char *const lines[] = { "", "!secret", "$6$salt$hash",
		SCRAM "4096" KEYS, SCRAM "400000" KEYS };
	int64_t plain = cost_of_keys("secret"), other;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		other = cost_of_keys(lines[i]);
		check(other > plain / 4 && other < plain * 4,
		    "\"%s\" costs %jd, a password %jd", lines[i],
		    (intmax_t)other, (intmax_t)plain);
	}
	(void)point("P3-383: keys cost the same, whatever the line is");
}

/* Lines made here, for passwords of every kind. */
static void
made(void)
{
	static const struct {
		const char *password;
		bool plain; /* there is such a line */
		const char *mark;
	} tries[] = {
		{ "secret", true, "" },
		{ " two words ", true, "" },
		{ "!locked", true, "{PLAIN}" },
		{ "From me", true, "{PLAIN}" },
		{ "$6$salt$hash", true, "{PLAIN}" },
		{ "{PLAIN}x", true, "{PLAIN}" },
		{ "{CRYPT}x", true, "{PLAIN}" },
		{ "{SSHA}x", true, "{PLAIN}" },
		{ SCRAM "4096" KEYS, true, "{PLAIN}" },
		{ "p\xc3\xa4ss", true, "" },
		{ "ends in a CR\r", false, "" },
		{ "two\nlines", false, "" },
		{ "", false, "" },
	};
	char line[SECRET_LINE], long_one[SECRET_LINE + 1];

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		const char *password = tries[i].password;
		struct secret s;
		int status = secret_make_plain(password, line);

		check(status == (tries[i].plain ? 0 : -1), "\"%s\"", password);
		if (status == 0)
			check(strncmp(line, tries[i].mark,
				  strlen(tries[i].mark)) == 0 &&
				strcmp(line + strlen(tries[i].mark),
				    password) == 0,
			    "\"%s\" is \"%s\"", password, line);
		/* A hash is dear on purpose. */
		for (int way = i < 3 ? 0 : 1; way < 2; way++) {
			status = (way == 0 ? secret_make_crypt
					   : secret_make_scram)(password, line);
			check(status == 0 && strlen(line) == SECRET_PADDED,
			    "\"%s\" by %d: \"%s\"", password, way, line);
			parse(line, strlen(line), &s);
			check(s.kind ==
				    (way == 0 ? SECRET_CRYPT : SECRET_SCRAM) &&
				secret_is_password(&s, password),
			    "\"%s\" is \"%s\"", password, line);
		}
	}
	(void)point("made lines are what they should be");
	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	errno = 0;
	ok(secret_make_plain(long_one, line) == -1 && errno == EINVAL,
	    "a password too long for a line");
	errno = 0;
	ok(secret_make_crypt(long_one, line) == -1 && errno == EINVAL,
	    "a password too long for crypt(3)");
	ok(secret_make_plain(long_one + 1, line) == 0, "one that just fits");
}

/* RFC 2195 section 2. */
static void
responses(void)
{
	static const char challenge[] =
	    "<1896.697170952@postoffice.reston.mci.net>";
	static const char right[] = "b913a602c7eda7a495b4e6e7334d3890";
	char wrong[80];
	struct secret s;

	parse("tanstaaftanstaaf", 16, &s);
	ok(secret_is_response(&s, challenge, right),
	    "P3-377: the answer of RFC 2195");
	for (size_t i = 0; i < sizeof(right) - 1; i++)
		for (const char *d = "0123456789abcdefABCDEFg"; *d; d++) {
			memcpy(wrong, right, sizeof(right));
			wrong[i] = *d;
			check(secret_is_response(&s, challenge, wrong) ==
				(right[i] == *d),
			    "\"%s\"", wrong);
		}
	for (size_t n = 0; n < sizeof(right) - 1; n++) {
		(void)snprintf(wrong, sizeof(wrong), "%.*s", (int)n, right);
		check(
		    !secret_is_response(&s, challenge, wrong), "\"%s\"", wrong);
	}
	(void)point("and nothing that is near it");
	ok(!secret_is_response(&s, "<1@a>", right), "of another challenge");
	s.kind = SECRET_CRYPT;
	ok(!secret_is_response(&s, challenge, right),
	    "of a hash there is none");
	s.kind = SECRET_NONE;
	ok(!secret_is_response(&s, challenge, right),
	    "of a locked line neither");
}

/* The digest that an empty password would have. */
static void
no_password(const char *stamp)
{
	unsigned char digest[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	struct secret s;
	struct hash m;

	hash_init(&m, &md5);
	hash_update(&m, stamp, strlen(stamp));
	hash_final(&m, digest);
	num_hex(digest, sizeof(digest), hex);
	parse("", 0, &s);
	ok(!secret_is_digest(&s, stamp, hex), "of an empty line there is none");
}

static void
digests(void)
{
	/* RFC 1939 section 7. */
	static const char stamp[] = "<1896.697170952@dbc.mtview.ca.us>";
	static const char right[] = "c4c9334bac560ecc979e58001b3e22fb";
	char wrong[80];
	struct secret s;

	parse("tanstaaf", 8, &s);
	ok(secret_is_digest(&s, stamp, right),
	    "P3-120, P3-121: the digest of RFC 1939");
	for (size_t i = 0; i < sizeof(right) - 1; i++)
		for (const char *d = "0123456789abcdefABCDEFg"; *d; d++) {
			memcpy(wrong, right, sizeof(right));
			if (wrong[i] == *d)
				continue;
			wrong[i] = *d;
			check(!secret_is_digest(&s, stamp, wrong), "\"%s\"",
			    wrong);
		}
	for (size_t n = 0; n < sizeof(right) - 1; n++) {
		(void)snprintf(wrong, sizeof(wrong), "%.*s", (int)n, right);
		check(!secret_is_digest(&s, stamp, wrong), "\"%s\"", wrong);
		check(!secret_is_digest(&s, stamp, right + n + 1), "\"%s\"",
		    right + n + 1);
	}
	(void)snprintf(wrong, sizeof(wrong), "%s%s", right, right);
	check(!secret_is_digest(&s, stamp, wrong), "twice");
	(void)snprintf(wrong, sizeof(wrong), "%s ", right);
	check(!secret_is_digest(&s, stamp, wrong), "with a blank");
	check(!secret_is_digest(&s, stamp, "tanstaaf"), "the password");
	(void)point("P3-125, P3-126: and nothing that is near it");

	ok(!secret_is_digest(&s, "<1896.697170953@dbc.mtview.ca.us>", right),
	    "P3-124: of another connection it is wrong");
	parse("!tanstaaf", 9, &s);
	ok(!secret_is_digest(&s, stamp, right), "of a locked line it is wrong");
	s.kind = SECRET_CRYPT;
	ok(!secret_is_digest(&s, stamp, right), "of a hash there is none");
	no_password(stamp);
}

int
main(void)
{
	table();
	odd_lines();
	from_file();
	plain();
	hashes();
	no_hashes();
	prices();
	scram();
	salts();
	same_price();
	made();
	digests();
	responses();
	return done();
}
