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
	JMP_BUF = 200,  /* bytes: no smaller block holds one; glibc on x86-64 */
	JMP_PC = 56,    /* offsets in it */
	JMP_RBP = 8,
	TREE_NODE = 24, /* bytes of a node of tsearch(): key, left, right; since glibc 2.25 */
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
	struct VEC(uint32_t) out;
	struct window at;
	size_t row; /* where the edges of the block at hand begin in out */
	uint32_t self;
};

static void
push(struct extraction *x, uint32_t block, enum meet meet)
{
	uint32_t e = block << 2 | (uint32_t)meet;
	bool again = x->out.n > x->row && x->out.at[x->out.n - 1] == e;

	if (block != x->self && !again)
		vec_push(&x->out, e);
}

static void
meet(struct extraction *x, uint64_t word)
{
	uint32_t block;
	enum meet m = pointer_meet(x->heap, x->image, word, &block);

	if (m != MEET_NONE)
		push(x, block, m);
}

/* The left link of a red node: its colour is in bit 0, and it leads to a node. */
static bool
meet_tree(struct extraction *x, uint64_t word)
{
	uint32_t block;

	if (!(word & 1) || heap_meet(x->heap, word - 1, &block) != MEET_START
	    || heap_block(x->heap, block).size != TREE_NODE)
		return false;
	push(x, block, MEET_START);
	return true;
}

static void
read_words(struct extraction *x, const struct block *b, hs_addr from,
    const unsigned char *bytes, uint64_t n)
{
	bool jumps = b->size >= JMP_BUF && x->image->pointer_guard;

	for (uint64_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word, frame;

		memcpy(&word, bytes + i, sizeof word);
		if (pointer_likely(x->heap, word)) {
			if (b->size != TREE_NODE || from + i != b->address + 8
			    || !meet_tree(x, word))
				meet(x, word);
		} else if (jumps && i >= JMP_PC
		    && pointer_in_jmp_buf(x->image, from + i - JMP_PC, word, &frame)) {
			meet(x, frame);
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

/* Spans in the order of their chunks' numbers, so that rows come out sorted. */
static bool
read_spans(struct extraction *x, uint32_t *row, const struct progress *progress,
    struct hs_error *err)
{
	const struct heap *h = x->heap;

	for (size_t s = 0; s < h->by_number.n; s++) {
		const struct span *span = &h->spans.at[h->by_number.at[s]];
		struct block b = heap_block(h, span->first);

		for (uint32_t i = 0; i < span->count; i++) {
			row[b.number] = (uint32_t)x->out.n;
			x->row = x->out.n;
			x->self = b.number;
			if (b.state == STATE_USED)
				read_block(x, &b);
			if (x->out.n > UINT32_MAX - b.size / 8 - 1)
				return fail(err,
				    "more than %u pointers in the heap: not supported",
				    UINT32_MAX);
			if (b.number % TICK == 0
			    && !progress_on(progress, "reading pointers", b.number,
				h->nchunks, err))
				return false;
			if (i + 1 < span->count && !heap_next(h, &b))
				break;
		}
	}
	row[h->nchunks] = (uint32_t)x->out.n;
	return !x->out.broke || fail_nomem(err);
}

bool
edges_extract(struct edges *edges, const struct heap *heap,
    const struct image *image, const struct progress *progress, struct hs_error *err)
{
	struct extraction x = { .heap = heap, .image = image };
	autofree uint32_t *row = malloc((heap->nchunks + (size_t)1) * sizeof *row);

	if (!row)
		return fail_nomem(err);
	row[0] = 0;
	if (!read_spans(&x, row, progress, err)) {
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
