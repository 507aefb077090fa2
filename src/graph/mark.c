/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reachability.
 *
 * We ask of every block whether a chain of pointers leads to it from a root,
 * as a conservative collector does: every aligned word that holds an address
 * inside a block counts as a pointer to it.
 *
 * How sure a chain is.  A pointer to the start of a block is what malloc()
 * gave out; a pointer into its middle may be one too, or may be chance; one
 * to its very end is most often malloc's own, left over.  So a block's reach is
 * the reach of its best chain, and a chain is only as good as its worst link:
 *
 *	root --start--> A --interior--> B --start--> C
 *	                START           INTERIOR     INTERIOR
 *
 * Three passes, from the surest kind of link to the least.  Each starts from
 * the roots and from all blocks of the passes before, and follows links of its
 * kind and of the surer ones; what it reaches first stays as it was marked.
 *
 * Some interior pointers are as good as one to the start (heap/pointer.h).  To
 * tell them one has to look into both blocks, which costs more than all else,
 * and most of these blocks are held by their start anyway.  So the edges do
 * not know them: when the first pass has come to its end, the holders of
 * interior pointers to blocks that are still unreached are read again.
 *
 * What is still to be done for a block is noted with its reach (marks.h), and
 * there are two ways to do it.  To sweep is to go through all blocks by address
 * and to follow those that wait: rows and edges come in order, as fast as
 * memory gives them, and several threads can do it, each in its part.  It goes
 * up and down in turns, since most programs make new blocks above the old ones,
 * and link these to them or them to these.  To chase is to follow chains
 * wherever they lead, at the cost of some cache misses a block: that is for
 * what no sweep gets on with, like a list in an order of its own.  Neither goes
 * through all blocks for the sake of a few.
 *
 * A block that two threads mark at once may be followed twice, which does no
 * harm.  Numbers have 32 bits here: of a heap that has more chunks there are no
 * such edges.  What is not done here: deciding what of the rest is direct, indirect
 * or a cycle (leaks.c).
 */
#include "graph/mark.h"

#include <stdatomic.h>

#include "graph/edges.h"
#include "graph/marks.h"
#include "graph/words.h"
#include "heap/pointer.h"

enum {
	AHEAD = 32,     /* edges: how far ahead of its use a mark is asked for */
	BATCH = 64,     /* blocks whose edges are chased together */
	TICK = 1 << 12, /* blocks chased between two looks at the clock */
	DENSE = 8,      /* a part of which more waits is swept group by group */
	FEW = 64,       /* that part of all blocks is not worth a sweep */
	PATIENCE = 8,   /* that part is chased before a sweep is tried again */
};

struct blocks VEC(uint32_t);

struct marker {
	struct graph *graph;
	const struct heap *heap;
	const struct image *image;
	const struct crew *crew;
	struct hs_error *err;
	enum reach pass;
	bool down;           /* where the sweep goes */
	unsigned char *done; /* parts that it is through with */
	atomic_size_t swept; /* blocks that were followed in sweeps */
	bool chases;         /* what is marked goes to `next`, and does not wait */
	struct blocks now, next; /* which were marked, and do not wait */
	size_t chased;           /* blocks that were followed so */
	size_t patience;         /* blocks to chase before a sweep is tried again */
};

static inline unsigned char
load(const unsigned char *reach)
{
	return __atomic_load_n(reach, __ATOMIC_RELAXED);
}

static inline void
store(unsigned char *reach, unsigned value)
{
	__atomic_store_n(reach, (unsigned char)value, __ATOMIC_RELAXED);
}

static inline bool
is_unreached(const struct marker *m, uint32_t block)
{
	return load(&m->graph->reach[block]) == REACH_DIRECT;
}

/* What is put down for a block that is reached: who chases knows it and takes it next. */
static inline unsigned
mark_of(const struct marker *m)
{
	return m->pass | (m->chases ? 0 : MARK_WAITS);
}

static inline void
mark(struct marker *m, uint32_t block)
{
	if (!is_unreached(m, block)) /* or no block */
		return;
	store(&m->graph->reach[block], mark_of(m));
	if (m->chases)
		vec_push(&m->next, block);
}

/* What to note of a block with such edges. */
static inline unsigned char
links(enum reach pass, bool interior, bool end)
{
	unsigned char bits = 0;

	if (interior && pass < REACH_INTERIOR)
		bits |= mark_for(REACH_INTERIOR) | MARK_NOT_JUDGED;
	if (end && pass < REACH_END)
		bits |= mark_for(REACH_END);
	return bits;
}

/* ---- Interior pointers that are as good as others */

