/* SPDX-License-Identifier: ISC */
/*
 * Property: whatever a client says that does not know the password, nobody is let
 * in, and no state comes that is not due; what has been said fits and is a string.
 * And a client that knows it, with any name, nonce and header that are allowed, is
 * let in by SCRAM and by no other step than the last.
 */

#include "fuzz.h"
#include "sasl.h"
#include "scram_client.h"

static const uint8_t key[SITE_KEY] = "the key of this site";
static const char password[] = "a password that nobody guesses";
static struct sasl x;

/* Two octets of length in front of each message. */
static size_t
take_message(struct input *in, char message[CHANNEL_SECRET])
{
	size_t len = (size_t)take(in, 2) % CHANNEL_SECRET;

	if (len > in->len)
		len = in->len;
	memcpy(message, in->p, len);
	message[len] = '\0';
	in->p += len;
	in->len -= len;
	return len;
}

static void
all_strings(void)
{
	must(memchr(x.name, '\0', sizeof(x.name)) != NULL);
	must(memchr(x.challenge, '\0', sizeof(x.challenge)) != NULL);
	must(memchr(x.scram.nonce, '\0', sizeof(x.scram.nonce)) != NULL);
	must(memchr(x.scram.transcript, '\0', sizeof(x.scram.transcript)) !=
	    NULL);
	must(strlen(x.challenge) < sizeof(x.challenge) - 1);
}

static void
knows_nothing(struct input *in, enum sasl_mechanism m, const struct secret *s)
{
	char message[CHANNEL_SECRET];
	enum sasl_status status = sasl_begin(
	    &x, m, take(in, 1) % 2 == 0, "<1.2@example.org>");

	for (int n = 0; n < 5; n++) {
		size_t len = take_message(in, message);

		if (status == SASL_LOOKUP) {
			status = sasl_look(&x, s, key);
			must(status == SASL_CONTINUE || status == SASL_DENIED);
		} else {
			bool due = status == SASL_CONTINUE;

			status = sasl_take(&x, message, len);
			must(due || status == SASL_BAD);
			must(status != SASL_GRANTED);
		}
		if (status == SASL_PASSWORD)
			must(sasl_is_clear(m) &&
			    strlen(x.proof) < CHANNEL_SECRET);
		all_strings();
	}
}

/* The messages of the other side are its own, but for its first. */
static void
knows_it(struct input *in, const struct secret *s)
{
	char first[CHANNEL_SECRET], header[CHANNEL_SECRET],
	    texts[2][SCRAM_TEXT];
	size_t len = take_message(in, first);
	const char *bare;

	(void)sasl_begin(&x, SASL_SCRAM_SHA_256, true, "<1.2@example.org>");
	if (sasl_take(&x, first, len) != SASL_LOOKUP)
		return;
	must(sasl_look(&x, s, key) == SASL_CONTINUE);
	bare = strchr(strchr(first, ',') + 1, ',') + 1;
	memcpy(header, first, (size_t)(bare - first));
	header[bare - first] = '\0';
	must(scram_client(password, header, bare, x.challenge, texts));
	must(sasl_take(&x, texts[0], strlen(texts[0])) == SASL_CONTINUE);
	must(strcmp(x.challenge, texts[1]) == 0);
	must(sasl_take(&x, "", 0) == SASL_GRANTED);
	all_strings();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int what = (unsigned int)take(&in, 1);
	struct secret s;

	secret_parse(password, strlen(password), &s);
	if (what % 2 == 0)
		knows_nothing(&in, what / 2 % SASL_MECHANISMS, &s);
	else
		knows_it(&in, &s);
	return 0;
}
