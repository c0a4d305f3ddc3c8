/* SPDX-License-Identifier: ISC */
/* The command line.  Runs as: master. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "options.h"

enum { OPTION_INETD = 256, OPTION_POP1 };

static const char options[] = "1:bd:f:l:no:p:TvV";
static const struct option long_options[] = {
	{ "inetd", no_argument, NULL, OPTION_INETD },
	{ "pop1", no_argument, NULL, OPTION_POP1 },
	{ NULL, 0, NULL, 0 },
};

static char **
copy(int argc, char **argv)
{
	char **words = calloc((size_t)argc + 1, sizeof(*words));

	if (words == NULL)
		fatal("memory");
	for (int i = 0; i < argc; i++) {
		words[i] = strdup(argv[i]);
		if (words[i] == NULL)
			fatal("memory");
	}
	return words;
}

/* First pass: which file, and what to do. */
int
options_read(struct options *o, int argc, char **argv)
{
	int opt;

	*o = (struct options){ .argc = argc, .argv = copy(argc, argv) };
	while ((opt = getopt_long(
		    o->argc, o->argv, options, long_options, NULL)) != -1)
		switch (opt) {
		case 'b':
			o->background = true;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'n':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			printf("restante %s\n", VERSION);
			exit(0);
		case OPTION_INETD:
			o->inetd = true;
			break;
		case OPTION_POP1:
			o->pop1 = true;
			break;
		case '1':
		case 'd':
		case 'l':
		case 'o':
		case 'p':
			break; /* settings: behind the file's */
		default:
			return -1;
		}
	return optind == argc ? 0 : -1;
}

/* Where the command line wants to listen. */
struct places {
	const char *address[CONF_LISTEN_MAX + 1];
	size_t count;
	const char *port, *pop1_port;
};

static int
listen_at(struct conf *c, const struct places *p, const char *port,
    const char *protocol, char error[CONF_ERROR])
{
	char listen[CONF_TEXT];

	for (size_t i = 0; i < p->count; i++) {
		const char *address = p->address[i];
		bool six = address[0] != '[' && strchr(address, ':') != NULL;
		int n;

		n = snprintf(listen, sizeof(listen), "%s%s%s:%s%s",
		    six ? "[" : "", address, six ? "]" : "", port, protocol);
		if (n < 0 || (size_t)n >= sizeof(listen)) {
			(void)snprintf(
			    error, CONF_ERROR, "an address is too long");
			return -1;
		}
		if (conf_set(c, "listen", listen, error) == -1)
			return -1;
	}
	return 0;
}

/* -l and -p take the place of what the file says; -1 adds to either. */
static int
listen_where_told(struct conf *c, struct places *p, char error[CONF_ERROR])
{
	bool instead = p->count > 0 || p->port != NULL;

	if (instead)
		c->listen_count = 0;
	if (p->count == 0)
		p->address[p->count++] = "*";
	if ((instead || c->listen_count == 0) &&
	    listen_at(c, p, p->port == NULL ? "110" : p->port, "", error) == -1)
		return -1;
	return p->pop1_port == NULL
	    ? 0
	    : listen_at(c, p, p->pop1_port, " pop1", error);
}

/* Second pass: settings of the command line win over those of the file. */
static int
set_all(const struct options *o, struct conf *c, char error[CONF_ERROR])
{
	struct places p = { .count = 0 };
	int opt, status = 0;

	optind = 1;
	while (status == 0 &&
	    (opt = getopt_long(
		 o->argc, o->argv, options, long_options, NULL)) != -1)
		if (opt == 'd')
			status = conf_set(c, "users", optarg, error);
		else if (opt == 'o')
			status = conf_set_option(c, optarg, error);
		else if (opt == 'p')
			p.port = optarg;
		else if (opt == '1')
			p.pop1_port = optarg;
		else if (opt == 'l' && p.count <= CONF_LISTEN_MAX)
			p.address[p.count++] = optarg;
	if (o->verbose)
		c->log_level = LOG_LEVEL_DEBUG;
	return status == 0 ? listen_where_told(c, &p, error) : -1;
}

static int
make_conf(const struct options *o, struct conf *c, FILE *err)
{
	char error[CONF_ERROR];

	conf_init(c);
	if (conf_load(c, o->file, err) == -1)
		return -1;
	if (set_all(o, c, error) == 0)
		return 0;
	fprintf(err, "command line: %s\n", error);
	return -1;
}

int
options_conf(const struct options *o, struct conf *c, FILE *err)
{
	char *said = NULL, *rest;
	size_t len = 0;
	FILE *f;
	int status;

	if (err != NULL)
		return make_conf(o, c, err);
	f = open_memstream(&said, &len);
	if (f == NULL) {
		log_warn("reading the configuration");
		return -1;
	}
	status = make_conf(o, c, f);
	(void)fclose(f);
	rest = said;
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			log_warnx("configuration: %s", line);
	free(said);
	return status;
}
