/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A heap of glibc's malloc, drafted in memory: true to the byte where heapscan
 * looks, and made in the order of its chunks' addresses.
 *
 *	struct draft d = draft_new(&memory, glibc_of("2.35"));
 *
 *	draft_library(&d, DATA, HEAP, true);
 *	a = draft_block(&d, 24);
 *	draft_free(&d, 40, STATE_FAST);
 *	draft_finish(&d);
 *
 * Chunks go into the arena that was begun last, until draft_go() says another.
 */
#ifndef UNIT_DRAFT_H
#define UNIT_DRAFT_H

#include "heap/glibc/layouts.h"
#include "heap/heap.h"
#include "unit/memory.h"

enum { HEADER = 16, MIN_CHUNK = 32 }; /* bytes: drafts are of 64 bits */

/* What a release has: the rows of layouts.h, and the size of heap_info. */
struct glibc {
	const char *since;
	const struct arena_layout *arena;
	const struct par_layout *params;
	const struct tcache_layout *tcache;
	unsigned heap_info;
	unsigned tcache_count; /* chunks that a list of a tcache holds at most */
	bool lazy; /* threads have no tcache until they free something */
};

/* NULL: none of that name. */
const struct glibc *glibc_of(const char *since);

struct draft_arena {
	hs_addr state; /* its malloc_state */
	unsigned instance;
	hs_addr heap;  /* of a thread arena: the heap at hand; 0: a main arena */
	hs_addr start; /* where the segment at hand, or that heap, begins */
	hs_addr next;  /* where the next chunk goes */
	hs_addr before; /* the chunk before it, when that is free by its flags; else 0 */
	hs_addr top;     /* once it is finished */
	uint64_t system; /* bytes of segments and heaps that are closed */
	int flags;
};

struct draft_library {
	hs_addr params; /* its mp_ */
	size_t main;    /* its main arena's index */
	hs_addr sbrk_base;
	uint64_t mapped, mapped_bytes;
};

struct draft {
	struct memory *memory;
	const struct glibc *glibc;
	struct VEC(struct draft_arena) arenas;
	struct VEC(struct draft_library) libraries;
	size_t at;                  /* the arena at hand */
	hs_addr segments, mappings; /* where the next of them goes */
};

struct draft draft_new(struct memory *m, const struct glibc *glibc);
void draft_fini(struct draft *d);

/*
 * A C library whose data is at `data`, with a main arena that begins at heap:
 * by brk(), or in a mapping when that never worked.
 */
void draft_library(struct draft *d, hs_addr data, hs_addr heap, bool brk);

/* A thread arena; another heap of the arena at hand; back to an arena. */
void draft_arena(struct draft *d);
void draft_heap(struct draft *d);
void draft_go(struct draft *d, size_t arena);

/* Somebody else calls sbrk(n): fences, then n bytes, then the arena goes on. */
void draft_foreign(struct draft *d, uint64_t n);

/* brk() has failed: fences, and the main arena goes on in a mapping elsewhere. */
void draft_segment(struct draft *d);

/* Each returns what malloc() would have returned for a request of so many bytes. */
hs_addr draft_block(struct draft *d, uint64_t request);

/* A free chunk: in a fastbin, unsorted, in its bin (small or large), or loose. */
hs_addr draft_free(struct draft *d, uint64_t request, enum state state);

/* An empty tcache_perthread_struct, and a chunk that is in it. */
hs_addr draft_tcache(struct draft *d);
hs_addr draft_cached(struct draft *d, hs_addr tcache, uint64_t request);

/*
 * A block with a mapping of its own, right behind the one before; its address
 * is a multiple of align.
 */
hs_addr draft_mapped(struct draft *d, uint64_t request, uint64_t align);

/* A mapping of the program's that begins like one of malloc's. */
hs_addr draft_decoy(struct draft *d, uint64_t request);

/* Tops, the ring of arenas, mp_.  Nothing can be added any more. */
void draft_finish(struct draft *d);

#endif
