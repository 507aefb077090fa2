/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where pointers start, and where they do not. */
#include "unit/check.h"
#include "unit/world.h"

/* The best root that leads to this block, or NULL. */
static const struct root *
best_root(const struct world *w, const char *name)
{
	const struct roots *roots = &w->scan->roots;
	uint64_t block = world_block(w, name).number;
	const struct root *best = NULL;

	for (size_t i = 0; i < roots->all.n; i++) {
		const struct root *r = &roots->all.at[i];

		if (r->block == block && (!best || r->meet < best->meet))
			best = r;
	}
	return best;
}

static void
every_kind_is_found_and_told_in_words(void)
{
	static const struct {
		const char *text, *kind, *words;
	} rows[] = {
		{ "block A 16; rbx -> A", "register", "register rbx of thread 1" },
		{ "block A 16; vector = 1; vector -> A", "register",
		    "vector registers of thread 1, byte 8" },
		{ "block A 16; stack -> A", "stack",
		    "stack of thread 1 at 0x7ffc00008010" },
		{ "thread; block A 16; stack -> A", "stack",
		    "stack of thread 2 at 0x7ffc00028010" },
		{ "block A 16; rsp -> mapping+0x100; mapping+0x200 -> A", "other-stack",
		    "signal or coroutine stack of thread 1 at 0x600000000200" },
		{ "block A 16; tls -> A", "thread-local",
		    "thread-local data of libc.so.6+0x0 of thread 1" },
		{ "block A 272; dtv -> A", "dtv", "dtv of thread 1" },
		{ "block A 272; spare; dtv -> A", "dtv", "dtv of a thread that is gone" },
		{ "block A 16; root -> A", "global", "data of program+0x2000" },
		{ "block A 16; libc -> A", "global", "data of libc.so.6+0x2d00" },
		{ "block A 16; mapping -> A", "mapping", "mapping at 0x600000000000" },
		{ "block A 16; constant -> A", "mapping", "mapping at 0x610000000000" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;
		char text[ROOT_TEXT] = "nothing";
		const char *kind = "none";

		world_make(&w, rows[i].text);
		const struct root *r = best_root(&w, "A");
		if (r) {
			kind =
			    root_kind_name[w.scan->roots.regions.at[r->region].kind];
			root_text(r, &w.scan->roots, &w.scan->image, text);
		}
		printf("# %s: %s, %s\n", rows[i].text, kind, text);
		CHECK(r && r->meet == MEET_START);
		CHECK(strcmp(kind, rows[i].kind) == 0
		    && strcmp(text, rows[i].words) == 0);
	}
}

static void
registers_that_hold_no_pointers_are_not_looked_at(void)
{
	CHECK(world_is_so("block A 16; orig_rax -> A; eflags -> A; gs_base -> A;"
			  "A is leaked-direct"));
}

static void
registers_of_every_thread_count(void)
{
	CHECK(world_is_so("thread; thread; block A 16; block B 16; rax -> A; vector -> B;"
			  "A is reachable; B is reachable"));
}

static void
dead_stack_is_no_root(void)
{
	CHECK(world_is_so("block A 16; dead -> A; A is leaked-direct"));
	CHECK(world_is_so("thread; block A 16; dead -> A; A is leaked-direct"));
}

static void
red_zone_is_alive(void)
{
	/* stack begins 16 bytes above SP */
	CHECK(world_is_so("block A 16; stack-144 -> A; A is reachable"));
	CHECK(world_is_so("block A 16; stack-152 -> A; A is leaked-direct"));
}

static void
stack_that_was_left_for_a_coroutine_is_alive_as_a_whole(void)
{
	CHECK(world_is_so("block A 16; block B 16; block C 16; rsp -> mapping+0x800;"
			  "dead -> A; mapping+0x780 -> B; mapping+0x778 -> C;"
			  "A is reachable; B is reachable; C is reachable"));
}

static void
spare_stack_is_dead_but_for_its_dtv(void)
{
	CHECK(world_is_so("block A 16; block B 16; block C 16; block D 272;"
			  "spare; stack -> A; dead -> B; tls -> C; dtv -> D;"
			  "A is leaked-direct; B is leaked-direct; C is leaked-direct;"
			  "D is reachable"));
}

static void
dtv_leads_to_the_block_two_words_before_it(void)
{
	CHECK(world_is_so("block A 272; dtv -> A; A is reachable"));
	/* the pointer itself, seen as thread-local memory, would make it interior */
	CHECK(world_is_so("block A 272; dtv -> A+8; A is interior"));
}

static void
values_of_pthread_keys_are_roots(void)
{
	/* tls begins 0x400 below the descriptor; specific_1stblock[1].data is at 808 */
	CHECK(world_is_so("block A 16; tls+0x728 -> A; A is reachable"));
	CHECK(world_is_so("thread; block A 16; tls+0x728 -> A; A is reachable"));
}

static void
hidden_frame_pointer_is_found(void)
{
	CHECK(world_is_so("block A 16; stack ~> A; A is reachable"));
	CHECK(world_is_so("block A 16; root ~> A; A is reachable"));
	CHECK(world_is_so("block A 16; root ~> A+8; A is interior"));
	CHECK(world_is_so("block A 16; dead ~> A; A is leaked-direct"));
}

static void
jump_that_leads_nowhere_hides_nothing(void)
{
	/* a stack pointer, and a place to go on at, that are none */
	CHECK(world_is_so("block A 16; root ~> A; root+48 = 5; A is leaked-direct"));
	CHECK(world_is_so("block A 16; root ~> A; root+56 = 5; A is leaked-direct"));
}

static void
state_of_malloc_is_no_root(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block A 16; block B 16; block C 16; arena; block D 16;"
	    "A is leaked-direct; B is leaked-direct; C is leaked-direct;"
	    "D is leaked-direct");
	const struct glibc *g = w.draft.glibc;
	const struct draft_arena *main = &w.draft.arenas.at[0],
				 *other = &w.draft.arenas.at[1];
	world_put(&w, main->state + g->arena->top + 8, world_at(&w, "A")); /* last_remainder */
	world_put(&w, w.draft.libraries.at[0].params + 32, world_at(&w, "B")); /* arena_max */
	world_put(&w, other->heap + 40, world_at(&w, "C"));
	world_put(&w, other->state + g->arena->top + 8, world_at(&w, "D"));
	world_read(&w);
	CHECK(world_holds(&w));
}