struct judge {
	struct marker *marker;
	struct words words;
};

/* Words of a block: those that are recognised lead to what they point to. */
static void
look_again(void *arg, const struct heap_batch *w, const uint64_t *holder)
{
	struct marker *m = ((struct judge *)arg)->marker;

	(void)holder;
	for (unsigned i = 0; i < w->n; i++)
		if (w->meet[i] == MEET_INTERIOR && is_unreached(m, w->number[i])
		    && pointer_is_start(m->heap, m->image, w->a[i]))
			mark(m, w->number[i]);
}

static void
judge_init(struct judge *j, struct marker *m)
{
	j->marker = m;
	words_init(&j->words, m->heap, m->image, look_again, j);
}

/*
 * Reads a block again if there is something that only its interior pointers
 * lead to.
 */
static void
judge_block(void *arg, uint32_t block, const uint32_t *edge, uint32_t n)
{
	struct judge *j = arg;
	struct marker *m = j->marker;
	unsigned char *reach = &m->graph->reach[block];
	uint32_t i = 0;

	while (i < n
	    && (edge_meet(edge[i]) != MEET_INTERIOR
		|| !is_unreached(m, edge_to(edge[i]))))
		i++;
	store(reach, load(reach) & ~MARK_NOT_JUDGED);
	if (i == n) {
		store(reach, load(reach) & ~mark_for(REACH_INTERIOR));
		return;
	}
	words_of_chunks(&j->words, block, block + 1);
	words_flush(&j->words);
}

/* ---- Many blocks together */

typedef void row_fn(void *arg, uint32_t block, const uint32_t *edge, uint32_t n);

/*
 * Hands over the rows of so many blocks, BATCH at most.  The rows, the edges,
 * and the marks of a block each cost a cache miss.  So all go through each step
 * together, and what the next step wants is asked for ahead.
 */
static void
rows_of_some(const struct graph *g, const uint32_t *block, size_t some,
    row_fn *each, void *arg)
{
	const uint32_t *edge[BATCH];
	uint32_t n[BATCH];

	for (size_t i = 0; i < some; i++)
		edges_prefetch(&g->edges, block[i]);
	for (size_t i = 0; i < some; i++) {
		edge[i] = edges_of(&g->edges, block[i], &n[i]);
		__builtin_prefetch(edge[i]);
	}
	for (size_t i = 0; i < some; i++)
		for (uint32_t k = 0; k < n[i] && k < AHEAD; k++)
			__builtin_prefetch(&g->reach[edge_to(edge[i][k])], 1);
	for (size_t i = 0; i < some; i++)
		each(arg, block[i], edge[i], n[i]);
}

/* The rows of blocks [from, to) that have this bit, as they have it when their turn comes. */
static void
rows_with(const struct graph *g, unsigned char bit, uint32_t from, uint32_t to,
    row_fn *each, void *arg)
{
	uint32_t block[BATCH];
	size_t some;

	do {
		for (some = 0; some < BATCH
		     && (from = marks_next(g->reach, bit, from, to)) < to;
		     some++)
			block[some] = from++;
		rows_of_some(g, block, some, each, arg);
	} while (some == BATCH);
}

/*
 * Follows the edges of a block, as far as they are sure enough.  all: of the
 * edges there, its own and others' behind them.
 */
static inline void
follow(struct marker *m, uint32_t block, const uint32_t *edge, uint32_t n, uint32_t all)
{
	unsigned char *reach = m->graph->reach;
	unsigned was = load(&reach[block]) & ~MARK_WAITS, marked = mark_of(m), later;
	bool interior = false, end = false, chases = m->chases;
	enum reach pass = m->pass;

	store(&reach[block], was);
	for (uint32_t i = 0; i < n; i++) {
		enum meet meet = edge_meet(edge[i]);
		unsigned char *it = &reach[edge_to(edge[i])];

		if (i + AHEAD < all)
			__builtin_prefetch(&reach[edge_to(edge[i + AHEAD])], 1);
		if (chases) /* in a long list it is next, and nothing else to wait for */
			edges_prefetch(&m->graph->edges, edge_to(edge[i]));
		interior |= meet == MEET_INTERIOR;
		end |= meet == MEET_END;
		if (reach_of(meet) > pass || load(it) != REACH_DIRECT)
			continue;
		store(it, marked);
		if (chases)
			vec_push(&m->next, edge_to(edge[i]));
	}
	later = links(pass, interior, end);
	if (later)
		store(&reach[block], was | later);
}

/* ---- Sweeping */

