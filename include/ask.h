/* SPDX-License-Identifier: ISC */
/* Questions to who started the tool.  Runs as: restantectl. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>

enum { ASK_PASSWORD = 1024 };

enum ask_status {
	ASK_OK,
	ASK_END,  /* there is no line, or somebody pressed ^C */
	ASK_LONG, /* it does not fit */
	ASK_NUL,  /* there is one in it */
	ASK_DIFFERS,
};

/* Reads one line from the standard input, without its LF. */
enum ask_status ask_line(char *line, size_t size);

/*
 * A new password of at most ASK_PASSWORD octets: asked for twice where that is a
 * terminal, which does not show it; else one line.
 */
enum ask_status ask_password(char *line, size_t size);

/* A question on the terminal; only "y" and "yes" mean yes. */
bool ask_whether(const char *question);

#endif
