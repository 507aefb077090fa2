/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thread arenas: chains of heaps.
 *
 * Each heap is an aligned reservation with a heap_info at its start: the
 * arena, the heap before it, how much is in use.  The newest holds the
 * arena's top, so the chain starts at top rounded down to the alignment,
 * which is 64 MiB, or four huge pages in glibc 2.35 to 2.41 under the tunable
 * hugetlb: whichever leads to a heap_info that names the arena.
 */
#include "heap/glibc/glibc.h"

enum { HEAP_MAX = 64 << 20 };

static bool
is_heap_of(const struct ptmalloc *pt, hs_addr heap, hs_addr arena)
{
	uint64_t owner;

	return space_word(pt->space, heap, &owner) && owner == arena;
}

/* The alignment under which the tops of this instance's arenas lead to their heaps. */
static uint64_t
find_alignment(const struct ptmalloc *pt, const struct pt_instance *in, unsigned number)
{
	uint64_t huge = 4 * in->params.hp_pagesize;
	unsigned votes[2] = { 0 };

	if (huge == 0 || (huge & (huge - 1)))
		return HEAP_MAX;
	for (size_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];

		if (a->instance != number || a->main)
			continue;
		votes[0] += is_heap_of(pt, align_down(a->top, HEAP_MAX), a->address);
		votes[1] += is_heap_of(pt, align_down(a->top, huge), a->address);
	}
	return votes[1] > votes[0] ? huge : HEAP_MAX;
}

static void
find_heaps_of(struct ptmalloc *pt, struct pt_arena *a, const struct pt_instance *in)
{
	hs_addr heap = align_down(a->top, in->heap_max);
	hs_addr first = a->address - in->heap_header;

	a->first_heap = pt->heaps.n;
	if (!is_heap_of(pt, heap, a->address)) {
		pt_damage(pt, a->address + in->layout->top, 0,
		    "top of the arena is in none of its heaps");
		heap = first;
	}
	while (heap) {
		uint64_t prev, size;

		if (!is_heap_of(pt, heap, a->address)
		    || !space_word(pt->space, heap + 8, &prev)
		    || !space_word(pt->space, heap + 16, &size)
		    || size > in->heap_max || size < in->heap_header
		    || !pt_take(pt, (struct range) { heap, heap + size })) {
			pt_damage(pt, heap, 0, "this heap of the arena makes no sense");
			break;
		}
		vec_push(&pt->heaps, (struct pt_heap) { heap, size });
		heap = prev;
	}
	a->nheaps = pt->heaps.n - a->first_heap;
}

void
pt_find_heaps(struct ptmalloc *pt)
{
	for (size_t i = 0; i < pt->instances.n; i++)
		pt->instances.at[i].heap_max =
		    find_alignment(pt, &pt->instances.at[i], (unsigned)i);
	for (size_t i = 0; i < pt->arenas.n; i++) {
		struct pt_arena *a = &pt->arenas.at[i];

		if (a->main)
			continue;
		find_heaps_of(pt, a, &pt->instances.at[a->instance]);
		pt->heap->arenas.at[i].heaps = (unsigned)a->nheaps;
	}
}

struct run_vec VEC(struct run);

static void
add_runs(struct ptmalloc *pt, uint32_t arena, struct run_vec *runs)
{
	const struct pt_arena *a = &pt->arenas.at[arena];
	const struct pt_instance *in = &pt->instances.at[a->instance];
	struct arena *sum = &pt->heap->arenas.at[arena];

	for (size_t i = 0; i < a->nheaps; i++) {
		const struct pt_heap *h = &pt->heaps.at[a->first_heap + i];
		bool holds_state = h->address == a->address - in->heap_header;
		hs_addr start =
		    holds_state ? a->state.end : h->address + in->heap_header;
		struct run run = {
			.range = { align_up(start, GRANULE), h->address + h->size },
			.arena = arena,
		};

		run.top = range_has(run.range, a->top) ? a->top : 0;
		sum->found_bytes += h->size;
		sum->overhead_bytes += run.range.start - h->address;
		vec_push(runs, run);
	}
}

bool
pt_walk_heaps(struct ptmalloc *pt, uint32_t from, uint32_t to, struct hs_error *err)
{
	struct run_vec runs = { 0 };
	bool ok;

	for (uint32_t i = from; i < to; i++)
		add_runs(pt, i, &runs);
	ok = runs.broke ? fail_nomem(err) : pt_walk_runs(pt, runs.at, runs.n, err);
	vec_free(&runs);
	return ok;
}
