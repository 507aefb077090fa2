/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads as the C library sees them: descriptor and stack of each.
 *
 * The descriptor (descriptor.c tells how to find it) says where the thread's
 * stack is.  We believe it if that stack holds the descriptor near its end, where
 * glibc puts it.
 *
 * The first thread's stack is the kernel's work, and the descriptor says 0:
 * it is the mapping that holds what the kernel put on it (AT_RANDOM and its
 * like).  Whether a thread is the first one is not asked of its number: in a
 * child that another thread forked, the only thread has the process's number
 * and the stack that pthread_create() gave it.
 *
 * A thread whose descriptor is lost or unknown gets the mapping that its
 * thread pointer or stack pointer is in, cut where other threads' descriptors
 * say that their stacks end: the kernel merges neighbours into one mapping.
 */
#include "image/parts.h"

enum {
	MERGE_MOST = 64, /* neighbouring pieces that one stack may be made of */
	PAST_DESCRIPTOR = 1 << 16, /* bytes from a descriptor to its stack's end, at most */
	PAST_TLS = 16 << 20, /* the same, where static TLS lies in between */
	ZEROS_ARE_LOST = 768, /* bytes of a descriptor: no live one is zero for so long */
	ALL_SEARCHED = 1 << 30, /* bytes that are searched for descriptors */
};

static bool
stack_at(const struct image *image, hs_addr tp, unsigned offset, struct range *stack)
{
	uint64_t most = image->core->machine->tls_above ? PAST_TLS : PAST_DESCRIPTOR;
	hs_addr block, size;

	if (!space_word(image->space, tp + offset, &block)
	    || !space_word(image->space, tp + offset + image->core->machine->word, &size)
	    || block == 0 || block >= tp || size <= tp - block
	    || size - (tp - block) > most || block + size < block)
		return false;
	*stack = (struct range) { block, block + size };
	return true;
}

/* Does the descriptor say that pthread_create() made no stack, wherever it says so? */
static bool
has_no_stack(const struct image *image, hs_addr tp)
{
	const struct descriptor_layout *layout = descriptor_layout(image);
	hs_addr block = 1;

	for (unsigned i = 0; block != 0 && layout->stackblock[i]; i++)
		(void)!space_word(image->space, tp + layout->stackblock[i], &block);
	return block == 0;
}

/* Drops the guard, and whatever else below could not be touched. */
static struct range
above_guard(const struct image *image, struct range r)
{
	const struct piece *p = space_from(image->space, r.start);

	for (int i = 0;
	     p && p->flags == 0 && p->range.end < r.end && i < MERGE_MOST; i++) {
		r.start = p->range.end;
		p = space_from(image->space, r.start);
	}
	if (p && p->range.start > r.start && p->range.start < r.end)
		r.start = p->range.start;
	return r;
}

bool
descriptor_stack(const struct image *image, hs_addr tp, struct range *stack)
{
	const struct descriptor_layout *layout = descriptor_layout(image);
	bool found = false;

	for (unsigned i = 0; layout && !found && layout->stackblock[i]; i++)
		found = stack_at(image, tp, layout->stackblock[i], stack);
	if (!found)
		return false;
	*stack = above_guard(image, *stack);
	return range_has(*stack, tp);
}

static bool
is_stacklike(const struct piece *p)
{
	return p && (p->flags & PF_W) && !p->file;
}

/* The mapping around a, put together from adjoining pieces.  Empty if it can hold no stack. */
static struct range
mapping_around(const struct space *s, hs_addr a)
{
	const struct piece *p = space_at(s, a);
	struct range r = { 0, 0 };

	if (!is_stacklike(p))
		return r;
	r = p->range;
	for (int i = 0;
	     i < MERGE_MOST && is_stacklike(p = space_at(s, r.start - 1)); i++)
		r.start = p->range.start;
	for (int i = 0; i < MERGE_MOST && is_stacklike(p = space_at(s, r.end)); i++)
		r.end = p->range.end;
	return r;
}

/* The stack that the kernel made for the first thread; empty if it cannot be told. */
static struct range
first_stack(const struct image *image)
{
	static const uint64_t types[] = { AT_RANDOM, AT_EXECFN, AT_PLATFORM };
	struct range r = { 0, 0 };
	uint64_t a;

	for (size_t i = 0; i < sizeof types / sizeof *types && range_size(r) == 0; i++)
		if (core_auxv(image->core, types[i], &a))
			r = mapping_around(image->space, a);
	return r;
}

