/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reachability, through the heap itself.
 *
 * Edges cost some ten bytes a block.  Where there is no room for them we do
 * what mark.c says all the same, but follow pointers where they lie.  That
 * takes cache misses instead of memory: a block is read when it is reached,
 * wherever it is.
 *
 * The worklist is bounded.  A block that is reached when it is full is noted
 * as spilled, in its byte of reach, and found again by a sweep over these
 * bytes.  Whenever something spills as many blocks as there is room for are
 * waiting, and all of those are read before the next sweep.  So there are no
 * more sweeps than the heap is larger than the worklist.
 *
 * Three passes, from the surest kind of link to the least, would read each
 * block three times.  But few blocks have a link that a pass passes over and
 * that leads to a block not reached yet; these, too, are noted in their byte,
 * and are all that the pass in question reads again.  Both notes are as in
 * marks.h; a spilled block "waits".
 *
 * Waiting for one cache miss after the other would take longer than all else.
 * Words are looked up in batches, whichever blocks they are from, and a block
 * is asked for as soon as it is put on the worklist.
 */
#include "graph/through.h"

#include <sys/resource.h>

#include "graph/mark.h"
#include "graph/marks.h"
#include "graph/words.h"
#include "heap/pointer.h"

enum {
	TICK = 1 << 8, /* blocks between two looks at the clock */
	ROOM_LEAST = 1 << 12,
	ROOM_PART = 64, /* of chunks: the worklist takes an eighth of a byte for each */
	TOGETHER = 32, /* blocks that are asked for at once */
	LINE = 64,     /* bytes that come at once */
	ASKED_MOST = 256, /* bytes of a block: of longer ones the rest comes by itself */
	WORTH = 32, /* blocks that a wait for what is read ahead should bring, or more */
};

struct through {
	unsigned char *reach; /* of each chunk, with bits as above */
	const struct heap *heap;
	enum reach pass;
	struct words words;
	hs_addr *todo; /* blocks that are marked, and not read yet */
	size_t n, room;
	uint64_t spilled;       /* the lowest chunk that is; nchunks: none */
	uint64_t blocks, bytes; /* that were read, for progress */
	long waits;             /* for the disk, up to the last look */
	const struct progress *progress;
	struct hs_error *err;
	bool stopped;
};

/* Any address in the block will do: it leads to the block's first. */
static void
reach(struct through *t, uint64_t block, hs_addr at)
{
	t->reach[block] = (unsigned char)t->pass;
	if (t->n < t->room) {
		t->todo[t->n++] = at;
		return;
	}
	t->reach[block] |= MARK_WAITS;
	if (block < t->spilled)
		t->spilled = block;
}

/* A word in `holder` that meets `block`. */
static void
follow(struct through *t, uint64_t holder, uint64_t block, enum meet meet, hs_addr word)
{
	if (t->reach[block] != REACH_DIRECT)
		return;
	if (meet == MEET_INTERIOR && pointer_is_start(t->heap, t->words.image, word))
		meet = MEET_START;
	if (reach_of(meet) > t->pass)
		t->reach[holder] |= mark_for(reach_of(meet));
	else /* a word just past a block's end lies in the next one */
		reach(t, block,
		    meet == MEET_START ? word : heap_block(t->heap, block).address);
}

static void
follow_all(void *arg, const struct heap_batch *w, const uint64_t *holder)
{
	struct through *t = arg;

	for (unsigned i = 0; i < w->n; i++)
		if (w->meet[i] != MEET_NONE)
			__builtin_prefetch(&t->reach[w->number[i]]);
	for (unsigned i = 0; i < w->n; i++)
		if (w->meet[i] != MEET_NONE)
			follow(t, holder[i], w->number[i], w->meet[i], w->a[i]);
}

/* How often we had to wait for the disk so far. */
static long
waits(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) == 0 ? u.ru_majflt : 0;
}

