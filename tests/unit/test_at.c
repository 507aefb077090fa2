/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies at an address, as a caller of the library is told. */
#include "unit/check.h"
#include "unit/world.h"

/* A world that was opened, and of which nothing was asked yet. */
static void
open_world(struct world *w, const char *text, struct hs_options o)
{
	struct hs_error err;

	world_write(w, text);
	world_freeze(w);
	tiny_put(&w->core, w->core.image.at, w->core.image.n);
	o.core = w->core.path;
	w->scan = hs_open(&o, &err);
	if (!w->scan)
		abort();
}

/* Does hs_at() say that this lies there, and this block (0: none)? */
static bool
lies(struct world *w, hs_addr a, const char *kind, hs_addr block, uint64_t size)
{
	struct hs_place p = { .kind = "" };
	struct hs_error err;

	if (hs_at(w->scan, a, &p, &err) == HS_CLEAN && strcmp(p.kind, kind) == 0
	    && p.block == block && p.size == size)
		return true;
	printf("# 0x%llx: %s, block 0x%llx of %llu\n", (unsigned long long)a,
	    p.kind, (unsigned long long)p.block, (unsigned long long)p.size);
	return false;
}

/* The last usable word lies where the next chunk begins. */
static void
block_holds_its_usable_bytes_and_no_others(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	open_world(&w, "block A 24; block B 40; fast F 40; block C 24; mapped M 200000",
	    (struct hs_options) { .core = NULL });
	hs_addr a = world_at(&w, "A"), b = world_at(&w, "B"), c = world_at(&w, "C"),
		f = world_at(&w, "F"), m = world_at(&w, "M");

	CHECK(lies(&w, a - 8, "block", 0, 0));
	CHECK(lies(&w, a, "block", a, 24));
	CHECK(lies(&w, a + 15, "block", a, 24) && lies(&w, a + 16, "block", a, 24)
	    && lies(&w, a + 23, "block", a, 24));
	CHECK(lies(&w, a + 24, "block", 0, 0)); /* the size of B */
	CHECK(lies(&w, b, "block", b, 40) && lies(&w, b + 39, "block", b, 40));
	CHECK(lies(&w, b + 40, "free-chunk", 0, 0));
	CHECK(lies(&w, f, "free-chunk", 0, 0) && lies(&w, f + 39, "block", 0, 0));
	CHECK(lies(&w, c + 23, "block", c, 24));
	CHECK(lies(&w, c + 24, "malloc-internal", 0, 0)); /* the top */
	CHECK(lies(&w, m, "block", m, world_block(&w, "M").size));
	CHECK(lies(&w, m - 1, "block", 0, 0));
	CHECK(lies(&w, m + world_block(&w, "M").size - 1, "block", m,
	    world_block(&w, "M").size));
}

static void
what_is_no_heap_has_its_kind(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	hs_addr stack, code, mapping, tls;

	open_world(&w, "block A 24", (struct hs_options) { .core = NULL });
	CHECK(world_place(&w, "stack", &stack) && lies(&w, stack, "stack", 0, 0));
	CHECK(world_place(&w, "dead", &stack) && lies(&w, stack, "dead-stack", 0, 0));
	CHECK(world_place(&w, "code", &code) && lies(&w, code, "module", 0, 0));
	CHECK(world_place(&w, "tls", &tls) && lies(&w, tls, "tls", 0, 0));
	CHECK(world_place(&w, "mapping", &mapping)
	    && lies(&w, mapping, "anonymous", 0, 0));
	CHECK(lies(&w, world_arena(&w), "malloc-internal", 0, 0));
	CHECK(lies(&w, 8, "unmapped", 0, 0) && lies(&w, UINT64_MAX, "unmapped", 0, 0));
}

static void
no_more_is_analysed_than_the_heap(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct hs_error err;

	open_world(&w, "block A 24", (struct hs_options) { .core = NULL });
	hs_addr a = world_at(&w, "A");
	CHECK(lies(&w, a, "block", a, 24) && w.scan->done == SCAN_HEAP);
	CHECK(scan_graph(w.scan, &err) && lies(&w, a, "block", a, 24));
}

/* What a command writes, as far as there is room. */
struct text {
	char bytes[4096];
	size_t n;
};

static bool
keep(void *arg, const char *text, size_t n)
{
	struct text *to = arg;

	for (size_t i = 0; i < n && to->n + 1 < sizeof to->bytes; i++)
		to->bytes[to->n++] = text[i];
	return true;
}

static void
command_says_the_same(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct text said = { .n = 0 };
	struct hs_error err;
	char address[32], at[] = "at", json[] = "--json";

	open_world(&w, "block A 24; block B 40",
	    (struct hs_options) { .write = keep, .write_arg = &said });
	hs_addr a = world_at(&w, "A");
	snprintf(address, sizeof address, "0x%llx", (unsigned long long)a + 16);
	char *argv[] = { at, json, address, NULL };
	CHECK(lies(&w, a + 16, "block", a, 24));
	CHECK(hs_run(w.scan, 3, argv, &err) == HS_CLEAN);
	CHECK(strstr(said.bytes, "\"kind\":\"block\",\"block\":\"0x"));
	CHECK(strstr(said.bytes, "\"size_bytes\":24,\"offset_bytes\":16,"));
	CHECK(strstr(said.bytes, "\"reach\":\"leaked-direct\""));
	CHECK(strstr(said.bytes, "\"input\":{\"kind\":\"core\","));
}

