/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Extracting the edges. */
#ifndef GRAPH_EDGES_H
#define GRAPH_EDGES_H

#include "graph/graph.h"

/* All pointers from blocks in use to blocks in use, as rows.  Free with edges_fini(). */
bool edges_extract(struct edges *edges, const struct heap *heap,
    const struct image *image, const struct crew *crew,
    struct hs_error *err) MUST_CHECK;

void edges_fini(struct edges *edges);

/* The edges of a chunk: n of them from the returned place on. */
static inline const uint32_t *
edges_of(const struct edges *e, uint32_t chunk, uint32_t *n)
{
	*n = e->row[chunk + 1] - e->row[chunk];
	return e->edge + e->row[chunk];
}

#endif
