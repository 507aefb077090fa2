/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parts of runs, whose chunks are found ahead of the walk: by several threads,
 * since a part looks at memory only, and writes only what is its own.
 */
#ifndef HEAP_GLIBC_PARTS_H
#define HEAP_GLIBC_PARTS_H

#include "heap/glibc/glibc.h"

/* Where chunks start, a bit a granule, 64 granules a word. */
struct starts {
	uint64_t *all;
	uint64_t *loose;  /* those of them that are free by the next one's header */
	uint64_t *likely; /* those in use that may be a tcache_perthread_struct */
};

/*
 * The chunks from .from to .held, one behind the other: each has a header that
 * makes sense, and a neighbour whose header says whether it is free.
 */
struct part {
	size_t run;         /* index of its run */
	struct range range; /* chunks that start here are its own */
	hs_addr from;       /* the first one */
	hs_addr held; /* the last one: not in .starts before part_close(), since its end is open */
	hs_addr to; /* the header behind it: past the range, or no ordinary one; 0: no chunks */
	uint64_t chunks;      /* in .starts */
	struct tally loose;   /* of those */
	struct starts starts; /* bit 0 is for range.start */
	size_t words;
	bool placed; /* its chunks have their place in the heap map, but are not in it yet */
	struct map_place place;
	/* how to walk it: its memory, all in one piece, and offsets into it */
	const unsigned char *bytes;
	uint64_t run_left; /* from range.start on */
	uint64_t alien;    /* bits that no size word has */
	unsigned likely;   /* sizes of a tcache_perthread_struct: a bit for each
			    * GRANULE from tcache_min on */
	const struct pt_params *params; /* of its C library */
	const struct malloc_abi *abi;
	bool known;     /* a chunk starts at range.start for sure */
	uint64_t stop;  /* no header from here on is the part's */
	uint64_t limit; /* no header from here on is an ordinary one */
	bool exact; /* at the limit there is one of another kind: the arena's top */
};

enum { STREAMS = 8 };

/* Fills n parts, STREAMS at most, for which .run, .range and all that says how is set. */
void parts_walk(struct part *parts, size_t n);

/* Does a chunk of *p start at this address?  If so, all that *p has behind it is right. */
bool part_has(const struct part *p, hs_addr at);

/* Forgets the chunks before this address, where one starts. */
void part_trim(struct part *p, hs_addr at);

/* Its last chunk, whose end is known now, comes into .starts with the others. */
void part_close(struct part *p, enum state last);

/*
 * The chunks of *p in .starts are the next ones of the open span.  Into the map
 * they come with part_put(), which may be done for several parts at once.
 */
void part_place(struct part *p, struct heap *heap);
void part_put(struct part *p, struct heap *heap);

#endif
