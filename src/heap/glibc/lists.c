/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fastbins and bins: which of the free chunks are on which list.
 *
 * What a fastbin holds looks used and is free; what a bin holds looks free and
 * must be on exactly one bin's list.  Marking a chunk as we pass it makes every
 * walk end: a list that runs in a circle meets a chunk that is marked.
 */
#include "heap/glibc/links.h"
#include "heap/glibc/state.h"

enum {
	MAX_TRIAL = 1 << 20, /* chunks of fastbins that are looked at to read them right */
	LONG = 64,         /* chunks: a list that long is as good as a longer one */
	MANY_LISTS = 1024, /* that are read at once, about */
};

/*
 * Does a fastbin's list run over chunks to its end, read this way?  Its length,
 * LONG at most, or 0.  *tried goes up by the chunks that were looked at.
 */
static uint64_t
fast_length(const struct ptmalloc *pt, bool mangled, hs_addr head, uint64_t *tried)
{
	scoped(list_fini) struct list l = list_fast(pt, head, mangled);
	uint64_t n = 0;
	hs_addr chunk;
	struct block b;

	for (; n < LONG && *tried < MAX_TRIAL && list_next(&l, &chunk); n++, ++*tried)
		if (!map_chunk_starting(pt->heap, chunk, &b))
			return 0;
	return n < LONG && l.lost ? 0 : n;
}

void
pt_try_links(struct ptmalloc *pt)
{
	uint64_t votes[2] = { 0 }, tried = 0;

	for (uint32_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];
		struct pt_instance *in = &pt->instances.at[a->instance];

		if (a->main)
			votes[0] = votes[1] = 0;
		for (unsigned k = 0; k < in->layout->nfast; k++) {
			hs_addr head =
			    a->address + in->layout->fastbins + pt->abi->word * k;

			votes[0] += fast_length(pt, false, head, &tried);
			votes[1] += fast_length(pt, true, head, &tried);
		}
		if (votes[0] != votes[1])
			in->links = votes[1] > votes[0] ? LINKS_MANGLED : LINKS_PLAIN;
	}
}

/* A fastbin or a bin that is to be read. */
struct free_list {
	bool fast;
	uint32_t arena;
	unsigned index;
	hs_addr head;
	struct list *list;
};

struct free_lists {
	struct VEC(struct free_list) all;
	struct VEC(struct list) lists; /* of each */
};

static void
free_lists_empty(struct free_lists *r)
{
	for (size_t i = 0; i < r->lists.n; i++)
		list_fini(&r->lists.at[i]);
	r->lists.n = r->all.n = 0;
}

static void
free_lists_fini(struct free_lists *r)
{
	free_lists_empty(r);
	vec_free(&r->lists);
	vec_free(&r->all);
}

/* The word at `link` leads to no chunk that the fastbin may hold. */
static void
tell_fast(struct ptmalloc *pt, unsigned index, hs_addr link, hs_addr chunk)
{
	struct block b;

	if (map_chunk_starting(pt->heap, chunk, &b) && state_is_free(b.state))
		pt_damage(pt, DAMAGE_TWICE, link, 0,
		    "a link of fastbin %u leads to a chunk that is free already: "
		    "freed twice, or the link was overwritten",
		    index);
	else
		pt_damage(pt, DAMAGE_LINK, link, 0,
		    "a link of fastbin %u leads to no chunk of its size", index);
}

static void
read_fastbin(struct ptmalloc *pt, struct free_list *r)
{
	uint64_t size = (uint64_t)(r->index + 2) * pt->abi->header;
	struct bin bin = {
		.kind = STATE_FAST,
		.arena = r->arena,
		.index = r->index,
		.chunk_min = size,
		.chunk_max = size,
	};
	hs_addr link = r->head, chunk;

	while (list_next(r->list, &chunk)) {
		struct block b;

		if (!map_chunk_starting(pt->heap, chunk, &b)
		    || b.state != STATE_USED || pt_whole(&b) != size) {
			tell_fast(pt, r->index, link, chunk);
			break;
		}
		bin.tally.count++;
		bin.tally.bytes += pt_set_state(pt, &b, STATE_FAST);
		link = chunk + pt->abi->header;
	}
	if (bin.tally.count)
		vec_push(&pt->heap->bins, bin);
}

static enum state
kind_of(unsigned index)
{
	return index == 1 ? STATE_UNSORTED : index < 64 ? STATE_SMALL : STATE_LARGE;
}

/* The word at `link`, in a bin's list, leads to no chunk that is free for it. */
static void
tell_link(struct ptmalloc *pt, unsigned index, hs_addr link, hs_addr chunk)
{
	struct block b;
	bool there = map_chunk_starting(pt->heap, chunk, &b);

	if (there && state_is_free(b.state))
		pt_damage(pt, DAMAGE_TWICE, link, 0,
		    "a link of bin %u leads to a chunk that is on a list already: "
		    "freed twice, or the link was overwritten",
		    index);
	else if (there && b.state == STATE_USED)
		pt_damage(pt, DAMAGE_LINK, link, 0,
		    "a link of bin %u leads to a chunk that is in use", index);
	else
		pt_damage(pt, DAMAGE_LINK, link, 0,
		    "a link of bin %u leads to no chunk", index);
}

/*
 * A chunk that its neighbour calls in use, but whose size the neighbour knows, and
 * which bin and list know from both sides: the flag was overwritten.
 */
static bool
is_free_by_links(struct ptmalloc *pt, const struct list *l, hs_addr from,
    const struct block *b)
{
	hs_addr chunk = b->address - pt->abi->header;
	uint64_t back, next, mirror, before;

	return b->state == STATE_USED && space_word(pt->space, chunk + l->back, &back)
	    && back == from && space_word(pt->space, chunk + l->link, &next)
	    && space_word(pt->space, next + l->back, &mirror) && mirror == chunk
	    && space_word(pt->space, chunk + pt_whole(b), &before)
	    && before == pt_whole(b);
}

