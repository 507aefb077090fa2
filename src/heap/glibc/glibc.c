/* SPDX-License-Identifier: GPL-3.0-or-later */
/* glibc's malloc: the order in which its parts are read. */
#include "heap/glibc/glibc.h"

#include "heap/allocators.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>

enum { MAX_DAMAGES = 4096 }; /* that are recorded: more say nothing more */

struct damage *
pt_damage(struct ptmalloc *pt, enum damage_kind kind, hs_addr at, hs_addr chunk,
    const char *fmt, ...)
{
	struct damages *all = &pt->heap->damages;
	struct damage d = { .kind = kind, .at = at, .chunk = chunk };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d.text, sizeof d.text, fmt, ap);
	va_end(ap);
	if (all->n < MAX_DAMAGES) {
		size_t n = all->n;

		vec_push(all, d);
		if (all->n > n)
			return &all->at[n];
	}
	pt->unsaid = d;
	return &pt->unsaid;
}

/* The first taken range that ends after a: ranges are sorted, and do not overlap. */
static size_t
taken_from(const struct ptmalloc *pt, hs_addr a)
{
	size_t from = 0, to = pt->taken.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (pt->taken.at[mid].end <= a)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

bool
pt_take(struct ptmalloc *pt, struct range r)
{
	size_t i = taken_from(pt, r.start);

	if (i < pt->taken.n && pt->taken.at[i].start < r.end)
		return false;
	vec_push(&pt->taken, r);
	if (pt->taken.broke)
		return false;
	memmove(&pt->taken.at[i + 1], &pt->taken.at[i],
	    (pt->taken.n - 1 - i) * sizeof *pt->taken.at);
	pt->taken.at[i] = r;
	return true;
}

bool
pt_is_taken(const struct ptmalloc *pt, hs_addr a, struct range *which)
{
	size_t i = taken_from(pt, a);

	if (i == pt->taken.n || !range_has(pt->taken.at[i], a))
		return false;
	*which = pt->taken.at[i];
	return true;
}

hs_addr
pt_next_taken(const struct ptmalloc *pt, hs_addr a)
{
	size_t i = taken_from(pt, a);

	return i < pt->taken.n ? pt->taken.at[i].start : UINT64_MAX;
}

/* Memory that arenas may be in: tables are made for so much. */
static uint64_t
heap_bytes(const struct space *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = &s->pieces.at[i];

		n += !p->file && p->bytes && (p->flags & PF_W) ? range_size(p->range)
							       : 0;
	}
	return n;
}

static bool
walk_all(struct ptmalloc *pt, struct hs_error *err)
{
	for (size_t i = 0; i < pt->instances.n; i++)
		pt_find_params(pt, &pt->instances.at[i]);
	pt_find_heaps(pt);
	map_reserve(pt->heap, heap_bytes(pt->space));
	for (uint32_t i = 0, next; i < pt->arenas.n; i = next) {
		bool main = pt->arenas.at[i].main;

		for (next = i + 1; next < pt->arenas.n && !main; next++)
			if (pt->arenas.at[next].main)
				break;
		if (!(main ? pt_walk_main(pt, i, err) : pt_walk_heaps(pt, i, next, err)))
			return false;
	}
	return pt_walk_mapped(pt, err);
}

/* What is malloc's own besides spans: its statics, and the headers of heaps. */
static void
own(struct ptmalloc *pt)
{
	struct heap *h = pt->heap;

	for (size_t i = 0; i < pt->arenas.n; i++) {
		const struct pt_arena *a = &pt->arenas.at[i];
		const struct pt_heap *heap = vec_from(&pt->heaps, a->first_heap);
		unsigned header = pt->instances.at[a->instance].heap_header;

		vec_push(&h->owned, a->state);
		for (size_t k = 0; k < a->nheaps; k++)
			vec_push(&h->owned,
			    (struct range) { heap[k].address,
				heap[k].address + header });
	}
	for (size_t i = 0; i < pt->instances.n; i++) {
		const struct pt_params *p = &pt->instances.at[i].params;

		if (p->layout)
			vec_push(&h->owned,
			    (struct range) { p->address,
				p->address
				    + par_layout_size(p->layout, pt->abi->word) });
	}
}

