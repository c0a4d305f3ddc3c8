/* SPDX-License-Identifier: ISC */
/* The configuration.  Runs as: master. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "conf.h"
#include "distance.h"
#include "num.h"

enum kind { TEXT, YES_NO, NUMBER, CHOICE, SEVERAL, PER_USER, NETWORKS, LISTEN };

struct keyword {
	const char *name;
	enum kind kind;
	size_t offset;     /* of its member in struct conf */
	uint64_t min, max; /* of a number; of a text: least octets, size */
	const char *words; /* to choose one or several of, as in their enum */
	const char *standard;
};

#define AT(member)   offsetof(struct conf, member)
#define SIZE(member) 0, sizeof(((struct conf *)0)->member)
#define SOME(member) 1, sizeof(((struct conf *)0)->member)

#define MECHANISMS "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 auto"

/* clang-format off */
static const struct keyword keywords[] = {
	{ "users",         TEXT,   AT(users), SOME(users), NULL, "Users" },
	{ "listen",        LISTEN, AT(listen), 0, 0, NULL, NULL },
	{ "user",          TEXT,   AT(user), SOME(user), NULL, "restante" },
	{ "keeper-user",   TEXT,   AT(keeper_user), SIZE(keeper_user), NULL, "" },
	{ "pid-file",      TEXT,   AT(pid_file), SOME(pid_file), NULL, "/run/restante.pid" },
	{ "hide-users",    YES_NO, AT(hide_users), 0, 0, NULL, "no" },
	{ "apop",          CHOICE, AT(apop), 0, 0, "no yes auto", "yes" },
	{ "mechanisms",    SEVERAL, AT(mechanisms), 0, 0, MECHANISMS, "auto" },
	{ "tls-helper",    TEXT,   AT(tls_helper), SIZE(tls_helper), NULL, "" },
	{ "tls-certificate", TEXT, AT(tls_certificate), SIZE(tls_certificate), NULL, "" },
	{ "tls-key",       TEXT,   AT(tls_key), SIZE(tls_key), NULL, "" },
	{ "tls-user",      TEXT,   AT(tls_user), SOME(tls_user), NULL, "stunnel4" },
	{ "plaintext-auth", CHOICE, AT(plaintext_auth), 0, 0, "yes tls auto", "auto" },
	{ "login-tries",   NUMBER, AT(login_tries), 1, 100, NULL, "3" },
	{ "login-pause",   NUMBER, AT(login_pause), 0, 60, NULL, "2" },
	{ "login-penalty", NUMBER, AT(login_penalty), 0, 60, NULL, "15" },
	{ "login-delay",   PER_USER, AT(login_delay), 0, 86400, NULL, "0" },
	{ "login-timeout", NUMBER, AT(login_timeout), 1, 86400, NULL, "120" },
	{ "idle-timeout",  NUMBER, AT(idle_timeout), 1, 86400, NULL, "600" },
	{ "write-timeout", NUMBER, AT(write_timeout), 1, 86400, NULL, "300" },
	{ "max-sessions",  NUMBER, AT(max_sessions), 1, 100000, NULL, "1000" },
	{ "max-per-address", NUMBER, AT(max_per_address), 1, 100000, NULL, "100" },
	{ "max-per-user",  NUMBER, AT(max_per_user), 1, 1000, NULL, "10" },
	{ "trusted",       NETWORKS, AT(trusted), SIZE(trusted), NULL, "127.0.0.0/8 ::1" },
	{ "trusted-proxies", NETWORKS, AT(trusted_proxies), SIZE(trusted_proxies), NULL, "" },
	{ "lock",          CHOICE, AT(lock), 0, 0, "session update", "session" },
	{ "mbox-quoting",  CHOICE, AT(mbox_quoting), 0, 0, "none mboxrd", "none" },
	{ "expire",        PER_USER, AT(expire), 1, 36500, "never", "never" },
	{ "utf8-strict",   YES_NO, AT(utf8_strict), 0, 0, NULL, "no" },
	{ "show-version",  YES_NO, AT(show_version), 0, 0, NULL, "no" },
	{ "language",      CHOICE, AT(language), 0, 0, "en de fr es it nl", "en" },
	{ "log",           CHOICE, AT(log), 0, 0, "auto stderr syslog", "auto" },
	{ "log-level",     CHOICE, AT(log_level), 0, 0, "error warn info debug", "info" },
};
/* clang-format on */

