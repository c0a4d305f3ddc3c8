/* SPDX-License-Identifier: ISC */
/*
 * The channel, with somebody at its other end who sends whatever can be sent:
 * nothing but what is right gets through, and no descriptor is left behind.
 */

#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include "chance.h"
#include "channel.h"
#include "tap.h"

enum { FDS_MOST = 6, SIZE_MOST = 2048 };

static int ends[2];

static void
open_channel(void)
{
	need(channel_pair(ends) == 0, "channel_pair");
}

static void
close_channel(void)
{
	for (int i = 0; i < 2; i++)
		if (ends[i] != -1)
			(void)close(ends[i]);
}

static size_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	need(dir != NULL, "/proc/self/fd");
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* Sends octets with descriptors, by no function of channel.c. */
static void
send_raw(const void *data, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (count > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	need(sendmsg(ends[0], &msg, MSG_NOSIGNAL) == (ssize_t)len, "sendmsg");
}

/* The three kinds of packet, each with what takes it. */
enum packet { REGISTRATION, REQUEST, VERDICT, PACKETS };

static const char *const names[PACKETS] = { "a registration", "a request",
	"a verdict" };
static const size_t sizes[PACKETS] = { sizeof(struct registration),
	sizeof(struct request), sizeof(struct verdict) };

/* What came out of it, each in its place; and how many descriptors. */
static struct {
	struct registration reg;
	struct request req;
	struct verdict verdict;
	int fds[FDS_MOST];
	size_t count;
} out;

static int
take(enum packet what)
{
	int status = -1;

	memset(&out, 0, sizeof(out));
	errno = 0;
	switch (what) {
	case REGISTRATION:
		status = channel_registered(ends[1], &out.reg, &out.fds[0]);
		out.count = status == 0 ? 1 : 0;
		break;
	case REQUEST:
		status = channel_asked(ends[1], &out.req);
		break;
	case VERDICT:
		for (size_t i = 0; i < CHANNEL_FDS; i++)
			out.fds[i] = 12345;
		status = channel_answered(ends[1], &out.verdict, out.fds);
		check(status == 0 ||
			(out.fds[CHANNEL_MAILBOX] == -1 &&
			    out.fds[CHANNEL_INDEX] == -1),
		    "descriptors without a verdict");
		if (status == 0 && out.fds[CHANNEL_MAILBOX] != -1)
			out.count = out.fds[CHANNEL_INDEX] == -1 ? CHANNEL_INDEX
								 : CHANNEL_FDS;
		break;
	case PACKETS:
		break;
	}
	return status;
}

static void
close_taken(void)
{
	for (size_t i = 0; i < out.count; i++)
		check(fcntl(out.fds[i], F_GETFD) == FD_CLOEXEC &&
			close(out.fds[i]) == 0,
		    "descriptor %zu is not close-on-exec", i);
}

/* A packet of each kind that is right, as it is on the way. */
static unsigned char good[PACKETS][SIZE_MOST];

static void
make_good(void)
{
	const struct registration reg = { .peer = "192.0.2.7",
		.stamp = "<1.2@example>" };
	struct request req = {
		.kind = REQUEST_PASS, .name = "alice", .secret = "secret"
	};

	memcpy(good[REGISTRATION], &reg, sizeof(reg));
	check(channel_ask(ends[0], &req) == 0 &&
		recv(ends[1], good[REQUEST], SIZE_MOST, 0) == sizeof(req),
	    "ask");
	check(channel_answer(ends[0], VERDICT_YES, "", NULL) == 0 &&
		recv(ends[1], good[VERDICT], SIZE_MOST, 0) ==
		    sizeof(struct verdict),
	    "answer");
	(void)point("packets are of their fixed sizes");
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	need(fstat(fd, &st) == 0, "fstat");
	return st.st_ino;
}

static void
round_trips(const int *files)
{
	struct request req = { .kind = REQUEST_APOP };
	const struct registration reg = { .protocol = PROTOCOL_POP1,
		.peer = "2001:db8::7",
		.stamp = "<1.2@example>" };
	int no_index[CHANNEL_FDS];

	memset(req.name, 'n', sizeof(req.name) - 1);
	memset(req.secret, 's', sizeof(req.secret) - 1);
	check(channel_ask(ends[0], &req) == 0 && take(REQUEST) == 0, "asked");
	check(out.req.kind == REQUEST_APOP &&
		strcmp(out.req.name, req.name) == 0 &&
		strcmp(out.req.secret, req.secret) == 0,
	    "another request");
	(void)point("a request arrives");

	for (size_t len = 0; len < sizeof(req.secret); len++) {
		req = (struct request){ .kind = REQUEST_AUTH_ANSWER,
			.len = (uint32_t)len };
		for (size_t i = 0; i < len; i++)
			req.secret[i] = (char)chance(3);
		check(channel_ask(ends[0], &req) == 0 && take(REQUEST) == 0 &&
			out.req.len == len &&
			memcmp(out.req.secret, req.secret, len) == 0,
		    "%zu octets", len);
	}
	(void)point("P3-368: messages of every length, with NULs in them");

	check(channel_register(ends[0], &reg, files[0]) == 0 &&
		take(REGISTRATION) == 0 &&
		memcmp(&out.reg, &reg, sizeof(reg)) == 0 &&
		inode_of(out.fds[0]) == inode_of(files[0]),
	    "another registration");
	close_taken();
	(void)point("a registration arrives with its descriptor");

	memcpy(no_index, files, sizeof(no_index));
	no_index[CHANNEL_INDEX] = -1;
	for (int kind = VERDICT_YES; kind < VERDICT_KINDS; kind++) {
		check(channel_answer(ends[0], (enum verdict_kind)kind, "a text",
			  NULL) == 0 &&
			take(VERDICT) == 0 && (int)out.verdict.kind == kind &&
			strcmp(out.verdict.text, "a text") == 0 &&
			out.fds[0] == -1,
		    "verdict %d", kind);
		check(channel_answer(
			  ends[0], (enum verdict_kind)kind, "", files) == 0 &&
			take(VERDICT) == 0 && (int)out.verdict.kind == kind &&
			out.count == CHANNEL_FDS,
		    "verdict %d with descriptors", kind);
		for (size_t i = 0; i < out.count; i++)
			check(inode_of(out.fds[i]) == inode_of(files[i]),
			    "descriptor %zu is another", i);
		close_taken();
		check(channel_answer(ends[0], (enum verdict_kind)kind, "alice",
			  no_index) == 0 &&
			take(VERDICT) == 0 && (int)out.verdict.kind == kind &&
			strcmp(out.verdict.text, "alice") == 0 &&
			out.count == CHANNEL_INDEX &&
			inode_of(out.fds[CHANNEL_JOURNAL]) ==
			    inode_of(files[CHANNEL_JOURNAL]),
		    "verdict %d without an index", kind);
		close_taken();
	}
	(void)point("verdicts arrive, descriptors in their order");
}

static void
wrong_sizes(void)
{
	for (size_t what = 0; what < PACKETS; what++) {
		for (size_t len = 1; len < SIZE_MOST; len++) {
			if (len == sizes[what])
				continue;
			send_raw(good[what], len, NULL, 0);
			check(take((enum packet)what) == -1 && errno == EPROTO,
			    "%zu octets: errno %d", len, errno);
		}
		/* A packet of nothing looks like the end. */
		send_raw(good[what], 0, NULL, 0);
		check(take((enum packet)what) == -1 && errno == EPIPE,
		    "0 octets: errno %d", errno);
		(void)point("%s of any other size", names[what]);
	}
}

static void
wrong_descriptors(const int *files)
{
	static const char *const which[] = { "one", "none",
		"none, or all but the index" };

	for (size_t what = 0; what < PACKETS; what++) {
		size_t before = open_descriptors();

		for (size_t count = 0; count <= FDS_MOST; count++)
			for (size_t len = sizes[what] - 1;
			     len <= sizes[what] + 1; len++) {
				send_raw(good[what], len, files, count);
				if (take((enum packet)what) == 0) {
					check(len == sizes[what] &&
						out.count <= count,
					    "%zu octets, %zu descriptors", len,
					    count);
					close_taken();
				} else {
					check(
					    errno == EPROTO, "errno %d", errno);
				}
				check(open_descriptors() == before,
				    "%zu octets with %zu descriptors left %zu",
				    len, count, open_descriptors() - before);
			}
		(void)point("%s with descriptors that should not be: %s",
		    names[what], which[what]);
	}
	send_raw(good[REGISTRATION], sizes[REGISTRATION], files, 0);
	is(take(REGISTRATION), -1, "a registration needs its descriptor");
	send_raw(good[VERDICT], sizes[VERDICT], files, 1);
	is(take(VERDICT), -1, "a mailbox needs its journal");
}

/* The two fields in front of a request and a verdict, any bit of them. */
static void
wrong_fields(void)
{
	static const uint32_t lasts[PACKETS] = {
		[REQUEST] = REQUEST_AUTH_ANSWER,
		[VERDICT] = VERDICT_KINDS - 1,
	};

	for (size_t what = REQUEST; what <= VERDICT; what++) {
		uint32_t last = lasts[what];

		for (size_t bit = 0; bit < 64; bit++) {
			unsigned char packet[SIZE_MOST];
			uint32_t kind;
			bool right;

			memcpy(packet, good[what], sizes[what]);
			packet[bit / 8] ^= (unsigned char)(1 << bit % 8);
			memcpy(&kind, packet + 4, sizeof(kind));
			right = bit >= 32 && kind >= 1 && kind <= last;
			send_raw(packet, sizes[what], NULL, 0);
			check(take((enum packet)what) == (right ? 0 : -1),
			    "bit %zu", bit);
			check(right || errno == EPROTO, "errno %d", errno);
		}
		for (uint32_t kind = 0; kind < 1000; kind++) {
			unsigned char packet[SIZE_MOST];
			bool right = kind >= 1 && kind <= last;

			memcpy(packet, good[what], sizes[what]);
			memcpy(packet + 4, &kind, sizeof(kind));
			send_raw(packet, sizes[what], NULL, 0);
			check(take((enum packet)what) == (right ? 0 : -1),
			    "kind %u", kind);
		}
		(void)point("%s of another magic or kind", names[what]);
	}
}

static void
wrong_protocols(const int *files)
{
	for (uint32_t kind = 0; kind < 1000; kind++) {
		struct registration reg;
		bool right = kind < PROTOCOL_KINDS;

		memcpy(&reg, good[REGISTRATION], sizeof(reg));
		reg.protocol = kind < 900 ? kind : UINT32_MAX - kind;
		send_raw(&reg, sizeof(reg), files, 1);
		check(take(REGISTRATION) == (right ? 0 : -1) &&
			(right || errno == EPROTO),
		    "protocol %u", reg.protocol);
		close_taken();
	}
	(void)point("a registration for another protocol");
}

/* Only a message of AUTH has a length, and none is longer than its room. */
static void
wrong_lengths(void)
{
	for (uint32_t kind = REQUEST_USER; kind <= REQUEST_AUTH_ANSWER; kind++)
		for (uint32_t len = 0; len < 3 * CHANNEL_SECRET; len++) {
			bool right = len == 0 ||
			    (kind >= REQUEST_AUTH_INITIAL &&
				len < CHANNEL_SECRET);
			struct request req;

			memcpy(&req, good[REQUEST], sizeof(req));
			req.kind = kind;
			req.len = len < 2 * CHANNEL_SECRET ? len
							   : UINT32_MAX - len;
			send_raw(&req, sizeof(req), NULL, 0);
			check(take(REQUEST) == (right ? 0 : -1),
			    "kind %u of length %u", kind, req.len);
		}
	(void)point("a request with a length that cannot be");
}

/* Each field of text without its NUL, or with one only just behind it. */
static void
endless_strings(const int *files)
{
	struct request req;
	struct registration reg;
	struct verdict verdict;

	memcpy(&req, good[REQUEST], sizeof(req));
	memset(req.name, 'x', sizeof(req.name));
	send_raw(&req, sizeof(req), NULL, 0);
	check(take(REQUEST) == -1 && errno == EPROTO, "name");
	memcpy(&req, good[REQUEST], sizeof(req));
	memset(req.secret, 'x', sizeof(req.secret));
	send_raw(&req, sizeof(req), NULL, 0);
	check(take(REQUEST) == -1 && errno == EPROTO, "secret");
	for (size_t i = 0; i < sizeof(out.req); i++)
		check(((const unsigned char *)&out.req)[i] == 0,
		    "octet %zu of it stays", i);
	memcpy(&reg, good[REGISTRATION], sizeof(reg));
	memset(reg.peer, 'x', sizeof(reg.peer));
	send_raw(&reg, sizeof(reg), files, 1);
	check(take(REGISTRATION) == -1 && errno == EPROTO, "peer");
	memcpy(&reg, good[REGISTRATION], sizeof(reg));
	memset(reg.stamp, 'x', sizeof(reg.stamp));
	send_raw(&reg, sizeof(reg), files, 1);
	check(take(REGISTRATION) == -1 && errno == EPROTO, "stamp");
	memcpy(&verdict, good[VERDICT], sizeof(verdict));
	memset(verdict.text, 'x', sizeof(verdict.text));
	send_raw(&verdict, sizeof(verdict), NULL, 0);
	check(take(VERDICT) == -1 && errno == EPROTO, "text");
	(void)point("text without an end is no text");
}

static void
noise(const int *files)
{
	size_t before = open_descriptors();

	for (int round = 0; round < 20000; round++) {
		unsigned char packet[SIZE_MOST];
		enum packet what = (enum packet)chance(PACKETS);
		size_t len = sizes[what];

		memcpy(packet, good[what], len);
		for (size_t n = chance(4); n > 0; n--)
			packet[chance(chance(2) ? 12 : len)] = (unsigned char)
			    chance_word();
		if (chance(8) == 0)
			len = 1 + chance(SIZE_MOST);
		send_raw(packet, len, files, chance(4));
		if (take(what) == 0) {
			check(memchr(out.req.name, '\0',
				  sizeof(out.req.name)) != NULL &&
				memchr(out.req.secret, '\0',
				    sizeof(out.req.secret)) != NULL &&
				memchr(out.reg.peer, '\0',
				    sizeof(out.reg.peer)) != NULL &&
				memchr(out.reg.stamp, '\0',
				    sizeof(out.reg.stamp)) != NULL,
			    "round %d: no string", round);
			close_taken();
		} else {
			check(errno == EPROTO, "round %d: errno %d", round,
			    errno);
		}
	}
	is(open_descriptors(), before, "noise leaves no descriptor behind");
}

static void
ended(const int *files)
{
	const struct registration reg = { .peer = "" };
	struct request req = { .kind = REQUEST_USER };

	/* What was sent before the end is still taken. */
	check(channel_ask(ends[0], &req) == 0, "ask");
	(void)close(ends[0]);
	ends[0] = -1;
	check(take(REQUEST) == 0, "asked");
	for (size_t what = 0; what < PACKETS; what++)
		check(take((enum packet)what) == -1 && errno == EPIPE,
		    "%s: errno %d", names[what], errno);
	errno = 0;
	check(channel_ask(ends[1], &req) == -1 && errno == EPIPE, "ask");
	check(channel_answer(ends[1], VERDICT_YES, "", files) == -1 &&
		errno == EPIPE,
	    "answer");
	check(channel_register(ends[1], &reg, files[0]) == -1 && errno == EPIPE,
	    "register");
	(void)point("the end of the channel is EPIPE, and no signal");
}

/* Notices are whole, in their order, and nobody waits. */
static void
notices(const int *files)
{
	const struct registration reg = { .peer = "" };
	struct notice n[10];
	uint64_t sent = 0, taken = 0;
	int pipe_ends[2], pair[2];

	need(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
	while (channel_notify(pipe_ends[1],
		   &(struct notice){
		       .serial = sent + 1, .kind = NOTICE_LOGIN }) == 0)
		sent++;
	check(errno == EAGAIN && sent > 1000, "full at %ju", (uintmax_t)sent);
	for (;;) {
		size_t count = channel_noticed(
		    pipe_ends[0], n, 1 + (size_t)taken % 10);

		for (size_t i = 0; i < count; i++) {
			taken++;
			check(n[i].serial == taken && n[i].kind == NOTICE_LOGIN,
			    "%ju", (uintmax_t)taken);
		}
		if (count == 0)
			break;
	}
	check(taken == sent, "%ju of %ju", (uintmax_t)taken, (uintmax_t)sent);
	(void)close(pipe_ends[1]);
	check(channel_noticed(pipe_ends[0], n, 10) == 0, "none at the end");
	(void)close(pipe_ends[0]);
	point("notices are whole, in their order, and nobody waits");

	need(channel_pair(pair) == 0, "channel_pair");
	for (sent = 0; channel_register(pair[0], &reg, files[0]) == 0; sent++)
		need(sent < 1000000, "a keeper that takes nothing");
	check(errno == EAGAIN || errno == ETOOMANYREFS, "errno %d", errno);
	(void)close(pair[0]);
	(void)close(pair[1]);
	point("nor does who registers");
}

/* Descriptors alone: whoever wants so many gets those, or none. */
static void
passed(const int *files)
{
	const uint32_t magic = 0x52455354;
	size_t before = open_descriptors();
	int fds[CHANNEL_FDS];

	for (size_t sent = 0; sent <= CHANNEL_FDS; sent++)
		for (size_t want = 0; want <= CHANNEL_FDS; want++) {
			int status;

			check(channel_pass(ends[0], files, sent) == 0,
			    "%zu are passed", sent);
			status = channel_passed(ends[1], fds, want);
			check(status == (sent >= want ? 0 : -1),
			    "%zu passed, %zu wanted: %d", sent, want, status);
			for (size_t i = 0; i < want; i++) {
				check(status == 0
					? inode_of(fds[i]) == inode_of(files[i])
					: fds[i] == -1,
				    "%zu of %zu, %zu wanted", i, sent, want);
				if (status == 0)
					(void)close(fds[i]);
			}
			check(open_descriptors() == before,
			    "%zu passed, %zu wanted: none is left", sent, want);
		}
	for (size_t len = 1; len <= sizeof(magic) + 1; len++) {
		const char octets[sizeof(magic) + 1] = "TSER";

		if (len == sizeof(magic))
			continue;
		send_raw(octets, len, files, 2);
		errno = 0;
		check(channel_passed(ends[1], fds, 2) == -1 &&
			errno == EPROTO && open_descriptors() == before,
		    "%zu octets", len);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		uint32_t other = magic ^ 1u << bit;

		send_raw(&other, sizeof(other), files, 2);
		check(channel_passed(ends[1], fds, 2) == -1 &&
			open_descriptors() == before,
		    "bit %u of the magic", bit);
	}
	point("descriptors alone come in the number that is wanted");
}

int
main(void)
{
	int files[FDS_MOST];
	size_t before = open_descriptors();

	chance_open();
	open_channel();
	ok(fcntl(ends[0], F_GETFD) == FD_CLOEXEC &&
		fcntl(ends[1], F_GETFD) == FD_CLOEXEC,
	    "both ends are close-on-exec");
	for (size_t i = 0; i < FDS_MOST; i++) {
		FILE *f = tmpfile();

		need(f != NULL, "tmpfile");
		files[i] = dup(fileno(f));
		need(files[i] != -1 && fclose(f) == 0, "dup");
	}
	make_good();
	round_trips(files);
	passed(files);
	wrong_sizes();
	wrong_descriptors(files);
	wrong_fields();
	wrong_protocols(files);
	wrong_lengths();
	endless_strings(files);
	noise(files);
	ended(files);
	notices(files);
	close_channel();
	for (size_t i = 0; i < FDS_MOST; i++)
		(void)close(files[i]);
	is(open_descriptors(), before, "all is closed");
	return done();
}
