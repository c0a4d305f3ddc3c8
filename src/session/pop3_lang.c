/* SPDX-License-Identifier: ISC */
/*
 * LANG: RFC 6856 section 3.  The language is what the client asks for, and never
 * follows from a name.  Runs as: session.
 */

#include <string.h>

#include "pop3.h"
#include "words.h"

static void
list_languages(struct session *s)
{
	reply_ok(&s->out, "languages follow");
	for (int i = 0; i < WORDS_LANGUAGES; i++)
		reply_line(&s->out, "%s %s", words_languages[i].tag,
		    words_languages[i].name);
	reply_end(&s->out);
}

enum next
pop3_lang(struct session *s, char **arg)
{
	int language;

	if (arg[0] == NULL) {
		list_languages(s);
		return NEXT_STAY;
	}
	language = strcmp(arg[0], "*") == 0 ? s->set->language
					    : words_look_up(arg[0]);
	if (language == -1)
		return session_refuse(s, "no such language here");
	s->out.language = language;
	reply_ok(&s->out, "%s in English from here on",
	    words_languages[language].tag);
	return NEXT_STAY;
}
