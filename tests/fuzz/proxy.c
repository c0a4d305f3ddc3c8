/* SPDX-License-Identifier: ISC */
/*
 * Property: what the begin of some octets says is not taken back by what follows:
 * a header stays the same one, what is none stays none; and one that was begun is
 * decided within its greatest length.
 */

#include "fuzz.h"
#include "proxy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header first = { 0 }, h;
	enum proxy_status was = PROXY_MORE, is;

	for (size_t len = 0; len <= size; len++) {
		uint8_t *octets = malloc(len + 1);

		/* A reading past the end is seen. */
		must(octets != NULL);
		memcpy(octets + 1, data, len);
		memset(&h, 0, sizeof(h));
		is = proxy_parse(octets + 1, len, &h);
		free(octets);
		if (was == PROXY_MORE && is == PROXY_DONE)
			first = h;
		must(was == PROXY_MORE || is == was);
		if (is == PROXY_DONE)
			must(h.len <= len && h.len > 0 &&
			    memcmp(&h, &first, sizeof(h)) == 0);
		if (is == PROXY_MORE)
			must(len < PROXY_V2_MAX);
		was = is;
	}
	return 0;
}
