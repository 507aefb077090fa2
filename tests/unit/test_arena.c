/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an arena is made of: bins, segments and heaps, chunks with their own mapping. */
#include "unit/check.h"
#include "unit/world.h"

/* ---- Bins */

static void
links_of_fastbins_are_read_right(void)
{
	CHECK(world_is_so(
	    "glibc 2.30; fast F 16; fast G 16; fast H 100; block A 16;"
	    "F is fastbin; G is fastbin; H is fastbin; accounting is exact"));
	CHECK(world_is_so(
	    "glibc 2.32; fast F 16; fast G 16; fast H 100; block A 16;"
	    "F is fastbin; G is fastbin; H is fastbin; accounting is exact"));
}

static void
bin_that_is_broken_is_read_from_its_other_end(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "bin B 200; block X 16; bin C 200; block Y 16; bin D 200; block Z 16;"
	    "B is small-bin; C is small-bin; D is small-bin; damages are 1;"
	    "accounting is inexact");
	world_put(&w, world_at(&w, "B"), 0x1234567);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->damages.at[0].at == world_at(&w, "B"));
}

static void
link_that_does_not_lead_back_is_damage(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "bin B 200; block X 16; bin C 200; block Z 16;"
	    "B is small-bin; C is small-bin; damages are 1; accounting is inexact");
	world_put(&w, world_at(&w, "C") + 8, world_at(&w, "C"));
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->damages.at[0].at == world_at(&w, "C") + 8);
}

static void
ring_of_a_bin_that_leaves_its_head_out_ends(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "bin B 200; block X 16; bin C 200; block Z 16; B is small-bin; C is small-bin");
	world_put(&w, world_at(&w, "C"), world_at(&w, "B") - 16);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->damages.n >= 1);
}

static void
fastbin_that_leads_astray_is_damage(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "glibc 2.30; tcache T 16; block A 16; fast F 16; fast G 16; G is fastbin;"
	    "F is leaked-direct; damages are 1; accounting is inexact");
	world_put(&w, world_at(&w, "G"), world_at(&w, "A"));
	world_read(&w);
	CHECK(world_holds(&w));
}

/* ---- Where an arena is not one piece */

static void
memory_of_another_sbrk_is_passed_over(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; foreign 100; block B 16; bin S 100; block C 16;"
	    "foreign 8192; block D 16; A is leaked-direct; B is leaked-direct;"
	    "S is small-bin; D is leaked-direct; accounting is exact; leaks are 4");
	CHECK(world_holds(&w));
	const struct arena *a = &world_heap(&w)->arenas.at[0];
	CHECK(a->contiguous && a->foreign_bytes == align_up(100, 16) + 8192);
	CHECK(a->found_bytes == a->system_bytes);
}

static void
segments_that_nothing_links_are_found(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; segment; block B 16; bin S 100; block C 100000; segment;"
	    "block D 16; A is leaked-direct; B is leaked-direct; S is small-bin;"
	    "D is leaked-direct; accounting is exact; leaks are 4");
	CHECK(world_holds(&w));
	CHECK(!world_heap(&w)->arenas.at[0].contiguous);
	CHECK(world_heap(&w)->spans.n == 3);
}

static void
thread_arena_has_many_heaps(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "arena; block A 16; heap; block B 5000; bin S 100; block X 1; heap; block C 16;"
	    "arena; block D 16; A is leaked-direct; B is leaked-direct;"
	    "C is leaked-direct; D is leaked-direct; S is small-bin;"
	    "accounting is exact; leaks are 5");
	CHECK(world_holds(&w));
	const struct heap *h = world_heap(&w);
	CHECK(h->arenas.n == 3 && h->arenas.at[1].heaps == 3
	    && h->arenas.at[2].heaps == 1);
	CHECK(!h->arenas.at[1].main && h->arenas.at[0].main);
	CHECK(h->arenas.at[1].tally[STATE_FENCE].count == 4);
}

static void
what_was_left_of_an_old_top_is_no_block(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* the second last header in the first heap takes 32 bytes, and looks used */
	world_write(&w,
	    "arena; block A 16; bin S 4000; heap; block B 16; A is leaked-direct;"
	    "leaks are 2");
	const struct draft_arena *a = &w.draft.arenas.at[1];
	hs_addr heap = memory_get(&w.memory, a->heap + 8);
	hs_addr end = heap + memory_get(&w.memory, heap + 16);
	hs_addr head = a->state + w.draft.glibc->arena->bins - 16;
	hs_addr filler = memory_get(&w.memory, head + 16);
	world_put(&w, head + 16, head);
	world_put(&w, head + 24, head);
	world_put(&w, filler + 8, (end - 48 - filler) | FLAG_NOT_MAIN);
	world_put(&w, end - 48 + 8, MIN_CHUNK | FLAG_PREV_USED);
	world_read(&w);
	CHECK(world_state(&w, end - 48) == STATE_FENCE);
	CHECK(world_state(&w, end - 16) == STATE_FENCE);
	CHECK(world_heap(&w)->damages.n == 0);
}

static void
heap_whose_size_makes_no_sense_is_read_all_the_same(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block M 16; arena; block A 16; heap; block B 16; damages are 1;"
	    "accounting is inexact; B is leaked-direct; M is leaked-direct;"
	    "A is leaked-direct");
	hs_addr first = memory_get(&w.memory, w.draft.arenas.at[1].heap + 8);
	world_put(&w, first + 16, (uint64_t)1 << 40);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->damages.at[0].at == first + 16);
}

