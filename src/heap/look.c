/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking things up in the heap map.
 *
 * We are asked, some hundred million times for a big core: which chunk holds
 * this address?  The answer takes three steps, each a cache line or less.
 *
 *   zone    Spans lie in a few clusters (the brk heap; the mappings).  A zone
 *           covers one cluster and has a table with a bucket for every 2^shift
 *           bytes: the first span that could hold an address in it.
 *   span    Usually the one that the bucket names; else a few further on.
 *   cell    The last start at or before the address, by counting zeros.  A
 *           cell without a start says how many cells back the last one was,
 *           so that a chunk of a gigabyte costs no more than a small one.
 *
 * The cell is a cache miss.  It also says whether a block that starts in it is
 * in use, so that most pointers cost no other.  heap_expect() asks for those of
 * a whole batch before heap_meet_all() waits for the first.
 */
#include "heap/heap.h"

#include "base/bits.h"
#include "heap/map.h"

/* The last span that starts at or before a, of spans [from, to): from at least. */
static size_t
last_before(const struct heap *h, size_t from, size_t to, hs_addr a)
{
	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;

		if (h->spans.at[mid].range.start <= a)
			from = mid;
		else
			to = mid;
	}
	return from;
}

static const struct span *
span_at(const struct heap *h, hs_addr a)
{
	for (size_t i = 0; i < h->zones.n; i++) {
		const struct zone *z = &h->zones.at[i];
		uint64_t bucket;
		size_t s;

		if (!range_has(z->range, a))
			continue;
		bucket = (a - z->range.start) >> z->shift;
		s = last_before(h, z->first[bucket], z->first[bucket + 1] + 1, a);
		return range_has(h->spans.at[s].range, a) ? &h->spans.at[s] : NULL;
	}
	return NULL;
}

/* The cell in which a, which lies in *s, is looked up. */
static size_t
cell_of(const struct span *s, hs_addr a)
{
	return s->cell + (s->mapped ? 0 : (a - s->range.start) / CELL_BYTES);
}

/* The granule (from s->range.start) and the number of the chunk that holds a. */
static uint64_t
start_before(const struct heap *h, const struct span *s, hs_addr a, uint64_t *number)
{
	uint64_t granule = s->mapped ? 0 : (a - s->range.start) / GRANULE;
	size_t at = cell_of(s, a);
	const struct cell *c = &h->cells.at[at];
	uint64_t before = c->start & (~0ull >> (63 - granule % 64));
	unsigned bit;

	if (!before) {
		/* one that has a start, but later on, does not say */
		at -= c->start ? 1 : c->back;
		if (!h->cells.at[at].start)
			at -= h->cells.at[at].back;
		c = &h->cells.at[at];
		before = c->start;
	}
	bit = 63 - (unsigned)__builtin_clzll(before);
	*number = cell_first(h, c) + count_bits(before) - 1;
	return (at - s->cell) * 64 + bit;
}

/*
 * The last cell from `at` on, of cells [at, to), in which a chunk up to this
 * number may start: in strides that double, then halve.
 */
static const struct cell *
last_cell(const struct heap *h, const struct cell *at, const struct cell *to,
    uint64_t number)
{
	ptrdiff_t stride = 1;

	while (to - at > stride && cell_first(h, at + stride) <= number) {
		at += stride;
		stride *= 2;
	}
	for (; stride > 0; stride /= 2)
		while (to - at > stride && cell_first(h, at + stride) <= number)
			at += stride;
	return at;
}

/* The first start after that granule, or the span's end, as an address. */
static hs_addr
end_of(const struct heap *h, const struct span *s, uint64_t granule)
{
	const struct cell *cells = &h->cells.at[s->cell], *c;
	size_t n = range_size(s->range) / CELL_BYTES + 1;
	uint64_t after;

	granule++;
	if (s->mapped || granule / 64 >= n)
		return s->range.end;
	c = &cells[granule / 64];
	after = c->start & (~0ull << granule % 64);
	if (!after) { /* ranks tell where the next start is: no need to look at each cell */
		uint64_t next = cell_first(h, c) + count_bits(c->start);

		if (next - s->first >= s->count)
			return s->range.end;
		c = last_cell(h, c, cells + n, next);
		after = c->start;
	}
	granule = (uint64_t)(c - cells) * 64 + (unsigned)__builtin_ctzll(after);
	return s->range.start + granule * GRANULE;
}

