/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The heap: asks each allocator in turn, then puts what they found in order. */
#include "heap/heap.h"

#include "heap/allocators.h"
#include "heap/map.h"

#include <stdlib.h>
#include <string.h>

const char *const state_name[STATE_COUNT] = {
	[STATE_USED] = "in-use",
	[STATE_TCACHE] = "tcache",
	[STATE_FAST] = "fastbin",
	[STATE_UNSORTED] = "unsorted",
	[STATE_SMALL] = "small-bin",
	[STATE_LARGE] = "large-bin",
	[STATE_POOL] = "pool",
	[STATE_LOOSE] = "unlisted",
	[STATE_TOP] = "top",
	[STATE_FENCE] = "fence",
	[STATE_INTERNAL] = "internal",
};

const char *const accounting_name[] = {
	[ACCOUNT_EXACT] = "exact",
	[ACCOUNT_KNOWN_DRIFT] = "exact-known-drift",
	[ACCOUNT_IN_FLIGHT] = "in-flight",
	[ACCOUNT_INEXACT] = "inexact",
};

const char *const damage_name[DAMAGE_KINDS] = {
	[DAMAGE_MISSING] = "missing",
	[DAMAGE_SIZE] = "size",
	[DAMAGE_FLAGS] = "flags",
	[DAMAGE_PREV_SIZE] = "prev-size",
	[DAMAGE_TOP] = "top-size",
	[DAMAGE_LINK] = "link",
	[DAMAGE_TWICE] = "double-free",
	[DAMAGE_KEY] = "written-after-free",
	[DAMAGE_COUNTER] = "tcache-count",
	[DAMAGE_ARENA] = "arena",
	[DAMAGE_HEAP] = "heap-header",
};

static int
damage_cmp(const void *a, const void *b)
{
	const struct damage *x = a, *y = b;

	return x->at != y->at    ? (x->at < y->at ? -1 : 1)
	    : x->kind != y->kind ? (x->kind < y->kind ? -1 : 1)
				 : strcmp(x->text, y->text);
}

/* owned: what the allocator named, and all spans; sorted, and merged where they meet. */
static bool
merge_owned(struct heap *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->spans.n; i++) {
		const struct span *s = &h->spans.at[i];

		vec_push(&h->owned,
		    (struct range) { s->range.start - s->front, s->range.end });
	}
	if (h->owned.broke)
		return false;
	vec_sort(&h->owned, range_by_start);
	for (size_t i = 0; i < h->owned.n; i++) {
		struct range r = h->owned.at[i];

		if (n > 0 && r.start <= h->owned.at[n - 1].end) {
			if (r.end > h->owned.at[n - 1].end)
				h->owned.at[n - 1].end = r.end;
		} else {
			h->owned.at[n++] = r;
		}
	}
	h->owned.n = n;
	return true;
}

static bool
walk(struct heap *h, const struct space *space, const struct image *image,
    const struct crew *crew, struct hs_error *err)
{
	for (const struct allocator *const *a = allocators; *a && !h->allocator; a++) {
		h->by = *a;
		if (!(*a)->walk(h, space, image, crew, err))
			return false;
	}
	for (const struct allocator *const *a = inner_allocators; *a; a++)
		if (!(*a)->walk(h, space, image, crew, err))
			return false;
	h->other = recognise_other(image, h->allocator != NULL && h->nchunks > 0);
	if (!h->allocator)
		h->allocator = h->inner;
	vec_sort(&h->damages, damage_cmp);
	return (merge_owned(h) && !h->bins.broke && !h->damages.broke
		   && !h->skipped.broke)
	    || fail_nomem(err);
}

bool
heap_walk(struct heap *heap, const struct space *space, const struct image *image,
    const struct crew *crew, struct hs_error *err)
{
	scoped(heap_fini) struct heap h = HEAP_EMPTY;

	h.space = space;
	h.narrow = crew->narrow;
	h.short_words = image->core->machine->word == 4;
	if (!walk(&h, space, image, crew, err))
		return false;
	*heap = h;
	h = HEAP_EMPTY;
	return true;
}

/* Of those at one word the first says enough. */
static void
sort_damages(struct damages *all)
{
	size_t n = 0;

	vec_sort(all, damage_cmp);
	for (size_t i = 0; i < all->n; i++)
		if (n == 0 || all->at[n - 1].at != all->at[i].at)
			all->at[n++] = all->at[i];
	all->n = n;
}

bool
heap_check(struct heap *heap, bool whole, struct damages *to, struct hs_error *err)
{
	for (size_t i = 0; i < heap->damages.n; i++)
		if (heap->damages.at[i].kind != DAMAGE_MISSING)
			vec_push(to, heap->damages.at[i]);
	if (heap->kept && heap->by->check)
		heap->by->check(heap, whole, to);
	if (to->broke)
		return fail_nomem(err);
	sort_damages(to);
	return true;
}

void
heap_fini(struct heap *h)
{
	if (h->kept)
		h->by->forget(h->kept);
	h->kept = NULL;
	for (size_t i = 0; i < h->zones.n; i++)
		free(h->zones.at[i].first);
	vec_free(&h->zones);
	vec_free(&h->spans);
	vec_free(&h->by_number);
	vec_free(&h->cells);
	vec_free(&h->states);
	free(h->bases);
	vec_free(&h->arenas);
	vec_free(&h->bins);
	vec_free(&h->damages);
	vec_free(&h->owned);
	vec_free(&h->skipped);
}

const char *
heap_invalid(const struct heap *h)
{
	uint64_t chunks = 0;

	for (size_t i = 0; i < h->spans.n; i++) {
		const struct span *s = &h->spans.at[i];

		if (s->range.start >= s->range.end)
			return "a span is empty";
		if (i > 0 && s[-1].range.end > s->range.start)
			return "spans overlap or are out of order";
		if (s->arena >= h->arenas.n)
			return "a span belongs to no arena";
		if (!(h->cells.at[s->cell].start & 1))
			return "a span does not begin with a chunk";
		if (cell_first(h, &h->cells.at[s->cell]) != s->first)
			return "a span's first number is not its first cell's";
		chunks += s->count;
	}
	if (chunks != h->nchunks || h->states.n != h->nchunks)
		return "spans' chunks do not add up";
	for (size_t i = 1; i < h->owned.n; i++)
		if (h->owned.at[i - 1].end > h->owned.at[i].start)
			return "owned ranges overlap";
	return NULL;
}
