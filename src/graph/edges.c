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

enum { EDGE_NUMBER_BITS = 30 }; /* in an edge of 32 bits */

struct extraction {
	const struct heap *heap;
	const struct image *image;
	const struct edges_wanted *wanted;
	struct edges *edges;
	uint64_t rows; /* of chunks, or of those that are wanted */
	bool wide;     /* edges are */
	atomic_uint_fast64_t bytes, looked_at;
	atomic_bool too_many;
};

/* A part while it is read. */
struct part {
	struct extraction *of;
	struct edge_part *to;
	uint64_t first;       /* its first row */
	uint32_t groups;      /* whose beginnings are known */
	uint64_t last;        /* edge; 0 is none: a MEET_NONE */
	uint64_t holder;      /* of that */
	struct numbers edges; /* so far */
	struct VEC(struct edges_many) many;
};

/* All groups up to that of a row in this part begin here at the latest. */
static inline void
begin_groups(struct part *p, uint32_t row)
{
	while (p->groups <= row / EDGES_GROUP)
		p->to->first[p->groups++] = (uint32_t)p->edges.n;
}

static void
count_many(struct part *p, uint32_t row)
{
	if (p->many.n == 0 || p->many.at[p->many.n - 1].row != row)
		vec_push(&p->many, (struct edges_many) { row, EDGES_MANY });
	else
		p->many.at[p->many.n - 1].n++;
}

/* The row of a chunk, LOST_NONE when it has none. */
static inline uint64_t
row_of(const struct extraction *x, uint64_t chunk)
{
	return x->wanted->among ? lost_rank(x->wanted->among, chunk) : chunk;
}

static inline void
add_edge(struct part *p, uint64_t row, uint64_t edge)
{
	unsigned char *count = &p->of->edges->count[row];

	begin_groups(p, (uint32_t)(row - p->first));
	numbers_push(&p->edges, edge);
	if (*count < EDGES_MANY)
		++*count;
	if (*count == EDGES_MANY)
		count_many(p, (uint32_t)(row - p->first));
}

/* One pointer after another to the same block makes one edge. */
static void
take_words(void *arg, const struct heap_batch *w, const uint64_t *holder)
{
	struct part *p = arg;

	if (p->edges.n > UINT32_MAX - HEAP_BATCH)
		p->edges.broke = true;
	if (p->edges.broke)
		return;
	for (unsigned i = 0; i < w->n; i++) {
		uint64_t to, edge;

		if (w->meet[i] == MEET_NONE || w->number[i] == holder[i])
			continue;
		to = row_of(p->of, w->number[i]);
		edge = to << 2 | w->meet[i];
		if (to == LOST_NONE || (p->last == edge && p->holder == holder[i]))
			continue;
		add_edge(p, row_of(p->of, holder[i]), edge);
		p->last = edge;
		p->holder = holder[i];
	}
}

/* Keeps what a part has.  False: it is too much. */
static bool
keep(struct part *p)
{
	struct extraction *x = p->of;
	uint64_t bytes = p->edges.n * numbers_each(&p->edges);
	uint64_t most = x->wanted->most_bytes;

	bytes += atomic_fetch_add(&x->bytes, bytes);
	if (p->edges.broke || p->many.broke || (most && bytes > most)) {
		numbers_fini(&p->edges);
		vec_free(&p->many);
		atomic_store(&x->too_many, true);
		return false;
	}
	numbers_trim(&p->edges);
	p->to->edge = p->edges;
	p->to->many = p->many.at;
	p->to->nmany = (uint32_t)p->many.n;
	return true;
}

static void
read_among(struct words *w, const struct lost *among, uint64_t from, uint64_t to)
{
	struct block b = { .span = NULL };

	for (uint64_t i = from; i < to; i++) {
		b = heap_block_after(w->heap, &b, numbers_at(&among->chunk, i));
		words_of_block(w, &b);
	}
}

static bool
read_part(void *arg, size_t i)
{
	struct extraction *x = arg;
	uint64_t first = (uint64_t)i << EDGES_PART, left = x->rows - first;
	uint64_t end = first + (left < 1 << EDGES_PART ? left : 1 << EDGES_PART);
	struct part p = {
		.of = x,
		.to = &x->edges->part[i],
		.first = first,
		.edges = { .wide = x->wide },
	};
	struct words w;

	words_init(&w, x->heap, x->image, take_words, &p);
	if (x->wanted->among) {
		read_among(&w, x->wanted->among, first, end);
	} else {
		p.edges.at = malloc(ROOM * sizeof *p.edges.at);
		p.edges.max = p.edges.at ? ROOM : 0;
		words_of_chunks(&w, first, end);
	}
	words_flush(&w);
	if (end > first)
		begin_groups(&p, (uint32_t)(end - 1 - first));
	atomic_fetch_add(&x->looked_at, w.looked_at);
	return keep(&p);
}

/* Bytes of what is there whatever the edges are. */
static uint64_t
fixed_bytes(uint64_t rows)
{
	return rows + ((rows >> EDGES_PART) + 1) * sizeof(struct edge_part);
}

static bool
make_rows(struct edges *e, uint64_t rows)
{
	size_t parts = (rows >> EDGES_PART) + 1;
	size_t counts = align_up(rows + 1, EDGES_GROUP);

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
		.rows = wanted->among ? wanted->among->chunk.n : heap->nchunks };

	x.bytes = fixed_bytes(x.rows);
	x.wide = !heap_suffices(heap, EDGE_NUMBER_BITS, x.rows);
	if ((wanted->most_bytes && x.bytes > wanted->most_bytes)
	    || (x.wide && !wanted->among) || !make_rows(&e, x.rows))
		return EDGES_TOO_MANY;
	if (!crew_read(crew, "reading pointers",
		wanted->among ? 0 : heap->used.bytes, e.nparts, read_part, &x, err))
		return x.too_many ? EDGES_TOO_MANY : EDGES_FAILED;
	for (size_t i = 0; i < e.nparts; i++)
		e.n += e.part[i].edge.n;
	e.looked_at = x.looked_at;
	e.among_lost = wanted->among != NULL;
	*edges = e;
	e = (struct edges) { .count = NULL };
	return EDGES_DONE;
}

/* The first of the rows with very many edges that is not before this one. */
static uint32_t
many_from(const struct edge_part *part, uint32_t row)
{
	uint32_t low = 0, high = part->nmany;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (part->many[mid].row < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
edges_correct(const struct edge_part *part, uint32_t row, struct edge_row *r)
{
	uint32_t i = many_from(part, row / EDGES_GROUP * EDGES_GROUP);

	for (; i < part->nmany && part->many[i].row < row; i++)
		r->first += part->many[i].n - EDGES_MANY;
	if (i < part->nmany && part->many[i].row == row)
		r->n = part->many[i].n;
}

void
edges_fini(struct edges *e)
{
	for (size_t i = 0; i < e->nparts; i++) {
		numbers_fini(&e->part[i].edge);
		free(e->part[i].many);
	}
	free(e->part);
	free(e->count);
	*e = (struct edges) { .count = NULL };
}