static struct block
block_from(const struct heap *h, const struct span *s, uint64_t granule, uint64_t number)
{
	hs_addr start = s->range.start + granule * GRANULE;
	hs_addr end = end_of(h, s, granule);
	uint64_t whole = end - start + (uint64_t)(int64_t)s->tail;

	return (struct block) {
		.address = start + s->header,
		.size = whole > s->header ? whole - s->header : 0,
		.number = number,
		.state = (enum state)h->states.at[number],
		.span = s,
	};
}

bool
heap_chunk_at(const struct heap *h, hs_addr a, struct block *chunk)
{
	const struct span *s = span_at(h, a);
	uint64_t number;
	uint64_t granule;

	if (!s)
		return false;
	granule = start_before(h, s, a, &number);
	*chunk = block_from(h, s, granule, number);
	return true;
}

bool
map_chunk_starting(const struct heap *h, hs_addr at, struct block *chunk)
{
	return heap_chunk_at(h, at, chunk)
	    && chunk->address - chunk->span->header == at;
}

void
map_expect(const struct heap *h, const hs_addr *at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct span *s = span_at(h, at[i]);

		if (s)
			__builtin_prefetch(&h->cells.at[cell_of(s, at[i])]);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct span *s = span_at(h, at[i]);
		uint64_t number;

		if (s) {
			(void)start_before(h, s, at[i], &number);
			__builtin_prefetch(&h->states.at[number], 1);
		}
	}
}

bool
heap_next(const struct heap *h, struct block *at)
{
	const struct span *s = at->span;
	uint64_t number = at->number + 1;

	if (s && number - s->first < s->count) {
		hs_addr end = at->address + at->size - (uint64_t)(int64_t)s->tail;

		*at = block_from(h, s, (end - s->range.start) / GRANULE, number);
		return true;
	}
	s = s ? s + 1 : h->spans.at;
	if (s == vec_from(&h->spans, h->spans.n))
		return false;
	*at = block_from(h, s, 0, s->first);
	return true;
}

/* The span whose chunks have this number among them. */
static const struct span *
span_of(const struct heap *h, uint64_t number)
{
	size_t from = 0, to = h->by_number.n;

	while (to - from > 1) {
		size_t mid = from + (to - from) / 2;

		if (h->spans.at[h->by_number.at[mid]].first <= number)
			from = mid;
		else
			to = mid;
	}
	return &h->spans.at[h->by_number.at[from]];
}

/* The chunk with this number, which starts in *c or a later one of its span's cells. */
static struct block
block_from_cell(const struct heap *h, const struct span *s, const struct cell *c,
    uint64_t number)
{
	const struct cell *cells = &h->cells.at[s->cell];
	uint64_t starts, granule;

	if (!s->mapped)
		c = last_cell(h, c, cells + range_size(s->range) / CELL_BYTES + 1,
		    number);
	starts = c->start;
	for (uint64_t i = cell_first(h, c); i < number; i++)
		starts &= starts - 1;
	granule = (uint64_t)(c - cells) * 64 + (unsigned)__builtin_ctzll(starts);
	return block_from(h, s, granule, number);
}

struct block
heap_block(const struct heap *h, uint64_t number)
{
	const struct span *s = span_of(h, number);

	return block_from_cell(h, s, &h->cells.at[s->cell], number);
}

struct block
heap_block_after(const struct heap *h, const struct block *before, uint64_t number)
{
	const struct span *s = before->span;

	if (!s || number <= before->number || number - s->first >= s->count)
		return heap_block(h, number);
	return block_from_cell(h, s,
	    &h->cells.at[cell_of(s, before->address - s->header)], number);
}

/* Is this chunk, which starts in *c, in use? */
static inline bool
in_use_of(const struct heap *h, const struct cell *c, uint64_t number)
{
	uint64_t bit = number - cell_first(h, c);

	return bit < 32 ? c->used >> bit & 1 : h->states.at[number] == STATE_USED;
}

static bool
in_use(const struct heap *h, uint64_t number)
{
	return h->states.at[number] == STATE_USED;
}

/* A pointer to where one span begins may be one past the end of the one before. */
static enum meet
meet_span_before(const struct heap *h, const struct span *s, hs_addr a, uint64_t *number)
{
	if (s == h->spans.at)
		return MEET_NONE;
	s--;
	*number = s->first + s->count - 1;
	return s->range.end + (uint64_t)(int64_t)s->tail == a && in_use(h, *number)
	    ? MEET_END
	    : MEET_NONE;
}

