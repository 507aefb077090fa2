/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A heap is the same, however it is cut into parts, and whoever walks them. */
#include "unit/check.h"
#include "unit/world.h"

#include <glob.h>

enum { WHOLE = 1 << 30 }; /* bytes of a part: a run is one */

/* ---- Two heaps compared */

#define SAME(a, b, vec)                                                               \
	((a)->vec.n == (b)->vec.n                                                     \
	    && ((a)->vec.n == 0                                                       \
		|| memcmp((a)->vec.at, (b)->vec.at, (a)->vec.n * sizeof *(a)->vec.at) \
		    == 0))

static bool
same_spans(const struct heap *a, const struct heap *b)
{
	for (size_t i = 0; a->spans.n == b->spans.n && i < a->spans.n; i++) {
		const struct span *x = &a->spans.at[i], *y = &b->spans.at[i];

		if (x->range.start != y->range.start || x->range.end != y->range.end
		    || x->cell != y->cell || x->first != y->first
		    || x->count != y->count || x->arena != y->arena)
			return false;
	}
	return a->spans.n == b->spans.n;
}

static bool
same_arenas(const struct heap *a, const struct heap *b)
{
	for (size_t i = 0; a->arenas.n == b->arenas.n && i < a->arenas.n; i++) {
		const struct arena *x = &a->arenas.at[i], *y = &b->arenas.at[i];

		if (x->address != y->address || x->found_bytes != y->found_bytes
		    || x->overhead_bytes != y->overhead_bytes
		    || x->foreign_bytes != y->foreign_bytes
		    || x->lost_bytes != y->lost_bytes
		    || memcmp(x->tally, y->tally, sizeof x->tally) != 0)
			return false;
	}
	return a->arenas.n == b->arenas.n;
}

static bool
same_damages(const struct heap *a, const struct heap *b)
{
	for (size_t i = 0; a->damages.n == b->damages.n && i < a->damages.n; i++) {
		const struct damage *x = &a->damages.at[i], *y = &b->damages.at[i];

		if (x->at != y->at || x->chunk != y->chunk
		    || strcmp(x->text, y->text) != 0)
			return false;
	}
	return a->damages.n == b->damages.n;
}

static const char *
difference(const struct heap *a, const struct heap *b)
{
	return !same_spans(a, b)                         ? "spans"
	    : !SAME(a, b, cells)                         ? "cells"
	    : !SAME(a, b, states)                        ? "states"
	    : !same_arenas(a, b)                         ? "arenas"
	    : !same_damages(a, b)                        ? "damages"
	    : !SAME(a, b, owned) || !SAME(a, b, skipped) ? "owned or skipped memory"
	    : a->bins.n != b->bins.n                     ? "bins"
	    : a->accounting != b->accounting
		|| strcmp(a->disagreement_text, b->disagreement_text) != 0
	    ? "accounting"
	    : NULL;
}

/* ---- One program, walked in several ways */

static bool
walk(struct heap *h, const struct hs_scan *s, unsigned threads, uint64_t grain)
{
	struct progress silent = { 0 };
	struct crew crew = {
		.threads = threads,
		.progress = &silent,
		.grain = grain,
	};
	struct hs_error err;

	if (heap_walk(h, &s->space, &s->image, &crew, &err))
		return true;
	printf("# %s\n", err.text);
	return false;
}

/* Is the heap of *s the same, however it is walked?  Says how not. */
static bool
is_one(const struct hs_scan *s)
{
	static const struct {
		unsigned threads;
		uint64_t grain;
	} ways[] = { { 1, 1024 }, { 1, 4096 }, { 2, 2048 }, { 2, 65536 }, { 7, 1024 } };
	scoped(heap_fini) struct heap whole = HEAP_EMPTY;

	if (!walk(&whole, s, 1, WHOLE))
		return false;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		scoped(heap_fini) struct heap cut = HEAP_EMPTY;
		const char *what;

		if (!walk(&cut, s, ways[i].threads, ways[i].grain))
			return false;
		what = difference(&whole, &cut);
		if (what) {
			printf("# %s differ: %u threads, parts of %llu bytes\n",
			    what, ways[i].threads, (unsigned long long)ways[i].grain);
			return false;
		}
	}
	return true;
}

/* Is the world what it says, and the same however it is walked? */
static bool
is_so_in_parts(const char *text)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, text);
	return world_holds(&w) && is_one(w.scan);
}

/* Some of everything, in more than one part. */
#define MUCH                                                                     \
	"block A 40; list L 3000 40; unsorted X 200; list M 900 100; bin S 300;" \
	"block B 24; loose Y 64; block C 70000; list N 400 24; tcache T 40;"

#define MORE                                                                       \
	MUCH "foreign 5000; list O 500 24; arena; list P 2000 60; bin Q 96; heap;" \
	     "list R 1500 33; block D 9; arena; block E 5; list U 300 200;"

static void
parts_make_no_difference(void)
{
	CHECK(is_so_in_parts(WORLD_OF_ALL));
	CHECK(is_so_in_parts(
	    MUCH "damages are 0; X is unsorted; L' is leaked-indirect"));
	CHECK(is_so_in_parts(
	    MORE "damages are 0; Q is small-bin; R' is leaked-indirect"));
	CHECK(is_so_in_parts("block A 16; segment; list L 2000 50; segment;"
			     "list M 300 80; damages are 0; M' is leaked-indirect"));
	CHECK(is_so_in_parts("library; list L 3000 20; block B 9; damages are 0"));
}

