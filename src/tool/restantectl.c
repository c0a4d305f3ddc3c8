/* SPDX-License-Identifier: ISC */
/*
 * The administrator's tool: its command line, and who it runs as.  Started by
 * root it becomes the keeper, so that what it makes is the keeper's.
 * Runs as: restantectl.
 */

#include <sys/stat.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "fds.h"
#include "log.h"
#include "num.h"
#include "service.h"
#include "sig.h"
#include "tool.h"

/* What a command does: looks at processes, or reads mailboxes, or writes. */
enum access { WATCHES, READS, WRITES /* and needs .restante */ };

/* Any number of names; none, where that may be, means everybody. */
enum { MANY = INT_MAX };

/* clang-format off */
static const struct verb {
	const char *name;
	enum access access;
	int least, most; /* names of users, or of a user and a file */
	const char *options; /* their letters: see below */
	void (*run)(struct tool *);
	const char *arguments; /* for people */
} verbs[] = {
	{ "add",     WRITES,  1, 1, "ps", add_run,
	    "[--plain | --scram] user" },
	{ "check",   READS,   0, MANY, "j", check_run,
	    "[--json] [user ...]" },
	{ "compact", WRITES,  0, MANY, "j", compact_run,
	    "[--json] [user ...]" },
	{ "delete",  WRITES,  1, MANY, "y", delete_run,
	    "[--yes] user ..." },
	{ "deliver", WRITES,  1, 1, "fq", deliver_run,
	    "[-f sender] [--quota octets] user" },
	{ "export",  WRITES,  1, 2, "m", export_run,
	    "[--maildir] user [target]" },
	{ "import",  WRITES,  1, 2, "", import_run,
	    "user [source]" },
	{ "kick",    WATCHES, 1, MANY, "", kick_run,
	    "user ..." },
	{ "list",    READS,   0, MANY, "j", list_run,
	    "[--json] [user ...]" },
	{ "lock",    WRITES,  1, MANY, "", lock_run,
	    "user ..." },
	{ "passwd",  WRITES,  1, 1, "ps", passwd_run,
	    "[--plain | --scram] user" },
	{ "stats",   READS,   0, MANY, "jt", stats_run,
	    "[--json | --prometheus] [user ...]" },
	{ "unlock",  WRITES,  1, MANY, "", unlock_run,
	    "user ..." },
	{ "who",     WATCHES, 0, MANY, "j", who_run,
	    "[--json] [user ...]" },
};
/* clang-format on */

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: restantectl [-V] [-d users] [-f file] command [options]"
	    " [user ...]\n"
	    "commands:");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(stderr, "%s %s", i == 0 ? "" : ",", verbs[i].name);
	fprintf(stderr, "\n");
	exit(EX_USAGE);
}

static _Noreturn void
verb_usage(const struct verb *verb)
{
	fprintf(stderr, "usage: restantectl [-d users] [-f file] %s %s\n",
	    verb->name, verb->arguments);
	exit(EX_USAGE);
}

/* Ends the program for a reason of errno's. */
static _Noreturn void
cannot(struct tool *t, const char *path)
{
	int status = EX_OSERR;

	if (errno == ENOENT || errno == ENOTDIR)
		status = EX_NOINPUT;
	else if (errno == EACCES || errno == EPERM || errno == EROFS)
		status = EX_NOPERM;
	tool_complain(t, status, path, "%s", strerror(errno));
	exit(t->status);
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	fprintf(stderr, "restantectl: there is no command \"%s\"\n", name);
	usage();
}

/* What stands before the command. */
struct options {
	const char *file, *users;
};

static void
parse_options(int argc, char **argv, struct options *o)
{
	int opt;

	while ((opt = getopt(argc, argv, "+d:f:V")) != -1)
		switch (opt) {
		case 'd':
			o->users = optarg;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'V':
			printf("restantectl %s\n", VERSION);
			exit(EX_OK);
		default:
			usage();
		}
	if (optind == argc)
		usage();
}

/* A setting is wrong, which was told; mail must not go back for that. */
static _Noreturn void
misconfigured(const struct tool *t)
{
	exit(t->defers ? EX_TEMPFAIL : EX_CONFIG);
}

static void
read_conf(const struct options *o, const struct tool *t, struct conf *c)
{
	char error[CONF_ERROR];

	conf_init(c);
	if (conf_load(c, o->file, stderr) == -1)
		misconfigured(t);
	if (o->users == NULL || conf_set(c, "users", o->users, error) == 0)
		return;
	fprintf(stderr, "restantectl: %s\n", error);
	misconfigured(t);
}

