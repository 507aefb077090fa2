/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Damaged heaps, and whether a heap adds up. */
#include "unit/check.h"
#include "unit/world.h"

/* ---- Damage in the row of chunks */

/* The first damage: which word, and which chunk it lies behind (0: none), are as told. */
static bool
damaged_at(const struct world *w, const char *name, const char *culprit)
{
	const struct heap *h = world_heap(w);

	return h->damages.n > 0 && h->damages.at[0].at == world_at(w, name) - 8
	    && h->damages.at[0].chunk == world_at(w, culprit) - 16;
}

static void
overwritten_size_costs_one_chunk_its_header_only(void)
{
	static const char *const sizes[] = { "0", "0x4141414141414141", "0x33",
		"-1", "0x39", "0x1000001" };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;
		char text[400];

		snprintf(text, sizeof text,
		    "block A 40; block B 40; block C 40; block D 16; root -> A; root -> C;"
		    "B-8 = %s; A is reachable; B is leaked-direct; C is reachable;"
		    "D is leaked-direct; damages are 1; accounting is inexact; leaks are 2",
		    sizes[i]);
		world_make(&w, text);
		CHECK(world_holds(&w));
		CHECK(damaged_at(&w, "B", "A"));
		CHECK(world_block(&w, "B").size == 40);
	}
}

static void
size_that_is_plausible_and_too_large_is_seen_behind(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 40; block C 40; block D 16; root -> C; B-8 = 0x51;"
	    "A is leaked-direct; B is leaked-direct; C is reachable;"
	    "D is leaked-direct; damages are 1; accounting is inexact");
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "B").size == 40 && world_block(&w, "C").size == 40);
	CHECK(world_heap(&w)->damages.at[0].chunk == world_at(&w, "B") - 16);
}

static void
size_that_is_plausible_and_too_small_is_seen_behind(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 88; block C 40; block D 16; root -> C; B-8 = 0x31;"
	    "A is leaked-direct; B is leaked-direct; C is reachable;"
	    "D is leaked-direct; damages are 1; accounting is inexact");
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "C").size == 40);
}

static void
damage_in_front_of_top_ends_at_top(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 40; B-8 = 0; B is leaked-direct; damages are 1");
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "B").size == 40);
	CHECK(world_state(&w, world_top(&w)) == STATE_TOP);
}

static void
several_damages_are_all_told(void)
{
	CHECK(world_is_so(
	    "block A 40; block B 40; block C 40; list L 300 40; block D 40;"
	    "block E 40; block F 40; root -> C; root -> L; root -> E; B-8 = 0; D-8 = 7;"
	    "C is reachable; L' is reachable; D is leaked-direct; E is reachable;"
	    "F is leaked-direct; damages are 2"));
}

static void
damaged_top_is_still_top(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block A 40; A is leaked-direct; damages are 1; accounting is inexact");
	world_put(&w, world_top(&w) + 8, 0x123451);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_state(&w, world_top(&w)) == STATE_TOP);
	CHECK(world_heap(&w)->damages.at[0].at == world_top(&w) + 8);
	CHECK(world_heap(&w)->damages.at[0].chunk == world_at(&w, "A") - 16);
}

static void
top_that_points_astray_is_told(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "block A 40; accounting is inexact");
	world_put(&w, world_arena(&w) + w.draft.glibc->arena->top, 0x7f0000000000);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->damages.n > 0);
}

static void
heap_is_found_without_its_totals(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block A 16; tcache T 16; A is leaked-direct; T is tcache;"
	    "accounting is inexact");
	for (unsigned i = 0; i < 144; i += 8)
		world_put(&w, w.draft.libraries.at[0].params + i, 0);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(strstr(world_heap(&w)->disagreement_text, "mp_"));
}

/* ---- Accounting */

static void
free_chunk_on_no_list_does_not_add_up(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; loose X 40; block B 16; X is unlisted; accounting is inexact");
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->disagreement == world_arena(&w));
	CHECK(strstr(world_heap(&w)->disagreement_text, "1 free chunks (48 bytes)"));
}

/* The same world while a thread is inside the main arena. */
static enum accounting
account_locked(const char *text)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, text);
	world_put(&w, world_arena(&w), memory_get(&w.memory, world_arena(&w)) | 1);
	world_read(&w);
	return world_heap(&w)->accounting;
}

static void
locked_arena_is_in_flight(void)
{
	CHECK(account_locked("block A 16") == ACCOUNT_IN_FLIGHT);
	CHECK(account_locked("loose X 40; block A 16") == ACCOUNT_IN_FLIGHT);
	CHECK(account_locked("loose W 40; block A 16; loose X 40; block B 16; loose Y 40;"
			     "block C 16; loose Z 40; block D 16")
	    == ACCOUNT_INEXACT);
}

static void
arena_that_lost_bytes_does_not_add_up(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	const struct glibc *g;

	world_write(&w, "block A 16; arena; block B 16; accounting is inexact");
	g = w.draft.glibc;
	hs_addr arena = w.draft.arenas.at[1].state;
	world_put(&w, arena + g->arena->system, 0x100000);
	world_put(&w, arena + g->arena->max_system, 0x100000);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->disagreement == arena);
}

static void
tallies_add_up(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "fast G 40;" WORLD_OF_ALL);
	const struct heap *h = world_heap(&w);
	for (size_t i = 0; i < h->arenas.n; i++) {
		const struct arena *a = &h->arenas.at[i];
		uint64_t sum = a->overhead_bytes + a->foreign_bytes + a->lost_bytes;

		for (int s = 0; s < STATE_COUNT; s++)
			sum += a->tally[s].bytes;
		CHECK(sum == a->found_bytes);
	}
	CHECK(h->used.count == 8);
}

static void
bins_say_what_they_hold(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "bin A 5000; block X 1; bin B 5000; block Y 1");
	const struct heap *h = world_heap(&w);
	CHECK(h->bins.n == 1);
	CHECK(h->bins.at[0].kind == STATE_LARGE && h->bins.at[0].tally.count == 2);
	CHECK(h->bins.at[0].tally.bytes == 2 * 5008);
	CHECK(h->bins.at[0].chunk_min <= 5008 && h->bins.at[0].chunk_max >= 5008);
}

TESTS(overwritten_size_costs_one_chunk_its_header_only,
    size_that_is_plausible_and_too_large_is_seen_behind,
    size_that_is_plausible_and_too_small_is_seen_behind,
    damage_in_front_of_top_ends_at_top, several_damages_are_all_told,
    damaged_top_is_still_top, top_that_points_astray_is_told,
    heap_is_found_without_its_totals, free_chunk_on_no_list_does_not_add_up,
    locked_arena_is_in_flight, arena_that_lost_bytes_does_not_add_up,
    tallies_add_up, bins_say_what_they_hold)
