/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main arena's segments.
 *
 * While sbrk() serves it, the main arena is one run from where the break was
 * at first (mp_.sbrk_base) to the end of top, `system_mem` bytes later, with
 * others' sbrk() memory in between perhaps.  Once sbrk() has failed it goes on
 * in mappings that nothing links: each is found by trying page after page for
 * a chain of chunks that ends in fences at a page's end, or at top; and the
 * lengths of all must add up to `system_mem`.
 */
#include "heap/glibc/glibc.h"

#include <elf.h>

/* r as far as there is memory without a gap, whatever the arena says. */
static struct range
within_memory(const struct space *s, struct range r)
{
	const struct piece *p = space_at(s, r.start);
	const struct piece *last = vec_from(&s->pieces, s->pieces.n);
	hs_addr end = r.start;

	for (; p && p < last && p->range.start <= end && end < r.end; p++)
		end = p->range.end;
	return (struct range) { r.start, end < r.end ? end : r.end };
}

static bool
walk_segment(struct ptmalloc *pt, uint32_t arena, struct range r, hs_addr top,
    struct hs_error *err)
{
	struct arena *sum = &pt->heap->arenas.at[arena];
	struct run run = { .main = true, .arena = arena };

	r = within_memory(pt->space, r);
	if (range_size(r) == 0 || !pt_take(pt, r)) {
		pt_damage(pt, DAMAGE_HEAP, r.start, 0,
		    "the arena cannot be here: there is %s",
		    range_size(r) == 0 ? "no memory" : "another one's heap");
		return true;
	}
	run.range = (struct range) { abi_chunk_from(pt->abi, r.start), r.end };
	run.top = range_has(run.range, top) ? top : 0;
	run.topless = !top;
	pt_doubt_top(pt, &run);
	sum->found_bytes += range_size(r);
	sum->overhead_bytes += run.range.start - r.start;
	return pt_walk_runs(pt, &run, 1, err);
}

/* Top is nowhere, so it was damaged; but where the arena is, mp_ says. */
static bool
walk_topless(struct ptmalloc *pt, uint32_t arena, hs_addr base, struct hs_error *err)
{
	const struct pt_arena *a = &pt->arenas.at[arena];

	pt_damage(pt, DAMAGE_ARENA,
	    a->address + pt->instances.at[a->instance].layout->top, 0,
	    "top of the arena is said to be where no memory is");
	return walk_segment(pt, arena, (struct range) { base, base + a->system }, 0,
	    err);
}

static bool
is_contiguous_top(const struct ptmalloc *pt, const struct pt_arena *a, hs_addr base)
{
	return base && base <= a->top && a->top - base < a->system
	    && space_at(pt->space, base);
}

/*
 * A stretch of anonymous writable memory in which segments are looked for.
 * Chains that came to nothing are remembered: one that runs into them comes to
 * nothing, too, so that no header is looked at twice.
 */
struct region {
	struct range range;
	uint64_t *failed; /* of each granule: such a chain had a header there */
};

static void
region_fini(struct region *r)
{
	free(r->failed);
}

static bool
may_hold_segment(const struct piece *p)
{
	return !p->file && p->bytes && (p->flags & PF_W);
}

/* All that adjoins piece *i, which moves on past it. */
static bool
region_init(struct region *r, const struct space *s, size_t *i)
{
	r->range = s->pieces.at[*i].range;
	while (++*i < s->pieces.n && s->pieces.at[*i].range.start == r->range.end
	    && may_hold_segment(&s->pieces.at[*i]))
		r->range.end = s->pieces.at[*i].range.end;
	r->failed = calloc(range_size(r->range) / GRANULE / 64 + 1, sizeof *r->failed);
	return r->failed != NULL;
}

/* Where the segment that starts at a ends; 0: no segment starts there. */
static hs_addr
segment_end(struct ptmalloc *pt, const struct region *region, hs_addr a, hs_addr top)
{
	struct run run = {
		.range = { a, region->range.end },
		.main = true,
		.failed = region->failed,
		.failed_from = region->range.start,
	};
	hs_addr end;
	uint64_t word;

	a = run.range.start = abi_chunk_from(pt->abi, a);
	run.top = range_has(run.range, top) ? top : 0;
	if (!pt_size_word(pt, a, &word) || !(word & FLAG_PREV_USED))
		return 0;
	switch (pt_chain(pt, &run, a, &end)) {
	case CHAIN_BAD: break;
	case CHAIN_FENCE:
		a = align_up(end + 1, pt->page);
		return a - end <= MAX_FENCES ? a : 0;
	case CHAIN_TOP:
		if (end != top || !pt_size_word(pt, end, &word))
			break; /* neither top nor fences: not a segment's end */
		end += word & ~(uint64_t)FLAGS;
		return end <= run.range.end && end > top ? end : run.range.end;
	}
	return 0;
}

