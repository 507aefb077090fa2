/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is leaked: which blocks stand for a leak, and which hang from them. */
#ifndef GRAPH_LEAKS_H
#define GRAPH_LEAKS_H

#include "graph/room.h"

/*
 * Tells the blocks that are REACH_DIRECT, that is unreached, apart into direct
 * and indirect ones, and fills graph->leaks.  When there are no edges yet it
 * extracts what it needs of them.
 */
bool leaks_find(struct graph *graph, const struct heap *heap,
    const struct image *image, const struct room *room, const struct crew *crew,
    struct hs_error *err) MUST_CHECK;

#endif
