/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is reachable, and how surely; what is leaked, and what hangs from it. */
#include "unit/check.h"
#include "unit/world.h"

/* ---- Reach */

static void
block_without_any_pointer_is_leaked(void)
{
	CHECK(world_is_so("block A 16; A is leaked-direct; leaks are 1"));
}

static void
chain_of_starts_makes_reachable(void)
{
	CHECK(world_is_so(
	    "block A 16; block B 16; block C 16;"
	    "root -> A; A+8 -> B; B -> C;"
	    "A is reachable; B is reachable; C is reachable; leaks are 0"));
}

static void
chain_is_as_good_as_its_worst_link(void)
{
	CHECK(world_is_so(
	    "block A 40; block B 40; block C 40; block D 40;"
	    "root -> A; A -> B+8; B -> C; C -> D+40;"
	    "A is reachable; B is interior; C is interior; D is end-only"));
}

static void
best_chain_decides(void)
{
	CHECK(world_is_so("block A 40; block B 40; block C 40;"
			  "root -> A+8; A -> B; stack -> C; C -> B;"
			  "A is interior; B is reachable"));
	CHECK(world_is_so("block A 40; block B 40; root -> A+40; root -> B+8; B -> A;"
			  "B is interior; A is interior"));
}

static void
pointer_to_the_last_word_or_past_it_is_to_the_end(void)
{
	CHECK(world_is_so("block A 24; block Z 16; root -> A+16; A is end-only"));
	CHECK(world_is_so("block A 24; block Z 16; root -> A+24; A is end-only"));
	CHECK(world_is_so("block A 24; block Z 16; root -> A+23; A is interior"));
	CHECK(world_is_so("block A 24; block Z 16; root -> A+8; A is interior"));
	CHECK(world_is_so("block A 24; block Z 16; root -> A+25; A is leaked-direct"));
}

/* Only where nothing but the program can have put it: malloc's own links stay behind in memory. */
static void
global_pointer_to_a_last_word_that_holds_a_pointer_is_interior(void)
{
	CHECK(world_is_so("block A 24; block B 16; root -> A+16; A+16 -> B;"
			  "A is interior; B is interior"));
	CHECK(world_is_so("block A 24; block B 16; root -> A+16; A+16 -> B+8;"
			  "A is end-only; B is end-only"));
	CHECK(world_is_so("block A 24; block B 16; stack -> A+16; A+16 -> B;"
			  "A is end-only; B is end-only"));
}

static void
mapped_block_has_an_end_too(void)
{
	/* 0x21000 bytes with a header: 0x20ff0 are usable */
	CHECK(world_is_so("mapped A 0x20ff0; root -> A+0x20fe8; A is end-only"));
	CHECK(world_is_so("mapped A 0x20ff0; root -> A+0x20fe0; A is interior"));
	CHECK(world_is_so("mapped A 0x20ff0; mapped B 0x20ff0; root -> A+0x20ff0;"
			  "A is end-only; B is leaked-direct"));
	CHECK(world_is_so("mapped A 0x20ff0; root -> A+0x20ff0; A is end-only"));
	/* since 2.43 eight bytes fewer are lost */
	CHECK(world_is_so(
	    "glibc 2.43; mapped A 0x20fe8; root -> A+0x20fe0; A is end-only"));
	CHECK(world_is_so(
	    "glibc 2.43; mapped A 0x20fe8; root -> A+0x20fe8; A is end-only"));
	CHECK(world_is_so(
	    "glibc 2.43; mapped A 0x20fe8; root -> A+0x20fec; A is leaked-direct"));
}

static void
nothing_is_leaked_when_memory_is_missing(void)
{
	CHECK(world_is_so("block A 16; block B 16; lost; root -> B;"
			  "A is unknown; B is reachable; leaks are 0"));
}