void
anchors_fini(struct anchors *all)
{
	vec_free(all);
}

static int
by_number(const void *one, const void *other)
{
	const hs_addr *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

void
anchors_collect(struct anchors *all, const struct image *image)
{
	for (size_t i = 0; i < image->threads.n; i++) {
		const struct thread *t = &image->threads.at[i];

		vec_push(all, t->descriptor ? t->descriptor : t->tp);
	}
	vec_sort(all, by_number);
}

size_t
anchors_below(const struct anchors *all, hs_addr a)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all->at[mid] < a)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct range
stack_between(const struct image *image, const struct anchors *all, hs_addr a)
{
	const struct descriptor_layout *layout = descriptor_layout(image);
	uint64_t page = image_page(image), size = layout ? layout->size : 0;
	struct range r = mapping_around(image->space, a);
	size_t i = anchors_below(all, a);

	if (i > 0 && range_has(r, all->at[i - 1]))
		r.start = align_up(all->at[i - 1] + size, page);
	while (i < all->n && all->at[i] == a)
		i++;
	if (i < all->n && range_has(r, all->at[i]))
		r.end = align_up(a + size, page); /* what follows is the next one's */
	return r.start <= a && a < r.end ? r : (struct range) { 0, 0 };
}

static bool
is_zero(const struct space *s, hs_addr a, uint64_t n)
{
	const unsigned char *bytes = space_bytes(s, a, n);

	for (uint64_t i = 0; bytes && i < n; i++)
		if (bytes[i])
			return false;
	return bytes != NULL;
}

bool
descriptor_lost(const struct image *image, hs_addr tp)
{
	hs_addr word;

	if (!descriptor_layout(image) || tp == 0)
		return false;
	return !space_word(image->space, tp, &word)
	    || is_zero(image->space, tp, ZEROS_ARE_LOST);
}

/* The thread pointer is known; is what should be there lost? */
static bool
pointee_lost(const struct image *image, hs_addr tp)
{
	hs_addr dtv;

	if (!image->core->machine->tls_above)
		return descriptor_lost(image, tp);
	return tp && (!space_word(image->space, tp, &dtv) || dtv == 0);
}

static struct range
find_stack(const struct image *image, const struct thread *t, const struct anchors *all)
{
	hs_addr at = t->descriptor ? t->descriptor : t->tp;
	bool first = t->regs->tid == image->core->pid;
	struct range r = { 0, 0 };

	if (t->descriptor && descriptor_stack(image, at, &r))
		return r;
	if (t->descriptor)
		first = has_no_stack(image, at);
	if (first)
		r = first_stack(image);
	if (range_size(r) == 0 && at)
		r = stack_between(image, all, at);
	if (range_size(r) == 0)
		r = stack_between(image, all, t->regs->sp);
	return r;
}

/* What is known of a thread but for its stack. */
static struct thread
thread_of(const struct image *image, const struct core_thread *regs, uint64_t *left)
{
	struct thread t = { .number = regs->number, .regs = regs, .tp = regs->tp };

	if (regs->tp || !image->core->machine->read_note) {
		t.descriptor = descriptor_of(image, regs->tp);
		t.lost = !t.descriptor && pointee_lost(image, regs->tp);
	} else {
		t.descriptor = descriptor_search(image, regs, left);
		t.tp = descriptor_tp(image, t.descriptor);
		t.lost = !t.descriptor;
	}
	return t;
}

bool
threads_find(struct image *image, struct hs_error *err)
{
	scoped(anchors_fini) struct anchors all = { .n = 0 };
	uint64_t left = ALL_SEARCHED;

	for (size_t i = 0; i < image->core->threads.n; i++)
		vec_push(&image->threads,
		    thread_of(image, &image->core->threads.at[i], &left));
	anchors_collect(&all, image);
	for (size_t i = 0; i < image->threads.n; i++) {
		struct thread *t = &image->threads.at[i];

		t->stack = find_stack(image, t, &all);
	}
	return all.broke || image->threads.broke ? fail_nomem(err) : true;
}