/* In words, what the evidence speaks for; silent where there was none. */
static void
name_layout(struct ptmalloc *pt)
{
	const struct pt_instance *in = &pt->instances.at[0];
	const struct tcache_layout *t = in->tcache;
	const char *since = in->layout->since;

	if (t && (in->links != LINKS_UNKNOWN || t->counts_down || t->count_bytes == 1)) {
		since = strcmp(t->since, since) > 0 ? t->since : since;
		snprintf(pt->heap->layout, sizeof pt->heap->layout,
		    "%s, tcache with %s (since glibc %s)", in->layout->name,
		    t->name, since);
		return;
	}
	snprintf(pt->heap->layout, sizeof pt->heap->layout, "%s (since glibc %s)",
	    in->layout->name, since);
}

/* Which lead anywhere in the heap. */
static bool
read_lists(struct ptmalloc *pt, struct hs_error *err)
{
	core_read_ahead(pt->image->core, false);
	pt_read_tcaches(pt);
	bool ok = pt_read_lists(pt, err);
	core_read_ahead(pt->image->core, true);
	return ok;
}

static bool
read_all(struct ptmalloc *pt, struct hs_error *err)
{
	uint64_t page;

	pt->page = 4096;
	if (core_auxv(pt->image->core, AT_PAGESZ, &page) && page >= 4096
	    && page <= 65536 && (page & (page - 1)) == 0)
		pt->page = page;
	if (!pt_find(pt, err))
		return false;
	if (pt->instances.n == 0)
		return true;
	pt->heap->allocator = "glibc";
	if (!walk_all(pt, err) || !map_seal(pt->heap, err))
		return false;
	if (!read_lists(pt, err))
		return false;
	pt_account(pt);
	own(pt);
	name_layout(pt);
	return true;
}

static void
forget(void *kept)
{
	struct ptmalloc *pt = kept;

	vec_free(&pt->instances);
	vec_free(&pt->arenas);
	vec_free(&pt->heaps);
	vec_free(&pt->taken);
	vec_free(&pt->caches);
	vec_free(&pt->tcache_like);
	pt_vouchers_free(pt->vouchers);
	free(pt);
}

static bool
is_broke(const struct ptmalloc *pt)
{
	return pt->heaps.broke || pt->taken.broke || pt->caches.broke
	    || pt->tcache_like.broke;
}

static bool
glibc_walk(struct heap *heap, const struct space *space, const struct image *image,
    const struct crew *crew, struct hs_error *err)
{
	struct ptmalloc *pt = calloc(1, sizeof *pt);

	if (!pt)
		return fail_nomem(err);
	heap->kept = pt;
	pt->heap = heap;
	pt->space = space;
	pt->image = image;
	pt->crew = crew;
	pt->abi = image->core->machine->word == 4 ? &malloc_abi_32 : &malloc_abi_64;
	if (!read_all(pt, err))
		return false;
	vec_free(&pt->tcache_like);
	pt_vouchers_free(pt->vouchers);
	pt->vouchers = NULL;
	if (heap->allocator)
		return !is_broke(pt) || fail_nomem(err);
	forget(pt);
	heap->kept = NULL;
	return true;
}

static void
glibc_check(struct heap *heap, bool whole, struct damages *to)
{
	struct ptmalloc *pt = heap->kept;

	pt->heap = heap; /* which may have moved */
	pt_check(pt, whole, to);
}

const struct allocator glibc_allocator = {
	.name = "glibc",
	.walk = glibc_walk,
	.check = glibc_check,
	.forget = forget,
};
