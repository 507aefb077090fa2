/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where did the memory go?  All of the address space, by what it was used for. */
#ifndef FIND_MEMORY_H
#define FIND_MEMORY_H

#include "heap/heap.h"

/* The order is that of the report. */
enum memory_kind {
	MEMORY_HEAP,     /* arenas */
	MEMORY_MAPPED,   /* blocks with a mapping of their own */
	MEMORY_STACK,    /* of threads */
	MEMORY_SPARE,    /* stacks that nptl keeps for threads to come */
	MEMORY_DATA,     /* writable parts of modules */
	MEMORY_CODE,     /* the rest of modules */
	MEMORY_FILE,     /* other mapped files */
	MEMORY_OTHER,    /* anonymous, and none of the above */
	MEMORY_RESERVED, /* addresses that could not be touched */
	MEMORY_KINDS,
};

extern const char *const memory_name[MEMORY_KINDS];

struct memory_use {
	uint64_t ranges, bytes;
	uint64_t missing; /* of bytes: what they held is not known */
};

struct memory {
	struct memory_use use[MEMORY_KINDS];
	struct tally chunks[STATE_COUNT]; /* chunks of all arenas by state */
	uint64_t arena_bytes;  /* all that arenas took, without mmapped blocks */
	uint64_t free_bytes;   /* of these, in free chunks */
	uint64_t largest_free; /* bytes of the largest one */
};

bool memory_measure(struct memory *m, const struct image *image,
    const struct heap *heap, struct hs_error *err) MUST_CHECK;

#endif
