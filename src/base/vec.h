/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arrays that grow.
 *
 *	struct range_vec VEC(struct range) = ...
 *
 * A zeroed vector is empty and valid.  When memory runs out vec_push() drops
 * the element and sets .broke, which is asked once, after the loop.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/scoped.h"

#include <stdbool.h>
#include <stddef.h>

#define VEC(type)           \
	{                   \
		type *at;   \
		size_t n;   \
		size_t max; \
		bool broke; \
	}

/* Makes room for one more; false, and .broke, when there is no memory. */
#define vec_grow(v)        \
	((v)->n < (v)->max \
	    || vec_grow_(&(v)->at, sizeof *(v)->at, &(v)->max, &(v)->broke))

#define vec_push(v, ...) \
	((void)(vec_grow(v) && ((v)->at[(v)->n++] = __VA_ARGS__, 1)))

#define vec_free(v) (free((v)->at), (v)->at = NULL, (v)->n = (v)->max = 0)

/* Address of element i, or past the last: NULL when there is no array, for which C has no sum. */
#define vec_from(v, i) ((v)->at ? (v)->at + (i) : NULL)

/* Sorts with cmp(const T *, const T *), a qsort() comparison. */
#define vec_sort(v, cmp) \
	((v)->n > 1 ? qsort((v)->at, (v)->n, sizeof *(v)->at, cmp) : (void)0)

bool vec_grow_(void *at, size_t each, size_t *max, bool *broke);

#endif
