/* SPDX-License-Identifier: ISC */
/* A bar for who waits at a terminal.  Runs as: restantectl. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "progress.h"

enum { WIDTH = 40, MOMENT = 500, PAUSE = 100 };

static void
draw(const struct progress *p)
{
	static const char full[] = "========================================";
	int n = WIDTH, percent = 100;

	_Static_assert(sizeof(full) == WIDTH + 1, "a full bar");
	if (p->done < p->total) {
		n = (int)((double)p->done / (double)p->total * WIDTH);
		percent = (int)((double)p->done / (double)p->total * 100);
	}
	fprintf(
	    stderr, "\r%s [%-*.*s] %3d%%", p->what, WIDTH, n, full, percent);
}

void
progress_step(struct progress *p, uint64_t more)
{
	int64_t now = clock_ms();

	p->done += more;
	if (p->next == 0)
		p->next = isatty(STDERR_FILENO) ? now + MOMENT : INT64_MAX;
	if (now < p->next)
		return;
	p->next = now + PAUSE;
	p->shown = true;
	draw(p);
}

void
progress_end(struct progress *p)
{
	/* As long as a bar with its percentage. */
	if (p->shown)
		fprintf(
		    stderr, "\r%*s\r", (int)strlen(p->what) + WIDTH + 8, "");
	p->shown = false;
}
