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
 * The first pass is most of the work.  Several threads do it, each with blocks
 * of its own to follow, and hand some over when another has none.  A block
 * that two of them mark at once is followed twice, which does no harm.
 *
 * What is not done here: deciding what of the rest is direct, indirect or a
 * cycle (leaks.c).
 */
#include "graph/mark.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "graph/edges.h"
#include "graph/words.h"
#include "heap/pointer.h"

enum {
	BATCH = 64,               /* blocks whose edges are followed together */
	TARGETS = 256,            /* edges whose ends are marked together */
	HANDFUL = 4096,           /* blocks that are handed over together */
	TICK = 1 << 8,            /* batches between two looks at the clock */
	WAIT = 100 * 1000 * 1000, /* nanoseconds */
};

/* Blocks to follow that are nobody's yet. */
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more; /* or nothing will come any more */
	struct VEC(uint32_t) todo;
	unsigned active; /* markers that may still find more */
	unsigned hungry; /* markers that wait; read without the lock, too */
	bool stop;       /* the same */
};

struct marker {
	struct graph *graph;
	const struct heap *heap;
	const struct image *image;
	enum reach pass;
	struct VEC(uint32_t) todo; /* marked, its edges not yet followed */
	uint32_t target[TARGETS]; /* of edges that were followed: to be marked, unless they are */
	unsigned n;
	bool collects; /* edges that are less sure than the pass: */
	uint32_t less[TARGETS],
	    holder[TARGETS]; /* the edge, and the block that it is of */
	unsigned doubts;
	struct VEC(uint32_t) loose, ends; /* what only such lead to: interior, end */
};

static inline bool
is_unreached(const struct marker *m, uint32_t block)
{
	return __atomic_load_n(&m->graph->reach[block], __ATOMIC_RELAXED)
	    == REACH_DIRECT;
}

/* ---- Marks */

static inline void
mark(struct marker *m, uint32_t block)
{
	if (!is_unreached(m, block)) /* or no block */
		return;
	__atomic_store_n(&m->graph->reach[block], (unsigned char)m->pass,
	    __ATOMIC_RELAXED);
	vec_push(&m->todo, block);
}

static void
mark_targets(struct marker *m)
{
	for (unsigned i = 0; i < m->n; i++)
		mark(m, m->target[i]);
	m->n = 0;
}

static inline void
aim_at(struct marker *m, uint32_t block)
{
	__builtin_prefetch(&m->graph->reach[block], 1);
	m->target[m->n++] = block;
	if (m->n == TARGETS)
		mark_targets(m);
}

/* ---- Interior pointers that are as good as others */

/* Words of a block: those that are recognised lead to what they point to. */
static void
look_again(void *arg, struct words *w)
{
	struct marker *m = arg;
	enum meet meet[HEAP_BATCH];
	uint32_t block[HEAP_BATCH];

	heap_meet_all(w->heap, w->word, w->n, meet, block);
	for (unsigned i = 0; i < w->n; i++)
		if (meet[i] == MEET_INTERIOR && is_unreached(m, block[i])
		    && pointer_is_start(w->heap, w->image, w->word[i]))
			mark(m, block[i]);
}

/* What less sure edges lead to, if nothing else does. */
static void
judge(struct marker *m)
{
	uint32_t read = UINT32_MAX; /* the holder that was read last */
	struct words w;

	words_init(&w, m->heap, m->image, look_again, m);
	for (unsigned i = 0; i < m->doubts; i++) {
		uint32_t block = edge_to(m->less[i]);

		if (!is_unreached(m, block))
			continue;
		if (edge_meet(m->less[i]) == MEET_END) {
			vec_push(&m->ends, block);
			continue;
		}
		if (m->holder[i] != read) {
			read = m->holder[i];
			words_of_chunks(&w, read, read + 1);
			words_flush(&w);
		}
		if (is_unreached(m, block))
			vec_push(&m->loose, block);
	}
	m->doubts = 0;
}

