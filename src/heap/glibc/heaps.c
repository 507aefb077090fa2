/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thread arenas: chains of heaps.
 *
 * Each heap is an aligned reservation with a heap_info at its start: the
 * arena, the heap before it, how much is in use.  The newest holds the
 * arena's top, so the chain starts at top rounded down to the alignment,
 * which is 64 MiB (1 MiB on i386), or four huge pages in glibc 2.35 to 2.41 under the tunable
 * hugetlb: whichever leads to a heap_info that names the arena.
 */
#include "heap/glibc/glibc.h"

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
	uint64_t usual = pt->abi->heap_max;
	unsigned votes[2] = { 0 };

	if (huge == 0 || (huge & (huge - 1)))
		return usual;
	for (size_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];

		if (a->instance != number || a->main)
			continue;
		votes[0] += is_heap_of(pt, align_down(a->top, usual), a->address);
		votes[1] += is_heap_of(pt, align_down(a->top, huge), a->address);
	}
	return votes[1] > votes[0] ? huge : usual;
}

/* The fields of a heap_info. */
struct info {
	hs_addr owner, prev;
	uint64_t size, mapped; /* mapped: so far it may be read and written */
};

static bool
read_info(const struct ptmalloc *pt, hs_addr heap, struct info *to)
{
	unsigned word = pt->abi->word;

	return space_word(pt->space, heap, &to->owner)
	    && space_word(pt->space, heap + word, &to->prev)
	    && space_word(pt->space, heap + 2 * word, &to->size)
	    && space_word(pt->space, heap + 3 * word, &to->mapped);
}

static bool
is_size(const struct ptmalloc *pt, const struct pt_instance *in, uint64_t size)
{
	return size >= in->heap_header && size <= in->heap_max && size % pt->page == 0;
}

/*
 * One word of a heap_info may have been overwritten: what the others say is
 * believed.  Which is wrong, or -1; -2: too much is.  info->size is mended.
 */
static int
mend_info(const struct ptmalloc *pt, const struct pt_arena *a,
    const struct pt_instance *in, hs_addr heap, struct info *info)
{
	bool owner = info->owner == a->address;
	bool prev = info->prev % in->heap_max == 0 && info->prev != heap
	    && (info->prev == 0 || is_heap_of(pt, info->prev, a->address));
	bool size = is_size(pt, in, info->size) && info->size <= info->mapped;

	if (owner + prev + size < 2)
		return owner && !size && is_size(pt, in, info->mapped) ? 1 : -2;
	if (!size && !is_size(pt, in, info->mapped))
		return -2;
	if (!size)
		info->size = info->mapped;
	return !owner ? 0 : !prev ? 1 : !size ? 2 : -1;
}

/* Adds a heap.  False: it makes no sense, which was said. */
static bool
add_heap(struct ptmalloc *pt, const struct pt_arena *a,
    const struct pt_instance *in, hs_addr heap, hs_addr *prev)
{
	static const char *const words[] = { "the arena it belongs to",
		"the one before it", "its size" };
	struct info info;
	int wrong =
	    read_info(pt, heap, &info) ? mend_info(pt, a, in, heap, &info) : -2;

	if (wrong == -2 || !pt_take(pt, (struct range) { heap, heap + info.size })) {
		pt_damage(pt, DAMAGE_HEAP, heap, 0,
		    "this heap of the arena makes no sense");
		return false;
	}
	if (wrong >= 0)
		pt_damage(pt, DAMAGE_HEAP, heap + pt->abi->word * (unsigned)wrong,
		    0, "the header of this heap is wrong about %s", words[wrong]);
	vec_push(&pt->heaps, (struct pt_heap) { heap, info.size });
	*prev = wrong == 1 ? 0 : info.prev;
	return wrong != 1;
}

/* The chain of heaps is broken: those that say whose they are, wherever they are. */
static void
find_lost_heaps(struct ptmalloc *pt, const struct pt_arena *a,
    const struct pt_instance *in)
{
	struct range within;

	for (size_t i = 0; i < pt->space->pieces.n; i++) {
		const struct piece *p = &pt->space->pieces.at[i];
		hs_addr heap = align_up(p->range.start, in->heap_max), prev;

		for (; p->bytes && !p->file && range_has(p->range, heap);
		     heap += in->heap_max)
			if (is_heap_of(pt, heap, a->address)
			    && !pt_is_taken(pt, heap, &within))
				(void)add_heap(pt, a, in, heap, &prev);
	}
}

/* Is top where the arena says, in a heap whose header alone may be wrong? */
static bool
holds_top(const struct ptmalloc *pt, const struct pt_arena *a,
    const struct pt_instance *in, hs_addr heap)
{
	struct info info;
	uint64_t word;

	return is_heap_of(pt, heap, a->address)
	    || (read_info(pt, heap, &info) && mend_info(pt, a, in, heap, &info) == 0
		&& pt_size_word(pt, a->top, &word)
		&& a->top + (word & ~(uint64_t)FLAGS) == heap + info.size);
}

static void
find_heaps_of(struct ptmalloc *pt, struct pt_arena *a, const struct pt_instance *in)
{
	hs_addr heap = align_down(a->top, in->heap_max);
	bool whole = holds_top(pt, a, in, heap);

	a->first_heap = pt->heaps.n;
	if (!whole) {
		pt_damage(pt, DAMAGE_ARENA, a->address + in->layout->top, 0,
		    "top of the arena is in none of its heaps");
		a->top = 0;
		heap = a->address - in->heap_header;
	}
	while (heap)
		if (!add_heap(pt, a, in, heap, &heap)) {
			whole = false;
			break;
		}
	if (!whole)
		find_lost_heaps(pt, a, in);
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
			.range = { abi_chunk_from(pt->abi, start), h->address + h->size },
			.arena = arena,
		};

		run.top = range_has(run.range, a->top) ? a->top : 0;
		run.topless = !a->top;
		pt_doubt_top(pt, &run);
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
