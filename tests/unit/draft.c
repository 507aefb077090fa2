/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A heap of glibc's malloc, drafted in memory. */
#include "unit/draft.h"

#include <elf.h>
#include <string.h>

enum {
	PARAMS = 0x100, /* offsets in a library's data */
	MAIN_ARENA = 0x400,
	FENCES = 2 * HEADER,
	TOP_ROOM = 0x1000, /* bytes of top, at least */
	TRIM = 0x20000,    /* malloc's defaults */
	KEY = 0x7e57,      /* marks a chunk as cached */
};

#define HEAP_MAX ((uint64_t)64 << 20)
#define AREA_MOST ((uint64_t)1 << 32)
#define ARENAS ((hs_addr)0x7c0000000000)
#define SEGMENTS ((hs_addr)0x7d0000000000)
#define MAPPINGS ((hs_addr)0x7e0000000000)

/* ---- Releases */

static const struct {
	const char *since, *arena, *params, *tcache;
	unsigned heap_info, tcache_count;
	bool lazy;
} releases[] = {
	/* the first two have no tcache; their links are like those of 2.26 */
	{ "2.17", "2.17", "2.17", "2.26", 0x20, 0, true },
	{ "2.24", "2.23", "2.24", "2.26", 0x20, 0, true },
	{ "2.26", "2.23", "2.26", "2.26", 0x20, 7, false },
	{ "2.27", "2.27", "2.26", "2.26", 0x20, 7, false },
	{ "2.30", "2.27", "2.26", "2.30", 0x20, 7, false },
	{ "2.32", "2.27", "2.26", "2.32", 0x20, 7, false },
	{ "2.35", "2.27", "2.35", "2.32", 0x30, 7, false },
	{ "2.42", "2.27", "2.35", "2.42", 0x30, 7, false },
	{ "2.43", "2.43", "2.43", "2.42", 0x30, 16, true },
};

enum { RELEASES = sizeof releases / sizeof *releases };

/* The row with this .since; there is one. */
#define ROW(rows, name)                             \
	({                                          \
		__auto_type row_ = rows;            \
		while (strcmp(row_->since, (name))) \
			row_++;                     \
		row_;                               \
	})

const struct glibc *
glibc_of(const char *since)
{
	static struct glibc made[RELEASES];

	for (size_t i = 0; i < RELEASES; i++) {
		if (strcmp(releases[i].since, since) != 0)
			continue;
		made[i] = (struct glibc) {
			.since = releases[i].since,
			.arena = ROW(malloc_abi_64.arenas, releases[i].arena),
			.params = ROW(malloc_abi_64.params, releases[i].params),
			.tcache = ROW(malloc_abi_64.tcaches, releases[i].tcache),
			.heap_info = releases[i].heap_info,
			.tcache_count = releases[i].tcache_count,
			.lazy = releases[i].lazy,
		};
		return &made[i];
	}
	return NULL;
}

/* ---- Words and bytes */

static void
put(struct draft *d, hs_addr a, uint64_t word)
{
	memory_put(d->memory, a, word);
}

static uint64_t
get(struct draft *d, hs_addr a)
{
	return memory_get(d->memory, a);
}

static void
put32(struct draft *d, hs_addr a, uint32_t n)
{
	memcpy(memory_bytes(d->memory, a, sizeof n), &n, sizeof n);
}

static struct draft_arena *
arena(struct draft *d)
{
	return &d->arenas.at[d->at];
}

/* ---- Libraries and arenas */

struct draft
draft_new(struct memory *m, const struct glibc *glibc)
{
	return (struct draft) {
		.memory = m,
		.glibc = glibc,
		.segments = SEGMENTS,
		.mappings = MAPPINGS,
	};
}

void
draft_fini(struct draft *d)
{
	vec_free(&d->arenas);
	vec_free(&d->libraries);
}

static hs_addr
bin_head(const struct draft *d, hs_addr state, unsigned index)
{
	return state + d->glibc->arena->bins + 16 * (index - 1) - HEADER;
}

