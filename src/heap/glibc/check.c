/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A closer look for damage.
 *
 * The walk stumbles over what stops it: a size that makes no sense, a link that
 * leads nowhere.  Much else may be wrong without a trace in the set of blocks, and
 * crash the program later.  What malloc keeps twice must agree, so we compare:
 *
 *	chunk's end     the size of a free chunk, and the word behind it
 *	size's flags    "of a thread's arena", and the arena that it is in
 *	bins            each link, and the one back; sizes, and the bin's own
 *	                large bins: their order, and the ring of sizes
 *	tcaches         lists, and their counts; the mark in what they hold
 *	arenas          bytes taken, and the most that ever were
 *
 * What can fool us is a thread that was stopped inside malloc.  A locked arena is
 * left out.  Caches have no lock: where their thread may be amid malloc, what can
 * be its half of a change is left out, too.
 *
 * The mark (since 2.29) is the address of the cache, or (since 2.34) a random
 * number that is the same in all of the process: two chunks that agree tell which.
 * Source: glibc 2.29 to 2.44, malloc/malloc.c, tcache_put() and free paths.
 */
#include "heap/glibc/shape.h"
#include "heap/glibc/state.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_TOLD = 4096 };

/* Links of a free chunk, in words from its start. */
enum { FD = 2, BK, FD_NEXTSIZE, BK_NEXTSIZE };

struct exam {
	struct ptmalloc *pt;
	bool whole;
	struct damages *to;
};

static void PRINTF_LIKE(5, 6) tell(struct exam *e, enum damage_kind kind,
    hs_addr at, hs_addr chunk, const char *fmt, ...)
{
	struct damage d = { .kind = kind, .at = at, .chunk = chunk };
	va_list ap;

	if (e->to->n >= MAX_TOLD)
		return;
	va_start(ap, fmt);
	vsnprintf(d.text, sizeof d.text, fmt, ap);
	va_end(ap);
	vec_push(e->to, d);
}

static hs_addr
start_of(const struct block *b)
{
	return b->address - b->span->header;
}

/* ---- Chunks and their neighbours */

static void
check_chunk(struct exam *e, const struct block *b)
{
	const struct arena *arena = &e->pt->heap->arenas.at[b->span->arena];
	hs_addr start = start_of(b), next = start + pt_whole(b);
	bool held = b->state == STATE_USED || b->state == STATE_TCACHE
	    || b->state == STATE_FAST;
	uint64_t word;

	if (b->span->mapped || arena->locked)
		return;
	if (held && !arena->main
	    && space_word(e->pt->space, start + e->pt->abi->word, &word)
	    && !(word & FLAG_NOT_MAIN))
		tell(e, DAMAGE_FLAGS, start + e->pt->abi->word, 0,
		    "the chunk is in a thread's arena, but its flag for that was cleared");
	if (b->state < STATE_UNSORTED || b->state > STATE_LARGE)
		return;
	if (space_word(e->pt->space, next, &word) && word != pt_whole(b))
		tell(e, DAMAGE_PREV_SIZE, next, start,
		    "prev_size is not the size of the free chunk before");
}

static void
check_chunks(struct exam *e)
{
	struct block b = { .span = NULL };

	while (heap_next(e->pt->heap, &b))
		check_chunk(e, &b);
}

/* ---- Bins */

/* One bin, from its head on. */
struct ring {
	struct exam *e;
	uint32_t arena;
	unsigned index;
	hs_addr head, from;    /* from: the chunk before the one at hand */
	uint64_t size;         /* of that one; 0: none yet */
	hs_addr sizes, latest; /* large: first and latest chunk in the ring of sizes */
};

static void
check_back(const struct ring *r, hs_addr chunk, unsigned link, hs_addr wanted,
    const char *name)
{
	unsigned offset = link * r->e->pt->abi->word;
	uint64_t word;

	if (space_word(r->e->pt->space, chunk + offset, &word) && word != wanted)
		tell(r->e, DAMAGE_LINK, chunk + offset, 0,
		    "%s in bin %u does not lead back to 0x%llx", name, r->index,
		    (unsigned long long)wanted);
}

/*
 * The first chunk of each size is in a ring of its own; the others have no links
 * there.  Source: glibc 2.17 to 2.44, _int_malloc() and unlink_chunk().
 */
static void
check_large(struct ring *r, hs_addr chunk, uint64_t size)
{
	uint64_t next;

	if (r->size && size > r->size)
		tell(r->e, DAMAGE_LINK, r->from + FD * r->e->pt->abi->word, 0,
		    "large bin %u is not in the order of sizes", r->index);
	if (size == r->size
	    || !space_word(r->e->pt->space,
		chunk + FD_NEXTSIZE * r->e->pt->abi->word, &next))
		return;
	if (r->latest) {
		check_back(r, chunk, BK_NEXTSIZE, r->latest, "bk_nextsize");
		check_back(r, r->latest, FD_NEXTSIZE, chunk, "fd_nextsize");
	} else {
		r->sizes = chunk;
	}
	r->latest = chunk;
}

