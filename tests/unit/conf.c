/* SPDX-License-Identifier: ISC */
/* Settings: each keyword with good and bad values, files, and the print-out. */

#include <sys/mman.h>

#include "chance.h"
#include "conf.h"
#include "distance.h"
#include "tap.h"
#include "words.h"

enum { VALUES = 30 };

/* Each keyword, values that it takes, values that it does not take. */
static const struct {
	const char *keyword;
	const char *good[VALUES], *bad[VALUES];
} rows[] = {
	{ "users", { "Users", "/var/mail/pop", ".", "a b" }, { "" } },
	{ "listen",
	    { "110", "*:110", ":110", "127.0.0.1:1110", "[::1]:110", "[::]:110",
		"0.0.0.0:65535", "127.0.0.1:0", "[::ffff:1.2.3.4]:1",
		"[1.2.3.4]:5", "0110", "109 pop1", "[::1]:109 pop1",
		"127.0.0.1:109 \t pop1", "995 tls", "109 tls pop1",
		"[::1]:109 pop1\ttls", "110 proxy", "1 proxy tls pop1" },
	    { "", ":", "x", "*", "*:", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 110", "109 pop2",
		"109 pop1 x", "109 pop1 pop1", "109 tls tls", "110 TLS",
		"110 proxy proxy", "110 proxied", "109pop1", "pop1", "pop1 109",
		"localhost:110", "1.2.3:110", "[::1:110", "[::1]110",
		"[::1%lo]:110", "[localhost]:110",
		"127.0.0.1:18446744073709551726",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:"
		"0000]:110" } },
	{ "user", { "restante", "nobody" }, { "" } },
	{ "keeper-user", { "", "postmaster" }, { NULL } },
	{ "pid-file", { "/run/restante.pid" }, { "" } },
	{ "hide-users", { "yes", "no" },
	    { "", "Yes", "YES", "true", "1", "yes no", "yess", "on" } },
	{ "apop", { "no", "yes", "auto" }, { "", "maybe", "0" } },
	{ "mechanisms",
	    { "", "PLAIN", "LOGIN  PLAIN", "CRAM-MD5 CRAM-MD5",
		"PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "auto" },
	    { "plain", "yes", "PLAIN,LOGIN", "PLAI", "PLAINLOGIN",
		"SCRAM-SHA-256-PLUS", "PLAIN EXTERNAL", "Auto" } },
	{ "tls-helper", { "", "/usr/bin/stunnel" }, { NULL } },
	{ "tls-certificate", { "/etc/ssl/certs/a b.pem", "" }, { NULL } },
	{ "tls-key", { "", "/etc/ssl/private/key.pem" }, { NULL } },
	{ "tls-user", { "stunnel4", "nobody" }, { "" } },
	{ "plaintext-auth", { "yes", "tls", "auto" },
	    { "", "no", "TLS", "yes tls" } },
	{ "login-tries", { "1", "3", "100", "007" },
	    { "", "0", "101", "-1", "x", "3x", "3.5" } },
	{ "login-pause", { "0", "2", "60" }, { "", "61", "2s", "-0" } },
	{ "login-delay",
	    { "0", "86400", "60 alice=0", "60  bob=0 c.d@e=86400",
		"0 alice=1 alice=1" },
	    { "", "86401", "never", "alice=7", "60 70", "60 alice",
		"60 alice=", "60 =7", "60 alice=never", "60 alice=1 alice=2",
		"60 a/b=1", "60 alice=1,bob=2", "60s", "-1", " 60", "60 " } },
	{ "login-penalty", { "0", "15", "60" }, { "", "61", "-1", "15s" } },
	{ "login-timeout", { "1", "120", "86400" },
	    { "", "0", "86401", "2m" } },
	{ "idle-timeout", { "1", "600", "86400" },
	    { "", "0", "86401", "10 minutes" } },
	{ "write-timeout", { "1", "300", "86400" },
	    { "", "0", "86401", "18446744073709551617" } },
	{ "max-sessions", { "1", "1000", "100000" },
	    { "", "0", "100001", "many", "0x10" } },
	{ "max-per-address", { "1", "100", "100000" },
	    { "", "0", "100001", "some" } },
	{ "max-per-user", { "1", "10", "1000" }, { "", "0", "1001", "all" } },
	{ "trusted", { "", "127.0.0.0/8 ::1", "192.0.2.1", "2001:db8::/32" },
	    { "all", "127.0.0.1/8", "::1/129", "10.0.0.0/33", "localhost",
		"::1,::2", "10.0.0.0/" } },
	{ "trusted-proxies", { "", "127.0.0.1", "192.0.2.0/24 ::1" },
	    { "none", "proxy.example.org", "127.0.0.1/8" } },
	{ "lock", { "update", "session" },
	    { "", "Session", "session update", "none" } },
	{ "mbox-quoting", { "mboxrd", "none" }, { "", "mboxo", "yes" } },
	{ "expire",
	    { "never", "30", "1", "36500 alice=never bob=1", "never alice=7" },
	    { "", "0", "36501", "Never", "30d", "30 alice=0", "alice=30",
		"never never", "30 alice=never alice=30" } },
	{ "utf8-strict", { "yes", "no" }, { "", "true", "always" } },
	{ "show-version", { "yes", "no" }, { "", "0.1", "both" } },
	{ "language", { "en", "de", "fr", "es", "it", "nl" },
	    { "", "*", "pt", "EN", "de-AT", "german" } },
	{ "log", { "auto", "stderr", "syslog" },
	    { "", "Auto", "auto stderr", "file", "std", "stderrs", " " } },
	{ "log-level", { "error", "warn", "info", "debug" },
	    { "", "warning", "notice", "0", "err" } },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What conf_print() says, for the caller to free. */
static char *
printed(const struct conf *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	need(f != NULL, "open_memstream");
	conf_print(c, f);
	need(fclose(f) == 0, "open_memstream");
	return text;
}

/* A file in memory, and the name by which it can be opened. */
static int file_fd = -1;
static char file_path[64];

/* Reads a file of this content.  *said is what it complained about. */
static int
read_text(struct conf *c, const char *text, size_t len, char **said)
{
	size_t said_len = 0;
	FILE *err = open_memstream(said, &said_len);
	int status, saved;

	need(err != NULL && ftruncate(file_fd, 0) == 0 &&
		pwrite(file_fd, text, len, 0) == (ssize_t)len,
	    file_path);
	status = conf_read(c, file_path, err);
	saved = errno;
	need(fclose(err) == 0, "open_memstream");
	errno = saved;
	return status;
}

/* Whether two configurations say the same. */
static bool
same(const struct conf *a, const struct conf *b)
{
	char *x = printed(a), *y = printed(b);
	bool equal = strcmp(x, y) == 0;

	free(x);
	free(y);
	return equal;
}

static void
tidy_text(char *text, size_t size)
{
	size_t len = strlen(text);

	memset(text + len, 0, size - len);
}

/* Forgets what earlier and longer values have left behind the texts. */
static void
tidy(struct conf *c)
{
	tidy_text(c->users, sizeof(c->users));
	tidy_text(c->user, sizeof(c->user));
	tidy_text(c->keeper_user, sizeof(c->keeper_user));
	tidy_text(c->pid_file, sizeof(c->pid_file));
	tidy_text(c->tls_helper, sizeof(c->tls_helper));
	tidy_text(c->tls_certificate, sizeof(c->tls_certificate));
	tidy_text(c->tls_key, sizeof(c->tls_key));
	tidy_text(c->tls_user, sizeof(c->tls_user));
	tidy_text(c->login_delay, sizeof(c->login_delay));
	tidy_text(c->expire, sizeof(c->expire));
	tidy_text(c->trusted, sizeof(c->trusted));
	tidy_text(c->trusted_proxies, sizeof(c->trusted_proxies));
	for (size_t i = 0; i < CONF_LISTEN_MAX; i++)
		if (i < c->listen_count)
			tidy_text(
			    c->listen[i].address, sizeof(c->listen[i].address));
		else
			c->listen[i] = (struct conf_listen){ .port = 0 };
}

/* The print-out of c is read back as c. */
static bool
survives(struct conf *c, const char *what)
{
	static struct conf back;
	char *text = printed(c), *said = NULL;
	bool good;

	tidy(c);
	conf_init(&back);
	good = check(read_text(&back, text, strlen(text), &said) == 0,
		   "%s: not read back: %s", what, said) &&
	    check((tidy(&back), memcmp(&back, c, sizeof(back)) == 0),
		"%s: read back as another", what);
	free(text);
	free(said);
	return good;
}

static void
defaults(void)
{
	static struct conf c;
	char *text, *line, *rest;
	size_t lines = 0;

	conf_init(&c);
	is_str(c.users, "Users", "users is Users");
	is(c.listen_count, 0, "nothing is said of where to listen");
	is_str(c.user, "restante", "user is restante");
	is_str(c.keeper_user, "", "keeper-user is the owner of users");
	is_str(c.tls_helper, "", "there is no TLS helper");
	is_str(c.tls_user, "stunnel4", "tls-user is stunnel4");
	is(c.plaintext_auth, CONF_PLAIN_AUTO, "plaintext-auth is auto");
	is(c.hide_users, false, "hide-users is no");
	is(c.apop, CONF_APOP_YES, "apop is yes");
	is(c.login_tries, 3, "login-tries is 3");
	is(c.login_pause, 2, "login-pause is 2");
	is_str(c.login_delay, "0", "login-delay is 0");
	is(c.login_penalty, 15, "login-penalty is 15");
	is(c.login_timeout, 120, "login-timeout is 120");
	is(c.idle_timeout, 600, "idle-timeout is 600");
	is(c.write_timeout, 300, "write-timeout is 300");
	is(c.max_sessions, 1000, "max-sessions is 1000");
	is(c.max_per_address, 100, "max-per-address is 100");
	is(c.max_per_user, 10, "max-per-user is 10");
	is_str(c.trusted, "127.0.0.0/8 ::1", "trusted is this machine");
	is(c.lock, CONF_LOCK_SESSION, "lock is session");
	is(c.mbox_quoting, CONF_QUOTING_NONE, "mbox-quoting is none");
	is_str(c.expire, "never", "expire is never");
	is(c.utf8_strict, false, "utf8-strict is no");
	is(c.show_version, false, "show-version is no");
	is(c.language, WORDS_ENGLISH, "language is en");
	is(c.log, CONF_LOG_AUTO, "log is auto");
	is(c.log_level, LOG_LEVEL_INFO, "log-level is info");
	(void)survives(&c, "the defaults");
	(void)point("the defaults are read back");

	text = printed(&c);
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		size_t len = strcspn(line, " "), i = 0;

		while (i < ROWS &&
		    (strlen(rows[i].keyword) != len ||
			memcmp(rows[i].keyword, line, len) != 0))
			i++;
		check(i < ROWS, "\"%s\" is not tested", line);
		lines++;
	}
	/* No default of listen is printed. */
	check(lines == ROWS - 1, "%zu lines for %d keywords", lines, ROWS);
	free(text);
	(void)point("every keyword has its row in this test");
}

static void
keywords(void)
{
	static struct conf c, before;
	char error[CONF_ERROR], option[2 * CONF_TEXT];

	for (size_t i = 0; i < ROWS; i++) {
		const char *keyword = rows[i].keyword;

		for (size_t k = 0; k < VALUES && rows[i].good[k] != NULL; k++) {
			const char *value = rows[i].good[k];

			conf_init(&c);
			check(conf_set(&c, keyword, value, error) == 0,
			    "%s %s: %s", keyword, value, error);
			(void)survives(&c, value);
			conf_init(&before);
			(void)snprintf(
			    option, sizeof(option), "%s=%s", keyword, value);
			check(conf_set_option(&before, option, error) == 0 &&
				same(&c, &before),
			    "-o %s", option);
		}
		(void)point("%s takes what it should", keyword);
		for (size_t k = 0; k < VALUES && rows[i].bad[k] != NULL; k++) {
			const char *value = rows[i].bad[k];

			conf_init(&c);
			before = c;
			error[0] = '\0';
			check(conf_set(&c, keyword, value, error) == -1 &&
				strncmp(error, keyword, strlen(keyword)) == 0,
			    "%s \"%s\": \"%s\"", keyword, value, error);
			check(same(&c, &before), "%s \"%s\" changed something",
			    keyword, value);
		}
		if (rows[i].bad[0] != NULL)
			(void)point("%s takes nothing else", keyword);
	}
}

static void
wrong_keywords(void)
{
	static const char *const wrong[] = { "", "user ", " user", "User",
		"users-", "use", "login_tries", "lognlevel", "%s%n",
		"a-very-long-keyword-that-nobody-would-ever-write-into-one" };
	static const char *const options[] = { "", "apop", "=yes", "apop:yes",
		"apop =yes", "apop= yes", "apop=yes=no" };
	static struct conf c, before;
	char error[CONF_ERROR], option[2000];

	conf_init(&c);
	before = c;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check(conf_set(&c, wrong[i], "yes", error) == -1 &&
			same(&c, &before),
		    "\"%s\"", wrong[i]);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		check(conf_set_option(&c, options[i], error) == -1 &&
			same(&c, &before),
		    "-o \"%s\"", options[i]);
	for (size_t len = 0; len < sizeof(option) - 5; len++) {
		memset(option, 'k', len);
		memcpy(option + len, "=yes", 5);
		check(conf_set_option(&c, option, error) == -1, "%zu octets",
		    len);
	}
	(void)point("keywords and options that are none");
}

/* Where the grammar is right, it is said what is not. */
static void
reasons(void)
{
	static const char *const wrong[][3] = {
		{ "login-delay", "5 bob=3 al=1 bob=4",
		    "login-delay says two things of bob" },
		{ "expire", "never al=30 al=never",
		    "expire says two things of al" },
		{ "login-delay", "5 bob=3 bob=4 x",
		    "login-delay is a number from 0 to 86400, then "
		    "USER=NUMBER for some" },
		{ "trusted", "::1 10.0.0.1/8",
		    "trusted wants the first address of a network: "
		    "192.0.2.0/24, not 192.0.2.1/24" },
		{ "trusted-proxies", "10.0.0.0/33",
		    "trusted-proxies wants numeric networks like "
		    "192.0.2.0/24, at most 32" },
	};
	static struct conf c;
	char error[CONF_ERROR];

	conf_init(&c);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check(conf_set(&c, wrong[i][0], wrong[i][1], error) == -1 &&
			strcmp(error, wrong[i][2]) == 0,
		    "%s %s: %s", wrong[i][0], wrong[i][1], error);
	(void)point("what is wrong with a value is said");
}

/* Whether a keyword is taken to mean row i, or another that is as near. */
static void
means(size_t i, const char *keyword)
{
	static struct conf c;
	char error[CONF_ERROR], want[CONF_ERROR];
	bool meant = false;

	for (size_t k = 0; k < ROWS; k++)
		if (strcmp(rows[k].keyword, keyword) == 0)
			return;
	conf_init(&c);
	(void)conf_set(&c, keyword, "yes", error);
	for (size_t k = 0; k < ROWS; k++) {
		(void)snprintf(want, sizeof(want),
		    "there is no setting \"%s\"; did you mean \"%s\"?", keyword,
		    rows[k].keyword);
		if (distance(rows[k].keyword, keyword) <=
			distance(rows[i].keyword, keyword) &&
		    strcmp(error, want) == 0)
			meant = true;
	}
	check(meant, "%s: %s", rows[i].keyword, error);
}

static void
guesses(void)
{
	char word[64];

	for (size_t i = 0; i < ROWS; i++) {
		const char *right = rows[i].keyword;
		size_t len = strlen(right);

		for (size_t at = 0; at < len; at++) {
			(void)snprintf(word, sizeof(word), "%.*s%s", (int)at,
			    right, right + at + 1);
			means(i, word);
			(void)snprintf(word, sizeof(word), "%.*sq%s", (int)at,
			    right, right + at);
			means(i, word);
			(void)snprintf(word, sizeof(word), "%s", right);
			word[at] = '_';
			means(i, word);
			if (at == 0)
				continue;
			word[at] = right[at - 1];
			word[at - 1] = right[at];
			means(i, word);
		}
	}
	(void)point("a slip of the finger in any keyword is understood");
}

/* Texts up to their limit, and what no line of a file could say. */
static void
texts(void)
{
	static const struct {
		const char *keyword;
		size_t size;
	} limits[] = { { "users", PATH_MAX }, { "pid-file", PATH_MAX },
		{ "user", CONF_TEXT }, { "keeper-user", CONF_TEXT } };
	static struct conf c, before;
	static char value[PATH_MAX + 10];
	char error[CONF_ERROR];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		for (size_t len = limits[i].size - 5; len < limits[i].size + 5;
		     len++) {
			memset(value, 'x', len);
			value[len] = '\0';
			conf_init(&c);
			check(conf_set(&c, limits[i].keyword, value, error) ==
				(len < limits[i].size ? 0 : -1),
			    "%s of %zu octets", limits[i].keyword, len);
			(void)survives(&c, limits[i].keyword);
		}
	(void)point("texts of every length around the limit");

	conf_init(&before);
	for (int c1 = 1; c1 < 256; c1++)
		for (int place = 0; place < 3; place++) {
			bool taken;

			memset(value, 'x', 3);
			value[3] = '\0';
			value[place] = (char)c1;
			c = before;
			taken = conf_set(&c, "users", value, error) == 0;
			if (taken)
				(void)survives(&c, value);
			else
				check(same(&c, &before), "changed");
			check(taken == (c1 > 0x20 && c1 != 0x7f) ||
				(c1 == ' ' && place == 1),
			    "octet %d in place %d", c1, place);
		}
	(void)point("whatever is taken as a text is read back");
}

static void
many_listeners(void)
{
	static struct conf c;
	char error[CONF_ERROR], value[32];

	conf_init(&c);
	for (int i = 0; i < CONF_LISTEN_MAX; i++) {
		(void)snprintf(
		    value, sizeof(value), "127.0.0.%d:%d", i, 1000 + i);
		check(conf_set(&c, "listen", value, error) == 0, "%s: %s",
		    value, error);
	}
	check(survives(&c, "listeners"), "survives");
	for (int i = 0; i < 3; i++)
		check(conf_set(&c, "listen", "*:110", error) == -1 &&
			c.listen_count == CONF_LISTEN_MAX,
		    "one too many");
	for (uint16_t i = 0; i < CONF_LISTEN_MAX; i++) {
		(void)snprintf(value, sizeof(value), "127.0.0.%d", i);
		check(strcmp(c.listen[i].address, value) == 0 &&
			c.listen[i].port == 1000 + i,
		    "listener %d is %s:%u", i, c.listen[i].address,
		    c.listen[i].port);
	}
	(void)point("%d listen lines, and no more", CONF_LISTEN_MAX);
}

/* A socket for each, or a name for several, would be in its own way. */
static void
same_places(void)
{
	static const struct {
		const char *first, *again, *printed;
	} places[] = {
		{ "110", "*:110", "listen *:110\n" },
		{ ":0110", "110 pop1", "listen *:110\n" },
		{ "[::1]:110", "[0:0::0001]:110 tls", "listen [::1]:110\n" },
		{ "[2001:DB8::A]:1", "[2001:db8:0::a]:1",
		    "listen [2001:db8::a]:1\n" },
		{ "1.2.3.4:5", "[::ffff:102:304]:5", "listen 1.2.3.4:5\n" },
		{ "[::ffff:1.2.3.4]:5", "[1.2.3.4]:5", "listen 1.2.3.4:5\n" },
	};
	static struct conf c;
	char error[CONF_ERROR], *text;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		conf_init(&c);
		check(conf_set(&c, "listen", places[i].first, error) == 0, "%s",
		    places[i].first);
		check(conf_set(&c, "listen", places[i].again, error) == -1 &&
			strstr(error, " twice") != NULL,
		    "%s and %s", places[i].first, places[i].again);
		text = printed(&c);
		check(strstr(text, places[i].printed) != NULL, "%s: %s",
		    places[i].first, text);
		free(text);
	}
	(void)point("a place is told again however it is written");
}