static void
begin_arena(struct draft *d, struct draft_arena a)
{
	for (unsigned i = 1; i < NBINS; i++) {
		hs_addr head = bin_head(d, a.state, i);

		put(d, head + 16, head);
		put(d, head + 24, head);
	}
	if (d->glibc->arena->attached)
		put(d, a.state + d->glibc->arena->attached, 1);
	vec_push(&d->arenas, a);
	d->at = d->arenas.n - 1;
}

void
draft_library(struct draft *d, hs_addr data, hs_addr heap, bool brk)
{
	struct draft_library l = {
		.params = data + PARAMS,
		.main = d->arenas.n,
		.sbrk_base = heap,
	};
	struct draft_arena a = {
		.state = data + MAIN_ARENA,
		.instance = (unsigned)d->libraries.n,
		.start = heap,
		.next = align_up(heap, GRANULE),
		.flags = brk ? 0 : NONCONTIGUOUS,
	};

	memory_add(d->memory, heap, AREA_MOST, PF_R | PF_W);
	begin_arena(d, a);
	vec_push(&d->libraries, l);
}

/* Reserves a heap, as far from all others as the kernel would not: sparsely. */
static hs_addr
begin_heap(struct draft *d, hs_addr owner, hs_addr before)
{
	hs_addr heap = ARENAS;

	for (size_t i = 0; i < d->memory->n; i++)
		heap += range_has((struct range) { ARENAS, SEGMENTS },
			    d->memory->at[i].range.start)
		    ? 2 * HEAP_MAX
		    : 0;
	memory_add(d->memory, heap, HEAP_MAX, PF_R | PF_W);
	put(d, heap, owner ? owner : heap + d->glibc->heap_info);
	put(d, heap + 8, before);
	return heap;
}

void
draft_arena(struct draft *d)
{
	hs_addr heap = begin_heap(d, 0, 0);
	struct draft_arena a = {
		.state = heap + d->glibc->heap_info,
		.instance = arena(d)->instance,
		.heap = heap,
		.start = heap,
		.flags = NONCONTIGUOUS,
	};

	a.next = align_up(a.state + d->glibc->arena->size, GRANULE);
	begin_arena(d, a);
}

void
draft_go(struct draft *d, size_t at)
{
	d->at = at;
}

/* ---- Chunks */

/* The header of the next chunk; free: it looks so to the one behind it. */
static hs_addr
chunk(struct draft *d, uint64_t size, unsigned flags, bool free)
{
	struct draft_arena *a = arena(d);
	hs_addr p = a->next;

	memory_reach(d->memory, p + size + HEADER);
	if (a->before)
		put(d, p, p - a->before);
	put(d, p + 8, size | flags | (a->before ? 0 : FLAG_PREV_USED));
	a->before = free ? p : 0;
	a->next = p + size;
	return p;
}

static uint64_t
padded(uint64_t request)
{
	uint64_t size = align_up(request + 8, GRANULE);

	return size < MIN_CHUNK ? MIN_CHUNK : size;
}

static unsigned
used_flags(struct draft *d)
{
	return arena(d)->heap ? FLAG_NOT_MAIN : 0;
}

hs_addr
draft_block(struct draft *d, uint64_t request)
{
	return chunk(d, padded(request), used_flags(d), false) + HEADER;
}

static void
put_in_bin(struct draft *d, hs_addr p, unsigned index)
{
	hs_addr head = bin_head(d, arena(d)->state, index), last = get(d, head + 24);

	put(d, p + 16, head);
	put(d, p + 24, last);
	put(d, last + 16, p);
	put(d, head + 24, p);
}

/* A single link: mangled, if this release does so, with where it is. */
static void
put_link(struct draft *d, hs_addr at, hs_addr to)
{
	put(d, at, d->glibc->tcache->mangled ? to ^ at >> 12 : to);
}