/* False: what is here is no chunk of the bin, which the walk has said. */
static bool
check_link(struct ring *r, hs_addr chunk)
{
	struct block b;
	uint64_t size;

	if (!map_chunk_starting(r->e->pt->heap, chunk, &b) || b.state < STATE_UNSORTED
	    || b.state > STATE_LARGE || b.span->arena != r->arena)
		return false;
	size = pt_whole(&b);
	check_back(r, chunk, BK, r->from, "bk");
	if (r->index > 1 && bin_index(r->e->pt->abi, size) != r->index)
		tell(r->e, DAMAGE_SIZE, chunk + r->e->pt->abi->word, 0,
		    "the chunk is in bin %u, which is not for its size", r->index);
	if (b.state == STATE_LARGE)
		check_large(r, chunk, size);
	r->size = size;
	r->from = chunk;
	return true;
}

static void
check_bin(struct ring *r, uint64_t most)
{
	hs_addr chunk;

	if (!space_word(r->e->pt->space, r->head + FD * r->e->pt->abi->word, &chunk))
		return;
	r->from = r->head;
	for (uint64_t n = 0; chunk != r->head; n++)
		if (n > most || !check_link(r, chunk)
		    || !space_word(r->e->pt->space,
			chunk + FD * r->e->pt->abi->word, &chunk))
			return;
	check_back(r, r->head, BK, r->from, "bk");
	if (!r->latest)
		return;
	check_back(r, r->sizes, BK_NEXTSIZE, r->latest, "bk_nextsize");
	check_back(r, r->latest, FD_NEXTSIZE, r->sizes, "fd_nextsize");
}

static void
check_bins(struct exam *e, uint32_t arena)
{
	const struct pt_arena *a = &e->pt->arenas.at[arena];
	const struct malloc_abi *abi = e->pt->abi;
	unsigned bins = e->pt->instances.at[a->instance].layout->bins;
	uint64_t first;

	/* never initialised: up to 2.41 bins are zeros until the first malloc() */
	if (a->system == 0 && space_word(e->pt->space, a->address + bins, &first)
	    && first == 0)
		return;
	for (unsigned i = 1; i < NBINS; i++) {
		struct ring r = {
			.e = e,
			.arena = arena,
			.index = i,
			.head = a->address + bins + 2 * abi->word * (i - 1) - abi->header,
		};

		check_bin(&r, e->pt->heap->nchunks);
	}
}

/* ---- Arenas */

static void
check_arena(struct exam *e, uint32_t i)
{
	const struct pt_arena *a = &e->pt->arenas.at[i];
	const struct arena *sum = &e->pt->heap->arenas.at[i];
	const struct arena_layout *l = e->pt->instances.at[a->instance].layout;

	if (sum->locked)
		return;
	check_bins(e, i);
	if (sum->max_system_bytes < sum->system_bytes)
		tell(e, DAMAGE_ARENA, a->address + l->max_system, 0,
		    "the arena has more bytes than it says it ever had");
	else if (e->whole && e->to->n == 0 && sum->found_bytes != sum->system_bytes)
		tell(e, DAMAGE_ARENA, a->address + l->system, 0,
		    "the arena says that it took %llu bytes from the system, it has %llu",
		    (unsigned long long)sum->system_bytes,
		    (unsigned long long)sum->found_bytes);
}

/* Of mmapped chunks only malloc's totals are known. */
static void
check_mapped(struct exam *e)
{
	const struct heap *h = e->pt->heap;
	const struct pt_params *p = &e->pt->instances.at[0].params;
	uint64_t count = 0;

	if (!e->whole || e->to->n > 0 || !p->layout)
		return;
	for (size_t i = 0; i < h->spans.n; i++)
		count += h->spans.at[i].mapped;
	if (count != h->mapped_count)
		tell(e, DAMAGE_ARENA, p->address + p->layout->n_mmaps, 0,
		    "malloc counts %llu mmapped chunks, %llu were found: a header was "
		    "overwritten, or the count",
		    (unsigned long long)h->mapped_count, (unsigned long long)count);
	else if (h->accounting == ACCOUNT_INEXACT)
		tell(e, DAMAGE_ARENA, p->address + p->layout->mmapped, 0,
		    "the bytes of mmapped chunks are not what malloc counts");
}

/* ---- Caches */

/*
 * May the thread be amid a change of its cache?  Not when it is outside the C library,
 * or has just made a system call there: malloc makes none between two such stores.
 */
static bool
may_be_inside(const struct exam *e, const struct pt_cache *c)
{
	const struct image *image = e->pt->image;
	const struct pt_arena *main =
	    &e->pt->arenas.at[e->pt->instances.at[c->instance].main];
	const unsigned char *code;

	for (size_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];

		if (t->number != c->thread)
			continue;
		if (!t->regs || t->regs->lost)
			return true;
		code = space_bytes(e->pt->space, t->regs->pc - 2, 2);
		return image_module_at(image, t->regs->pc)
		    == image_module_at(image, main->address)
		    && !(code && code[0] == 0x0f && code[1] == 0x05);
	}
	return true;
}

/* Each node of list i of *c.  False, at its end or where it is broken. */
struct nodes {
	const struct ptmalloc *pt;
	const struct pt_cache *c;
	hs_addr node;
	uint64_t n; /* seen so far */
	bool broken;
};

