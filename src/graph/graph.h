/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph of blocks: who points at whom, what is reachable, what is leaked. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "root/root.h"

/* From the surest to the least; the words of the report are in reach_name[]. */
enum reach {
	REACH_START, /* "reachable": a chain of pointers to starts leads to it */
	REACH_INTERIOR, /* "interior": every chain has a pointer into a block's middle */
	REACH_END, /* "end-only": every chain has a pointer to or past a block's last word */
	REACH_UNKNOWN, /* "unknown": not reached, but memory that may hold a pointer is missing */
	REACH_INDIRECT, /* "leaked-indirect": another leaked block, outside its cycle, leads to it */
	REACH_DIRECT, /* "leaked-direct" */
	REACH_NONE,   /* no block: free, top and so on */
	REACH_COUNT,
};

extern const char *const reach_name[REACH_COUNT];

static inline bool
reach_is_leak(enum reach r)
{
	return r == REACH_INDIRECT || r == REACH_DIRECT;
}

/*
 * Edges as compressed rows.  Chunks are in parts of 2^EDGES_PART, those in
 * groups of EDGES_GROUP.  Of a part's edges, those of group i begin at
 * first[i]; where in the group a chunk's edges begin is the sum of the counts
 * before its own.  A count is a byte: EDGES_MANY says that `many` has it.
 *
 * An edge has a chunk number in the high 30 bits and an enum meet in the low 2.
 * Read edges with edges_of().
 */
enum { EDGES_PART = 16, EDGES_GROUP = 64, EDGES_MANY = 255 };

struct edges_many {
	uint32_t chunk, n;
};

struct edge_part {
	uint32_t *edge;
	uint32_t n;
	uint32_t nmany;
	struct edges_many *many; /* sorted by chunk */
	uint32_t first[(1 << EDGES_PART) / EDGES_GROUP];
};

struct edges {
	bool among_lost;      /* rows are of lost blocks only: graph/leaks.c */
	unsigned char *count; /* of each chunk; a group takes one cache line */
	struct edge_part *part;
	size_t nparts;
	uint64_t n;         /* edges of all parts */
	uint64_t looked_at; /* words that were looked at for them */
};

static inline uint32_t
edge_to(uint32_t e)
{
	return e >> 2;
}

static inline enum meet
edge_meet(uint32_t e)
{
	return (enum meet)(e & 3);
}

/* One leak: a leaked block that no other leads to, or a cycle of such. */
struct leak {
	hs_addr address;  /* of its representative */
	uint32_t block;   /* its representative: the lowest address of the cycle */
	uint32_t members; /* blocks in the cycle; 1: no cycle */
	uint64_t bytes;   /* usable, of these */
	uint64_t indirect_count; /* blocks that only hang from it, and from no leak before it */
	uint64_t indirect_bytes;
};

struct graph {
	struct edges edges;
	unsigned char *reach;          /* enum reach of each chunk */
	struct VEC(struct leak) leaks; /* sorted by the representative's address */
	struct tally total[REACH_COUNT]; /* blocks and usable bytes */
};

#define GRAPH_EMPTY ((struct graph) { .reach = NULL })

/*
 * missing: memory that could hold pointers is not in the core, so that what is
 * not reached is REACH_UNKNOWN, not leaked.
 */
bool graph_mark(struct graph *graph, const struct heap *heap,
    const struct image *image, const struct roots *roots, bool missing,
    const struct crew *crew, struct hs_error *err) MUST_CHECK;

void graph_fini(struct graph *graph);

#endif
