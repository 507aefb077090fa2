/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extracting the edges. */
#ifndef GRAPH_EDGES_H
#define GRAPH_EDGES_H

#include "graph/graph.h"
#include "graph/lost.h"

#include <string.h>

struct edges_wanted {
	/* Only from and to these, by their ranks.  NULL: all chunks, by their numbers. */
	const struct lost *among;
	uint64_t most_bytes; /* that rows and edges may take; 0: any */
};

enum edges_outcome {
	EDGES_DONE,
	EDGES_TOO_MANY, /* for most_bytes, for memory, or for the bits of an edge */
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

/* The edges of a chunk, or of what else has rows: n of them from first on. */
struct edge_row {
	const struct numbers *of;
	uint32_t first, n;
};

/* Puts *r right where others of its group, or it itself, have very many edges. */
void edges_correct(const struct edge_part *part, uint32_t row, struct edge_row *r);

static inline struct edge_row
edges_row(const struct edges *e, uint64_t row)
{
	const struct edge_part *part = &e->part[row >> EDGES_PART];
	const unsigned char *count = e->count + row / EDGES_GROUP * EDGES_GROUP;
	uint32_t in = row % (1 << EDGES_PART);
	struct edge_row r = {
		.of = &part->edge,
		.first = part->first[in / EDGES_GROUP]
		    + edges_sum(count, row % EDGES_GROUP),
		.n = count[row % EDGES_GROUP],
	};

	if (part->nmany > 0)
		edges_correct(part, in, &r);
	return r;
}

/* The same of narrow ones: n edges from the returned place on. */
static inline const uint32_t *
edges_of(const struct edges *e, uint32_t chunk, uint32_t *n)
{
	struct edge_row r = edges_row(e, chunk);

	*n = r.n;
	return r.of->at + r.first;
}

/* Asks for what edges_of() wants, ahead of time. */
static inline void
edges_prefetch(const struct edges *e, uint32_t chunk)
{
	__builtin_prefetch(e->count + chunk);
}

#endif
