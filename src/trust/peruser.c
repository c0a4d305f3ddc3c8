/* SPDX-License-Identifier: ISC */
/* A setting with a value for each user.  Runs as: master, attendant, session. */

#include <string.h>

#include "num.h"
#include "peruser.h"
#include "users.h"

int
peruser_next(const char **text, struct peruser *p)
{
	char word[CHANNEL_NAME + sizeof("=18446744073709551615")];
	char *value = word, *equals;
	size_t len;

	*text += strspn(*text, " ");
	len = strcspn(*text, " ");
	if (len == 0)
		return 0;
	if (len >= sizeof(word))
		return -1;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;

	p->name[0] = '\0';
	equals = strchr(word, '=');
	if (equals != NULL) {
		*equals = '\0';
		if (!users_is_name(word))
			return -1;
		memcpy(p->name, word, (size_t)(equals + 1 - word));
		value = equals + 1;
	}
	p->value = PERUSER_NEVER;
	if (strcmp(value, "never") == 0)
		return 1;
	return num_parse(value, PERUSER_NEVER - 1, &p->value) == 0 ? 1 : -1;
}

uint64_t
peruser_of(const char *setting, const char *user)
{
	uint64_t value = PERUSER_NEVER;
	struct peruser p;

	while (peruser_next(&setting, &p) == 1) {
		if (strcmp(p.name, user) == 0)
			return p.value;
		if (p.name[0] == '\0')
			value = p.value;
	}
	return value;
}

void
peruser_range(const char *setting, uint64_t *least, uint64_t *most)
{
	struct peruser p;

	*least = PERUSER_NEVER;
	*most = 0;
	while (peruser_next(&setting, &p) == 1) {
		if (p.value < *least)
			*least = p.value;
		if (p.value > *most)
			*most = p.value;
	}
}
