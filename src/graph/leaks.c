/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From unreached blocks to leaks.
 *
 * A program that loses a list of a thousand nodes has one leak, not a thousand:
 * the head is lost directly, the rest hangs from it.  Were nodes linked in both
 * directions, none would be the head; so we look at cycles as one.
 *
 *	A -> B -> C         leak A; B and C indirect
 *	A <-> B -> C        leak {A, B}; C indirect
 *
 * Unreached blocks that reach each other form a component (Tarjan's algorithm,
 * with a stack of our own: a list of a hundred million nodes must not decide how
 * deep ours goes).  A component that no pointer from another enters is a leak;
 * pointers to a block's end do not count.  What hangs from several leaks is
 * counted with the first of them, by address.
 *
 * Few blocks are leaked as a rule, so all arrays are over leaked blocks only,
 * by their rank among them (lost.h).
 */
#include "graph/leaks.h"

#include "graph/edges.h"

#include <string.h>

struct finding {
	struct graph *graph;
	const struct heap *heap;
	struct lost lost;
	size_t n; /* lost blocks */
	/* Of each, by rank: 0 as long as it is in none, else 1 and up, in order of completion. */
	struct numbers component;
	uint64_t ncomponents;
	unsigned char *entered; /* of each component: a pointer from another leads in */
};

static void
finding_fini(struct finding *f)
{
	lost_fini(&f->lost);
	numbers_fini(&f->component);
	free(f->entered);
}

/* An array that is to have numbers up to that of all lost blocks. */
static struct numbers
array(const struct finding *f)
{
	return (struct numbers) { .wide = !heap_suffices(f->heap, 32, f->n + 1) };
}

/* The edges of a lost block. */
static struct edge_row
edges_from(const struct finding *f, uint64_t rank)
{
	const struct edges *e = &f->graph->edges;

	return edges_row(e, e->among_lost ? rank : numbers_at(&f->lost.chunk, rank));
}

/* Is this edge one along which a leak is indirect?  Then the rank it leads to, else LOST_NONE. */
static uint64_t
leads_to(const struct finding *f, const struct edge_row *row, uint32_t i)
{
	uint64_t edge = numbers_at(row->of, row->first + (size_t)i);

	if (edge_meet(edge) == MEET_END)
		return LOST_NONE;
	return f->graph->edges.among_lost ? edge_to(edge)
					  : lost_rank(&f->lost, edge_to(edge));
}

/* Tarjan's algorithm.  A visit is a block, and which of its edges comes next. */
struct tarjan {
	struct finding *f;
	struct numbers index, low; /* by rank; index 0: not visited */
	uint64_t next;
	struct numbers path;        /* visits: the blocks, by rank */
	struct VEC(uint32_t) edges; /* and their edges */
	struct numbers open;        /* visited, in no component yet */
};

static bool
is_broke(const struct tarjan *t)
{
	return t->path.broke || t->edges.broke || t->open.broke;
}

static void
enter(struct tarjan *t, uint64_t rank)
{
	numbers_set(&t->index, rank, ++t->next);
	numbers_set(&t->low, rank, t->next);
	numbers_push(&t->path, rank);
	vec_push(&t->edges, 0);
	numbers_push(&t->open, rank);
}

/* All of the component of `rank` lie on top of the open ones. */
static void
close_component(struct tarjan *t, uint64_t rank)
{
	uint64_t member;

	t->f->ncomponents++;
	do {
		member = numbers_pop(&t->open);
		numbers_set(&t->f->component, member, t->f->ncomponents);
	} while (member != rank);
}

/* Something that is `low` can be reached from this block, if it is lower. */
static void
lower(struct tarjan *t, uint64_t rank, uint64_t low)
{
	if (low < numbers_at(&t->low, rank))
		numbers_set(&t->low, rank, low);
}

/* All edges of the last visit were followed: back to the one before. */
static void
leave(struct tarjan *t)
{
	uint64_t rank = numbers_pop(&t->path), low = numbers_at(&t->low, rank);

	t->edges.n--;
	if (low == numbers_at(&t->index, rank))
		close_component(t, rank);
	else if (t->path.n > 0)
		lower(t, numbers_at(&t->path, t->path.n - 1), low);
}

static void
step(struct tarjan *t)
{
	uint64_t rank = numbers_at(&t->path, t->path.n - 1);
	uint32_t *edge = &t->edges.at[t->edges.n - 1];
	struct edge_row row = edges_from(t->f, rank);

	while (*edge < row.n) {
		uint64_t to = leads_to(t->f, &row, (*edge)++), index;

		if (to == LOST_NONE)
			continue;
		index = numbers_at(&t->index, to);
		if (!index) {
			enter(t, to);
			return;
		}
		if (!numbers_at(&t->f->component, to))
			lower(t, rank, index);
	}
	leave(t);
}

static void
tarjan_fini(struct tarjan *t)
{
	numbers_fini(&t->index);
	numbers_fini(&t->low);
	numbers_fini(&t->path);
	vec_free(&t->edges);
	numbers_fini(&t->open);
}

static bool
find_components(struct finding *f, const struct progress *progress, struct hs_error *err)
{
	scoped(tarjan_fini) struct tarjan t = {
		.f = f,
		.index = array(f),
		.low = array(f),
		.path = array(f),
		.open = array(f),
	};

	if (!numbers_zero(&t.index, f->n) || !numbers_zero(&t.low, f->n))
		return fail_nomem(err);
	for (size_t i = 0; i < f->n; i++) {
		if (i % (1 << 16) == 0
		    && !progress_on(progress, "grouping leaks", i, f->n, err))
			return false;
		if (numbers_at(&t.index, i))
			continue;
		enter(&t, i);
		while (t.path.n > 0 && !is_broke(&t))
			step(&t);
		if (is_broke(&t))
			return fail_nomem(err);
	}
	return true;
}

