/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Edges, in order of address.
 *
 * Following pointers through a heap image costs a cache miss or two for each.
 * So we never do: we read all blocks from front to back once (words.c), note
 * which block each word points at, and let every later pass run over these
 * notes, which are small and dense.
 *
 * Parts of some 65,000 chunks are read at the same time by several threads.
 * Each has its own edges, and its own rows in the array of all rows, so that
 * who read what does not show.
 */
#include "graph/edges.h"

#include <stdatomic.h>

#include "graph/words.h"

/* Edges that a part has room for at first: two a chunk. */
enum { ROOM = 2 << EDGES_PART };

struct extraction {
	const struct heap *heap;
	const struct image *image;
	const struct edges_wanted *wanted;
	struct edges *edges;
	uint32_t rows; /* of chunks, or of those that are wanted */
	atomic_uint_fast64_t bytes, looked_at;
	atomic_bool too_many;
};

/* A part while it is read. */
struct part {
	struct extraction *of;
	struct edge_part *to;
	uint32_t first;  /* its first row */
	uint32_t row;    /* of the block that is read, when few are wanted */
	uint32_t groups; /* whose beginnings are known */
	uint32_t last;   /* edge; 0 is none: a MEET_NONE */
	uint32_t holder; /* of that */
	struct VEC(uint32_t) edges; /* so far */
	struct VEC(struct edges_many) many;
};

/* All groups up to that of `row` begin here at the latest. */
static inline void
begin_groups(struct part *p, uint32_t row)
{
	while (p->groups <= (row - p->first) / EDGES_GROUP)
		p->to->first[p->groups++] = (uint32_t)p->edges.n;
}

static void
count_many(struct part *p, uint32_t row)
{
	if (p->many.n == 0 || p->many.at[p->many.n - 1].chunk != row)
		vec_push(&p->many, (struct edges_many) { row, EDGES_MANY });
	else
		p->many.at[p->many.n - 1].n++;
}

/* Blocks come in the order of their rows. */
static inline uint32_t
row_of(struct part *p, uint32_t holder)
{
	const uint32_t *among = p->of->wanted->among;

	if (!among)
		return holder;
	while (among[p->row] != holder)
		p->row++;
	return p->row;
}

static inline void
add_edge(struct part *p, uint32_t holder, uint32_t edge)
{
	uint32_t row = row_of(p, holder);
	unsigned char *count = &p->of->edges->count[row];

	begin_groups(p, row);
	vec_push(&p->edges, edge);
	if (*count < EDGES_MANY)
		++*count;
	if (*count == EDGES_MANY)
		count_many(p, row);
}

static inline bool
is_wanted(const struct edges_wanted *wanted, uint32_t chunk)
{
	return !wanted->among || wanted->reach[chunk] == REACH_DIRECT;
}

/* One pointer after another to the same block makes one edge. */
static void
take_words(void *arg, const struct heap_batch *w, const uint32_t *holder)
{
	struct part *p = arg;

	if (p->edges.n > UINT32_MAX - HEAP_BATCH)
		p->edges.broke = true;
	if (p->edges.broke)
		return;
	for (unsigned i = 0; i < w->n; i++) {
		uint32_t edge = w->number[i] << 2 | (uint32_t)w->meet[i];

		if (w->meet[i] == MEET_NONE || w->number[i] == holder[i]
		    || !is_wanted(p->of->wanted, w->number[i])
		    || (p->last == edge && p->holder == holder[i]))
			continue;
		add_edge(p, holder[i], edge);
		p->last = edge;
		p->holder = holder[i];
	}
}

/* Gives back what was not needed.  An array that is empty is NULL. */
static uint32_t *
shrunk(uint32_t *at, size_t n)
{
	uint32_t *less = n > 0 ? realloc(at, n * sizeof *at) : NULL;

	if (n == 0)
		free(at);
	return less || n == 0 ? less : at;
}

/* Keeps what a part has.  False: it is too much. */
static bool
keep(struct part *p)
{
	struct extraction *x = p->of;
	uint64_t bytes = p->edges.n * sizeof *p->edges.at, most = x->wanted->most_bytes;

	bytes += atomic_fetch_add(&x->bytes, bytes);
	if (p->edges.broke || p->many.broke || (most && bytes > most)) {
		vec_free(&p->edges);
		vec_free(&p->many);
		atomic_store(&x->too_many, true);
		return false;
	}
	p->to->edge = shrunk(p->edges.at, p->edges.n);
	p->to->n = (uint32_t)p->edges.n;
	p->to->many = p->many.at;
	p->to->nmany = (uint32_t)p->many.n;
	return true;
}

