/* SPDX-License-Identifier: ISC */
/*
 * Property: whatever the file of penalties holds, what is read from it is within
 * its bounds, what is written is read back, and nothing hangs: a failure counts,
 * the same again does not, and a price is a string.
 */

#include <fcntl.h>
#include <unistd.h>

#include "fds.h"
#include "fuzz.h"
#include "penalties.h"

enum { MOST = 20 };

static int dir = -1;
static char path[] = "/tmp/fuzz-penalties-XXXXXX";

static void
remove_dir(void)
{
	(void)unlinkat(dir, "penalties", 0);
	(void)rmdir(path);
}

static void
open_dir(void)
{
	must(mkdtemp(path) != NULL);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir != -1 && atexit(remove_dir) == 0);
}

/* The file's content: from the input, or one that is right but for some octets. */
static void
fill(struct input *in)
{
	size_t changes = (size_t)take(in, 1);
	const unsigned char *p = in->p;
	int file, fd;

	if (changes % 2 == 0)
		must((file = penalties_open(dir)) != -1);
	fd = openat(dir, "penalties", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd != -1);
	if (changes % 2 != 0) {
		must(ftruncate(fd, 0) == 0);
		must(pwrite(fd, p, in->len, 0) == (ssize_t)in->len);
		in->len = 0;
	} else {
		fds_close(&file);
	}
	for (size_t i = 0; i < changes / 2 && in->len >= 4; i++) {
		off_t at = (off_t)take(in, 3) % 240000;
		unsigned char octet = (unsigned char)take(in, 1);

		must(pwrite(fd, &octet, 1, at) == 1);
	}
	must(close(fd) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct address a = { { 0x20, 1 } };
	unsigned char mark[SHA256_SIZE] = { 1 };
	struct price price, again;
	unsigned int before, after;
	int64_t now;
	int p;

	if (dir == -1)
		open_dir();
	now = (int64_t)take(&in, 8);
	a.octets[2] = (unsigned char)take(&in, 1);
	fill(&in);
	must((p = penalties_open(dir)) != -1);
	penalties_price(p, &price);
	must(memchr(price.decoy, '\0', sizeof(price.decoy)) != NULL);
	before = penalties_count(p, &a, now);
	must(before <= MOST);
	penalties_add(p, &a, now, mark);
	after = penalties_count(p, &a, now);
	must(after >= 1 && (after == before || after == before + 1));
	penalties_add(p, &a, now, mark);
	must(penalties_count(p, &a, now) == after);
	price = (struct price){ (uint32_t)size, "$1$" };
	penalties_set_price(p, &price);
	penalties_price(p, &again);
	must(memcmp(&price, &again, sizeof(price)) == 0);
	penalties_take_place(p, &a, 1);
	penalties_give_back(p);
	fds_close(&p);
	return 0;
}
