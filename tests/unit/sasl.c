/* SPDX-License-Identifier: ISC */
/* The mechanisms of AUTH: the examples of their RFCs, and what is near them. */

#include <crypt.h>

#include "chance.h"
#include "sasl.h"
#include "scram_client.h"
#include "tap.h"

static const unsigned char key[SITE_KEY] = "the key of this site";
static const char stamp[] = "<1896.697170952@dbc.mtview.ca.us>";
static struct sasl x;

static struct secret
line_of(const char *line)
{
	struct secret s;

	secret_parse(line, strlen(line), &s);
	return s;
}

static enum sasl_status
begin(enum sasl_mechanism m)
{
	return sasl_begin(&x, m, false, stamp);
}

static enum sasl_status
say(const char *message)
{
	return sasl_take(&x, message, strlen(message));
}

static enum sasl_status
look(const char *line)
{
	const struct secret s = line_of(line);

	return sasl_look(&x, &s, key);
}

static void
names(void)
{
	static const char *const others[] = { "", "PLAI", "PLAINX", "PLAIN ",
		"SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "EXTERNAL", "APOP" };
	static const bool clear[SASL_MECHANISMS] = {
		[SASL_PLAIN] = true, [SASL_LOGIN] = true
	};

	for (unsigned int m = 0; m < SASL_MECHANISMS; m++) {
		char small[32];

		check(sasl_find(sasl_name(m)) == m, "%s", sasl_name(m));
		for (size_t i = 0; i <= strlen(sasl_name(m)); i++)
			small[i] = sasl_name(m)[i] >= 'A'
			    ? (char)(sasl_name(m)[i] | 0x20)
			    : sasl_name(m)[i];
		check(sasl_find(small) == m, "P3-360: %s", small);
		check(sasl_is_clear(m) == clear[m], "%s", sasl_name(m));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check(sasl_find(others[i]) == SASL_MECHANISMS, "\"%s\"",
		    others[i]);
	(void)point("P3-360, P3-361: names in any case, and no others");
}

/* A message with its NULs, and what becomes of it. */
static const struct {
	const char *message;
	size_t len;
	enum sasl_status status;
	const char *name, *password;
} plain_rows[] = {
#define ROW(message, ...)                                 \
	{                                                 \
		message, sizeof(message) - 1, __VA_ARGS__ \
	}
	/* RFC 5034 section 6 and RFC 4616 section 4. */
	ROW("test\0test\0test", SASL_PASSWORD, "test", "test"),
	ROW("\0tim\0tanstaaftanstaaf", SASL_PASSWORD, "tim",
	    "tanstaaftanstaaf"),
	ROW("\0tim\0two  words ", SASL_PASSWORD, "tim", "two  words "),
	/* Nobody acts as somebody else. */
	ROW("Ursel\0Kurt\0xipj3plmq", SASL_PASSWORD, "", "xipj3plmq"),
	ROW("tim \0tim\0x", SASL_PASSWORD, "", "x"),
	ROW("ti\0tim\0x", SASL_PASSWORD, "", "x"),
	ROW("TIM\0tim\0x", SASL_PASSWORD, "", "x"),
	/* A name or a password of nothing is a wrong one. */
	ROW("\0\0x", SASL_PASSWORD, "", "x"),
	ROW("\0tim\0", SASL_PASSWORD, "tim", ""),
	ROW("\0\0", SASL_PASSWORD, "", ""),
	ROW("", SASL_BAD, "", ""),
	ROW("tim", SASL_BAD, "", ""),
	ROW("tim\0x", SASL_BAD, "", ""),
	ROW("\0", SASL_BAD, "", ""),
	ROW("\0tim\0x\0", SASL_BAD, "", ""),
	ROW("\0tim\0x\0y", SASL_BAD, "", ""),
	ROW("\0tim\0\0", SASL_BAD, "", ""),
	ROW("\0\0\0", SASL_BAD, "", ""),
#undef ROW
};

static void
plain(void)
{
	char message[CHANNEL_SECRET];

	is(begin(SASL_PLAIN), SASL_CONTINUE, "PLAIN begins");
	is_str(x.challenge, "", "P3-363: with an empty challenge");
	for (size_t i = 0; i < sizeof(plain_rows) / sizeof(plain_rows[0]);
	     i++) {
		(void)begin(SASL_PLAIN);
		check(sasl_take(&x, plain_rows[i].message, plain_rows[i].len) ==
			plain_rows[i].status,
		    "row %zu", i);
		if (plain_rows[i].status == SASL_PASSWORD)
			check(strcmp(x.name, plain_rows[i].name) == 0 &&
				strcmp(x.proof, plain_rows[i].password) == 0,
			    "row %zu: \"%s\", \"%s\"", i, x.name, x.proof);
	}
	(void)point("P3-375, P3-376: messages of PLAIN");

	/* Three fields of 255 octets (RFC 4616 section 2). */
	memset(message, 'p', sizeof(message));
	message[0] = '\0';
	message[256] = '\0';
	(void)begin(SASL_PLAIN);
	ok(sasl_take(&x, message, 512) == SASL_PASSWORD && x.name[0] == '\0' &&
		strlen(x.proof) == 255,
	    "P3-368: a name of 255 octets is nobody's");
	message[4] = '\0';
	(void)begin(SASL_PLAIN);
	message[256] = 'p';
	ok(sasl_take(&x, message, CHANNEL_SECRET - 1) == SASL_PASSWORD &&
		strlen(x.proof) == CHANNEL_SECRET - 6,
	    "P3-368: the longest message");
	(void)begin(SASL_PLAIN);
	is(sasl_take(&x, message, CHANNEL_SECRET), SASL_BAD,
	    "and one that is longer");
}

static void
login(void)
{
	is(begin(SASL_LOGIN), SASL_CONTINUE, "LOGIN begins");
	is_str(x.challenge, "Username:", "P3-385: the first prompt");
	is(say("tim"), SASL_CONTINUE, "a name");
	is_str(x.challenge, "Password:", "P3-385: the second prompt");
	ok(say(" pass word ") == SASL_PASSWORD && strcmp(x.name, "tim") == 0 &&
		strcmp(x.proof, " pass word ") == 0,
	    "a name and a password");
	is(sasl_begin(&x, SASL_LOGIN, true, stamp), SASL_CONTINUE,
	    "the name may come with the command");
	(void)begin(SASL_LOGIN);
	is(sasl_take(&x, "t\0m", 3), SASL_BAD, "a NUL in the name");
	(void)begin(SASL_LOGIN);
	(void)say("tim");
	is(sasl_take(&x, "x\0y", 3), SASL_BAD, "a NUL in the password");
	(void)begin(SASL_LOGIN);
	ok(say("") == SASL_CONTINUE && say("") == SASL_PASSWORD &&
		x.name[0] == '\0' && x.proof[0] == '\0',
	    "nothing is a wrong one");
}

static void
cram(void)
{
	static const struct {
		const char *message;
		enum sasl_status status;
		const char *name, *digest;
	} rows[] = {
		{ "tim 0", SASL_LOOKUP, "tim", "0" },
		{ "two words 0", SASL_LOOKUP, "two words", "0" },
		{ "tim ", SASL_LOOKUP, "tim", "" },
		{ " 0", SASL_LOOKUP, "", "0" },
		{ " ", SASL_LOOKUP, "", "" },
		{ "tim", SASL_BAD, "", "" },
		{ "", SASL_BAD, "", "" },
	};
	/* RFC 2195 section 2. */
	static const char example[] =
	    "<1896.697170952@postoffice.reston.mci.net>",
			  answer[] = "tim b913a602c7eda7a495b4e6e7334d3890";
	char before[CHANNEL_TEXT] = "";

	for (int i = 0; i < 1000; i++) {
		size_t len;

		check(begin(SASL_CRAM_MD5) == SASL_CONTINUE, "begin");
		len = strlen(x.challenge);
		check(x.challenge[0] == '<' && x.challenge[len - 1] == '>' &&
			strcspn(x.challenge, " ,@") == 1 + 24 &&
			strcmp(strchr(x.challenge, '@'),
			    "@dbc.mtview.ca.us>") == 0,
		    "\"%s\"", x.challenge);
		check(strcmp(before, x.challenge) != 0, "\"%s\" again", before);
		memcpy(before, x.challenge, len + 1);
	}
	(void)point("P3-377: a fresh msg-id each time");
	is(sasl_begin(&x, SASL_CRAM_MD5, true, stamp), SASL_BAD,
	    "P3-365: an initial response is an error");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)begin(SASL_CRAM_MD5);
		check(say(rows[i].message) == rows[i].status, "\"%s\"",
		    rows[i].message);
		if (rows[i].status == SASL_LOOKUP)
			check(strcmp(x.name, rows[i].name) == 0 &&
				strcmp(x.proof, rows[i].digest) == 0,
			    "\"%s\": \"%s\"", rows[i].message, x.name);
	}
	(void)point("P3-377: answers, split at the last blank");
	for (size_t at = 0; at < strlen(answer); at++)
		for (int bit = 0; bit < 8; bit++) {
			char wrong[sizeof(answer)];

			memcpy(wrong, answer, sizeof(answer));
			wrong[at] ^= (char)(bit == 7 ? 0 : 1 << bit);
			(void)begin(SASL_CRAM_MD5);
			memcpy(x.challenge, example, sizeof(example));
			if (say(wrong) != SASL_LOOKUP ||
			    strcmp(x.name, "tim") != 0)
				continue;
			check(look("tanstaaftanstaaf") ==
				(bit == 7 ? SASL_GRANTED : SASL_DENIED),
			    "\"%s\"", wrong);
		}
	(void)point("P3-377: the example of RFC 2195, and what is near it");
	(void)begin(SASL_CRAM_MD5);
	memcpy(x.challenge, example, sizeof(example));
	(void)say(answer);
	is(look("!tanstaaftanstaaf"), SASL_DENIED, "a locked line");
	is(look("tanstaaftanstaaf"), SASL_DENIED, "no second look");
}