/* Where the edges of each chunk of a group begin, and where the last one's end. */
static inline void
rows_of_group(const struct edges *e, uint32_t first, uint32_t row[EDGES_GROUP + 1])
{
	const struct edge_part *part = &e->part[first >> EDGES_PART];
	uint32_t at = part->first[first % (1 << EDGES_PART) / EDGES_GROUP], n;

	for (unsigned i = 0; i < EDGES_GROUP; i++) {
		row[i] = at;
		n = e->count[first + i];
		if (n == EDGES_MANY)
			(void)edges_of(e, first + i, &n);
		at += n;
	}
	row[EDGES_GROUP] = at;
}

/* Follows those of a group that wait, and those that do so meanwhile: how many there were. */
static size_t
sweep_group(struct marker *m, uint32_t first)
{
	const struct edge_part *part = &m->graph->edges.part[first >> EDGES_PART];
	const unsigned char *reach = m->graph->reach + first;
	uint32_t row[EDGES_GROUP + 1];
	size_t followed = 0;

	if (!marks_any(reach, MARK_WAITS))
		return 0;
	rows_of_group(&m->graph->edges, first, row);
	for (unsigned k = 0; k < EDGES_GROUP; k++) {
		unsigned i = m->down ? EDGES_GROUP - 1 - k : k;

		if (!(load(&reach[i]) & MARK_WAITS))
			continue;
		follow(m, first + i, part->edge.at + row[i], row[i + 1] - row[i],
		    (uint32_t)part->edge.n - row[i]);
		followed++;
	}
	return followed;
}

static void
follow_row(void *arg, uint32_t block, const uint32_t *edge, uint32_t n)
{
	follow(arg, block, edge, n, n);
}

/* Past the last chunk of a part, as full groups. */
static uint32_t
end_of(const struct marker *m, size_t part)
{
	uint64_t end = (part + 1) << EDGES_PART;
	uint64_t all = align_up(m->heap->nchunks, EDGES_GROUP);

	return (uint32_t)(end < all ? end : all);
}

/*
 * Where some wait here and there, their rows are asked for together first.
 * Then, and where most do, it is group by group, which also gets on with
 * chains that lead this way.
 */
static void
sweep_part(struct marker *m, size_t part, uint32_t wait)
{
	uint32_t from = (uint32_t)part << EDGES_PART, to = end_of(m, part);
	size_t followed = 0;

	if (wait > BATCH && wait < (to - from) / DENSE) {
		rows_with(m->graph, MARK_WAITS, from, to, follow_row, m);
		followed = wait;
	}
	while (from < to)
		followed += sweep_group(m,
		    m->down ? (to -= EDGES_GROUP)
			    : (from += EDGES_GROUP) - EDGES_GROUP);
	atomic_fetch_add(&m->swept, followed);
}

/*
 * The part whose turn it is, and those behind it that others are through with,
 * as long as chains lead there: else each of several threads would lose them
 * to the next.
 */
static bool
sweep_on(void *arg, size_t i)
{
	struct marker *m = arg;
	size_t n = m->graph->edges.nparts;

	for (size_t first = i; i < n; i++) {
		size_t part = m->down ? n - 1 - i : i;
		uint32_t wait = marks_count(m->graph->reach, MARK_WAITS,
		    (uint32_t)part << EDGES_PART, end_of(m, part));

		if (i > first && (wait == 0 || !load(&m->done[part])))
			break;
		if (wait > 0)
			sweep_part(m, part, wait);
		store(&m->done[part], 1);
	}
	return true;
}

static bool
judge_part(void *arg, size_t part)
{
	struct marker *m = arg;
	struct judge j;

	judge_init(&j, m);
	rows_with(m->graph, MARK_NOT_JUDGED, (uint32_t)part << EDGES_PART,
	    end_of(m, part), judge_block, &j);
	return true;
}

static bool
tell(const struct marker *m, struct hs_error *err)
{
	return progress_on(m->crew->progress, "marking", m->swept + m->chased,
	    m->heap->nchunks, err);
}

/* In place of the progress of one sweep. */
static bool
tell_all(void *arg, const struct hs_progress *of_this)
{
	struct hs_error err;

	(void)of_this;
	return tell(arg, &err);
}

/* A job for each part. */
static bool
for_parts(struct marker *m, crew_job *job)
{
	struct progress progress = { .call = tell_all, .arg = m };
	struct crew crew = *m->crew;

	crew.progress = &progress;
	return crew_run(&crew, "marking", m->graph->edges.nparts, job, m, m->err);
}

static bool
sweep_once(struct marker *m, bool down)
{
	m->down = down;
	memset(m->done, 0, m->graph->edges.nparts);
	return for_parts(m, sweep_on);
}

