/* SPDX-License-Identifier: ISC */
/* Questions to who started the tool.  Runs as: restantectl. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>

enum { ASK_PASSWORD = 1024 };

/*
 * A new password of at most ASK_PASSWORD octets: asked for twice where that is a
 * terminal, which does not show it; else one line.  Returns what is wrong with it,
 * or NULL.
 */
const char *ask_password(char *line, size_t size);

/* A question on the terminal; only "y" and "yes" mean yes. */
bool ask_whether(const char *question);

#endif
