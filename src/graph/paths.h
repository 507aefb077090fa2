/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a block is reachable: the way to it from a root. */
#ifndef GRAPH_PATHS_H
#define GRAPH_PATHS_H

#include "graph/graph.h"

/*
 * For each block the one before it on its path: the shortest of those that
 * make its reach, so that no link is less sure than enum reach says.
 */
struct paths {
	uint32_t *before; /* of each chunk; itself: a root leads to it; PATHS_NONE */
	uint32_t *length; /* of each chunk's path: blocks, itself included; 0: none */
};

enum { PATHS_NONE = UINT32_MAX };

#define PATHS_EMPTY ((struct paths) { .before = NULL })

/* Wants the rows of all blocks.  False when memory ran out or the user wants to stop. */
bool paths_find(struct paths *paths, const struct graph *graph,
    const struct heap *heap, const struct image *image, const struct roots *roots,
    const struct progress *progress, struct hs_error *err) MUST_CHECK;

void paths_fini(struct paths *paths);

/* The surest root that leads to this block, and of those the first, or NULL. */
const struct root *paths_root(const struct roots *roots, uint32_t block);

/* Is the path to a block by way of this one? */
bool paths_pass(const struct paths *paths, uint32_t to, uint32_t by);

#endif
