/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading CPython's pymalloc: what its parts share.  Seen by this folder only.
 *
 *	find.c      where its table of arenas is, and how large arenas and pools are
 *	pools.c     the blocks of a pool
 *	pymalloc.c  the order of it all
 *
 * Objects/obmalloc.c up to 3.9, since 3.10 also Include/internal/pycore_obmalloc.h
 * (3.12), of CPython 3.7.0 to 3.13.0: struct pool_header, struct arena_object.
 */
#ifndef HEAP_PYMALLOC_PYMALLOC_H
#define HEAP_PYMALLOC_PYMALLOC_H

#include "heap/map.h"

enum {
	PY_HEAD = 48,    /* bytes of a pool's header */
	PY_CLASSES = 32, /* blocks are of 16, 32, ... 512 bytes */
	PY_MAX_POOL = 16 << 10,
};

/* How much an arena and a pool take, bytes. */
struct py_layout {
	const char *name;
	uint64_t arena, pool;
};

/* struct pool_header, as it lies in memory. */
struct py_pool {
	uint32_t count, padding; /* blocks in use */
	uint64_t free_block;     /* the first of a list that ends with 0 */
	uint64_t next, prev;
	uint32_t arena;       /* its arena's place in the table */
	uint32_t class;       /* blocks are of (class + 1) * 16 bytes */
	uint32_t next_offset; /* of the first block that was never handed out */
	uint32_t max_offset;  /* the last one that there may be */
};

/* struct arena_object, as it lies in memory. */
struct py_arena {
	uint64_t address;   /* 0: this place in the table is free */
	uint64_t next_pool; /* from here on no pool was ever used */
	uint32_t free_pools, pools;
	uint64_t free_list;
	uint64_t next, prev; /* other places in the table */
};

_Static_assert(sizeof(struct py_pool) == PY_HEAD, "as it lies in memory");
_Static_assert(sizeof(struct py_arena) == 48, "as it lies in memory");

/* One table of arenas: there is one of the process, or since 3.12 of an interpreter. */
struct py_table {
	hs_addr address;
	uint32_t n; /* places */
	const struct py_layout *layout;
};

struct pymalloc {
	struct heap *heap;
	const struct space *space;
	const struct image *image;
	struct VEC(struct py_table) tables;
	struct VEC(hs_addr) tried; /* what looked like a table */
	/* of the table that is being read */
	const struct py_table *table;
	uint32_t arena;                 /* its index in heap->arenas */
	struct tally spare[PY_CLASSES]; /* free blocks by class */
	uint64_t off; /* by how much counts and what was found differ, in all */
	hs_addr first_off;
};

static inline uint64_t
py_block_size(const struct py_pool *pool)
{
	return (pool->class + 1) * (uint64_t)16;
}

static inline hs_addr
py_first_pool(const struct py_layout *layout, const struct py_arena *a)
{
	return (a->address + layout->pool - 1) / layout->pool * layout->pool;
}

/* Tables, by shape alone, into py->tables; memory that runs out is in .broke there. */
void py_find(struct pymalloc *py);

/* The i-th place of a table.  False when it is missing. */
bool py_arena_at(const struct pymalloc *py, const struct py_table *table,
    uint32_t i, struct py_arena *arena) MUST_CHECK;

/* The header at `at`.  False when it is missing, or not of a pool of the i-th arena. */
bool py_pool_at(const struct pymalloc *py, const struct py_layout *layout,
    hs_addr at, uint32_t i, struct py_pool *pool) MUST_CHECK;

/*
 * Adds the pools of an arena, the i-th, as one span: headers, blocks, and pools that
 * are not in use.  False when memory ran out.
 */
bool py_read_arena(struct pymalloc *py, const struct py_arena *arena,
    uint32_t i) MUST_CHECK;

#endif