static struct nodes
nodes_of(const struct ptmalloc *pt, const struct pt_cache *c, unsigned i)
{
	struct nodes l = { .pt = pt, .c = c };

	l.broken = !space_word(pt->space,
	    c->chunk + pt->abi->header + c->layout->entries + pt->abi->word * i,
	    &l.node);
	return l;
}

static bool
nodes_next(struct nodes *l, hs_addr *node)
{
	struct block b;
	bool ok;

	if (l->broken || !l->node)
		return false;
	*node = l->node;
	l->broken = l->n++ > l->pt->heap->nchunks
	    || !map_chunk_starting(l->pt->heap, l->node - l->pt->abi->header, &b)
	    || b.state != STATE_TCACHE;
	if (l->broken)
		return false;
	l->node = shape_next(l->pt, l->c->layout, l->node, &ok);
	l->broken = !ok;
	return true;
}

/* What the mark is, as far as one copy of malloc's chunks tell: the majority's. */
struct marks {
	unsigned header;    /* of chunks */
	uint64_t key, lead; /* of all, and by how many votes */
	uint64_t agree;     /* chunks that have it */
	uint64_t own, all;  /* chunks with their cache's address; all of them */
};

static void
vote(struct marks *m, hs_addr cache, uint64_t key)
{
	m->all++;
	m->own += key == cache;
	if (m->lead == 0)
		m->key = key;
	m->lead += key == m->key ? 1 : (uint64_t)-1;
}

static void
each_mark(const struct exam *e, unsigned instance, struct marks *m, bool count)
{
	for (size_t k = 0; k < e->pt->caches.n; k++) {
		const struct pt_cache *c = &e->pt->caches.at[k];

		for (unsigned i = 0; c->instance == instance && i < c->layout->bins;
		     i++) {
			struct nodes l = nodes_of(e->pt, c, i);
			hs_addr node;
			uint64_t key;

			while (nodes_next(&l, &node))
				if (!space_word(e->pt->space,
					node + e->pt->abi->word, &key))
					continue;
				else if (count)
					m->agree += key == m->key;
				else
					vote(m, c->chunk + e->pt->abi->header, key);
		}
	}
}

/* Is this the mark?  Always, when there is none or it is not known. */
static bool
is_marked(const struct marks *m, const struct pt_cache *c, uint64_t key)
{
	if (m->own * 2 > m->all)
		return key == c->chunk + m->header;
	return !c->layout->mangled || m->agree < 2 || m->agree * 2 <= m->all
	    || m->key == 0 || key == m->key;
}

static void
check_count(struct exam *e, const struct pt_cache *c, unsigned i, uint64_t length,
    bool inside)
{
	const struct tcache_layout *l = c->layout;
	const struct pt_params *p = &e->pt->instances.at[c->instance].params;
	hs_addr at = c->chunk + e->pt->abi->header + i * l->count_bytes;
	unsigned char byte[2] = { 0 };
	uint64_t count, wanted = length;

	if (!space_read(e->pt->space, at, byte, l->count_bytes)
	    || (l->counts_down && (!p->layout || length > p->tcache_count)))
		return;
	count = byte[0] | (uint64_t)byte[1] << 8;
	if (l->counts_down)
		wanted = p->tcache_count - length;
	if (count == wanted || (inside && count + 1 - wanted <= 2))
		return;
	tell(e, DAMAGE_COUNTER, at & ~7ull, 0,
	    "the count of tcache list %u does not agree with its length, %llu", i,
	    (unsigned long long)length);
}

static void
check_cache(struct exam *e, const struct pt_cache *c, const struct marks *marks)
{
	bool inside = may_be_inside(e, c);

	for (unsigned i = 0; i < c->layout->bins; i++) {
		struct nodes l = nodes_of(e->pt, c, i);
		hs_addr node;
		uint64_t key;

		while (nodes_next(&l, &node))
			if (space_word(e->pt->space, node + e->pt->abi->word, &key)
			    && !is_marked(marks, c, key) && !(inside && l.n == 1))
				tell(e, DAMAGE_KEY, node + e->pt->abi->word, 0,
				    "the mark of a chunk in tcache list %u is gone: it was "
				    "written to after free()",
				    i);
		if (!l.broken)
			check_count(e, c, i, l.n, inside);
	}
}

static void
check_caches(struct exam *e)
{
	for (unsigned in = 0; in < e->pt->instances.n; in++) {
		struct marks m = { .header = e->pt->abi->header };

		each_mark(e, in, &m, false);
		each_mark(e, in, &m, true);
		for (size_t i = 0; i < e->pt->caches.n; i++)
			if (e->pt->caches.at[i].instance == in)
				check_cache(e, &e->pt->caches.at[i], &m);
	}
}

void
pt_check(struct ptmalloc *pt, bool whole, struct damages *to)
{
	struct exam e = { pt, whole, to };

	check_chunks(&e);
	check_caches(&e);
	for (uint32_t i = 0; i < pt->arenas.n; i++)
		check_arena(&e, i);
	check_mapped(&e);
}
