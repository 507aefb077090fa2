/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Marks through the heap itself are those that are made over edges. */
#include "graph/marks.h"
#include "graph/room.h"
#include "graph/through.h"

#include "unit/check.h"
#include "unit/world.h"

#include <glob.h>

/* What the marks are before leaks are told apart. */
static enum reach
before_leaks(unsigned char r)
{
	return reach_is_leak((enum reach)r) || r == REACH_UNKNOWN ? REACH_DIRECT
								  : (enum reach)r;
}

/* Marks the blocks of an analysed core again; does any get another mark? */
static bool
marks_agree(const struct hs_scan *s, size_t room)
{
	uint64_t n = s->heap.nchunks;
	autofree unsigned char *reach =
	    aligned_alloc(MARK_GROUP, align_up(n + 1, MARK_GROUP));
	struct graph g = { .reach = reach };
	struct hs_error err;
	uint32_t wrong = 0;

	memset(reach, REACH_NONE, align_up(n + 1, MARK_GROUP));
	for (size_t i = 0; i < n; i++)
		reach[i] =
		    s->heap.states.at[i] == STATE_USED ? REACH_DIRECT : REACH_NONE;
	if (!mark_through(&g, &s->heap, &s->image, &s->roots, room, &s->crew, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (reach[i] != before_leaks(s->graph.reach[i]) && wrong++ < 5)
			printf("# room for %zu: chunk %zu is %s, not %s\n", room, i,
			    reach_name[reach[i] & 7],
			    reach_name[before_leaks(s->graph.reach[i])]);
	return wrong == 0;
}

static bool
marks_agree_in(const char *text, size_t room)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, text);
	return world_holds(&w) && marks_agree(w.scan, room);
}

static void
all_kinds_of_links_are_followed(void)
{
	static const char *const worlds[] = {
		WORLD_OF_ALL,
		"block A 40; block B 40; block C 40; block D 40; block E 40; block F 16;"
		"root -> A; A -> B+8; B -> C; C -> D+40; D -> E; D+8 -> E+8;"
		"D is end-only; E is end-only; F is leaked-direct",
		/* reached surely, though an unsure link was seen first */
		"block A 40; block B 40; block C 40; block D 40; root -> A+8; A -> B;"
		"A+8 -> D+40; stack -> C; C -> B; B -> D+8; B is reachable; D is interior",
		/* unsure links into a block that has no room before it */
		"block A 24; block B 24; block C 24; block D 24; root -> A; A -> B+17;"
		"B -> C+24; C -> D+8; B is interior; C is end-only; D is end-only",
		"mapped M 0x20ff0; mapped N 0x20ff0; block A 16; root -> M;"
		"M+0x20fd0 -> N+0x20fe8; N -> A; N is end-only; A is end-only",
		"block J 200; block A 16; root -> J; J ~> A; A is reachable",
		"block N 24; block M 24; root -> N; N+8 -> M+1; M is reachable",
		"block A 16; block S 200; block B 16; root -> A; A -> S+8; S = 192;"
		"S+16 -> B; S is reachable; B is reachable",
		"arena; block A 16; heap; block B 40; root -> A; A -> B+8; B -> A;"
		"B+8 -> A; B is interior",
		/* the second heap's blocks have the lower numbers */
		"arena; block A 16; block X 40; heap; block B 40; block Y 40; root -> A;"
		"root -> B; A -> X+8; B -> Y+8; X is interior; Y is interior",
		"block A 16; block B 16; lost; root -> B; A is unknown; B is reachable",
	};

	for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
		for (size_t room = 1; room <= 64; room *= 8)
			CHECK(marks_agree_in(worlds[i], room));
}

static void
list_of_a_million_needs_no_room(void)
{
	CHECK(marks_agree_in("list L 1000000 16; root -> L; L' is reachable; leaks are 0",
	    16));
	CHECK(marks_agree_in("list L 1000000 16; root -> L+8; L' is interior; leaks are 0",
	    16));
}

/*
 * A block that points at many, from both ends to the middle: far more than there is
 * room for, behind every sweep and before it.  Each of them leads to one of its own.
 */
