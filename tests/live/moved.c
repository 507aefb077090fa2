/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Aligned chunks in mappings that the kernel has moved.  They grow, so they
 * move, and shrink to what they were: the header at the mapping's start looks
 * right again, and alignment does not tell where the other one is.
 */
#include <malloc.h>

#include "live/live.h"

void *held[8];

static void
move_aligned(void)
{
	for (size_t i = 0; i < COUNT(held); i++) {
		void *p = memset(memalign(1 << 18, 200000), 0, 200000);
		size_t n = malloc_usable_size(p);

		held[i] = reachable(realloc(realloc(p, 4 * n), n - 16));
	}
	leaked(calloc(1, 50));
}

int
main(void)
{
	mallopt(M_MMAP_THRESHOLD, 131072);
	below(move_aligned);
	ready();
}
