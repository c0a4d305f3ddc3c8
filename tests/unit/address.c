/* SPDX-License-Identifier: ISC */
/* Addresses and networks, against bits counted one by one. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "address.h"
#include "tap.h"

static struct address
of(const char *text)
{
	struct address a;

	need(address_parse(text, &a) == 0, text);
	return a;
}

static bool
same(struct address a, struct address b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool
bit(const struct address *a, unsigned int n)
{
	return a->octets[n / 8] >> (7 - n % 8) & 1;
}

static void
parses(void)
{
	static const char *const bad[] = { "", " ", "1", "1.2.3", "1.2.3.4.5",
		"1.2.3.256", "local", "::1 ", "[::1]", "1.2.3.4/8", ":",
		"fe80::1%eth0" };
	struct address a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(address_parse(bad[i], &a) == -1, "%s", bad[i]);
	point("what is no address");
	check(same(of("192.0.2.1"), of("::ffff:192.0.2.1")), "mapped");
	check(!same(of("192.0.2.1"), of("::192.0.2.1")), "not mapped");
	point("an address of IPv4 is itself, however it was written");
}

/* From a socket's address to text and back. */
static void
texts(void)
{
	static const char *const all[] = { "192.0.2.1", "0.0.0.0", "::", "::1",
		"2001:db8::ffff:1", "255.255.255.255",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} from;
	char text[ADDRESS_TEXT];
	struct address a;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool six = strchr(all[i], ':') != NULL;

		memset(&from, 0, sizeof(from));
		from.any.ss_family = six ? AF_INET6 : AF_INET;
		need(inet_pton(from.any.ss_family, all[i],
			 six ? (void *)&from.v6.sin6_addr
			     : (void *)&from.v4.sin_addr) == 1,
		    all[i]);
		check(address_of(&from.any, &a) == 0, "%s", all[i]);
		check(same(a, of(all[i])), "%s", all[i]);
		address_text(&a, text);
		check(strcmp(text, all[i]) == 0, "%s is %s", all[i], text);
	}
	from.any.ss_family = AF_UNIX;
	check(address_of(&from.any, &a) == -1, "a local socket");
	point("socket addresses");
}

static void
clients(void)
{
	struct address a, b = of("192.0.2.1"), c = of("192.0.2.2");

	ok(!same(address_client(&b), address_client(&c)),
	    "two addresses of IPv4 are two clients");
	for (unsigned int i = 0; i < 128; i++) {
		b = a = of("2001:db8:1:2:3:4:5:6");
		b.octets[i / 8] ^= (unsigned char)(0x80 >> i % 8);
		check(same(address_client(&a), address_client(&b)) == (i >= 64),
		    "bit %u", i);
	}
	point("those of IPv6 are one within a /64");
}

/* Addresses that differ in any one octet are spread over a table of any size. */
static void
hashes(void)
{
	static const char *const from[] = { "192.0.2.0", "2001:db8::" };
	enum { SIZES = 2 };
	static const uint32_t sizes[SIZES] = { 1024, 1100 };

	for (size_t i = 0; i < 2; i++)
		for (size_t octet = i == 0 ? 12 : 0; octet < 16; octet++)
			for (uint64_t seed = 0; seed < 20; seed++)
				for (size_t s = 0; s < SIZES; s++) {
					unsigned int used = 0;
					bool seen[1100] = { false };
					struct address a = of(from[i]);

					for (int n = 0; n < 256; n++) {
						uint32_t at;

						a.octets[octet] =
						    (unsigned char)n;
						at = address_hash(&a, seed) %
						    sizes[s];
						used += !seen[at];
						seen[at] = true;
					}
					/* Of 256 by chance, some 226. */
					check(used > 195,
					    "%s, octet %zu: %u places", from[i],
					    octet, used);
				}
	point("addresses are spread over a table");
}

static void
lists(void)
{
	static const char *const bad[] = { "1.2.3.4/33", "1.2.3.4/", "/8",
		"10.0.0.0/-1", "::1/129", "127.0.0.0/8,::1", "none",
		"127.0.0.0/8 x", "0.0.0.0/08x" };
	static const char *const inner[] = { "10.0.0.1/8", "2001:db8::1/64",
		"10.0.0.0/8 0.0.0.1/0 x", "::ffff:10.0.0.0/8" };
	char many[1024] = "";
	struct networks ns;
	struct address a;

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		check(networks_parse(inner[i], &ns) == -1 && errno == EDOM,
		    "%s", inner[i]);
	point("an address amid its network");
	/* errno is not what the last one left there. */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(networks_parse(bad[i], &ns) == -1 && errno != EDOM, "%s",
		    bad[i]);
	point("what is no list of networks");
	a = of("127.0.0.1");
	check(networks_parse("", &ns) == 0 && ns.count == 0, "empty");
	check(!networks_have(&ns, &a), "nobody is in an empty one");
	check(networks_parse(" \t10.0.0.0/8\t ::1 ", &ns) == 0 && ns.count == 2,
	    "blanks");
	point("a list may be empty, or have blanks at its ends");
	for (int i = 0; i < ADDRESS_NETWORKS; i++)
		(void)strcat(many, "::1 ");
	check(networks_parse(many, &ns) == 0, "as many as there may be");
	(void)strcat(many, "::1 ");
	check(networks_parse(many, &ns) == -1, "one more");
	point("and is as long as it may be");
	check(networks_parse("0.0.0.0/0", &ns) == 0, "all of IPv4");
	check(networks_have(&ns, &a), "has one of IPv4");
	a = of("2001:db8::1");
	check(!networks_have(&ns, &a), "has none of IPv6");
	point("all of IPv4 is none of IPv6");
}

/* Every length, each with addresses that differ in one bit. */
static void
membership(void)
{
	char text[128], name[64];
	struct networks ns;
	struct address a;

	for (unsigned int len = 0; len <= 128; len++) {
		struct address base = of("2001:db8:aaaa:5555:ffff:1:8000:ffff");

		for (unsigned int i = len; i < 128; i++)
			base.octets[i / 8] &= (unsigned char)~(0x80 >> i % 8);
		need(inet_ntop(AF_INET6, &base, name, sizeof(name)) != NULL,
		    "inet_ntop");
		(void)snprintf(
		    text, sizeof(text), "10.1.0.0/16 %s/%u", name, len);
		check(networks_parse(text, &ns) == 0, "%s", text);
		for (unsigned int i = 0; i < 128; i++) {
			a = base;
			a.octets[i / 8] ^= (unsigned char)(0x80 >> i % 8);
			check(networks_have(&ns, &a) == (i >= len),
			    "%s, bit %u is %d", text, i, bit(&a, i));
		}
		check(networks_have(&ns, &base), "%s itself", text);
	}
	point("who is in a network, by its length");
	need(networks_parse("10.1.0.0/16", &ns) == 0, "10.1.0.0/16");
	a = of("10.1.255.255");
	check(networks_have(&ns, &a), "the last");
	a = of("10.2.0.0");
	check(!networks_have(&ns, &a), "one behind it");
	point("the same of IPv4");
}

int
main(void)
{
	parses();
	texts();
	clients();
	hashes();
	lists();
	membership();
	return done();
}
