/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPython's pymalloc, which carves objects of up to 512 bytes out of arenas that
 * it maps; what is larger it leaves to malloc.
 *
 * Its blocks become blocks of the heap map like any others, so a chain of pointers
 * leads through Python's objects and malloc's blocks alike.  One thing differs: the
 * pointer to an object is rarely one to its block's start, since the garbage
 * collector's links, a dictionary or the size of an array of values lie before it.
 * So a pointer anywhere into such a block is as good as one to its start.
 *
 * The table of arenas is itself a block, held by a variable.  Headers of pools and
 * free blocks are never searched for pointers.
 */
#include "heap/pymalloc/pymalloc.h"

#include "heap/allocators.h"

#include <elf.h>
#include <stdio.h>

enum { MOST_IN_FLIGHT = 2 }; /* a count of blocks and one of pools, by one each */

/* One arena that is there, and where in the table. */
struct present {
	struct py_arena arena;
	struct range range;
	uint32_t place;
};

struct presents VEC(struct present);

static int
by_address(const void *a, const void *b)
{
	const struct present *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Is all of it anonymous memory that could be written? */
static bool
is_anonymous(const struct pymalloc *py, struct range r)
{
	while (r.start < r.end) {
		const struct piece *p = space_at(py->space, r.start);

		if (!p || p->file || !(p->flags & PF_W)
		    || image_module_at(py->image, r.start))
			return false;
		r.start = p->range.end;
	}
	return true;
}

/* Does it meet one of the first n spans, which are sorted? */
static bool
meets_span(const struct heap *h, size_t n, struct range r)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (h->spans.at[mid].range.end <= r.start)
			from = mid + 1;
		else
			to = mid;
	}
	return from < n && h->spans.at[from].range.start < r.end;
}

static bool
list_arenas(const struct pymalloc *py, struct presents *to)
{
	const struct py_layout *layout = py->table->layout;

	for (uint32_t i = 0; i < py->table->n; i++) {
		struct present p = { .place = i };

		if (!py_arena_at(py, py->table, i, &p.arena) || p.arena.address == 0)
			continue;
		p.range.start = p.arena.address;
		p.range.end = p.arena.address + layout->arena;
		if (is_anonymous(py, p.range))
			vec_push(to, p);
	}
	vec_sort(to, by_address);
	return !to->broke;
}

/* Free blocks by size, as if each size had a bin. */
static void
add_bins(struct pymalloc *py)
{
	for (unsigned i = 0; i < PY_CLASSES; i++)
		if (py->spare[i].count > 0)
			vec_push(&py->heap->bins,
			    (struct bin) {
				.kind = STATE_POOL,
				.arena = py->arena,
				.index = i,
				.chunk_min = (i + 1) * UINT64_C(16),
				.chunk_max = (i + 1) * UINT64_C(16),
				.tally = py->spare[i],
			    });
}

static void
account(struct pymalloc *py)
{
	struct heap *h = py->heap;
	const struct arena *a = &h->arenas.at[py->arena];
	enum accounting found = py->off == 0 ? ACCOUNT_EXACT
	    : py->off <= MOST_IN_FLIGHT      ? ACCOUNT_IN_FLIGHT
					     : ACCOUNT_INEXACT;

	h->used.count += a->tally[STATE_USED].count;
	h->used.bytes += a->tally[STATE_USED].bytes;
	if (found <= h->accounting)
		return;
	h->accounting = found;
	h->disagreement = py->first_off;
	snprintf(h->disagreement_text, sizeof h->disagreement_text,
	    "pymalloc's counts and what was found differ by %llu, first at 0x%llx",
	    (unsigned long long)py->off, (unsigned long long)py->first_off);
}

/* All arenas of py->table that overlap nothing which was there before. */
static bool
read_table(struct pymalloc *py, const struct presents *all)
{
	struct heap *h = py->heap;
	size_t spans = h->spans.n;
	hs_addr end = 0;

	py->arena = (uint32_t)h->arenas.n;
	py->off = 0;
	memset(py->spare, 0, sizeof py->spare);
	vec_push(&h->arenas,
	    (struct arena) { .address = py->table->address, .owner = "pymalloc" });
	for (size_t i = 0; i < all->n && !h->arenas.broke; i++) {
		const struct present *p = &all->at[i];
		struct arena *a = &h->arenas.at[py->arena];

		if (p->range.start < end || meets_span(h, spans, p->range))
			continue;
		if (!py_read_arena(py, &p->arena, p->place))
			return false;
		vec_push(&h->owned, p->range);
		end = p->range.end;
		a->heaps++;
		a->system_bytes += range_size(p->range);
		a->found_bytes += range_size(p->range);
		a->overhead_bytes +=
		    range_size(p->range) - p->arena.pools * py->table->layout->pool;
	}
	return !h->arenas.broke;
}

static bool
read_tables(struct pymalloc *py, struct hs_error *err)
{
	for (size_t i = 0; i < py->tables.n; i++) {
		struct presents all = { 0 };
		bool ok;

		py->table = &py->tables.at[i];
		ok = list_arenas(py, &all) && read_table(py, &all);
		vec_free(&all);
		if (!ok)
			return fail_nomem(err);
		add_bins(py);
		account(py);
		if (!map_seal(py->heap, err)) /* the next one's must not overlap these */
			return false;
	}
	return true;
}

static bool
pymalloc_walk(struct heap *heap, const struct space *space,
    const struct image *image, const struct crew *crew, struct hs_error *err)
{
	struct pymalloc py = { .heap = heap, .space = space, .image = image };
	bool ok;

	(void)crew;
	py_find(&py);
	ok = py.tables.broke || py.tried.broke ? fail_nomem(err)
					       : read_tables(&py, err);
	if (ok && py.tables.n > 0) {
		heap->inner = pymalloc_allocator.name;
		snprintf(heap->inner_layout, sizeof heap->inner_layout, "%s",
		    py.tables.at[0].layout->name);
	}
	vec_free(&py.tables);
	vec_free(&py.tried);
	return ok;
}

const struct allocator pymalloc_allocator = {
	.name = "pymalloc",
	.walk = pymalloc_walk,
};