static void
tcache_is_no_root(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* a word behind the last list */
	world_write(&w,
	    "glibc 2.26; block A 16; tcache T 16; tcache U 16; A is leaked-direct");
	world_put(&w, w.threads.at[0].tcache[0] + 576, world_at(&w, "A"));
	world_read(&w);
	CHECK(world_holds(&w));
}

static void
words_that_are_not_aligned_are_no_roots(void)
{
	CHECK(world_is_so("block A 16; root+12 -> A; A is leaked-direct"));
}

static void
constants_of_files_are_no_roots(void)
{
	CHECK(world_is_so("block A 16; code+64 -> A; code-64 -> A; A is leaked-direct"));
}

static void
root_keeps_how_it_meets_the_block(void)
{
	CHECK(world_is_so("block A 40; block B 40; block Z 16; root -> A+8; stack -> B+40;"
			  "A is interior; B is end-only"));
}

static void
regions_come_by_kind_and_roots_by_region(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	const struct roots *r;

	world_make(&w,
	    "thread; block A 16; root+64 -> A; root -> A; mapping -> A; rcx -> A;"
	    "stack -> A; tls -> A");
	r = &w.scan->roots;
	CHECK(r->all.n == 6);
	for (size_t i = 1; i < r->regions.n; i++)
		CHECK(r->regions.at[i - 1].kind <= r->regions.at[i].kind);
	for (size_t i = 1; i < r->all.n; i++)
		CHECK(r->all.at[i - 1].region < r->all.at[i].region
		    || (r->all.at[i - 1].region == r->all.at[i].region
			&& r->all.at[i - 1].at < r->all.at[i].at));
}

static void
region_says_how_many_words_and_pointers(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "block A 16; mapping -> A; mapping+8 = 5; mapping+16 -> A+8");
	for (size_t i = 0; i < w.scan->roots.regions.n; i++) {
		const struct region *g = &w.scan->roots.regions.at[i];

		if (g->kind == ROOT_MAPPING && g->range.start == 0x600000000000)
			CHECK(g->words == 512 && g->pointers == 2);
	}
}

TESTS(every_kind_is_found_and_told_in_words,
    registers_that_hold_no_pointers_are_not_looked_at,
    registers_of_every_thread_count, dead_stack_is_no_root, red_zone_is_alive,
    stack_that_was_left_for_a_coroutine_is_alive_as_a_whole,
    spare_stack_is_dead_but_for_its_dtv, dtv_leads_to_the_block_two_words_before_it,
    values_of_pthread_keys_are_roots, hidden_frame_pointer_is_found,
    jump_that_leads_nowhere_hides_nothing, state_of_malloc_is_no_root,
    tcache_is_no_root, words_that_are_not_aligned_are_no_roots,
    constants_of_files_are_no_roots, root_keeps_how_it_meets_the_block,
    regions_come_by_kind_and_roots_by_region, region_says_how_many_words_and_pointers)
