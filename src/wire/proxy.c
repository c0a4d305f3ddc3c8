/* SPDX-License-Identifier: ISC */
/* The PROXY protocol, versions 1 and 2.  Runs as: session. */

#include <stdint.h>
#include <string.h>

#include "num.h"
#include "proxy.h"

enum {
	V2_FIXED = 16, /* signature, version and command, family, length */
	TLV_FIXED = 3,
	TLV_SSL = 0x20,
	SSL_FIXED = 5, /* what the client did, how its certificate was */
	SSL_CLIENT = 1,
};

static const unsigned char signature[12] = { "\r\n\r\n\0\r\nQUIT\n" };

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
get16(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static bool
is_port(const char *s)
{
	uint64_t port;

	return s != NULL && strlen(s) <= 5 &&
	    num_parse(s, UINT16_MAX, &port) == 0;
}

/* An address of the family that the line names. */
static bool
is_address(const char *s, bool six, struct address *a)
{
	return s != NULL && (strchr(s, ':') != NULL) == six &&
	    address_parse(s, a) == 0;
}

/* "TCP4 SOURCE DESTINATION PORT PORT", or "UNKNOWN" and anything. */
static enum proxy_status
read_words(char *words, struct proxy_header *h)
{
	const char *family = strsep(&words, " ");
	struct address to;
	bool six;

	h->client = PROXY_UNKNOWN;
	if (strcmp(family, "UNKNOWN") == 0)
		return PROXY_DONE;
	six = strcmp(family, "TCP6") == 0;
	if (!six && strcmp(family, "TCP4") != 0)
		return PROXY_BAD;
	h->client = PROXY_KNOWN;
	if (is_address(strsep(&words, " "), six, &h->address) &&
	    is_address(strsep(&words, " "), six, &to) &&
	    is_port(strsep(&words, " ")) && is_port(words))
		return PROXY_DONE;
	return PROXY_BAD;
}

static enum proxy_status
parse_v1(const char *text, size_t len, struct proxy_header *h)
{
	static const char start[] = "PROXY ";
	const size_t start_len = sizeof(start) - 1;
	char line[PROXY_V1_MAX + 1];
	const char *lf;

	if (memcmp(text, start, least(len, start_len)) != 0)
		return PROXY_BAD;
	lf = memchr(text, '\n', least(len, PROXY_V1_MAX));
	if (lf == NULL)
		return len < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
	h->len = (size_t)(lf + 1 - text);
	memcpy(line, text, h->len);
	if (lf[-1] != '\r' || memchr(line, '\0', h->len) != NULL)
		return PROXY_BAD;
	line[h->len - 2] = '\0';
	return read_words(line + start_len, h);
}

/* Octets of the type-length-value at p, or 0 when it does not fit. */
static size_t
value_octets(const unsigned char *p, size_t left)
{
	size_t octets = left < TLV_FIXED ? 0 : TLV_FIXED + get16(p + 1);

	return octets <= left ? octets : 0;
}

/* What TLS was, with values of its own behind it. */
static bool
read_ssl(const unsigned char *p, size_t left, bool *tls)
{
	size_t n;

	if (left < SSL_FIXED)
		return false;
	*tls = (p[0] & SSL_CLIENT) != 0;
	for (p += SSL_FIXED, left -= SSL_FIXED; left > 0; p += n, left -= n)
		if ((n = value_octets(p, left)) == 0)
			return false;
	return true;
}

static bool
read_values(const unsigned char *p, size_t left, bool *tls)
{
	size_t n;

	for (; left > 0; p += n, left -= n)
		if ((n = value_octets(p, left)) == 0 ||
		    (p[0] == TLV_SSL &&
			!read_ssl(p + TLV_FIXED, n - TLV_FIXED, tls)))
			return false;
	return true;
}

/* All of the header is there. */
static enum proxy_status
read_v2(const unsigned char *p, struct proxy_header *h)
{
	/* Of an unknown family, of IPv4, IPv6 and local ones. */
	static const size_t octets[] = { 0, 12, 36, 216 };
	const unsigned char *body = p + V2_FIXED;
	size_t left = h->len - V2_FIXED;
	int family = p[13] >> 4, transport = p[13] & 15;

	/* A known family comes with TCP or UDP, and only TCP is a client's. */
	if (family > 3 || transport > 2 || (family == 0) != (transport == 0) ||
	    left < octets[family])
		return PROXY_BAD;
	h->client = transport == 1 && family < 3 ? PROXY_KNOWN : PROXY_UNKNOWN;
	if (family == 1)
		address_v4(&h->address, body);
	else if (family == 2)
		memcpy(h->address.octets, body, sizeof(h->address.octets));
	body += octets[family];
	return read_values(body, left - octets[family], &h->tls) ? PROXY_DONE
								 : PROXY_BAD;
}

static enum proxy_status
parse_v2(const unsigned char *p, size_t len, struct proxy_header *h)
{
	if (memcmp(p, signature, least(len, sizeof(signature))) != 0)
		return PROXY_BAD;
	if (len < V2_FIXED)
		return PROXY_MORE;
	h->len = V2_FIXED + get16(p + 14);
	if (h->len > PROXY_V2_MAX || (p[12] != 0x20 && p[12] != 0x21))
		return PROXY_BAD;
	if (len < h->len)
		return PROXY_MORE;
	if (p[12] == 0x21)
		return read_v2(p, h);
	/* What else the header of such a one says does not count. */
	h->client = PROXY_ITSELF;
	return PROXY_DONE;
}

enum proxy_status
proxy_parse(const void *octets, size_t len, struct proxy_header *header)
{
	const unsigned char *p = octets;
	struct proxy_header h = { .len = 0 };
	enum proxy_status status;

	if (len == 0)
		return PROXY_MORE;
	status = *p == signature[0] ? parse_v2(p, len, &h)
				    : parse_v1(octets, len, &h);
	if (status == PROXY_DONE)
		*header = h;
	return status;
}
