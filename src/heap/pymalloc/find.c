/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding CPython's pymalloc.
 *
 * It keeps a table of its arenas; the only pointer to that is one of the
 * interpreter's variables: static up to 3.11, in _PyRuntime (3.12) or in another
 * static structure (3.13) since.  Distributions strip these names, so each word of
 * the modules' data is asked whether it points at such a table.
 *
 * What speaks for a table: each place is free and knows at most another one, or has an
 * arena whose numbers make sense; and the pools of that arena, pages away, name in
 * their headers the place in the table.  A pool's header also says how large its
 * pool is, so the sizes are read off, not known from a version:
 *
 *	pools of 4 KiB   in arenas of 256 KiB up to 3.9, and without the radix tree
 *	pools of 16 KiB  in arenas of 1 MiB since 3.10
 *
 * Blocks are aligned to 16 bytes in 3.6.15 to 3.13.  Where they are to 8, as they once
 * were, no header makes sense here, and the arenas remain memory that is searched for
 * pointers.  So do those of a second interpreter that has its own lock, whose variables
 * lie in a block.
 */
#include "heap/pymalloc/pymalloc.h"

#include <elf.h>

enum {
	PLACES = 16,          /* a table begins with so many, and doubles */
	MAX_PLACES = 1 << 22, /* 4 TiB in arenas of 1 MiB */
	MAX_TRIED = 256,
	DEBUG_HEAD = 16, /* bytes before a block with PYTHONMALLOC=debug */
	FEW_POOLS = 4,   /* so many are no chance */
	PAGE = 4096,
};

static const struct py_layout layouts[] = {
	{ "pools of 16 KiB in arenas of 1 MiB", 1 << 20, 16 << 10 },
	{ "pools of 4 KiB in arenas of 256 KiB", 256 << 10, 4 << 10 },
	{ "pools of 4 KiB in arenas of 1 MiB", 1 << 20, 4 << 10 },
};

bool
py_arena_at(const struct pymalloc *py, const struct py_table *table, uint32_t i,
    struct py_arena *arena)
{
	return space_read(py->space, table->address + i * sizeof *arena, arena,
	    sizeof *arena);
}

bool
py_pool_at(const struct pymalloc *py, const struct py_layout *layout, hs_addr at,
    uint32_t i, struct py_pool *pool)
{
	uint64_t size, blocks;

	if (!space_read(py->space, at, pool, sizeof *pool) || pool->arena != i)
		return false;
	if (pool->count == 0)
		return true; /* the rest is of its last use, or of none */
	if (pool->class >= PY_CLASSES)
		return false;
	size = py_block_size(pool);
	blocks = (layout->pool - PY_HEAD) / size;
	return pool->count <= blocks && pool->max_offset == layout->pool - size
	    && pool->next_offset > PY_HEAD
	    && pool->next_offset <= PY_HEAD + blocks * size
	    && (pool->next_offset - PY_HEAD) % size == 0;
}

/* Is it a free place in a table that begins there? */
static bool
is_free_place(hs_addr table, const struct py_arena *a)
{
	return a->address == 0
	    && (a->next == 0
		|| (a->next - table < (uint64_t)MAX_PLACES * sizeof *a
		    && (a->next - table) % sizeof *a == 0));
}

/* Do the numbers of an arena make sense under a layout? */
static bool
is_arena(const struct py_layout *layout, const struct py_arena *a)
{
	uint64_t pools =
	    layout->arena / layout->pool - (a->address % layout->pool != 0);

	return a->address != 0 && a->address % PAGE == 0
	    && a->address < UINT64_MAX - layout->arena && a->pools == pools
	    && a->free_pools <= a->pools && a->next_pool % layout->pool == 0
	    && a->next_pool - a->address <= layout->arena;
}

static bool
is_place(hs_addr table, const struct py_arena *a)
{
	if (is_free_place(table, a))
		return true;
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
		if (is_arena(&layouts[i], a))
			return true;
	return false;
}

/* Are these places of a table, up to `to`? */
static bool
are_places(const struct pymalloc *py, const struct py_table *t, uint32_t from,
    uint32_t to)
{
	struct py_arena a;

	for (uint32_t i = from; i < to; i++)
		if (!py_arena_at(py, t, i, &a) || !is_place(t->address, &a))
			return false;
	return true;
}

/* How many places it has: it ends where its block does, or what makes sense. */
static uint32_t
count_places(const struct pymalloc *py, const struct py_table *t)
{
	struct block b;
	uint64_t room = MAX_PLACES;
	uint32_t n = PLACES;

	if (heap_chunk_at(py->heap, t->address, &b)) {
		uint64_t into = t->address - b.address;

		if ((into != 0 && into != DEBUG_HEAD) || b.state != STATE_USED)
			return 0;
		room = (b.size - into) / sizeof(struct py_arena);
	}
	if (room < n || !are_places(py, t, 0, n))
		return 0;
	while (n * UINT64_C(2) <= room && are_places(py, t, n, 2 * n))
		n *= 2;
	return n;
}

/* Of the pools that arenas of this table have in use, how many make sense? */
static bool
fits(const struct pymalloc *py, const struct py_table *t, const struct py_layout *layout)
{
	uint64_t good = 0, all = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct py_arena a;
		struct py_pool pool;

		if (!py_arena_at(py, t, i, &a) || a.address == 0)
			continue;
		if (!is_arena(layout, &a))
			return false;
		for (hs_addr at = py_first_pool(layout, &a); at < a.next_pool;
		     at += layout->pool, all++)
			good += py_pool_at(py, layout, at, i, &pool);
	}
	/* some may be damaged, and be missing */
	return good >= FEW_POOLS && good >= all - all / 8;
}

static bool
was_tried(struct pymalloc *py, hs_addr at)
{
	for (size_t i = 0; i < py->tried.n; i++)
		if (py->tried.at[i] == at)
			return true;
	return false;
}

static void
try_table(struct pymalloc *py, hs_addr at)
{
	struct py_table t = { .address = at };
	struct py_arena first;

	if (!py_arena_at(py, &t, 0, &first) || !is_place(at, &first)
	    || was_tried(py, at) || py->tried.n >= MAX_TRIED)
		return;
	t.n = count_places(py, &t);
	if (t.n == 0)
		return;
	vec_push(&py->tried, at);
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts && !t.layout; i++)
		if (fits(py, &t, &layouts[i]))
			t.layout = &layouts[i];
	if (t.layout)
		vec_push(&py->tables, t);
}

static void
try_words(struct pymalloc *py, const unsigned char *bytes, uint64_t n)
{
	const struct heap *h = py->heap;

	for (uint64_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof word);
		if (word % GRANULE != 0 || word < PAGE)
			continue;
		/* where malloc is known the table is one of its blocks */
		if (h->allocator ? range_has(h->bounds, word)
				 : !image_module_at(py->image, word))
			try_table(py, word);
	}
}

void
py_find(struct pymalloc *py)
{
	for (size_t m = 0; m < py->image->modules.n; m++) {
		const struct module *module = &py->image->modules.at[m];

		for (size_t s = 0; s < module->segments.n; s++) {
			struct range r = module->segments.at[s].range;

			if (!(module->segments.at[s].flags & PF_W))
				continue;
			while (r.start < r.end) {
				const unsigned char *bytes;
				bool hole = true;
				uint64_t n = space_stretch(py->space, r.start,
				    range_size(r), &bytes);

				if (bytes)
					n = core_stretch(py->space->core, bytes, n,
					    &hole);
				if (!hole)
					try_words(py, bytes, n);
				r.start += n;
			}
		}
	}
}