/* All addresses of a kind leave no place for one of it; the kernel says so late. */
static void
rivals(void)
{
	static const struct {
		const char *one, *other;
		bool collide;
	} pairs[] = {
		{ "*:110", "127.0.0.1:110", true },
		{ "*:110", "[::1]:110 tls", true },
		{ "*:110", "0.0.0.0:110", true },
		{ "*:110", "[::]:110 pop1", true },
		{ "0.0.0.0:110", "192.0.2.1:110", true },
		{ "[::]:110", "[2001:db8::a]:110", true },
		{ "0.0.0.0:110", "[::]:110", false },
		{ "[::]:110", "127.0.0.1:110", false },
		{ "0.0.0.0:110", "[::1]:110", false },
		{ "127.0.0.1:110", "127.0.0.2:110", false },
		{ "*:110", "127.0.0.1:111", false },
		{ "*:0", "127.0.0.1:0", false },
	};
	static struct conf c;
	char error[CONF_ERROR];

	for (size_t i = 0; i < 2 * sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *one = pairs[i / 2].one, *other = pairs[i / 2].other;
		bool taken;

		conf_init(&c);
		error[0] = '\0';
		check(conf_set(&c, "listen", i % 2 ? one : other, error) == 0,
		    "%s", error);
		taken = conf_set(&c, "listen", i % 2 ? other : one, error) == 0;
		check(taken != pairs[i / 2].collide &&
			taken == (strstr(error, " collides with ") == NULL),
		    "%s and %s: %s", one, other, error);
	}
	(void)point("all addresses, and one of them, on one port");
}

