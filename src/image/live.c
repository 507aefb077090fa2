/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which part of each stack is in use.
 *
 * As a rule all from the stack pointer, less the red zone, to the stack's end.
 * What can fool that rule:
 *
 * - The stack overflowed: SP is below the stack, where nothing is.  All of
 *   the stack is in use.
 * - A signal handler runs on a stack of its own.  The thread then has two
 *   live stacks, and the signal frame says where the other one was left.  An
 *   alternate stack may also be an array on the thread's own stack: the frames
 *   that were interrupted are below it then.
 * - A coroutine runs, on a stack that the program made.  Nothing says where
 *   the thread's own stack was left, so all of it is taken as in use; and
 *   nothing says where the coroutine's ends, so it is taken to reach up to
 *   the end of its mapping or to another thread's stack.  What the heap
 *   knows of that memory is not known here.
 * - The core does not have the stack.  gdb 13's gcore gives up a mapping at
 *   its first unreadable page and writes zeros, which happens to every stack
 *   of glibc 2.42 and later (their guard pages are in the same mapping).  A
 *   thread that has run has frames, so a live part of zeros only is lost.
 */
#include "image/parts.h"

enum {
	OVERFLOW_MOST = 1 << 20, /* bytes that SP may be below a stack and still be of it */
	NEARBY = 1 << 18, /* bytes above SP that are searched for a signal frame */
};

struct stacks VEC(struct range);

static void
stacks_fini(struct stacks *all)
{
	vec_free(all);
}

static int
by_start(const void *one, const void *other)
{
	const struct range *a = one, *b = other;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void
collect_stacks(struct stacks *all, const struct image *image)
{
	for (size_t i = 0; i < image->threads.n; i++)
		if (range_size(image->threads.at[i].stack) > 0)
			vec_push(all, image->threads.at[i].stack);
	vec_sort(all, by_start);
}

/* r, which begins at a, up to the first stack of a thread; empty when a is in one. */
static struct range
spare_threads(const struct stacks *all, struct range r, hs_addr a)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all->at[mid].start <= a)
			low = mid + 1;
		else
			high = mid;
	}
	if (low > 0 && range_has(all->at[low - 1], a))
		return (struct range) { 0, 0 };
	if (low > 0 && r.start < all->at[low - 1].end)
		r.start = all->at[low - 1].end;
	if (low < all->n && r.end > all->at[low].start)
		r.end = all->at[low].start;
	return r;
}

static hs_addr
less_red_zone(const struct image *image, hs_addr sp, hs_addr lowest)
{
	unsigned red = image->core->machine->red_zone;

	return sp - lowest < red ? lowest : sp - red;
}

/* From sp to the end of r; all of r when sp is below it. */
static struct range
from_sp(const struct image *image, struct range r, hs_addr sp)
{
	if (range_has(r, sp))
		r.start = less_red_zone(image, sp, r.start);
	return r;
}

static bool
can_touch(const struct image *image, hs_addr a)
{
	const struct piece *p = space_at(image->space, a);

	return p && p->flags != 0;
}

/* SP is in the thread's own stack, perhaps in an array that serves as a signal stack. */
static void
measure_own(const struct image *image, struct thread *t)
{
	struct range r = { t->regs->sp, t->stack.end };
	struct interrupted was;

	t->live = from_sp(image, t->stack, t->regs->sp);
	if (range_size(r) > NEARBY)
		r.end = r.start + NEARBY;
	if (sigframe_find(image, r.start, r.end, t->stack, &was) && was.sp < t->regs->sp)
		t->live = from_sp(image, t->stack, was.sp);
}

static void
measure_elsewhere(const struct image *image, const struct stacks *all, struct thread *t)
{
	hs_addr sp = t->regs->sp;
	struct range around = space_at(image->space, sp)->range, own = t->stack;
	struct interrupted was;

	own.start = own.start > OVERFLOW_MOST ? own.start - OVERFLOW_MOST : 0;
	t->elsewhere = true;
	t->live = t->stack;
	if (sigframe_find(image, sp, around.end, own, &was)) {
		t->live = from_sp(image, t->stack, was.sp);
		around = range_common(around, was.stack);
	}
	around.start = less_red_zone(image, sp, around.start);
	t->other = spare_threads(all, around, sp);
}

/* Is any of r missing from the core? */
static bool
is_missing(const struct space *s, struct range r)
{
	while (r.start < r.end) {
		const struct piece *p = space_at(s, r.start);

		if (!p || !p->bytes)
			return true;
		r.start = p->range.end;
	}
	return false;
}

/* Are all words of r zero? */
static bool
is_zero(const struct space *s, struct range r)
{
	const unsigned char *bytes;

	while (r.start < r.end) {
		uint64_t n = space_run(s, r.start, &bytes);

		if (n > range_size(r))
			n = range_size(r);
		if (n == 0)
			return false;
		if (bytes[0] != 0 || memcmp(bytes, bytes + 1, n - 1) != 0)
			return false;
		r.start += n;
	}
	return true;
}

static bool
stack_lost(const struct image *image, const struct thread *t)
{
	hs_addr sp = t->regs->sp;
	struct range frames = t->live;

	if (sp == 0)
		return false; /* never ran in user mode, or its registers are lost */
	if (range_has(frames, sp))
		frames.start = sp;
	if (range_has(frames, t->descriptor))
		frames.end = t->descriptor;
	return range_size(t->live) == 0 || is_missing(image->space, t->live)
	    || is_missing(image->space, t->other)
	    || (frames.start < frames.end && is_zero(image->space, frames));
}

void
threads_measure(struct image *image)
{
	scoped(stacks_fini) struct stacks all = { .n = 0 };

	collect_stacks(&all, image);
	image->threads.broke |= all.broke;
	for (size_t i = 0; i < image->threads.n; i++) {
		struct thread *t = &image->threads.at[i];

		if (range_has(t->stack, t->regs->sp))
			measure_own(image, t);
		else if (can_touch(image, t->regs->sp))
			measure_elsewhere(image, &all, t);
		else
			t->live = t->stack;
		t->lost |= stack_lost(image, t);
	}
}
