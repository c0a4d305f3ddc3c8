/* SPDX-License-Identifier: ISC */
/* Addresses and networks. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "address.h"
#include "num.h"
#include "sum.h"

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

enum { BITS = 128, MAPPED_BITS = 96, CLIENT_BITS = 64 };

static bool
is_v4(const struct address *a)
{
	return memcmp(a->octets, mapped, sizeof(mapped)) == 0;
}

void
address_v4(struct address *a, const void *octets)
{
	memcpy(a->octets, mapped, sizeof(mapped));
	memcpy(a->octets + sizeof(mapped), octets, 4);
}

int
address_parse(const char *text, struct address *a)
{
	struct in_addr v4;

	if (inet_pton(AF_INET6, text, a->octets) == 1)
		return 0;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return -1;
	address_v4(a, &v4);
	return 0;
}

int
address_of(const struct sockaddr_storage *ss, struct address *a)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} from = { .any = *ss };

	switch (ss->ss_family) {
	case AF_INET:
		address_v4(a, &from.v4.sin_addr);
		return 0;
	case AF_INET6:
		memcpy(a->octets, &from.v6.sin6_addr, sizeof(a->octets));
		return 0;
	default:
		return -1;
	}
}

void
address_text(const struct address *a, char text[ADDRESS_TEXT])
{
	/* Neither can fail: the family is known, and the place enough. */
	if (is_v4(a))
		(void)inet_ntop(
		    AF_INET, a->octets + sizeof(mapped), text, ADDRESS_TEXT);
	else
		(void)inet_ntop(AF_INET6, a->octets, text, ADDRESS_TEXT);
}

/* Clears what lies behind so many bits. */
static void
mask(struct address *a, unsigned int bits)
{
	for (unsigned int i = 0; i < sizeof(a->octets); i++) {
		if (bits >= 8) {
			bits -= 8;
			continue;
		}
		a->octets[i] &= (unsigned char)(0xff00 >> bits);
		bits = 0;
	}
}

struct address
address_client(const struct address *a)
{
	struct address client = *a;

	if (!is_v4(a))
		mask(&client, CLIENT_BITS);
	return client;
}

uint32_t
address_hash(const struct address *a, uint64_t seed)
{
	uint64_t sum = sum64(seed, a, sizeof(*a));

	/* The last octet shows in its high bits only. */
	sum = (sum ^ sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(sum >> 32);
}

/* "ADDRESS" or "ADDRESS/BITS"; the address is the network's first. */
static int
parse_network(char *text, struct network *n)
{
	char *slash = strchr(text, '/');
	bool six = strchr(text, ':') != NULL;
	struct address first;
	uint64_t bits = six ? BITS : BITS - MAPPED_BITS;

	if (slash != NULL) {
		*slash++ = '\0';
		if (num_parse(slash, bits, &bits) == -1)
			return -1;
	}
	if (address_parse(text, &n->base) == -1)
		return -1;
	n->bits = (unsigned int)bits + (six ? 0 : MAPPED_BITS);
	first = n->base;
	mask(&first, n->bits);
	if (memcmp(&first, &n->base, sizeof(first)) == 0)
		return 0;
	errno = EDOM;
	return -1;
}

int
networks_parse(const char *text, struct networks *ns)
{
	char word[INET6_ADDRSTRLEN + sizeof("/128")];
	size_t len;

	errno = EINVAL;
	ns->count = 0;
	for (;;) {
		text += strspn(text, " \t");
		len = strcspn(text, " \t");
		if (len == 0)
			return 0;
		if (len >= sizeof(word) || ns->count == ADDRESS_NETWORKS)
			return -1;
		memcpy(word, text, len);
		word[len] = '\0';
		if (parse_network(word, &ns->list[ns->count++]) == -1)
			return -1;
		text += len;
	}
}

bool
networks_have(const struct networks *ns, const struct address *a)
{
	struct address masked;

	for (size_t i = 0; i < ns->count; i++) {
		masked = *a;
		mask(&masked, ns->list[i].bits);
		if (memcmp(&masked, &ns->list[i].base, sizeof(masked)) == 0)
			return true;
	}
	return false;
}
