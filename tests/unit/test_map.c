/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heap map: chunks by address, by number, and how pointers meet them.
 *
 * Each test lays out chunks, and looks every word in and around them up twice:
 * in the map, and in a list that is searched from front to back.
 */
#include "heap/map.h"

#include "unit/check.h"

enum { HEAD = 16, TAIL = 8 };

/* A chunk as the test laid it out. */
struct laid {
	struct range range;   /* from header to header */
	hs_addr address, end; /* of its block: end is one past the last usable byte */
	enum state state;
};

struct layout {
	struct heap heap;
	struct VEC(struct laid) chunks; /* in order of number */
};

static void
layout_fini(struct layout *l)
{
	heap_fini(&l->heap);
	vec_free(&l->chunks);
}

/*
 * A span of chunks with these sizes, in GRANULEs, ended by 0.  Every third one is
 * free, and so is the last: spans end in top or fences.
 */
static void
lay_span(struct layout *l, hs_addr at, const uint64_t *sizes)
{
	uint64_t all = 0;

	for (const uint64_t *s = sizes; *s; s++)
		all += *s * GRANULE;
	CHECK(map_begin(&l->heap, (struct range) { at, at + all }, 0, HEAD, TAIL));
	for (; *sizes; sizes++) {
		uint64_t size = *sizes * GRANULE;
		enum state state = !sizes[1] ? STATE_TOP
		    : l->chunks.n % 3 == 2   ? STATE_SMALL
					     : STATE_USED;

		map_chunk(&l->heap, at, state);
		vec_push(&l->chunks,
		    (struct laid) { { at, at + size }, at + HEAD, at + size + TAIL,
			state });
		at += size;
	}
	map_end(&l->heap, at);
}

/* A chunk with its own mapping, whose block ends `tail` bytes from the mapping's end. */
static void
lay_mapped(struct layout *l, hs_addr at, uint64_t size, int tail)
{
	CHECK(map_mapped(&l->heap, (struct range) { at, at + size }, 0, HEAD, tail,
	    0, STATE_USED));
	vec_push(&l->chunks,
	    (struct laid) { { at, at + size }, at + HEAD,
		at + size + (uint64_t)(int64_t)tail, STATE_USED });
}

static void
seal(struct layout *l)
{
	static const struct space nothing; /* no memory beside what is laid out */
	struct hs_error err;

	l->heap.space = &nothing;
	vec_push(&l->heap.arenas, (struct arena) { .main = true });
	CHECK(map_seal(&l->heap, &err));
	CHECK(heap_invalid(&l->heap) == NULL);
	CHECK(l->heap.nchunks == l->chunks.n);
}

/* The chunk that a lies in, or NULL. */
static const struct laid *
chunk_by_list(const struct layout *l, hs_addr a)
{
	for (size_t i = 0; i < l->chunks.n; i++)
		if (range_has(l->chunks.at[i].range, a))
			return &l->chunks.at[i];
	return NULL;
}

/* How a meets that chunk, by the words of heap.h. */
static enum meet
meet_one(const struct laid *c, hs_addr a)
{
	if (c->state != STATE_USED || a < c->address || a > c->end)
		return MEET_NONE;
	return a == c->address               ? MEET_START
	    : a == c->end - 8 || a == c->end ? MEET_END
					     : MEET_INTERIOR;
}

/* The same of all chunks. */
static enum meet
meet_by_list(const struct layout *l, hs_addr a, uint64_t *number)
{
	for (*number = 0; *number < l->chunks.n; ++*number) {
		enum meet m = meet_one(&l->chunks.at[*number], a);

		if (m != MEET_NONE)
			return m;
	}
	return MEET_NONE;
}

/* Is what the map says of a true? */
static bool
agree_at(const struct layout *l, hs_addr a)
{
	const struct laid *c = chunk_by_list(l, a);
	uint64_t number = 0, wanted = 0;
	enum meet m = meet_by_list(l, a, &wanted);
	struct heap_batch batch = { .n = 1, .a = { a } };
	struct block b = { .span = NULL };

	heap_expect(&l->heap, &batch);
	heap_meet_all(&l->heap, &batch);
	if (heap_meet(&l->heap, a, &number) != m || batch.meet[0] != m
	    || (m != MEET_NONE && (number != wanted || batch.number[0] != wanted)))
		return false;
	if (heap_chunk_at(&l->heap, a, &b) != (c != NULL))
		return false;
	return !c
	    || (b.address == c->address && b.size == c->end - c->address
		&& b.state == c->state && &l->chunks.at[b.number] == c);
}