/* a lies `into` bytes into the header of chunk *number, not its block. */
static enum meet
meet_header(const struct heap *h, const struct span *s, hs_addr a, uint64_t into,
    uint64_t *number)
{
	if (*number == s->first)
		return meet_span_before(h, s, a, number);
	if (into > (uint64_t)s->tail || !in_use(h, --*number))
		return MEET_NONE;
	return into == 0 || into == (uint64_t)s->tail ? MEET_END : MEET_INTERIOR;
}

/* A pointer at or past a block's start: bytes from it to where the mapped block ends. */
static enum meet
meet_mapped(const struct heap *h, const struct span *s, hs_addr a)
{
	uint64_t left = s->range.end + (uint64_t)(int64_t)s->tail - a;

	if (left > range_size(s->range))
		return MEET_NONE;
	return left == heap_word(h) || left == 0 ? MEET_END : MEET_INTERIOR;
}

/* a lies in the chunk with this number, which starts at that granule of *s. */
static enum meet
meet_chunk(const struct heap *h, const struct span *s, hs_addr a, uint64_t granule,
    uint64_t *number)
{
	uint64_t into = a - s->range.start - granule * GRANULE;

	if (into < s->header)
		return meet_header(h, s, a, into, number);
	if (!in_use_of(h, &h->cells.at[s->cell + granule / 64], *number))
		return MEET_NONE;
	if (into == s->header)
		return MEET_START;
	if (s->mapped)
		return meet_mapped(h, s, a);
	return s->inside ? MEET_START : MEET_INTERIOR;
}

/*
 * a lies in no span.  It may be one past a mapped block's end; but the start
 * of an alien mapping is a common value, so only where no memory is.
 */
static enum meet
meet_past(const struct heap *h, hs_addr a, uint64_t *number)
{
	const struct span *s = span_at(h, a - 1);

	if (!s || !s->mapped || !in_use(h, s->first) || space_at(h->space, a))
		return MEET_NONE;
	*number = s->first;
	return s->range.end + (uint64_t)(int64_t)s->tail == a ? MEET_END : MEET_NONE;
}

enum meet
heap_meet(const struct heap *h, hs_addr a, uint64_t *number)
{
	const struct span *s = span_at(h, a);

	return s ? meet_chunk(h, s, a, start_before(h, s, a, number), number)
		 : meet_past(h, a, number);
}

/* When a is what malloc() returned for a block in use, and *c its cell: its number. */
static inline bool
meets_start(const struct heap *h, const struct span *s, const struct cell *c,
    hs_addr a, uint64_t *number)
{
	uint64_t into = a - s->range.start - s->header, start;

	if (into % GRANULE != 0 || into >= range_size(s->range) || s->mapped)
		return false;
	start = UINT64_C(1) << into / GRANULE % 64;
	if (!(c->start & start))
		return false;
	*number = cell_first(h, c) + count_bits(c->start & (start - 1));
	return in_use_of(h, c, *number);
}

/*
 * The span that holds a, and the cell of the block that starts at a, if there is
 * one.  It is the same span as last time, more often than not.
 */
static inline const struct cell *
expect_start(const struct heap *h, const struct span **s, hs_addr a)
{
	const struct cell *c = h->cells.at;

	if (!*s || !range_has((*s)->range, a))
		*s = span_at(h, a);
	if (!*s || a - (*s)->range.start < (*s)->header)
		return c;
	c += cell_of(*s, a - (*s)->header);
	__builtin_prefetch(c);
	return c;
}

void
heap_expect(const struct heap *h, struct heap_batch *b)
{
	const struct span *s = NULL;

	for (unsigned i = 0; i < b->n; i++) {
		b->cell[i] = expect_start(h, &s, b->a[i]);
		b->span[i] = s;
	}
}

void
heap_meet_all(const struct heap *h, struct heap_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct span *s = b->span[i];
		uint64_t *number = &b->number[i];
		hs_addr a = b->a[i];

		if (!s)
			b->meet[i] = meet_past(h, a, number);
		else if (meets_start(h, s, b->cell[i], a, number))
			b->meet[i] = MEET_START;
		else
			b->meet[i] = meet_chunk(h, s, a,
			    start_before(h, s, a, number), number);
	}
}
