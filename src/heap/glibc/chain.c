/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a chunk start here?  A chain of headers that make sense says so. */
#include "heap/glibc/header.h"

#include <stdlib.h>

enum { ENOUGH = 256 }; /* chunks in a row that make sense: no chance then */

uint64_t
fences_at(struct window *at, const struct run *run, hs_addr p)
{
	uint64_t word, n = 0;

	if (!run->main) {
		uint64_t left = range_left(run->range, p);

		if (run->top || (left != 16 && left != 32)
		    || !window_word(at, p + 8, &word)
		    || (word & ~1ull) != (left == 16 ? 0u : HEADER))
			return 0;
		return left == 16 || (window_word(at, p + 24, &word) && word == 1)
		    ? left
		    : 0;
	}
	while (n < MAX_FENCES && range_left(run->range, p) >= n + 16
	    && window_word(at, p + n + 8, &word) && (word & ~1ull) == HEADER)
		n += 16;
	return n >= 32 ? n : 0;
}

/* Was a chain that failed here before?  From now on there was one, unless this ends well. */
static bool
has_failed(const struct run *run, hs_addr at)
{
	uint64_t granule = (at - run->failed_from) / GRANULE;
	uint64_t *word = run->failed ? &run->failed[granule / 64] : NULL;
	bool was = word && *word >> granule % 64 & 1;

	if (word)
		*word |= 1ull << granule % 64;
	return was;
}

enum chain
pt_chain(struct ptmalloc *pt, const struct run *run, hs_addr at, hs_addr *end)
{
	struct window window = { .space = pt->space };
	uint64_t word, before = 0, size = 0;

	for (uint64_t n = 0; at < run->range.end; n++) {
		*end = at;
		pt->searched += !run->failed;
		if (at == run->top)
			return CHAIN_TOP;
		if (!window_next(&window, at + 8, &word))
			return CHAIN_BAD;
		if (fences_at(&window, run, at))
			return n ? CHAIN_FENCE : CHAIN_BAD;
		if (!sane_size(run, at, word) || (run->top && at > run->top))
			return CHAIN_BAD;
		if (!(word & FLAG_PREV_USED) && n
		    && (!window_word(&window, at, &before) || before != size))
			return CHAIN_BAD;
		if (n >= ENOUGH && !run->failed)
			return CHAIN_TOP;
		if (has_failed(run, at))
			return CHAIN_BAD;
		size = word & ~(uint64_t)FLAGS;
		at += size;
	}
	*end = at;
	return run->top ? CHAIN_BAD : CHAIN_TOP;
}

void
pt_doubt_top(struct ptmalloc *pt, struct run *run)
{
	const struct pt_arena *a = &pt->arenas.at[run->arena];
	struct run other = *run;
	uint64_t word;
	hs_addr end;

	if (!run->top || pt->heap->arenas.at[run->arena].locked
	    || !pt_size_word(pt, run->top, &word)
	    || (word & ~(uint64_t)FLAGS) == range_left(run->range, run->top))
		return;
	other.top = 0;
	other.failed_from = run->range.start;
	other.failed = calloc(range_size(run->range) / GRANULE / 64 + 1, 8);
	run->topless = other.failed
	    && pt_chain(pt, &other, run->range.start, &end) == CHAIN_TOP
	    && end == run->range.end;
	free(other.failed);
	if (!run->topless)
		return;
	run->top = 0;
	pt_damage(pt, DAMAGE_ARENA,
	    a->address + pt->instances.at[a->instance].layout->top, 0,
	    "top of the arena is said to be amid its chunks");
}