static void
free_chunks_keep_nothing_alive(void)
{
	CHECK(world_is_so(
	    "tcache T 40; fast F 40; bin S 40; block X 16; bin L 2000;"
	    "block A 16; block B 16; block C 16; block D 16;"
	    "root -> T; root -> F; root -> S; root -> L;"
	    "T+24 -> A; F+24 -> B; S+24 -> C; L+40 -> D;"
	    "A is leaked-direct; B is leaked-direct; C is leaked-direct;"
	    "D is leaked-direct; T is tcache; F is fastbin; L is large-bin"));
}

static void
words_that_are_not_aligned_are_no_pointers(void)
{
	CHECK(world_is_so(
	    "block A 16; block B 40; root -> B; B+12 -> A; A is leaked-direct"));
}

static void
pointers_in_a_mapped_block_count(void)
{
	CHECK(world_is_so("mapped M 0x30000; block A 16; block B 16; root -> M;"
			  "M -> A; M+0x2fff0 -> B; A is reachable; B is reachable"));
}

static void
hidden_frame_pointer_in_a_block_is_found(void)
{
	CHECK(world_is_so("block J 200; block A 16; root -> J; J ~> A; A is reachable"));
	CHECK(world_is_so(
	    "block J 400; block A 16; root -> J; J+200 ~> A; A is reachable"));
	CHECK(world_is_so(
	    "block J 184; block A 16; root -> J; J ~> A; A is leaked-direct"));
}

/* ---- Leaks */

static void
what_a_leak_holds_is_indirect(void)
{
	CHECK(world_is_so("block A 16; block B 40; block C 16; A -> B+8; B+32 -> C;"
			  "A is leaked-direct; B is leaked-indirect; C is leaked-indirect;"
			  "leaks are 1"));
}

static void
pointer_to_an_end_makes_no_indirect_leak(void)
{
	CHECK(world_is_so("block A 16; block B 16; block C 16; A -> B+24; A+8 -> C+16;"
			  "A is leaked-direct; B is leaked-direct; C is leaked-direct;"
			  "leaks are 3"));
}

static void
self_pointer_is_no_cycle(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; A+8 -> A; A+16 -> A+24; A is leaked-direct; leaks are 1");
	CHECK(world_holds(&w));
	CHECK(w.scan->graph.leaks.at[0].members == 1);
	CHECK(w.scan->graph.leaks.at[0].indirect_count == 0);
}

static void
cycle_counts_once_and_its_lowest_stands_for_it(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* the second heap's blocks have the lower numbers */
	world_make(&w,
	    "arena; block A 16; block T 16; heap; block B 40; B -> A; A -> B; A+8 -> T;"
	    "A is leaked-direct; B is leaked-direct; T is leaked-indirect; leaks are 1");
	CHECK(world_holds(&w));
	const struct leak *l = &w.scan->graph.leaks.at[0];
	CHECK(world_block(&w, "B").number < world_block(&w, "A").number);
	CHECK(l->address == world_at(&w, "A"));
	CHECK(l->block == world_block(&w, "A").number);
	CHECK(l->members == 2 && l->bytes == 24 + 40);
	CHECK(l->indirect_count == 1 && l->indirect_bytes == 24);
}

static void
cycle_that_hangs_from_a_leak_is_indirect(void)
{
	CHECK(world_is_so("block B 16; block C 16; block A 16; A -> C; B -> C; C -> B;"
			  "A is leaked-direct; B is leaked-indirect; C is leaked-indirect;"
			  "leaks are 1"));
}

static void
cycles_in_a_row_are_one_leak(void)
{
	CHECK(world_is_so("block A 40; block B 40; block C 40; block D 40;"
			  "A -> B; B -> A; B+8 -> C; C -> D; D -> C;"
			  "A is leaked-direct; B is leaked-direct; C is leaked-indirect;"
			  "D is leaked-indirect; leaks are 1"));
}

