/* SPDX-License-Identifier: ISC */
/* MD5: the vectors of RFC 1321 A.5, and pieces of every length. */

#include "chance.h"
#include "md5.h"
#include "scratch.h"
#include "tap.h"

static const struct {
	const char *text, *digest;
} vectors[] = {
	{ "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	    "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ "1234567890123456789012345678901234567890123456789012345678901234567"
	  "8901234567890",
	    "57edf4a22be3c955ac49da2e2107b67a" },
};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

static void
hash(const void *data, size_t len, size_t cut, size_t cut2, char *hex)
{
	const unsigned char *p = data;
	unsigned char digest[MD5_SIZE];
	struct md5 m;

	md5_init(&m);
	md5_update(&m, p, cut);
	md5_update(&m, p + cut, cut2 - cut);
	md5_update(&m, p + cut2, len - cut2);
	md5_final(&m, digest);
	md5_hex(digest, hex);
}

/* What another program says of the first octets of text, for each length. */
static void
compare_md5sum(const unsigned char *text, size_t size)
{
	int dir = scratch_open();
	char command[600], line[600], hex[2 * MD5_SIZE + 1];
	size_t count = 0;
	FILE *f;

	for (size_t len = 0; len < size; len++) {
		int fd;

		(void)snprintf(line, sizeof(line), "%zu", len);
		fd = openat(dir, line, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		need(fd != -1 && write(fd, text, len) == (ssize_t)len &&
			close(fd) == 0,
		    line);
	}
	(void)close(dir);
	(void)snprintf(
	    command, sizeof(command), "cd %s && md5sum * 2>&1", scratch_path);
	f = popen(command, "r");
	need(f != NULL, "popen");
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t len;

		if (sscanf(line, "%*32[0-9a-f] %zu", &len) != 1 || len >= size)
			continue;
		hash(text, len, len, len, hex);
		check(strncmp(line, hex, 2 * MD5_SIZE) == 0, "%zu octets: %s",
		    len, hex);
		count++;
	}
	(void)pclose(f);
	if (count == 0) {
		skip("every length as md5sum has it", "there is no md5sum");
		return;
	}
	check(count == size, "%zu of %zu lengths", count, size);
	(void)point("every length to %zu octets, as md5sum has it", size);
}

int
main(void)
{
	static const struct md5 zero;
	unsigned char text[300], digest[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1], whole[2 * MD5_SIZE + 1];
	struct md5 m;

	chance_open();
	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = strlen(vectors[i].text);

		for (size_t cut = 0; cut <= len; cut++)
			for (size_t cut2 = cut; cut2 <= len; cut2++) {
				hash(vectors[i].text, len, cut, cut2, hex);
				check(strcmp(hex, vectors[i].digest) == 0,
				    "vector %zu cut at %zu, %zu: %s", i, cut,
				    cut2, hex);
			}
		(void)point("RFC 1321 A.5, \"%s\", in every three pieces",
		    vectors[i].text);
	}

	/* Around a block, and around the place of the length in it. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)chance_word();
	for (size_t len = 0; len < sizeof(text); len++) {
		hash(text, len, len, len, whole);
		md5_init(&m);
		for (size_t i = 0; i < len; i++)
			md5_update(&m, text + i, 1);
		md5_final(&m, digest);
		md5_hex(digest, hex);
		check(strcmp(hex, whole) == 0, "%zu octets one by one", len);
		for (size_t cut = 0; cut <= len; cut++) {
			hash(text, len, cut, cut + chance(len - cut + 1), hex);
			check(strcmp(hex, whole) == 0, "%zu octets cut at %zu",
			    len, cut);
		}
		check(memcmp(&m, &zero, sizeof(m)) == 0, "not wiped");
	}
	(void)point(
	    "every length to %zu octets, in every two pieces", sizeof(text));

	compare_md5sum(text, sizeof(text));

	/* The length is one of bits, and needs more than 32 of them. */
	md5_init(&m);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a';
	m.length = UINT64_C(1) << 29;
	md5_update(&m, text, 64);
	md5_final(&m, digest);
	md5_hex(digest, whole);
	md5_init(&m);
	md5_update(&m, text, 64);
	md5_final(&m, digest);
	md5_hex(digest, hex);
	ok(strcmp(hex, whole) != 0, "half a gigabyte more is not the same");
	return done();
}
