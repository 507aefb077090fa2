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

static bool
walk_segment(struct ptmalloc *pt, uint32_t arena, struct range r, hs_addr top,
    struct hs_error *err)
{
	struct run run = { r, range_has(r, top) ? top : 0, true, arena };
	struct arena *sum = &pt->heap->arenas.at[arena];

	run.range.start = align_up(r.start, GRANULE);
	sum->found_bytes += range_size(r);
	sum->overhead_bytes += run.range.start - r.start;
	pt_take(pt, r);
	return pt_run(pt, &run, err);
}

static bool
is_contiguous_top(const struct ptmalloc *pt, const struct pt_arena *a, hs_addr base)
{
	return base && base <= a->top && a->top - base < a->system
	    && space_at(pt->space, base);
}

/* Where the segment that starts at r.start ends; 0: no segment starts there. */
static hs_addr
segment_end(const struct ptmalloc *pt, uint32_t arena, struct range r, hs_addr top)
{
	struct run run = { r, range_has(r, top) ? top : 0, true, arena };
	hs_addr end, p = r.start;
	uint64_t word;

	if (!pt_size_word(pt, p, &word) || !(word & FLAG_PREV_USED))
		return 0;
	/* pt_chain() may stop early where it is sure: go on from there */
	for (;;) {
		switch (pt_chain(pt, &run, p, &end)) {
		case CHAIN_BAD: return 0;
		case CHAIN_FENCE: return align_up(end + 1, pt->page);
		case CHAIN_TOP:
			if (end >= r.end)
				return 0; /* neither top nor fences: not a segment's end */
			if (end != top) {
				p = end;
				continue;
			}
			if (!pt_size_word(pt, end, &word))
				return 0;
			end += word & ~(uint64_t)FLAGS;
			return end <= r.end && end > top ? end : r.end;
		}
	}
}

/* All anonymous writable memory from a on that adjoins. */
static struct range
region_at(const struct space *s, size_t i)
{
	struct range r = s->pieces.at[i].range;

	while (++i < s->pieces.n && s->pieces.at[i].range.start == r.end
	    && !s->pieces.at[i].file && s->pieces.at[i].bytes
	    && (s->pieces.at[i].flags & PF_W))
		r.end = s->pieces.at[i].range.end;
	return r;
}

static bool
search_piece(struct ptmalloc *pt, uint32_t arena, size_t piece, struct hs_error *err)
{
	struct range region = region_at(pt->space, piece), within;
	hs_addr a = pt->space->pieces.at[piece].range.start;
	hs_addr last = pt->space->pieces.at[piece].range.end;
	const struct pt_arena *main = &pt->arenas.at[arena];

	for (a = align_up(a, pt->page); a < last; a += pt->page) {
		struct range r = { a, region.end };

		if (pt_is_taken(pt, a, &within)) {
			a = align_down(within.end - 1, pt->page);
			continue;
		}
		r.end = segment_end(pt, arena, r, main->top);
		if (!r.end)
			continue;
		if (!walk_segment(pt, arena, r, main->top, err))
			return false;
		a = align_down(r.end - 1, pt->page);
	}
	return true;
}

/* The brk part, if there was one: from the first break to its fences. */
static bool
walk_brk_part(struct ptmalloc *pt, uint32_t arena, hs_addr base, struct hs_error *err)
{
	const struct pt_arena *main = &pt->arenas.at[arena];
	const struct piece *p = base ? space_at(pt->space, base) : NULL;
	struct range region, r;
	hs_addr end;

	if (!p)
		return true;
	region = region_at(pt->space, (size_t)(p - pt->space->pieces.at));
	r = (struct range) { align_up(base, GRANULE), region.end };
	end = segment_end(pt, arena, r, main->top);
	return !end
	    || walk_segment(pt, arena, (struct range) { base, end }, main->top, err);
}

static bool
walk_scattered(struct ptmalloc *pt, uint32_t arena, hs_addr base, struct hs_error *err)
{
	const struct space *s = pt->space;

	if (!walk_brk_part(pt, arena, base, err))
		return false;
	for (size_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = &s->pieces.at[i];

		if (p->file || !p->bytes || !(p->flags & PF_W))
			continue;
		if (!progress_on(pt->progress, "looking for the heap's parts", i,
			s->pieces.n, err)
		    || !search_piece(pt, arena, i, err))
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
	if (!is_contiguous_top(pt, a, base))
		return walk_back_from_top(pt, arena, err);
	return walk_segment(pt, arena, (struct range) { base, base + a->system },
	    a->top, err);
}
