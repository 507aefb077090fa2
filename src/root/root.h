/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roots: words outside the heap that the program can read and that point at a
 * block.  Registers, the live part of each stack, thread-local and global
 * variables, and whatever else is mapped; not malloc's own state, not the
 * dead part of stacks, not the stacks that nptl keeps for later.
 */
#ifndef ROOT_ROOT_H
#define ROOT_ROOT_H

#include "heap/heap.h"

/* To add one: a line here and in kinds[], src/root/NAME.c with its collector. */
enum root_kind {
	ROOT_REGISTER,
	ROOT_STACK,
	ROOT_SIGNAL_STACK, /* a stack that is not the thread's own: signal or coroutine */
	ROOT_TLS,          /* a thread's static TLS block and descriptor */
	ROOT_DTV,          /* the vector of a thread's dynamic TLS blocks */
	ROOT_GLOBAL,       /* a module's writable or RELRO segment */
	ROOT_MAPPING, /* any other mapping */
	ROOT_DAMAGED, /* heap memory that could not be understood */
	ROOT_KINDS,
};

extern const char *const root_kind_name[ROOT_KINDS];

/* A stretch of memory (or a thread's registers) that was searched. */
struct region {
	enum root_kind kind;
	struct range range; /* registers: empty */
	uint32_t thread;    /* index in image->threads, or UINT32_MAX */
	uint32_t module;    /* index in image->modules, or UINT32_MAX */
	uint64_t words;     /* looked at */
	uint64_t pointers;  /* of these, met a block */
};

enum { ROOT_REGION_BITS = 64 - NUMBER_BITS - 2 };
enum { ROOT_VECTOR = 1000 }; /* words of vector registers are numbered from here */

struct root {
	hs_addr at; /* where the word is; of a register its index, or ROOT_VECTOR on */
	uint64_t region : ROOT_REGION_BITS; /* index in roots->regions */
	uint64_t meet : 2;                  /* enum meet: START, INTERIOR or END */
	uint64_t block : NUMBER_BITS;       /* number of the chunk it points to */
};

struct roots {
	struct VEC(struct region) regions; /* in order of kind, then address */
	struct VEC(struct root) all;       /* in order of region, then address */
};

#define ROOTS_EMPTY ((struct roots) { { 0 }, { 0 } })

bool roots_collect(struct roots *roots, const struct image *image,
    const struct heap *heap, const struct progress *progress,
    struct hs_error *err) MUST_CHECK;

void roots_fini(struct roots *roots);

/*
 * A root in words: "g_cache in libfoo.so", "register r12 of thread 1",
 * "stack of thread 3 at 0x7ff...".  Returns text.
 */
enum { ROOT_TEXT = 256 };
const char *root_text(const struct root *r, const struct roots *roots,
    struct image *image, char text[ROOT_TEXT]);

#endif