static const char blanks[] = " \t\r\n";

enum { KEYWORDS = sizeof(keywords) / sizeof(keywords[0]) };

static void *
member(struct conf *c, const struct keyword *k)
{
	return (char *)c + k->offset;
}

__attribute__((format(printf, 2, 3))) static int
complain(char error[CONF_ERROR], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(error, CONF_ERROR, fmt, ap);
	va_end(ap);
	return -1;
}

/* The n-th word of words into buf; false when there are not so many. */
static bool
nth_word(const char *words, uint64_t n, char *buf, size_t size)
{
	size_t len;

	for (; n > 0; n--) {
		words = strchr(words, ' ');
		if (words == NULL)
			return false;
		words++;
	}
	len = strcspn(words, " ");
	if (len >= size)
		len = size - 1;
	memcpy(buf, words, len);
	buf[len] = '\0';
	return true;
}

static int
set_choice(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	char word[32];

	for (uint64_t n = 0; nth_word(k->words, n, word, sizeof(word)); n++)
		if (strcmp(word, value) == 0) {
			*(uint64_t *)member(c, k) = n;
			return 0;
		}
	return complain(error, "%s is one of: %s", k->name, k->words);
}

/* Words between blanks, or none at all: a bit for each. */
static int
set_several(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	uint64_t bits = 0;
	char word[32];

	for (value += strspn(value, blanks); *value != '\0';
	     value += strspn(value, blanks)) {
		size_t len = strcspn(value, blanks);
		uint64_t n = 0;

		while (nth_word(k->words, n, word, sizeof(word)) &&
		    (strlen(word) != len || strncmp(word, value, len) != 0))
			n++;
		if (!nth_word(k->words, n, word, sizeof(word)))
			return complain(
			    error, "%s are some of: %s", k->name, k->words);
		bits |= UINT64_C(1) << n;
		value += len;
	}
	*(uint64_t *)member(c, k) = bits;
	return 0;
}

static int
set_number(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	uint64_t n;

	if (num_parse(value, k->max, &n) == -1 || n < k->min)
		return complain(error, "%s is a number from %ju to %ju",
		    k->name, (uintmax_t)k->min, (uintmax_t)k->max);
	*(uint64_t *)member(c, k) = n;
	return 0;
}

static int
set_truth(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return complain(error, "%s is yes or no", k->name);
	*(bool *)member(c, k) = strcmp(value, "yes") == 0;
	return 0;
}

/* Whether a line of a file can say it, and conf_print() thus print it. */
static bool
is_sayable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return len == 0 || (text[0] != ' ' && text[len - 1] != ' ');
}

static int
set_text(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	size_t len = strlen(value);

	if (len < k->min)
		return complain(error, "%s needs a value", k->name);
	if (len >= k->max)
		return complain(error, "%s is too long", k->name);
	if (!is_sayable(value, len))
		return complain(error,
		    "%s has no control characters, nor blanks at its ends",
		    k->name);
	memcpy(member(c, k), value, len + 1);
	return 0;
}

/* Whether it is a value for everybody, then perhaps others for some. */
static bool
is_per_user(const struct keyword *k, const char *value)
{
	const char *rest = value;
	struct peruser p;
	int status, words;

	for (words = 0; (status = peruser_next(&rest, &p)) == 1; words++) {
		if ((words == 0) != (p.name[0] == '\0'))
			return false;
		if (p.value == PERUSER_NEVER
			? k->words == NULL
			: p.value < k->min || p.value > k->max)
			return false;
	}
	return status == 0 && words > 0;
}