/* RFC 7677 section 3. */
static const char user_line[] = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
				"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
				"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char transcript[] = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" NONCE
				 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char final[] = "c=biws,r=" NONCE
			    ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

/* As far as the example is when the server has chosen its part of the nonce. */
static void
enter_example(const char *line)
{
	(void)begin(SASL_SCRAM_SHA_256);
	check(say(first) == SASL_LOOKUP && strcmp(x.name, "user") == 0 &&
		look(line) == SASL_CONTINUE,
	    "the first message");
	check(strncmp(x.challenge, "r=rOprNGfwEbeRWgbNEkqO", 22) == 0 &&
		strcmp(strchr(x.challenge, ','),
		    ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == 0 &&
		strcspn(x.challenge, ",") == 22 + 24,
	    "\"%s\"", x.challenge);
	memcpy(x.scram.nonce, NONCE, sizeof(NONCE));
	memcpy(x.scram.transcript, transcript, sizeof(transcript));
}

static void
scram_example(void)
{
	char wrong[sizeof(final)];

	enter_example(user_line);
	is(say(final), SASL_CONTINUE, "P3-378: the example of RFC 7677");
	is_str(x.challenge, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	    "P3-371: what the server shows, before the client is in");
	is(say(""), SASL_GRANTED, "P3-371: an empty message, and it is");
	is(say(""), SASL_BAD, "and nothing behind that");

	for (size_t n = 0; n < strlen(final); n++) {
		enum sasl_status status;

		enter_example(user_line);
		status = sasl_take(&x, final, n);
		check(status == SASL_DENIED || status == SASL_BAD, "cut at %zu",
		    n);
		check(say("") == SASL_BAD, "cut at %zu, and on", n);
		for (int bit = 0; bit < 7; bit++) {
			memcpy(wrong, final, sizeof(final));
			wrong[n] ^= (char)(1 << bit);
			enter_example(user_line);
			status = say(wrong);
			check(status == SASL_DENIED || status == SASL_BAD,
			    "\"%s\"", wrong);
			check(say("") == SASL_BAD, "\"%s\", and on", wrong);
		}
	}
	(void)point("P3-379: no octet of it may be another");
	enter_example(user_line);
	is(sasl_take(&x, final, sizeof(final)), SASL_BAD,
	    "nor a NUL behind it");
	enter_example(user_line);
	(void)say(final);
	is(say("x"), SASL_BAD, "P3-371: nor anything behind the server's word");
}

/* First messages: what the name is, or that there is none. */
static void
scram_first(void)
{
	static const struct {
		const char *message, *name;
	} rows[] = {
		{ "n,,n=user,r=x", "user" },
		{ "y,,n=user,r=x", "user" },
		{ "n,a=user,n=user,r=x", "user" },
		{ "n,a=other,n=user,r=x", "" },
		{ "n,a=use,n=user,r=x", "" },
		{ "n,a=a=3Db,n=a=3Db,r=x", "a=b" },
		{ "n,,n=a=2Cb=3Dc,r=x", "a,b=c" },
		{ "n,,n==3D=3D2C,r=x", "==2C" },
		{ "n,,n=user,r=x,a=b,c", "user" },
		{ "n,,n=,r=x", "" },
		{ "n,,n=user,r=!~", "user" },
		/* P3-380 */
		{ "n,,n=a=2cb,r=x", NULL },
		{ "n,,n=a=3db,r=x", NULL },
		{ "n,,n=a=b,r=x", NULL },
		{ "n,,n=a=,r=x", NULL },
		{ "n,,n=a=2,r=x", NULL },
		{ "n,,n=a=20,r=x", NULL },
		{ "n,a=a=b,n=a=b,r=x", NULL },
		/* P3-381 */
		{ "p=tls-unique,,n=user,r=x", NULL },
		{ "p,,n=user,r=x", NULL },
		{ "N,,n=user,r=x", NULL },
		{ "x,,n=user,r=x", NULL },
		{ "nn,,n=user,r=x", NULL },
		{ "n=x,,n=user,r=x", NULL },
		{ "n,,m=x,n=user,r=x", NULL },
		{ "n,n=user,r=x", NULL },
		{ "n,b=user,n=user,r=x", NULL },
		{ "n,a=,n=user,r=x", NULL },
		{ "n=user,r=x", NULL },
		{ "n,,r=x,n=user", NULL },
		{ "n,,n=user", NULL },
		{ "n,,n=user,", NULL },
		{ "n,,n=user,r=", NULL },
		{ "n,,n=user,r=a b", NULL },
		{ "n,,n=user,r=\x80", NULL },
		{ "n,,n=user,r=\x7f", NULL },
		{ "n,,n=user,s=x", NULL },
		{ "n,,N=user,r=x", NULL },
		{ "n,,", NULL },
		{ "n,", NULL },
		{ "n", NULL },
		{ "", NULL },
		{ ",,n=user,r=x", NULL },
	};
	char message[CHANNEL_SECRET];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum sasl_status status;

		(void)begin(SASL_SCRAM_SHA_256);
		status = say(rows[i].message);
		check(status == (rows[i].name ? SASL_LOOKUP : SASL_BAD),
		    "\"%s\"", rows[i].message);
		if (rows[i].name != NULL)
			check(strcmp(x.name, rows[i].name) == 0,
			    "\"%s\": \"%s\"", rows[i].message, x.name);
		(void)begin(SASL_SCRAM_SHA_256);
		check(sasl_take(&x, rows[i].message,
			  strlen(rows[i].message) + 1) == SASL_BAD,
		    "\"%s\" and a NUL", rows[i].message);
	}
	(void)point("P3-378, P3-380, P3-381: first messages");
	for (size_t len = 1; len < 1000; len++) {
		int n = snprintf(message, sizeof(message), "n,,n=user,r=");

		memset(message + n, 'x', len);
		message[(size_t)n + len] = '\0';
		(void)begin(SASL_SCRAM_SHA_256);
		check(say(message) ==
			(len <= SASL_NONCE ? SASL_LOOKUP : SASL_BAD),
		    "a nonce of %zu", len);
		if (len > SASL_NONCE)
			continue;
		check(look("secret") == SASL_CONTINUE &&
			strcspn(x.challenge, ",") == 2 + len + 24,
		    "\"%s\"", x.challenge);
		check(strlen(x.challenge) < sizeof(x.challenge) - 1 &&
			strstr(x.challenge, ",i=4096") != NULL,
		    "\"%s\" is cut", x.challenge);
	}
	(void)point("nonces of every length");
	for (size_t len = 1; len < 900; len++) {
		(void)snprintf(message, sizeof(message), "n,a=%0*d,n=%0*d,r=x",
		    (int)(len < 400 ? len : 1), 0, (int)len, 0);
		(void)begin(SASL_SCRAM_SHA_256);
		check(say(message) ==
			(len > 195 && len < 400 ? SASL_BAD : SASL_LOOKUP),
		    "a name of %zu", len);
		check(strlen(x.name) ==
			(len < CHANNEL_NAME && len < 400 ? len : 0),
		    "a name of %zu is \"%s\"", len, x.name);
	}
	(void)point("names of every length");
}

