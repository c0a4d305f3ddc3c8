/* SPDX-License-Identifier: ISC */
/* The file of penalties.  Runs as: attendant. */

#include <sys/random.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "fds.h"
#include "io.h"
#include "penalties.h"
#include "sum.h"

enum {
	BUCKETS = 1024,
	PER_BUCKET = 4, /* in one of them, a client has its entry */
	MARK = 16,
	FORGET_TIME = 60, /* seconds until one failure does not count */
	FAILURES_MOST = 20,
};

struct header {
	uint64_t magic; /* and version */
	uint64_t seed;  /* of the buckets, so that nobody can choose one */
	uint64_t sum;   /* of the price */
	struct price price;
};

struct entry {
	struct address client;
	int64_t when; /* of the last failure */
	uint32_t failures, unused;
	unsigned char mark[MARK];
	uint64_t sum; /* of all above; a free one is all zeros */
};

struct bucket {
	struct entry entries[PER_BUCKET];
};

static const uint64_t magic = UINT64_C(0x3174736550747352);
static const off_t buckets_at = 512;
/* Octets that are only locked: the turn, a place each, and a client each. */
static const off_t turn_at = (off_t)1 << 39, places_at = (off_t)1 << 40,
		   clients_at = (off_t)1 << 41;

static_assert(sizeof(struct header) <= 512, "a header has its place");

/* Where the file is not open this fails, as reading does. */
static void
lock(int fd, short type, off_t at, off_t len)
{
	struct flock range = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = len };

	while (fcntl(fd, F_OFD_SETLKW, &range) == -1 && errno == EINTR)
		;
}

/* Whether nobody else has it.  What cannot be locked at all keeps nobody waiting. */
static bool
try_lock(int fd, off_t at)
{
	struct flock range = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &range) == 0 ||
	    (errno != EAGAIN && errno != EACCES);
}

static bool
read_header(int fd, struct header *h)
{
	return io_pread(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h) &&
	    h->magic == magic;
}

/* Two may have seen that it is none: the second finds it made. */
static int
make(int fd, int state_fd)
{
	struct header h = { .magic = magic };
	struct header found;
	int emptied = -1, status = 0;

	lock(fd, F_WRLCK, 0, buckets_at);
	if (!read_header(fd, &found)) {
		emptied = openat(state_fd, "penalties",
		    O_RDWR | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
		if (emptied == -1 ||
		    getrandom(&h.seed, sizeof(h.seed), 0) != sizeof(h.seed) ||
		    io_pwrite(fd, &h, sizeof(h), 0) == -1)
			status = -1;
	}
	lock(fd, F_UNLCK, 0, buckets_at);
	fds_close(&emptied);
	return status;
}

int
penalties_open(int state_fd)
{
	int fd = openat(state_fd, "penalties",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct header h;
	struct stat st;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		errno = EINVAL;
	else if (read_header(fd, &h) || make(fd, state_fd) == 0)
		return fd;
	fds_close(&fd);
	return -1;
}

static uint64_t
sum_of(const struct entry *e)
{
	return sum64(0, e, offsetof(struct entry, sum));
}

/* What an entry still says; nothing, where it is damaged or from the future. */
static unsigned int
count(const struct entry *e, int64_t now)
{
	uint64_t forgotten;

	if (e->sum != sum_of(e) || e->when > now || e->failures > FAILURES_MOST)
		return 0;
	forgotten = ((uint64_t)now - (uint64_t)e->when) / FORGET_TIME;
	return forgotten >= e->failures ? 0 : e->failures - (uint32_t)forgotten;
}

/* Where the client's bucket is. */
static off_t
find(const struct header *h, const struct address *client)
{
	return buckets_at +
	    (off_t)(address_hash(client, h->seed) % BUCKETS *
		sizeof(struct bucket));
}

/* What the file does not have is empty. */
static void
read_bucket(int fd, off_t at, struct bucket *b)
{
	memset(b, 0, sizeof(*b));
	if (io_pread(fd, b, sizeof(*b), at) == -1)
		memset(b, 0, sizeof(*b));
}

/* The client's entry; where it has none, the one that is worth least, emptied. */
static struct entry *
choose(struct bucket *b, const struct address *client, int64_t now)
{
	struct entry *least = b->entries;

	for (struct entry *e = b->entries; e < b->entries + PER_BUCKET; e++) {
		if (count(e, now) > 0 &&
		    memcmp(&e->client, client, sizeof(*client)) == 0)
			return e;
		if (count(e, now) < count(least, now))
			least = e;
	}
	*least = (struct entry){ .client = *client };
	return least;
}

unsigned int
penalties_count(int fd, const struct address *client, int64_t now)
{
	struct header h;
	struct bucket b;

	if (!read_header(fd, &h))
		return 0;
	read_bucket(fd, find(&h, client), &b);
	return count(choose(&b, client, now), now);
}

void
penalties_add(int fd, const struct address *client, int64_t now,
    const unsigned char mark[SHA256_SIZE])
{
	unsigned int before;
	struct header h;
	struct bucket b;
	struct entry *e;
	off_t at;

	if (!read_header(fd, &h))
		return;
	at = find(&h, client);
	lock(fd, F_WRLCK, at, sizeof(b));
	read_bucket(fd, at, &b);
	e = choose(&b, client, now);
	before = count(e, now);
	if (before == 0 || memcmp(e->mark, mark, MARK) != 0) {
		*e = (struct entry){ .client = *client, .when = now };
		e->failures = before < FAILURES_MOST ? before + 1
						     : FAILURES_MOST;
		memcpy(e->mark, mark, MARK);
		e->sum = sum_of(e);
		/* A penalty that cannot be kept keeps nobody out. */
		(void)io_pwrite(fd, e, sizeof(*e),
		    at + (off_t)((size_t)(e - b.entries) * sizeof(*e)));
	}
	lock(fd, F_UNLCK, at, sizeof(b));
}

void
penalties_price(int fd, struct price *price)
{
	struct header h;

	*price = (struct price){ .microseconds = 0 };
	if (read_header(fd, &h) &&
	    h.sum == sum64(0, &h.price, sizeof(h.price)) &&
	    memchr(h.price.decoy, '\0', sizeof(h.price.decoy)) != NULL)
		*price = h.price;
}

void
penalties_set_price(int fd, const struct price *price)
{
	struct header h;

	lock(fd, F_WRLCK, 0, buckets_at);
	if (read_header(fd, &h)) {
		h.price = *price;
		h.sum = sum64(0, &h.price, sizeof(h.price));
		(void)io_pwrite(fd, &h, sizeof(h), 0);
	}
	lock(fd, F_UNLCK, 0, buckets_at);
}

static bool
find_place(int fd, unsigned int places)
{
	for (unsigned int i = 0; i < places; i++)
		if (try_lock(fd, places_at + i))
			return true;
	return false;
}

void
penalties_take_place(int fd, const struct address *client, unsigned int places)
{
	struct header h;

	if (client != NULL && read_header(fd, &h))
		lock(fd, F_WRLCK, clients_at + find(&h, client), 1);
	/* Whose turn it is looks for a place: the kernel knows no "any of". */
	lock(fd, F_WRLCK, turn_at, 1);
	while (!find_place(fd, places))
		clock_sleep_until(clock_ms() + 1);
	lock(fd, F_UNLCK, turn_at, 1);
}

void
penalties_give_back(int fd)
{
	lock(fd, F_UNLCK, places_at, 0);
}
