/* SPDX-License-Identifier: GPL-3.0-or-later */
/* glibc's heap: layouts, copies of the library, the ring of arenas, caches. */
#include "unit/check.h"
#include "unit/world.h"

/* ---- Layouts */

/* As WORLD_OF_ALL, from before there were tcaches. */
#define WORLD_WITHOUT_TCACHE                                                         \
	"block A 16; fast G 40; unsorted X 200; block B 24; bin S 300; block C 100;" \
	"bin L 5000; block D 1; arena; block E 16; heap; bin Y 48; block F 200;"     \
	"mapped M 200000; mapped N 70000 4096; G is fastbin; X is unsorted;"         \
	"S is small-bin; L is large-bin; Y is small-bin; A is leaked-direct;"        \
	"F is leaked-direct; M is leaked-direct; N is leaked-direct;"                \
	"accounting is exact; damages are 0; leaks are 8"

static void
layout_is_chosen_by_evidence(void)
{
	static const struct {
		const char *text, *layout;
	} rows[] = {
		{ "glibc 2.17;" WORLD_WITHOUT_TCACHE, "uncounted (since glibc 2.17)" },
		{ "glibc 2.24;" WORLD_WITHOUT_TCACHE, "flag word (since glibc 2.23)" },
		{ "glibc 2.26; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "flag word, tcache with byte counts (since glibc 2.26)" },
		{ "glibc 2.27; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "fastbins, tcache with byte counts (since glibc 2.27)" },
		{ "glibc 2.30; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "fastbins, tcache with short counts (since glibc 2.30)" },
		{ "glibc 2.32; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "fastbins, tcache with mangled links (since glibc 2.32)" },
		{ "glibc 2.35; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "fastbins, tcache with mangled links (since glibc 2.32)" },
		{ "glibc 2.42; fast G 40; G is fastbin;" WORLD_OF_ALL,
		    "fastbins, tcache with slots left (since glibc 2.42)" },
		{ "glibc 2.43;" WORLD_OF_ALL,
		    "no fastbins, tcache with slots left (since glibc 2.43)" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;

		world_make(&w, rows[i].text);
		printf("# %s\n", world_heap(&w)->layout);
		CHECK(world_holds(&w));
		CHECK(strcmp(world_heap(&w)->layout, rows[i].layout) == 0);
	}
}

/* The same word is a count in one layout and bytes in the other. */
static void
threads_of_an_arena_are_not_its_size(void)
{
	static const char text[] = "block A 16; arena; block B 16;"
				   "accounting is exact; damages are 0";
	scoped(world_fini) struct world old = WORLD_EMPTY;
	scoped(world_fini) struct world late = WORLD_EMPTY;
	char words[200];

	snprintf(words, sizeof words, "glibc 2.17; %s", text);
	world_make(&old, words);
	CHECK(world_holds(&old));
	CHECK(world_heap(&old)->arenas.at[1].attached == ATTACHED_UNKNOWN);
	snprintf(words, sizeof words, "glibc 2.24; %s", text);
	world_write(&late, words);
	world_put(&late,
	    late.draft.arenas.at[1].state + late.draft.glibc->arena->attached, 0);
	world_read(&late);
	CHECK(world_holds(&late));
	CHECK(world_heap(&late)->arenas.at[0].attached == 1
	    && world_heap(&late)->arenas.at[1].attached == 0);
}

/* Behind mp_ may lie anything, pointers too: no more of it is malloc's than there is. */
static void
what_follows_the_parameters_is_a_root(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "glibc 2.24; block A 16; A is reachable");
	world_put(&w, w.draft.libraries.at[0].params + 80, world_at(&w, "A"));
	world_read(&w);
	CHECK(world_holds(&w));
}

static void
blocks_have_the_size_that_malloc_usable_size_says(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	scoped(world_fini) struct world v = WORLD_EMPTY;

	world_make(&w,
	    "block A 0; block B 24; block C 25; block D 1000; mapped M 200000;"
	    "mapped N 200000 256");
	CHECK(world_block(&w, "A").size == 24 && world_block(&w, "B").size == 24
	    && world_block(&w, "C").size == 40);
	CHECK(world_block(&w, "D").size == 1000);
	CHECK(world_block(&w, "M").size == 200704 - 16
	    && world_block(&w, "N").size == 200704 - 240 - 16);
	world_make(&v, "glibc 2.43; mapped M 200000; mapped N 200000 256");
	CHECK(world_block(&v, "M").size == 200704 - 24
	    && world_block(&v, "N").size == 200704 - 240 - 24);
}

static void
malloc_that_was_never_called_is_an_empty_heap(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "glibc 2.42; root = 1; accounting is exact; damages are 0");
	const struct glibc *g = w.draft.glibc;
	hs_addr arena = world_arena(&w);
	world_put(&w, arena + g->arena->top, arena + g->arena->bins - 16);
	world_put(&w, arena + g->arena->system, 0);
	world_put(&w, arena + g->arena->max_system, 0);
	world_put(&w, w.draft.libraries.at[0].params + g->params->sbrk_base, 0);
	world_read(&w);
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->allocator && world_heap(&w)->nchunks == 0);
}

static void
bins_of_zeros_are_no_heap(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "root = 1");
	for (unsigned i = 0; i < w.draft.glibc->arena->size; i += 8)
		world_put(&w, world_arena(&w) + i, 0);
	world_read(&w);
	CHECK(!world_heap(&w)->allocator && world_heap(&w)->nchunks == 0);
}

static void
second_library_has_a_heap_of_its_own(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "block A 16; tcache T 16; library; block B 16; tcache U 40; arena;"
	    "block C 16; U is tcache; T is tcache; accounting is exact");
	CHECK(world_holds(&w));
	const struct heap *h = world_heap(&w);
	CHECK(h->arenas.n == 3);
	unsigned a = h->arenas.at[world_block(&w, "A").span->arena].instance;
	unsigned b = h->arenas.at[world_block(&w, "B").span->arena].instance;
	unsigned c = h->arenas.at[world_block(&w, "C").span->arena].instance;
	CHECK(a != b && b == c);
}

/* ---- The ring of arenas */

/* The word that says which arena comes after this one in the ring. */
static hs_addr
next_word(const struct world *w, size_t arena)
{
	return w->draft.arenas.at[arena].state + w->draft.glibc->arena->next;
}

/* Writes that word, of four arenas, each with a block: A in the main one, B, C and D. */
static void
bend_ring(struct world *w, const char *release, size_t arena, hs_addr next)
{
	char text[300];

	snprintf(text, sizeof text,
	    "glibc %s; block A 16; arena; block B 16; arena; block C 16; arena; block D 16",
	    release);
	world_write(w, text);
	world_put(w, next_word(w, arena),
	    next < 4 ? w->draft.arenas.at[next].state : next);
	world_read(w);
	CHECK(world_heap(w)->damages.n == 1
	    && world_heap(w)->damages.at[0].at == next_word(w, arena));
	CHECK(world_heap(w)->arenas.at[0].main);
	CHECK(strcmp(world_reach(w, "A"), "leaked-direct") == 0);
}

static void
ring_that_loops_elsewhere_is_read_once(void)
{
	static const char *const releases[] = { "2.26", "2.35", "2.43" };

	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
		for (unsigned to = 1; to < 4; to++) {
			scoped(world_fini) struct world w = WORLD_EMPTY;

			bend_ring(&w, releases[i], 3, to);
			CHECK(world_heap(&w)->arenas.n == 4);
			CHECK(strcmp(world_reach(&w, "D"), "leaked-direct") == 0);
		}
}

static void
ring_that_is_broken_is_read_as_far_as_it_goes(void)
{
	static const char *const releases[] = { "2.26", "2.35", "2.43" };

	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
		for (unsigned at = 0; at < 4; at++) {
			scoped(world_fini) struct world w = WORLD_EMPTY;

			bend_ring(&w, releases[i], at, 0x1230);
			CHECK(world_heap(&w)->arenas.n == at + 1);
		}
}

static void
main_arena_alone_in_a_broken_ring_is_found(void)
{
	static const char *const releases[] = { "2.26", "2.35", "2.43" };

	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;
		char text[200];

		snprintf(text, sizeof text,
		    "glibc %s; tcache T 16; block A 16; bin B 100; block C 16; damages are 1;"
		    "A is leaked-direct; B is small-bin; T is tcache",
		    releases[i]);
		world_write(&w, text);
		world_put(&w, next_word(&w, 0), 0);
		world_read(&w);
		CHECK(world_holds(&w));
	}
}

