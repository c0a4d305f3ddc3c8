/* SPDX-License-Identifier: ISC */
/*
 * Property: whatever the other end sends, with whatever descriptors, what is taken
 * has the right size, magic and kind and holds strings; anything else is EPROTO,
 * or EPIPE if it is nothing; and no descriptor stays open that the caller does
 * not get.
 */

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "channel.h"
#include "fuzz.h"

enum { FDS_MOST = 6 };

/* Sends a packet with so many copies of a descriptor. */
static void
send_packet(int fd, const void *data, size_t len, size_t count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	int fds[FDS_MOST];

	for (size_t i = 0; i < FDS_MOST; i++)
		fds[i] = STDERR_FILENO;
	if (count > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	must(sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)len);
}

static bool
is_string(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

static void
take_registration(int fd, size_t len, size_t count)
{
	struct registration reg;
	int channel = -1;

	if (channel_registered(fd, &reg, &channel) == -1) {
		must(errno == (len == 0 ? EPIPE : EPROTO));
		return;
	}
	must(len == sizeof(reg) && count >= 1 &&
	    reg.protocol < PROTOCOL_KINDS &&
	    is_string(reg.peer, sizeof(reg.peer)) &&
	    is_string(reg.stamp, sizeof(reg.stamp)));
	must(close(channel) == 0);
}

static void
take_request(int fd, size_t len)
{
	struct request req;

	if (channel_asked(fd, &req) == -1) {
		must(errno == (len == 0 ? EPIPE : EPROTO));
		return;
	}
	must(len == sizeof(req) && req.kind >= REQUEST_USER &&
	    req.kind <= REQUEST_AUTH_ANSWER && req.len < sizeof(req.secret) &&
	    (req.len == 0 || req.kind >= REQUEST_AUTH_INITIAL) &&
	    is_string(req.name, sizeof(req.name)) &&
	    is_string(req.secret, sizeof(req.secret)));
}

static void
take_verdict(int fd, size_t len, size_t count)
{
	struct verdict v;
	int fds[CHANNEL_FDS];

	if (channel_answered(fd, &v, fds) == -1) {
		must(errno == (len == 0 ? EPIPE : EPROTO));
		must(fds[CHANNEL_MAILBOX] == -1 && fds[CHANNEL_INDEX] == -1);
		return;
	}
	must(len == sizeof(v) && v.kind >= VERDICT_YES &&
	    v.kind < VERDICT_KINDS && is_string(v.text, sizeof(v.text)));
	must((fds[CHANNEL_MAILBOX] == -1) == (count == 0));
	if (fds[CHANNEL_MAILBOX] != -1)
		must(close(fds[CHANNEL_MAILBOX]) == 0 &&
		    close(fds[CHANNEL_JOURNAL]) == 0);
	if (fds[CHANNEL_INDEX] != -1)
		must(close(fds[CHANNEL_INDEX]) == 0);
}

/* The lowest number that is free: a descriptor left open moves it. */
static int
lowest(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 3);

	must(fd != -1 && close(fd) == 0);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ends[2] = { -1, -1 };
	struct input in = { data, size };
	size_t what = (size_t)take(&in, 1), count = what / 4 % (FDS_MOST + 1);
	struct request magic = { .kind = REQUEST_USER };
	struct request right;
	uint8_t *packet;
	int free_fd;

	if (in.len > 4096)
		return 0;
	if (ends[0] == -1)
		must(channel_pair(ends) == 0);
	free_fd = lowest();
	packet = malloc(sizeof(right) + in.len);
	must(packet != NULL);
	memcpy(packet, in.p, in.len);
	/* Mostly with the right magic, which nobody finds by chance. */
	must(channel_ask(ends[0], &magic) == 0 &&
	    recv(ends[1], &right, sizeof(right), 0) == sizeof(right));
	if (what < 128 && what % 4 != 0 && in.len >= sizeof(right.magic))
		memcpy(packet, &right.magic, sizeof(right.magic));
	send_packet(ends[0], packet, in.len, count);
	switch (what % 4) {
	case 0:
		take_registration(ends[1], in.len, count);
		break;
	case 1:
	case 2:
		take_request(ends[1], in.len);
		break;
	case 3:
		take_verdict(ends[1], in.len, count);
		break;
	}
	must(recv(ends[1], packet, 1, MSG_DONTWAIT) == -1);
	must(lowest() == free_fd);
	free(packet);
	return 0;
}
