/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The closer look for damage, who did it, and dangling pointers. */
#include "find/damage.h"
#include "unit/check.h"
#include "unit/world.h"

/* What heap_check() finds, first one first. */
static struct damages
damages_of(struct world *w)
{
	struct damages all = { 0 };
	struct hs_error err;

	CHECK(heap_check(&w->scan->heap, true, &all, &err));
	return all;
}

/* The world has one damage: of that kind, at that word, by that writer. */
static bool
is_told(struct world *w, enum damage_kind kind, hs_addr at, enum writer writer)
{
	struct damages all = damages_of(w);
	struct scenes scenes = { 0 };
	struct hs_error err;
	bool so = all.n == 1 && damage_scenes(&scenes, &w->scan->heap, &all, &err)
	    && all.at[0].kind == kind && all.at[0].at == at
	    && scenes.at[0].writer == writer;

	vec_free(&scenes);
	vec_free(&all);
	return so;
}

static void
sound_heap_has_no_damage(void)
{
	static const char *const releases[] = { "2.26", "2.27", "2.30", "2.32",
		"2.35", "2.42", "2.43" };

	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;
		char text[2000];
		struct damages all;

		snprintf(text, sizeof text, "glibc %s; " WORLD_OF_ALL, releases[i]);
		world_write(&w, text);
		/* alone in its bin, so the ring of sizes is its own */
		world_put(&w, world_at(&w, "L") + 16, world_at(&w, "L") - 16);
		world_put(&w, world_at(&w, "L") + 24, world_at(&w, "L") - 16);
		world_read(&w);
		all = damages_of(&w);
		CHECK(all.n == 0);
		vec_free(&all);
	}
}

static void
wrong_prev_size_is_told_and_no_hindrance(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; bin X 200; block B 16; B-16 = 0x999; X is small-bin;"
	    "damages are 0; accounting is exact");
	CHECK(world_holds(&w));
	CHECK(is_told(&w, DAMAGE_PREV_SIZE, world_at(&w, "B") - 16, WRITER_AFTER_FREE));
}

static void
cleared_flag_does_not_free_its_neighbour(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 248; block C 16; root -> A; A -> C; B-8 = 0x100;"
	    "A is reachable; C is reachable; B is leaked-direct; damages are 1");
	CHECK(world_holds(&w));
	CHECK(is_told(&w, DAMAGE_FLAGS, world_at(&w, "B") - 8, WRITER_LEFT_BYTE));
}

static void
set_flag_does_not_bring_a_free_chunk_back(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; bin X 200; block B 24; B-8 = 0x21; X is small-bin; damages are 1");
	CHECK(world_holds(&w));
	CHECK(is_told(&w, DAMAGE_FLAGS, world_at(&w, "B") - 8, WRITER_AFTER_FREE));
}

static void
text_that_runs_on_says_who_wrote(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 40; block B 40; block C 40; root -> C;"
	    "A+8 = 0x2065636e6f20736f; A+16 = 0x6c6c6f6320617461; A+24 = 0x6f77206e69207265;"
	    "A+32 = 0x6574206564697374; B-8 = 0x6e67697265766f20; damages are 1");
	CHECK(world_holds(&w));
	CHECK(is_told(&w, DAMAGE_SIZE, world_at(&w, "B") - 8, WRITER_LEFT_RUN));
}

static void
link_that_was_written_to_is_a_use_after_free(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "bin X 200; block A 16; bin Y 200; block B 16");
	world_put(&w, world_at(&w, "Y") + 8, 0x1230);
	world_read(&w);
	CHECK(is_told(&w, DAMAGE_LINK, world_at(&w, "Y") + 8, WRITER_AFTER_FREE));
}

static void
chunk_in_a_bin_for_others_is_told(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* bin B's chunks are where bin A's are said to be */
	world_write(&w, "bin X 200; block A 16");
	hs_addr bins = world_arena(&w) + w.draft.glibc->arena->bins;
	hs_addr from = bins + 16 * (208 / 16 - 1), to = bins + 16 * (224 / 16 - 1);
	world_put(&w, from, from - 16);
	world_put(&w, from + 8, from - 16);
	world_put(&w, to, world_at(&w, "X") - 16);
	world_put(&w, to + 8, world_at(&w, "X") - 16);
	world_put(&w, world_at(&w, "X"), to - 16);
	world_put(&w, world_at(&w, "X") + 8, to - 16);
	world_read(&w);
	CHECK(is_told(&w, DAMAGE_SIZE, world_at(&w, "X") - 8, WRITER_LEFT));
}

static void
mark_of_a_cached_chunk_that_is_gone_is_told(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "tcache X 40; block A 16; tcache Y 40; tcache Z 40; block B 16");
	for (const char *name = "XYZ"; *name; name++)
		world_put(&w, world_at(&w, (char[]) { *name, 0 }) + 8,
		    0x5eed5eed5eed5eed);
	world_put(&w, world_at(&w, "Y") + 8, 0);
	world_read(&w);
	CHECK(is_told(&w, DAMAGE_KEY, world_at(&w, "Y") + 8, WRITER_AFTER_FREE));
}

static void
pointers_into_free_blocks_are_grouped_by_holder(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct suspects nobody = { 0 };
	struct dangling d = { 0 };
	struct hs_error err;

	world_make(&w,
	    "block A 40; tcache X 40; bin Y 200; block B 40; root -> X; A -> X; A+8 -> Y;"
	    "A+16 -> Y+32; B -> A; root -> B");
	CHECK(dangling_find(&d, &w.scan->heap, &w.scan->image, &w.scan->roots, 10,
	    &nobody, &w.scan->progress, &err));
	CHECK(d.words == 4 && d.holders == 2 && d.most.n == 2);
	CHECK(d.most.at[0].block == world_at(&w, "A"));
	CHECK(d.most.at[0].words == 3 && d.most.at[0].starts == 2);
	CHECK(d.most.at[1].block == 0 && d.most.at[1].to == world_at(&w, "X"));
	dangling_fini(&d);
	CHECK(dangling_find(&d, &w.scan->heap, &w.scan->image, &w.scan->roots, 1,
	    &nobody, &w.scan->progress, &err));
	CHECK(d.most.n == 1 && d.most.at[0].block == world_at(&w, "A"));
	dangling_fini(&d);
}

TESTS(sound_heap_has_no_damage, wrong_prev_size_is_told_and_no_hindrance,
    cleared_flag_does_not_free_its_neighbour, set_flag_does_not_bring_a_free_chunk_back,
    text_that_runs_on_says_who_wrote, link_that_was_written_to_is_a_use_after_free,
    chunk_in_a_bin_for_others_is_told, mark_of_a_cached_chunk_that_is_gone_is_told,
    pointers_into_free_blocks_are_grouped_by_holder)
