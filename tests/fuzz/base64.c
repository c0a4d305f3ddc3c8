/* SPDX-License-Identifier: ISC */
/*
 * Property: what decodes is what is encoded again; what is encoded decodes to
 * itself; nothing is written behind the room, and no more is taken than fits.
 */

#include "base64.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t room = (size_t)take(&in, 2) % 1024, len = in.len, got;
	char *text = take_rest(&in);
	uint8_t *octets = malloc(room + 1);
	char *again = malloc(BASE64_TEXT(len + room));

	must(octets != NULL && again != NULL);
	if (base64_decode(text, len, octets, room, &got) == 0) {
		must(got <= room);
		base64_encode(octets, got, again);
		must(strlen(again) == len && memcmp(again, text, len) == 0);
	}
	base64_encode(text, len, again);
	must(strlen(again) + 1 == BASE64_TEXT(len));
	if (base64_decode(again, strlen(again), octets, room, &got) == 0)
		must(got == len && memcmp(octets, text, len) == 0);
	else
		must(room < len);
	free(text);
	free(octets);
	free(again);
	return 0;
}
