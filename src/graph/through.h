/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marking without edges, for when there is no room for them. */
#ifndef GRAPH_THROUGH_H
#define GRAPH_THROUGH_H

#include "graph/graph.h"

/* How many blocks the worklist of mark_through() has room for, unless told. */
size_t through_room(const struct heap *heap);

/*
 * Marks what the roots reach, and how surely: to graph->reach, where all blocks
 * in use are REACH_DIRECT as yet.  room: of the worklist, 1 at least.
 */
bool mark_through(struct graph *graph, const struct heap *heap,
    const struct image *image, const struct roots *roots, size_t room,
    const struct crew *crew, struct hs_error *err) MUST_CHECK;

#endif
