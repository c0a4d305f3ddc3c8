/* SPDX-License-Identifier: ISC */
/*
 * Property: only what a regular expression calls a name is a name, so that none
 * has a slash, a leading dot or the ending of a lock file.
 */

#include <regex.h>

#include "fuzz.h"
#include "users.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static regex_t name, lock;
	static bool compiled;
	struct input in = { data, size };
	char *s = take_string(&in);
	bool is_name = users_is_name(s);

	if (!compiled)
		must(regcomp(&name, "^[A-Za-z0-9][A-Za-z0-9._+@-]*$",
			 REG_EXTENDED | REG_NOSUB) == 0 &&
		    regcomp(&lock, "\\.lock$", REG_EXTENDED | REG_NOSUB) == 0);
	compiled = true;
	must(is_name ==
	    (strlen(s) <= 64 && regexec(&name, s, 0, NULL, 0) == 0 &&
		regexec(&lock, s, 0, NULL, 0) != 0));
	must(
	    !is_name || (strchr(s, '/') == NULL && s[0] != '.' && s[0] != '-'));
	free(s);
	return 0;
}