static void
find_entered(struct finding *f)
{
	for (size_t i = 0; i < f->n; i++) {
		uint64_t own = numbers_at(&f->component, i);
		struct edge_row row = edges_from(f, i);

		for (uint32_t k = 0; k < row.n; k++) {
			uint64_t to = leads_to(f, &row, k), into;

			if (to == LOST_NONE)
				continue;
			into = numbers_at(&f->component, to);
			if (into != own)
				f->entered[into] = 1;
		}
	}
}

static bool
is_entered(const struct finding *f, uint64_t rank)
{
	return f->entered[numbers_at(&f->component, rank)];
}

static int
leak_cmp(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* One more member of that leak. */
static void
add_member(struct leak *l, const struct block *b)
{
	l->members++;
	l->bytes += b->size;
	if (l->members == 1 || b->address < l->address) {
		l->address = b->address;
		l->block = b->number;
	}
}

/* One leak for each component that is not entered. */
static bool
make_leaks(struct finding *f)
{
	struct graph *g = f->graph;
	struct block b = { .span = NULL };
	scoped(numbers_fini) struct numbers slot =
	    array(f); /* by component; 0: no leak yet */

	if (!numbers_zero(&slot, f->ncomponents + 1))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		uint64_t c = numbers_at(&f->component, i);

		b = heap_block_after(f->heap, &b, numbers_at(&f->lost.chunk, i));
		if (f->entered[c])
			continue;
		if (!numbers_at(&slot, c)) {
			vec_push(&g->leaks, (struct leak) { .members = 0 });
			numbers_set(&slot, c, g->leaks.n);
		}
		if (g->leaks.broke)
			return false;
		add_member(&g->leaks.at[numbers_at(&slot, c) - 1], &b);
	}
	vec_sort(&g->leaks, leak_cmp);
	return true;
}

/* What hangs from a leak, and was not seen before. */
struct gathering {
	struct finding *f;
	struct numbers todo; /* ranks */
	unsigned char *seen; /* by rank */
};

static void
gather_from(struct gathering *g, struct leak *l)
{
	struct finding *f = g->f;

	numbers_push(&g->todo, lost_rank(&f->lost, l->block));
	while (g->todo.n > 0) {
		struct edge_row row = edges_from(f, numbers_pop(&g->todo));

		for (uint32_t k = 0; k < row.n; k++) {
			uint64_t to = leads_to(f, &row, k);

			if (to == LOST_NONE || g->seen[to])
				continue;
			g->seen[to] = 1;
			numbers_push(&g->todo, to);
			if (!is_entered(f, to))
				continue; /* of a leak's own cycle */
			l->indirect_count++;
			l->indirect_bytes +=
			    heap_block(f->heap, numbers_at(&f->lost.chunk, to)).size;
		}
	}
}

/* Give every other lost block to the first leak that leads to it. */
static bool
gather_indirect(struct finding *f)
{
	autofree unsigned char *seen = calloc(f->n + 1, 1);
	struct gathering g = { f, array(f), seen };

	for (size_t i = 0; seen && i < f->graph->leaks.n; i++)
		gather_from(&g, &f->graph->leaks.at[i]);
	numbers_fini(&g.todo);
	return seen && !g.todo.broke;
}

static bool
tell_apart(struct finding *f)
{
	f->entered = calloc(f->ncomponents + 1, 1);
	if (!f->entered)
		return false;
	find_entered(f);
	return make_leaks(f) && gather_indirect(f);
}

/* When there are none of all blocks: those among lost blocks. */
static bool
extract_edges(struct finding *f, const struct image *image, const struct room *room,
    const struct crew *crew, struct hs_error *err)
{
	struct edges_wanted wanted = {
		.among = &f->lost,
		.most_bytes = room_for_lost(room, f->n),
	};
	struct block b = { .span = NULL };
	uint64_t bytes = 0;

	switch (edges_extract(&f->graph->edges, f->heap, image, &wanted, crew, err)) {
	case EDGES_DONE: return true;
	case EDGES_FAILED: return false;
	case EDGES_TOO_MANY: break;
	}
	for (size_t i = 0; i < f->n; i++) {
		b = heap_block_after(f->heap, &b, numbers_at(&f->lost.chunk, i));
		bytes += b.size;
	}
	return fail_no_room(err, room, f->n, bytes);
}

bool
leaks_find(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct room *room, const struct crew *crew, struct hs_error *err)
{
	scoped(finding_fini) struct finding f = { .graph = graph, .heap = heap };

	if (!lost_find(&f.lost, heap, graph->reach))
		return fail_nomem(err);
	f.n = f.lost.chunk.n;
	if (f.n == 0)
		return true;
	f.component = array(&f);
	if (!numbers_zero(&f.component, f.n))
		return fail_nomem(err);
	if (graph->edges.nparts == 0 && !extract_edges(&f, image, room, crew, err))
		return false;
	if (!find_components(&f, crew->progress, err))
		return false;
	if (!tell_apart(&f))
		return fail_nomem(err);
	for (size_t i = 0; i < f.n; i++)
		if (is_entered(&f, i))
			graph->reach[numbers_at(&f.lost.chunk, i)] = REACH_INDIRECT;
	return true;
}
