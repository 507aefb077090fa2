/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reachability.
 *
 * We ask of every block whether a chain of pointers leads to it from a root,
 * as a conservative collector does: every aligned word that holds an address
 * inside a block counts as a pointer to it.
 *
 * How sure a chain is.  A pointer to the start of a block is what malloc()
 * gave out; a pointer into its middle may be one too, or may be chance; one
 * to its very end is most often malloc's own, left over.  So a block's reach is
 * the reach of its best chain, and a chain is only as good as its worst link:
 *
 *	root --start--> A --interior--> B --start--> C
 *	                START           INTERIOR     INTERIOR
 *
 * Three passes, from the surest kind of link to the least.  Each starts from
 * the roots and from all blocks of the passes before, and follows links of its
 * kind and of the surer ones; what it reaches first stays as it was marked.
 *
 * What is not done here: deciding what of the rest is direct, indirect or a
 * cycle (leaks.c).
 */
#include "graph/edges.h"
#include "graph/leaks.h"

const char *const reach_name[REACH_COUNT] = {
	[REACH_START] = "reachable",
	[REACH_INTERIOR] = "interior",
	[REACH_END] = "end-only",
	[REACH_UNKNOWN] = "unknown",
	[REACH_INDIRECT] = "leaked-indirect",
	[REACH_DIRECT] = "leaked-direct",
	[REACH_NONE] = "none",
};

struct marking {
	struct graph *graph;
	struct VEC(uint32_t) todo; /* marked, its edges not yet followed */
};

/* The reach that one link of this kind gives, at best. */
static enum reach
reach_of(enum meet m)
{
	return m == MEET_START   ? REACH_START
	    : m == MEET_INTERIOR ? REACH_INTERIOR
				 : REACH_END;
}

static inline void
reach(struct marking *m, uint32_t block, enum reach r)
{
	unsigned char *now = &m->graph->reach[block];

	if (*now != REACH_DIRECT) /* reached before, or no block */
		return;
	*now = (unsigned char)r;
	vec_push(&m->todo, block);
}

/* Follow the links of a block that are as sure as `pass`, or surer. */
static inline void
follow(struct marking *m, uint32_t block, enum reach pass)
{
	uint32_t n;
	const uint32_t *e = edges_of(&m->graph->edges, block, &n);

	for (uint32_t i = 0; i < n; i++)
		if (reach_of(edge_meet(e[i])) <= pass)
			reach(m, edge_to(e[i]), pass);
}

static void
mark_pass(struct marking *m, const struct roots *roots, uint32_t nchunks, enum reach pass)
{
	for (size_t i = 0; i < roots->all.n; i++)
		if (reach_of((enum meet)roots->all.at[i].meet) <= pass)
			reach(m, roots->all.at[i].block, pass);
	for (uint32_t i = 0; pass > REACH_START && i < nchunks; i++)
		if (m->graph->reach[i] < pass)
			follow(m, i, pass);
	while (m->todo.n > 0)
		follow(m, m->todo.at[--m->todo.n], pass);
}

static bool
mark(struct graph *g, const struct heap *h, const struct roots *roots,
    const struct progress *progress, struct hs_error *err)
{
	struct marking m = { .graph = g };
	bool ok = true;

	for (enum reach pass = REACH_START; ok && pass <= REACH_END; pass++) {
		ok = progress_on(progress, "marking", pass, REACH_END + 1, err);
		if (ok)
			mark_pass(&m, roots, h->nchunks, pass);
	}
	vec_free(&m.todo);
	return ok && (!m.todo.broke || fail_nomem(err));
}

/* Blocks start as unreached; what is free or malloc's own never takes part. */
static bool
init_reach(struct graph *g, const struct heap *h)
{
	g->reach = malloc(h->nchunks + (size_t)1);
	if (!g->reach)
		return false;
	for (uint32_t i = 0; i < h->nchunks; i++)
		g->reach[i] = h->states.at[i] == STATE_USED ? REACH_DIRECT : REACH_NONE;
	return true;
}

static void
sum_up(struct graph *g, const struct heap *h)
{
	struct block b = { .span = NULL };

	while (heap_next(h, &b)) {
		enum reach r = (enum reach)g->reach[b.number];

		g->total[r].count++;
		g->total[r].bytes += b.size;
	}
}

static void
call_unknown(struct graph *g, const struct heap *h)
{
	for (uint32_t i = 0; i < h->nchunks; i++)
		if (g->reach[i] == REACH_DIRECT)
			g->reach[i] = REACH_UNKNOWN;
}

bool
graph_mark(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct roots *roots, bool missing, const struct crew *crew,
    struct hs_error *err)
{
	scoped(graph_fini) struct graph g = GRAPH_EMPTY;

	if (!init_reach(&g, heap))
		return fail_nomem(err);
	if (!edges_extract(&g.edges, heap, image, crew, err)
	    || !mark(&g, heap, roots, crew->progress, err))
		return false;
	if (missing)
		call_unknown(&g, heap);
	else if (!leaks_find(&g, heap, crew->progress, err))
		return false;
	sum_up(&g, heap);
	*graph = g;
	g = GRAPH_EMPTY;
	return true;
}

void
graph_fini(struct graph *g)
{
	edges_fini(&g->edges);
	free(g->reach);
	vec_free(&g->leaks);
}
