/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Free lists, link by link: for lists.c. */
#ifndef HEAP_GLIBC_LINKS_H
#define HEAP_GLIBC_LINKS_H

#include "heap/glibc/header.h"

/* The chunks of a list, as its links have them: nothing says that they are any. */
struct list {
	const struct ptmalloc *pt;
	struct window at;
	unsigned link; /* where in a chunk the link is */
	unsigned back; /* where the one to the chunk before is; 0: there is none */
	bool mangled;
	hs_addr last;   /* a link that leads there is the last one */
	hs_addr before; /* the chunk that was read last, or the head */
	hs_addr next;   /* what its link says */
	bool lost;      /* the link to what would come next is missing */
	bool askew;     /* some chunk has no link back to the one before it */
	struct VEC(hs_addr) read;
	size_t i, expected; /* of them: given out, and asked for from memory */
};

/* The chunks of a fastbin whose head is the word at `head`. */
struct list list_fast(const struct ptmalloc *pt, hs_addr head, bool mangled);

/* Those of a bin: by fd, or backwards by bk. */
struct list list_bin(const struct ptmalloc *pt, hs_addr head, bool backwards);

void list_fini(struct list *l);

/*
 * The next chunk.  False when there is none: .lost says if that is for want of
 * its link.
 */
bool list_next(struct list *l, hs_addr *chunk);

/*
 * Reads n lists ahead, `most` chunks in all, several at once.  False, with
 * *err, when the user wants to stop.
 */
bool lists_read(const struct ptmalloc *pt, struct list *lists, size_t n,
    uint64_t most, struct hs_error *err) MUST_CHECK;

#endif