/* ---- Guesses that are wrong */

/* From a on, inside of a block, n headers of chunks of that size, one behind the other. */
static void
put_chain(struct world *w, hs_addr a, uint64_t size, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		world_put(w, a + i * size + 8, size | FLAG_PREV_USED);
}

static void
headers_inside_of_a_block_are_none(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "list L 200 40; block B 60000; list M 200 40; block C 60000; damages are 0;"
	    "L' is leaked-indirect; B is leaked-direct; M' is leaked-indirect;"
	    "C is leaked-direct; accounting is exact");
	put_chain(&w, world_at(&w, "B") + 16, 48, 1200);
	put_chain(&w, world_at(&w, "C") + 32, 96, 400);
	world_read(&w);
	CHECK(world_holds(&w) && is_one(w.scan));
}

static void
headers_that_lead_to_true_ones_are_left_behind(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* chunks of 48 bytes, the last of which ends where M begins */
	world_write(&w,
	    "list L 200 40; block B 48056; list M 2000 40; damages are 0;"
	    "B is leaked-direct; M' is leaked-indirect; accounting is exact");
	put_chain(&w, world_at(&w, "M") - 16 - 48 * 1000, 48, 1000);
	world_read(&w);
	CHECK(world_holds(&w) && is_one(w.scan));
	CHECK(world_block(&w, "B").size == 48056);
}

/* ---- Damage */

/* The same numbers every time. */
static uint64_t
any(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

/* What could stand in a header instead of old. */
static uint64_t
instead_of(uint64_t old, uint64_t *state)
{
	static const uint64_t sizes[] = { 0, 1, 0x10, 0x11, 0x21, 0x41414141, 0x61,
		0x1001, 0x10001, 0x100001, UINT64_MAX };

	switch (any(state, 3)) {
	case 0: return sizes[any(state, sizeof sizes / sizeof *sizes)];
	case 1: return old ^ 1ull << any(state, 24);
	default: return old + 16 * any(state, 600);
	}
}

/* Some words of the heap are overwritten, headers mostly. */
static void
spoil(struct world *w, uint64_t *state)
{
	static const char *const lists[] = { "L", "M", "N", "O", "P", "R", "U" };
	static const uint64_t size[] = { 48, 112, 32, 32, 80, 48, 208 };
	static const uint64_t count[] = { 3000, 900, 400, 500, 2000, 1500, 300 };

	for (uint64_t n = 1 + any(state, 6); n > 0; n--) {
		uint64_t k = any(state, 7);
		hs_addr a =
		    world_at(w, lists[k]) - 16 + size[k] * any(state, count[k]);

		a += any(state, 4) ? 8 : 8 * any(state, size[k] / 8);
		world_put(w, a, instead_of(memory_get(&w->memory, a), state));
	}
}

static void
damage_makes_no_difference(void)
{
	uint64_t state = 4711;

	for (unsigned i = 0; i < 60; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;

		world_write(&w, MORE);
		spoil(&w, &state);
		world_read(&w);
		if (!is_one(w.scan)) {
			printf("# damage number %u\n", i);
			CHECK(!"the heap is the same in parts");
		}
	}
}

static void
missing_memory_makes_no_difference(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, MORE "damages are 2");
	memory_lose(&w.memory, align_down(world_at(&w, "L") + 50000, MEMORY_PAGE));
	memory_lose(&w.memory, align_down(world_at(&w, "P") + 90000, MEMORY_PAGE));
	world_read(&w);
	CHECK(world_holds(&w) && is_one(w.scan));
}

/* ---- Interruption */

static bool
stop_at_last(void *arg, const struct hs_progress *p)
{
	unsigned *left = arg;

	CHECK(p->percent >= 0 && p->percent <= 100 && p->done <= p->all);
	return *left > 0 && --*left > 0;
}

static void
walk_is_interrupted_wherever_it_asks(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	bool done = false;

	world_make(&w, MORE);
	for (unsigned i = 1; !done; i++) {
		scoped(heap_fini) struct heap h = HEAP_EMPTY;
		unsigned left = i;
		struct progress stop = { stop_at_last, &left };
		struct crew crew = { .threads = 2, .progress = &stop, .grain = 4096 };
		struct hs_error err;

		done = heap_walk(&h, &w.scan->space, &w.scan->image, &crew, &err);
		CHECK(done ? i > 10 : err.status == HS_INTERRUPTED);
	}
}

/* ---- Recorded cores */

static bool
core_is_one(const char *path)
{
	struct hs_options o = { .core = path };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);
	bool one = s && is_one(s);

	hs_close(s);
	return one;
}

static void
recorded_cores_are_the_same_in_parts(void)
{
	const char *source = getenv("SRCDIR");
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s/fixtures/real/*/core.zst",
	    source ? source : ".");
	if (glob(pattern, 0, NULL, &found) != 0)
		SKIP("fixtures/real is not there: SRCDIR says where to look");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		printf("# %s\n", found.gl_pathv[i]);
		CHECK(core_is_one(found.gl_pathv[i]));
	}
	globfree(&found);
}

TESTS(parts_make_no_difference, headers_inside_of_a_block_are_none,
    headers_that_lead_to_true_ones_are_left_behind, damage_makes_no_difference,
    missing_memory_makes_no_difference, walk_is_interrupted_wherever_it_asks,
    recorded_cores_are_the_same_in_parts)
