/* SPDX-License-Identifier: ISC */
/* XXH64: known hashes, pieces of every length, and what xxhsum says. */

#include "chance.h"
#include "sum_tool.h"
#include "tap.h"
#include "xxh64.h"

static void
hash(const void *data, size_t len, size_t cut, size_t cut2, char *hex)
{
	const unsigned char *p = data;
	unsigned char out[XXH64_SIZE];
	struct xxh64 x;

	xxh64_init(&x);
	xxh64_update(&x, p, cut);
	xxh64_update(&x, p + cut, cut2 - cut);
	xxh64_update(&x, p + cut2, len - cut2);
	xxh64_final(&x, out);
	for (size_t i = 0; i < sizeof(out); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", out[i]);
}

static void
hash_all(const void *data, size_t len, char hex[SUM_TOOL_HEX])
{
	hash(data, len, len, len, hex);
}

int
main(void)
{
	static const struct {
		const char *text, *hash;
	} known[] = {
		{ "", "ef46db3751d8e999" },
		{ "a", "d24ec4f1a98c6e5b" },
		{ "abc", "44bc2cf5ad770999" },
	};
	unsigned char text[300];
	char hex[SUM_TOOL_HEX], whole[SUM_TOOL_HEX];

	chance_open();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		hash_all(known[i].text, strlen(known[i].text), hex);
		is_str(hex, known[i].hash, "\"%s\"", known[i].text);
	}

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)chance_word();
	for (size_t len = 0; len < sizeof(text); len++) {
		hash_all(text, len, whole);
		for (size_t cut = 0; cut <= len; cut++) {
			hash(text, len, cut, cut + chance(len - cut + 1), hex);
			check(strcmp(hex, whole) == 0, "%zu octets cut at %zu",
			    len, cut);
		}
	}
	(void)point(
	    "every length to %zu octets, in every two pieces", sizeof(text));

	sum_tool_compare("xxhsum -q -H64", text, sizeof(text), hash_all);
	return done();
}