/*
 * Follow one direction of a bin's ring.  True when it comes back to the head.
 * quiet: what is wrong is known already, or is no damage.
 */
static bool
follow(struct ptmalloc *pt, struct bin *bin, struct list *l, bool quiet)
{
	hs_addr from = l->last, chunk;

	while (list_next(l, &chunk)) {
		struct block b;
		uint64_t back;
		bool there = map_chunk_starting(pt->heap, chunk, &b);

		if (there && !quiet && is_free_by_links(pt, l, from, &b)) {
			pt_damage(pt, DAMAGE_FLAGS,
			    chunk + pt_whole(&b) + pt->abi->word, chunk,
			    "the chunk before is free, but the flag for that is not set");
		} else if (!there || b.state != STATE_LOOSE) {
			if (!quiet)
				tell_link(pt, bin->index, from + l->link, chunk);
			return false;
		}
		bin->tally.count++;
		bin->tally.bytes += pt_set_state(pt, &b, bin->kind);
		if (l->askew && window_word(&l->at, chunk + l->back, &back)
		    && back != from && !quiet)
			pt_damage(pt, DAMAGE_LINK, chunk + l->back, 0,
			    "a link of bin %u does not lead back to 0x%llx",
			    bin->index, (unsigned long long)from);
		from = chunk;
	}
	if (l->lost && !quiet)
		pt_damage(pt, DAMAGE_MISSING, from + l->link, 0,
		    "a link of bin %u is not in the core", bin->index);
	return !l->lost;
}

static void
read_bin(struct ptmalloc *pt, struct free_list *r)
{
	struct bin bin = {
		.kind = kind_of(r->index),
		.arena = r->arena,
		.index = r->index,
	};

	bin_sizes(pt->abi, r->index, &bin.chunk_min, &bin.chunk_max);
	if (!follow(pt, &bin, r->list, pt->heap->arenas.at[r->arena].locked)) {
		scoped(list_fini) struct list back = list_bin(pt, r->head, true);

		/* what the other direction still reaches */
		(void)follow(pt, &bin, &back, true);
	}
	if (bin.tally.count)
		vec_push(&pt->heap->bins, bin);
}

static void
add_list(struct free_lists *r, struct free_list which, struct list list)
{
	if (!list.lost && list.next == list.last)
		return;
	vec_push(&r->all, which);
	vec_push(&r->lists, list);
}

/* The lists of an arena that are not empty. */
static void
add_arena(const struct ptmalloc *pt, uint32_t arena, struct free_lists *r)
{
	const struct pt_arena *a = &pt->arenas.at[arena];
	const struct pt_instance *in = &pt->instances.at[a->instance];

	for (unsigned i = 0; i < in->layout->nfast; i++) {
		hs_addr head = a->address + in->layout->fastbins + pt->abi->word * i;

		add_list(r, (struct free_list) { true, arena, i, head, NULL },
		    list_fast(pt, head, in->links != LINKS_PLAIN));
	}
	for (unsigned i = 1; i < NBINS; i++) {
		hs_addr head = a->address + in->layout->bins
		    + (hs_addr)pt->abi->header * (i - 1) - pt->abi->header;

		add_list(r, (struct free_list) { false, arena, i, head, NULL },
		    list_bin(pt, head, false));
	}
}

static bool
read_these(struct ptmalloc *pt, struct free_lists *r, struct hs_error *err)
{
	if (r->all.broke || r->lists.broke)
		return fail_nomem(err);
	if (!lists_read(pt, r->lists.at, r->lists.n, pt->heap->nchunks / 4, err))
		return false;
	for (size_t i = 0; i < r->all.n; i++) {
		struct free_list *one = &r->all.at[i];

		one->list = &r->lists.at[i];
		if (one->fast)
			read_fastbin(pt, one);
		else
			read_bin(pt, one);
		if (one->list->read.broke)
			return fail_nomem(err);
	}
	free_lists_empty(r);
	return true;
}

/*
 * A chunk that its neighbour calls free is on no list.  Where the neighbour does
 * not know its size either, free() was never there: the flag was overwritten, and
 * the program holds the chunk still.
 */
static void
reclaim(struct ptmalloc *pt)
{
	struct block b = { .span = NULL };

	while (heap_next(pt->heap, &b)) {
		hs_addr next = b.address - pt->abi->header + pt_whole(&b);
		uint64_t before;

		if (b.state != STATE_LOOSE || pt->heap->arenas.at[b.span->arena].locked
		    || !space_word(pt->space, next, &before) || before == pt_whole(&b))
			continue;
		pt_set_state(pt, &b, STATE_USED);
		pt_damage(pt, DAMAGE_FLAGS, next + pt->abi->word,
		    b.address - pt->abi->header,
		    "the chunk before is in use, but its flag for that was cleared");
	}
}

static bool
any_loose(const struct heap *h)
{
	for (size_t i = 0; i < h->arenas.n; i++)
		if (h->arenas.at[i].tally[STATE_LOOSE].count > 0
		    && !h->arenas.at[i].locked)
			return true;
	return false;
}

bool
pt_read_lists(struct ptmalloc *pt, struct hs_error *err)
{
	scoped(free_lists_fini) struct free_lists r = { .all = { 0 } };

	for (uint32_t i = 0; i < pt->arenas.n; i++) {
		add_arena(pt, i, &r);
		if ((r.all.n >= MANY_LISTS || i + 1 == pt->arenas.n)
		    && !read_these(pt, &r, err))
			return false;
	}
	if (any_loose(pt->heap))
		reclaim(pt);
	return true;
}