/* Every word from a bit before r to a bit past it. */
static void
check_range(const struct layout *l, struct range r)
{
	for (hs_addr a = r.start - 64; a < r.end + 64; a += 4)
		if (!agree_at(l, a)) {
			printf("# at 0x%llx\n", (unsigned long long)a);
			CHECK(!"the map agrees with the list");
			return;
		}
}

/* Numbers lead to blocks and back, and all come once, by address. */
static void
check_numbers(const struct layout *l)
{
	struct block at = { .span = NULL };
	hs_addr before = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < l->chunks.n; i++) {
		struct block b = heap_block(&l->heap, i);

		CHECK(b.address == l->chunks.at[i].address && b.number == i);
		CHECK(b.size == l->chunks.at[i].end - b.address);
		CHECK(b.state == l->chunks.at[i].state);
	}
	for (; heap_next(&l->heap, &at); n++) {
		CHECK(at.address > before);
		CHECK(at.address == l->chunks.at[at.number].address);
		CHECK(at.size == l->chunks.at[at.number].end - at.address);
		before = at.address;
	}
	CHECK(n == l->chunks.n);
}

static void
check_all(const struct layout *l)
{
	check_numbers(l);
	for (size_t i = 0; i < l->chunks.n; i++)
		check_range(l, l->chunks.at[i].range);
}

static void
chunks_of_a_span_are_told_apart(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_span(&l, 0x100000,
	    (uint64_t[]) { 2, 2, 3, 2, 9, 2, 64, 2, 63, 2, 65, 2, 2, 2, 0 });
	seal(&l);
	check_all(&l);
}

static void
span_may_be_one_chunk(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_span(&l, 0x100010, (uint64_t[]) { 2, 0 });
	lay_span(&l, 0x180010, (uint64_t[]) { 2, 2, 0 });
	lay_span(&l, 0x200000, (uint64_t[]) { 1000, 0 });
	seal(&l);
	check_all(&l);
}

static void
chunk_of_many_cells_has_one_start(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	/* cells in the middle have no start */
	lay_span(&l, 0x100000,
	    (uint64_t[]) { 2, 200, 5000, 2, 64 * 3, 64 * 4 - 2, 2, 0 });
	seal(&l);
	check_all(&l);
}

static void
huge_chunk_costs_no_search(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	uint64_t huge = ((uint64_t)1 << 30) / GRANULE;
	hs_addr start = 0x100000000;

	lay_span(&l, start, (uint64_t[]) { 2, huge, 2, huge, 2, 0 });
	seal(&l);
	check_numbers(&l);
	for (uint32_t i = 0; i < l.chunks.n; i++) {
		check_range(&l,
		    (struct range) { l.chunks.at[i].range.start,
			l.chunks.at[i].range.start + 256 });
		check_range(&l,
		    (struct range) { l.chunks.at[i].range.end - 256,
			l.chunks.at[i].range.end });
	}
	CHECK(agree_at(&l, start + ((uint64_t)1 << 29)));
}

static void
mapped_block_has_one_cell(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_mapped(&l, 0x7f0000000000, 0x3000, 0);
	lay_mapped(&l, 0x7f0000010000, 0x2000, -8);
	lay_mapped(&l, 0x7f0000020000 + 4080, 0x2000 - 4080, 0);
	seal(&l);
	CHECK(l.heap.cells.n == 3);
	check_all(&l);
}

static void
mapped_blocks_may_adjoin(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_mapped(&l, 0x7f0000003000, 0x1000, 0);
	lay_mapped(&l, 0x7f0000000000, 0x1000, 0);
	lay_mapped(&l, 0x7f0000001000, 0x2000, 0);
	lay_mapped(&l, 0x7f0000004000, 0x1000, -8);
	lay_mapped(&l, 0x7f0000005000, 0x1000, -8);
	seal(&l);
	check_all(&l);
}

static void
spans_may_come_in_any_order(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_span(&l, 0x7f0000300000, (uint64_t[]) { 2, 3, 0 });
	lay_span(&l, 0x100000, (uint64_t[]) { 2, 3, 4, 0 });
	lay_mapped(&l, 0x7f0000500000, 0x3000, 0);
	lay_span(&l, 0x7f0000100000, (uint64_t[]) { 70, 2, 0 });
	lay_span(&l, 0x7f0000100000 - 5 * GRANULE, (uint64_t[]) { 5, 0 }); /* adjoins */
	seal(&l);
	check_all(&l);
}