static inline void
doubt(struct marker *m, uint32_t holder, uint32_t edge)
{
	__builtin_prefetch(&m->graph->reach[edge_to(edge)]);
	m->holder[m->doubts] = holder;
	m->less[m->doubts++] = edge;
	if (m->doubts == TARGETS)
		judge(m);
}

/* ---- Following edges */

/* Follow those links that are as sure as the pass, or surer. */
static inline void
follow(struct marker *m, uint32_t block, const uint32_t *edge, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (reach_of(edge_meet(edge[i])) <= m->pass)
			aim_at(m, edge_to(edge[i]));
		else if (m->collects)
			doubt(m, block, edge[i]);
}

/*
 * The rows, the edges and the marks of a block each cost a cache miss.  So
 * many blocks go through each step together, and what the next step wants is
 * asked for ahead.
 */
static void
follow_some(struct marker *m)
{
	const struct edges *e = &m->graph->edges;
	unsigned some = m->todo.n < BATCH ? (unsigned)m->todo.n : BATCH;
	uint32_t block[BATCH], n[BATCH];
	const uint32_t *edge[BATCH];

	m->todo.n -= some;
	memcpy(block, m->todo.at + m->todo.n, some * sizeof *block);
	for (unsigned i = 0; i < some; i++)
		edges_prefetch(e, block[i]);
	for (unsigned i = 0; i < some; i++) {
		edge[i] = edges_of(e, block[i], &n[i]);
		__builtin_prefetch(edge[i]);
	}
	for (unsigned i = 0; i < some; i++)
		follow(m, block[i], edge[i], n[i]);
	mark_targets(m);
}

/* ---- Several markers */

struct team {
	struct graph *graph;
	const struct heap *heap;
	const struct image *image;
	struct pool pool;
	pthread_t caller; /* who alone may ask whether to go on */
	const struct progress *progress;
	uint64_t followed; /* blocks, as far as they were counted */
	struct hs_error *err;
	bool interrupted;
};

/* Half of what m has, since another has nothing. */
static void
hand_over(struct marker *m, struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t n = m->todo.n / 2; n > 0 && !p->todo.broke; n--)
		vec_push(&p->todo, m->todo.at[--m->todo.n]);
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
}

/* To be called now and then by each marker.  False: stop. */
static bool
go_on(struct team *t, uint64_t followed)
{
	uint64_t done = __atomic_add_fetch(&t->followed, followed, __ATOMIC_RELAXED);

	if (pthread_equal(pthread_self(), t->caller)
	    && !progress_on(t->progress, "marking", done, t->heap->nchunks, t->err)) {
		t->interrupted = true;
		__atomic_store_n(&t->pool.stop, true, __ATOMIC_RELAXED);
	}
	return !__atomic_load_n(&t->pool.stop, __ATOMIC_RELAXED);
}

/* The caller's thread wakes up now and then: it is the one that hears of ^C. */
static void
wait_for_more(struct team *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&t->pool.more, &t->pool.lock, &until);
	pthread_mutex_unlock(&t->pool.lock);
	(void)go_on(t, 0);
	pthread_mutex_lock(&t->pool.lock);
}

/* Waits for something to follow.  False: there is nothing, and nothing will come. */
static bool
get_some(struct marker *m, struct team *t)
{
	struct pool *p = &t->pool;

	pthread_mutex_lock(&p->lock);
	__atomic_add_fetch(&p->hungry, 1, __ATOMIC_RELAXED);
	while (p->todo.n == 0 && p->active > 0 && !p->stop)
		wait_for_more(t);
	__atomic_sub_fetch(&p->hungry, 1, __ATOMIC_RELAXED);
	bool some = p->todo.n > 0 && !p->stop;
	for (size_t n = 0; some && n < HANDFUL && p->todo.n > 0; n++)
		vec_push(&m->todo, p->todo.at[--p->todo.n]);
	p->active += some;
	pthread_mutex_unlock(&p->lock);
	return some;
}

