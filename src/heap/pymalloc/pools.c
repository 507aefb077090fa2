/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The blocks of an arena.
 *
 *	arena   | not aligned | pool | pool | ... | never used |
 *	pool    | header | block | block | ... | too little for one more |
 *
 * A pool has blocks of one size.  Those that were freed are on its list, linked by
 * their first words; those from next_offset on were never handed out.  The rest is in
 * use, and the header says how many that must be.
 */
#include "heap/pymalloc/pymalloc.h"

#include <stdio.h>

enum { MAX_BLOCKS = PY_MAX_POOL / GRANULE };

/* Which of a pool's blocks are free: a bit each. */
struct spares {
	uint64_t bits[MAX_BLOCKS / 64];
	uint32_t n;
};

static inline bool
is_spare(const struct spares *s, uint64_t i)
{
	return s->bits[i / 64] >> i % 64 & 1;
}

static inline void
add_spare(struct spares *s, uint64_t i)
{
	s->bits[i / 64] |= UINT64_C(1) << i % 64;
	s->n++;
}

/* False when the list leads to what is no free block of this pool. */
static bool
read_spares(const struct pymalloc *py, hs_addr at, const struct py_pool *pool,
    uint64_t blocks, struct spares *s)
{
	uint64_t size = py_block_size(pool);
	uint64_t fresh = pool->next_offset - PY_HEAD;

	for (uint64_t b = pool->free_block; b;) {
		uint64_t into = b - at - PY_HEAD;

		if (into >= fresh || into % size != 0 || is_spare(s, into / size)
		    || !space_word(py->space, b, &b))
			return false;
		add_spare(s, into / size);
	}
	for (uint64_t i = fresh / size; i < blocks; i++)
		add_spare(s, i);
	return true;
}

/* The next piece of the open span. */
static void
add(struct pymalloc *py, hs_addr at, uint64_t bytes, enum state state)
{
	struct tally *t = &py->heap->arenas.at[py->arena].tally[state];

	map_chunk(py->heap, at, state);
	t->count++;
	t->bytes += bytes;
}

static void
note_off(struct pymalloc *py, hs_addr at, uint64_t says, uint64_t found)
{
	if (says == found)
		return;
	py->first_off = py->off ? py->first_off : at;
	py->off += says > found ? says - found : found - says;
}

/* A pool that makes no sense: its blocks are not told apart, and may hold pointers. */
static void
add_damaged(struct pymalloc *py, hs_addr at, const char *what)
{
	struct heap *h = py->heap;
	struct damage d = { .at = at };
	uint64_t size = py->table->layout->pool;

	snprintf(d.text, sizeof d.text, "a pool of pymalloc has %s", what);
	vec_push(&h->damages, d);
	vec_push(&h->skipped, (struct range) { at, at + size });
	h->arenas.at[py->arena].lost_bytes += size;
	add(py, at, size, STATE_INTERNAL);
}

static void
add_blocks(struct pymalloc *py, hs_addr at, const struct py_pool *pool)
{
	uint64_t all = py->table->layout->pool, size = py_block_size(pool);
	uint64_t blocks = (all - PY_HEAD) / size, end = PY_HEAD + blocks * size;
	struct spares s = { .n = 0 };

	if (!read_spares(py, at, pool, blocks, &s)) {
		add_damaged(py, at, "a free list that leads out of it");
		return;
	}
	add(py, at, PY_HEAD, STATE_INTERNAL);
	for (uint64_t i = 0; i < blocks; i++)
		add(py, at + PY_HEAD + i * size, size,
		    is_spare(&s, i) ? STATE_POOL : STATE_USED);
	if (end < all)
		add(py, at + end, all - end, STATE_INTERNAL);
	py->spare[pool->class].count += s.n;
	py->spare[pool->class].bytes += s.n * size;
	note_off(py, at, pool->count, blocks - s.n);
}

bool
py_read_arena(struct pymalloc *py, const struct py_arena *a, uint32_t i)
{
	const struct py_layout *layout = py->table->layout;
	struct heap *h = py->heap;
	hs_addr at = py_first_pool(layout, a), end = at + a->pools * layout->pool;
	uint64_t unused = (end - a->next_pool) / layout->pool;

	if (!map_begin(h, (struct range) { at, end }, py->arena, 0, 0))
		return false;
	h->spans.at[h->spans.n - 1].inside = true;
	for (; at < a->next_pool; at += layout->pool) {
		struct py_pool pool;

		if (!py_pool_at(py, layout, at, i, &pool)) {
			add_damaged(py, at, "a header that makes no sense");
		} else if (pool.count > 0) {
			add_blocks(py, at, &pool);
		} else {
			add(py, at, layout->pool, STATE_TOP);
			unused++;
		}
	}
	if (at < end)
		add(py, at, end - at, STATE_TOP);
	map_end(h, end);
	note_off(py, a->address, a->free_pools, unused);
	return true;
}
