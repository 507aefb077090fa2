/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fastbins and bins: which of the free chunks are on which list.
 *
 * What a fastbin holds looks used and is free; what a bin holds looks free and
 * must be on exactly one bin's list.  Marking a chunk as we pass it makes every
 * walk end: a list that runs in a circle meets a chunk that is marked.
 */
#include "heap/glibc/state.h"

enum {
	MAX_TRIAL = 1 << 20
}; /* chunks of fastbins that are looked at to read them right */

/* The next chunk of a fastbin. */
static bool
next_fast(const struct ptmalloc *pt, bool mangled, hs_addr chunk, hs_addr *next)
{
	uint64_t w;

	if (!space_word(pt->space, chunk + HEADER, &w))
		return false;
	*next = mangled ? w ^ (chunk + HEADER) >> 12 : w;
	return true;
}

/*
 * Does a fastbin's list run over chunks to its end, read this way?  Its length,
 * or 0.  *tried goes up by the chunks that were looked at.
 */
static uint64_t
fast_length(const struct ptmalloc *pt, bool mangled, hs_addr chunk, uint64_t *tried)
{
	uint64_t n = 0;
	struct block b;

	for (; chunk && *tried < MAX_TRIAL; n++, ++*tried)
		if (!map_chunk_starting(pt->heap, chunk, &b)
		    || !next_fast(pt, mangled, chunk, &chunk))
			return 0;
	return n;
}

void
pt_try_links(struct ptmalloc *pt)
{
	uint64_t votes[2] = { 0 }, tried = 0;

	for (uint32_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];
		struct pt_instance *in = &pt->instances.at[a->instance];

		if (a->main)
			votes[0] = votes[1] = 0;
		for (unsigned k = 0; k < in->layout->nfast; k++) {
			uint64_t chunk;

			if (!space_word(pt->space,
				a->address + in->layout->fastbins + 8 * k, &chunk))
				continue;
			votes[0] += fast_length(pt, false, chunk, &tried);
			votes[1] += fast_length(pt, true, chunk, &tried);
		}
		if (votes[0] != votes[1])
			in->links = votes[1] > votes[0] ? LINKS_MANGLED : LINKS_PLAIN;
	}
}

/* The list whose head is the word at `link`. */
static void
read_fastbin(struct ptmalloc *pt, uint32_t arena, unsigned i, hs_addr link)
{
	const struct pt_instance *in =
	    &pt->instances.at[pt->arenas.at[arena].instance];
	uint64_t size = MIN_CHUNK + (uint64_t)i * GRANULE;
	struct bin bin = {
		.kind = STATE_FAST,
		.arena = arena,
		.index = i,
		.chunk_min = size,
		.chunk_max = size,
	};
	hs_addr chunk;

	if (!space_word(pt->space, link, &chunk))
		return;
	while (chunk) {
		struct block b;

		if (!map_chunk_starting(pt->heap, chunk, &b)
		    || b.state != STATE_USED || pt_whole(&b) != size) {
			pt_damage(pt, link, 0,
			    "a link of fastbin %u leads to no chunk of its size, or to "
			    "one that is free already",
			    i);
			break;
		}
		bin.tally.count++;
		bin.tally.bytes += pt_set_state(pt, &b, STATE_FAST);
		link = chunk + HEADER;
		if (!next_fast(pt, in->links != LINKS_PLAIN, chunk, &chunk))
			break;
	}
	if (bin.tally.count)
		vec_push(&pt->heap->bins, bin);
}

static enum state
kind_of(unsigned index)
{
	return index == 1 ? STATE_UNSORTED : index < 64 ? STATE_SMALL : STATE_LARGE;
}

/*
 * Follow one direction of a bin's ring from its head: link is 16 (fd) or 24
 * (bk) bytes into a chunk.  True when it comes back to the head.
 */
static bool
follow(struct ptmalloc *pt, struct bin *bin, hs_addr head, unsigned link)
{
	hs_addr from = head, chunk;

	while (space_word(pt->space, from + link, &chunk)) {
		struct block b;
		uint64_t back;

		if (chunk == head)
			return true;
		if (!map_chunk_starting(pt->heap, chunk, &b) || b.state != STATE_LOOSE)
			break;
		bin->tally.count++;
		bin->tally.bytes += pt_set_state(pt, &b, bin->kind);
		if (space_word(pt->space, chunk + 40 - link, &back) && back != from
		    && !pt->heap->arenas.at[bin->arena].locked)
			pt_damage(pt, chunk + 40 - link, 0,
			    "a link of bin %u does not lead back to 0x%llx",
			    bin->index, (unsigned long long)from);
		from = chunk;
	}
	return false;
}

static void
read_bin(struct ptmalloc *pt, uint32_t arena, unsigned index)
{
	const struct pt_arena *a = &pt->arenas.at[arena];
	hs_addr head = a->address + pt->instances.at[a->instance].layout->bins
	    + 16 * (index - 1) - HEADER;
	struct bin bin = { .kind = kind_of(index), .arena = arena, .index = index };

	bin_sizes(index, &bin.chunk_min, &bin.chunk_max);
	if (!follow(pt, &bin, head, 16)) {
		if (!pt->heap->arenas.at[arena].locked)
			pt_damage(pt, head + 16, 0, "the list of bin %u is broken",
			    index);
		(void)follow(pt, &bin, head, 24); /* what the other direction still reaches */
	}
	if (bin.tally.count)
		vec_push(&pt->heap->bins, bin);
}

void
pt_read_lists(struct ptmalloc *pt)
{
	for (uint32_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];
		const struct arena_layout *l = pt->instances.at[a->instance].layout;

		for (unsigned k = 0; k < l->nfast; k++)
			read_fastbin(pt, i, k, a->address + l->fastbins + 8 * k);
		for (unsigned k = 1; k < NBINS; k++)
			read_bin(pt, i, k);
	}
}