/* m has nothing any more. */
static void
rest(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	if (--p->active == 0)
		pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
}

static bool
run_marker(void *arg, size_t i)
{
	struct team *t = arg;
	struct marker m = { .graph = t->graph,
		.heap = t->heap,
		.image = t->image,
		.pass = REACH_START };
	uint64_t batches = 0;

	(void)i;
	while (get_some(&m, t)) {
		while (m.todo.n > 0) {
			follow_some(&m);
			if (m.todo.n > HANDFUL
			    && __atomic_load_n(&t->pool.hungry, __ATOMIC_RELAXED) > 0)
				hand_over(&m, &t->pool);
			if (++batches % TICK == 0 && !go_on(t, TICK * BATCH))
				break;
		}
		rest(&t->pool);
	}
	vec_free(&m.todo);
	return !m.todo.broke;
}

/* ---- Passes */

static void
seed(struct marker *m, const struct roots *roots)
{
	for (size_t i = 0; i < roots->all.n; i++)
		if (reach_of((enum meet)roots->all.at[i].meet) <= m->pass)
			aim_at(m, roots->all.at[i].block);
	mark_targets(m);
}

/* What m has to follow, by all of the crew. */
static bool
follow_together(struct marker *m, const struct crew *crew, struct hs_error *err)
{
	struct team t = { .graph = m->graph,
		.heap = m->heap,
		.image = m->image,
		.pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
		    .more = PTHREAD_COND_INITIALIZER },
		.caller = pthread_self(),
		.progress = crew->progress,
		.err = err };
	size_t n = crew->threads > 1 ? crew->threads : 1;

	for (size_t i = 0; i < m->todo.n; i++)
		vec_push(&t.pool.todo, m->todo.at[i]);
	m->todo.n = 0;
	bool ok = crew_run(crew, "marking", n, run_marker, &t, err) && !t.interrupted;
	vec_free(&t.pool.todo);
	return ok && (!t.pool.todo.broke || fail_nomem(err));
}

/* What m has to follow, edges less sure than the pass included. */
static void
follow_alone(struct marker *m)
{
	do {
		while (m->todo.n > 0)
			follow_some(m);
		judge(m);
	} while (m->todo.n > 0);
}

/* The edges of blocks that were reached, as far as they were not followed. */
static void
sweep(struct marker *m)
{
	uint32_t n;

	for (uint32_t i = 0; i < m->heap->nchunks; i++) {
		if (m->graph->reach[i] != REACH_START)
			continue;
		const uint32_t *edge = edges_of(&m->graph->edges, i, &n);
		for (uint32_t k = 0; k < n; k++)
			if (edge_meet(edge[k]) != MEET_START)
				doubt(m, i, edge[k]);
	}
	judge(m);
}

static void
aim_at_all(struct marker *m, const uint32_t *block, size_t n)
{
	for (size_t i = 0; i < n; i++)
		aim_at(m, block[i]);
	mark_targets(m);
}

static void
marker_fini(struct marker *m)
{
	vec_free(&m->todo);
	vec_free(&m->loose);
	vec_free(&m->ends);
}

bool
mark_edges(struct graph *graph, const struct heap *heap, const struct image *image,
    const struct roots *roots, const struct crew *crew, struct hs_error *err)
{
	scoped(marker_fini) struct marker m = { .graph = graph,
		.heap = heap,
		.image = image,
		.pass = REACH_START };

	seed(&m, roots);
	if (!follow_together(&m, crew, err))
		return false;
	m.collects = true;
	sweep(&m);
	follow_alone(&m);
	m.pass = REACH_INTERIOR;
	seed(&m, roots);
	aim_at_all(&m, m.loose.at, m.loose.n);
	follow_alone(&m);
	m.pass = REACH_END;
	seed(&m, roots);
	aim_at_all(&m, m.ends.at, m.ends.n);
	follow_alone(&m);
	return !m.todo.broke && !m.loose.broke && !m.ends.broke ? true
								: fail_nomem(err);
}
