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

/* Makes it n cells, the new ones empty.  False, and .cells.broke, when memory ran out. */
bool map_grow(struct heap *h, size_t n);

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
	vec_push(&h->states, (unsigned char)state);
}

/* Closes the open span at end.  A span without chunks is dropped. */
void map_end(struct heap *h, hs_addr end);

/*
 * A chunk with a mapping of its own: its header is at range.start, the
 * mapping ends at range.end and begins `front` bytes before the chunk.
 */
bool map_mapped(struct heap *h, struct range range, uint32_t arena, unsigned header,
    int tail, uint64_t front, enum state state) MUST_CHECK;

/*
 * Sorts the spans, numbers the chunks, builds the tables for look-ups.  False
 * when memory ran out, or spans overlap, which is for their reader to prevent.
 */
bool map_seal(struct heap *h, struct hs_error *err) MUST_CHECK;

/* The chunk that starts at exactly this address.  False when none does. */
bool map_chunk_starting(const struct heap *h, hs_addr at, struct block *chunk);

#endif
