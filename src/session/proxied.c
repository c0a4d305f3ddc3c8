/* SPDX-License-Identifier: ISC */
/* A client behind a proxy.  Runs as: session. */

#include "address.h"
#include "login.h"
#include "proxied.h"
#include "proxy.h"
#include "title.h"

_Static_assert((int)PROXY_V2_MAX < (int)LINE_BUFFER, "a header fits");

/* Reads until there is a header, and takes it out of what has come. */
static int
read_header(struct session *s, struct proxy_header *h)
{
	struct line_reader *in = &s->in;
	enum proxy_status status = PROXY_MORE;
	enum line_status more;

	while (status == PROXY_MORE) {
		more = line_more(in, s->login_deadline);
		if (more != LINE_OK) {
			s->reason = line_reason(more);
			return -1;
		}
		status = proxy_parse(
		    in->buf + in->start, in->end - in->start, h);
	}
	if (status == PROXY_BAD) {
		s->reason = "proxy-header";
		return -1;
	}
	in->start += h->len;
	return 0;
}

int
proxied_meet(struct session *s)
{
	struct proxy_header h;

	if (read_header(s, &h) == -1)
		return -1;
	switch (h.client) {
	case PROXY_ITSELF:
		break;
	case PROXY_UNKNOWN:
		/* Not the proxy's own: that one may be trusted. */
		s->peer = "unknown";
		break;
	case PROXY_KNOWN:
		address_text(&h.address, s->client);
		s->peer = s->client;
		login_introduce(s);
		break;
	}
	s->protected = s->protected || h.tls;
	title_set("session - %s", s->peer);
	return 0;
}
