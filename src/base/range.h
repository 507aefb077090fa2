/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of addresses of the program under study: half-open, never wrapping. */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include "heapscan.h"

struct range {
	hs_addr start, end; /* [start, end): the first byte past it is .end */
};

static inline uint64_t
range_size(struct range r)
{
	return r.end - r.start;
}

static inline bool
range_has(struct range r, hs_addr a)
{
	return a - r.start < r.end - r.start;
}

/* Bytes from a, which lies in r, to its end. */
static inline uint64_t
range_left(struct range r, hs_addr a)
{
	return r.end - a;
}

/* Is all of [a, a + n) in r? */
static inline bool
range_holds(struct range r, hs_addr a, uint64_t n)
{
	return range_has(r, a) && range_left(r, a) >= n;
}

static inline bool
range_overlaps(struct range a, struct range b)
{
	return a.start < b.end && b.start < a.end;
}

/* What both hold; empty (start >= end) when nothing is shared. */
static inline struct range
range_common(struct range a, struct range b)
{
	return (struct range) { a.start > b.start ? a.start : b.start,
		a.end < b.end ? a.end : b.end };
}

/* For qsort(): by start. */
int range_by_start(const void *a, const void *b);

/* Which of n ranges, sorted and not overlapping, holds a?  NULL: none. */
const struct range *range_holding(const struct range *sorted, size_t n, hs_addr a);

static inline hs_addr
align_down(hs_addr a, uint64_t power)
{
	return a & ~(power - 1);
}

/* Sticks at the last multiple instead of wrapping to 0. */
static inline hs_addr
align_up(hs_addr a, uint64_t power)
{
	hs_addr up = (a + power - 1) & ~(power - 1);

	return up < a ? align_down(a, power) : up;
}

#endif