static bool
go_on(void *arg, const struct hs_progress *p UNUSED)
{
	return *(bool *)arg;
}

static void
interruption_leaves_the_place_alone(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct hs_place p = { .kind = "as it was" };
	struct hs_error err;
	bool more = true;

	open_world(&w, "block A 24",
	    (struct hs_options) { .progress = go_on, .progress_arg = &more });
	hs_addr a = world_at(&w, "A");
	more = false;
	CHECK(hs_at(w.scan, a, &p, &err) == HS_INTERRUPTED && *err.text);
	CHECK(strcmp(p.kind, "as it was") == 0);
	more = true;
	CHECK(lies(&w, a, "block", a, 24));
}

/* The file behind the core is cut short under our hands. */
static void
nothing_is_concluded_from_a_core_that_shrank(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	struct hs_place p = { .kind = "as it was" };
	struct hs_error err;

	open_world(&w, "block A 24", (struct hs_options) { .core = NULL });
	CHECK(ftruncate(w.core.fd, 0) == 0);
	CHECK(hs_at(w.scan, world_at(&w, "A"), &p, &err) == HS_FAILED);
	CHECK(strstr(err.text, "shrank") && strcmp(p.kind, "as it was") == 0);
}

/* The memory of a process: a program, where it says that it is. */
static size_t
read_program(void *arg, hs_addr a, void *to, size_t n)
{
	const unsigned char *program = arg;

	if (a - 0x10000 >= TINY_PROGRAM)
		return 0;
	size_t left = TINY_PROGRAM - (a - 0x10000);
	memcpy(to, program + (a - 0x10000), n < left ? n : left);
	return n < left ? n : left;
}

static void
process_is_told_from_a_core(void)
{
	unsigned char program[TINY_PROGRAM];
	struct text said = { .n = 0 };
	struct hs_mapping mappings[] = {
		{ .start = 0x10000, .end = 0x11000, .readable = true, .path = "/gone" },
		{ .start = 0x12000, .end = 0x13000, .readable = true, .writable = true },
	};
	struct hs_register sp = { .name = "rsp", .value = 0x12800 };
	struct hs_thread thread = { .number = 3, .registers = &sp, .nregisters = 1 };
	struct hs_target target = { .name = "process 7",
		.mappings = mappings,
		.nmappings = 2,
		.threads = &thread,
		.nthreads = 1,
		.read = read_program,
		.arg = program };
	struct hs_options o = { .target = &target,
		.prefix = "heap",
		.write = keep,
		.write_arg = &said };
	char leaks[] = "leaks", json[] = "--json", *argv[] = { leaks, json, NULL };
	struct hs_error err;
	struct hs_place p;

	tiny_program(program, 0x11);
	struct hs_scan *s = hs_open(&o, &err);
	CHECK(s && hs_at(s, 0x12810, &p, &err) == HS_CLEAN);
	CHECK(strcmp(p.kind, "unmapped") != 0);
	CHECK(s && hs_run(s, 2, argv, &err) == HS_INCOMPLETE);
	CHECK(strstr(said.bytes, "\"input\":{\"kind\":\"process\","));
	CHECK(!strstr(said.bytes, "\"signal\""));
	said = (struct text) { .n = 0 };
	CHECK(s && hs_run(s, 1, argv, &err) == HS_INCOMPLETE);
	CHECK(strstr(said.bytes, "  heap summary: where"));
	hs_close(s);
}

/* That a block is none cannot be said where blocks cannot be told. */
static void
another_allocator_is_an_error(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	unsigned char file[TINY_PROGRAM];
	char leaks[] = "leaks", *argv[] = { leaks, NULL };
	struct hs_place p;
	struct hs_error err;

	tiny_program(file, 0x11);
	tiny_page(&t, 0x10000, file, 4096, PF_R);
	tiny_segment(&t, 0x11000, 0x1000, 0, PF_R | PF_X);
	tiny_page(&t, 0x12000, file + 0x2000, 4096, PF_R | PF_W);
	for (unsigned i = 0; i < 3; i++)
		tiny_map(&t, 0x10000 + i * 0x1000, 0x11000 + i * 0x1000, i,
		    "/no/such/libjemalloc.so.2");
	tiny_segment(&t, 0x20000, 0x1000, 0x1000, PF_R | PF_W);
	tiny_make(&t);
	tiny_put(&t, t.image.at, t.image.n);
	struct hs_options o = { .core = t.path };
	struct hs_scan *s = hs_open(&o, &err);
	CHECK(s && hs_run(s, 1, argv, &err) == HS_FAILED);
	CHECK(s && hs_at(s, 0x20010, &p, &err) == HS_FAILED);
	CHECK(strstr(err.text, "jemalloc"));
	hs_close(s);
}

TESTS(block_holds_its_usable_bytes_and_no_others, what_is_no_heap_has_its_kind,
    no_more_is_analysed_than_the_heap, command_says_the_same,
    interruption_leaves_the_place_alone, nothing_is_concluded_from_a_core_that_shrank,
    process_is_told_from_a_core, another_allocator_is_an_error)
