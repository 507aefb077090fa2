/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is the answer complete?  Whether anything is missing that could change it, and what. */
#ifndef FIND_VERDICT_H
#define FIND_VERDICT_H

#include "base/line.h"
#include "heap/heap.h"

/* Complete when there is no reason why not. */
struct verdict {
	bool missing; /* memory that may hold pointers: what is not reached may be held */
	struct lines reasons; /* one each */
	size_t damaged; /* the last so many reasons are about damage of the heap */
	struct lines remarks; /* what was taken for granted, a line each */
};

/* What the core lacks. */
bool verdict_on_image(struct verdict *v, const struct image *image,
    struct hs_error *err) MUST_CHECK;

/* What in the heap does not add up. */
bool verdict_on_heap(struct verdict *v, const struct heap *heap,
    const struct image *image, struct hs_error *err) MUST_CHECK;

void verdict_fini(struct verdict *v);

#endif
