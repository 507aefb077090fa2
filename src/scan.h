/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One analysis: the stages' results, each made when it is first asked for.
 *
 * hs_open() opens every file and lays out the address space.  What costs time
 * waits for a command that needs it, so that a look at the arenas does not
 * draw the graph of all blocks.
 */
#ifndef SCAN_H
#define SCAN_H

#include "find/verdict.h"
#include "graph/paths.h"

enum scan_stage { SCAN_OPEN, SCAN_HEAP, SCAN_ROOTS, SCAN_GRAPH };

struct hs_scan {
	struct hs_options options;
	struct lookup lookup;
	struct progress progress;
	struct crew crew;
	enum scan_stage done; /* the last stage whose result is there */
	struct core core;
	struct space space;
	struct image image;
	struct heap heap;
	struct roots roots;
	struct graph graph;
	struct paths paths;     /* scan_paths() fills it */
	struct verdict verdict; /* as far as is known: complete from SCAN_HEAP on */
};

/*
 * Each makes sure that its stage has run.  False, and *err, when it cannot.
 * scan_blocks() is scan_heap() that fails when another allocator is in its place.
 */
bool scan_heap(struct hs_scan *s, struct hs_error *err) MUST_CHECK;
bool scan_blocks(struct hs_scan *s, struct hs_error *err) MUST_CHECK;
bool scan_roots(struct hs_scan *s, struct hs_error *err) MUST_CHECK;
bool scan_graph(struct hs_scan *s, struct hs_error *err) MUST_CHECK;

/* Makes sure of edges between all blocks; fails where there was no memory for them. */
bool scan_edges(struct hs_scan *s, struct hs_error *err) MUST_CHECK;

/* Makes sure of s->paths. */
bool scan_paths(struct hs_scan *s, struct hs_error *err) MUST_CHECK;

/*
 * False when a mapped file shrank or failed while it was read: what was
 * concluded from it is worth nothing.
 */
bool scan_sound(const struct hs_scan *s, struct hs_error *err) MUST_CHECK;

#endif