static void
many_spans_in_many_clusters_are_found(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	/* some close, some so far apart that they are in zones of their own */
	for (uint64_t i = 0; i < 40; i++)
		for (uint64_t k = 0; k < 30; k++)
			if ((i * 7 + k) % 5)
				lay_span(&l, (i + 1) << 32 | k * (0x1000 + i * 0x230),
				    (uint64_t[]) { 2, 2 + k % 3, 4, 0 });
			else
				lay_mapped(&l,
				    (i + 1) << 32 | k * (0x1000 + i * 0x230),
				    0x1000, 0);
	seal(&l);
	check_numbers(&l);
	for (size_t i = 0; i < l.chunks.n; i += 17)
		check_range(&l,
		    (struct range) { l.chunks.at[i].range.start,
			l.chunks.at[i].range.start + 64 });
}

/* Where ranks have few bits they begin anew every few cells, or in each. */
static void
ranks_may_have_few_bits(void)
{
	for (uint64_t narrow = 1; narrow < 2000; narrow *= 3) {
		scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
		struct block b;

		l.heap.narrow = narrow;
		for (uint64_t i = 0; i < 20; i++)
			lay_span(&l, 0x1000000 - i * 0x80000,
			    (uint64_t[]) { 2, 2, 61, 2, 3, 64, 2, 2, 700 + i, 5, 2,
				2, 2, 2, 2, 2, 2, 4, 63, 65, 2, 0 });
		lay_mapped(&l, 0x7f0000000000, 0x3000, 0);
		seal(&l);
		CHECK((l.heap.bases != NULL) == (l.chunks.n > narrow));
		check_all(&l);
		for (size_t i = 0; i < l.chunks.n; i += 7) {
			b = heap_block(&l.heap, i);
			l.chunks.at[i].state =
			    b.state == STATE_USED ? STATE_FAST : STATE_USED;
			map_change(&l.heap, &b, l.chunks.at[i].state);
		}
		check_all(&l);
	}
}

static void
span_without_chunks_is_dropped(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_span(&l, 0x100000, (uint64_t[]) { 2, 3, 0 });
	CHECK(map_begin(&l.heap, (struct range) { 0x200000, 0x300000 }, 0, HEAD, TAIL));
	map_end(&l.heap, 0x200000);
	lay_span(&l, 0x300000, (uint64_t[]) { 2, 3, 0 });
	seal(&l);
	CHECK(l.heap.spans.n == 2);
	check_all(&l);
}

static void
span_may_end_before_it_was_to(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	CHECK(map_begin(&l.heap, (struct range) { 0x100000, 0x900000 }, 0, HEAD, TAIL));
	map_chunk(&l.heap, 0x100000, STATE_TOP);
	map_end(&l.heap, 0x100040);
	vec_push(&l.chunks,
	    (struct laid) { { 0x100000, 0x100040 }, 0x100010, 0x100048, STATE_TOP });
	lay_span(&l, 0x100040, (uint64_t[]) { 2, 2, 0 });
	seal(&l);
	check_all(&l);
}

/* Adds l's chunks, which are one span, n words of granules at once, from `lead` before it on. */
static void
put_many(struct heap *h, const struct layout *l, uint64_t lead, size_t n)
{
	struct range all = { l->chunks.at[0].range.start,
		l->chunks.at[l->chunks.n - 1].range.end };
	size_t c = 0;

	CHECK(map_begin(h, all, 0, HEAD, TAIL));
	for (hs_addr at = all.start - lead; at < all.end; at += n * CELL_BYTES) {
		uint64_t start[8] = { 0 }, loose[8] = { 0 }, count = 0;
		hs_addr from = at;
		struct map_place place;

		for (; c < l->chunks.n; c++, count++) {
			hs_addr a = l->chunks.at[c].range.start;
			uint64_t i = (a - from) / GRANULE;

			if (a - at >= n * CELL_BYTES)
				break;
			if (count == 0) { /* the first one is in the first word */
				from += i / 64 * CELL_BYTES;
				i %= 64;
			}
			start[i / 64] |= 1ull << i % 64;
			if (l->chunks.at[c].state != STATE_USED)
				loose[i / 64] |= 1ull << i % 64;
		}
		if (count == 0)
			continue;
		CHECK(map_place(h, from, start, n, count, &place));
		CHECK(place.shift == (lead ? 64 - lead / GRANULE : 0));
		map_put(h, &place, start, loose, n);
	}
	map_end(h, all.end);
}

static void
chunks_may_be_added_many_at_once(void)
{
	static const uint64_t sizes[] = { 2, 3, 61, 2, 64, 2, 200, 2, 2, 2, 2, 2,
		70, 5, 63, 63, 63, 2, 1000, 2, 2, 128, 4, 2, 0 };
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };

	lay_span(&l, 0x100000, sizes);
	for (uint64_t lead = 0; lead < CELL_BYTES; lead += 5 * GRANULE)
		for (size_t n = 1; n <= 8; n++) {
			scoped(heap_fini) struct heap h = HEAP_EMPTY;

			put_many(&h, &l, lead, n);
			CHECK(h.cells.n == l.heap.cells.n);
			for (size_t i = 0; i < h.cells.n; i++)
				CHECK(h.cells.at[i].start == l.heap.cells.at[i].start);
			CHECK(h.states.n == l.chunks.n);
			for (size_t i = 0; i < h.states.n; i++)
				CHECK(h.states.at[i]
				    == (l.heap.states.at[i] == STATE_USED
					    ? STATE_USED
					    : STATE_LOOSE));
		}
}

