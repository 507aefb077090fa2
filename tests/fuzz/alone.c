/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzzer where there is no libFuzzer, and the short run of `make check`.
 *
 *	NAME COUNT FILE...
 *
 * Gives the function each file as it is, then COUNT spoilt copies of them, the
 * same in each run.  One that kills the program is in the file "last".
 */
#include "fuzz/fuzz.h"

#include <string.h>

struct input {
	uint8_t *bytes;
	size_t n;
};

static uint64_t state;

/* splitmix64: every seed gives a good sequence. */
static uint64_t
any(uint64_t below)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return below ? (z ^ (z >> 31)) % below : 0;
}

static struct input
load(const char *path)
{
	struct input in = { NULL, 0 };
	FILE *f = fopen(path, "rb");
	long n;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0
	    || !(in.bytes = malloc((size_t)n + 8))) {
		perror(path);
		exit(2);
	}
	rewind(f);
	in.n = fread(in.bytes, 1, (size_t)n, f);
	fclose(f);
	return in;
}

static void
spoil(struct input *in)
{
	static const uint64_t extremes[] = { 0, 1, 7, 0x10, 0x7fffffff, 0xffffffff,
		INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX, 0x7fffffffffff };

	for (uint64_t i = 1 + any(8); i > 0 && in->n > 8; i--) {
		uint64_t at = any(in->n - 8), from = any(in->n - 8);
		uint64_t word = extremes[any(sizeof extremes / sizeof *extremes)];

		switch (any(4)) {
		case 0: in->bytes[at] ^= (uint8_t)(1 << any(8)); break;
		case 1: memcpy(in->bytes + at, &word, (size_t)1 << any(4)); break;
		case 2: memmove(in->bytes + at, in->bytes + from, 8); break;
		default: in->bytes[at] += (uint8_t)(any(33) - 16); break;
		}
	}
	if (any(8) == 0)
		in->n = any(in->n + 1);
}

static void
keep(const struct input *in)
{
	FILE *f = fopen("last", "wb");

	if (f) {
		fwrite(in->bytes, 1, in->n, f);
		fclose(f);
	}
}

static void
try(const char *path, uint64_t seed)
{
	struct input in = load(path);

	state = seed;
	if (seed > 0)
		spoil(&in);
	keep(&in);
	(void)LLVMFuzzerTestOneInput(in.bytes, in.n);
	free(in.bytes);
}

int
main(int argc, char **argv)
{
	uint64_t count;

	if (argc < 3) {
		fprintf(stderr, "usage: %s COUNT FILE...\n", argv[0]);
		return 2;
	}
	count = strtoull(argv[1], NULL, 0);
	for (int i = 2; i < argc; i++)
		try(argv[i], 0);
	for (uint64_t i = 1; i <= count; i++)
		try(argv[2 + i % (uint64_t)(argc - 2)], i);
	remove("last");
	printf("%llu inputs\n", (unsigned long long)count);
	return 0;
}
