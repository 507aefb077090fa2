/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the headers of a run one by one, and what they may say. */
#ifndef HEAP_GLIBC_HEADER_H
#define HEAP_GLIBC_HEADER_H

#include "heap/glibc/glibc.h"

enum {
	AHEAD = 1536, /* bytes: headers come one after the other, so fetch beforehand */
	BIG = 1 << 30, /* bytes: of a chunk as large as this, the better part must be there */
};

/* The memory that is being read, so that most words cost no look-up. */
struct window {
	const struct space *space;
	hs_addr start;
	const unsigned char *bytes;
	uint64_t n;
	uint64_t mask; /* the bits of 8 bytes that a word has: the first ones, memory is little-endian */
};

static inline struct window
window_on(const struct ptmalloc *pt)
{
	return (struct window) {
		.space = pt->space,
		.mask = ~UINT64_C(0) >> (64 - 8 * pt->abi->word),
	};
}

static inline bool
window_word(struct window *at, hs_addr a, uint64_t *word)
{
	if (at->n < 8 || a - at->start > at->n - 8) {
		at->start = a;
		at->n = space_run(at->space, a, &at->bytes);
		if (at->n < 8)
			return space_word(at->space, a, word);
	}
	memcpy(word, at->bytes + (a - at->start), sizeof *word);
	*word &= at->mask;
	return true;
}

/* The same for one header after the other. */
static inline bool
window_next(struct window *at, hs_addr a, uint64_t *word)
{
	bool there = window_word(at, a, word);

	if (a - at->start < at->n)
		__builtin_prefetch(at->bytes + (a - at->start) + AHEAD);
	return there;
}

/* 0: it starts past its end. */
static inline uint64_t
run_bytes(const struct run *run)
{
	return run->range.start < run->range.end ? range_size(run->range) : 0;
}

/* The bits that no size word of *run has. */
static inline uint64_t
alien_bits(const struct run *run)
{
	uint64_t flags = run->main ? FLAG_MAPPED | FLAG_NOT_MAIN : FLAG_MAPPED;

	return flags | ((GRANULE - 1) & ~FLAGS);
}

/* Could this be the size word of the chunk at p? */
static inline bool
sane_size(const struct malloc_abi *abi, const struct run *run, hs_addr p, uint64_t word)
{
	uint64_t size = word & ~(uint64_t)FLAGS;

	return size >= abi->min_chunk && !(word & alien_bits(run))
	    && range_left(run->range, p) >= size;
}

/*
 * Fences at p, headers that say they are all of their chunk: in a main arena two
 * (three, when a chunk of that size was left over); in a heap one, and one of 0
 * at its very end.  Bytes that they take, with the few that i386 leaves over
 * behind them; 0: there are none.
 */
uint64_t fences_at(const struct malloc_abi *abi, struct window *at,
    const struct run *run, hs_addr p);

#endif
