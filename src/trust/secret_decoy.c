/* SPDX-License-Identifier: ISC */
/* Password lines that are nobody's.  Runs as: attendant. */

#include <stdio.h>
#include <string.h>

#include "secret.h"

/* Where the salt of a hash begins: what stands before it says what it costs. */
static size_t
salt_of(const char *hash)
{
	const char *last = strrchr(hash, '$'), *before = last;

	if (last == NULL)
		return hash[0] == '_' ? 5 : 0; /* _J9.. or DES */
	if (strncmp(hash, "$2", 2) == 0)
		return 7; /* $2b$12$ */
	if (strncmp(hash, "$7$", 3) == 0)
		return 14; /* $7$CU..../.... */
	while (before > hash && *--before != '$')
		;
	return (size_t)(before - hash) + 1;
}

void
secret_decoy(const struct secret *s, char line[SECRET_DECOY])
{
	size_t len = strlen(s->text), salt;
	int mark;

	line[0] = '\0';
	if (s->kind == SECRET_SCRAM) {
		(void)snprintf(line, SECRET_DECOY,
		    "{SCRAM-SHA-256}%u,AAAAAAAAAAAAAAAAAAAAAA==,"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		    s->scram.iterations);
	} else if (s->kind == SECRET_CRYPT && len + 7 < SECRET_DECOY) {
		mark = snprintf(line, SECRET_DECOY, "%s",
		    s->text[0] == '$' ? "" : "{CRYPT}");
		line += mark;
		salt = salt_of(s->text);
		/* A dot is all zeros in every alphabet of crypt(5). */
		memcpy(line, s->text, len + 1);
		for (size_t i = salt; i < len; i++)
			if (line[i] != '$')
				line[i] = '.';
	}
}
