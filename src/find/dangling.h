/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dangling pointers: words of blocks in use, and of roots, that point into blocks
 * that were freed.  Most are harmless: nobody will follow them any more.
 */
#ifndef FIND_DANGLING_H
#define FIND_DANGLING_H

#include "root/root.h"

/* One block, or one region of roots, and what of it points into free blocks. */
struct holder {
	hs_addr block;   /* in use, what malloc() returned; 0: a region of roots */
	uint64_t size;   /* of the block */
	uint32_t region; /* index in roots->regions when block is 0 */
	uint64_t words;  /* that point into free blocks */
	uint64_t starts; /* of these, to what malloc() once returned */
	hs_addr at;      /* the first of them; of a register its index */
	hs_addr to;      /* the free block that it points into */
};
struct holders VEC(struct holder);

/* Somebody who points to one free block in particular. */
struct suspect {
	hs_addr free;         /* that block */
	struct holder holder; /* .words 0: nobody */
};
struct suspects VEC(struct suspect);

struct dangling {
	uint64_t holders, words; /* all that there are */
	struct holders most;     /* those with most words, most of them first */
};

/*
 * Reads all blocks in use and all roots.  Keeps `limit` holders at most.  For each
 * of *suspects (sorted by .free) the first holder of a pointer to it is filled in.
 */
bool dangling_find(struct dangling *to, const struct heap *heap,
    const struct image *image, const struct roots *roots, uint64_t limit,
    struct suspects *suspects, const struct progress *progress,
    struct hs_error *err) MUST_CHECK;

void dangling_fini(struct dangling *d);

#endif
