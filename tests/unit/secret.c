/* SPDX-License-Identifier: ISC */
/* The forms of the password line, and what opens each. */

#include <sys/mman.h>

#include <crypt.h>

#include "io.h"
#include "md5.h"
#include "secret.h"
#include "tap.h"

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
	{ "$6$salt$hash", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash\r", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash  \t ", SECRET_CRYPT, "$6$salt$hash" },
	{ "$6$salt$hash  \r", SECRET_CRYPT, "$6$salt$hash" },
	{ "$y$j9T$a b", SECRET_CRYPT, "$y$j9T$a b" },
	{ "$2b$05$x", SECRET_CRYPT, "$2b$05$x" },
	{ "$sha1$1$x", SECRET_CRYPT, "$sha1$1$x" },
	{ "$1$", SECRET_CRYPT, "$1$" },
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
	{ "{SCRAM-SHA-256}4096,c2FsdA==,x,y", SECRET_SCRAM },
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
		check((s.kind == SECRET_NONE) == (s.text[0] == '\0'),
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
	{ "$5$", 1000 }, { "$sha1", 1000 }, { "$1$", 0 } };

static void
hashes(void)
{
	static const char password[] = "correct horse";
	static struct crypt_data cd;
	struct secret s;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *hash, *method = methods[i].method;
		char line[2 * SECRET_LINE], what[64];
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
		n = snprintf(line, sizeof(line), "%-255s\r", hash);
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
}

/* Lines that look like a hash and are none. */
static void
no_hashes(void)
{
	static const char *const lines[] = { "$6$", "$6$$", "$9$salt$hash",
		"$y$", "$y$j9T$", "$2b$99$xxxxxxxxxxxxxxxxxxxxxx", "$x$*0",
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

/* The digest that an empty password would have. */
static void
no_password(const char *stamp)
{
	unsigned char digest[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	struct secret s;
	struct md5 m;

	md5_init(&m);
	md5_update(&m, stamp, strlen(stamp));
	md5_final(&m, digest);
	md5_hex(digest, hex);
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
	digests();
	return done();
}
