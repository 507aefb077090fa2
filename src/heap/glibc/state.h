/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing what is known of a chunk, sums included: for the readers of free lists. */
#ifndef HEAP_GLIBC_STATE_H
#define HEAP_GLIBC_STATE_H

#include "heap/glibc/glibc.h"

/* Bytes of the whole chunk, header and all. */
uint64_t pt_whole(const struct block *b);

/* *b is in another state now; its arena's tallies follow.  Returns pt_whole(b). */
uint64_t pt_set_state(struct ptmalloc *pt, const struct block *b, enum state state);

#endif
