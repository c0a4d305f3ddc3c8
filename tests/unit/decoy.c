/* SPDX-License-Identifier: ISC */
/* Password lines that are nobody's: of the same price, with nothing secret. */

#include <crypt.h>

#include "secret.h"
#include "tap.h"

/* Methods of crypt(5), each with two prices. */
static const struct {
	const char *prefix;
	unsigned long count[2];
} methods[] = {
	{ "$1$", { 0, 0 } },
	{ "$2b$", { 4, 5 } },
	{ "$2y$", { 4, 5 } },
	{ "$5$", { 0, 1001 } },
	{ "$6$", { 0, 1001 } },
	{ "$7$", { 6, 7 } },
	{ "$y$", { 1, 2 } },
	{ "$gy$", { 1, 2 } },
};

static struct crypt_data cd;

static void
decoy_of(const char *line, char decoy[SECRET_DECOY])
{
	struct secret s;

	secret_parse(line, strlen(line), &s);
	secret_decoy(&s, decoy);
}

/* A hash by a method, with a salt made of an octet. */
static bool
make(const char *prefix, unsigned long count, char octet,
    char hash[CRYPT_OUTPUT_SIZE])
{
	char random[64], setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made;

	memset(random, octet, sizeof(random));
	if (crypt_gensalt_rn(prefix, count, random, sizeof(random), setting,
		sizeof(setting)) == NULL)
		return false;
	made = crypt_r("secret", setting, &cd);
	if (made == NULL || made[0] == '*')
		return false;
	(void)snprintf(hash, CRYPT_OUTPUT_SIZE, "%s", made);
	return true;
}

static void
hashes(void)
{
	char one[CRYPT_OUTPUT_SIZE], other[CRYPT_OUTPUT_SIZE];
	char decoy[SECRET_DECOY], same[SECRET_DECOY];
	size_t known = 0;
	struct secret s;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *prefix = methods[i].prefix, *got;
		unsigned long low = methods[i].count[0];
		unsigned long high = methods[i].count[1];

		if (!make(prefix, low, 1, one) || !make(prefix, low, 2, other))
			continue;
		known++;
		decoy_of(one, decoy);
		decoy_of(other, same);
		check(strlen(decoy) == strlen(one), "%s: its length", decoy);
		check(strcmp(decoy, same) == 0, "%s and %s", decoy, same);
		secret_parse(decoy, strlen(decoy), &s);
		check(s.kind == SECRET_CRYPT, "%s is a hash", decoy);
		check(!secret_is_password(&s, "secret"), "%s opens", decoy);
		got = crypt_r("secret", decoy, &cd);
		check(got != NULL && strlen(got) == strlen(one) &&
			strncmp(got, decoy, strspn(decoy, "$12567ybg")) == 0,
		    "%s can be checked", decoy);
		for (size_t n = 12; n + 12 < strlen(one); n++)
			check(memcmp(one + n, decoy + n, 12) != 0,
			    "%s has some of %s", decoy, one);
		if (low == high)
			continue;
		check(make(prefix, high, 1, other), "%s", prefix);
		decoy_of(other, same);
		check(strcmp(decoy, same) != 0, "%s has another price", other);
	}
	check(known >= 4, "%zu methods are known here", known);
	point("a decoy of a hash: its price, and no more of it");
}

static void
others(void)
{
	static const char scram[] =
	    "{SCRAM-SHA-256}12345,c2FsdHNhbHQ=,"
	    "c3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3RvcmVkc3Q=,"
	    "c2VydmVyc2VydmVyc2VydmVyc2VydmVyc2VydmVyc2U=";
	static const char *const cheap[] = { "secret", "{PLAIN}secret", "",
		"!secret", "!$6$salt$hash", "From x", "{SCRAM-SHA-256}1" };
	char decoy[SECRET_DECOY], same[SECRET_DECOY];
	struct secret s;

	for (size_t i = 0; i < sizeof(cheap) / sizeof(cheap[0]); i++) {
		decoy_of(cheap[i], decoy);
		check(decoy[0] == '\0', "%s", cheap[i]);
	}
	point("what costs nothing has none");
	decoy_of("{CRYPT}abNANd1rDfiNc", decoy);
	is_str(decoy, "{CRYPT}.............", "a decoy of a hash by DES");
	decoy_of("{CRYPT}_J9..abcdefghijklmno", decoy);
	is_str(decoy, "{CRYPT}_J9.................", "of one with a price");
	decoy_of(scram, decoy);
	secret_parse(decoy, strlen(decoy), &s);
	check(
	    s.kind == SECRET_SCRAM && s.scram.iterations == 12345, "%s", decoy);
	check(strstr(decoy, "c2Fsd") == NULL, "the salt");
	check(strstr(decoy, "c3Rvc") == NULL, "a key");
	check(strstr(decoy, "c2Vyd") == NULL, "the other");
	decoy_of(decoy, same);
	check(strcmp(decoy, same) == 0, "%s and %s", decoy, same);
	point("a decoy of a SCRAM line: its iterations, and no more of it");
}

int
main(void)
{
	hashes();
	others();
	return done();
}
