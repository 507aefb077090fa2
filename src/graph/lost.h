/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lost blocks: those that marking left REACH_DIRECT.  They are few as a
 * rule, so what is known of them is kept by rank, their place among themselves.
 */
#ifndef GRAPH_LOST_H
#define GRAPH_LOST_H

#include "base/bits.h"
#include "base/numbers.h"
#include "heap/heap.h"

struct lost {
	struct numbers chunk; /* the number of each, by rank: ascending */
	/* For 64 chunks each: which are lost, and how many are before them. */
	uint64_t *is_lost;
	struct numbers before;
};

#define LOST_NONE UINT64_MAX

/* reach: enum reach of each chunk.  False when memory ran out; lost_fini() all the same. */
bool lost_find(struct lost *lost, const struct heap *heap,
    const unsigned char *reach) MUST_CHECK;

void lost_fini(struct lost *lost);

/* The rank of a chunk among the lost ones, LOST_NONE when it is not lost. */
static inline uint64_t
lost_rank(const struct lost *lost, uint64_t chunk)
{
	uint64_t is = lost->is_lost[chunk / 64], bit = UINT64_C(1) << chunk % 64;

	return is & bit
	    ? numbers_at(&lost->before, chunk / 64) + count_bits(is & (bit - 1))
	    : LOST_NONE;
}

#endif