static void
files(void)
{
	static const char good[] = "# comment\n"
				   "\n"
				   "  \t \n"
				   "users /srv/a b/Users\t\n"
				   "\thide-users \t yes \r\n"
				   "#hide-users no\n"
				   "  # apop no\n"
				   "login-tries 5\n"
				   "login-tries 6\n"
				   "listen 127.0.0.1:1110\n"
				   "listen [::1]:1110\n"
				   "trusted\n"
				   "log-level debug";
	static const char bad[] = "apop maybe\n"
				  "login-tries 4\n"
				  "\n"
				  " \tnonsense\n"
				  "apop \t no # no comment\n"
				  "idle-timeout";
	static struct conf c;
	char want[1000], *said;

	conf_init(&c);
	is(read_text(&c, good, sizeof(good) - 1, &said), 0,
	    "a file with comments and blanks");
	is_str(said, "", "nothing is said of it");
	free(said);
	ok(strcmp(c.users, "/srv/a b/Users") == 0 && c.hide_users &&
		c.apop == CONF_APOP_YES && c.login_tries == 6 &&
		c.listen_count == 2 && c.trusted[0] == '\0' &&
		c.log_level == LOG_LEVEL_DEBUG,
	    "and all of it is in force");

	conf_init(&c);
	is(read_text(&c, bad, sizeof(bad) - 1, &said), 4,
	    "a file with four wrong lines");
	(void)snprintf(want, sizeof(want),
	    "%s:1:6: apop is one of: no yes auto\n"
	    "%s:4:3: there is no setting \"nonsense\"\n"
	    "%s:5:8: apop is one of: no yes auto\n"
	    "%s:6:13: idle-timeout is a number from 1 to 86400\n",
	    file_path, file_path, file_path, file_path);
	is_str(said, want, "each is told with its place");
	is(c.login_tries, 4, "what is right in it is in force");
	free(said);

	conf_init(&c);
	is(read_text(&c, "apop no\0really\n", 15, &said), 1,
	    "a line with a NUL is wrong");
	is(c.apop, CONF_APOP_YES, "and not cut short");
	free(said);

	errno = 0;
	ok(conf_read(&c, "/nonexistent/conf", stderr) == -1 && errno == ENOENT,
	    "a file that is not there");
	errno = 0;
	ok(conf_read(&c, "/", stderr) == -1 && errno == EISDIR,
	    "a directory is no file");
}

