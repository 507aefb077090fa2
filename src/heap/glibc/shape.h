/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does a chunk look like a tcache_perthread_struct?  For tcache.c. */
#ifndef HEAP_GLIBC_SHAPE_H
#define HEAP_GLIBC_SHAPE_H

#include "heap/glibc/glibc.h"

/* How well a chunk matches a layout. */
struct shape {
	const struct tcache_layout *layout;
	unsigned lists, wrong; /* not empty and good; bad */
	uint64_t nodes;
};

/* Weighing of shapes: only lists that were made to cost time cost much. */
struct weighing {
	const struct ptmalloc *pt;
	uint64_t left; /* chunks that may still be looked at */
};

/* Under which layout *b looks most like it; .layout NULL: its size fits none. */
struct shape shape_of(struct weighing *w, const struct pt_instance *in,
    const struct block *b);

/*
 * Is at, the block of a chunk of this size, none at first sight: half of its
 * lists make no sense, whatever the layout?  Most blocks are so.
 */
bool shape_is_hopeless(const struct malloc_abi *abi, const struct pt_params *p,
    uint64_t size, const unsigned char *at);

/* Could this be a node of bin i: a chunk of its size, not free in a bin? */
bool shape_is_node(const struct ptmalloc *pt, unsigned i, hs_addr node);

/* The node after this one, 0 at the end.  *ok false: the link is missing. */
uint64_t shape_next(const struct ptmalloc *pt, const struct tcache_layout *l,
    hs_addr node, bool *ok);

#endif