/* Whether it says two things of a user, and of whom. */
static bool
contradicts_itself(const char *value, struct peruser *p)
{
	const char *rest = value;

	while (peruser_next(&rest, p) == 1)
		if (p->value != peruser_of(value, p->name))
			return true;
	return false;
}

static int
set_per_user(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	size_t len = strlen(value);
	struct peruser p;

	if (len >= PERUSER_SIZE)
		return complain(error, "%s is too long", k->name);
	if (!is_per_user(k, value) || !is_sayable(value, len))
		return complain(error,
		    "%s is %sa number from %ju to %ju, then USER=NUMBER for "
		    "some",
		    k->name, k->words == NULL ? "" : "never or ",
		    (uintmax_t)k->min, (uintmax_t)k->max);
	if (contradicts_itself(value, &p))
		return complain(
		    error, "%s says two things of %s", k->name, p.name);
	memcpy(member(c, k), value, len + 1);
	return 0;
}

static int
set_networks(struct conf *c, const struct keyword *k, const char *value,
    char error[CONF_ERROR])
{
	struct networks ns;

	if (networks_parse(value, &ns) == 0)
		return set_text(c, k, value, error);
	if (errno == EDOM)
		return complain(error,
		    "%s wants the first address of a network: 192.0.2.0/24, "
		    "not 192.0.2.1/24",
		    k->name);
	return complain(error,
	    "%s wants numeric networks like 192.0.2.0/24, at most %d", k->name,
	    ADDRESS_NETWORKS);
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT", "*:PORT", ":PORT", "PORT". */
static int
read_address(struct conf_listen *l, const char *value, char error[CONF_ERROR])
{
	const char *colon = strrchr(value, ':');
	const char *port = colon == NULL ? value : colon + 1;
	size_t len = colon == NULL ? 0 : (size_t)(colon - value);
	struct address a;
	uint64_t n;

	if (num_parse(port, UINT16_MAX, &n) == -1)
		return complain(error,
		    "listen wants ADDRESS:PORT, the port a "
		    "number up to 65535");
	if (len >= 2 && value[0] == '[' && value[len - 1] == ']') {
		value++;
		len -= 2;
	} else if (len == 1 && value[0] == '*') {
		len = 0;
	}
	if (len >= sizeof(l->address))
		return complain(error, "listen: the address is too long");
	memcpy(l->address, value, len);
	l->address[len] = '\0';
	if (len > 0) {
		if (address_parse(l->address, &a) == -1)
			return complain(error,
			    "listen wants a numeric address, "
			    "[...] around one of IPv6");
		/* As all write it: one place is to be said once. */
		address_text(&a, l->address);
	}
	l->port = (uint16_t)n;
	return 0;
}

/* Whether one address, "" for all, is the other or has it among others. */
static bool
covers(const char *all, const char *a)
{
	bool six = strchr(a, ':') != NULL;

	return all[0] == '\0' || strcmp(all, a) == 0 ||
	    strcmp(all, six ? "::" : "0.0.0.0") == 0;
}

/* The line that leaves another no place, or NULL. */
static const struct conf_listen *
find_rival(const struct conf *c, const struct conf_listen *l)
{
	for (uint64_t i = 0; i < c->listen_count; i++)
		if (l->port != 0 && c->listen[i].port == l->port &&
		    (covers(c->listen[i].address, l->address) ||
			covers(l->address, c->listen[i].address)))
			return &c->listen[i];
	return NULL;
}

/* What stands behind an address: each word once, in any order. */
static bool
set_flag(struct conf_listen *l, const char *word)
{
	if (strcmp(word, "pop1") == 0 && l->protocol != PROTOCOL_POP1)
		l->protocol = PROTOCOL_POP1;
	else if (strcmp(word, "tls") == 0 && !l->tls)
		l->tls = true;
	else if (strcmp(word, "proxy") == 0 && !l->proxy)
		l->proxy = true;
	else
		return false;
	return true;
}

/* Where, and what is spoken there. */
static int
add_listen(struct conf *c, const char *value, char error[CONF_ERROR])
{
	struct conf_listen *l = &c->listen[c->listen_count];
	const struct conf_listen *rival;
	char words[CONF_TEXT], *rest = words;
	const char *where, *word;
	size_t len = strlen(value);

	if (c->listen_count == CONF_LISTEN_MAX)
		return complain(
		    error, "at most %d listen lines", CONF_LISTEN_MAX);
	if (len >= sizeof(words))
		return complain(error, "listen: too long");
	memcpy(words, value, len + 1);
	where = strsep(&rest, blanks);
	*l = (struct conf_listen){ .protocol = PROTOCOL_POP3 };
	if (read_address(l, where, error) == -1)
		return -1;
	while ((word = strsep(&rest, blanks)) != NULL)
		if (*word != '\0' && !set_flag(l, word))
			return complain(error,
			    "listen: only pop1, tls and proxy may follow "
			    "ADDRESS:PORT, not \"%.64s\"",
			    word);
	rival = find_rival(c, l);
	if (rival != NULL && strcmp(rival->address, l->address) == 0)
		return complain(error, "listen: %s twice", where);
	if (rival != NULL)
		return complain(error,
		    "listen: %s collides with the line for port %u of %s",
		    where, rival->port,
		    rival->address[0] == '\0' ? "all addresses"
					      : rival->address);
	c->listen_count++;
	return 0;
}

static const struct keyword *
find(const char *keyword)
{
	for (const struct keyword *k = keywords; k < keywords + KEYWORDS; k++)
		if (strcmp(k->name, keyword) == 0)
			return k;
	return NULL;
}

/* There is no such setting: says so, and what may have been meant. */
static int
guess(const char *keyword, char error[CONF_ERROR])
{
	const struct keyword *best = keywords;

	for (const struct keyword *k = keywords; k < keywords + KEYWORDS; k++)
		if (distance(k->name, keyword) < distance(best->name, keyword))
			best = k;
	if (distance(best->name, keyword) > 1 + strlen(keyword) / 4)
		return complain(
		    error, "there is no setting \"%.64s\"", keyword);
	return complain(error,
	    "there is no setting \"%.64s\"; did you mean \"%s\"?", keyword,
	    best->name);
}

int
conf_set(struct conf *c, const char *keyword, const char *value,
    char error[CONF_ERROR])
{
	const struct keyword *k = find(keyword);

	if (k == NULL)
		return guess(keyword, error);
	switch (k->kind) {
	case TEXT:
		return set_text(c, k, value, error);
	case YES_NO:
		return set_truth(c, k, value, error);
	case NUMBER:
		return set_number(c, k, value, error);
	case CHOICE:
		return set_choice(c, k, value, error);
	case SEVERAL:
		return set_several(c, k, value, error);
	case PER_USER:
		return set_per_user(c, k, value, error);
	case NETWORKS:
		return set_networks(c, k, value, error);
	case LISTEN:
		break;
	}
	return add_listen(c, value, error);
}

int
conf_set_option(struct conf *c, const char *option, char error[CONF_ERROR])
{
	const char *equals = strchr(option, '=');
	char keyword[CONF_TEXT];
	size_t len = equals == NULL ? 0 : (size_t)(equals - option);

	if (equals == NULL || len >= sizeof(keyword))
		return complain(error, "-o wants KEYWORD=VALUE");
	memcpy(keyword, option, len);
	keyword[len] = '\0';
	return conf_set(c, keyword, equals + 1, error);
}

void
conf_init(struct conf *c)
{
	char error[CONF_ERROR];

	memset(c, 0, sizeof(*c));
	for (const struct keyword *k = keywords; k < keywords + KEYWORDS; k++)
		if (k->standard != NULL &&
		    conf_set(c, k->name, k->standard, error) == -1)
			fatalx("default: %s", error);
}

/*
 * Takes a line apart and obeys it.  Returns 0, or the column, from 1, of what is
 * wrong, with error set.
 */
static size_t
read_line(struct conf *c, char *line, size_t len, char error[CONF_ERROR])
{
	const char *nul = memchr(line, '\0', len);
	char *keyword, *value;

	if (nul != NULL) {
		(void)complain(error, "a line with a NUL in it");
		return (size_t)(nul - line) + 1;
	}
	while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
		line[--len] = '\0';
	keyword = line + strspn(line, blanks);
	if (*keyword == '\0' || *keyword == '#')
		return 0;
	value = keyword + strcspn(keyword, blanks);
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, blanks);
	if (conf_set(c, keyword, value, error) == 0)
		return 0;
	return (size_t)((find(keyword) ? value : keyword) - line) + 1;
}

