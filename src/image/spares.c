/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stacks without a thread: nptl keeps some for the next pthread_create(), and
 * a child of fork() inherits those of threads that it does not have.
 *
 * They still hold descriptors, and words of frames long gone, so they must be
 * told from stacks and from other memory.  To look for descriptors in all
 * anonymous memory would read the whole core once more; but glibc has them in
 * a circular list, through a node in each descriptor, whose head is static:
 *
 *	since 2.34, in ld.so        dl_stack_used, dl_stack_user, dl_stack_cache
 *	before, in libpthread       stack_used, stack_cache
 *
 * Each is a row of two or three list heads, threads first, kept stacks last
 * (allocatestack.c, and struct rtld_global in ldsodefs.h).  So we look through
 * the writable segments of modules for such a row in which a list leads to a
 * descriptor.  That takes no symbols and finds exactly the kept stacks: not
 * those of threads that ended and were not joined yet, which still have a
 * result to give, nor memory that the program itself lent for a stack.
 *
 * A core may have lost those stacks (see live.c).  Then the list breaks off at
 * the first, and we say of that one that it is lost: dtvs hang off descriptors.
 */
#include "image/parts.h"

enum {
	ROW_LEAST = 2,
	ROW_MOST = 3,           /* list heads side by side */
	STACKS_MOST = 1 << 20,  /* members of a list */
	SEGMENT_MOST = 1 << 24, /* bytes of a segment that are looked through */
};

struct search {
	struct image *image;
	const struct descriptor_layout *layout;
	unsigned word; /* bytes */
	struct anchors alive;
};

static void
search_fini(struct search *s)
{
	anchors_fini(&s->alive);
}

/* The two words of a list node.  False when they are missing. */
static bool
read_node(const struct search *s, hs_addr node, hs_addr *next, hs_addr *prev)
{
	return space_word(s->image->space, node, next)
	    && space_word(s->image->space, node + s->word, prev);
}

/* Is a node in a descriptor that the core has lost? */
static bool
is_lost_node(const struct search *s, hs_addr node)
{
	hs_addr descriptor = node - s->layout->list;

	return descriptor % s->layout->align == 0
	    && descriptor_lost(s->image, descriptor)
	    && space_at(s->image->space, descriptor);
}

/* Do the nodes next to a, a head or another node, point back at it, as far as they are there? */
static bool
is_node(const struct search *s, hs_addr a)
{
	hs_addr next, prev, back, forth, unused;

	if (!read_node(s, a, &next, &prev) || (next == a) != (prev == a))
		return false;
	if (next == a)
		return true;
	return ((read_node(s, next, &unused, &back) && back == a)
		   || is_lost_node(s, next))
	    && ((read_node(s, prev, &forth, &unused) && forth == a)
		|| is_lost_node(s, prev));
}

/* Does the list at head begin with a descriptor's node? */
static bool
leads_to_descriptor(const struct search *s, hs_addr head)
{
	hs_addr next, prev;

	return read_node(s, head, &next, &prev) && next != head
	    && descriptor_at(s->image, next - s->layout->list);
}

static bool
is_alive(const struct search *s, hs_addr descriptor)
{
	size_t i = anchors_below(&s->alive, descriptor);

	return i < s->alive.n && s->alive.at[i] == descriptor;
}

static void
add(const struct search *s, hs_addr descriptor)
{
	struct spare_stack spare = { .descriptor = descriptor,
		.tp = descriptor_tp(s->image, descriptor) };

	if (spare.tp && !is_alive(s, descriptor)
	    && descriptor_stack(s->image, descriptor, &spare.stack))
		vec_push(&s->image->spares, spare);
}

/* A lost thread may have been given what is a kept stack's: nothing told them apart. */
static void
make_room(struct image *image, struct range stack)
{
	for (size_t i = 0; i < image->threads.n; i++) {
		struct thread *t = &image->threads.at[i];

		if (t->lost && t->stack.start < stack.end && stack.end <= t->live.start)
			t->stack.start = stack.end;
	}
}

static void
add_lost(const struct search *s, hs_addr descriptor)
{
	struct range stack = stack_between(s->image, &s->alive, descriptor);

	if (range_size(stack) == 0)
		return;
	make_room(s->image, stack);
	vec_push(&s->image->spares,
	    (struct spare_stack) { stack, descriptor, 0, .lost = true });
}

/* Takes the members of the list of kept stacks, as far as it makes sense. */
static void
take_list(const struct search *s, hs_addr head)
{
	hs_addr at = head, next, prev, unused, back;

	for (int i = 0; i < STACKS_MOST; i++, at = next) {
		if (!read_node(s, at, &next, &prev) || next == head)
			return;
		if (is_lost_node(s, next)) {
			add_lost(s, next - s->layout->list);
			return;
		}
		if (!read_node(s, next, &unused, &back) || back != at)
			return;
		add(s, next - s->layout->list);
	}
}

/* Is the row of list heads at a nptl's?  Then takes the last one's stacks. */
static bool
take_row(const struct search *s, hs_addr a)
{
	unsigned n, step = 2 * s->word;
	bool threads = false;

	if (is_node(s, a - step))
		return false; /* the middle of a row */
	for (n = 0; n <= ROW_MOST && is_node(s, a + n * step); n++)
		threads |= leads_to_descriptor(s, a + n * step);
	if (n < ROW_LEAST || n > ROW_MOST || !threads)
		return false;
	take_list(s, a + (n - 1) * step);
	return true;
}

/* Two words that could be those of a list node: cheap, most of memory fails it. */
static bool
looks_like_node(const struct search *s, const unsigned char *bytes)
{
	hs_addr next = 0, prev = 0;

	memcpy(&next, bytes, s->word);
	memcpy(&prev, bytes + s->word, s->word);
	return next && prev && (next | prev) % s->word == 0;
}

static bool
search_segment(const struct search *s, struct range r)
{
	const unsigned char *bytes;
	unsigned step = 2 * s->word;

	while (r.start < r.end) {
		const struct piece *p = space_from(s->image->space, r.start);

		if (!p || p->range.start >= r.end)
			return false;
		if (p->range.start > r.start)
			r.start = p->range.start;
		uint64_t n = space_run(s->image->space, r.start, &bytes);
		if (n > range_size(r))
			n = range_size(r);
		if (n > SEGMENT_MOST)
			n = SEGMENT_MOST;
		for (uint64_t at = 0; at + step <= n; at += s->word)
			if (looks_like_node(s, bytes + at) && take_row(s, r.start + at))
				return true;
		r.start = p->range.end;
	}
	return false;
}

static int
by_start(const void *one, const void *other)
{
	const struct spare_stack *a = one, *b = other;

	return a->stack.start < b->stack.start ? -1 : a->stack.start > b->stack.start;
}

void
spares_find(struct image *image)
{
	scoped(search_fini) struct search s = { .image = image,
		.layout = descriptor_layout(image),
		.word = image->core->machine->word };
	bool found = false;

	anchors_collect(&s.alive, image);
	image->spares.broke |= s.alive.broke;
	/* from the top: that is where ld.so lies, and the program's big data does not */
	for (size_t i = image->modules.n; s.layout && !found && i-- > 0;) {
		const struct module *m = &image->modules.at[i];

		for (size_t j = 0; !found && j < m->segments.n; j++)
			if (m->segments.at[j].flags & PF_W)
				found = search_segment(&s, m->segments.at[j].range);
	}
	vec_sort(&image->spares, by_start);
}
