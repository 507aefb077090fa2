/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Free lists, link by link.
 *
 * Chunks of one list are anywhere in the heap, so each link is a wait for
 * memory, and only the link says where the next one is.  What can be done at
 * once is other lists, and a bin from both ends: as bins are rings, one reads
 * on until what comes next was read from the other end.  All that was read
 * from there must lead back to where it came from; so it is just what reading
 * on would have given.  For all that is known of chunks besides, in the heap
 * map, we wait for BATCH of them together.
 */
#include "heap/glibc/links.h"

#include <stdatomic.h>

enum {
	BATCH = 64,
	TURNS = 8,   /* lists that a thread reads in turns */
	FEW = 10000, /* chunks: no work for more than one thread */
};

static struct list
list_from(const struct ptmalloc *pt, hs_addr head)
{
	struct list l = { .pt = pt, .at = window_on(pt) };

	l.lost = !space_word(pt->space, head, &l.next);
	return l;
}

struct list
list_fast(const struct ptmalloc *pt, hs_addr head, bool mangled)
{
	struct list l = list_from(pt, head);

	l.link = pt->abi->header;
	l.mangled = mangled;
	return l;
}

struct list
list_bin(const struct ptmalloc *pt, hs_addr head, bool backwards)
{
	unsigned fd = pt->abi->header, bk = fd + pt->abi->word;
	struct list l = list_from(pt, head + (backwards ? bk : fd));

	l.link = backwards ? bk : fd;
	l.back = backwards ? fd : bk;
	l.last = l.before = head;
	return l;
}

void
list_fini(struct list *l)
{
	vec_free(&l->read);
}

/* One chunk more is read.  False: there is none. */
static bool
read_link(struct list *l)
{
	hs_addr from = l->next + l->link;
	uint64_t word = 0, back = l->before;

	if (l->lost || l->next == l->last)
		return false;
	vec_push(&l->read, l->next);
	if (l->back && window_word(&l->at, l->next + l->back, &back))
		l->askew |= back != l->before;
	l->before = l->next;
	l->lost = l->read.broke || !window_word(&l->at, from, &word);
	l->next = l->mangled ? word ^ from >> 12 : word;
	return true;
}

/* What is known of the next chunks is asked for. */
static void
expect(struct list *l)
{
	const hs_addr *from = l->read.at + l->expected;
	size_t left = l->read.n - l->expected;
	unsigned n = left < BATCH ? (unsigned)left : BATCH;

	for (unsigned i = 0; i < n; i++)
		if (from[i] - l->at.start < l->at.n)
			__builtin_prefetch(
			    l->at.bytes + (from[i] - l->at.start) + l->link);
	map_expect(l->pt->heap, from, n);
	l->expected += n;
}

bool
list_next(struct list *l, hs_addr *chunk)
{
	if (l->i == l->read.n) {
		l->i = l->expected = l->read.n = 0;
		while (l->read.n < BATCH && read_link(l))
			;
	}
	if (l->i == l->read.n)
		return false;
	if (l->i == l->expected)
		expect(l);
	*chunk = l->read.at[l->i++];
	return true;
}

/* ---- Several at once */

struct reading {
	struct list *lists;
	struct list *ends; /* of each, when it is a bin: the same from its other end */
	size_t n, turns;
	atomic_uint_fast64_t left; /* chunks that may still be read */
};

/* Would l go on with what was read last from the other end? */
static bool
has_met(const struct list *l, const struct list *end)
{
	return end->read.n > 0 && l->next == end->before;
}

/* A chunk of each, unless they have met. */
static unsigned
read_both(struct list *l, struct list *end)
{
	unsigned n = 0;

	if (!has_met(l, end))
		n += read_link(l);
	if (end->pt && !has_met(l, end) && l->next != l->last)
		n += read_link(end);
	return n;
}

/* What was read from the other end is what l would read, if all of it leads back. */
static void
join(struct list *l, struct list *end)
{
	if (has_met(l, end) && !end->askew) {
		l->askew |= end->next != l->before;
		for (size_t i = end->read.n; i > 0; i--)
			vec_push(&l->read, end->read.at[i - 1]);
		l->next = l->last;
	}
	list_fini(end);
}

static bool
read_turns(void *arg, size_t job)
{
	struct reading *r = arg;
	size_t from = job * r->turns, to = from + r->turns;
	uint64_t got;

	to = to < r->n ? to : r->n;
	do {
		got = 0;
		for (unsigned k = 0; k < BATCH; k++)
			for (size_t i = from; i < to; i++)
				got += read_both(&r->lists[i], &r->ends[i]);
		if (atomic_load(&r->left) < got)
			break;
		atomic_fetch_sub(&r->left, got);
	} while (got > 0);
	for (size_t i = from; i < to; i++)
		join(&r->lists[i], &r->ends[i]);
	return true;
}

bool
lists_read(const struct ptmalloc *pt, struct list *lists, size_t n, uint64_t most,
    struct hs_error *err)
{
	autofree struct list *ends = calloc(n + 1, sizeof *ends);
	struct reading r = { .lists = lists, .ends = ends, .n = n, .left = most };
	struct crew crew = *pt->crew;

	if (!ends)
		return fail_nomem(err);
	if (most < FEW)
		crew.threads = 1;
	r.turns = crew.threads > 1 ? n / crew.threads + 1 : n;
	r.turns = r.turns < TURNS ? r.turns + !r.turns : TURNS;
	for (size_t i = 0; i < n; i++)
		if (lists[i].back)
			ends[i] = list_bin(pt, lists[i].last, true);
	return crew_run(&crew, "reading free lists", (n + r.turns - 1) / r.turns,
	    read_turns, &r, err);
}