int
conf_read(struct conf *c, const char *path, FILE *err)
{
	FILE *f = fopen(path, "re");
	char error[CONF_ERROR], *line = NULL;
	size_t size = 0, column;
	ssize_t len;
	int number = 0, wrong = 0;

	if (f == NULL)
		return -1;
	while ((len = getline(&line, &size, f)) != -1) {
		number++;
		column = read_line(c, line, (size_t)len, error);
		if (column == 0)
			continue;
		fprintf(err, "%s:%d:%zu: %s\n", path, number, column, error);
		wrong++;
	}
	if (ferror(f))
		wrong = -1;
	free(line);
	(void)fclose(f);
	return wrong;
}

int
conf_load(struct conf *c, const char *file, FILE *err)
{
	const char *path = file == NULL ? SYSCONFDIR "/restante.conf" : file;
	int bad = conf_read(c, path, err);

	if (bad != -1)
		return bad == 0 ? 0 : -1;
	if (file == NULL && errno == ENOENT)
		return 0;
	fprintf(err, "%s: %s\n", path, strerror(errno));
	return -1;
}

static void
print_listen(const struct conf_listen *l, const char *name, FILE *out)
{
	bool six = strchr(l->address, ':') != NULL;

	fprintf(out, "%s %s%s%s:%u%s%s%s\n", name, six ? "[" : "",
	    l->address[0] ? l->address : "*", six ? "]" : "", l->port,
	    l->protocol == PROTOCOL_POP1 ? " pop1" : "", l->tls ? " tls" : "",
	    l->proxy ? " proxy" : "");
}

