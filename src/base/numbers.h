/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays of numbers that take four bytes each, as long as that is enough for
 * all of them: else six, for numbers below 2^48.
 *
 * Wide ones are kept in two halves.  The lower one has the lowest bits, which
 * all numbers have: who takes a wide array for a narrow one goes wrong at once.
 */
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

enum { NUMBERS_LOW = 16 };

/* One that is zeroed, but for .wide, is empty and valid. */
struct numbers {
	uint32_t *at;  /* n numbers; of wide ones what is left above the low bits */
	uint16_t *low; /* of wide ones the low bits */
	size_t n, max, max_low;
	bool wide;  /* there is one of 2^32 or more, perhaps */
	bool broke; /* memory ran out: numbers are missing */
};

static inline uint64_t
numbers_at(const struct numbers *v, size_t i)
{
	return v->wide ? (uint64_t)v->at[i] << NUMBERS_LOW | v->low[i] : v->at[i];
}

static inline void
numbers_set(struct numbers *v, size_t i, uint64_t number)
{
	if (v->wide)
		v->low[i] = (uint16_t)number;
	v->at[i] = (uint32_t)(v->wide ? number >> NUMBERS_LOW : number);
}

/* One more; when memory runs out it is dropped, as by vec_push(). */
static inline void
numbers_push(struct numbers *v, uint64_t number)
{
	if ((v->n < v->max || vec_grow_(&v->at, sizeof *v->at, &v->max, &v->broke))
	    && (!v->wide || v->n < v->max_low
		|| vec_grow_(&v->low, sizeof *v->low, &v->max_low, &v->broke)))
		numbers_set(v, v->n++, number);
}

/* The last one, which goes. */
static inline uint64_t
numbers_pop(struct numbers *v)
{
	return numbers_at(v, --v->n);
}

/* Fills an empty one with n zeros.  False, and .broke, when there is no memory. */
static inline bool
numbers_zero(struct numbers *v, size_t n)
{
	v->at = calloc(n + 1, sizeof *v->at);
	v->low = v->wide ? calloc(n + 1, sizeof *v->low) : NULL;
	v->broke = !v->at || (v->wide && !v->low);
	v->n = v->broke ? 0 : n;
	v->max = v->at ? n : 0;
	v->max_low = v->low ? n : 0;
	return !v->broke;
}

/* Gives back what is not needed, but for one: there is an address to count from. */
static inline void
numbers_trim(struct numbers *v)
{
	size_t n = v->n > 0 ? v->n : 1;
	uint32_t *at = realloc(v->at, n * sizeof *at);
	uint16_t *low = v->wide ? realloc(v->low, n * sizeof *low) : NULL;

	if (at) {
		v->at = at;
		v->max = n;
	}
	if (low) {
		v->low = low;
		v->max_low = n;
	}
}

/* Bytes that one number takes. */
static inline size_t
numbers_each(const struct numbers *v)
{
	return sizeof *v->at + (v->wide ? sizeof *v->low : 0);
}

static inline void
numbers_fini(struct numbers *v)
{
	free(v->at);
	free(v->low);
	*v = (struct numbers) { .wide = v->wide };
}

#endif
