/* SPDX-License-Identifier: ISC */
/*
 * What this machine can do at best, each printed in seconds.
 *
 * usage: limits scan FILE	read() it and count the line ends
 *	  limits loopback OCTETS	from memory through TCP, and read() it, in
 *				pieces of the size that goes fastest
 *	  limits sync FILE	three times a block and fdatasync(), once with a
 *				hole: what a safe deletion cannot do without
 *	  limits cut FILE	ftruncate() to a block, fsync(), and unlink()
 *
 * The last but one makes the file, which must not be there.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, PIECE = 256 * 1024, SIZE = 64 * 1024 * 1024 };

static char buf[PIECE];

static double
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Of a length that the compiler knows, so that it makes vectors of it. */
static unsigned int
count_block(const char *p)
{
	unsigned char lanes[16] = { 0 };
	unsigned int count = 0;

	for (int i = 0; i < 128; i++)
		for (int k = 0; k < 16; k++)
			lanes[k] = (unsigned char)(lanes[k] +
			    (p[16 * i + k] == '\n'));
	for (int k = 0; k < 16; k++)
		count += lanes[k];
	return count;
}

static double
scan(const char *path)
{
	double begin = now();
	int fd = open(path, O_RDONLY);
	uint64_t lines = 0;
	ssize_t n;

	if (fd == -1)
		err(1, "%s", path);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		memset(buf + n, 0, sizeof(buf) - (size_t)n);
		for (ssize_t i = 0; i < n; i += 16 * 128)
			lines += count_block(buf + i);
	}
	if (n == -1 || lines == 0)
		err(1, "%s", path);
	return now() - begin;
}

/* The two ends of a connection. */
static void
connected(int ends[2])
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (sock == -1 || ends[0] == -1 ||
	    bind(sock, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(sock, 1) == -1 ||
	    getsockname(sock, (struct sockaddr *)&sin, &len) == -1 ||
	    connect(ends[0], (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "a connection");
	ends[1] = accept(sock, NULL, NULL);
	if (ends[1] == -1)
		err(1, "accept");
	(void)close(sock);
}

static _Noreturn void
send_all(int fd, uint64_t octets, size_t piece)
{
	ssize_t n;

	memset(buf, 'x', piece);
	for (; octets > 0; octets -= (uint64_t)n) {
		n = write(fd, buf, octets < piece ? (size_t)octets : piece);
		if (n == -1)
			err(1, "write");
	}
	_exit(0);
}

static double
loopback_in(uint64_t octets, size_t piece)
{
	uint64_t got = 0;
	double begin;
	int ends[2];
	ssize_t n;
	pid_t pid;

	connected(ends);
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0)
		send_all(ends[1], octets, piece);
	(void)close(ends[1]);
	begin = now();
	while ((n = read(ends[0], buf, sizeof(buf))) > 0)
		got += (uint64_t)n;
	if (n == -1 || got != octets)
		errx(1, "%" PRIu64 " octets instead of %" PRIu64, got, octets);
	begin = now() - begin;
	(void)waitpid(pid, NULL, 0);
	(void)close(ends[0]);
	return begin;
}

static double
loopback(uint64_t octets)
{
	double best = 0, took;

	for (size_t n = 1; n <= 4; n++) {
		took = loopback_in(octets, n * sizeof(buf) / 4);
		if (best == 0 || took < best)
			best = took;
	}
	return best;
}

static int
new_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd == -1)
		err(1, "%s", path);
	for (int i = 0; i < SIZE / PIECE; i++)
		if (write(fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf))
			err(1, "%s", path);
	if (fsync(fd) == -1)
		err(1, "%s", path);
	return fd;
}

static double
sync_file(const char *path)
{
	int fd = new_file(path);
	double begin = now();

	if (pwrite(fd, buf, BLOCK, 0) != BLOCK || fdatasync(fd) == -1 ||
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PIECE,
		2 * BLOCK) == -1 ||
	    fdatasync(fd) == -1 || pwrite(fd, buf, BLOCK, 0) != BLOCK ||
	    fdatasync(fd) == -1)
		err(1, "%s", path);
	begin = now() - begin;
	(void)unlink(path);
	return begin;
}

static double
cut_file(const char *path)
{
	double begin;
	int fd = open(path, O_RDWR);

	if (fd == -1)
		err(1, "%s", path);
	begin = now();
	if (ftruncate(fd, BLOCK) == -1 || fsync(fd) == -1)
		err(1, "%s", path);
	begin = now() - begin;
	(void)unlink(path);
	return begin;
}

int
main(int argc, char **argv)
{
	double seconds;

	if (argc != 3)
		errx(64, "usage: limits scan|loopback|sync|cut WHAT");
	if (strcmp(argv[1], "scan") == 0)
		seconds = scan(argv[2]);
	else if (strcmp(argv[1], "loopback") == 0)
		seconds = loopback(strtoull(argv[2], NULL, 10));
	else if (strcmp(argv[1], "sync") == 0)
		seconds = sync_file(argv[2]);
	else if (strcmp(argv[1], "cut") == 0)
		seconds = cut_file(argv[2]);
	else
		errx(64, "no such limit: %s", argv[1]);
	printf("%.6f\n", seconds);
	return 0;
}
