/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph as a whole: edges, marks, what is left over, and the sums. */
#include "graph/graph.h"

#include "graph/edges.h"
#include "graph/leaks.h"
#include "graph/mark.h"
#include "graph/marks.h"
#include "graph/room.h"
#include "graph/through.h"

const char *const reach_name[REACH_COUNT] = {
	[REACH_START] = "reachable",
	[REACH_INTERIOR] = "interior",
	[REACH_END] = "end-only",
	[REACH_UNKNOWN] = "unknown",
	[REACH_INDIRECT] = "leaked-indirect",
	[REACH_DIRECT] = "leaked-direct",
	[REACH_NONE] = "none",
};

/* Blocks start as unreached; what is free or malloc's own never takes part. */
static bool
init_reach(struct graph *g, const struct heap *h)
{
	size_t all = align_up(h->nchunks + (size_t)1, MARK_GROUP);

	g->reach = aligned_alloc(MARK_GROUP, all);
	if (!g->reach)
		return false;
	memset(g->reach, REACH_NONE, all);
	for (uint64_t i = 0; i < h->nchunks; i++)
		g->reach[i] = h->states.at[i] == STATE_USED ? REACH_DIRECT : REACH_NONE;
	return true;
}

/* ---- Sums */

struct summing {
	const struct heap *heap;
	const unsigned char *reach;
	struct tally (*of_part)[REACH_COUNT];
};

/* Chunks [from, to) of a span: each ends where the next one starts. */
static void
sum_span(const struct summing *s, const struct span *span, uint64_t from,
    uint64_t to, struct tally *total)
{
	const struct cell *cell = &s->heap->cells.at[span->cell];
	uint64_t rest = (uint64_t)(int64_t)span->tail - span->header, granule, bits;
	struct block last = heap_block(s->heap, to - 1), b = heap_block(s->heap, from);

	granule = (b.address - span->header - span->range.start) / GRANULE;
	bits = cell[granule / 64].start & ~(UINT64_C(1) << granule % 64)
	    & ~UINT64_C(0) << granule % 64;
	for (uint64_t c = granule / 64; from < to - 1; bits = cell[++c].start)
		for (; bits && from < to - 1; bits &= bits - 1) {
			uint64_t next = c * 64 + (unsigned)__builtin_ctzll(bits);
			struct tally *t = &total[s->reach[from++]];

			t->count++;
			t->bytes += (next - granule) * GRANULE + rest;
			granule = next;
		}
	total[s->reach[last.number]].count++;
	total[s->reach[last.number]].bytes += last.size;
}

static bool
sum_part(void *arg, size_t i)
{
	const struct summing *s = arg;
	uint64_t from = (uint64_t)i << EDGES_PART, left = s->heap->nchunks - from;
	uint64_t end = from + (left < 1 << EDGES_PART ? left : 1 << EDGES_PART);

	while (from < end) {
		const struct span *span = heap_block(s->heap, from).span;
		uint64_t to = span->first + span->count;

		to = to < end ? to : end;
		sum_span(s, span, from, to, s->of_part[i]);
		from = to;
	}
	return true;
}

static bool
sum_up(struct graph *g, const struct heap *h, const struct crew *crew,
    struct hs_error *err)
{
	size_t parts = (h->nchunks >> EDGES_PART) + (size_t)1;
	autofree struct tally(*of_part)[REACH_COUNT] = calloc(parts, sizeof *of_part);
	struct summing s = { .heap = h, .reach = g->reach, .of_part = of_part };

	if (!of_part)
		return fail_nomem(err);
	if (!crew_run(crew, "summing up", parts, sum_part, &s, err))
		return false;
	for (size_t i = 0; i < parts; i++)
		for (size_t r = 0; r < REACH_COUNT; r++) {
			g->total[r].count += of_part[i][r].count;
			g->total[r].bytes += of_part[i][r].bytes;
		}
	return true;
}

static void
call_unknown(struct graph *g, const struct heap *h)
{
	for (uint64_t i = 0; i < h->nchunks; i++)
		if (g->reach[i] == REACH_DIRECT)
			g->reach[i] = REACH_UNKNOWN;
}

/* Over edges when there is room for them, else through the heap. */
static bool
mark(struct graph *g, const struct heap *h, const struct image *image,
    const struct roots *roots, const struct room *room, const struct crew *crew,
    struct hs_error *err)
{
	struct edges_wanted all = { .most_bytes = room_for_all(room, h) };

	switch (edges_extract(&g->edges, h, image, &all, crew, err)) {
	case EDGES_DONE: return mark_edges(g, h, image, roots, crew, err);
	case EDGES_TOO_MANY:
		return mark_through(g, h, image, roots, through_room(h), crew, err);
	case EDGES_FAILED: break;
	}
	return false;
}

bool
graph_mark(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct roots *roots, bool missing, const struct crew *crew,
    struct hs_error *err)
{
	scoped(graph_fini) struct graph g = GRAPH_EMPTY;
	struct room room;

	if (!room_init(&room, crew->memory, heap, roots, err))
		return false;
	if (!init_reach(&g, heap))
		return fail_nomem(err);
	if (!mark(&g, heap, image, roots, &room, crew, err))
		return false;
	if (missing)
		call_unknown(&g, heap);
	else if (!leaks_find(&g, heap, image, &room, crew, err))
		return false;
	if (!sum_up(&g, heap, crew, err))
		return false;
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