/* ---- Mapped chunks */

static void
mapped_chunks_side_by_side_are_told_apart(void)
{
	CHECK(world_is_so(
	    "mapped A 200000; mapped B 1; mapped C 0x20ff0; mapped D 5000 32;"
	    "mapped E 5000 4096; mapped F 300000 65536; mapped G 1;"
	    "A is leaked-direct; B is leaked-direct; C is leaked-direct;"
	    "D is leaked-direct; E is leaked-direct; F is leaked-direct;"
	    "G is leaked-direct; accounting is exact; leaks are 7"));
	CHECK(world_is_so("glibc 2.43; mapped A 200000; mapped B 1; mapped D 5000 32;"
			  "mapped E 5000 4096; mapped F 300000 65536; mapped G 1;"
			  "accounting is exact; leaks are 6"));
}

static void
mapping_that_only_looks_so_is_none(void)
{
	CHECK(world_is_so("mapped A 200000; decoy D 5000; mapped B 200000;"
			  "A is leaked-direct; B is leaked-direct; D is nothing;"
			  "accounting is exact; leaks are 2"));
	CHECK(world_is_so("decoy D 5000; decoy E 9000; mapped B 200000;"
			  "B is leaked-direct; D is nothing; E is nothing;"
			  "accounting is exact; leaks are 1"));
	CHECK(world_is_so(
	    "block A 16; decoy D 5000; D is nothing; accounting is exact"));
}

static void
header_inside_a_block_may_be_chance(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* at A+4064 a header that says: a mapping of two pages, this far in */
	world_make(&w,
	    "mapped A 200000; mapped B 1; A+4064 = 4080; A+4072 = 0x1012;"
	    "A is leaked-direct; B is leaked-direct; accounting is exact; leaks are 2");
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "A").size == 200704 - 16);
}

static void
sizes_may_leave_out_a_trailer_whatever_the_layout(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* as glibc 2.43 writes them, beside arenas of 2.35 */
	world_write(&w,
	    "mapped A 200000; mapped B 200000; A is leaked-direct;"
	    "B is leaked-direct; accounting is exact; leaks are 2");
	hs_addr a = world_at(&w, "A") - 8, b = world_at(&w, "B") - 8;
	world_put(&w, a, memory_get(&w.memory, a) - 16);
	world_put(&w, b, memory_get(&w.memory, b) - 16);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "A").size == 200704 - 24);
}

static void
aligned_block_that_was_moved_keeps_a_stale_header(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "mapped A 9000 4096; A is leaked-direct; accounting is exact");
	hs_addr params = w.draft.libraries.at[0].params, at = world_at(&w, "A");
	const struct par_layout *p = w.draft.glibc->params;
	uint64_t was = memory_get(&w.memory, params + p->mmapped);
	memory_reach(&w.memory, at + was + 0x4000);
	world_put(&w, at - 8, (memory_get(&w.memory, at - 8) + 0x4000));
	world_put(&w, params + p->mmapped, was + 0x4000);
	world_put(&w, params + p->max_mmapped, was + 0x4000);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_block(&w, "A").size == was + 0x4000 - 4080 - 16);
}

/* What the accounting says when mp_ counts so many more bytes than there are. */
static enum accounting
account_with_drift(const char *text, uint64_t drift)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, text);
	hs_addr params = w.draft.libraries.at[0].params;
	const struct par_layout *p = w.draft.glibc->params;
	uint64_t bytes = memory_get(&w.memory, params + p->mmapped) + drift;
	world_put(&w, params + p->mmapped, bytes);
	world_put(&w, params + p->max_mmapped, bytes);
	world_read(&w);
	return world_heap(&w)->accounting;
}

static void
drift_of_2_43_is_known(void)
{
	CHECK(account_with_drift("glibc 2.43; mapped A 200000", 0) == ACCOUNT_EXACT);
	CHECK(account_with_drift("glibc 2.43; mapped A 200000", 48)
	    == ACCOUNT_KNOWN_DRIFT);
	CHECK(account_with_drift("glibc 2.43; mapped A 200000", 8) == ACCOUNT_INEXACT);
	CHECK(account_with_drift("glibc 2.43; mapped A 200000", -16ull)
	    == ACCOUNT_INEXACT);
	CHECK(account_with_drift("glibc 2.35; mapped A 200000", 48) == ACCOUNT_INEXACT);
}

TESTS(links_of_fastbins_are_read_right, bin_that_is_broken_is_read_from_its_other_end,
    link_that_does_not_lead_back_is_damage,
    ring_of_a_bin_that_leaves_its_head_out_ends, fastbin_that_leads_astray_is_damage,
    memory_of_another_sbrk_is_passed_over, segments_that_nothing_links_are_found,
    thread_arena_has_many_heaps, what_was_left_of_an_old_top_is_no_block,
    heap_whose_size_makes_no_sense_is_read_all_the_same,
    mapped_chunks_side_by_side_are_told_apart, mapping_that_only_looks_so_is_none,
    header_inside_a_block_may_be_chance,
    sizes_may_leave_out_a_trailer_whatever_the_layout,
    aligned_block_that_was_moved_keeps_a_stale_header, drift_of_2_43_is_known)
