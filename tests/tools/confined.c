/* SPDX-License-Identifier: ISC */
/*
 * A process that has given up its rights as a keeper does, and then makes the
 * system calls that a test names.
 *
 *	confined DIRECTORY UID GID
 *
 * Says "ready" and the descriptor of the directory; then, for each line on its
 * standard input, NUMBER ARG... as in tests/hostile/call.h, "RESULT ERRNO".
 */

#include <fcntl.h>
#include <stdio.h>

#include "../hostile/call.h"
#include "confine.h"
#include "log.h"

int
main(int argc, char **argv)
{
	struct confine_identity id;
	char *line = NULL, *next, *word[16];
	size_t size = 0;
	long result;
	int fd, n;

	if (argc != 4)
		return 64;
	id.uid = (uid_t)strtoul(argv[2], NULL, 10);
	id.gid = (gid_t)strtoul(argv[3], NULL, 10);
	fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		fatal("%s", argv[1]);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	confine_keeper(&id, fd);

	printf("ready %d\n", fd);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		memset(word, 0, sizeof(word));
		next = line;
		for (n = 0; n < 15 && next != NULL; n++)
			word[n] = strsep(&next, " ");
		result = raw_call(word);
		printf("%ld %d\n", result, errno);
	}
	return 0;
}