hs_addr
draft_free(struct draft *d, uint64_t request, enum state state)
{
	uint64_t size = padded(request);
	bool fast = state == STATE_FAST;
	hs_addr p = chunk(d, size, fast ? used_flags(d) : 0, !fast);

	if (fast) {
		hs_addr head = arena(d)->state + d->glibc->arena->fastbins
		    + 8 * (size / GRANULE - 2);

		put_link(d, p + HEADER, get(d, head));
		put(d, head, p);
	} else if (state != STATE_LOOSE) {
		put_in_bin(d, p,
		    state == STATE_UNSORTED ? 1 : bin_index(&malloc_abi_64, size));
	}
	return p + HEADER;
}

/* ---- Threads' caches */

static void
count(struct draft *d, hs_addr tcache, uint64_t bin, int by)
{
	unsigned bytes = d->glibc->tcache->count_bytes;
	unsigned char *at = memory_bytes(d->memory, tcache + bin * bytes, bytes);
	uint16_t n = 0;

	memcpy(&n, at, bytes);
	n = (uint16_t)(n + by);
	memcpy(at, &n, bytes);
}

hs_addr
draft_tcache(struct draft *d)
{
	const struct tcache_layout *l = d->glibc->tcache;
	hs_addr at = draft_block(d, l->chunk - 8);

	for (unsigned i = 0; l->counts_down && i < l->bins; i++)
		count(d, at, i, (int)d->glibc->tcache_count);
	return at;
}

hs_addr
draft_cached(struct draft *d, hs_addr tcache, uint64_t request)
{
	const struct tcache_layout *l = d->glibc->tcache;
	uint64_t bin = (padded(request) - MIN_CHUNK) / GRANULE;
	hs_addr at = draft_block(d, request), head = tcache + l->entries + 8 * bin;

	put_link(d, at, get(d, head));
	put(d, at + 8, KEY);
	put(d, head, at);
	count(d, tcache, bin, l->counts_down ? -1 : 1);
	return at;
}

/* ---- Where an arena is not one piece */

/* The old top, but for two fences, becomes a free chunk; ends at a page's end. */
static void
close_segment(struct draft *d)
{
	struct draft_arena *a = arena(d);
	hs_addr end = align_up(a->next + MIN_CHUNK + FENCES, MEMORY_PAGE);

	put_in_bin(d, chunk(d, end - FENCES - a->next, 0, true), 1);
	chunk(d, HEADER, 0, false);
	memory_reach(d->memory, end);
	put(d, end - 8, (a->heap ? 0 : HEADER) | FLAG_PREV_USED);
	a->next = end;
	a->before = 0;
}

void
draft_foreign(struct draft *d, uint64_t n)
{
	struct draft_arena *a = arena(d);

	close_segment(d);
	memory_reach(d->memory, a->next + n + 1);
	memset(memory_bytes(d->memory, a->next, n), 0x5a, n);
	a->next = align_up(a->next + n, GRANULE);
}

void
draft_segment(struct draft *d)
{
	struct draft_arena *a = arena(d);

	close_segment(d);
	a->system += a->next - a->start;
	a->flags |= NONCONTIGUOUS;
	a->start = a->next = d->segments;
	memory_add(d->memory, a->start, AREA_MOST, PF_R | PF_W);
	d->segments += 2 * AREA_MOST;
}

static void
set_heap_size(struct draft *d, const struct draft_arena *a)
{
	put(d, a->heap + 16, a->next - a->heap);
	put(d, a->heap + 24, a->next - a->heap);
}

void
draft_heap(struct draft *d)
{
	struct draft_arena *a = arena(d);

	close_segment(d);
	set_heap_size(d, a);
	a->system += a->next - a->heap;
	a->heap = a->start = begin_heap(d, a->state, a->heap);
	a->next = a->heap + d->glibc->heap_info;
}

/* ---- Mapped chunks */

/* Writes the header of a chunk so far into the mapping of `total` bytes at base. */
static void
map_header(struct draft *d, hs_addr base, uint64_t offset, uint64_t total)
{
	uint64_t left_out = d->glibc->arena->mapped_short ? 2 * sizeof(uint64_t) : 0;

	put(d, base + offset, offset);
	put(d, base + offset + 8, (total - offset - left_out) | FLAG_MAPPED);
}