static void
empty_heap_meets_nothing(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	struct block b = { .span = NULL };
	uint64_t number;

	seal(&l);
	CHECK(heap_meet(&l.heap, 0x1000, &number) == MEET_NONE);
	CHECK(!heap_chunk_at(&l.heap, 0x1000, &b) && !heap_next(&l.heap, &b));
}

static void
only_exact_starts_are_starts(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	struct block b;

	lay_span(&l, 0x100000, (uint64_t[]) { 2, 3, 0 });
	seal(&l);
	CHECK(map_chunk_starting(&l.heap, 0x100020, &b) && b.address == 0x100030);
	CHECK(!map_chunk_starting(&l.heap, 0x100030, &b));
	CHECK(!map_chunk_starting(&l.heap, 0x100021, &b));
	CHECK(!map_chunk_starting(&l.heap, 0x100050, &b));
}

static void
spans_must_not_overlap(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	struct hs_error err;

	lay_span(&l, 0x100000, (uint64_t[]) { 2, 3, 0 });
	lay_mapped(&l, 0x100040, 0x1000, 0);
	CHECK(!map_seal(&l.heap, &err) && err.status == HS_FAILED);
}

static void
pointers_inside_may_be_as_good_as_starts(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	struct heap *h = &l.heap;
	uint64_t number = 0;

	CHECK(map_begin(h, (struct range) { 0x100000, 0x100080 }, 0, 0, 0));
	h->spans.at[0].inside = true;
	map_chunk(h, 0x100000, STATE_INTERNAL);
	map_chunk(h, 0x100030, STATE_USED);
	map_chunk(h, 0x100050, STATE_POOL);
	map_chunk(h, 0x100070, STATE_USED);
	map_end(h, 0x100080);
	l.chunks.n = 4;
	seal(&l);
	l.chunks.n = 0;
	CHECK(heap_meet(h, 0x100010, &number) == MEET_NONE);
	CHECK(heap_meet(h, 0x100030, &number) == MEET_START && number == 1);
	CHECK(heap_meet(h, 0x100040, &number) == MEET_START && number == 1);
	CHECK(heap_meet(h, 0x10004f, &number) == MEET_START && number == 1);
	CHECK(heap_meet(h, 0x100050, &number) == MEET_NONE);
	CHECK(heap_meet(h, 0x100078, &number) == MEET_START && number == 3);
	CHECK(heap_meet(h, 0x100080, &number) == MEET_NONE);
}

/* An allocator beside the first one adds spans when those of the first have numbers. */
static void
spans_may_be_added_after_a_seal(void)
{
	scoped(layout_fini) struct layout l = { .heap = HEAP_EMPTY };
	struct hs_error err;

	lay_span(&l, 0x300000, (uint64_t[]) { 2, 3, 4, 90, 7, 0 });
	lay_mapped(&l, 0x500000, 0x3000, 0);
	seal(&l);
	lay_span(&l, 0x200000, (uint64_t[]) { 5, 2, 8, 2, 0 });
	lay_span(&l, 0x400000, (uint64_t[]) { 2, 2, 2, 200, 2, 0 });
	CHECK(map_seal(&l.heap, &err));
	CHECK(heap_invalid(&l.heap) == NULL && l.heap.nchunks == l.chunks.n);
	for (hs_addr a = 0x1fff80; a < 0x504000; a += a % 0x10000 < 0x4000 ? 8 : 0x4000)
		CHECK(agree_at(&l, a));
}

TESTS(chunks_of_a_span_are_told_apart, span_may_be_one_chunk,
    chunk_of_many_cells_has_one_start, huge_chunk_costs_no_search,
    mapped_block_has_one_cell, mapped_blocks_may_adjoin,
    spans_may_come_in_any_order, many_spans_in_many_clusters_are_found,
    ranks_may_have_few_bits, span_without_chunks_is_dropped,
    span_may_end_before_it_was_to, chunks_may_be_added_many_at_once,
    empty_heap_meets_nothing, only_exact_starts_are_starts, spans_must_not_overlap,
    pointers_inside_may_be_as_good_as_starts, spans_may_be_added_after_a_seal)
