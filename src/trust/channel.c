/* SPDX-License-Identifier: ISC */
/* What processes say to each other. */

#include <sys/socket.h>
#include <sys/syscall.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "fds.h"

static const uint32_t magic = 0x52455354;

/* That of some C libraries has its arguments in memory, where no filter looks. */
int
channel_pair(int ends[2])
{
	return (int)syscall(
	    SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static struct iovec
octets(const void *data, size_t len)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
}

/* Sends one packet, with nfds descriptors. */
static int
put(int fd, struct iovec data, const int *fds, size_t nfds, int flags)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(CHANNEL_FDS * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (nfds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		assert(cmsg != NULL);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)data.iov_len ? 0 : -1;
}

/* The descriptors in a message; those beyond want are closed. */
static size_t
take_fds(struct msghdr *msg, int *fds, size_t want)
{
	struct cmsghdr *cmsg;
	size_t count = 0;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0;
		     CMSG_LEN((i + 1) * sizeof(int)) <= cmsg->cmsg_len; i++) {
			memcpy(
			    &fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (count < want)
				fds[count++] = fd;
			else
				(void)close(fd);
		}
	}
	return count;
}

/* What has come is not what was due, nor are the descriptors with it: -1. */
static int
refuse(int *fds, size_t count)
{
	while (count-- > 0)
		fds_close(&fds[count]);
	errno = EPROTO;
	return -1;
}

/* Takes one packet of exactly that size; *nfds descriptors at most, set. */
static int
get(int fd, struct iovec data, int *fds, size_t *nfds, int flags)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(CHANNEL_FDS * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	*nfds = take_fds(&msg, fds, *nfds);
	if (n == (ssize_t)data.iov_len &&
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return 0;
	(void)refuse(fds, *nfds);
	if (n == 0)
		errno = EPIPE;
	return -1;
}

static bool
is_string(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

int
channel_register(int fd, const struct registration *reg, int channel)
{
	return put(fd, octets(reg, sizeof(*reg)), &channel, 1, MSG_DONTWAIT);
}

int
channel_registered(int fd, struct registration *reg, int *channel)
{
	size_t nfds = 1;

	if (get(fd, octets(reg, sizeof(*reg)), channel, &nfds, MSG_DONTWAIT) ==
	    -1)
		return -1;
	if (nfds == 1 && reg->protocol < PROTOCOL_KINDS &&
	    is_string(reg->peer, sizeof(reg->peer)) &&
	    is_string(reg->stamp, sizeof(reg->stamp)))
		return 0;
	return refuse(channel, nfds);
}

int
channel_notify(int fd, const struct notice *n)
{
	/* So short that it is written whole or not at all. */
	return write(fd, n, sizeof(*n)) == (ssize_t)sizeof(*n) ? 0 : -1;
}

size_t
channel_noticed(int fd, struct notice *n, size_t most)
{
	ssize_t len = read(fd, n, most * sizeof(*n));

	return len <= 0 ? 0 : (size_t)len / sizeof(*n);
}

int
channel_ask(int fd, struct request *req)
{
	req->magic = magic;
	return put(fd, octets(req, sizeof(*req)), NULL, 0, 0);
}

int
channel_asked(int fd, struct request *req)
{
	size_t nfds = 0;

	if (get(fd, octets(req, sizeof(*req)), NULL, &nfds, 0) == -1)
		return -1;
	if (req->magic == magic && req->kind >= REQUEST_USER &&
	    req->kind <= REQUEST_AUTH_ANSWER &&
	    (req->kind >= REQUEST_AUTH_INITIAL || req->len == 0) &&
	    req->len < sizeof(req->secret) &&
	    is_string(req->name, sizeof(req->name)) &&
	    is_string(req->secret, sizeof(req->secret)))
		return 0;
	explicit_bzero(req, sizeof(*req));
	return refuse(NULL, 0);
}

int
channel_answer(int fd, enum verdict_kind kind, const char *text, const int *fds)
{
	struct verdict v = { .magic = magic, .kind = kind };
	size_t nfds = fds == NULL ? 0 : CHANNEL_FDS;

	(void)snprintf(v.text, sizeof(v.text), "%s", text);
	if (nfds > 0 && fds[CHANNEL_INDEX] == -1)
		nfds--;
	return put(fd, octets(&v, sizeof(v)), fds, nfds, 0);
}

int
channel_answered(int fd, struct verdict *v, int fds[CHANNEL_FDS])
{
	size_t nfds = CHANNEL_FDS;

	fds[CHANNEL_MAILBOX] = fds[CHANNEL_INDEX] = -1;
	if (get(fd, octets(v, sizeof(*v)), fds, &nfds, 0) == -1)
		return -1;
	if (v->magic == magic && v->kind >= VERDICT_YES &&
	    v->kind < VERDICT_KINDS && is_string(v->text, sizeof(v->text)) &&
	    nfds != 1)
		return 0;
	return refuse(fds, nfds);
}

int
channel_pass(int fd, const int *fds, size_t count)
{
	return put(fd, octets(&magic, sizeof(magic)), fds, count, 0);
}

int
channel_offer(int fd, const int *fds, size_t count)
{
	return put(fd, octets(&magic, sizeof(magic)), fds, count, MSG_DONTWAIT);
}

int
channel_passed(int fd, int *fds, size_t count)
{
	size_t nfds = count;
	uint32_t got = 0;

	for (size_t i = 0; i < count; i++)
		fds[i] = -1;
	if (get(fd, octets(&got, sizeof(got)), fds, &nfds, 0) == -1)
		return -1;
	if (got == magic && nfds == count)
		return 0;
	return refuse(fds, nfds);
}
