/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of getrandom() is no hole.
 *
 * Since glibc 2.41 (commit 461cab1de7), where the kernel offers it, a thread
 * that asks for random bytes has a state in a page that is never dumped, so
 * that no key leaks.  The core then says: writable memory, contents missing;
 * as if the only pointer to a block could be lost with it, in next to every
 * program that ever called arc4random() or mkstemp().  But what was there is
 * random bits.
 *
 * The last member of a thread's descriptor points to its state, with the
 * lowest bit set while it is in use.  Where that member is differs between
 * releases; but whatever follows the description of the stack is the C
 * library's own, and no other word of it leads to memory that was not dumped.
 * glibc takes a page at a time, which serves some twenty threads: a larger
 * hole is something else.
 */
#include "image/parts.h"

enum {
	MOST_PAGES = 64,
	PAST_SIZE = 128, /* bytes by which descriptors outgrew the layout's size so far */
};

static int
hole_holds(const void *key, const void *element)
{
	hs_addr a = *(const hs_addr *)key;
	const struct hole *h = element;

	return a < h->range.start ? -1 : a >= h->range.end;
}

/* The hole that a lies in, if it is small enough; or NULL. */
static struct hole *
hole_at(struct space *s, hs_addr a, uint64_t most)
{
	struct hole *h = bsearch(&a, s->holes.at, s->holes.n, sizeof *h, hole_holds);

	return h && range_size(h->range) <= most ? h : NULL;
}

/* Strikes out the holes to which the end of a descriptor points. */
static void
strike_out(struct image *image, const struct descriptor_layout *l, hs_addr descriptor)
{
	unsigned word = image->core->machine->word;
	uint64_t most = MOST_PAGES * image_page(image);

	for (unsigned at = l->stackblock + 3 * word; at < l->size + PAST_SIZE;
	     at += word) {
		struct hole *h;
		hs_addr state;

		if (!space_word(image->space, descriptor + at, &state))
			return;
		h = hole_at(image->space, state & ~(hs_addr)1, most);
		if (h)
			h->why = NULL;
	}
}

void
random_forget(struct image *image)
{
	const struct descriptor_layout *l = descriptor_layout(image);
	struct space *s = image->space;
	size_t n = 0;

	if (!l || s->holes.n == 0)
		return;
	for (size_t i = 0; i < image->threads.n; i++)
		if (image->threads.at[i].descriptor)
			strike_out(image, l, image->threads.at[i].descriptor);
	for (size_t i = 0; i < s->holes.n; i++)
		if (s->holes.at[i].why)
			s->holes.at[n++] = s->holes.at[i];
	s->holes.n = n;
}
