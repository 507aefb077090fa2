/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the memory went.
 *
 * Everything that knows the use of a range puts a label on it; labels are
 * sorted and cut so that none overlaps another (the one that begins first
 * keeps its bytes: malloc's own variables stay with the library they lie in).
 * Then one walk over the address space and the labels side by side adds up.
 */
#include "find/memory.h"

#include <elf.h>

const char *const memory_name[MEMORY_KINDS] = {
	[MEMORY_HEAP] = "heap",
	[MEMORY_MAPPED] = "mmapped-blocks",
	[MEMORY_STACK] = "thread-stacks",
	[MEMORY_SPARE] = "spare-stacks",
	[MEMORY_DATA] = "module-data",
	[MEMORY_CODE] = "module-code",
	[MEMORY_FILE] = "mapped-files",
	[MEMORY_OTHER] = "other-anonymous",
	[MEMORY_RESERVED] = "reserved",
};

struct label {
	struct range range;
	enum memory_kind kind;
};

struct labels {
	struct VEC(struct label) all;
};

static void
put(struct labels *l, struct range range, enum memory_kind kind)
{
	if (range.start < range.end)
		vec_push(&l->all, (struct label) { range, kind });
}

/* What malloc owns, but for mmapped blocks: these lie in it, and count apart. */
static void
label_heap(struct labels *l, const struct heap *heap)
{
	size_t s = 0;

	for (size_t i = 0; i < heap->owned.n; i++) {
		struct range rest = heap->owned.at[i];

		for (; s < heap->spans.n && heap->spans.at[s].range.start < rest.end;
		     s++) {
			const struct span *span = &heap->spans.at[s];
			struct range mapped = { span->range.start - span->front,
				span->range.end };

			if (!span->mapped)
				continue;
			put(l, (struct range) { rest.start, mapped.start },
			    MEMORY_HEAP);
			put(l, mapped, MEMORY_MAPPED);
			rest.start = mapped.end;
		}
		put(l, rest, MEMORY_HEAP);
	}
}

static void
label_image(struct labels *l, const struct image *image)
{
	for (size_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];

		put(l, t->stack, MEMORY_STACK);
		put(l, t->live, MEMORY_STACK);
		put(l, t->other, MEMORY_STACK);
	}
	for (size_t i = 0; i < image->spares.n; i++)
		put(l, image->spares.at[i].stack, MEMORY_SPARE);
	for (size_t i = 0; i < image->modules.n; i++) {
		const struct module *m = &image->modules.at[i];

		for (size_t j = 0; j < m->segments.n; j++)
			put(l, m->segments.at[j].range,
			    m->segments.at[j].flags & PF_W ? MEMORY_DATA : MEMORY_CODE);
	}
}

static int
by_start(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	if (x->range.end != y->range.end)
		return x->range.end > y->range.end ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static void
cut_overlaps(struct labels *l)
{
	hs_addr end = 0;
	size_t n = 0;

	vec_sort(&l->all, by_start);
	for (size_t i = 0; i < l->all.n; i++) {
		struct label label = l->all.at[i];

		if (label.range.end <= end)
			continue;
		if (label.range.start < end)
			label.range.start = end;
		end = label.range.end;
		l->all.at[n++] = label;
	}
	l->all.n = n;
}

static void
count(struct memory *m, const struct piece *p, enum memory_kind kind, uint64_t bytes)
{
	struct memory_use *use = &m->use[p->flags == 0 ? MEMORY_RESERVED : kind];

	if (bytes == 0)
		return;
	use->ranges++;
	use->bytes += bytes;
	if (p->source == SOURCE_NOWHERE && p->flags != 0)
		use->missing += bytes;
}

/* Adds up one piece; *i is the first label that may concern it, and moves on. */
static void
measure_piece(struct memory *m, const struct piece *p, const struct labels *l,
    size_t *i)
{
	enum memory_kind rest = p->file ? MEMORY_FILE : MEMORY_OTHER;
	hs_addr at = p->range.start;

	while (*i < l->all.n && l->all.at[*i].range.end <= at)
		++*i;
	for (size_t j = *i; j < l->all.n && l->all.at[j].range.start < p->range.end;
	     j++) {
		struct range common = range_common(l->all.at[j].range, p->range);

		count(m, p, rest, common.start - at);
		count(m, p, l->all.at[j].kind, range_size(common));
		at = common.end;
	}
	count(m, p, rest, p->range.end - at);
}

static void
measure_heap(struct memory *m, const struct heap *heap)
{
	struct block at = { 0 };

	for (size_t i = 0; i < heap->arenas.n; i++) {
		const struct arena *a = &heap->arenas.at[i];

		for (size_t s = 0; s < STATE_COUNT; s++) {
			m->chunks[s].count += a->tally[s].count;
			m->chunks[s].bytes += a->tally[s].bytes;
			if (state_is_free((enum state)s))
				m->free_bytes += a->tally[s].bytes;
		}
		if (a->address)
			m->arena_bytes += a->found_bytes;
	}
	while (heap_next(heap, &at)) {
		uint64_t bytes = at.size + at.span->header - at.span->tail;

		if (state_is_free(at.state) && bytes > m->largest_free)
			m->largest_free = bytes;
	}
}

bool
memory_measure(struct memory *m, const struct image *image, const struct heap *heap,
    struct hs_error *err)
{
	struct labels l = { 0 };
	size_t next = 0;

	label_heap(&l, heap);
	label_image(&l, image);
	if (l.all.broke) {
		vec_free(&l.all);
		return fail_nomem(err);
	}
	cut_overlaps(&l);
	for (size_t i = 0; i < image->space->pieces.n; i++)
		measure_piece(m, &image->space->pieces.at[i], &l, &next);
	vec_free(&l.all);
	measure_heap(m, heap);
	return true;
}
