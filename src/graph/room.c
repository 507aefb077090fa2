/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Room.
 *
 * How large the graph gets is known when the heap has been walked, and the map
 * of the heap takes some memory itself by then.  Edges are kept only where they
 * fit besides that map.  Without them not much more than a byte a chunk is
 * needed, and it would help nobody to give up then for the map's sake: of a
 * limit so low that it is for the marks alone, the map does not count.
 */
#include "graph/room.h"

#include "graph/through.h"

enum {
	WAITING = 4, /* bytes a chunk: what marking over edges may take for a while */
	LOST = 64, /* bytes a lost block: what is known of it while leaks are found */
};

static bool
fail_needs(struct hs_error *err, uint64_t bytes)
{
	return fail(err, "needs about %llu MiB of memory: raise --memory",
	    (unsigned long long)(bytes >> 20) + 1);
}

bool
room_init(struct room *room, uint64_t most, const struct heap *heap,
    const struct roots *roots, struct hs_error *err)
{
	uint64_t n = heap->nchunks;

	*room = (struct room) {
		.most = most,
		.held = heap->cells.n * sizeof *heap->cells.at + heap->states.n
		    + heap->spans.n * (sizeof *heap->spans.at + sizeof(uint32_t))
		    + roots->all.n * sizeof *roots->all.at,
		.marks = n + n * 3 / 16 + through_room(heap) * sizeof(hs_addr),
	};
	return !most || room->marks <= most
	    || fail_needs(err, room->held + room->marks);
}

/* 1 is too little for any edges; 0 would be no limit. */
static uint64_t
left(const struct room *room, uint64_t taken)
{
	if (!room->most)
		return 0;
	return room->most > taken ? room->most - taken : 1;
}

uint64_t
room_for_all(const struct room *room, const struct heap *heap)
{
	return left(room, room->held + room->marks + (uint64_t)heap->nchunks * WAITING);
}

uint64_t
room_for_lost(const struct room *room, uint64_t lost)
{
	return left(room, room->marks + lost * LOST);
}

bool
fail_no_room(struct hs_error *err, const struct room *room, uint64_t lost, uint64_t bytes)
{
	/* every other word of them is a pointer, at most: it takes half a word */
	return room->most
	    ? fail_needs(err, room->held + room->marks + lost * LOST + bytes / 4)
	    : fail_nomem(err);
}
