/* SPDX-License-Identifier: ISC */
/*
 * Property: what a client gets when it takes the stuffing out of a body is the
 * text with CRLF line ends, whatever the pieces; no line of it ends the reply
 * too early; and the octets counted are those of the text.
 */

#include "fuzz.h"
#include "reply.h"
#include "slow_wire.h"

enum { CUTS = 32 };

/* As a client does it, in place.  Returns what is left of len. */
static size_t
unstuff(char *p, size_t len)
{
	size_t to = 0;
	bool bol = true;

	must(len >= 3 && memcmp(p + len - 3, ".\r\n", 3) == 0);
	len -= 3;
	must(len == 0 || memcmp(p + len - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < len; i++) {
		if (bol && p[i] == '.') {
			must(len - i >= 3 && memcmp(p + i, ".\r\n", 3) != 0);
			i++;
		}
		must(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
		bol = p[i] == '\n';
		p[to++] = p[i];
	}
	return to;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reply r;
	struct input in = { data, size };
	size_t pieces[CUTS], count = take_lengths(&in, pieces, CUTS);
	size_t at = 0, got, want_len;
	char *text = take_rest(&in), *want = malloc(2 * in.len + 2);

	must(want != NULL);
	if (in.len > REPLY_BUFFER / 3) {
		free(text);
		free(want);
		return 0;
	}
	r = (struct reply){ .fd = -1 };
	reply_ok(&r, "here");
	r.len = 0;
	for (size_t i = 0; at < in.len; i++) {
		size_t n = i < count ? pieces[i] : in.len;

		if (n > in.len - at)
			n = in.len - at;
		reply_body(&r, text + at, n);
		at += n;
	}
	want_len = slow_crlf(text, in.len, want);
	must(reply_octets(&r) == want_len);
	reply_end(&r);
	must(r.error == 0 && reply_octets(&r) == want_len);
	got = unstuff(r.buf, r.len);
	must(got == want_len && memcmp(r.buf, want, got) == 0);
	free(text);
	free(want);
	return 0;
}
