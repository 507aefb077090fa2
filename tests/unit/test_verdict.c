/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is missing makes an answer incomplete; what was never there does not. */
#include "find/verdict.h"

#include <elf.h>

#include "unit/check.h"
#include "unit/process.h"

enum {
	RW = PF_R | PF_W,
	STACK = 0x100000,
	SIZE = 0x10000,
	TP = STACK + SIZE - 0x900,
	OTHER = 0x400000, /* memory that is no thread's stack */
};

/* A thread with its stack, and memory at OTHER that the core does not have. */
static struct process
missing(uint64_t size, uint64_t promised)
{
	struct process p = process_new();

	process_map(&p, STACK, SIZE, RW);
	process_descriptor(&p, TP, STACK, SIZE);
	process_put(&p, TP - 64, 7); /* a frame */
	process_thread(&p, STACK + 0x8000, TP);
	process_map_missing(&p, OTHER, size, RW);
	p.core.segments.at[p.core.segments.n - 1].promised = promised;
	vec_push(&p.space.holes,
	    (struct hole) { { OTHER, OTHER + size }, "not dumped" });
	return p;
}

static bool
judge(struct process *p, struct verdict *v)
{
	struct hs_error err;

	return process_load(p) && verdict_on_image(v, &p->image, &err);
}

static void
small_mapping_that_is_missing_whole_was_blank(void)
{
	scoped(process_fini) struct process p = missing(0x1000, 0);
	scoped(verdict_fini) struct verdict v = { .missing = false };

	CHECK(judge(&p, &v));
	CHECK(!v.missing && v.reasons.n == 0 && v.remarks.n == 1);
}

static void
large_mapping_that_is_missing_may_have_held_pointers(void)
{
	scoped(process_fini) struct process p = missing(16 << 20, 0);
	scoped(verdict_fini) struct verdict v = { .missing = false };

	CHECK(judge(&p, &v));
	CHECK(v.missing && v.reasons.n == 1 && v.remarks.n == 0);
}

static void
what_is_missing_in_part_was_written_to(void)
{
	scoped(process_fini) struct process p = missing(0x1000, 0x800);
	scoped(verdict_fini) struct verdict v = { .missing = false };

	CHECK(judge(&p, &v));
	CHECK(v.missing && v.reasons.n == 1);
}

TESTS(small_mapping_that_is_missing_whole_was_blank,
    large_mapping_that_is_missing_may_have_held_pointers,
    what_is_missing_in_part_was_written_to)
