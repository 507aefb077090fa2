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
 *
 * A rank has 32 bits.  Of 2^32 chunks and more, ranks count from the base of the
 * 2^26 cells (64 GiB) that they are in; less have no bases, which is cheaper.
 */
#include "heap/map.h"

#include "base/bits.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ZONE_GAP = 1 << 30, /* bytes between spans that part two zones, at least */
	MAX_ZONES = 16,     /* look-ups go through all */
	MAX_BUCKETS = 1 << 20, /* of a zone */
	LARGE_PAGE = 2 << 20,
	LEAST = 32, /* bytes of a chunk */
	RANK_BITS = 32,
};

_Static_assert(STATE_USED == 0, "a new table of states is zero");

/* Tables are filled and looked up all over: that is what large pages are for. */
static void
use_large_pages(void *at, size_t bytes)
{
	uintptr_t from = ((uintptr_t)at + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	uintptr_t to = ((uintptr_t)at + bytes) / LARGE_PAGE * LARGE_PAGE;

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

/*
 * A table: *at is its address, *max how many elements of that size it has
 * room for.  Room for more, which is zero: in a new table that comes from the
 * system and takes no memory.
 */
static bool
enlarge(void *at, size_t each, size_t *max, size_t more)
{
	char *old, *new;

	memcpy(&old, at, sizeof old);
	if (more > SIZE_MAX / each)
		return false;
	new = old ? realloc(old, more * each) : calloc(more, each);
	if (!new)
		return false;
	if (old)
		memset(new + *max *each, 0, (more - *max) * each);
	else
		use_large_pages(new, more * each);
	memcpy(at, &new, sizeof new);
	*max = more;
	return true;
}

/* Makes it n elements; false, and .broke, when there is no memory. */
#define RESIZE(v, size)                                                            \
	({                                                                         \
		size_t n_ = (size);                                                \
		bool ok_ = n_ <= (v)->max                                          \
		    || enlarge(&(v)->at, sizeof *(v)->at, &(v)->max, n_ + n_ / 8); \
		*(ok_ ? &(v)->n : &n_) = n_;                                       \
		(v)->broke |= !ok_;                                                \
		ok_;                                                               \
	})

bool
map_grow(struct heap *h, size_t n)
{
	return RESIZE(&h->cells, n);
}

bool
map_grow_states(struct heap *h, size_t n)
{
	return RESIZE(&h->states, n);
}

void
map_reserve(struct heap *h, uint64_t bytes)
{
	(void)enlarge(&h->cells.at, sizeof *h->cells.at, &h->cells.max,
	    bytes / CELL_BYTES + 1);
	(void)enlarge(&h->states.at, 1, &h->states.max, bytes / LEAST + 1);
}

bool
map_place(struct heap *h, hs_addr at, const uint64_t *start, size_t n,
    uint64_t count, struct map_place *place)
{
	const struct span *s = &h->spans.at[h->spans.n - 1];
	uint64_t granule = (at + CELL_BYTES - s->range.start) / GRANULE;
	size_t end;

	place->shift = granule % 64;
	place->cell = s->cell + granule / 64 - 1;
	place->state = h->states.n;
	while (n > 0 && !start[n - 1])
		n--;
	if (n == 0)
		return true;
	end = place->cell + n;
	end += place->shift && start[n - 1] >> (64 - place->shift);
	return (end <= h->cells.n || map_grow(h, end))
	    && map_grow_states(h, h->states.n + count);
}

void
map_put(struct heap *h, const struct map_place *place, const uint64_t *start,
    const uint64_t *loose, size_t n)
{
	unsigned char *state = h->states.at + place->state;
	unsigned shift = place->shift;

	for (size_t i = 0; i < n; i++) {
		uint64_t low = start[i] << shift;
		uint64_t high = shift ? start[i] >> (64 - shift) : 0;

		if (low)
			h->cells.at[place->cell + i].start |= low;
		if (high)
			h->cells.at[place->cell + i + 1].start |= high;
		for (uint64_t bits = loose[i]; bits; bits &= bits - 1)
			state[count_bits(start[i] & ((bits & -bits) - 1))] =
			    STATE_LOOSE;
		state += count_bits(start[i]);
	}
}

static bool
add_span(struct heap *h, struct span s)
{
	s.cell = h->cells.n;
	s.first = h->states.n;
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

	return add_span(h, s);
}

void
map_end(struct heap *h, hs_addr end)
{
	struct span *s = &h->spans.at[h->spans.n - 1];

	s->count = h->states.n - s->first;
	s->range.end = end;
	if (s->count == 0)
		h->spans.n--;
	else
		(void)map_grow(h, s->cell + range_size(s->range) / CELL_BYTES + 1);
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

	if (!add_span(h, s))
		return false;
	map_chunk(h, range.start, state);
	return !h->states.broke && !h->cells.broke;
}

static int
by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

struct span_key {
	uint64_t first;
	uint32_t span;
};

static int
by_first(const void *a, const void *b)
{
	const struct span_key *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Of the n states, up to 32, which are STATE_USED: a bit each. */
static uint32_t
used_bits(const unsigned char *state, unsigned n)
{
	uint32_t used = 0;

	for (unsigned i = 0; i < n && i < 32; i++)
		used |= (uint32_t)(state[i] == STATE_USED) << i;
	return used;
}

/* Ranks have too few bits: of how many cells, as a power of two, they have enough. */
static bool
make_bases(struct heap *h)
{
	while (heap_suffices(h, RANK_BITS, UINT64_C(128) << h->base_cells))
		h->base_cells++;
	h->bases = calloc((h->cells.n >> h->base_cells) + 1, sizeof *h->bases);
	return h->bases;
}

/* Number the cells' chunks; say of each cell without any how far back the last one is. */
static void
rank_cells(struct heap *h)
{
	uint64_t rank = 0, base = 0;
	uint32_t back = 0, n;

	for (size_t i = 0; i < h->cells.n; i++) {
		struct cell *c = &h->cells.at[i];

		if (h->bases && i % ((size_t)1 << h->base_cells) == 0)
			h->bases[i >> h->base_cells] = base = rank;
		c->rank = (uint32_t)(rank - base);
		c->back = ++back;
		if (!c->start)
			continue;
		n = count_bits(c->start);
		c->used = used_bits(h->states.at + rank, n);
		rank += n;
		back = 0;
	}
}

void
map_change(struct heap *h, const struct block *chunk, enum state state)
{
	const struct span *s = chunk->span;
	hs_addr into = chunk->address - s->header - s->range.start;
	struct cell *c = &h->cells.at[s->cell + into / CELL_BYTES];
	uint64_t bit = chunk->number - cell_first(h, c);

	h->states.at[chunk->number] = (unsigned char)state;
	if (bit < 32)
		c->used = (c->used & ~(UINT32_C(1) << bit))
		    | (uint32_t)(state == STATE_USED) << bit;
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

/* Is the i-th span the last one of its zone? */
static bool
ends_zone(const struct heap *h, size_t i, uint64_t gap)
{
	const struct span *s = &h->spans.at[i];

	return i + 1 == h->spans.n || s[1].range.start - s->range.end >= gap;
}

/* The least gap, from ZONE_GAP on in powers of two, that makes few zones. */
static uint64_t
choose_gap(const struct heap *h)
{
	uint64_t gap = ZONE_GAP / 2;
	size_t zones;

	do {
		gap *= 2;
		zones = 0;
		for (size_t i = 0; i < h->spans.n; i++)
			zones += ends_zone(h, i, gap);
	} while (zones > MAX_ZONES);
	return gap;
}

static bool
add_zones(struct heap *h)
{
	uint64_t gap = choose_gap(h);
	size_t from = 0;

	for (size_t i = 0; i < h->spans.n; i++)
		if (ends_zone(h, i, gap)) {
			if (!add_zone(h, from, i + 1))
				return false;
			from = i + 1;
		}
	return true;
}

static bool
check_overlap(const struct heap *h, struct hs_error *err)
{
	for (size_t i = 1; i < h->spans.n; i++)
		if (h->spans.at[i].range.start < h->spans.at[i - 1].range.end)
			return fail(err,
			    "two parts of the heap overlap at 0x%llx: not supported",
			    (unsigned long long)h->spans.at[i].range.start);
	return true;
}

/* Forgets the tables that an earlier seal has built. */
static void
unseal(struct heap *h)
{
	for (size_t i = 0; i < h->zones.n; i++)
		free(h->zones.at[i].first);
	free(h->bases);
	h->bases = NULL;
	h->base_cells = 0;
	h->zones.n = 0;
	h->by_number.n = 0;
}

bool
map_seal(struct heap *h, struct hs_error *err)
{
	if (h->states.broke || h->cells.broke || h->spans.broke
	    || h->spans.n > UINT32_MAX)
		return fail_nomem(err);
	if (h->states.n >> NUMBER_BITS)
		return fail(err, "2^%d chunks or more: not supported", NUMBER_BITS);
	h->nchunks = h->states.n;
	unseal(h);
	if (!heap_suffices(h, RANK_BITS, h->nchunks) && !make_bases(h))
		return fail_nomem(err);
	rank_cells(h);
	vec_sort(&h->spans, by_start);
	if (!check_overlap(h, err))
		return false;
	if (!number_spans(h) || !add_zones(h))
		return fail_nomem(err);
	if (h->zones.n > 0)
		h->bounds = (struct range) { h->zones.at[0].range.start,
			h->zones.at[h->zones.n - 1].range.end };
	return true;
}