/* The next mapping: its headers, and how long it is. */
static uint64_t
map(struct draft *d, uint64_t request, uint64_t offset)
{
	uint64_t rest = d->glibc->arena->mapped_short ? 24 : 16;
	uint64_t total = align_up(offset + request + rest, MEMORY_PAGE);

	if (d->mappings == MAPPINGS)
		memory_add(d->memory, MAPPINGS, AREA_MOST, PF_R | PF_W);
	memory_reach(d->memory, d->mappings + total);
	map_header(d, d->mappings, 0, total); /* stays, and is stale, behind an offset */
	map_header(d, d->mappings, offset, total);
	d->mappings += total;
	return total;
}

hs_addr
draft_mapped(struct draft *d, uint64_t request, uint64_t align)
{
	struct draft_library *l = &d->libraries.at[arena(d)->instance];
	hs_addr base = d->mappings;
	uint64_t offset =
	    align > HEADER ? align_up(base + HEADER, align) - HEADER - base : 0;

	l->mapped++;
	l->mapped_bytes += map(d, request, offset);
	return base + offset + HEADER;
}

hs_addr
draft_decoy(struct draft *d, uint64_t request)
{
	hs_addr base = d->mappings;

	(void)map(d, request, 0);
	return base + HEADER;
}

/* ---- The end of it */

static void
finish_arena(struct draft *d)
{
	struct draft_arena *a = arena(d);
	const struct arena_layout *l = d->glibc->arena;
	hs_addr end = align_up(a->next + TOP_ROOM, MEMORY_PAGE);

	memory_reach(d->memory, end);
	if (a->before)
		put(d, a->next, a->next - a->before);
	put(d, a->next + 8, (end - a->next) | (a->before ? 0 : FLAG_PREV_USED));
	a->top = a->next;
	a->next = end;
	if (a->heap)
		set_heap_size(d, a);
	a->system += end - a->start;
	put32(d, a->state + 4, (uint32_t)a->flags);
	put(d, a->state + l->top, a->top);
	put(d, a->state + l->system, a->system);
	put(d, a->state + l->max_system, a->system);
}

/* Arenas of one library in a ring, the main one first. */
static void
link_arenas(struct draft *d, const struct draft_library *l)
{
	hs_addr first = d->arenas.at[l->main].state, before = first;
	unsigned instance = d->arenas.at[l->main].instance;

	for (size_t i = l->main + 1; i < d->arenas.n; i++) {
		const struct draft_arena *a = &d->arenas.at[i];

		if (a->instance != instance)
			continue;
		put(d, before + d->glibc->arena->next, a->state);
		before = a->state;
	}
	put(d, before + d->glibc->arena->next, first);
}

static void
put_params(struct draft *d, const struct draft_library *l)
{
	const struct par_layout *p = d->glibc->params;

	put(d, l->params, TRIM);
	put(d, l->params + 8, TRIM);  /* top_pad */
	put(d, l->params + 16, TRIM); /* mmap_threshold */
	put(d, l->params + 24, 8);    /* arena_test */
	put32(d, l->params + p->n_mmaps, (uint32_t)l->mapped);
	put32(d, l->params + p->n_mmaps_max, 65536);
	put32(d, l->params + p->max_n_mmaps, (uint32_t)l->mapped);
	put(d, l->params + p->mmapped, l->mapped_bytes);
	put(d, l->params + p->max_mmapped, l->mapped_bytes);
	put(d, l->params + p->sbrk_base, l->sbrk_base);
	if (!p->tcache_bins)
		return;
	put(d, l->params + p->tcache_bins, 64);
	put(d, l->params + p->tcache_count, d->glibc->tcache_count);
}

void
draft_finish(struct draft *d)
{
	for (size_t i = 0; i < d->arenas.n; i++) {
		draft_go(d, i);
		finish_arena(d);
	}
	for (size_t i = 0; i < d->libraries.n; i++) {
		link_arenas(d, &d->libraries.at[i]);
		put_params(d, &d->libraries.at[i]);
	}
}
