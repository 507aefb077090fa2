/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a chunk start here?  A chain of headers that make sense says so. */
#include "heap/glibc/header.h"

#include <stdlib.h>

enum { ENOUGH = 256 }; /* chunks in a row that make sense: no chance then */

/*
 * Those of a heap's end.  malloc rounds down so that chunks stay multiples of 16:
 * with headers of 8, 8 more bytes are always left.
 */
static uint64_t
heap_fences(const struct malloc_abi *abi, struct window *at, const struct run *run,
    hs_addr p)
{
	uint64_t left = range_left(run->range, p), slack = GRANULE - abi->header, word;
	bool alone = left == abi->header + slack;

	if (run->top || (!alone && left != 2 * abi->header + slack)
	    || !window_word(at, p + abi->word, &word)
	    || (word & ~1ull) != (alone ? 0 : abi->header))
		return 0;
	return alone
		|| (window_word(at, p + abi->header + abi->word, &word) && word == 1)
	    ? left
	    : 0;
}

uint64_t
fences_at(const struct malloc_abi *abi, struct window *at, const struct run *run,
    hs_addr p)
{
	uint64_t left = range_left(run->range, p), slack = GRANULE - abi->header;
	uint64_t word, n = 0;

	if (!run->main)
		return heap_fences(abi, at, run, p);
	while (n < 3 * abi->header && left >= n + abi->header
	    && window_word(at, p + n + abi->word, &word)
	    && (word & ~1ull) == abi->header)
		n += abi->header;
	if (n < 2 * abi->header)
		return 0;
	return slack && left < 2 * abi->header + slack ? left
	    : slack                                    ? 2 * abi->header + slack
						       : n;
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
	struct window window = window_on(pt);
	uint64_t word, before = 0, size = 0;

	for (uint64_t n = 0; at < run->range.end; n++) {
		*end = at;
		pt->searched += !run->failed;
		if (at == run->top)
			return CHAIN_TOP;
		if (!window_next(&window, at + pt->abi->word, &word))
			return CHAIN_BAD;
		if (fences_at(pt->abi, &window, run, at))
			return n ? CHAIN_FENCE : CHAIN_BAD;
		if (!sane_size(pt->abi, run, at, word) || (run->top && at > run->top))
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
