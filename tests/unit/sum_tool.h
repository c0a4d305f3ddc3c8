/* SPDX-License-Identifier: ISC */
/* A hash beside what a program of the system says: md5sum, sha256sum. */
#ifndef SUM_TOOL_H
#define SUM_TOOL_H

#include "scratch.h"
#include "tap.h"

enum { SUM_TOOL_HEX = 65 };

/* Compares the first octets of text, for each length below size. */
static inline void
sum_tool_compare(const char *tool, const unsigned char *text, size_t size,
    void (*hash)(const void *, size_t, char hex[SUM_TOOL_HEX]))
{
	int dir = scratch_open();
	char command[600], line[600], hex[SUM_TOOL_HEX];
	size_t count = 0;
	FILE *f;

	for (size_t len = 0; len < size; len++) {
		int fd;

		(void)snprintf(line, sizeof(line), "%zu", len);
		fd = openat(dir, line, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		need(fd != -1 && write(fd, text, len) == (ssize_t)len &&
			close(fd) == 0,
		    line);
	}
	(void)close(dir);
	(void)snprintf(
	    command, sizeof(command), "cd %s && %s * 2>&1", scratch_path, tool);
	f = popen(command, "r");
	need(f != NULL, "popen");
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t len;

		if (sscanf(line, "%*64[0-9a-f] %zu", &len) != 1 || len >= size)
			continue;
		hash(text, len, hex);
		check(strncmp(line, hex, strlen(hex)) == 0, "%zu octets: %s",
		    len, hex);
		count++;
	}
	(void)pclose(f);
	if (count == 0) {
		skip("every length as the system has it", tool);
		return;
	}
	check(count == size, "%zu of %zu lengths", count, size);
	(void)point("every length to %zu octets, as %s has it", size, tool);
}

#endif
