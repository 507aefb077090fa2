/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding mp_, malloc's parameters and totals.
 *
 * It lies in the same data segment as the main arena, some hundred bytes
 * below it.  Few of its words have a value that one can be sure of, so each
 * place near by and each layout is held against what must be true and gets
 * points for what usually is; the best of those that may be true is it.
 */
#include "heap/glibc/glibc.h"

enum {
	REACH_BYTES = 16 << 10, /* how far from the main arena to look */
	BLOCK = 192,            /* bytes: more than any layout has */
	MIN_POINTS = 8,
};

static uint64_t
u64(const unsigned char *at, unsigned offset)
{
	uint64_t w;

	memcpy(&w, at + offset, sizeof w);
	return w;
}

static uint32_t
u32(const unsigned char *at, unsigned offset)
{
	uint32_t w;

	memcpy(&w, at + offset, sizeof w);
	return w;
}

/* What must hold, whatever the program did. */
static bool
possible(const struct par_layout *l, const unsigned char *at)
{
	return u32(at, l->n_mmaps) <= u32(at, l->max_n_mmaps)
	    && u32(at, l->max_n_mmaps) <= 1u << 30 && u32(at, l->no_dyn) <= 1
	    && u64(at, l->mmapped) <= u64(at, l->max_mmapped)
	    && (u32(at, l->n_mmaps) == 0 || u64(at, l->mmapped) >= 4096)
	    && (!l->hp_pagesize || u64(at, l->hp_pagesize) % 4096 == 0)
	    && u64(at, l->sbrk_base) < 1ull << 56;
}

/* Points for where the main arena is said to begin. */
static int
base_points(const struct ptmalloc *pt, const struct pt_arena *main, uint64_t base)
{
	uint64_t size;

	if (main->system == 0)
		return base == 0 ? 2 : -4;
	if (!(main->flags & NONCONTIGUOUS)) {
		hs_addr end = base + main->system;
		bool both = space_at(pt->space, base) && space_at(pt->space, end - 1);

		if (!space_at(pt->space, main->top)) /* damaged: no witness */
			return both ? 4 : -8;
		if (base > main->top || end <= main->top)
			return -8;
		return pt_size_word(pt, main->top, &size)
			&& main->top + (size & ~7ull) == end
		    ? 8
		    : 4;
	}
	return base && space_at(pt->space, base) ? 4 : -8;
}

/* Points for values that are the default. */
static int
usual(const struct par_layout *l, const unsigned char *at)
{
	uint64_t bins = u64(at, l->tcache_bins), count = u64(at, l->tcache_count);

	return 2 * (u32(at, l->n_mmaps_max) == 65536) + 2 * (u64(at, 24) == 8)
	    + (u64(at, 8) == 0x20000)
	    + 2 * (u64(at, 16) >= 4096 && u64(at, 16) <= 32 << 20)
	    + 2 * (bins == 64) + 2 * (count == 7 || count == 16) + (count == 0);
}

void
pt_find_params(const struct ptmalloc *pt, struct pt_instance *in)
{
	const struct pt_arena *main = &pt->arenas.at[in->main];
	int best = MIN_POINTS - 1;

	for (hs_addr a = main->address - REACH_BYTES;
	     a < main->address + REACH_BYTES; a += 8) {
		unsigned char at[BLOCK];

		if (!space_read(pt->space, a, at, sizeof at))
			continue;
		for (const struct par_layout *l = par_layouts; l->since; l++) {
			int points = possible(l, at) ? usual(l, at)
				+ base_points(pt, main, u64(at, l->sbrk_base))
						     : 0;

			if (points <= best)
				continue;
			best = points;
			in->params = (struct pt_params) {
				.layout = l,
				.address = a,
				.hp_pagesize =
				    l->hp_pagesize ? u64(at, l->hp_pagesize) : 0,
				.n_mmaps = u32(at, l->n_mmaps),
				.mmapped = u64(at, l->mmapped),
				.sbrk_base = u64(at, l->sbrk_base),
				.tcache_count = u64(at, l->tcache_count),
			};
		}
	}
}
