/* SPDX-License-Identifier: ISC */
/*
 * SHA-256: the vectors of FIPS 180, and pieces of every length; HMAC: those of
 * RFC 4231; PBKDF2: those of RFC 7914 section 11 and of SCRAM (RFC 7677).
 */

#include "base64.h"
#include "chance.h"
#include "hash.h"
#include "num.h"
#include "sum_tool.h"
#include "tap.h"

#define TEN(x) x x x x x x x x x x

static const struct {
	const char *text, *digest;
} vectors[] = {
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "abc",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

/* RFC 4231 section 4: key, data, result. */
static const struct {
	const char *key, *data, *mac;
} macs[] = {
	{ TEN("\x0b") TEN("\x0b"), "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ "Jefe", "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ TEN("\xaa") TEN("\xaa"),
	    TEN("\xdd") TEN("\xdd") TEN("\xdd") TEN("\xdd") TEN("\xdd"),
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
	    TEN("\xcd") TEN("\xcd") TEN("\xcd") TEN("\xcd") TEN("\xcd"),
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ TEN("\x0c") TEN("\x0c"), "Test With Truncation",
	    "a3b6167473100ee06e0c796c2955552b" },
	{ TEN(TEN("\xaa")) TEN("\xaa") TEN("\xaa") TEN("\xaa") "\xaa",
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ TEN(TEN("\xaa")) TEN("\xaa") TEN("\xaa") TEN("\xaa") "\xaa",
	    "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

static void
hash(const void *data, size_t len, size_t cut, char hex[SUM_TOOL_HEX])
{
	static const struct hash zero;
	const unsigned char *p = data;
	unsigned char digest[SHA256_SIZE];
	struct hash s;

	hash_init(&s, &sha256);
	hash_update(&s, p, cut);
	hash_update(&s, p + cut, len - cut);
	hash_final(&s, digest);
	num_hex(digest, sizeof(digest), hex);
	check(memcmp(&s, &zero, sizeof(s)) == 0, "not wiped");
}

static void
hash_all(const void *data, size_t len, char hex[SUM_TOOL_HEX])
{
	hash(data, len, len, hex);
}

static void
try_vectors(void)
{
	char hex[SUM_TOOL_HEX], a[64];
	unsigned char digest[SHA256_SIZE];
	struct hash s;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = strlen(vectors[i].text);

		for (size_t cut = 0; cut <= len; cut++) {
			hash(vectors[i].text, len, cut, hex);
			check(strcmp(hex, vectors[i].digest) == 0,
			    "vector %zu cut at %zu: %s", i, cut, hex);
		}
		(void)point(
		    "FIPS 180, \"%s\", in every two pieces", vectors[i].text);
	}
	memset(a, 'a', sizeof(a));
	hash_init(&s, &sha256);
	for (int i = 0; i < 1000000 / 64; i++)
		hash_update(&s, a, sizeof(a));
	hash_final(&s, digest);
	num_hex(digest, sizeof(digest), hex);
	is_str(hex,
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	    "FIPS 180, a million times \"a\"");
}

/* Around a block, and around the place of the length in it. */
static void
try_lengths(void)
{
	unsigned char text[300], digest[SHA256_SIZE];
	char hex[SUM_TOOL_HEX], whole[SUM_TOOL_HEX];
	struct hash s;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)chance_word();
	for (size_t len = 0; len < sizeof(text); len++) {
		hash(text, len, len, whole);
		hash_init(&s, &sha256);
		for (size_t i = 0; i < len; i++)
			hash_update(&s, text + i, 1);
		hash_final(&s, digest);
		num_hex(digest, sizeof(digest), hex);
		check(strcmp(hex, whole) == 0, "%zu octets one by one", len);
		for (size_t cut = 0; cut <= len; cut++) {
			hash(text, len, cut, hex);
			check(strcmp(hex, whole) == 0, "%zu octets cut at %zu",
			    len, cut);
		}
	}
	(void)point(
	    "every length to %zu octets, in every two pieces", sizeof(text));
	sum_tool_compare("sha256sum", text, sizeof(text), hash_all);

	/* The length is one of bits, and needs more than 32 of them. */
	hash(text, 64, 64, whole);
	hash_init(&s, &sha256);
	s.length = UINT64_C(1) << 29;
	hash_update(&s, text, 64);
	hash_final(&s, digest);
	num_hex(digest, sizeof(digest), hex);
	ok(strcmp(hex, whole) != 0, "half a gigabyte more is not the same");
}

/* What RFC 4231 cuts is compared as far as it goes. */
static void
try_hmac(void)
{
	unsigned char mac[SHA256_SIZE];
	char hex[SUM_TOOL_HEX];

	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
		hmac_sha256(macs[i].key, strlen(macs[i].key), macs[i].data,
		    strlen(macs[i].data), mac);
		num_hex(mac, sizeof(mac), hex);
		hex[strlen(macs[i].mac)] = '\0';
		is_str(hex, macs[i].mac, "RFC 4231 section 4.%zu", i + 2);
	}
	for (size_t len = 63; len <= 66; len++) {
		char key[66];
		unsigned char digest[SHA256_SIZE], other[SHA256_SIZE];
		struct hash s;

		memset(key, 'k', sizeof(key));
		hash_init(&s, &sha256);
		hash_update(&s, key, len);
		hash_final(&s, digest);
		hmac_sha256(key, len, "data", 4, mac);
		hmac_sha256(digest, sizeof(digest), "data", 4, other);
		check((memcmp(mac, other, sizeof(mac)) == 0) == (len > 64),
		    "a key of %zu octets", len);
	}
	(void)point("RFC 2104: a key longer than a block is hashed");
}

static void
is_key(const char *password, const char *salt, size_t saltlen, uint32_t count,
    const char *want)
{
	unsigned char key[SHA256_SIZE];
	char hex[SUM_TOOL_HEX];

	pbkdf2_sha256(password, salt, saltlen, count, key);
	num_hex(key, sizeof(key), hex);
	is_str(hex, want, "PBKDF2, \"%s\", %u iterations", password, count);
}

static void
try_pbkdf2(void)
{
	unsigned char salt[16];
	size_t len;

	/* The first half of the key that the RFC makes. */
	is_key("passwd", "salt", 4, 1,
	    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	is_key("password", "salt", 4, 1,
	    "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
	is_key("password", "salt", 4, 2,
	    "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43");
	is_key("password", "salt", 4, 4096,
	    "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
	need(base64_decode(
		 "W22ZaJ0SNY7soEsUEjb6gQ==", 24, salt, sizeof(salt), &len) == 0,
	    "the salt");
	/* SaltedPassword of RFC 7677 section 3. */
	is_key("pencil", (const char *)salt, len, 4096,
	    "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
}

int
main(void)
{
	chance_open();
	try_vectors();
	try_lengths();
	try_hmac();
	try_pbkdf2();
	return done();
}
