/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links: from a block to another, as the word that makes it; who points at whom. */
#ifndef GRAPH_LINKS_H
#define GRAPH_LINKS_H

#include "graph/graph.h"

/* The word in a block that points at another. */
struct link_word {
	hs_addr at;     /* where it is; 0: in a jmp_buf, where glibc hides it */
	enum meet meet; /* recognised interior pointers are MEET_START */
};

/*
 * The surest word in block `from`, and of those the first, that points at
 * block `to`.  False when no edge goes there.
 */
bool link_find(const struct graph *graph, const struct heap *heap,
    const struct image *image, uint32_t from, uint32_t to,
    struct link_word *link) MUST_CHECK;

struct holders VEC(uint32_t);

/*
 * Adds to *holders, ascending, all blocks with an edge to this one.  False
 * when memory ran out, or the user wants to stop.
 */
bool links_to(struct holders *holders, const struct graph *graph,
    const struct heap *heap, uint32_t block, const struct progress *progress,
    struct hs_error *err) MUST_CHECK;

#endif
