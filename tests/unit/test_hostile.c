/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cores made to cost time or memory, or to make parts of the heap overlap.
 * What is found does not matter much; that it is sound and small does.
 */
#include "unit/check.h"
#include "unit/world.h"

#include <elf.h>

enum {
	PAGE = MEMORY_PAGE,
	FEW_CELLS = 1 << 20,
	HEAP_PREV = 8, /* offset in heap_info */
};

#define FAR ((hs_addr)1 << 44)

static void
put_system(struct world *w, size_t arena, uint64_t bytes)
{
	const struct arena_layout *l = w->draft.glibc->arena;
	hs_addr a = w->draft.arenas.at[arena].state;

	world_put(w, a + l->system, bytes);
	world_put(w, a + l->max_system, bytes);
}

static hs_addr
params_word(const struct world *w, unsigned offset)
{
	return w->draft.libraries.at[0].params + offset;
}

/* Nothing in the heap contradicts itself, and its tables are not large. */
static bool
is_sound(const struct world *w)
{
	const char *wrong = heap_invalid(world_heap(w));

	printf("# %s; %zu cells\n", wrong ? wrong : "sound", world_heap(w)->cells.n);
	return !wrong && world_heap(w)->cells.n < FEW_CELLS;
}

/* The area of memory that holds a. */
static struct area *
area_of(struct world *w, hs_addr a)
{
	for (size_t i = 0; i < w->memory.n; i++)
		if (range_has(w->memory.at[i].range, a))
			return &w->memory.at[i];
	abort();
}

/* ---- Absurd sizes */

static void
arena_of_absurd_size_ends_where_memory_does(void)
{
	static const uint64_t sizes[] = { FAR, (uint64_t)1 << 63, UINT64_MAX - 15 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;

		world_write(&w,
		    "block A 16; bin B 300; block C 16; A is leaked-direct;"
		    "B is small-bin; C is leaked-direct; accounting is inexact");
		put_system(&w, 0, sizes[i]);
		world_read(&w);
		CHECK(world_holds(&w) && is_sound(&w));
	}
}

/* A chunk of terabytes that are not in the core, though the next header is. */
static void
chunk_that_is_hollow_is_damaged(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "block A 16; block B 16; accounting is inexact");
	hs_addr chunk = world_at(&w, "B") - HEADER;
	struct area *heap = area_of(&w, chunk);
	hs_addr end = heap->range.start + heap->size;
	world_put(&w, chunk + 8, (FAR - chunk) | FLAG_PREV_USED);
	memory_add(&w.memory, FAR, PAGE, PF_R | PF_W);
	world_put(&w, FAR + 8, PAGE | FLAG_PREV_USED);
	world_put(&w, world_arena(&w) + w.draft.glibc->arena->top, FAR);
	put_system(&w, 0, FAR + PAGE - w.draft.libraries.at[0].sbrk_base);
	tiny_segment(&w.core, end, FAR - end, 0, PF_R | PF_W);
	world_read(&w);
	CHECK(world_holds(&w) && is_sound(&w));
	CHECK(world_state(&w, FAR) == STATE_TOP);
}

static void
header_that_is_missing_costs_what_is_near_by(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block A 16; block B 9000; block C 16; block D 9000; block E 16;"
	    "root -> A; root -> E; A is reachable; B is unknown; C is nothing;"
	    "E is reachable; accounting is inexact");
	memory_lose(&w.memory, align_down(world_at(&w, "C") - 8, PAGE));
	world_read(&w);
	CHECK(world_holds(&w) && is_sound(&w));
}

/* ---- Parts that claim the same memory */

static void
heaps_that_run_in_a_circle_are_read_once(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "block M 16; arena; block A 16; heap; block B 16; B is leaked-direct");
	hs_addr heap = align_down(world_at(&w, "B"), 64 << 20);
	world_put(&w, heap + HEAP_PREV, heap);
	put_system(&w, 1, (uint64_t)1 << 62);
	world_read(&w);
	CHECK(world_holds(&w) && is_sound(&w));
	CHECK(world_heap(&w)->arenas.at[1].heaps == 2);
}

static void
main_arena_is_not_where_a_heap_is(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	const unsigned size = 0x1000;

	world_write(&w,
	    "block A 16; arena; block B 16; block C 16; B is leaked-direct");
	hs_addr chunk = world_at(&w, "C") - HEADER;
	world_put(&w, params_word(&w, w.draft.glibc->params->sbrk_base), chunk);
	world_put(&w, world_arena(&w) + w.draft.glibc->arena->top, chunk);
	put_system(&w, 0, size);
	world_read(&w);
	CHECK(world_holds(&w) && is_sound(&w));
	CHECK(world_heap(&w)->damages.n > 0);
}

