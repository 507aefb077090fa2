/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Edges, in order of address.
 *
 * Following pointers through a heap image costs a cache miss or two for each.
 * So we never do: we read all blocks from front to back once, note which block
 * each word points at, and let every later pass run over these notes, which
 * are small and dense.
 *
 * Most words are no pointers and fail a compare or two.  A word that is not
 * aligned is not looked at.  Two kinds of pointers hide from the compare and
 * are found all the same: the frame pointer in a jmp_buf, which glibc mangles,
 * and the left link of a node of tsearch(), whose lowest bit is a colour.
 */
#include "graph/edges.h"

#include "heap/pointer.h"

#include <string.h>

enum {
	TICK = 1 << 16, /* blocks between two looks at the clock */
	TREE_NODE = 24, /* bytes of a node of tsearch(): key, left, right; since 2.25 */
};

/* The memory that is being read, so that most blocks cost no look-up. */
struct window {
	hs_addr start;
	const unsigned char *bytes;
	uint64_t n;
};

struct extraction {
	const struct heap *heap;
	const struct image *image;
	struct window at;
	uint32_t *row;
	uint32_t rows;             /* row[0] to row[rows - 1] are known */
	struct VEC(uint32_t) out;  /* edges */
	uint64_t word[HEAP_BATCH]; /* that are likely pointers, not looked up yet */
	uint32_t holder[HEAP_BATCH]; /* the chunk that each is in */
	unsigned n;
	bool too_many; /* edges: rows count them in 32 bits */
};

/* All rows up to that of `chunk` begin here at the latest. */
static void
begin_rows(struct extraction *x, uint32_t chunk)
{
	while (x->rows <= chunk)
		x->row[x->rows++] = (uint32_t)x->out.n;
}

/* Look the batch up.  One pointer after another to the same block makes one edge. */
static void
flush(struct extraction *x)
{
	enum meet meet[HEAP_BATCH];
	uint32_t block[HEAP_BATCH];

	x->too_many |= x->out.n > UINT32_MAX - HEAP_BATCH;
	if (x->too_many)
		x->n = 0;
	pointer_meet_all(x->heap, x->image, x->word, x->n, meet, block);
	for (unsigned i = 0; i < x->n; i++) {
		uint32_t edge = block[i] << 2 | (uint32_t)meet[i];

		if (meet[i] == MEET_NONE || block[i] == x->holder[i])
			continue;
		begin_rows(x, x->holder[i]);
		if (x->out.n == x->row[x->holder[i]] || x->out.at[x->out.n - 1] != edge)
			vec_push(&x->out, edge);
	}
	x->n = 0;
}

static inline void
gather(struct extraction *x, uint32_t holder, uint64_t word)
{
	x->word[x->n] = word;
	x->holder[x->n++] = holder;
	if (x->n == HEAP_BATCH)
		flush(x);
}

/* The left link of a red node: its colour is in bit 0, and it leads to a node. */
static bool
is_red_link(const struct extraction *x, uint64_t word)
{
	uint32_t block;

	return (word & 1) && heap_meet(x->heap, word - 1, &block) == MEET_START
	    && heap_block(x->heap, block).size == TREE_NODE;
}

static void
read_words(struct extraction *x, const struct block *b, hs_addr from,
    const unsigned char *bytes, uint64_t n)
{
	bool jumps = b->size >= JMP_BUF && x->image->pointer_guard;
	hs_addr left = b->size == TREE_NODE ? b->address + 8 : 0;

	for (uint64_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word, frame;

		memcpy(&word, bytes + i, sizeof word);
		if (pointer_likely(x->heap, word)) {
			bool red = from + i == left && is_red_link(x, word);

			gather(x, b->number, red ? word - 1 : word);
		} else if (jumps && i >= JMP_PC && pointer_may_be_pc(x->image, word)
		    && pointer_in_jmp_buf(x->image, from + i - JMP_PC, word, &frame)) {
			gather(x, b->number, frame);
		}
	}
}

/* The words of a block; what of it is missing the verdict tells. */
static void
read_block(struct extraction *x, const struct block *b)
{
	struct window *w = &x->at;
	hs_addr end = b->address + b->size;
	uint64_t n;

	for (hs_addr a = b->address; a < end; a += n) {
		if (a - w->start >= w->n) {
			w->start = a;
			w->n = space_stretch(x->heap->space, a, UINT64_MAX - a,
			    &w->bytes);
		}
		n = w->n - (a - w->start);
		n = n < end - a ? n : end - a;
		if (w->bytes)
			read_words(x, b, a, w->bytes + (a - w->start), n);
	}
}

static bool
fail_too_many(struct hs_error *err)
{
	return fail(err, "more than %u pointers in the heap: not supported",
	    UINT32_MAX);
}

static bool
read_span(struct extraction *x, const struct span *s,
    const struct progress *progress, struct hs_error *err)
{
	const struct heap *h = x->heap;
	struct block b = heap_block(h, s->first);

	for (uint32_t i = 0; i < s->count; i++) {
		if (b.state == STATE_USED)
			read_block(x, &b);
		if (x->too_many)
			return fail_too_many(err);
		if (b.number % TICK == 0
		    && !progress_on(progress, "reading pointers", b.number,
			h->nchunks, err))
			return false;
		if (i + 1 < s->count && !heap_next(h, &b))
			break;
	}
	return true;
}

/* Spans in the order of their chunks' numbers, so that rows come out sorted. */
static bool
read_spans(struct extraction *x, const struct progress *progress, struct hs_error *err)
{
	const struct heap *h = x->heap;

	for (size_t i = 0; i < h->by_number.n; i++)
		if (!read_span(x, &h->spans.at[h->by_number.at[i]], progress, err))
			return false;
	flush(x);
	if (x->too_many)
		return fail_too_many(err);
	begin_rows(x, h->nchunks);
	return !x->out.broke || fail_nomem(err);
}

bool
edges_extract(struct edges *edges, const struct heap *heap,
    const struct image *image, const struct crew *crew, struct hs_error *err)
{
	struct extraction x = { .heap = heap, .image = image };
	autofree uint32_t *row = malloc((heap->nchunks + (size_t)1) * sizeof *row);

	if (!row)
		return fail_nomem(err);
	x.row = row;
	if (!read_spans(&x, crew->progress, err)) {
		vec_free(&x.out);
		return false;
	}
	edges->row = take(&row);
	edges->edge = x.out.at;
	edges->n = x.out.n;
	return true;
}

void
edges_fini(struct edges *e)
{
	free(e->row);
	free(e->edge);
	*e = (struct edges) { .row = NULL };
}