/* ---- Caches */

static void
empty_cache_is_malloc_s_own(void)
{
	static const char *const releases[] = { "2.26", "2.30", "2.35", "2.42" };

	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;
		char text[200];

		/* a block of its size, as empty as it, is none */
		snprintf(text, sizeof text,
		    "glibc %s; block A 16; block Z 0x%x; Z is leaked-direct",
		    releases[i], glibc_of(releases[i])->tcache->chunk - 8);
		world_make(&w, text);
		CHECK(world_holds(&w));
		CHECK(world_state(&w, w.threads.at[0].tcache[0]) == STATE_INTERNAL);
	}
}

static void
dummy_cache_is_no_chunk(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "glibc 2.43; block A 16; block Z 0x2f8; Z is leaked-direct;"
	    "accounting is exact");
	CHECK(world_holds(&w));
	CHECK(world_heap(&w)->arenas.at[0].tally[STATE_INTERNAL].count == 0);
}

static void
each_thread_has_a_cache(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "tcache T 16; thread; tcache U 16; thread; arena; block A 16; tcache V 16;"
	    "T is tcache; U is tcache; V is tcache; A is leaked-direct");
	CHECK(world_holds(&w));
	const struct heap *h = world_heap(&w);
	CHECK(h->bins.n == 3);
	for (uint32_t i = 0; i < h->bins.n; i++)
		CHECK(h->bins.at[i].thread == i + 1 && h->bins.at[i].tally.count == 1);
}