static void
mapped_block_does_not_run_into_a_heap(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w, "block A 16; arena; block B 16; B is leaked-direct");
	hs_addr heap = align_down(world_at(&w, "B"), 64 << 20);
	memory_add(&w.memory, heap - PAGE, PAGE, PF_R | PF_W);
	world_put(&w, heap - PAGE + 8, 3 * PAGE | FLAG_MAPPED);
	*memory_bytes(&w.memory, params_word(&w, w.draft.glibc->params->n_mmaps), 1) =
	    1;
	world_put(&w, params_word(&w, w.draft.glibc->params->mmapped), 3 * PAGE);
	world_read(&w);
	CHECK(world_holds(&w) && is_sound(&w));
}

/* ---- Readings of mappings */

static void
stale_header_may_promise_more_than_there_is(void)
{
	static const struct {
		const char *text;
		uint64_t stale;
	} rows[] = {
		{ "glibc 2.35; mapped M 300000 65536; block A 16; M is leaked-direct;"
		  "accounting is exact",
		    0x900000 },
		{ "glibc 2.43; mapped M 300000 65536; block A 16; M is leaked-direct;"
		  "accounting is exact",
		    0x900000 - HEADER },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scoped(world_fini) struct world w = WORLD_EMPTY;

		world_write(&w, rows[i].text);
		hs_addr chunk = world_at(&w, "M") - HEADER;
		hs_addr mapping = chunk - memory_get(&w.memory, chunk);
		world_put(&w, mapping + 8, rows[i].stale | FLAG_MAPPED);
		world_read(&w);
		CHECK(world_holds(&w));
	}
}

/*
 * An aligned block was moved, to where its address is a multiple of a page
 * only; the stale header says less.  A drift of two mremaps is no pages.
 */
static void
drift_does_not_excuse_a_wrong_reading(void)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;

	world_write(&w,
	    "glibc 2.43; block A 16; mapped M 500000; N is leaked-direct;"
	    "accounting is exact-known-drift");
	hs_addr mapping = world_at(&w, "M") - HEADER;
	uint64_t all = memory_get(&w.memory, mapping + 8) - FLAG_MAPPED + HEADER;
	hs_addr block = align_up(mapping + 2 * PAGE, 2 * PAGE) + PAGE;
	uint64_t offset = block - HEADER - mapping;
	world_put(&w, mapping + 8, (all - PAGE - HEADER) | FLAG_MAPPED);
	world_put(&w, mapping + offset, offset);
	world_put(&w, mapping + offset + 8, (all - offset - HEADER) | FLAG_MAPPED);
	world_name(&w, "N", block);
	world_put(&w, params_word(&w, w.draft.glibc->params->mmapped),
	    all + 2 * HEADER);
	world_put(&w, params_word(&w, w.draft.glibc->params->max_mmapped),
	    all + 2 * HEADER);
	world_read(&w);
	CHECK(world_holds(&w));
}

static void
brk_part_goes_on_behind_others_memory(void)
{
	CHECK(world_is_so("block A 16; foreign 100; block B 16; foreign 5000; block C 16;"
			  "segment; block D 16; A is leaked-direct; B is leaked-direct;"
			  "C is leaked-direct; D is leaked-direct; damages are 0;"
			  "accounting is exact"));
}

/* ---- The file */

/* A small file must not become a large memory. */
static void
segments_do_not_share_their_contents(void)
{
	scoped(tiny_fini) struct tiny t = TINY_EMPTY;
	scoped(core_fini) struct core core = CORE_EMPTY;
	struct hs_error err;
	Elf64_Ehdr head;
	Elf64_Phdr p;
	uint64_t have = 0;

	tiny_thread(&t, 7, 0x1800);
	for (uint64_t i = 1; i <= 50; i++)
		tiny_segment(&t, i << 30, PAGE, PAGE, PF_R | PF_W);
	tiny_make(&t);
	memcpy(&head, t.image.at, sizeof head);
	for (unsigned i = 0; i < head.e_phnum; i++) {
		unsigned char *at = t.image.at + head.e_phoff + i * sizeof p;

		memcpy(&p, at, sizeof p);
		if (p.p_type != PT_LOAD)
			continue;
		p.p_offset = 0;
		p.p_filesz = p.p_memsz = t.image.n;
		memcpy(at, &p, sizeof p);
	}
	tiny_put(&t, t.image.at, t.image.n);
	CHECK(core_open(&core, t.path, &(struct progress) { NULL, NULL }, &err));
	for (size_t i = 0; i < core.segments.n; i++)
		have += core.segments.at[i].have;
	CHECK(core.cut && have <= 4 * core.size);
}

TESTS(arena_of_absurd_size_ends_where_memory_does, chunk_that_is_hollow_is_damaged,
    header_that_is_missing_costs_what_is_near_by,
    heaps_that_run_in_a_circle_are_read_once, main_arena_is_not_where_a_heap_is,
    mapped_block_does_not_run_into_a_heap, stale_header_may_promise_more_than_there_is,
    drift_does_not_excuse_a_wrong_reading, brk_part_goes_on_behind_others_memory,
    segments_do_not_share_their_contents)
