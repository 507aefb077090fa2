/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph of blocks: who points at whom, what is reachable, what is leaked. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/numbers.h"
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
 * An edge has a number in the high bits and an enum meet in the low 2.  Where 30
 * bits do not suffice for all chunks there are edges among lost blocks only,
 * and these are wide when 30 bits do not suffice for their ranks, either.
 * Read edges with edges_row(), or with edges_of() where all chunks have them.
 */
enum { EDGES_PART = 16, EDGES_GROUP = 64, EDGES_MANY = 255 };

struct edges_many {
	uint32_t row; /* in its part */
	uint32_t n;
};

struct edge_part {
	struct numbers edge;
	uint32_t nmany;
	struct edges_many *many; /* sorted by row */
	uint32_t first[(1 << EDGES_PART) / EDGES_GROUP];
};

struct edges {
	bool among_lost; /* rows and numbers are those of lost blocks: graph/lost.h */
	unsigned char *count; /* of each chunk; a group takes one cache line */
	struct edge_part *part;
	size_t nparts;
	uint64_t n;         /* edges of all parts */
	uint64_t looked_at; /* words that were looked at for them */
};

static inline uint64_t
edge_to(uint64_t e)
{
	return e >> 2;
}

static inline enum meet
edge_meet(uint64_t e)
{
	return (enum meet)(e & 3);
}

/* One leak: a leaked block that no other leads to, or a cycle of such. */
struct leak {
	hs_addr address;  /* of its representative */
	uint64_t block;   /* its representative: the lowest address of the cycle */
	uint64_t members; /* blocks in the cycle; 1: no cycle */
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
