/* SPDX-License-Identifier: ISC */
/* A setting with a value for each user: its words, and what it says of whom. */

#include "peruser.h"
#include "tap.h"

static const struct {
	const char *text;
	int status[5]; /* of each call, to the first that is not 1 */
	uint64_t alice, bob, least, most;
} rows[] = {
	{ "0", { 1, 0 }, 0, 0, 0, 0 },
	{ "30", { 1, 0 }, 30, 30, 30, 30 },
	{ "never", { 1, 0 }, PERUSER_NEVER, PERUSER_NEVER, PERUSER_NEVER,
	    PERUSER_NEVER },
	{ "30 alice=never", { 1, 1, 0 }, PERUSER_NEVER, 30, 30, PERUSER_NEVER },
	{ "never  alice=7 bob=9", { 1, 1, 1, 0 }, 7, 9, 7, PERUSER_NEVER },
	{ "5 al=1 alice.=2 bob=7 alice=3", { 1, 1, 1, 1, 1 }, 3, 7, 1, 7 },
	{ " 5 Alice=1 ", { 1, 1, 0 }, 5, 5, 1, 5 },
	{ "18446744073709551614", { 1, 0 }, UINT64_MAX - 1, UINT64_MAX - 1,
	    UINT64_MAX - 1, UINT64_MAX - 1 },
};

static const char *const bad[] = {
	"x", "-1", "3 4x", "=", "=3", "alice=", "alice==3", "alice=bob=3",
	"ALICE=Never", "Never", "never3", "a/b=3", ".a=3", "a.lock=3",
	"\xc3\xa9=3", "alice=3,bob=4", "3\t4", "18446744073709551615",
	"18446744073709551616",
	"a23456789012345678901234567890123456789012345678901234567890123456=3",
	("300000000000000000000000000000000000000000000000000000000000000000000"
	 "000000000000000000000000000000000000000000000000000000000000000000")
};

int
main(void)
{
	uint64_t least, most;
	struct peruser p;
	const char *rest;
	int status;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rest = rows[i].text;
		for (int n = 0; n < 5; n++) {
			status = peruser_next(&rest, &p);
			check(status == rows[i].status[n], "\"%s\", word %d",
			    rows[i].text, n);
			if (status != 1)
				break;
		}
		check(peruser_of(rows[i].text, "alice") == rows[i].alice,
		    "\"%s\": alice", rows[i].text);
		check(peruser_of(rows[i].text, "bob") == rows[i].bob,
		    "\"%s\": bob", rows[i].text);
		peruser_range(rows[i].text, &least, &most);
		check(least == rows[i].least && most == rows[i].most,
		    "\"%s\": %ju to %ju", rows[i].text, (uintmax_t)least,
		    (uintmax_t)most);
	}
	(void)point("what a setting says of everybody, of one, and of all");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest = bad[i];
		while ((status = peruser_next(&rest, &p)) == 1)
			;
		check(status == -1, "\"%s\" is taken", bad[i]);
	}
	(void)point("what is neither a value nor a user's is refused");

	rest = "64x45678901234567890123456789012345678901234567890123456789"
	       "01234=18446744073709551614";
	check(peruser_next(&rest, &p) == 1 && p.value == UINT64_MAX - 1 &&
		strlen(p.name) == CHANNEL_NAME - 1,
	    "the longest word");
	(void)point("the longest name and the largest number fit");
	return done();
}
