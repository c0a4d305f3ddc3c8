/* SPDX-License-Identifier: ISC */
/*
 * Property: whatever a file says, each wrong line is told once, with its place
 * and in one line, and what is in force afterwards is printed so that it is read
 * back as the same.
 */

#include <sys/mman.h>

#include <unistd.h>

#include "conf.h"
#include "fuzz.h"

static int fd = -1;
static char path[64];

static int
read_back(struct conf *c, const void *text, size_t len, FILE *err)
{
	must(ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len);
	return conf_read(c, path, err);
}

static char *
print(const struct conf *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	must(f != NULL);
	conf_print(c, f);
	must(fclose(f) == 0);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf c, again;
	char *said = NULL, *text, *text2;
	size_t said_len = 0, lines = 0;
	FILE *err = open_memstream(&said, &said_len);
	int wrong;

	if (fd == -1) {
		fd = memfd_create("conf", MFD_CLOEXEC);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(fd != -1 && err != NULL);
	conf_init(&c);
	wrong = read_back(&c, data, size, err);
	must(wrong >= 0 && fclose(err) == 0);
	for (const char *p = said; p < said + said_len; lines++) {
		must(strncmp(p, path, strlen(path)) == 0);
		p = strchr(p, '\n');
		must(p != NULL);
		p++;
	}
	must(lines == (size_t)wrong);

	text = print(&c);
	conf_init(&again);
	must(read_back(&again, text, strlen(text), stderr) == 0);
	text2 = print(&again);
	must(strcmp(text, text2) == 0);
	must(strcmp(c.users, again.users) == 0 &&
	    strcmp(c.user, again.user) == 0 &&
	    strcmp(c.keeper_user, again.keeper_user) == 0 &&
	    strcmp(c.pid_file, again.pid_file) == 0 &&
	    c.listen_count == again.listen_count);
	free(said);
	free(text);
	free(text2);
	return 0;
}
