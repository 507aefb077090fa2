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

#include "base/bits.h"

enum {
	REACH_BYTES = 16 << 10, /* how far from the main arena to look */
	BLOCK = 192,            /* bytes: more than any layout has */
	MIN_POINTS = 8,
};

static uint32_t
u32(const unsigned char *at, unsigned offset)
{
	uint32_t w;

	memcpy(&w, at + offset, sizeof w);
	return w;
}

/* 0 where there is no tcache, or none of it is in mp_. */
static uint64_t
tcache_bins(const struct par_layout *l, const unsigned char *at, unsigned word)
{
	return l->tcache_bins ? word_from(at + l->tcache_bins, word) : 0;
}

static uint64_t
tcache_count(const struct par_layout *l, const unsigned char *at, unsigned word)
{
	return l->tcache_count ? word_from(at + l->tcache_count, word) : 0;
}

/* What must hold, whatever the program did. */
static bool
possible(const struct par_layout *l, const unsigned char *at, unsigned word)
{
	return u32(at, l->n_mmaps) <= u32(at, l->max_n_mmaps)
	    && u32(at, l->max_n_mmaps) <= 1u << 30 && u32(at, l->no_dyn) <= 1
	    && word_from(at + l->mmapped, word) <= word_from(at + l->max_mmapped, word)
	    && (u32(at, l->n_mmaps) == 0 || word_from(at + l->mmapped, word) >= 4096)
	    && (!l->hp_pagesize || word_from(at + l->hp_pagesize, word) % 4096 == 0)
	    && (!l->tcache_bins || tcache_bins(l, at, word) - 1 < MAX_TCACHE_BINS)
	    && word_from(at + l->sbrk_base, word) < 1ull << 56;
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
usual(const struct par_layout *l, const unsigned char *at, unsigned word)
{
	/* The first words: trim_threshold, top_pad, mmap_threshold, arena_test. */
	uint64_t pad = word_from(at + word, word);
	uint64_t threshold = word_from(at + 2 * word, word);
	uint64_t test = word_from(at + 3 * word, word);
	uint64_t bins = tcache_bins(l, at, word), count = tcache_count(l, at, word);

	return 2 * (u32(at, l->n_mmaps_max) == 65536)
	    + 2 * (test == (word == 8 ? 8 : 2)) + (pad == 0x20000)
	    + 2 * (threshold >= 4096 && threshold <= 32 << 20) + 2 * (bins == 64)
	    + 2 * (count == 7 || count == 16) + (l->tcache_count && count == 0);
}

void
pt_find_params(const struct ptmalloc *pt, struct pt_instance *in)
{
	const struct pt_arena *main = &pt->arenas.at[in->main];
	unsigned word = pt->abi->word;
	int best = MIN_POINTS - 1;

	for (hs_addr a = main->address - REACH_BYTES;
	     a < main->address + REACH_BYTES; a += word) {
		unsigned char at[BLOCK];

		if (!space_read(pt->space, a, at, sizeof at))
			continue;
		for (const struct par_layout *l = pt->abi->params; l->since; l++) {
			int points = possible(l, at, word) ? usual(l, at, word)
				+ base_points(pt, main,
				    word_from(at + l->sbrk_base, word))
							   : 0;

			if (points <= best)
				continue;
			best = points;
			in->params = (struct pt_params) {
				.layout = l,
				.address = a,
				.hp_pagesize = l->hp_pagesize
				    ? word_from(at + l->hp_pagesize, word)
				    : 0,
				.n_mmaps = u32(at, l->n_mmaps),
				.mmapped = word_from(at + l->mmapped, word),
				.sbrk_base = word_from(at + l->sbrk_base, word),
				.tcache_count = tcache_count(l, at, word),
			};
		}
	}
}
