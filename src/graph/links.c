/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an edge back to the word that made it, and from a block to its holders.
 *
 * Edges say who points at whom but not where: the block is read again.  There
 * are no rows of in-edges, either.  To go through all edges once takes less time
 * than to make them, and whoever asks, asks for one block.
 */
#include "graph/links.h"

#include "graph/edges.h"
#include "heap/pointer.h"

enum { TICK = 1 << 20 /* blocks between two looks at the clock */ };

/* The surest of the edges from one block to another; MEET_NONE: there is none. */
static enum meet
surest_edge(const struct graph *graph, uint32_t from, uint32_t to)
{
	enum meet best = MEET_NONE;
	uint32_t n;
	const uint32_t *edge = edges_of(&graph->edges, from, &n);

	for (uint32_t i = 0; i < n; i++)
		if (edge_to(edge[i]) == to
		    && (best == MEET_NONE || edge_meet(edge[i]) < best))
			best = edge_meet(edge[i]);
	return best;
}

/* How a word meets this block, if it does. */
static enum meet
meets(const struct heap *heap, const struct image *image, uint64_t word, uint32_t block)
{
	uint64_t number;
	enum meet meet = pointer_meet(heap, image, word, &number);

	return meet != MEET_NONE && number == block ? meet : MEET_NONE;
}

bool
link_find(const struct graph *graph, const struct heap *heap,
    const struct image *image, uint32_t from, uint32_t to, struct link_word *link)
{
	struct block b = heap_block(heap, from), target = heap_block(heap, to);
	unsigned each = heap->space->core->machine->word;
	enum meet meet, edge = surest_edge(graph, from, to);
	uint64_t word, keep = machine_address_mask(heap->space->core->machine);

	*link = (struct link_word) { .meet = edge };
	for (uint64_t i = 0; edge != MEET_NONE && i + each <= b.size; i += each) {
		if (!space_word(heap->space, b.address + i, &word))
			continue;
		word &= keep;
		if (word - target.address > target.size
		    || (meet = meets(heap, image, word, to)) == MEET_NONE)
			continue;
		if (word & 1 && word - 1 == target.address)
			meet = edge; /* a link of tsearch(), with its colour */
		if (link->at == 0 || meet < link->meet)
			*link = (struct link_word) { b.address + i, meet };
		if (meet == MEET_START)
			break;
	}
	return edge != MEET_NONE;
}

bool
links_to(struct holders *holders, const struct graph *graph, const struct heap *heap,
    uint32_t block, const struct progress *progress, struct hs_error *err)
{
	for (uint32_t i = 0; i < heap->nchunks; i++) {
		uint32_t n;
		const uint32_t *edge = edges_of(&graph->edges, i, &n);

		for (uint32_t k = 0; k < n; k++)
			if (edge_to(edge[k]) == block) {
				vec_push(holders, i);
				break;
			}
		if (i % TICK == 0
		    && !progress_on(progress, "looking for holders", i,
			heap->nchunks, err))
			return false;
	}
	return !holders->broke || fail_nomem(err);
}
