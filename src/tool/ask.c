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

enum ask_status
ask_line(char *line, size_t size)
{
	size_t len = 0;
	char c = '\0';
	ssize_t n;

	/* One at a time: what follows may be for somebody else. */
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (c == INTERRUPT)
			return ASK_END;
		if (len < size)
			line[len] = c;
		len++;
	}
	if (n == -1 || (n == 0 && len == 0))
		return ASK_END;
	if (len >= size)
		return ASK_LONG;
	line[len] = '\0';
	return strlen(line) == len ? ASK_OK : ASK_NUL;
}

/*
 * ^C ends the line and not the program, which could not put the terminal right
 * any more; neither do other signals while it is silent.
 */
static enum ask_status
ask_silently(const char *question, char *line, size_t size)
{
	struct termios before, silent;
	enum ask_status status;
	sigset_t all, old;

	if (tcgetattr(STDIN_FILENO, &before) == -1)
		return ASK_END;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
	silent.c_lflag |= ICANON;
	silent.c_cc[VEOL] = INTERRUPT;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s: ", question);
	status = ask_line(line, size);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fprintf(stderr, "\n");
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

enum ask_status
ask_password(char *line, size_t size)
{
	char again[ASK_PASSWORD];
	enum ask_status status;

	if (!isatty(STDIN_FILENO))
		return ask_line(line, size);
	status = ask_silently("New password", line, size);
	if (status != ASK_OK)
		return status;
	status = ask_silently("Once more", again, sizeof(again));
	if (status == ASK_OK && strcmp(line, again) != 0)
		status = ASK_DIFFERS;
	explicit_bzero(again, sizeof(again));
	return status;
}

bool
ask_whether(const char *question)
{
	char answer[16] = "";

	fprintf(stderr, "%s [y/N] ", question);
	return ask_line(answer, sizeof(answer)) == ASK_OK &&
	    (strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0);
}
