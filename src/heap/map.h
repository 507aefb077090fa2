/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How an allocator's reader fills the heap map: span after span, and in each
 * chunk after chunk, by rising address.  map_seal() makes it searchable.
 */
#ifndef HEAP_MAP_H
#define HEAP_MAP_H

#include "heap/heap.h"

/*
 * Opens a span that starts at range.start and goes to range.end at most.
 * header and tail are as in struct span.  False when memory ran out.
 */
bool map_begin(struct heap *h, struct range range, uint32_t arena, unsigned header,
    int tail) MUST_CHECK;

/*
 * Makes it n cells, the new ones empty; n states, the new ones STATE_USED.
 * False, and .broke there, when memory ran out.
 */
bool map_grow(struct heap *h, size_t n);
bool map_grow_states(struct heap *h, size_t n);

/*
 * To be called first: spans will be of so many bytes, at most and about.  Then
 * tables need not be moved when they grow; what is not used takes no memory.
 */
void map_reserve(struct heap *h, uint64_t bytes);

/* The next chunk of the open span; at is a multiple of GRANULE past its start. */
static inline void
map_chunk(struct heap *h, hs_addr at, enum state state)
{
	const struct span *s = &h->spans.at[h->spans.n - 1];
	uint64_t granule = (at - s->range.start) / GRANULE;
	size_t cell = s->cell + granule / 64;

	if (cell >= h->cells.n && !map_grow(h, cell + 1))
		return;
	h->cells.at[cell].start |= 1ull << granule % 64;
	if (map_grow_states(h, h->states.n + 1))
		h->states.at[h->states.n - 1] = (unsigned char)state;
}

/* Where chunks go that are added many at once. */
struct map_place {
	size_t cell;    /* of granule 0; may be the one before the span's first */
	unsigned shift; /* granules past that cell's start */
	size_t state;   /* number of the first chunk */
};

/*
 * Makes room for count chunks of the open span, the next ones.  Bit i of
 * start[], which has n words, is set where one starts i granules behind at.
 * The first chunk is in the first word; at may be less than CELL_BYTES before
 * the span.  False, and .broke, when memory ran out.
 */
bool map_place(struct heap *h, hs_addr at, const uint64_t *start, size_t n,
    uint64_t count, struct map_place *place) MUST_CHECK;

/*
 * Puts them there: STATE_LOOSE where the bit in loose[], too, is set, else
 * STATE_USED.  May be done for several places at once whose shift is 0.
 */
void map_put(struct heap *h, const struct map_place *place, const uint64_t *start,
    const uint64_t *loose, size_t n);

/* Closes the open span at end.  A span without chunks is dropped. */
void map_end(struct heap *h, hs_addr end);

/*
 * A chunk with a mapping of its own: its header is at range.start, the
 * mapping ends at range.end and begins `front` bytes before the chunk.
 */
bool map_mapped(struct heap *h, struct range range, uint32_t arena, unsigned header,
    int tail, uint64_t front, enum state state) MUST_CHECK;

/*
 * Sorts the spans, numbers the chunks, builds the tables for look-ups.  To be
 * called again when spans were added: numbers stay what they are.  False
 * when memory ran out, or spans overlap, which is for their reader to prevent.
 */
bool map_seal(struct heap *h, struct hs_error *err) MUST_CHECK;

/* Now the chunk is in another state. */
void map_change(struct heap *h, const struct block *chunk, enum state state);

/* The chunk that starts at exactly this address.  False when none does. */
bool map_chunk_starting(const struct heap *h, hs_addr at, struct block *chunk);

/* Addresses of chunks that will be looked up soon: now their look-ups wait together. */
void map_expect(const struct heap *h, const hs_addr *at, unsigned n);

#endif
