/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much work a heap is, counted, since time cannot be tested: what costs
 * more here costs more in every heap.
 */
#include "scan.h"

#include "graph/sieve.h"
#include "unit/check.h"

#include <stdio.h>

static bool
swallow(void *arg, const char *text, size_t n)
{
	(void)arg, (void)text, (void)n;
	return true;
}

/* The leak report of a recorded core; NULL when there is none. */
static struct hs_scan *
analyse(const char *name, unsigned threads)
{
	const char *sources = getenv("SRCDIR");
	char path[4096], leaks[] = "leaks", *argv[] = { leaks, NULL };
	struct hs_error err;

	snprintf(path, sizeof path, "%s/fixtures/real/%s/core.zst",
	    sources ? sources : ".", name);
	struct hs_options o = { .core = path, .write = swallow, .threads = threads };
	struct hs_scan *s = hs_open(&o, &err);
	if (s && hs_run(s, 1, argv, &err) <= HS_FOUND)
		return s;
	printf("# %s\n", err.text);
	hs_close(s);
	return NULL;
}

static void
words_and_edges_of_a_heap_do_not_grow(void)
{
	struct hs_scan *s = analyse("glibc-2.36", 1);

	if (!s)
		SKIP("the recorded core cannot be read here");
	const struct edges *e = &s->graph.edges;
	uint64_t words = s->heap.used.bytes / 8, bytes = s->heap.nchunks;

	for (size_t i = 0; i < e->nparts; i++)
		bytes += e->part[i].edge.n * numbers_each(&e->part[i].edge)
		    + e->part[i].nmany * sizeof *e->part[i].many;
	CHECK(e->n == 34);
	CHECK(bytes <= 349);
	CHECK(e->looked_at <= words + SIEVE_WORDS * (uint64_t)s->heap.nchunks);
	hs_close(s);
}

static void
threads_share_the_work(void)
{
	struct hs_scan *one = analyse("glibc-2.36", 1);
	struct hs_scan *many = analyse("glibc-2.36", 7);

	if (!one || !many)
		SKIP("the recorded core cannot be read here");
	CHECK(one->graph.edges.n == many->graph.edges.n);
	CHECK(one->graph.edges.looked_at == many->graph.edges.looked_at);
	hs_close(one);
	hs_close(many);
}

TESTS(words_and_edges_of_a_heap_do_not_grow, threads_share_the_work)
