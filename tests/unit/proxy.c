/* SPDX-License-Identifier: ISC */
/* What a proxy says, of both versions, cut everywhere and bent everywhere. */

#include <arpa/inet.h>

#include "proxy.h"
#include "tap.h"

enum { ROOM = 70000 };

/* A header of version 2 in the making. */
struct made {
	unsigned char octets[ROOM];
	size_t len;
};

static void
put(struct made *m, const void *octets, size_t len)
{
	memcpy(m->octets + m->len, octets, len);
	m->len += len;
}

static void
put_value(struct made *m, unsigned char type, const void *value, size_t len)
{
	const unsigned char head[3] = { type, (unsigned char)(len >> 8),
		(unsigned char)len };

	put(m, head, sizeof(head));
	put(m, value, len);
}

static void
begin(struct made *m, unsigned char command, unsigned char family)
{
	static const char signature[] = "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55"
					"\x49\x54\x0a";

	m->len = 0;
	put(m, signature, 12);
	put(m, &command, 1);
	put(m, &family, 1);
	put(m, "\0", 2);
}

static void
end(struct made *m)
{
	m->octets[14] = (unsigned char)((m->len - 16) >> 8);
	m->octets[15] = (unsigned char)(m->len - 16);
}

/* From 192.0.2.1 to 192.0.2.2; and the same of IPv6. */
static const char ends4[] = "\xc0\0\2\1\xc0\0\2\2\x01\x02\x00\x6e";
static const char ends6[] = "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\4\0\0\x6e";

static void
begin4(struct made *m)
{
	begin(m, 0x21, 0x11);
	put(m, ends4, 12);
}

static bool
is_at(const struct proxy_header *h, const char *text)
{
	char own[ADDRESS_TEXT];

	address_text(&h->address, own);
	return h->client == PROXY_KNOWN && strcmp(own, text) == 0;
}

/*
 * Whether octets are a header as a whole, wherever they are cut; what follows does
 * not matter, and before the end nothing is decided but that it may be one.
 */
static bool
is_header(const void *octets, size_t len, struct proxy_header *h)
{
	static char more[ROOM + 1000];
	struct proxy_header other;
	bool good = proxy_parse(octets, len, h) == PROXY_DONE && h->len == len;

	for (size_t cut = 0; cut < len; cut++)
		good = good && proxy_parse(octets, cut, &other) == PROXY_MORE;
	memcpy(more, octets, len);
	for (int c = 0; c < 256; c++) {
		memset(more + len, c, 1000);
		memset(&other, 0, sizeof(other));
		good = good &&
		    proxy_parse(more, len + 1000, &other) == PROXY_DONE &&
		    other.len == len && other.client == h->client &&
		    other.tls == h->tls &&
		    memcmp(&other.address, &h->address,
			sizeof(other.address)) == 0;
	}
	return good;
}

/* Whether they are none, and stay none whatever follows. */
static bool
is_bad(const void *octets, size_t len)
{
	static char more[ROOM + 1000];
	struct proxy_header h;
	bool good = proxy_parse(octets, len, &h) == PROXY_BAD;

	memcpy(more, octets, len);
	memset(more + len, '\n', 1000);
	return good && proxy_parse(more, len + 1000, &h) == PROXY_BAD;
}

static void
lines(void)
{
	static const struct {
		const char *line, *from; /* NULL: unknown */
	} good[] = {
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 40000 110", "192.0.2.1" },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535",
		    "255.255.255.255" },
		{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0", "0.0.0.0" },
		{ "PROXY TCP6 2001:db8::1 ::1 1 2", "2001:db8::1" },
		{ "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2", "192.0.2.1" },
		{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "PROXY UNKNOWN", NULL },
		{ "PROXY UNKNOWN 192.0.2.1 \xff\t-  ", NULL },
		{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
		    NULL },
	};
	char line[200];
	struct proxy_header h;
	size_t len;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		len = (size_t)snprintf(
		    line, sizeof(line), "%s\r\n", good[i].line);
		check(is_header(line, len, &h) && !h.tls, "%s", good[i].line);
		check(good[i].from == NULL ? h.client == PROXY_UNKNOWN
					   : is_at(&h, good[i].from),
		    "%s", good[i].line);
	}
	(void)point("version 1: who it is");
}

