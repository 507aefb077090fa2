/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heaps of so many chunks that narrow numbers do not suffice.  Such a heap
 * would be larger than this machine's memory; so we say of small ones that
 * they were too large, and all that is reported must stay the same.
 */
#include "scan.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/numbers.h"
#include "unit/check.h"
#include "unit/world.h"

static void
numbers_are_kept_whole(void)
{
	for (int wide = 0; wide < 2; wide++) {
		scoped(numbers_fini) struct numbers v = { .wide = wide }, zero = v;
		uint64_t most = wide ? (UINT64_C(1) << 48) - 1 : UINT32_MAX;

		for (uint64_t i = 0; i < 1000; i++)
			numbers_push(&v, most - i * 0x1f351);
		numbers_set(&v, 7, 0x12345678);
		numbers_trim(&v);
		CHECK(v.n == 1000 && !v.broke && numbers_each(&v) == (wide ? 6 : 4));
		for (size_t i = 999; i > 7; i--)
			CHECK(numbers_pop(&v) == most - i * 0x1f351);
		CHECK(numbers_pop(&v) == 0x12345678 && v.n == 7);
		CHECK(numbers_at(&v, 0) == most);
		numbers_trim(&v);
		numbers_push(&v, most - 5);
		CHECK(v.n == 8 && numbers_at(&v, 7) == most - 5);
		CHECK(numbers_zero(&zero, 3) && zero.n == 3
		    && numbers_at(&zero, 2) == 0);
		numbers_fini(&zero);
	}
}

/* ---- Reports */

struct text VEC(char);

static bool
keep(void *arg, const char *text, size_t n)
{
	struct text *to = arg;

	for (size_t i = 0; i < n; i++)
		vec_push(to, text[i]);
	return !to->broke;
}

/*
 * All that is said of a core, where narrow numbers suffice for so many chunks.
 * NULL when it cannot be read here; else to be closed.
 */
static struct hs_scan *
report(const char *core, uint64_t narrow, unsigned threads, struct text *to)
{
	static char json[] = "--json", limit[] = "--limit=0", leaks[] = "leaks",
		    blocks[] = "blocks", roots[] = "roots", summary[] = "summary";
	char *const commands[][4] = { { leaks, json, limit }, { blocks, json },
		{ roots, json }, { summary, json } };
	struct hs_options o = { .core = core,
		.write = keep,
		.write_arg = to,
		.threads = threads };
	struct hs_error err;
	struct hs_scan *s = hs_open(&o, &err);

	if (!s) {
		CHECK(strstr(err.text, "zstd")); /* built without it */
		return NULL;
	}
	s->crew.narrow = narrow;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		int argc = commands[i][2] ? 3 : 2;

		int status = hs_run(s, argc, (char **)commands[i], &err);

		CHECK(status == HS_CLEAN || status == HS_FOUND
		    || status == HS_INCOMPLETE);
	}
	return s;
}

/* Were the wide ways taken, as far as the heap has that many chunks? */
static void
check_ways(const struct hs_scan *s, uint64_t narrow)
{
	const struct graph *g = &s->graph;
	uint64_t lost = g->total[REACH_DIRECT].count + g->total[REACH_INDIRECT].count;

	if (s->heap.nchunks <= narrow)
		return;
	CHECK(s->heap.bases);
	CHECK(g->edges.nparts == 0 || g->edges.among_lost);
	if (lost > 0)
		CHECK(g->edges.part[0].edge.wide == (lost > narrow));
}

/* Says so when a core cannot be read, which is none of our business here. */
static void
check_core(const char *core)
{
	static const uint64_t narrow[] = { 1, 5, 64, 333, 4096 };
	struct text as_is = { 0 };
	struct hs_scan *s = report(core, 0, 1, &as_is);

	for (size_t i = 0; s && i < sizeof narrow / sizeof *narrow; i++) {
		struct text text = { 0 };
		struct hs_scan *other = report(core, narrow[i], 1 + i % 2, &text);

		CHECK(other != NULL);
		if (!other)
			break;
		CHECK(text.n > 0 && text.n == as_is.n);
		CHECK(text.n == as_is.n && !memcmp(text.at, as_is.at, text.n));
		CHECK(!heap_invalid(&other->heap));
		check_ways(other, narrow[i]);
		hs_close(other);
		vec_free(&text);
	}
	hs_close(s);
	vec_free(&as_is);
}

static void
check_world(const char *text)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_make(&w, text);
	CHECK(world_holds(&w));
	check_core(w.core.path);
}

static void
all_kinds_of_leaks_are_told_apart(void)
{
	check_world(
	    "list K 5000 16; list L 300 16; list M 20 16; block A 40; block B 40;"
	    "block C 16; block D 40; root -> K; L' -> L; A -> B; B -> A; A+8 -> C;"
	    "D -> C; D+8 -> M+8; D+16 -> K; L' -> D+40;"
	    "A is leaked-direct; C is leaked-indirect; M is leaked-indirect; leaks are 3");
	check_world(
	    "list L 70000 16; L is leaked-direct; L' is leaked-indirect; leaks are 1");
	check_world("list L 70000 16; L' -> L; L' is leaked-direct; leaks are 1");
	check_world("block A 16; block B 16; lost; root -> B; A is unknown");
}

static void
arenas_and_mappings_are_found(void)
{
	check_world(
	    "arena; list K 700 24; heap; list L 500 40; mapped M 0x30000; block S 300000;"
	    "block A 16; L' -> K; root -> M; M+0x2fff0 -> A; tcache T 40; fast F 40;"
	    "bin B 2000; block Z 16; A is reachable; K' is leaked-indirect");
}

/* One lost block with more edges than a row counts in a byte, and those it leads to. */
static void
lost_block_may_point_at_many(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block H 24000; list L 3000 16; H is leaked-direct; leaks are 1");
	for (uint64_t i = 0; i < 3000; i++) {
		world_put(&w, world_at(&w, "H") + i * 8, world_at(&w, "L") + i * 32);
		world_put(&w, world_at(&w, "L") + i * 32, 0);
	}
	world_read(&w);
	CHECK(world_holds(&w));
	check_core(w.core.path);
}

static void
check_files(const char *pattern)
{
	const char *source = getenv("SRCDIR");
	char path[4096];
	glob_t found;

	snprintf(path, sizeof path, "%s/%s", source ? source : ".", pattern);
	if (glob(path, 0, NULL, &found))
		SKIP("the fixtures are not there: SRCDIR says where to look");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		autofree char *text =
		    strstr(pattern, ".heap") ? world_text(found.gl_pathv[i]) : NULL;

		if (text)
			check_world(text);
		else
			check_core(found.gl_pathv[i]);
	}
	globfree(&found);
}

static void
synthetic_heaps_are_reported_alike(void)
{
	check_files("fixtures/synth/*.heap");
}

static void
recorded_cores_are_reported_alike(void)
{
	check_files("fixtures/real/*/core.zst");
}

TESTS(numbers_are_kept_whole, all_kinds_of_leaks_are_told_apart,
    arenas_and_mappings_are_found, lost_block_may_point_at_many,
    synthetic_heaps_are_reported_alike, recorded_cores_are_reported_alike)