/* Lines of any octets: what is in force afterwards can be printed and read. */
static void
random_files(void)
{
	static const char octets[] = " \t\r\n#=.:[]*0123yesno\0\xff";
	static struct conf c;
	char text[400], *said;

	for (int round = 0; round < 3000; round++) {
		size_t len = 0;

		while (len < 300) {
			const char *keyword = rows[chance(ROWS)].keyword;

			if (chance(4) > 0) {
				memcpy(text + len, keyword, strlen(keyword));
				len += strlen(keyword);
				text[len++] = ' ';
			}
			for (size_t n = chance(12); n > 0; n--)
				text[len++] = chance_of(
				    octets, sizeof(octets) - 1);
			text[len++] = '\n';
		}
		conf_init(&c);
		check(read_text(&c, text, len, &said) >= 0, "an error");
		free(said);
		(void)survives(&c, "a random file");
	}
	(void)point("whatever a file brings into force is read back");
}

int
main(void)
{
	chance_open();
	file_fd = memfd_create("conf", MFD_CLOEXEC);
	need(file_fd != -1, "memfd_create");
	(void)snprintf(
	    file_path, sizeof(file_path), "/proc/self/fd/%d", file_fd);
	defaults();
	keywords();
	wrong_keywords();
	reasons();
	guesses();
	texts();
	many_listeners();
	same_places();
	rivals();
	files();
	random_files();
	return done();
}
