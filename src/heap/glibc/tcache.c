/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads' caches.
 *
 * A chunk in a tcache looks used to its neighbours; only the list says that it
 * is free.  Each thread has a pointer to its tcache_perthread_struct, itself a
 * chunk, in thread-local memory of the C library, at the same distance from
 * the thread pointer in all threads.  We know neither the distance nor the
 * struct's layout, but:
 *
 *   shape   Counts and lists must agree, and each list hold chunks of one
 *           size.  Where counts say how many slots are left, this is proof.
 *   place   Words next to the thread pointers that hold the address of a chunk of
 *           the right size vote for their distance; shape gives them weight.
 *
 * An empty cache of the older layouts is nothing but zeros: place alone
 * decides.  A cache without a thread (a forked child has its parent's; glibc
 * 2.26 forgets them) must show its shape beyond doubt.
 *
 * Caught between two stores, a count may be one off.  Since 2.43 a thread's
 * pointer may lead to a dummy in read-only data, which is no chunk.
 */
#include "heap/glibc/shape.h"
#include "heap/glibc/state.h"

enum {
	TLS_DEPTH = 0x2000, /* bytes next to TP, when nothing better is known */
	MAX_TLS_DEPTH = 16 << 20,
	MAX_VISITS = 16, /* that each chunk gets, on average, while shapes are weighed */
	MAX_WORDS = 1 << 20, /* of thread-local memory that are looked at for votes */
	FEW_WRONG = 2,       /* lists that damage may have spoilt */
};

/* A candidate: a chunk with one of the sizes that the struct has. */
struct cache {
	hs_addr chunk;
	unsigned instance;
	uint32_t thread; /* number, or 0 */
	struct shape shape;
	bool taken;
};
struct cache_vec VEC(struct cache);

/* A distance below TP that has votes, of one copy of malloc. */
struct vote {
	uint64_t distance, weight;
};
struct vote_vec VEC(struct vote);

static void
find_caches(const struct ptmalloc *pt, struct cache_vec *caches)
{
	struct weighing w = { pt, (uint64_t)pt->heap->nchunks * MAX_VISITS };

	for (size_t i = 0; i < pt->tcache_like.n; i++) {
		struct cache c = { .chunk = pt->tcache_like.at[i] };
		struct block b;

		if (!map_chunk_starting(pt->heap, c.chunk, &b) || b.state != STATE_USED)
			continue;
		c.instance = pt->heap->arenas.at[b.span->arena].instance;
		c.shape = shape_of(&w, &pt->instances.at[c.instance], &b);
		if (c.shape.layout && c.shape.wrong < c.shape.layout->bins / 2)
			vec_push(caches, c);
	}
}

