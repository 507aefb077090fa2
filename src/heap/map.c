/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Building the heap map.
 *
 * Numbers follow the order in which chunks were added, which is by address
 * within a span; spans themselves are added in any order and sorted at the
 * end, which moves neither their cells nor their numbers.
 *
 * Cost: 16 bytes a KiB of heap for cells, a byte a chunk for states; a
 * mapped chunk has one cell, however large it is.  What the tables are for
 * is told in look.c.
 */
#include "heap/map.h"

#include "base/bits.h"

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
			rank += count_bits(c->start);
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
