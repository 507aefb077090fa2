/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks with a mapping of their own, aligned ones and moved ones. */
#include <malloc.h>

#include "live/live.h"

void *held[64];
char *inside[2];
uint64_t *behind;
static int count;

static void
hold(void *p)
{
	held[count++] = reachable(p);
}

static void
map_chunks(void)
{
	char **chain;

	for (int i = 0; i < 4; i++) {
		hold(calloc(1, 200000 + i * 5000));
		leaked(calloc(1, 210000 + i * 5000));
	}
	inside[0] = (char *)interior(calloc(1, 300000)) + 150003;
	behind = reachable(calloc(1, 8 + 220000)); /* keeps its own length in front */
	*behind++ = 220000;
	chain = leaked(calloc(1, 262144));
	chain[1000] = indirect(calloc(1, 262144));
}

/* The chunk does not begin where its mapping does. */
static void
map_aligned(void)
{
	hold(memalign(65536, 200000));
	leaked(memalign(65536, 200001));
	leaked(memalign(1 << 20, 300000));
	inside[1] = (char *)interior(memalign(32768, 250000)) + 40003;
}

/* What is new in it may hold links of the free list it comes from: live.h. */
static void *
zeroed(void *p)
{
	return memset(p, 0, malloc_usable_size(p));
}

/* The kernel moves a mapping, and malloc copies a chunk that cannot grow. */
static void
move(void)
{
	void *small, *wall;

	hold(realloc(calloc(1, 200000), 900000));
	leaked(realloc(calloc(1, 900000), 200000));
	for (int i = 0; i < 8; i++) {
		small = calloc(1, 40);
		wall = leaked(calloc(1, 40));
		(void)wall;
		hold(zeroed(realloc(small, 500 + i)));
		leaked(realloc(calloc(1, 500), 24)); /* shrinks where it is */
	}
	hold(realloc(calloc(1, 100), 400000));
}

static void
align(void)
{
	void *p;

	for (size_t to = 32; to <= 8192; to *= 4) {
		hold(zeroed(aligned_alloc(to, 3 * to)));
		if (!posix_memalign(&p, to, 100))
			leaked(zeroed(p));
	}
	hold(zeroed(valloc(100)));
	leaked(zeroed(pvalloc(100)));
}

static void
all(void)
{
	mallopt(M_MMAP_THRESHOLD, 131072);
	align();
	map_chunks();
	map_aligned();
	move();
}

int
main(void)
{
	below(all);
	ready();
}