/*
 * A core that does not fit in memory: when next to no block lies in what is
 * read ahead, megabytes may be read for each.
 */
static void
heed_waits(struct through *t)
{
	long now = waits();

	if (now - t->waits > TICK / WORTH)
		core_read_ahead(t->heap->space->core, false);
	t->waits = now;
}

static void
read_block(struct through *t, const struct block *b)
{
	words_of_block(&t->words, b);
	t->bytes += b->size;
	if (++t->blocks % TICK != 0)
		return;
	heed_waits(t);
	if (!progress_bytes(t->progress, "following pointers", t->bytes,
		t->heap->used.bytes, t->err))
		t->stopped = true;
}

/* The last blocks of the worklist. */
static void
read_some(struct through *t)
{
	const struct window *w = &t->words.at;
	struct block b[TOGETHER];
	unsigned n = 0;

	while (n < TOGETHER && t->n > 0)
		n += heap_chunk_at(t->heap, t->todo[--t->n], &b[n]);
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = b[i].address - w->start;
		uint64_t end = at + (b[i].size < ASKED_MOST ? b[i].size : ASKED_MOST);

		for (; w->bytes && at < end && at < w->n; at += LINE)
			__builtin_prefetch(w->bytes + at);
	}
	for (unsigned i = 0; i < n; i++)
		read_block(t, &b[i]);
}

/* Until nothing waits, in the worklist or as a word that is not looked up. */
static void
drain(struct through *t)
{
	do {
		while (t->n > 0 && !t->stopped)
			read_some(t);
		words_flush(&t->words);
	} while (t->n > 0 && !t->stopped);
}

/* Reads all blocks from this one on that have the bit, and all that they reach. */
static void
sweep(struct through *t, unsigned char bit, uint64_t from)
{
	struct block b = { .span = NULL };
	uint64_t i = from, n = t->heap->nchunks;

	while (!t->stopped && (i = marks_next(t->reach, bit, i, n)) < n) {
		b = heap_block_after(t->heap, &b, i);
		t->reach[i] &= (unsigned char)~bit;
		read_block(t, &b);
		if (t->n > 0)
			drain(t);
	}
	drain(t);
}

static void
mark_pass(struct through *t, const struct roots *roots)
{
	for (size_t i = 0; i < roots->all.n; i++) {
		const struct root *r = &roots->all.at[i];

		if (reach_of((enum meet)r->meet) <= t->pass
		    && t->reach[r->block] == REACH_DIRECT)
			reach(t, r->block, heap_block(t->heap, r->block).address);
	}
	drain(t);
	if (t->pass > REACH_START)
		sweep(t, mark_for(t->pass), 0);
	while (t->spilled < t->heap->nchunks && !t->stopped) {
		uint64_t from = t->spilled;

		t->spilled = t->heap->nchunks;
		sweep(t, MARK_WAITS, from);
	}
}

size_t
through_room(const struct heap *heap)
{
	return heap->nchunks / ROOM_PART + ROOM_LEAST;
}

bool
mark_through(struct graph *graph, const struct heap *heap,
    const struct image *image, const struct roots *roots, size_t room,
    const struct crew *crew, struct hs_error *err)
{
	autofree hs_addr *todo = malloc(room * sizeof *todo);
	struct through t = {
		.reach = graph->reach,
		.heap = heap,
		.todo = todo,
		.room = room,
		.spilled = heap->nchunks,
		.progress = crew->progress,
		.err = err,
	};

	if (!todo)
		return fail_nomem(err);
	words_init(&t.words, heap, image, follow_all, &t);
	t.waits = waits();
	for (t.pass = REACH_START; t.pass <= REACH_END && !t.stopped; t.pass++)
		mark_pass(&t, roots);
	for (uint64_t i = 0; i < heap->nchunks; i++)
		graph->reach[i] &= MARK_REACH;
	core_read_ahead(heap->space->core, true);
	return !t.stopped;
}
