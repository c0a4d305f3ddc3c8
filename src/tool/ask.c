/* SPDX-License-Identifier: ISC */
/* Questions to who started the tool.  Runs as: restantectl. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ask.h"

enum { INTERRUPT = 3 }; /* ^C */

static const char no_line[] = "there is no password";

/* Reads one line from the standard input.  Returns as ask_password(). */
static const char *
read_line(char *line, size_t size)
{
	size_t len = 0;
	char c = '\0';
	ssize_t n;

	/* One at a time: what follows may be for somebody else. */
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (c == INTERRUPT)
			return no_line;
		if (len < size)
			line[len] = c;
		len++;
	}
	if (n == -1 || (n == 0 && len == 0))
		return no_line;
	if (len >= size)
		return "the password is longer than a client can say";
	line[len] = '\0';
	return strlen(line) == len
	    ? NULL
	    : "the password has a control character in it";
}

/*
 * ^C ends the line and not the program, which could not put the terminal right
 * any more; neither do other signals while it is silent.
 */
static const char *
ask_silently(const char *question, char *line, size_t size)
{
	struct termios before, silent;
	const char *wrong;
	sigset_t all, old;

	if (tcgetattr(STDIN_FILENO, &before) == -1)
		return no_line;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
	silent.c_lflag |= ICANON;
	silent.c_cc[VEOL] = INTERRUPT;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s: ", question);
	wrong = read_line(line, size);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fprintf(stderr, "\n");
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return wrong;
}

const char *
ask_password(char *line, size_t size)
{
	char again[ASK_PASSWORD];
	const char *wrong;

	if (!isatty(STDIN_FILENO))
		return read_line(line, size);
	wrong = ask_silently("New password", line, size);
	if (wrong != NULL)
		return wrong;
	wrong = ask_silently("Once more", again, sizeof(again));
	if (wrong == NULL && strcmp(line, again) != 0)
		wrong = "the two passwords are not the same";
	explicit_bzero(again, sizeof(again));
	return wrong;
}

bool
ask_whether(const char *question)
{
	char answer[16] = "";

	fprintf(stderr, "%s [y/N] ", question);
	return read_line(answer, sizeof(answer)) == NULL &&
	    (strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0);
}