static void
what_finds_no_room_is_not_forgotten(void)
{
	enum { MANY = 30000, EACH = 32 }; /* EACH: bytes from one to the next */
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "list L 30000 16; list K 30000 16; block H 240000; root -> H;"
	    "L is reachable; L' is reachable; K is reachable; K' is reachable; leaks are 0");
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t to = i % 2 ? MANY - 1 - i / 2 : i / 2;
		hs_addr l = world_at(&w, "L") + to * EACH;
		hs_addr k = world_at(&w, "K") + i * EACH;

		world_put(&w, world_at(&w, "H") + i * 8, l);
		world_put(&w, l, k); /* and no further */
		world_put(&w, k, 0);
	}
	world_read(&w);
	CHECK(world_holds(&w));
	for (size_t room = 1; room <= MANY; room *= 13)
		CHECK(marks_agree(w.scan, room));
	CHECK(marks_agree(w.scan, through_room(&w.scan->heap)));
}

/* The files below $SRCDIR that this fits; none, and a skipped test, without it. */
static bool
find_files(const char *pattern, glob_t *found)
{
	const char *source = getenv("SRCDIR");
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", source ? source : ".", pattern);
	return glob(path, 0, NULL, found) == 0;
}

static void
synthetic_worlds_agree(void)
{
	glob_t found;

	if (!find_files("fixtures/synth/*.heap", &found))
		SKIP("fixtures/synth is not there: SRCDIR says where to look");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		autofree char *text = world_text(found.gl_pathv[i]);

		CHECK(text && marks_agree_in(text, 3));
	}
	globfree(&found);
}

static void
recorded_cores_agree(void)
{
	glob_t found;

	if (!find_files("fixtures/real/*/core.zst", &found))
		SKIP("fixtures/real is not there: SRCDIR says where to look");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct hs_options o = { .core = found.gl_pathv[i] };
		struct hs_error err;
		struct hs_scan *s = hs_open(&o, &err);

		CHECK((s && scan_graph(s, &err) && marks_agree(s, 3))
		    || strstr(err.text, "zstd"));
		hs_close(s);
	}
	globfree(&found);
}

static bool
go_on_for_a_while(void *arg, const struct hs_progress *p)
{
	unsigned *calls = arg;

	CHECK(strcmp(p->stage, "following pointers") == 0 && p->done <= p->all);
	return ++*calls < 3;
}

static void
marking_can_be_interrupted(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	unsigned calls = 0;
	struct progress progress = { go_on_for_a_while, &calls };
	struct crew crew = { .progress = &progress };
	struct hs_error err;

	world_make(&w, "list L 100000 16; root -> L");
	memset(w.scan->graph.reach, REACH_DIRECT, w.scan->heap.nchunks);
	CHECK(!mark_through(&w.scan->graph, &w.scan->heap, &w.scan->image,
	    &w.scan->roots, 100, &crew, &err));
	CHECK(err.status == HS_INTERRUPTED && calls == 3);
}

/* ---- With a limit */

/* How a graph was made. */
enum how { NOT_AT_ALL, THROUGH, OVER_EDGES };

static bool
leaks_agree(const struct graph *a, const struct graph *b)
{
	bool same = a->leaks.n == b->leaks.n
	    && memcmp(a->total, b->total, sizeof a->total) == 0;

	for (size_t i = 0; same && i < a->leaks.n; i++) {
		const struct leak *x = &a->leaks.at[i], *y = &b->leaks.at[i];

		same = x->address == y->address && x->block == y->block
		    && x->members == y->members && x->bytes == y->bytes
		    && x->indirect_count == y->indirect_count
		    && x->indirect_bytes == y->indirect_bytes;
	}
	return same;
}

/* Analyses a world again with so much memory; what comes of it must be the same. */
static enum how
with_memory(const struct world *w, uint64_t memory)
{
	struct hs_options o = { .core = w->core.path, .memory = memory };
	struct hs_error err = { .status = 0 };
	struct hs_scan *s = hs_open(&o, &err);
	enum how how = NOT_AT_ALL;

	if (s && scan_graph(s, &err)) {
		how = s->graph.edges.among_lost || s->graph.edges.nparts == 0
		    ? THROUGH
		    : OVER_EDGES;
		CHECK(leaks_agree(&s->graph, &w->scan->graph));
		CHECK(memcmp(s->graph.reach, w->scan->graph.reach, s->heap.nchunks)
		    == 0);
	} else {
		CHECK(strstr(err.text, "needs about 1 MiB of memory: raise --memory"));
	}
	hs_close(s);
	return how;
}

