/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain read: what the time of an analysis is compared with.
 *
 *	read FILE         seconds to sum FILE's words, their bytes, percent of them cached
 *	read --drop FILE  hands what is cached back; the percent that stays
 *
 * One thread sums all words through a mapping that is already faulted in; the best of
 * three.  Nobody who looks at a core can be faster than the memory.  Holes of the file
 * are no part of it: nobody needs to read them.
 */
#include "bench/common.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	TIMES = 3, /* the best of which counts */
	TRIES = 4, /* to have all of the file cached */
	LANES = 4, /* as many sums as hide an addition */
	PAGE = 4096,
	MOST_PAGES = 1 << 18, /* to ask for at once */
};

/* Wider than any machine's registers: the compiler splits it into what there are. */
typedef uint64_t words __attribute__((vector_size(64)));

/* A compiler that may not leave the sums out. */
static volatile uint64_t result;

/* at is that of a page, and so is what lies behind the last byte. */
static void
sum(const unsigned char *at, uint64_t bytes)
{
	const words *w = (const words *)(const void *)at;
	words s[LANES] = { { 0 } };

	for (uint64_t n = (bytes + PAGE - 1) / PAGE * PAGE / sizeof *w, i = 0;
	     i < n; i += LANES)
		for (unsigned lane = 0; lane < LANES; lane++)
			s[lane] += w[i + lane];
	s[0] += s[1] + s[2] + s[3];
	for (size_t i = 0; i < sizeof s[0] / sizeof s[0][0]; i++)
		result += s[0][i];
}

/* The next part that is no hole, from *start to *end. */
static bool
next_data(int fd, off_t *start, off_t *end)
{
	*start = lseek(fd, *end, SEEK_DATA);
	if (*start < 0)
		return false;
	*end = lseek(fd, *start, SEEK_HOLE);
	return *end > *start;
}

/* Sums the file; returns its bytes but for holes. */
static uint64_t
sum_all(int fd, const unsigned char *map)
{
	uint64_t bytes = 0;
	off_t start, end = 0;

	while (next_data(fd, &start, &end)) {
		sum(map + start, (uint64_t)(end - start));
		bytes += (uint64_t)(end - start);
	}
	return bytes;
}

/* Of [start, end), which begin and end with pages. */
static uint64_t
count_cached(unsigned char *map, uint64_t start, uint64_t end)
{
	static unsigned char cached[MOST_PAGES];
	uint64_t n = (end - start + PAGE - 1) / PAGE, count = 0;

	if (mincore(map + start, end - start, cached) != 0)
		die("mincore");
	for (uint64_t i = 0; i < n; i++)
		count += cached[i] & 1;
	return count;
}

/* How much of the file, but for holes, need not come from the disk. */
static unsigned
percent_cached(int fd, unsigned char *map)
{
	const uint64_t most = (uint64_t)MOST_PAGES * PAGE;
	uint64_t cached = 0, all = 0;
	off_t start, end = 0;

	while (next_data(fd, &start, &end))
		for (uint64_t at = (uint64_t)start, to = (uint64_t)end; at < to;
		     at += most) {
			uint64_t n = to - at < most ? to - at : most;

			cached += count_cached(map, at, at + n);
			all += (n + PAGE - 1) / PAGE;
		}
	return (unsigned)(all ? cached * 100 / all : 100);
}

/* The kernel keeps what is read more than once, of files that are not small. */
static void
warm(int fd, unsigned char *map)
{
	sum_all(fd, map);
	for (int i = 0; i < TRIES && percent_cached(fd, map) < 100; i++)
		sum_all(fd, map);
}

static void
time_reading(int fd, unsigned char *map)
{
	double best = 1e9;
	uint64_t bytes = 0;

	warm(fd, map);
	for (int i = 0; i < TIMES; i++) {
		double start = now(), took;

		bytes = sum_all(fd, map);
		took = now() - start;
		best = took < best ? took : best;
	}
	printf("%.4f %llu %u\n", best, (unsigned long long)bytes,
	    percent_cached(fd, map));
}

/* Before the file is mapped: what is mapped stays. */
static void
drop(int fd)
{
	if (fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		die("dropping");
}

int
main(int argc, char **argv)
{
	bool dropping = argc == 3 && !strcmp(argv[1], "--drop");

	if (argc != 2 && !dropping) {
		fprintf(stderr, "usage: read [--drop] FILE\n");
		return 2;
	}
	int fd = open(argv[argc - 1], O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);
	if (fd < 0 || size <= 0)
		die(argv[argc - 1]);
	if (dropping)
		drop(fd);
	unsigned char *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	if (dropping)
		printf("%u\n", percent_cached(fd, map));
	else
		time_reading(fd, map);
	return 0;
}
