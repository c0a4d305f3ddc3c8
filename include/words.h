/* SPDX-License-Identifier: ISC */
/*
 * What is said to people, in several languages: RFC 6856 section 3.
 * Runs as: session.
 */
#ifndef WORDS_H
#define WORDS_H

/* The first is English, in which everything is said until LANG. */
enum { WORDS_ENGLISH, WORDS_LANGUAGES = 6 };

/* A tag of RFC 5646, and the language's own name. */
extern const struct words_language {
	const char *tag, *name;
} words_languages[WORDS_LANGUAGES];

/*
 * The language for a range such as "de-AT" by the lookup of RFC 4647 section 3.4,
 * which ends with "de"; or -1.
 */
int words_look_up(const char *range);

/*
 * An English text in another language; itself where it has no translation.  Both
 * take the same arguments.
 */
const char *
words_in(int language, const char *english) __attribute__((format_arg(2)));

#endif
