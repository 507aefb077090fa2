/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Complete or not.
 *
 * Incomplete means that something is missing which could change the set of
 * blocks in use or the reach of one: a stack, a thread's registers, writable
 * private memory, or sums that do not agree.  Missing symbols, read-only files
 * and shared mappings are not: no heap block hangs on them.
 *
 * Missing memory may hold the only pointer to a block, so with it nothing is
 * called leaked.  Sums that disagree do not have that effect: what was walked
 * was walked.
 */
#include "find/verdict.h"

static void
judge_cut(struct verdict *v, const struct core *core)
{
	if (!core->cut)
		return;
	v->missing = true;
	if (core->missing > 0)
		lines_add(&v->reasons,
		    "the core is cut short: at least %llu bytes are missing",
		    (unsigned long long)core->missing);
	else
		lines_add(&v->reasons, "the core is cut short");
}

static void
judge_threads(struct verdict *v, const struct image *image)
{
	if (image->threads.n == 0) {
		v->missing = true;
		lines_add(&v->reasons,
		    "the core has no thread: no registers, no stacks");
	}
	for (size_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];

		if (!t->lost && t->regs)
			continue;
		v->missing = true;
		lines_add(&v->reasons, "thread %u: its %s not in the core", t->number,
		    t->regs ? "stack or its descriptor is" : "registers are");
	}
}

/* One line for each reason why memory is missing, not one for each hole. */
static void
judge_holes(struct verdict *v, const struct space *space)
{
	for (size_t i = 0; i < space->holes.n; i++) {
		const char *why = space->holes.at[i].why;
		uint64_t bytes = 0;
		bool told = false;

		for (size_t j = 0; j < i && !told; j++)
			told = !strcmp(space->holes.at[j].why, why);
		if (told)
			continue;
		for (size_t j = i; j < space->holes.n; j++)
			if (!strcmp(space->holes.at[j].why, why))
				bytes += range_size(space->holes.at[j].range);
		v->missing = true;
		lines_add(&v->reasons,
		    "%llu bytes of writable memory are %s, the first at 0x%llx",
		    (unsigned long long)bytes, why,
		    (unsigned long long)space->holes.at[i].range.start);
	}
}

bool
verdict_on_image(struct verdict *v, const struct image *image, struct hs_error *err)
{
	judge_cut(v, image->core);
	judge_threads(v, image);
	judge_holes(v, image->space);
	return v->reasons.broke ? fail_nomem(err) : true;
}

/* The C library of the program, when it is one whose malloc we should have found. */
static const struct module *
find_glibc(const struct image *image)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		const char *name = image->modules.at[i].name;

		if (!strcmp(name, "libc.so.6") || !strncmp(name, "libc-2.", 7))
			return &image->modules.at[i];
	}
	return NULL;
}

bool
verdict_on_heap(struct verdict *v, const struct heap *heap,
    const struct image *image, struct hs_error *err)
{
	const struct module *libc = find_glibc(image);

	if (!heap->allocator && !heap->other && libc)
		lines_add(&v->reasons, "no heap was found, though %s is there",
		    libc->name);
	if (heap->accounting == ACCOUNT_INEXACT)
		lines_add(&v->reasons, "the heap does not add up: %s",
		    heap->disagreement_text);
	if (heap->damages.n > 0)
		lines_add(&v->reasons,
		    "the heap is damaged in %zu place%s, first at 0x%llx: %s",
		    heap->damages.n, heap->damages.n == 1 ? "" : "s",
		    (unsigned long long)heap->damages.at[0].at,
		    heap->damages.at[0].text);
	return v->reasons.broke ? fail_nomem(err) : true;
}

void
verdict_fini(struct verdict *v)
{
	lines_free(&v->reasons);
}
