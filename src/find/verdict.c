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

enum {
	MAX_WHYS = 8,         /* reasons for holes that are told apart */
	BRK_GAP = 1 << 30,    /* bytes */
	MOST_BLANK = 1 << 20, /* bytes of a mapping outside all modules */
	MUCH = 1 << 20, /* bytes: a C library without malloc needs some pages */
};

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

/* What is missing of a thread, or NULL. */
static const char *
missing_of(const struct thread *t)
{
	if (!t->regs || t->regs->lost)
		return "registers are";
	return t->lost ? "stack or its descriptor is" : NULL;
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
		const char *missing = missing_of(t);

		if (!missing)
			continue;
		v->missing = true;
		lines_add(&v->reasons, "thread %u: its %s not in the core",
		    t->number, missing);
	}
}

/* A kept stack holds its thread's dtv, and that the dynamic TLS blocks. */
static void
judge_spares(struct verdict *v, const struct image *image)
{
	size_t lost = 0;

	for (size_t i = 0; i < image->spares.n; i++)
		lost += image->spares.at[i].lost;
	if (lost == 0)
		return;
	v->missing = true;
	lines_add(&v->reasons,
	    "stacks that ended threads left behind are missing: %zu", lost);
}

/*
 * The kernel leaves out private memory that nobody has written to (Linux 6.1,
 * vma_dump_size()): many a library's .bss, a signal stack that was never used.
 * It held zeros.  It also leaves out what the program asked it to, by
 * madvise(), and no core says which it was.  So a mapping that is missing whole is
 * taken for blank where that is all but sure: in a module, or when it is small,
 * since what is small and must not be dumped are keys and random numbers, like
 * the state of getrandom() since glibc 2.41.  A large one may be a cache full of
 * pointers.
 */
static bool
is_blank(const struct image *image, const struct hole *h)
{
	const struct module *m = image_module_at(image, h->range.start);
	const struct module_segment *s =
	    m ? module_segment_at(m, h->range.start) : NULL;
	const struct segment *in = core_segment_at(image->core, h->range.start);

	if (!in || in->promised > 0)
		return false;
	return (s && (s->flags & PF_W) && h->range.end <= s->range.end)
	    || range_size(in->range) <= MOST_BLANK;
}

/* Holes that are there for one reason, a constant string, or are blank (NULL). */
static void
tell_holes(struct lines *to, const struct image *image, const char *why)
{
	const struct space *space = image->space;
	hs_addr first = 0;
	uint64_t bytes = 0;

	for (size_t i = 0; i < space->holes.n; i++) {
		const struct hole *h = &space->holes.at[i];

		if ((why && h->why != why) || is_blank(image, h) != !why)
			continue;
		first = bytes ? first : h->range.start;
		bytes += range_size(h->range);
	}
	if (bytes > 0)
		lines_add(to,
		    "%llu bytes of writable memory are %s, the first at 0x%llx",
		    (unsigned long long)bytes,
		    why ? why
			: "not dumped, most likely never written to: taken as zeros",
		    (unsigned long long)first);
}

/* One line for each reason why memory is missing, not one for each hole. */
static void
judge_holes(struct verdict *v, const struct image *image)
{
	const struct space *space = image->space;
	const char *told[MAX_WHYS];
	size_t n = 0, k;

	for (size_t i = 0; i < space->holes.n; i++) {
		const char *why = space->holes.at[i].why;

		for (k = 0; k < n && told[k] != why; k++)
			;
		if (k < n || n == MAX_WHYS || is_blank(image, &space->holes.at[i]))
			continue;
		told[n++] = why;
		v->missing = true;
		tell_holes(&v->reasons, image, why);
	}
	tell_holes(&v->remarks, image, NULL);
}

bool
verdict_on_image(struct verdict *v, const struct image *image, struct hs_error *err)
{
	judge_cut(v, image->core);
	judge_threads(v, image);
	judge_spares(v, image);
	judge_holes(v, image);
	return v->reasons.broke || v->remarks.broke ? fail_nomem(err) : true;
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

/*
 * Memory from brk(), which malloc takes first: the kernel puts it behind the
 * program, at a random distance that was never seen to exceed a gigabyte.
 */
static bool
has_brk(const struct image *image)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		const struct module *m = &image->modules.at[i];
		const struct piece *p =
		    m->is_exe ? space_from(image->space, m->range.end) : NULL;

		if (p && !p->file && (p->flags & PF_W)
		    && p->range.start - m->range.end < BRK_GAP)
			return true;
	}
	return false;
}

