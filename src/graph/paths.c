/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paths.
 *
 * Breadth first from the roots, so that each block is first met on a shortest
 * way; once for each reach, from the surest to the least, since a path is no
 * better than its worst link.  A pass goes on to blocks of its own reach only,
 * from them and from all surer ones, along links that are sure enough.
 *
 * Some blocks are REACH_START by an interior pointer that is as good as one to the
 * start.  Edges do not tell; the few blocks that a first pass leaves are met
 * by reading the words of their holders again.
 */
#include "graph/paths.h"

#include "graph/edges.h"
#include "graph/links.h"
#include "graph/mark.h"

#include <string.h>

enum { TICK = 1 << 16 /* blocks between two looks at the clock */ };

struct search {
	struct paths *paths;
	const struct graph *graph;
	const struct heap *heap;
	const struct image *image;
	const struct progress *progress;
	struct hs_error *err;
	enum reach pass;
	bool again; /* interior pointers are judged */
	struct VEC(uint32_t) queue;
	size_t head; /* of the queue */
	uint64_t done;
};

static bool
tell(struct search *s)
{
	return s->done++ % TICK != 0
	    || progress_on(s->progress, "looking for paths", s->done,
		s->heap->nchunks, s->err);
}

static void
meet(struct search *s, uint32_t block, uint32_t before)
{
	s->paths->before[block] = before;
	s->paths->length[block] = before == block ? 1 : s->paths->length[before] + 1;
	vec_push(&s->queue, block);
}

static bool
is_sure_enough(const struct search *s, uint32_t from, uint32_t edge)
{
	struct link_word link;

	if (reach_of(edge_meet(edge)) <= s->pass)
		return true;
	return s->again && edge_meet(edge) == MEET_INTERIOR
	    && link_find(s->graph, s->heap, s->image, from, edge_to(edge), &link)
	    && link.meet == MEET_START;
}

/* The blocks of this pass's reach that `from` leads to, and nobody did yet. */
static void
go_on_from(struct search *s, uint32_t from)
{
	uint32_t n;
	const uint32_t *edge = edges_of(&s->graph->edges, from, &n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = edge_to(edge[i]);

		if (s->graph->reach[to] == s->pass && s->paths->before[to] == PATHS_NONE
		    && is_sure_enough(s, from, edge[i]))
			meet(s, to, from);
	}
}

static bool
drain(struct search *s)
{
	while (s->head < s->queue.n) {
		go_on_from(s, s->queue.at[s->head++]);
		if (!tell(s))
			return false;
	}
	s->head = s->queue.n = 0;
	return true;
}

/* From all blocks that have a path. */
static bool
sweep(struct search *s)
{
	for (uint32_t i = 0; i < s->heap->nchunks; i++)
		if (s->paths->before[i] != PATHS_NONE)
			go_on_from(s, i);
	return drain(s);
}

static bool
is_left(const struct search *s)
{
	for (uint32_t i = 0; i < s->heap->nchunks; i++)
		if (s->graph->reach[i] == s->pass && s->paths->before[i] == PATHS_NONE)
			return true;
	return false;
}

static bool
search_pass(struct search *s, const struct roots *roots)
{
	for (size_t i = 0; i < roots->all.n; i++) {
		const struct root *r = &roots->all.at[i];

		if (reach_of((enum meet)r->meet) <= s->pass
		    && s->graph->reach[r->block] == s->pass
		    && s->paths->before[r->block] == PATHS_NONE)
			meet(s, r->block, r->block);
	}
	if (!drain(s) || (s->pass > REACH_START && !sweep(s)))
		return false;
	s->again = s->pass == REACH_START && is_left(s);
	return !s->again || sweep(s);
}

bool
paths_find(struct paths *paths, const struct graph *graph, const struct heap *heap,
    const struct image *image, const struct roots *roots,
    const struct progress *progress, struct hs_error *err)
{
	struct search s = { .paths = paths,
		.graph = graph,
		.heap = heap,
		.image = image,
		.progress = progress,
		.err = err };
	size_t bytes = (heap->nchunks + (size_t)1) * sizeof *paths->before;
	bool ok = true;

	paths->before = malloc(bytes);
	paths->length = calloc(heap->nchunks + (size_t)1, sizeof *paths->length);
	if (!paths->before || !paths->length)
		return fail_nomem(err);
	memset(paths->before, 0xff, bytes);
	for (; ok && s.pass <= REACH_END; s.pass++)
		ok = search_pass(&s, roots);
	vec_free(&s.queue);
	return ok && (!s.queue.broke || fail_nomem(err));
}

void
paths_fini(struct paths *p)
{
	free(p->before);
	free(p->length);
	*p = PATHS_EMPTY;
}

const struct root *
paths_root(const struct roots *roots, uint32_t block)
{
	const struct root *best = NULL;

	for (size_t i = 0; i < roots->all.n; i++) {
		const struct root *r = &roots->all.at[i];

		if (r->block == block && (!best || r->meet < best->meet))
			best = r;
	}
	return best;
}

bool
paths_pass(const struct paths *paths, uint32_t to, uint32_t by)
{
	while (paths->length[to] > paths->length[by])
		to = paths->before[to];
	return to == by;
}