/* Octets, or thousands, millions, thousands of millions of them. */
static uint64_t
parse_octets(const struct verb *verb, const char *text)
{
	static const char units[] = "kMG";
	size_t len = strlen(text);
	const char *unit = len == 0 ? NULL : strchr(units, text[len - 1]);
	uint64_t factor = 1, n;
	char digits[24];

	if (unit != NULL)
		len--;
	for (const char *u = units; unit != NULL && u <= unit; u++)
		factor *= 1000;
	if (snprintf(digits, sizeof(digits), "%.*s", (int)len, text) !=
		(int)len ||
	    num_parse(digits, UINT64_MAX / factor, &n) == -1 || n == 0) {
		fprintf(stderr, "restantectl: \"%s\" is no number of octets\n",
		    text);
		verb_usage(verb);
	}
	return n * factor;
}

static void
take_option(const struct verb *verb, int opt, struct tool *t)
{
	switch (opt) {
	case 'f':
		t->sender = optarg;
		break;
	case 'j':
		t->json = true;
		break;
	case 'm':
		t->maildir = true;
		break;
	case 'p':
		t->make_line = secret_make_plain;
		break;
	case 'q':
		t->quota = parse_octets(verb, optarg);
		break;
	case 's':
		t->make_line = secret_make_scram;
		break;
	case 't':
		t->prometheus = true;
		break;
	case 'y':
		t->yes = true;
		break;
	}
}

/* What is behind the command: options and names, in any order. */
static void
parse_arguments(int argc, char **argv, const struct verb *verb, struct tool *t)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "maildir", no_argument, NULL, 'm' },
		{ "plain", no_argument, NULL, 'p' },
		{ "prometheus", no_argument, NULL, 't' },
		{ "quota", required_argument, NULL, 'q' },
		{ "scram", no_argument, NULL, 's' },
		{ "yes", no_argument, NULL, 'y' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	optind = 0; /* starts anew, and takes options behind names */
	while ((opt = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (opt == '?' || strchr(verb->options, opt) == NULL)
			verb_usage(verb);
		take_option(verb, opt, t);
	}
	t->names = argv + optind;
	t->count = (size_t)(argc - optind);
	t->everybody = t->count == 0;
	if (argc - optind < verb->least || argc - optind > verb->most)
		verb_usage(verb);
}

static void
name_everybody(struct tool *t)
{
	if (tool_read_names(t->users.fd, &t->names, &t->count) == -1)
		cannot(t, t->path);
}

/* Opens the directory as whoever started this, and goes on as the keeper. */
static void
open_users(const struct conf *c, const struct verb *verb, struct tool *t)
{
	char place[sizeof(c->users) + sizeof("/.restante")];
	struct confine_identity keeper;

	t->path = c->users;
	if (users_look(&t->users, c->users) == -1) {
		(void)snprintf(place, sizeof(place), "%s%s", c->users,
		    t->users.fd == -1 ? "" : "/.restante");
		cannot(t, place);
	}
	/* Only root sees what other processes are doing. */
	if (geteuid() == 0 && verb->access != WATCHES) {
		if (service_find_keeper(c, t->users.fd, &keeper) == -1)
			misconfigured(t);
		confine_become(&keeper);
	}
}

int
main(int argc, char **argv)
{
	static struct tool t = { .make_line = secret_make_crypt };
	static struct conf c;
	struct options o = { .file = NULL };
	const struct verb *verb;

	log_set_name("restantectl");
	/* A complaint must not be written into a mailbox. */
	if (fds_fill() == -1)
		fatal("descriptors 0, 1 and 2");
	parse_options(argc, argv, &o);
	verb = find_verb(argv[optind]);
	argc -= optind;
	argv += optind;
	parse_arguments(argc, argv, verb, &t);
	t.defers = verb->run == deliver_run;
	log_set_failure(t.defers ? EX_TEMPFAIL : EX_OSERR);
	read_conf(&o, &t, &c);

	(void)umask(077);
	sig_catch_bus();
	/* A limit that a mail system sets is an error as any other. */
	(void)signal(SIGXFSZ, SIG_IGN);
	t.lock_update = c.lock == CONF_LOCK_UPDATE;
	t.mailbox.unquote = c.mbox_quoting == CONF_QUOTING_MBOXRD;
	open_users(&c, verb, &t);
	if (verb->access == WRITES && users_make_state(&t.users) == -1)
		cannot(&t, c.users);
	if (verb->access != WATCHES &&
	    service_check_state(&c, &t.users, geteuid()) == -1) {
		tool_status(&t, EX_NOPERM);
		return t.status;
	}
	if (t.everybody)
		name_everybody(&t);
	verb->run(&t);
	if (fflush(stdout) == EOF || ferror(stdout))
		tool_complain(&t, EX_IOERR, "writing", "%s", strerror(errno));
	return t.status;
}