/* A client that knows a password, before each kind of line. */
static void
scram_lines(void)
{
	static const struct {
		const char *line;
		enum sasl_status status;
	} rows[] = {
		{ "pencil", SASL_CONTINUE },
		{ "{PLAIN}pencil", SASL_CONTINUE },
		{ user_line, SASL_CONTINUE },
		{ "Pencil", SASL_DENIED },
		{ "pencil ", SASL_DENIED },
		{ "!pencil", SASL_DENIED },
		{ "", SASL_DENIED },
		{ "$6$saltsalt$x", SASL_DENIED },
	};
	static const char *const headers[] = { "n,,", "y,,", "n,a=user," };
	char texts[2][SCRAM_TEXT], message[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			(void)snprintf(message, sizeof(message), "%s%s",
			    headers[k], "n=user,r=nonce");
			(void)begin(SASL_SCRAM_SHA_256);
			check(say(message) == SASL_LOOKUP &&
				look(rows[i].line) == SASL_CONTINUE &&
				scram_client("pencil", headers[k],
				    "n=user,r=nonce", x.challenge, texts),
			    "\"%s\": \"%s\"", rows[i].line, x.challenge);
			check(say(texts[0]) == rows[i].status, "\"%s\"",
			    rows[i].line);
			if (rows[i].status == SASL_CONTINUE)
				check(strcmp(x.challenge, texts[1]) == 0 &&
					say("") == SASL_GRANTED,
				    "\"%s\": \"%s\"", rows[i].line,
				    x.challenge);
			else
				check(say("") == SASL_BAD, "\"%s\"",
				    rows[i].line);
		}
	(void)point("P3-379: plain and SCRAM lines serve, others do not");

	/* The header that is proved must be the one that was sent. */
	(void)begin(SASL_SCRAM_SHA_256);
	(void)say("y,,n=user,r=nonce");
	(void)look("pencil");
	(void)scram_client(
	    "pencil", "n,,", "n=user,r=nonce", x.challenge, texts);
	is(say(texts[0]), SASL_DENIED, "P3-379: another header");
	/* Replay: the proof of one exchange in another. */
	(void)begin(SASL_SCRAM_SHA_256);
	(void)say("n,,n=user,r=nonce");
	(void)look("pencil");
	(void)scram_client(
	    "pencil", "n,,", "n=user,r=nonce", x.challenge, texts);
	(void)begin(SASL_SCRAM_SHA_256);
	(void)say("n,,n=user,r=nonce");
	(void)look("pencil");
	is(say(texts[0]), SASL_DENIED, "P3-379: of another exchange");
}

/* Messages in any order, some of them right: nobody is in who should not be. */
static void
out_of_turn(void)
{
	static const char *const messages[] = { "", "user", "pencil", "=",
		"n,,n=user,r=x", "user 0", "c=biws,r=x,p=AAAA", final, first,
		",p=", "c=biws,r=,p=" };
	int continued = 0;

	for (int round = 0; round < 200000; round++) {
		enum sasl_mechanism m = (enum sasl_mechanism)chance(
		    SASL_MECHANISMS);
		enum sasl_status status = sasl_begin(
		    &x, m, chance(2) == 0, stamp);

		for (size_t n = chance(6); n > 0; n--) {
			if (chance(4) == 0)
				status = look(chance(2) ? user_line : "pencil");
			else
				status = say(messages[chance(
				    sizeof(messages) / sizeof(messages[0]))]);
			continued += status == SASL_CONTINUE;
			check(status != SASL_GRANTED, "%s in round %d",
			    sasl_name(m), round);
		}
	}
	check(continued > 1000, "only %d went on", continued);
	(void)point("out of turn nothing is granted");
}

int
main(void)
{
	chance_open();
	names();
	plain();
	login();
	cram();
	scram_example();
	scram_first();
	scram_lines();
	out_of_turn();
	return done();
}
