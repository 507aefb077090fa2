/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heap map.
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
 * Numbers follow the order in which chunks were added, which is by address
 * within a span; spans themselves are added in any order and sorted at the
 * end, which moves neither their cells nor their numbers.
 *
 * Cost: 16 bytes a KiB of heap for cells, a byte a chunk for states; a
 * mapped chunk has one cell, however large it is.
 */
#include "heap/map.h"

#include <stdint.h>
#include <string.h>

enum {
	ZONE_GAP = 1 << 30,    /* bytes between spans that part two zones */
	MAX_BUCKETS = 1 << 20, /* of a zone */
	MAX_CHUNKS = (1 << 30) - 1, /* struct root and struct edges give numbers 30 bits */
};

static bool
add_cells(struct heap *h, size_t n)
{
	if (n > h->cells.max - h->cells.n) {
		size_t more = h->cells.n + n + h->cells.max / 2;
		struct cell *at = more > SIZE_MAX / sizeof *at
		    ? NULL
		    : realloc(h->cells.at, more * sizeof *at);

		if (!at)
			return false;
		h->cells.at = at;
		h->cells.max = more;
	}
	memset(h->cells.at + h->cells.n, 0, n * sizeof *h->cells.at);
	h->cells.n += n;
	return true;
}

static bool
add_span(struct heap *h, struct span s, size_t cells)
{
	s.cell = h->cells.n;
	s.first = (uint32_t)h->states.n;
	if (!add_cells(h, cells))
		return false;
	vec_push(&h->spans, s);
	return !h->spans.broke;
}

bool
map_begin(struct heap *h, struct range range, uint32_t arena, unsigned header, int tail)
{
	struct span s = {
		.range = range,
		.arena = arena,
		.header = (uint8_t)header,
		.tail = (int8_t)tail,
	};

	return add_span(h, s, range_size(range) / CELL_BYTES + 1);
}

void
map_end(struct heap *h, hs_addr end)
{
	struct span *s = &h->spans.at[h->spans.n - 1];

	s->count = (uint32_t)(h->states.n - s->first);
	s->range.end = end;
	h->cells.n = s->cell + range_size(s->range) / CELL_BYTES + 1;
	if (s->count > 0)
		return;
	h->cells.n = s->cell;
	h->spans.n--;
}

bool
map_mapped(struct heap *h, struct range range, uint32_t arena, unsigned header,
    int tail, uint64_t front, enum state state)
{
	struct span s = {
		.range = range,
		.arena = arena,
		.header = (uint8_t)header,
		.tail = (int8_t)tail,
		.count = 1,
		.mapped = true,
		.front = front,
	};

	if (!add_span(h, s, 1))
		return false;
	map_chunk(h, range.start, state);
	return !h->states.broke;
}

static int
by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

struct span_key {
	uint32_t first, span;
};

