/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way to a block, and who points at it. */
#include "unit/check.h"
#include "unit/world.h"

#include "graph/links.h"
#include "graph/mark.h"

#include <stdio.h>
#include <string.h>

/* The names of the blocks on the path to one, from the root on: "ABC"; "" when none. */
static const char *
path_to(const struct world *w, const char *name)
{
	static char text[64];
	const struct paths *p = &w->scan->paths;
	uint32_t block = (uint32_t)world_block(w, name).number, n = p->length[block];

	text[n] = '\0';
	for (; n > 0; block = p->before[block])
		for (size_t i = 0; i < w->names.n; i++)
			if (world_heap(w)->nchunks > block
			    && heap_block(world_heap(w), block).address
				== w->names.at[i].at) {
				text[--n] = w->names.at[i].text[0];
				break;
			}
	return text;
}

static void
make(struct world *w, const char *text)
{
	struct hs_error err;

	world_make(w, text);
	if (!world_holds(w) || !scan_paths(w->scan, &err))
		abort();
}

static void
shortest_way_is_shown(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	make(&w,
	    "block A 40; block B 40; block C 40; block D 40;"
	    "root -> A; A -> B; B -> C; C -> D; A+8 -> C");
	CHECK(!strcmp(path_to(&w, "A"), "A"));
	CHECK(!strcmp(path_to(&w, "D"), "ACD"));
}

static void
surest_way_comes_before_a_shorter_one(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	make(&w,
	    "block A 40; block B 40; block C 40; block D 40;"
	    "root -> A; A -> B; B -> C; A+8 -> C+8; C+8 -> D+40; D -> B+8;"
	    "C is reachable; D is end-only");
	CHECK(!strcmp(path_to(&w, "C"), "ABC"));
	CHECK(!strcmp(path_to(&w, "D"), "ABCD"));
}

static void
what_is_leaked_has_no_path(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	make(&w, "block A 40; block B 40; A -> B; A is leaked-direct");
	CHECK(w.scan->paths.before[world_block(&w, "B").number] == PATHS_NONE);
	CHECK(w.scan->paths.length[world_block(&w, "B").number] == 0);
}

/* An array with its length before it is REACH_START, though by an interior pointer. */
static void
recognised_pointers_lead_on(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct link_word link;

	make(&w,
	    "block A 40; block B 40; block C 16; B = 32;"
	    "root -> A; A -> B+8; B+16 -> C; B is reachable; C is reachable");
	CHECK(!strcmp(path_to(&w, "C"), "ABC"));
	CHECK(link_find(&w.scan->graph, world_heap(&w), &w.scan->image,
	    world_block(&w, "A").number, world_block(&w, "B").number, &link));
	CHECK(link.meet == MEET_START && link.at == world_at(&w, "A"));
}

static void
surest_word_of_a_block_is_its_link(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct link_word link;

	make(&w,
	    "block A 40; block B 40; root -> A; A -> B+8; A+8 -> B+40; A+16 -> B;"
	    "A+24 -> B");
	uint32_t a = (uint32_t)world_block(&w, "A").number;
	uint32_t b = (uint32_t)world_block(&w, "B").number;

	CHECK(link_find(&w.scan->graph, world_heap(&w), &w.scan->image, a, b, &link));
	CHECK(link.meet == MEET_START && link.at == world_at(&w, "A") + 16);
	CHECK(!link_find(&w.scan->graph, world_heap(&w), &w.scan->image, b, a, &link));
}

static void
holders_are_all_that_point_there(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct holders holders = { 0 };
	const struct progress silent = { NULL, NULL };
	struct hs_error err;

	make(&w,
	    "block A 40; block B 40; block C 40; block D 40; block E 40;"
	    "root -> A; A -> B; C -> B+8; D -> B+40; E -> A");
	CHECK(links_to(&holders, &w.scan->graph, world_heap(&w),
	    world_block(&w, "B").number, &silent, &err));
	CHECK(holders.n == 3 && holders.at[0] == world_block(&w, "A").number
	    && holders.at[1] == world_block(&w, "C").number
	    && holders.at[2] == world_block(&w, "D").number);
	vec_free(&holders);
}

/* Of a heap of lists and trees, every step: it is there, and as sure as it says. */
static void
each_step_is_in_memory(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	make(&w,
	    "list L 300 24; list M 50 40; block A 200; block B 64; root -> A;"
	    "A -> L; A+8 -> M+8; A+16 -> B+64; B -> A; stack -> M+16");
	const struct hs_scan *s = w.scan;
	for (uint32_t i = 0; i < s->heap.nchunks; i++) {
		uint32_t before = s->paths.before[i];
		struct link_word link;
		uint64_t word, to;

		CHECK((before != PATHS_NONE) == (s->graph.reach[i] <= REACH_END));
		if (before == PATHS_NONE || before == i)
			continue;
		CHECK(link_find(&s->graph, &s->heap, &s->image, before, i, &link));
		CHECK(reach_of(link.meet) <= (enum reach)s->graph.reach[i]
		    && s->graph.reach[before] <= s->graph.reach[i]);
		CHECK(space_word(&s->space, link.at, &word)
		    && heap_meet(&s->heap, word, &to) != MEET_NONE && to == i);
	}
}

TESTS(shortest_way_is_shown, surest_way_comes_before_a_shorter_one,
    what_is_leaked_has_no_path, recognised_pointers_lead_on,
    surest_word_of_a_block_is_its_link, holders_are_all_that_point_there,
    each_step_is_in_memory)