static void
wrong_lines(void)
{
	static const char *const wrong[] = { "PROXY", "PROXY ", "PROXY TCP",
		"PROXY TCP4", "PROXY TCP5 1.2.3.4 1.2.3.4 1 1",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1", "PROXY TCP4 1.2.3.4 1.2.3.4 1 ",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 ",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1",
		"PROXY TCP4  1.2.3.4 1.2.3.4 1 1",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536",
		"PROXY TCP4 1.2.3.4 1.2.3.4 -1 1",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 000001",
		"PROXY TCP4 1.2.3.4 1.2.3 1 1", "PROXY TCP4 ::1 ::1 1 1",
		"PROXY TCP6 1.2.3.4 1.2.3.4 1 1", "PROXY TCP6 ::1 1.2.3.4 1 1",
		"PROXY TCP4 1.2.3.4 ::1 1 1", "PROXY TCP4\t1.2.3.4 1.2.3.4 1 1",
		"PROXY unknown", "PROXY UNKNOWNS",
		"proxy TCP4 1.2.3.4 1.2.3.4 1 1",
		" PROXY TCP4 1.2.3.4 1.2.3.4 1 1", "USER alice", "", "QUIT",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r" };
	static const char nul[] = "PROXY UNKNOWN \0\r\n";
	char line[200];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t len = (size_t)snprintf(
		    line, sizeof(line), "%s\r\n", wrong[i]);

		/* An empty line may be the begin of version 2. */
		if (len == 2)
			line[len++] = 'x';
		check(is_bad(line, len), "%s", wrong[i]);
	}
	check(is_bad("PROXY UNKNOWN\n", 14), "a bare LF");
	check(is_bad(nul, sizeof(nul) - 1), "a NUL");
	for (size_t len = 0; len < 150; len++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "PROXY UNKNOWN ", 14);
		memcpy(line + 14 + len, "\r\n", 2);
		if (14 + len + 2 <= PROXY_V1_MAX)
			check(proxy_parse(line, 14 + len + 2,
				  &(struct proxy_header){ 0 }) == PROXY_DONE,
			    "%zu octets", 14 + len + 2);
		else
			check(is_bad(line, 14 + len + 2), "%zu", 14 + len + 2);
	}
	(void)point("version 1: what is none");
}

/* One octet of a line changed into every other. */
static void
bent_lines(void)
{
	static const char line[] = "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n";
	enum { LEN = sizeof(line) - 1 };
	char bent[LEN];
	struct proxy_header h;

	for (size_t at = 0; at < LEN; at++)
		for (int c = 0; c < 256; c++) {
			bool digit = line[at] >= '0' && line[at] <= '9' &&
			    at > 10;
			enum proxy_status status;

			memcpy(bent, line, LEN);
			bent[at] = (char)c;
			status = proxy_parse(bent, LEN, &h);
			if (c == line[at] || (digit && c >= '0' && c <= '9'))
				check(status == PROXY_DONE, "%zu: %d", at, c);
			else if (at >= LEN - 1)
				check(status == PROXY_MORE, "%zu: %d", at, c);
			else
				check(status == PROXY_BAD, "%zu: %d", at, c);
		}
	(void)point("version 1: every octet of a line, changed");
}

static void
families(void)
{
	static struct made m;
	static char rest[216];
	struct proxy_header h;

	for (int command = 0; command < 256; command++)
		for (int family = 0; family < 256; family++) {
			unsigned char c = (unsigned char)command,
				      f = (unsigned char)family;
			bool four = f == 0x11 || f == 0x12,
			     six = f == 0x21 || f == 0x22,
			     local = f == 0x31 || f == 0x32;

			begin(&m, c, f);
			put(&m,
			    four      ? ends4
				: six ? ends6
				      : rest,
			    four        ? 12
				: six   ? 36
				: local ? 216
					: 0);
			end(&m);
			if ((c != 0x20 && c != 0x21) ||
			    (c == 0x21 && !four && !six && !local && f != 0)) {
				check(is_bad(m.octets, m.len), "%x %x", c, f);
				continue;
			}
			check(is_header(m.octets, m.len, &h) && !h.tls, "%x %x",
			    c, f);
			if (c == 0x20)
				check(h.client == PROXY_ITSELF, "%x", f);
			else if (f == 0x11)
				check(is_at(&h, "192.0.2.1"), "%x", f);
			else if (f == 0x21)
				check(is_at(&h, "2001:db8::1"), "%x", f);
			else
				check(h.client == PROXY_UNKNOWN, "%x", f);
		}
	(void)point("version 2: every command with every family");
}

