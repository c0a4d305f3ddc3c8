/* SPDX-License-Identifier: ISC */
/*
 * The least that a server can do that forks a process for each connection:
 * accept, fork, answer five lines, exit.  What a login costs beyond this is the
 * server's own.  With a command it runs that instead, as inetd does.
 *
 * usage: floor PORT [COMMAND [ARGUMENT...]]
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 5 }; /* the greeting, USER, PASS, STAT, QUIT */

static _Noreturn void
answer(int fd)
{
	static const char reply[] = "+OK\r\n";
	char line[512];

	for (int i = 0; i < LINES; i++) {
		if (i > 0 && read(fd, line, sizeof(line)) <= 0)
			_exit(1);
		if (write(fd, reply, sizeof(reply) - 1) == -1)
			_exit(1);
	}
	_exit(0);
}

static _Noreturn void
become(char **command, int fd)
{
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) == -1)
			_exit(1);
	(void)close(fd);
	(void)execv(command[0], command);
	_exit(1);
}

static int
listen_on(const char *port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, SOMAXCONN) == -1)
		err(1, "port %s", port);
	return fd;
}

int
main(int argc, char **argv)
{
	int sock, fd;

	if (argc < 2)
		errx(64, "usage: floor PORT [COMMAND [ARGUMENT...]]");
	sock = listen_on(argv[1]);
	for (;;) {
		fd = accept(sock, NULL, NULL);
		if (fd == -1)
			err(1, "accept");
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			if (argc > 2)
				become(argv + 2, fd);
			answer(fd);
		default:
			(void)close(fd);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
