/* SPDX-License-Identifier: ISC */
/* Which language a range means; tests/daemon/words.t looks at the texts. */

#include "conf.h"
#include "tap.h"
#include "words.h"

static void
ranges(void)
{
	static const char *const none[] = { "", "*", "e", "d", "deu", "dee",
		"x-de", "i-de", "pt", "-", "-de", "de-", "de--AT", "de_AT",
		"de AT", " de", "de ", "*-de", "de-*", "de-123456789",
		"de-\xc3\xa4", "dE-a.b", "xx-de", "123456789" };
	static const char *const ends[] = { "", "-AT", "-at", "-Latn-AT",
		"-1996", "-x-a-b-c", "-a", "-12345678-12345678" };
	char range[64];

	for (int i = 0; i < WORDS_LANGUAGES; i++) {
		const char *tag = words_languages[i].tag;

		for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++)
			for (int cases = 0; cases < 4; cases++) {
				(void)snprintf(
				    range, sizeof(range), "%s%s", tag, ends[k]);
				range[0] -= (char)(cases & 1 ? 0x20 : 0);
				range[1] -= (char)(cases & 2 ? 0x20 : 0);
				check(words_look_up(range) == i, "%s", range);
			}
	}
	for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++)
		check(words_look_up(none[k]) == -1, "\"%s\"", none[k]);
	(void)point("a range ends at its language, in any case");

	for (int c = 0; c < 256; c++) {
		(void)snprintf(range, sizeof(range), "de%c", c);
		check(
		    words_look_up(range) == (c == '\0' ? 1 : -1), "de, %d", c);
		(void)snprintf(range, sizeof(range), "de-%c", c);
		check((words_look_up(range) == 1) ==
			((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z')),
		    "de-, %d", c);
	}
	(void)point("any octet behind it");
}

static void
texts(void)
{
	static const char text[] = "not a text of this server";
	static const char known[] = "log in first";

	for (int i = 0; i < WORDS_LANGUAGES; i++) {
		check(words_in(i, text) == text, "%d", i);
		check((strcmp(words_in(i, known), known) == 0) ==
			(i == WORDS_ENGLISH),
		    "%s", words_in(i, known));
	}
	(void)point("a text that is not in the table stays as it is");
}

static void
setting(void)
{
	static struct conf c;
	char error[CONF_ERROR];

	for (int i = 0; i < WORDS_LANGUAGES; i++) {
		conf_init(&c);
		check(conf_set(&c, "language", words_languages[i].tag, error) ==
			    0 &&
			c.language == (uint64_t)i,
		    "%s", words_languages[i].tag);
	}
	(void)point("the setting has them in the same order");
}

int
main(void)
{
	ranges();
	texts();
	setting();
	return done();
}