static bool
search_region(struct ptmalloc *pt, uint32_t arena, const struct region *region,
    struct hs_error *err)
{
	hs_addr top = pt->arenas.at[arena].top;
	struct range within;

	for (hs_addr a = align_up(region->range.start, pt->page);
	     a < region->range.end; a += pt->page) {
		hs_addr end;

		if (pt_is_taken(pt, a, &within)) {
			a = align_down(within.end - 1, pt->page);
			continue;
		}
		end = segment_end(pt, region, a, top);
		if (!end)
			continue;
		if (!walk_segment(pt, arena, (struct range) { a, end }, top, err))
			return false;
		a = align_down(end - 1, pt->page);
	}
	return true;
}

/*
 * The brk part, if there was one: from the first break to its last fences.  It
 * may go on behind others' sbrk() memory, at any address.
 */
static bool
walk_brk_part(struct ptmalloc *pt, uint32_t arena, hs_addr base, struct hs_error *err)
{
	scoped(region_fini) struct region region = { .failed = NULL };
	const struct piece *p = base ? space_at(pt->space, base) : NULL;
	hs_addr top = pt->arenas.at[arena].top, end, next;
	size_t i;

	if (!p || !may_hold_segment(p))
		return true;
	i = (size_t)(p - pt->space->pieces.at);
	if (!region_init(&region, pt->space, &i))
		return fail_nomem(err);
	end = segment_end(pt, &region, base, top);
	for (hs_addr a = end; a && a < region.range.end; a += GRANULE) {
		next = segment_end(pt, &region, a, top);
		if (next)
			end = a = next;
	}
	return !end || walk_segment(pt, arena, (struct range) { base, end }, top, err);
}

static bool
walk_scattered(struct ptmalloc *pt, uint32_t arena, hs_addr base, struct hs_error *err)
{
	const struct space *s = pt->space;
	size_t i = 0;

	if (!walk_brk_part(pt, arena, base, err))
		return false;
	while (i < s->pieces.n) {
		scoped(region_fini) struct region region = { .failed = NULL };

		if (!may_hold_segment(&s->pieces.at[i])) {
			i++;
			continue;
		}
		if (!region_init(&region, s, &i))
			return fail_nomem(err);
		if (!progress_on(pt->crew->progress, "looking for the heap's parts",
			i, s->pieces.n, err)
		    || !search_region(pt, arena, &region, err))
			return false;
	}
	return true;
}

/* Without mp_: the piece that top is in, from its first chunk that leads to top. */
static bool
walk_back_from_top(struct ptmalloc *pt, uint32_t arena, struct hs_error *err)
{
	const struct pt_arena *a = &pt->arenas.at[arena];
	uint64_t size;

	if (!pt_size_word(pt, a->top, &size))
		return true;
	size &= ~(uint64_t)FLAGS;
	if (size > a->system || a->top + size < a->system)
		return walk_scattered(pt, arena, 0, err);
	return walk_segment(pt, arena,
	    (struct range) { a->top + size - a->system, a->top + size }, a->top, err);
}

bool
pt_walk_main(struct ptmalloc *pt, uint32_t arena, struct hs_error *err)
{
	const struct pt_arena *a = &pt->arenas.at[arena];
	const struct pt_instance *in = &pt->instances.at[a->instance];
	hs_addr base = in->params.layout ? in->params.sbrk_base : 0;

	if (a->system == 0)
		return true;
	if (a->flags & NONCONTIGUOUS)
		return walk_scattered(pt, arena, base, err);
	if (base && space_at(pt->space, base) && !space_at(pt->space, a->top))
		return walk_topless(pt, arena, base, err);
	if (!is_contiguous_top(pt, a, base))
		return walk_back_from_top(pt, arena, err);
	return walk_segment(pt, arena, (struct range) { base, base + a->system },
	    a->top, err);
}