static int
by_first(const void *a, const void *b)
{
	const struct span_key *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Number the cells' chunks; say of each cell how far back the last start is. */
static void
rank_cells(struct heap *h)
{
	uint32_t rank = 0, back = 0;

	for (size_t i = 0; i < h->cells.n; i++) {
		struct cell *c = &h->cells.at[i];

		c->rank = rank;
		c->back = ++back;
		if (c->start) {
			rank += (uint32_t)__builtin_popcountll(c->start);
			back = 0;
		}
	}
}

static bool
add_zone(struct heap *h, size_t from, size_t to)
{
	struct zone z = {
		.range = { h->spans.at[from].range.start, h->spans.at[to - 1].range.end },
		.shift = 12,
	};
	uint64_t want = (to - from) * 4 + 64;
	size_t buckets, s = from;

	while (range_size(z.range) >> z.shift
	    > (want < MAX_BUCKETS ? want : MAX_BUCKETS))
		z.shift++;
	buckets = (range_size(z.range) >> z.shift) + 2;
	z.first = malloc(buckets * sizeof *z.first);
	if (!z.first)
		return false;
	for (size_t i = 0; i < buckets; i++) {
		hs_addr start = z.range.start + ((uint64_t)i << z.shift);

		while (s + 1 < to && h->spans.at[s].range.end <= start)
			s++;
		z.first[i] = (uint32_t)s;
	}
	vec_push(&h->zones, z);
	if (h->zones.broke)
		free(z.first);
	return !h->zones.broke;
}

/* by_number: the spans in the order of their first numbers, which is that of their cells. */
static bool
number_spans(struct heap *h)
{
	struct VEC(struct span_key) keys = { 0 };

	for (uint32_t i = 0; i < h->spans.n; i++)
		vec_push(&keys, (struct span_key) { h->spans.at[i].first, i });
	vec_sort(&keys, by_first);
	for (size_t i = 0; i < keys.n; i++)
		vec_push(&h->by_number, keys.at[i].span);
	vec_free(&keys);
	return !keys.broke && !h->by_number.broke;
}

bool
map_seal(struct heap *h, struct hs_error *err)
{
	size_t from = 0;

	if (h->states.broke || h->spans.broke || h->spans.n > UINT32_MAX)
		return fail_nomem(err);
	if (h->states.n > MAX_CHUNKS)
		return fail(err, "more than %d chunks: not supported", MAX_CHUNKS);
	h->nchunks = (uint32_t)h->states.n;
	rank_cells(h);
	vec_sort(&h->spans, by_start);
	if (!number_spans(h))
		return fail_nomem(err);
	for (size_t i = 0; i < h->spans.n; i++) {
		const struct span *s = &h->spans.at[i];

		if (i + 1 < h->spans.n && s[1].range.start - s->range.end < ZONE_GAP)
			continue;
		if (!add_zone(h, from, i + 1))
			return fail_nomem(err);
		from = i + 1;
	}
	return true;
}

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

/* The granule (from s->range.start) and the number of the chunk that holds a. */
static uint64_t
start_before(const struct heap *h, const struct span *s, hs_addr a, uint32_t *number)
{
	uint64_t granule = s->mapped ? 0 : (a - s->range.start) / GRANULE;
	size_t at = s->cell + granule / 64;
	const struct cell *c = &h->cells.at[at];
	uint64_t before = c->start & (~0ull >> (63 - granule % 64));
	unsigned bit;

	if (!before) {
		at -= c->back;
		c = &h->cells.at[at];
		before = c->start;
	}
	bit = 63 - (unsigned)__builtin_clzll(before);
	*number = c->rank + (uint32_t)__builtin_popcountll(before) - 1;
	return (at - s->cell) * 64 + bit;
}

/* The first start after that granule, or the span's end, as an address. */
static hs_addr
end_of(const struct heap *h, const struct span *s, uint64_t granule)
{
	size_t cells = range_size(s->range) / CELL_BYTES + 1;
	size_t at = (granule + 1) / 64;
	uint64_t after;

	if (s->mapped || at >= cells)
		return s->range.end;
	after = h->cells.at[s->cell + at].start & (~0ull << (granule + 1) % 64);
	if (!after) { /* ranks tell where the next start is: no need to look at each cell */
		uint32_t next = h->cells.at[s->cell + at].rank
		    + (uint32_t)__builtin_popcountll(h->cells.at[s->cell + at].start);
		size_t to = cells;

		if (next - s->first >= s->count)
			return s->range.end;
		while (to - at > 1) { /* at: its rank is <= next; to: it is not */
			size_t mid = at + (to - at) / 2;

			if (h->cells.at[s->cell + mid].rank <= next)
				at = mid;
			else
				to = mid;
		}
		after = h->cells.at[s->cell + at].start;
	}
	return s->range.start + (at * 64 + (unsigned)__builtin_ctzll(after)) * GRANULE;
}

static struct block
block_from(const struct heap *h, const struct span *s, uint64_t granule, uint32_t number)
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
	uint32_t number;
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

bool
heap_next(const struct heap *h, struct block *at)
{
	const struct span *s = at->span;
	uint32_t number = at->number + 1;

	if (s && number - s->first < s->count) {
		hs_addr start = end_of(h, s,
		    (at->address - s->header - s->range.start) / GRANULE);

		*at = block_from(h, s, (start - s->range.start) / GRANULE, number);
		return true;
	}
	s = s ? s + 1 : h->spans.at;
	if (s == h->spans.at + h->spans.n)
		return false;
	*at = block_from(h, s, 0, s->first);
	return true;
}

/* The cell in which the chunk with this number starts. */
static size_t
cell_of(const struct heap *h, uint32_t number)
{
	size_t from = 0, to = h->cells.n;

	while (to - from > 1) { /* from: its rank is <= number; to: it is not */
		size_t mid = from + (to - from) / 2;

		if (h->cells.at[mid].rank <= number)
			from = mid;
		else
			to = mid;
	}
	return from;
}

/* The span whose chunks have this number among them. */
static const struct span *
span_of(const struct heap *h, uint32_t number)
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

struct block
heap_block(const struct heap *h, uint32_t number)
{
	size_t cell = cell_of(h, number);
	uint64_t starts = h->cells.at[cell].start;
	const struct span *s = span_of(h, number);

	for (uint32_t i = h->cells.at[cell].rank; i < number; i++)
		starts &= starts - 1;
	return block_from(h, s,
	    (cell - s->cell) * 64 + (unsigned)__builtin_ctzll(starts), number);
}

static bool
in_use(const struct heap *h, uint32_t number)
{
	return h->states.at[number] == STATE_USED;
}

/* A pointer to where one span begins may be one past the end of the one before. */
static enum meet
meet_span_before(const struct heap *h, const struct span *s, hs_addr a, uint32_t *number)
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
    uint32_t *number)
{
	if (*number == s->first)
		return meet_span_before(h, s, a, number);
	if (into > (uint64_t)s->tail || !in_use(h, --*number))
		return MEET_NONE;
	return into == 0 || into == (uint64_t)s->tail ? MEET_END : MEET_INTERIOR;
}

enum meet
heap_meet(const struct heap *h, hs_addr a, uint32_t *number)
{
	const struct span *s = span_at(h, a);
	uint64_t granule, into;

	if (!s)
		return MEET_NONE;
	granule = start_before(h, s, a, number);
	into = a - s->range.start - granule * GRANULE;
	if (into < s->header)
		return meet_header(h, s, a, into, number);
	if (!in_use(h, *number))
		return MEET_NONE;
	if (into == s->header)
		return MEET_START;
	if (!s->mapped)
		return MEET_INTERIOR;
	into = s->range.end + (uint64_t)(int64_t)s->tail - a; /* bytes that are left */
	return into == 8 || into == 0 ? MEET_END
	    : into > (1ull << 63)     ? MEET_NONE
				      : MEET_INTERIOR;
}