/* The least memory, in steps, with which a graph is made like this. */
static uint64_t
least_memory(const struct world *w, enum how how)
{
	const uint64_t step = 4096;
	uint64_t memory = step;
	enum how before = NOT_AT_ALL;

	for (enum how now = NOT_AT_ALL; now < how && memory < 1 << 21; memory += step) {
		now = with_memory(w, memory);
		CHECK(now >= before); /* more of it is never worse */
		before = now;
	}
	return memory;
}

static void
little_memory_makes_no_difference(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "list K 5000 16; list L 300 16; list M 20 16; block A 40; block B 40;"
	    "block C 16; block D 40; root -> K; L' -> L; A -> B; B -> A; A+8 -> C;"
	    "D -> C; D+8 -> M+8; D+16 -> K; L' -> D+40;"
	    "A is leaked-direct; C is leaked-indirect; M is leaked-indirect; leaks are 3");
	CHECK(world_holds(&w));
	uint64_t through = least_memory(&w, THROUGH),
		 edges = least_memory(&w, OVER_EDGES);
	CHECK(through + 8192 < edges);
	CHECK(through > 5300 + 320 * 64 && edges < 300000);
}

/* Of the edges from what is lost, those that lead to something else are not wanted. */
static void
edges_are_among_what_is_lost(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w,
	    "list K 5000 16; block A 40; block B 40; root -> K; A -> B; A+8 -> K; B -> A");
	struct hs_options o = { .core = w.core.path, .memory = 64 << 10 };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);
	CHECK(s && scan_graph(s, &err));
	CHECK(s->graph.edges.among_lost && s->graph.edges.n == 2);
	hs_close(s);
}

static void
room_is_what_is_left(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct hs_error err;
	struct room r;

	world_make(&w, "list K 5000 16; root -> K");
	const struct heap *h = world_heap(&w);
	const struct roots *roots = &w.scan->roots;

	CHECK(room_init(&r, 0, h, roots, &err));
	CHECK(room_for_all(&r, h) == 0 && room_for_lost(&r, 1) == 0);
	CHECK(r.held >= h->nchunks + h->cells.n * sizeof(struct cell));
	CHECK(r.marks >= h->nchunks + through_room(h) * sizeof(hs_addr));
	CHECK(room_init(&r, r.marks, h, roots, &err));
	CHECK(room_for_all(&r, h) == 1 && room_for_lost(&r, 0) == 1);
	CHECK(!room_init(&r, r.marks - 1, h, roots, &err) && err.status == HS_FAILED);
	CHECK(room_init(&r, 1 << 30, h, roots, &err));
	CHECK(room_for_all(&r, h) == (1 << 30) - r.held - r.marks - h->nchunks * 4);
	CHECK(room_for_lost(&r, 100) == (1 << 30) - r.marks - 100 * 64);
}

static void
needs_are_told_in_mebibytes(void)
{
	struct room r = { .most = 1, .held = 1 << 20, .marks = 1 << 20 };
	struct hs_error err;

	CHECK(!fail_no_room(&err, &r, (1 << 20) / 64, 4 << 20));
	CHECK(strstr(err.text, "needs about 5 MiB of memory: raise --memory"));
	r.most = 0;
	CHECK(!fail_no_room(&err, &r, 0, 0) && strstr(err.text, "out of memory"));
}

static void
nothing_lost_needs_no_edges(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "list K 5000 16; root -> K; leaks are 0");
	CHECK(least_memory(&w, THROUGH) < least_memory(&w, OVER_EDGES));
}

/* Where leaks cannot be told at all, edges among them are not asked for. */
static void
unknown_blocks_need_no_edges(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, "list K 5000 16; lost; K is unknown; leaks are 0");
	CHECK(least_memory(&w, THROUGH) < 5000 * 16);
}

TESTS(all_kinds_of_links_are_followed, list_of_a_million_needs_no_room,
    what_finds_no_room_is_not_forgotten, synthetic_worlds_agree, recorded_cores_agree,
    marking_can_be_interrupted, little_memory_makes_no_difference,
    edges_are_among_what_is_lost, room_is_what_is_left, needs_are_told_in_mebibytes,
    nothing_lost_needs_no_edges, unknown_blocks_need_no_edges)
