/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which blocks are lost. */
#include "graph/lost.h"

#include "graph/graph.h"

#include <string.h>

/* Of n chunks from this one on.  Most of them are none. */
static inline void
find_among(struct lost *l, const unsigned char *reach, uint64_t first, uint64_t n)
{
	numbers_set(&l->before, first / 64, l->chunk.n);
	if (!memchr(reach + first, REACH_DIRECT, n))
		return;
	for (uint64_t i = 0; i < n; i++) {
		if (reach[first + i] != REACH_DIRECT)
			continue;
		l->is_lost[first / 64] |= UINT64_C(1) << i;
		numbers_push(&l->chunk, first + i);
	}
}

bool
lost_find(struct lost *l, const struct heap *heap, const unsigned char *reach)
{
	uint64_t n = heap->nchunks;

	*l = (struct lost) { .is_lost = calloc(n / 64 + 1, sizeof *l->is_lost) };
	l->chunk.wide = l->before.wide = !heap_suffices(heap, 32, n);
	if (!l->is_lost || !numbers_zero(&l->before, n / 64 + 1))
		return false;
	for (uint64_t i = 0; i < n; i += 64)
		find_among(l, reach, i, n - i < 64 ? n - i : 64);
	return !l->chunk.broke;
}

void
lost_fini(struct lost *l)
{
	numbers_fini(&l->chunk);
	numbers_fini(&l->before);
	free(l->is_lost);
}
