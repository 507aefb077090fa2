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
 * by their rank among them.
 */
#include "graph/leaks.h"

#include "base/bits.h"
#include "graph/edges.h"

#include <string.h>

enum { NONE = UINT32_MAX };

struct finding {
	struct graph *graph;
	const struct heap *heap;
	struct VEC(uint32_t) lost; /* chunk numbers of unreached blocks, ascending */
	/* For 64 chunks each: which are lost, and how many are before them. */
	uint64_t *is_lost;
	uint32_t *lost_before;
	uint32_t *component; /* of each lost block, by rank; in order of completion */
	uint32_t ncomponents;
	unsigned char *entered; /* of each component: a pointer from another leads in */
};

static void
finding_fini(struct finding *f)
{
	vec_free(&f->lost);
	free(f->is_lost);
	free(f->lost_before);
	free(f->component);
	free(f->entered);
}

/* Of n chunks from this one on.  Most of them are none. */
static inline void
find_lost_of(struct finding *f, uint32_t first, uint32_t n)
{
	const unsigned char *reach = f->graph->reach + first;

	f->lost_before[first / 64] = (uint32_t)f->lost.n;
	if (!memchr(reach, REACH_DIRECT, n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (reach[i] != REACH_DIRECT)
			continue;
		f->is_lost[first / 64] |= UINT64_C(1) << i;
		vec_push(&f->lost, first + i);
	}
}

static bool
find_lost(struct finding *f)
{
	uint32_t n = f->heap->nchunks;

	f->is_lost = calloc(n / 64 + (size_t)1, sizeof *f->is_lost);
	f->lost_before = calloc(n / 64 + (size_t)1, sizeof *f->lost_before);
	if (!f->is_lost || !f->lost_before)
		return false;
	for (uint32_t i = 0; i < n; i += 64)
		find_lost_of(f, i, n - i < 64 ? n - i : 64);
	return !f->lost.broke;
}

/* The rank of a chunk among the lost ones, NONE when it is not lost. */
static uint32_t
rank_of(const struct finding *f, uint32_t chunk)
{
	uint64_t lost = f->is_lost[chunk / 64], bit = UINT64_C(1) << chunk % 64;

	return lost & bit ? f->lost_before[chunk / 64] + count_bits(lost & (bit - 1))
			  : NONE;
}

/* The edges of a lost block: n of them. */
static const uint32_t *
edges_from(const struct finding *f, uint32_t rank, uint32_t *n)
{
	const struct edges *e = &f->graph->edges;

	return edges_of(e, e->among_lost ? rank : f->lost.at[rank], n);
}

/* Is this edge one along which a leak is indirect?  Then the rank it leads to, else NONE. */
static uint32_t
leads_to(const struct finding *f, uint32_t edge)
{
	return edge_meet(edge) == MEET_END ? NONE : rank_of(f, edge_to(edge));
}

/* A visit of Tarjan's algorithm: the block, and which of its edges comes next. */
struct visit {
	uint32_t rank, edge;
};

struct tarjan {
	struct finding *f;
	uint32_t *index, *low; /* by rank; index 0: not visited */
	uint32_t next;
	struct VEC(struct visit) path;
	struct VEC(uint32_t) open; /* visited, in no component yet */
};

static void
enter(struct tarjan *t, uint32_t rank)
{
	t->index[rank] = t->low[rank] = ++t->next;
	vec_push(&t->path, (struct visit) { rank, 0 });
	vec_push(&t->open, rank);
}

/* All of the component of `rank` lie on top of the open ones. */
static void
close_component(struct tarjan *t, uint32_t rank)
{
	uint32_t member;

	do {
		member = t->open.at[--t->open.n];
		t->f->component[member] = t->f->ncomponents;
	} while (member != rank);
	t->f->ncomponents++;
}

static void
step(struct tarjan *t)
{
	struct visit *v = &t->path.at[t->path.n - 1];
	uint32_t rank = v->rank, n;
	const uint32_t *e = edges_from(t->f, rank, &n);

	while (v->edge < n) {
		uint32_t to = leads_to(t->f, e[v->edge++]);

		if (to == NONE)
			continue;
		if (!t->index[to]) {
			enter(t, to);
			return;
		}
		if (t->f->component[to] == NONE && t->index[to] < t->low[rank])
			t->low[rank] = t->index[to];
	}
	t->path.n--;
	if (t->low[rank] == t->index[rank])
		close_component(t, rank);
	if (t->path.n > 0) {
		uint32_t parent = t->path.at[t->path.n - 1].rank;

		if (t->f->component[rank] == NONE && t->low[rank] < t->low[parent])
			t->low[parent] = t->low[rank];
	}
}

static bool
find_components(struct finding *f, const struct progress *progress, struct hs_error *err)
{
	struct tarjan t = { .f = f };
	size_t n = f->lost.n;
	bool ok = true;

	t.index = calloc(n + 1, sizeof *t.index);
	t.low = calloc(n + 1, sizeof *t.low);
	for (uint32_t i = 0; t.index && t.low && ok && i < n; i++) {
		if (t.index[i])
			continue;
		enter(&t, i);
		while (t.path.n > 0 && !t.path.broke && !t.open.broke)
			step(&t);
		ok = i % (1 << 16) != 0
		    || progress_on(progress, "grouping leaks", i, n, err);
		if (t.path.broke || t.open.broke)
			break;
	}
	if (ok && (!t.index || !t.low || t.path.broke || t.open.broke))
		ok = fail_nomem(err);
	free(t.index);
	free(t.low);
	vec_free(&t.path);
	vec_free(&t.open);
	return ok;
}

static void
find_entered(struct finding *f)
{
	for (uint32_t i = 0; i < f->lost.n; i++) {
		uint32_t n;
		const uint32_t *e = edges_from(f, i, &n);

		for (uint32_t k = 0; k < n; k++) {
			uint32_t to = leads_to(f, e[k]);

			if (to != NONE && f->component[to] != f->component[i])
				f->entered[f->component[to]] = 1;
		}
	}
}

static int
leak_cmp(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* One leak for each component that is not entered; slot: its place, by component. */
static bool
make_leaks(struct finding *f, uint32_t *slot)
{
	struct graph *g = f->graph;
	struct block b = { .span = NULL };

	memset(slot, 0xff, f->ncomponents * sizeof *slot);
	for (uint32_t i = 0; i < f->lost.n; i++) {
		uint32_t c = f->component[i];
		struct leak *l;

		b = heap_block_after(f->heap, &b, f->lost.at[i]);
		if (f->entered[c])
			continue;
		if (slot[c] == NONE) {
			slot[c] = (uint32_t)g->leaks.n;
			vec_push(&g->leaks,
			    (struct leak) { .address = b.address, .block = b.number });
		}
		if (g->leaks.broke)
			return false;
		l = &g->leaks.at[slot[c]];
		l->members++;
		l->bytes += b.size;
		if (b.address < l->address) {
			l->address = b.address;
			l->block = b.number;
		}
	}
	vec_sort(&g->leaks, leak_cmp);
	return true;
}

/* Give every other lost block to the first leak that leads to it. */
static bool
gather_indirect(struct finding *f)
{
	struct graph *g = f->graph;
	struct VEC(uint32_t) todo = { 0 };
	autofree unsigned char *seen = calloc(f->lost.n + 1, 1);

	for (size_t i = 0; seen && i < g->leaks.n; i++) {
		struct leak *l = &g->leaks.at[i];

		vec_push(&todo, rank_of(f, l->block));
		while (todo.n > 0) {
			uint32_t rank = todo.at[--todo.n], n;
			const uint32_t *e = edges_from(f, rank, &n);

			for (uint32_t k = 0; k < n; k++) {
				uint32_t to = leads_to(f, e[k]);

				if (to == NONE || seen[to])
					continue;
				seen[to] = 1;
				vec_push(&todo, to);
				if (!f->entered[f->component[to]])
					continue; /* of a leak's own cycle */
				l->indirect_count++;
				l->indirect_bytes +=
				    heap_block(f->heap, f->lost.at[to]).size;
			}
		}
	}
	vec_free(&todo);
	return seen && !todo.broke;
}

static bool
tell_apart(struct finding *f, struct hs_error *err)
{
	autofree uint32_t *slot = malloc((f->ncomponents + (size_t)1) * sizeof *slot);

	f->entered = calloc(f->ncomponents + (size_t)1, 1);
	if (!slot || !f->entered)
		return fail_nomem(err);
	find_entered(f);
	if (!make_leaks(f, slot) || !gather_indirect(f))
		return fail_nomem(err);
	return true;
}

/* When there was no room for all edges: those among lost blocks. */
static bool
extract_edges(struct finding *f, const struct image *image, const struct room *room,
    const struct crew *crew, struct hs_error *err)
{
	struct edges *e = &f->graph->edges;
	struct edges_wanted wanted = {
		.among = f->lost.at,
		.n = (uint32_t)f->lost.n,
		.reach = f->graph->reach,
		.most_bytes = room_for_lost(room, f->lost.n),
	};
	struct block b = { .span = NULL };
	uint64_t bytes = 0;

	switch (edges_extract(e, f->heap, image, &wanted, crew, err)) {
	case EDGES_DONE: e->among_lost = true; return true;
	case EDGES_FAILED: return false;
	case EDGES_TOO_MANY: break;
	}
	for (size_t i = 0; i < f->lost.n; i++) {
		b = heap_block_after(f->heap, &b, f->lost.at[i]);
		bytes += b.size;
	}
	return fail_no_room(err, room, f->lost.n, bytes);
}

bool
leaks_find(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct room *room, const struct crew *crew, struct hs_error *err)
{
	scoped(finding_fini) struct finding f = { .graph = graph, .heap = heap };

	if (!find_lost(&f)
	    || !(f.component = malloc((f.lost.n + 1) * sizeof *f.component)))
		return fail_nomem(err);
	memset(f.component, 0xff, f.lost.n * sizeof *f.component);
	if (f.lost.n > 0 && graph->edges.nparts == 0
	    && !extract_edges(&f, image, room, crew, err))
		return false;
	if (!find_components(&f, crew->progress, err) || !tell_apart(&f, err))
		return false;
	for (uint32_t i = 0; i < f.lost.n; i++)
		if (f.entered[f.component[i]])
			graph->reach[f.lost.at[i]] = REACH_INDIRECT;
	return true;
}