static void
cycles_that_share_a_block_are_one(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 40; block C 40; A -> B; B -> C; B+8 -> A; C -> B;"
	    "A is leaked-direct; B is leaked-direct; C is leaked-direct; leaks are 1");
	CHECK(world_holds(&w));
	CHECK(w.scan->graph.leaks.at[0].members == 3);
}

static void
shared_tail_is_counted_with_the_first_head(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block T 16; block A 16; block B 16; A -> T; B -> T;"
	    "A is leaked-direct; B is leaked-direct; T is leaked-indirect");
	CHECK(world_holds(&w));
	const struct graph *g = &w.scan->graph;
	CHECK(g->leaks.n == 2 && g->leaks.at[0].address == world_at(&w, "A"));
	CHECK(g->leaks.at[0].indirect_count == 1 && g->leaks.at[0].indirect_bytes == 24);
	CHECK(g->leaks.at[1].indirect_count == 0 && g->leaks.at[1].indirect_bytes == 0);
	CHECK(g->total[REACH_DIRECT].count == 2 && g->total[REACH_DIRECT].bytes == 48);
	CHECK(g->total[REACH_INDIRECT].count == 1
	    && g->total[REACH_INDIRECT].bytes == 24);
}

static void
long_list_is_one_leak(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "list L 200000 16; L is leaked-direct; L' is leaked-indirect");
	CHECK(world_holds(&w) && w.scan->graph.leaks.n == 1);
	CHECK(w.scan->graph.leaks.at[0].indirect_count == 199999);
}

static void
long_ring_is_one_leak(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "list L 200000 16; L' -> L; L is leaked-direct; L' is leaked-direct");
	CHECK(world_holds(&w) && w.scan->graph.leaks.n == 1);
	CHECK(w.scan->graph.leaks.at[0].members == 200000);
}

static void
long_list_is_reachable_to_its_end(void)
{
	CHECK(world_is_so("list L 200000 16; root -> L; L' is reachable; leaks are 0"));
}

/* ---- Pointers inside that count as pointers to the start */

static void
characters_behind_a_string_head(void)
{
	/* length, capacity, references; "hello" */
	CHECK(world_is_so("block S 40; S = 5; S+8 = 15; S+24 = 0x6f6c6c6568;"
			  "root -> S+24; S is reachable"));
	/* the same, but: no end where the length says it; longer than its room; another size */
	CHECK(world_is_so("block S 40; S = 4; S+8 = 15; S+24 = 0x6f6c6c6568;"
			  "root -> S+24; S is interior"));
	CHECK(world_is_so("block S 40; S = 16; S+8 = 15; S+24 = 0x6f6c6c6568;"
			  "root -> S+24; S is interior"));
	CHECK(world_is_so("block S 88; S = 5; S+8 = 15; S+24 = 0x6f6c6c6568;"
			  "root -> S+24; S is interior"));
	CHECK(world_is_so("block S 40; S = 5; S+8 = 16; S+24 = 0x6f6c6c6568;"
			  "root -> S+24; S is interior"));
	/* and not to the characters */
	CHECK(world_is_so("block S 40; S = 5; S+8 = 15; S+24 = 0x6f6c6c6568;"
			  "root -> S+16; S is interior"));
}

static void
what_follows_a_blocks_own_length(void)
{
	CHECK(world_is_so("block S 200; S = 192; root -> S+8; S is reachable"));
	CHECK(world_is_so("block S 200; S = 161; root -> S+8; S is reachable"));
	CHECK(world_is_so("block S 200; S = 193; root -> S+8; S is interior"));
	CHECK(world_is_so("block S 200; S = 160; root -> S+8; S is interior"));
	CHECK(world_is_so("block S 200; S = 192; root -> S+16; S is interior"));
	CHECK(world_is_so("block S 24; S = 0; root -> S+8; S is interior"));
}

