/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extracting the edges. */
#ifndef GRAPH_EDGES_H
#define GRAPH_EDGES_H

#include "graph/graph.h"

#include <string.h>

struct edges_wanted {
	/*
	 * Only from and to the n chunks that are REACH_DIRECT, which are here,
	 * ascending; they have rows by their place in this list.  NULL: all
	 * chunks, by their number.
	 */
	const uint32_t *among;
	uint32_t n;
	const unsigned char *reach;
	uint64_t most_bytes; /* that rows and edges may take; 0: any */
};

enum edges_outcome {
	EDGES_DONE,
	EDGES_TOO_MANY, /* for most_bytes, for memory, or for the numbers in rows */
	EDGES_FAILED,   /* *err says why */
};

/* All pointers from blocks in use to blocks in use, as rows.  Free with edges_fini(). */
enum edges_outcome edges_extract(struct edges *edges, const struct heap *heap,
    const struct image *image, const struct edges_wanted *wanted,
    const struct crew *crew, struct hs_error *err) MUST_CHECK;

void edges_fini(struct edges *edges);

/* The sum of the first n of the counts of a group, as far as they are in bytes. */
static inline uint32_t
edges_sum(const unsigned char *count, unsigned n)
{
	const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);
	uint64_t sum = 0, word;

	for (unsigned i = 0; i < n; i += 8) {
		memcpy(&word, count + i, sizeof word);
		if (n - i < 8)
			word &= ~(~UINT64_C(0) << (n - i) * 8);
		sum += (word & even) + (word >> 8 & even);
	}
	return (uint32_t)(sum * UINT64_C(0x0001000100010001) >> 48);
}

/* Puts *first and *n right where chunks of the group have very many edges. */
void edges_correct(const struct edge_part *part, uint32_t chunk, uint32_t *first,
    uint32_t *n);

/* The edges of a chunk, or of what else has rows: n of them from the returned place on. */
static inline const uint32_t *
edges_of(const struct edges *e, uint32_t chunk, uint32_t *n)
{
	const struct edge_part *part = &e->part[chunk >> EDGES_PART];
	const unsigned char *count = e->count + chunk / EDGES_GROUP * EDGES_GROUP;
	uint32_t group = chunk % (1 << EDGES_PART) / EDGES_GROUP;
	uint32_t first = part->first[group] + edges_sum(count, chunk % EDGES_GROUP);

	*n = count[chunk % EDGES_GROUP];
	if (part->nmany > 0)
		edges_correct(part, chunk, &first, n);
	return part->edge + first;
}

/* Asks for what edges_of() wants, ahead of time. */
static inline void
edges_prefetch(const struct edges *e, uint32_t chunk)
{
	__builtin_prefetch(e->count + chunk);
}

#endif
