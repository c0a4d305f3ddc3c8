/* SPDX-License-Identifier: ISC */
/* Base64: the vectors of RFC 4648 section 10, and what is no base64. */

#include "base64.h"
#include "chance.h"
#include "tap.h"

static const struct {
	const char *octets, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

/* Each is wrong in one way. */
static const char *const wrong[] = {
	"=AAA",
	"AAA=BBB",
	"AAA=BBBB",
	"Zg=",
	"Zg",
	"Z",
	"Zm9v!",
	"Zm 9v",
	"Zg==Zg==",
	"Zg===",
	"====",
	"===",
	"==",
	"=",
	"A===",
	"Zg=v",
	"Z=g=",
	"Zm9v\n",
	"Zm9v ",
	" Zm9v",
	"Zm9v====",
	"Zm9v=",
	"Zm-_",
	"Zh==",
	"Zm9=",
	"Zm9vYmF",
	"Zm9vYmFy=",
	"Zm9v\r\nZg==",
	"\xc3\xa9gg",
	"*",
};

enum { OCTETS = 64, TEXT = BASE64_TEXT(OCTETS) };

/* Whether text is taken; what is taken must be what would be written. */
static bool
taken(const char *text, size_t len)
{
	unsigned char octets[OCTETS];
	char again[TEXT];
	size_t got;

	if (base64_decode(text, len, octets, sizeof(octets), &got) == -1)
		return false;
	base64_encode(octets, got, again);
	check(strlen(again) == len && memcmp(again, text, len) == 0,
	    "\"%.*s\" is taken, and is \"%s\"", (int)len, text, again);
	return true;
}

static void
try_vectors(void)
{
	char text[TEXT], octets[OCTETS];
	size_t got;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = strlen(vectors[i].octets);

		base64_encode(vectors[i].octets, len, text);
		is_str(text, vectors[i].text, "RFC 4648 section 10: \"%s\"",
		    vectors[i].octets);
		check(base64_decode(text, strlen(text), octets, sizeof(octets),
			  &got) == 0,
		    "not taken");
		check(got == len && memcmp(octets, vectors[i].octets, len) == 0,
		    "%zu octets", got);
		(void)point("and back: \"%s\"", text);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		check(!taken(wrong[i], strlen(wrong[i])), "\"%s\"", wrong[i]);
	(void)point("P3-367 what is no base64 is refused");
}

/* Every group of four with each number of pads, as far as that is possible. */
static void
try_groups(void)
{
	size_t count = 0;
	char text[5] = "AA==";

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			count += taken(text, 4);
		}
	check(count == 256, "%zu groups", count);
	(void)point("of all with two pads as many as there are octets");

	count = 0;
	memcpy(text, "AAA=", 5);
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++)
			for (int c = 32; c < 128; c++) {
				text[0] = (char)a;
				text[1] = (char)b;
				text[2] = (char)c;
				count += taken(text, 4);
			}
	/* The third may be a pad: then it is one of those above. */
	check(count == 65536 + 256, "%zu groups", count);
	(void)point("of those with one pad as many as there are pairs");

	count = 0;
	for (int place = 0; place < 4; place++)
		for (int a = 0; a < 256; a++) {
			memcpy(text, "AAAA", 5);
			text[place] = (char)a;
			count += taken(text, 4);
		}
	/* A pad in the last place leaves two octets. */
	check(count == 4 * 64 + 1, "%zu groups", count);
	(void)point("P3-367 no octet but the 64 in any place");
}

static void
try_lengths(void)
{
	unsigned char octets[OCTETS], back[OCTETS];
	char text[TEXT];
	size_t got;

	for (size_t len = 0; len <= sizeof(octets); len++) {
		for (size_t i = 0; i < len; i++)
			octets[i] = (unsigned char)chance_word();
		memset(text, 'x', sizeof(text));
		base64_encode(octets, len, text);
		check(strlen(text) + 1 == BASE64_TEXT(len), "%zu octets", len);
		for (size_t cut = 0; cut < strlen(text); cut++)
			check(taken(text, cut) == (cut % 4 == 0),
			    "\"%s\" cut at %zu", text, cut);
		for (size_t size = 0; size < sizeof(back); size++) {
			int status;

			memset(back, 0xa5, sizeof(back));
			status = base64_decode(
			    text, strlen(text), back, size, &got);
			check(status == (size < len ? -1 : 0),
			    "%zu octets into %zu", len, size);
			check(back[size] == 0xa5, "behind %zu octets", size);
			check(status == -1 ||
				(got == len && memcmp(back, octets, len) == 0),
			    "%zu octets", len);
		}
		check(len <= strlen(text) / 4 * 3, "%zu octets", len);
	}
	(void)point("every length, into every room, cut everywhere");
}

int
main(void)
{
	chance_open();
	try_vectors();
	try_groups();
	try_lengths();
	return done();
}
