/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges in sorted arrays. */
#include "base/range.h"

#include <stdlib.h>

int
range_by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int
holds(const void *key, const void *range)
{
	hs_addr a = *(const hs_addr *)key;
	const struct range *r = range;

	return a < r->start ? -1 : a >= r->end;
}

const struct range *
range_holding(const struct range *sorted, size_t n, hs_addr a)
{
	return n ? bsearch(&a, sorted, n, sizeof *sorted, holds) : NULL;
}
