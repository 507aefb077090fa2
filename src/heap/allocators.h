/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocators.  To add one: src/heap/NAME/NAME.c with a const struct allocator,
 * named in allocators[] in heap/allocators.c; or in inner_allocators[], when it has
 * memory of its own beside that of malloc, whichever that is.  One that is only
 * recognised, so that the report can say so, is a row in a table there.
 */
#ifndef HEAP_ALLOCATORS_H
#define HEAP_ALLOCATORS_H

#include "heap/heap.h"

struct allocator {
	const char *name;
	/*
	 * Finds the allocator by evidence and fills *heap through heap/map.h,
	 * sealed.  A process that does not use it: true, heap->allocator NULL.
	 * An inner one finds what was there before it, adds spans and arenas that
	 * overlap none, seals anew, and sets heap->inner instead.
	 */
	bool (*walk)(struct heap *heap, const struct space *space,
	    const struct image *image, const struct crew *crew, struct hs_error *err);
	/* Adds to *to what a closer look finds; NULL: there is none.  See heap_check(). */
	void (*check)(struct heap *heap, bool whole, struct damages *to);
	void (*forget)(void *kept); /* frees heap->kept, which is not NULL */
};

/* Both end with NULL.  Of the first kind a process has one; of the other all are asked. */
extern const struct allocator *const allocators[];
extern const struct allocator *const inner_allocators[];

extern const struct allocator glibc_allocator, pymalloc_allocator;

/*
 * The name of another allocator that the process has loaded, or NULL.  beside: to one
 * that was read, so that a malloc in the program itself says nothing.
 */
const char *recognise_other(const struct image *image, bool beside);

#endif
