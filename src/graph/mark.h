/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marking what the roots reach. */
#ifndef GRAPH_MARK_H
#define GRAPH_MARK_H

#include "graph/graph.h"

/* The reach that one link of this kind gives, at best. */
static inline enum reach
reach_of(enum meet m)
{
	return m == MEET_START   ? REACH_START
	    : m == MEET_INTERIOR ? REACH_INTERIOR
				 : REACH_END;
}

/*
 * Marks, to graph->reach, where all blocks in use are REACH_DIRECT as yet, by
 * way of graph->edges.
 */
bool mark_edges(struct graph *graph, const struct heap *heap,
    const struct image *image, const struct roots *roots, const struct crew *crew,
    struct hs_error *err) MUST_CHECK;

#endif