static void
print_several(uint64_t bits, const struct keyword *k, FILE *out)
{
	char word[32];

	fputs(k->name, out);
	for (uint64_t n = 0; nth_word(k->words, n, word, sizeof(word)); n++)
		if ((bits >> n & 1) != 0)
			fprintf(out, " %s", word);
	fputs("\n", out);
}

static void
print(const struct conf *c, const struct keyword *k, FILE *out)
{
	const void *at = (const char *)c + k->offset;
	const uint64_t *number = at;
	const bool *truth = at;
	const char *text = at;
	char word[32];

	switch (k->kind) {
	case TEXT:
	case PER_USER:
	case NETWORKS:
		fprintf(out, "%s %s\n", k->name, text);
		break;
	case YES_NO:
		fprintf(out, "%s %s\n", k->name, *truth ? "yes" : "no");
		break;
	case NUMBER:
		fprintf(out, "%s %ju\n", k->name, (uintmax_t)*number);
		break;
	case CHOICE:
		if (nth_word(k->words, *number, word, sizeof(word)))
			fprintf(out, "%s %s\n", k->name, word);
		break;
	case SEVERAL:
		print_several(*number, k, out);
		break;
	case LISTEN:
		for (uint64_t i = 0; i < c->listen_count; i++)
			print_listen(&c->listen[i], k->name, out);
		break;
	}
}

void
conf_print(const struct conf *c, FILE *out)
{
	for (const struct keyword *k = keywords; k < keywords + KEYWORDS; k++)
		print(c, k, out);
}