/* Up and down, as long as that gets on. */
static bool
sweep(struct marker *m)
{
	size_t before;

	do {
		before = m->swept;
		if (!sweep_once(m, false) || !sweep_once(m, true))
			return false;
	} while (m->swept - before > m->heap->nchunks / FEW);
	return true;
}

/* ---- Chasing */

static void
chase_row(void *arg, uint32_t block, const uint32_t *edge, uint32_t n)
{
	struct judge *j = arg;
	struct marker *m = j->marker;

	follow(m, block, edge, n, n);
	if (m->graph->reach[block] & MARK_NOT_JUDGED)
		judge_block(j, block, edge, n);
}

/* As many blocks as are better swept than chased. */
static size_t
too_many(const struct marker *m)
{
	return m->heap->nchunks / FEW + BATCH;
}

/* All that wait are `now`; of too many some, and a sweep is due. */
static void
take_waiting(struct marker *m)
{
	uint32_t n = m->heap->nchunks, block = 0;

	m->now.n = 0;
	for (; m->now.n < too_many(m)
	     && (block = marks_next(m->graph->reach, MARK_WAITS, block, n)) < n;
	     block++)
		vec_push(&m->now, block);
}

/* All that is `now`; then that is what they led to. */
static void
chase_level(struct marker *m, struct judge *j)
{
	const struct blocks now = m->now;

	m->next.n = 0;
	for (size_t i = 0; i < now.n; i += BATCH)
		rows_of_some(m->graph, now.at + i,
		    now.n - i < BATCH ? now.n - i : BATCH, chase_row, j);
	m->chased += now.n;
	m->now = m->next;
	m->next = now;
}

/*
 * Follows what waits, and what that leads to, until there is nothing more; or
 * until there is so much of it, or it took so long, that a sweep may do
 * better: then `now` is not empty, and what is in it waits.
 */
static bool
chase(struct marker *m)
{
	size_t until = m->chased + m->patience, told = m->chased;
	bool go_on = true;
	struct judge j;

	take_waiting(m);
	judge_init(&j, m);
	m->chases = true;
	while (go_on && m->now.n > 0 && m->now.n < too_many(m) && m->chased < until) {
		chase_level(m, &j);
		if (m->chased - told >= TICK) {
			told = m->chased;
			go_on = tell(m, m->err);
		}
	}
	m->chases = false;
	for (size_t i = 0; i < m->now.n; i++)
		m->graph->reach[m->now.at[i]] |= MARK_WAITS;
	if (m->chased >= until)
		m->patience *= 2;
	return go_on;
}

/* ---- Passes */

/* All that the blocks which wait lead to, along links as sure as the pass. */
static bool
spread(struct marker *m)
{
	do {
		do {
			if (!sweep(m) || !chase(m))
				return false;
		} while (m->now.n > 0);
		if (m->pass == REACH_START && (!for_parts(m, judge_part) || !chase(m)))
			return false;
	} while (m->now.n > 0);
	return true;
}

/* The roots' own blocks, and those with links that had to wait for this pass. */
static void
begin(struct marker *m, const struct roots *roots)
{
	const struct root *root = roots->all.at;
	unsigned char *reach = m->graph->reach, bit = mark_for(m->pass);
	uint32_t n = m->heap->nchunks;

	for (size_t i = 0; i < roots->all.n; i++) {
		if (i + AHEAD < roots->all.n)
			__builtin_prefetch(&reach[root[i + AHEAD].block], 1);
		if (reach_of((enum meet)root[i].meet) <= m->pass)
			mark(m, root[i].block);
	}
	for (uint32_t i = 0; (i = marks_next(reach, bit, i, n)) < n; i++)
		reach[i] = (unsigned char)((reach[i] & ~bit) | MARK_WAITS);
}

static void
marker_fini(struct marker *m)
{
	free(m->done);
	vec_free(&m->now);
	vec_free(&m->next);
}

bool
mark_edges(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct roots *roots, const struct crew *crew, struct hs_error *err)
{
	scoped(marker_fini) struct marker m = {
		.graph = graph,
		.heap = heap,
		.image = image,
		.crew = crew,
		.err = err,
		.patience = heap->nchunks / PATIENCE + TICK,
		.done = malloc(graph->edges.nparts + 1),
	};

	if (!m.done)
		return fail_nomem(err);
	for (m.pass = REACH_START; m.pass <= REACH_END; m.pass++) {
		begin(&m, roots);
		if (!spread(&m))
			return false;
	}
	return !m.now.broke && !m.next.broke ? true : fail_nomem(err);
}