static void
read_among(struct words *w, const uint32_t *among, uint32_t n)
{
	struct block b = { .span = NULL };

	for (uint32_t i = 0; i < n; i++) {
		b = heap_block_after(w->heap, &b, among[i]);
		words_of_block(w, &b);
	}
}

static bool
read_part(void *arg, size_t i)
{
	struct extraction *x = arg;
	uint32_t first = (uint32_t)i << EDGES_PART, left = x->rows - first;
	uint32_t end = first + (left < 1 << EDGES_PART ? left : 1 << EDGES_PART);
	struct part p = {
		.of = x,
		.to = &x->edges->part[i],
		.first = first,
		.row = first,
	};
	struct words w;

	words_init(&w, x->heap, x->image, take_words, &p);
	if (x->wanted->among) {
		read_among(&w, x->wanted->among + first, end - first);
	} else {
		p.edges.at = malloc(ROOM * sizeof *p.edges.at);
		p.edges.max = p.edges.at ? ROOM : 0;
		words_of_chunks(&w, first, end);
	}
	words_flush(&w);
	if (end > first)
		begin_groups(&p, end - 1);
	atomic_fetch_add(&x->looked_at, w.looked_at);
	return keep(&p);
}

/* Bytes of what is there whatever the edges are. */
static uint64_t
fixed_bytes(uint32_t rows)
{
	return rows + ((rows >> EDGES_PART) + UINT64_C(1)) * sizeof(struct edge_part);
}

static bool
make_rows(struct edges *e, uint32_t rows)
{
	size_t parts = (rows >> EDGES_PART) + (size_t)1;
	size_t counts = align_up(rows + (size_t)1, EDGES_GROUP);

	e->count = aligned_alloc(EDGES_GROUP, counts);
	e->part = calloc(parts, sizeof *e->part);
	if (!e->count || !e->part)
		return false;
	memset(e->count, 0, counts);
	e->nparts = parts;
	return true;
}

enum edges_outcome
edges_extract(struct edges *edges, const struct heap *heap, const struct image *image,
    const struct edges_wanted *wanted, const struct crew *crew, struct hs_error *err)
{
	scoped(edges_fini) struct edges e = { .count = NULL };
	struct extraction x = { .heap = heap,
		.image = image,
		.wanted = wanted,
		.edges = &e,
		.rows = wanted->among ? wanted->n : heap->nchunks };

	x.bytes = fixed_bytes(x.rows);
	if ((wanted->most_bytes && x.bytes > wanted->most_bytes)
	    || !make_rows(&e, x.rows))
		return EDGES_TOO_MANY;
	if (!crew_read(crew, "reading pointers",
		wanted->among ? 0 : heap->used.bytes, e.nparts, read_part, &x, err))
		return x.too_many ? EDGES_TOO_MANY : EDGES_FAILED;
	for (size_t i = 0; i < e.nparts; i++)
		e.n += e.part[i].n;
	e.looked_at = x.looked_at;
	*edges = e;
	e = (struct edges) { .count = NULL };
	return EDGES_DONE;
}

/* The first of the chunks with very many edges that is not before `chunk`. */
static uint32_t
many_from(const struct edge_part *part, uint32_t chunk)
{
	uint32_t low = 0, high = part->nmany;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (part->many[mid].chunk < chunk)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
edges_correct(const struct edge_part *part, uint32_t chunk, uint32_t *first,
    uint32_t *n)
{
	uint32_t i = many_from(part, chunk / EDGES_GROUP * EDGES_GROUP);

	for (; i < part->nmany && part->many[i].chunk < chunk; i++)
		*first += part->many[i].n - EDGES_MANY;
	if (i < part->nmany && part->many[i].chunk == chunk)
		*n = part->many[i].n;
}

void
edges_fini(struct edges *e)
{
	for (size_t i = 0; i < e->nparts; i++) {
		free(e->part[i].edge);
		free(e->part[i].many);
	}
	free(e->part);
	free(e->count);
	*e = (struct edges) { .count = NULL };
}