static int
by_chunk(const void *a, const void *b)
{
	const struct cache *x = a, *y = b;

	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static struct cache *
cache_at(const struct cache_vec *caches, hs_addr chunk)
{
	struct cache key = { .chunk = chunk };

	return caches->n ? bsearch(&key, caches->at, caches->n, sizeof key, by_chunk)
			 : NULL;
}

/* Slots left and lists add up to the same number, which is not 0: no chance. */
static bool
is_proof(const struct ptmalloc *pt, const struct cache *c)
{
	return c->shape.wrong == 0 && c->shape.layout->counts_down
	    && pt->instances.at[c->instance].params.tcache_count > 0;
}

/* What a pointer to this chunk in thread-local memory is worth. */
static uint64_t
weight_of(const struct ptmalloc *pt, const struct cache *c)
{
	struct block b;
	uint64_t first =
	    map_chunk_starting(pt->heap, c->chunk, &b) && b.number == b.span->first;

	if (c->shape.wrong > FEW_WRONG)
		return 0;
	if (is_proof(pt, c))
		return 1000;
	return 1 + first
	    + (c->shape.wrong == 0 && c->shape.lists ? 100 + c->shape.nodes : 0);
}

static void
add_vote(struct vote_vec *votes, uint64_t distance, uint64_t weight)
{
	for (size_t i = 0; i < votes->n; i++)
		if (votes->at[i].distance == distance) {
			votes->at[i].weight += weight;
			return;
		}
	vec_push(votes, (struct vote) { distance, weight });
}

/*
 * Where in a thread's static TLS this copy of malloc keeps its variables, as
 * distances from the thread pointer.  Those of the module that holds the main
 * arena; when they are not known, anything near by.
 */
static struct range
tls_distances(const struct ptmalloc *pt, const struct pt_instance *in)
{
	const struct module *m =
	    image_module_at(pt->image, pt->arenas.at[in->main].address);

	if (m && m->tls_offset && m->tls_offset < MAX_TLS_DEPTH
	    && pt->image->core->machine->tls_above && m->tls_size < MAX_TLS_DEPTH)
		return (struct range) { m->tls_offset - 8, m->tls_offset + m->tls_size };
	if (m && m->tls_offset && m->tls_offset < MAX_TLS_DEPTH
	    && m->tls_size <= m->tls_offset)
		return (struct range) { m->tls_offset - m->tls_size, m->tls_offset };
	return (struct range) { 0, TLS_DEPTH };
}

/* What is at that distance from the thread pointer: below it, or above. */
static hs_addr
tls_at(const struct ptmalloc *pt, hs_addr tp, uint64_t distance)
{
	return pt->image->core->machine->tls_above ? tp + distance : tp - distance;
}

static void
vote_of_thread(const struct ptmalloc *pt, hs_addr tp, unsigned instance,
    struct range d, const struct cache_vec *caches, struct vote_vec *votes)
{
	unsigned word = pt->abi->word;

	for (uint64_t distance = align_up(d.start + word, word); distance <= d.end;
	     distance += word) {
		uint64_t w;
		const struct cache *c;

		if (!space_word(pt->space, tls_at(pt, tp, distance), &w))
			return;
		c = cache_at(caches, w - pt->abi->header);
		if (c && c->instance == instance && weight_of(pt, c))
			add_vote(votes, distance, weight_of(pt, c));
	}
}

/* The distance with most votes; nearest to TP when equal.  0: there is none. */
static uint64_t
winner(const struct vote_vec *votes)
{
	struct vote best = { .weight = 0 };

	for (size_t i = 0; i < votes->n; i++) {
		const struct vote *v = &votes->at[i];

		if (v->weight > best.weight
		    || (v->weight == best.weight && v->distance < best.distance))
			best = *v;
	}
	return best.distance;
}

/* The word at `link` leads to no chunk that the list may hold. */
static void
tell_link(struct ptmalloc *pt, unsigned i, hs_addr link, hs_addr node)
{
	struct block b;

	if (map_chunk_starting(pt->heap, node - pt->abi->header, &b)
	    && state_is_free(b.state))
		pt_damage(pt, DAMAGE_TWICE, link, 0,
		    "a link of tcache list %u leads to a chunk that is free already: "
		    "freed twice, or the link was overwritten",
		    i);
	else
		pt_damage(pt, DAMAGE_LINK, link, 0,
		    "a link of tcache list %u leads to no chunk of its size", i);
}

/* Mark the chunks of the list whose head is the word at `link` as free. */
static void
read_list(struct ptmalloc *pt, struct cache *c, unsigned i, hs_addr link)
{
	struct bin bin = {
		.kind = STATE_TCACHE,
		.arena = UINT32_MAX,
		.thread = c->thread,
		.index = i,
	};
	hs_addr node = 0;
	bool ok = space_word(pt->space, link, &node);

	tcache_bin_sizes(pt->abi, i, &bin.chunk_min, &bin.chunk_max);
	while (ok && node) {
		struct block b;

		if (!map_chunk_starting(pt->heap, node - pt->abi->header, &b)
		    || b.state != STATE_USED || !shape_is_node(pt, i, node)) {
			tell_link(pt, i, link, node);
			break;
		}
		bin.tally.count++;
		bin.tally.bytes += pt_set_state(pt, &b, STATE_TCACHE);
		link = node;
		node = shape_next(pt, c->shape.layout, node, &ok);
	}
	if (bin.tally.count)
		vec_push(&pt->heap->bins, bin);
}

static void
accept(struct ptmalloc *pt, struct cache *c, uint32_t thread)
{
	const struct tcache_layout *l = c->shape.layout;
	struct block b;

	if (c->taken || !map_chunk_starting(pt->heap, c->chunk, &b))
		return;
	c->taken = true;
	c->thread = thread;
	vec_push(&pt->caches, (struct pt_cache) { c->chunk, c->instance, thread, l });
	pt->instances.at[c->instance].tcache = l;
	if (c->shape.lists)
		pt->instances.at[c->instance].links =
		    l->mangled ? LINKS_MANGLED : LINKS_PLAIN;
	pt_set_state(pt, &b, STATE_INTERNAL);
	for (unsigned i = 0; i < l->bins; i++)
		read_list(pt, c, i,
		    c->chunk + pt->abi->header + l->entries + l->word * i);
}

static void
accept_of_thread(struct ptmalloc *pt, hs_addr tp, uint64_t distance,
    uint32_t thread, const struct cache_vec *caches)
{
	uint64_t w;
	struct cache *c;

	if (!tp || !distance || !space_word(pt->space, tls_at(pt, tp, distance), &w))
		return;
	c = cache_at(caches, w - pt->abi->header);
	if (c)
		accept(pt, c, thread);
}

/* A cache that no thread points to: beyond doubt by its shape alone? */
static bool
is_orphan(const struct ptmalloc *pt, const struct cache *c)
{
	return is_proof(pt, c)
	    || (c->shape.wrong == 0 && c->shape.lists && c->shape.nodes >= 2);
}

void
pt_read_tcaches(struct ptmalloc *pt)
{
	const struct image *image = pt->image;
	struct cache_vec caches = { 0 };
	struct vote_vec votes = { 0 };

	pt_try_links(pt);
	find_caches(pt, &caches);
	vec_sort(&caches, by_chunk);
	for (unsigned in = 0; in < pt->instances.n; in++) {
		struct range d = tls_distances(pt, &pt->instances.at[in]);
		size_t voters = MAX_WORDS / (range_size(d) / pt->abi->word + 1) + 1;
		uint64_t distance;

		votes.n = 0;
		for (size_t i = 0; i < image->threads.n && i < voters && caches.n; i++)
			vote_of_thread(pt, image->threads.at[i].tp, in, d, &caches,
			    &votes);
		distance = winner(&votes);
		for (size_t i = 0; i < image->threads.n; i++)
			accept_of_thread(pt, image->threads.at[i].tp, distance,
			    image->threads.at[i].number, &caches);
		for (size_t i = 0; i < image->spares.n; i++)
			accept_of_thread(pt, image->spares.at[i].tp, distance, 0,
			    &caches);
	}
	for (size_t i = 0; i < caches.n; i++)
		if (is_orphan(pt, &caches.at[i]))
			accept(pt, &caches.at[i], 0);
	vec_free(&caches);
	vec_free(&votes);
}