/* The length says other than what is there. */
static void
lengths(void)
{
	static struct made m;
	struct proxy_header h;

	for (size_t said = 0; said <= UINT16_MAX; said++) {
		begin4(&m);
		m.octets[14] = (unsigned char)(said >> 8);
		m.octets[15] = (unsigned char)said;
		if (said < 12 || said + 16 > PROXY_V2_MAX)
			check(is_bad(m.octets, m.len), "%zu", said);
		else if (said == 12)
			check(is_header(m.octets, m.len, &h), "%zu", said);
		else
			check(proxy_parse(m.octets, m.len, &h) == PROXY_MORE,
			    "%zu", said);
	}
	(void)point("version 2: every length that it may say");

	for (size_t at = 0; at < 12; at++)
		for (int c = 0; c < 256; c++) {
			begin4(&m);
			end(&m);
			if (m.octets[at] == c)
				continue;
			m.octets[at] = (unsigned char)c;
			check(is_bad(m.octets, m.len), "%zu: %d", at, c);
		}
	(void)point("version 2: every octet of the signature, changed");
}

static void
values(void)
{
	static struct made m;
	static const char long_value[300];
	struct proxy_header h;
	size_t whole;

	begin4(&m);
	for (int type = 0; type < 256; type++)
		if (type != 0x20)
			put_value(&m, (unsigned char)type, "ab", 2);
	put_value(&m, 4, long_value, sizeof(long_value));
	put_value(&m, 5, "", 0);
	end(&m);
	ok(is_header(m.octets, m.len, &h) && is_at(&h, "192.0.2.1") && !h.tls,
	    "version 2: values of every type");

	whole = m.len;
	for (size_t len = 16 + 12; len < whole; len++) {
		size_t left = len - 16 - 12, most = 255 * 5;
		bool fits = left < most ? left % 5 == 0
					: left == most || left == most + 303;

		m.len = len;
		end(&m);
		if (fits)
			check(is_header(m.octets, m.len, &h), "%zu", left);
		else
			check(is_bad(m.octets, m.len), "%zu", left);
	}
	(void)point("version 2: values that end early");
}

static void
tls(void)
{
	static struct made m;
	struct proxy_header h;
	char ssl[64] = { 0 };

	for (int client = 0; client < 256; client++) {
		begin4(&m);
		ssl[0] = (char)client;
		put_value(&m, 0x20, ssl, 5);
		end(&m);
		check(is_header(m.octets, m.len, &h) &&
			h.tls == ((client & 1) == 1),
		    "%d", client);
	}
	(void)point("version 2: TLS when the first bit says so");

	/* A version and a name, as HAProxy sends them. */
	ssl[0] = 1;
	memcpy(ssl + 5, "\x21\0\7TLSv1.3\x22\0\5alice", 18);
	for (size_t len = 0; len <= 23; len++) {
		bool fits = len == 5 || len == 15 || len == 23;

		begin4(&m);
		put_value(&m, 0x20, ssl, len);
		end(&m);
		if (fits)
			check(is_header(m.octets, m.len, &h) && h.tls, "%zu",
			    len);
		else
			check(is_bad(m.octets, m.len), "%zu", len);
	}
	(void)point("version 2: values inside of those of TLS");

	begin(&m, 0x20, 0x11);
	put(&m, ends4, 12);
	ssl[0] = 1;
	put_value(&m, 0x20, ssl, 5);
	end(&m);
	ok(is_header(m.octets, m.len, &h) && h.client == PROXY_ITSELF && !h.tls,
	    "version 2: a proxy that speaks for itself says nothing else");
	begin(&m, 0x21, 0);
	put_value(&m, 0x20, ssl, 5);
	end(&m);
	ok(is_header(m.octets, m.len, &h) && h.client == PROXY_UNKNOWN && h.tls,
	    "version 2: TLS of a client that is not known");
}

int
main(void)
{
	lines();
	wrong_lines();
	bent_lines();
	families();
	lengths();
	values();
	tls();
	return done();
}