static void
elements_behind_a_count(void)
{
	CHECK(world_is_so("block S 200; S = 24; root -> S+8; S is reachable"));
	/* 100 of one byte would leave too much over; so would none, or more than bytes */
	CHECK(world_is_so("block S 200; S = 100; root -> S+8; S is interior"));
	CHECK(world_is_so("block S 200; S = 0; root -> S+8; S is interior"));
	CHECK(world_is_so("block S 200; S = 300; root -> S+8; S is interior"));
}

/* Two tables of one class: the outer begins at root+0x820, that of the base 32 bytes in at 0x840. */
#define TABLES "root+0x818 = 0x77; root+0x830 = -32; root+0x838 = 0x77;"

static void
base_inside_an_object(void)
{
	CHECK(world_is_so("block S 64;" TABLES "S -> root+0x820; S+32 -> root+0x840;"
			  "root -> S+32; S is reachable"));
	/* not where that table says it is; of another class; no table in a module */
	CHECK(world_is_so("block S 64;" TABLES "S -> root+0x820; S+40 -> root+0x840;"
			  "root -> S+40; S is interior"));
	CHECK(world_is_so("block S 64;" TABLES "S -> root+0x820; S+32 -> root+0x840;"
			  "root+0x838 = 0x78; root -> S+32; S is interior"));
	CHECK(world_is_so("block S 64; mapping+0x18 = 0x77; mapping+0x30 = -32;"
			  "mapping+0x38 = 0x77; S -> mapping+0x20; S+32 -> mapping+0x40;"
			  "root -> S+32; S is interior"));
}

static void
left_link_of_a_red_node_is_no_interior_pointer(void)
{
	CHECK(world_is_so(
	    "block N 24; block M 24; root -> N; N+8 -> M+1; M is reachable"));
	CHECK(world_is_so(
	    "block N 24; block M 24; root -> N; N+8 -> M; M is reachable"));
	/* a right link; two bytes in; not to a node; not from one */
	CHECK(world_is_so(
	    "block N 24; block M 24; root -> N; N+16 -> M+1; M is interior"));
	CHECK(world_is_so(
	    "block N 24; block M 24; root -> N; N+8 -> M+2; M is interior"));
	CHECK(world_is_so(
	    "block N 24; block M 40; root -> N; N+8 -> M+1; M is interior"));
	CHECK(world_is_so(
	    "block N 40; block M 24; root -> N; N+8 -> M+1; M is interior"));
}

static void
pointer_a_few_bytes_in_is_interior(void)
{
	CHECK(world_is_so("block A 24; block B 24; root -> A+1; root -> B+7;"
			  "A is interior; B is interior"));
}

TESTS(block_without_any_pointer_is_leaked, chain_of_starts_makes_reachable,
    chain_is_as_good_as_its_worst_link, best_chain_decides,
    pointer_to_the_last_word_or_past_it_is_to_the_end,
    global_pointer_to_a_last_word_that_holds_a_pointer_is_interior,
    mapped_block_has_an_end_too, nothing_is_leaked_when_memory_is_missing,
    free_chunks_keep_nothing_alive, words_that_are_not_aligned_are_no_pointers,
    pointers_in_a_mapped_block_count, hidden_frame_pointer_in_a_block_is_found,
    what_a_leak_holds_is_indirect, pointer_to_an_end_makes_no_indirect_leak,
    self_pointer_is_no_cycle, cycle_counts_once_and_its_lowest_stands_for_it,
    cycle_that_hangs_from_a_leak_is_indirect, cycles_in_a_row_are_one_leak,
    cycles_that_share_a_block_are_one, shared_tail_is_counted_with_the_first_head,
    long_list_is_one_leak, long_ring_is_one_leak, long_list_is_reachable_to_its_end,
    characters_behind_a_string_head, what_follows_a_blocks_own_length,
    elements_behind_a_count, base_inside_an_object,
    left_link_of_a_red_node_is_no_interior_pointer, pointer_a_few_bytes_in_is_interior)
