/* SPDX-License-Identifier: ISC */
/*
 * MD5: the vectors of RFC 1321 A.5, and pieces of every length; HMAC-MD5: those of
 * RFC 2202.
 */

#include "chance.h"
#include "hash.h"
#include "num.h"
#include "sum_tool.h"
#include "tap.h"

static const struct {
	const char *text, *digest;
} vectors[] = {
	{ "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	    "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ "1234567890123456789012345678901234567890123456789012345678901234567"
	  "8901234567890",
	    "57edf4a22be3c955ac49da2e2107b67a" },
};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static void
hash(const void *data, size_t len, size_t cut, size_t cut2, char *hex)
{
	const unsigned char *p = data;
	unsigned char digest[MD5_SIZE];
	struct hash m;

	hash_init(&m, &md5);
	hash_update(&m, p, cut);
	hash_update(&m, p + cut, cut2 - cut);
	hash_update(&m, p + cut2, len - cut2);
	hash_final(&m, digest);
	num_hex(digest, sizeof(digest), hex);
}

static void
hash_all(const void *data, size_t len, char hex[SUM_TOOL_HEX])
{
	hash(data, len, len, len, hex);
}

#define TEN(x) x x x x x x x x x x

/* RFC 2202 section 2: key, data, result. */
static const struct {
	const char *key, *data, *mac;
} macs[] = {
	{ TEN("\x0b") "\x0b"
		      "\x0b"
		      "\x0b"
		      "\x0b"
		      "\x0b"
		      "\x0b",
	    "Hi There", "9294727a3638bb1c13f48ef8158bfc9d" },
	{ "Jefe", "what do ya want for nothing?",
	    "750c783e6ab0b503eaa86e310a5db738" },
	{ TEN("\xaa") "\xaa"
		      "\xaa"
		      "\xaa"
		      "\xaa"
		      "\xaa"
		      "\xaa",
	    TEN("\xdd") TEN("\xdd") TEN("\xdd") TEN("\xdd") TEN("\xdd"),
	    "56be34521d144c88dbb8c733f0e8b3f6" },
	{ "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
	    TEN("\xcd") TEN("\xcd") TEN("\xcd") TEN("\xcd") TEN("\xcd"),
	    "697eaf0aca3a3aea3a75164746ffaa79" },
	{ TEN("\x0c") "\x0c"
		      "\x0c"
		      "\x0c"
		      "\x0c"
		      "\x0c"
		      "\x0c",
	    "Test With Truncation", "56461ef2342edc00f9bab995690efd4c" },
	{ TEN("\xaa") TEN("\xaa") TEN("\xaa") TEN("\xaa") TEN("\xaa")
		TEN("\xaa") TEN("\xaa") TEN("\xaa"),
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd" },
	{ TEN("\xaa") TEN("\xaa") TEN("\xaa") TEN("\xaa") TEN("\xaa")
		TEN("\xaa") TEN("\xaa") TEN("\xaa"),
	    "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
	    "6f630fad67cda0ee1fb1f562db3aa53e" },
};

static void
try_hmac(void)
{
	unsigned char mac[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];

	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
		hmac_md5(macs[i].key, strlen(macs[i].key), macs[i].data,
		    strlen(macs[i].data), mac);
		num_hex(mac, sizeof(mac), hex);
		is_str(hex, macs[i].mac, "RFC 2202 section 2, case %zu", i + 1);
	}
}

int
main(void)
{
	static const struct hash zero;
	unsigned char text[300], digest[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1], whole[2 * MD5_SIZE + 1];
	struct hash m;

	chance_open();
	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = strlen(vectors[i].text);

		for (size_t cut = 0; cut <= len; cut++)
			for (size_t cut2 = cut; cut2 <= len; cut2++) {
				hash(vectors[i].text, len, cut, cut2, hex);
				check(strcmp(hex, vectors[i].digest) == 0,
				    "vector %zu cut at %zu, %zu: %s", i, cut,
				    cut2, hex);
			}
		(void)point("RFC 1321 A.5, \"%s\", in every three pieces",
		    vectors[i].text);
	}

	/* Around a block, and around the place of the length in it. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)chance_word();
	for (size_t len = 0; len < sizeof(text); len++) {
		hash(text, len, len, len, whole);
		hash_init(&m, &md5);
		for (size_t i = 0; i < len; i++)
			hash_update(&m, text + i, 1);
		hash_final(&m, digest);
		num_hex(digest, sizeof(digest), hex);
		check(strcmp(hex, whole) == 0, "%zu octets one by one", len);
		for (size_t cut = 0; cut <= len; cut++) {
			hash(text, len, cut, cut + chance(len - cut + 1), hex);
			check(strcmp(hex, whole) == 0, "%zu octets cut at %zu",
			    len, cut);
		}
		check(memcmp(&m, &zero, sizeof(m)) == 0, "not wiped");
	}
	(void)point(
	    "every length to %zu octets, in every two pieces", sizeof(text));

	sum_tool_compare("md5sum", text, sizeof(text), hash_all);
	try_hmac();

	/* The length is one of bits, and needs more than 32 of them. */
	hash_init(&m, &md5);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a';
	m.length = UINT64_C(1) << 29;
	hash_update(&m, text, 64);
	hash_final(&m, digest);
	num_hex(digest, sizeof(digest), whole);
	hash_init(&m, &md5);
	hash_update(&m, text, 64);
	hash_final(&m, digest);
	num_hex(digest, sizeof(digest), hex);
	ok(strcmp(hex, whole) != 0, "half a gigabyte more is not the same");
	return done();
}
