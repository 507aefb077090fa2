/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much memory the graph may take, when there is a limit. */
#ifndef GRAPH_ROOM_H
#define GRAPH_ROOM_H

#include "graph/graph.h"

struct room {
	uint64_t most;  /* bytes that the analysis may take; 0: any */
	uint64_t held;  /* by what is there already: the heap map and the roots */
	uint64_t marks; /* by what is needed to mark through the heap */
};

/* False, with *err, when not even the marks would fit. */
bool room_init(struct room *room, uint64_t most, const struct heap *heap,
    const struct roots *roots, struct hs_error *err) MUST_CHECK;

/* For struct edges_wanted: what all edges of the heap may take. */
uint64_t room_for_all(const struct room *room, const struct heap *heap);

/* The same of those among so many lost blocks. */
uint64_t room_for_lost(const struct room *room, uint64_t lost);

/* Edges among so many lost blocks, of so many bytes, did not fit.  Returns false. */
bool fail_no_room(struct hs_error *err, const struct room *room, uint64_t lost,
    uint64_t bytes);

#endif
