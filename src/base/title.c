/* SPDX-License-Identifier: ISC */
/* What ps shows of a process: its command line, overwritten in place. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "title.h"

static char *area;
static size_t area_size;

void
title_init(int argc, char **argv)
{
	char *end = argv[0], **moved;
	size_t n = 0;

	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	while (environ[n] != NULL)
		n++;
	moved = calloc(n + 1, sizeof(*moved));
	if (moved == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (environ[i] == end)
			end += strlen(environ[i]) + 1;
		moved[i] = strdup(environ[i]);
		if (moved[i] == NULL) {
			free(moved);
			return; /* the command line stays as it is */
		}
	}
	environ = moved;
	area = argv[0];
	area_size = (size_t)(end - argv[0]);
}

void
title_set(const char *fmt, ...)
{
	char text[128];
	va_list ap;
	int n;

	if (area_size == 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	memset(area, '\0', area_size);
	(void)snprintf(area, area_size, "restante: %s", text);
}