static void
count_may_be_one_off(void)
{
	for (int i = 0; i < 2; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;

		world_write(&w,
		    i ? "glibc 2.42; tcache T 16; tcache U 16; T is tcache; U is tcache"
		      : "tcache T 16; tcache U 16; T is tcache; U is tcache");
		*memory_bytes(&w.memory, w.threads.at[0].tcache[0], 2) += i ? -1 : 1;
		world_read(&w);
		CHECK(world_holds(&w));
	}
}

static void
cache_of_a_thread_that_is_gone_is_known_by_its_shape(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	/* as in a child that fork() made */
	world_write(&w,
	    "tcache T 16; thread; block A 16; tcache U 16; tcache V 16;"
	    "U is tcache; V is tcache; A is leaked-direct; leaks are 1");
	w.threads.at[1].spare = true;
	world_read(&w);
	CHECK(world_holds(&w));
}

static void
cache_of_a_spare_stack_is_found(void)
{
	CHECK(world_is_so("tcache T 16; spare; block A 16; tcache U 16;"
			  "T is tcache; U is tcache; A is leaked-direct; leaks are 1"));
}

static void
cache_that_leads_astray_is_damage(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "tcache T 16; tcache U 16; tcache V 40; block A 100; damages are 1;"
	    "accounting is inexact; U is tcache; T is leaked-direct; V is tcache;"
	    "A is leaked-direct");
	hs_addr u = world_at(&w, "U");
	world_put(&w, u, (world_at(&w, "A") + 16) ^ u >> 12);
	world_read(&w);
	CHECK(world_holds(&w));
}

TESTS(layout_is_chosen_by_evidence, threads_of_an_arena_are_not_its_size,
    what_follows_the_parameters_is_a_root,
    blocks_have_the_size_that_malloc_usable_size_says,
    malloc_that_was_never_called_is_an_empty_heap, bins_of_zeros_are_no_heap,
    second_library_has_a_heap_of_its_own, ring_that_loops_elsewhere_is_read_once,
    ring_that_is_broken_is_read_as_far_as_it_goes,
    main_arena_alone_in_a_broken_ring_is_found, empty_cache_is_malloc_s_own,
    dummy_cache_is_no_chunk, each_thread_has_a_cache, count_may_be_one_off,
    cache_of_a_thread_that_is_gone_is_known_by_its_shape,
    cache_of_a_spare_stack_is_found, cache_that_leads_astray_is_damage)