/* Writable anonymous memory besides stacks: what it is for, we do not know. */
static uint64_t
unexplained(const struct image *image)
{
	const struct space *s = image->space;
	uint64_t all = 0, stacks = 0;

	for (size_t i = 0; i < s->pieces.n; i++) {
		const struct piece *p = &s->pieces.at[i];

		if (!p->file && (p->flags & PF_W)
		    && !image_module_at(image, p->range.start))
			all += range_size(p->range);
	}
	for (size_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];
		const struct piece *p = t->regs ? space_at(s, t->regs->sp) : NULL;

		stacks += range_size(t->stack) ? range_size(t->stack)
		    : p                        ? range_size(p->range)
					       : 0;
	}
	return all > stacks ? all - stacks : 0;
}

/* No heap: was there none, or one of a kind that we do not know? */
static void
judge_no_heap(struct verdict *v, const struct image *image)
{
	const struct module *libc = find_glibc(image);

	/* up to glibc 2.41 a process that never called malloc has no heap to be found */
	if (libc && has_brk(image))
		lines_add(&v->reasons,
		    "no heap was found, though %s and memory from brk() are there",
		    libc->name);
	else if (unexplained(image) > MUCH)
		lines_add(&v->reasons,
		    "no heap was found, though there is much memory that may be "
		    "some allocator's: %llu bytes",
		    (unsigned long long)unexplained(image));
}

/* Is the hole in memory that malloc has, or had before it was damaged? */
static bool
is_in_heap(const struct heap *h, struct range hole)
{
	for (size_t i = 0; i < h->skipped.n; i++)
		if (range_overlaps(h->skipped.at[i], hole))
			return true;
	return range_holding(h->owned.at, h->owned.n, hole.start)
	    || range_holding(h->owned.at, h->owned.n, hole.end - 1);
}

/* Malloc has written to all of its heap: what is missing there was not blank. */
static void
judge_blanks(struct verdict *v, const struct heap *heap, const struct image *image)
{
	const struct space *space = image->space;

	for (size_t i = 0; i < space->holes.n; i++) {
		struct range hole = space->holes.at[i].range;

		if (!is_blank(image, &space->holes.at[i]) || !is_in_heap(heap, hole))
			continue;
		v->missing = true;
		lines_add(&v->reasons,
		    "some of the heap is missing, the first at 0x%llx",
		    (unsigned long long)hole.start);
		return;
	}
}

/* Is that where damage is?  Then the damage says all. */
static bool
is_damage(const struct heap *heap, hs_addr a)
{
	for (size_t i = 0; i < heap->damages.n; i++)
		if (heap->damages.at[i].at == a)
			return true;
	return false;
}

/* Who else has memory, and what became of it here. */
static void
tell_allocators(struct verdict *v, const struct heap *heap)
{
	if (heap->inner)
		lines_add(&v->remarks,
		    "blocks of CPython's pymalloc are told apart, too: %s",
		    heap->inner_layout);
	if (heap->other)
		lines_add(&v->remarks,
		    strcmp(heap->other, "linked into it")
			? "%s is loaded: its memory is not read as blocks, but "
			  "searched for pointers"
			: "the program has a malloc %s: its memory is not read as "
			  "blocks, but searched for pointers",
		    heap->other);
}

bool
verdict_on_heap(struct verdict *v, const struct heap *heap,
    const struct image *image, struct hs_error *err)
{
	if (!heap->allocator && !heap->other)
		judge_no_heap(v, image);
	judge_blanks(v, heap, image);
	tell_allocators(v, heap);
	size_t before = v->reasons.n;
	if (heap->accounting == ACCOUNT_INEXACT && !is_damage(heap, heap->disagreement))
		lines_add(&v->reasons, "the heap does not add up: %s",
		    heap->disagreement_text);
	if (heap->damages.n > 0)
		lines_add(&v->reasons,
		    "the heap is damaged in %zu place%s, first at 0x%llx: %s",
		    heap->damages.n, heap->damages.n == 1 ? "" : "s",
		    (unsigned long long)heap->damages.at[0].at,
		    heap->damages.at[0].text);
	v->damaged = v->reasons.n - before;
	return v->reasons.broke ? fail_nomem(err) : true;
}

void
verdict_fini(struct verdict *v)
{
	lines_free(&v->reasons);
	lines_free(&v->remarks);
}
