/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape of a tcache_perthread_struct.
 *
 * A count and a head for each list: where counts agree with what the heads lead
 * to, and all that they lead to has the right size, the chunk is one.  A thread
 * may have been stopped between the store to the head and that to the count, so
 * one off agrees, too.
 */
#include "heap/glibc/shape.h"

#include "base/bits.h"

enum { MAX_COUNT = 65536 }; /* chunks in one list */

/* No program has memory outside. */
#define LOWEST ((hs_addr)4096)
#define HIGHEST ((hs_addr)1 << 56)

/* What the header says; a mapped chunk takes more than that. */
static uint64_t
size_field(const struct malloc_abi *abi, const struct block *b)
{
	return b->size + abi->header - abi->word;
}

uint64_t
shape_next(const struct ptmalloc *pt, const struct tcache_layout *l, hs_addr node,
    bool *ok)
{
	uint64_t next;

	*ok = space_word(pt->space, node, &next);
	return !*ok ? 0 : l->mangled ? next ^ node >> 12 : next;
}

bool
shape_is_node(const struct ptmalloc *pt, unsigned i, hs_addr node)
{
	struct block b;
	uint64_t min, max, size;

	if (!map_chunk_starting(pt->heap, node - pt->abi->header, &b)
	    || (b.state != STATE_USED && b.state != STATE_TCACHE))
		return false;
	tcache_bin_sizes(pt->abi, i, &min, &max);
	size = size_field(pt->abi, &b);
	return size >= min && size <= max;
}

/* The length of bin i's list; MAX_COUNT or more: it is none. */
static uint64_t
list_length(struct weighing *w, const struct tcache_layout *l, unsigned i, hs_addr node)
{
	uint64_t n = 0;
	bool ok = true;

	for (; node && n < MAX_COUNT; n++) {
		if (w->left == 0 || !shape_is_node(w->pt, i, node))
			return MAX_COUNT;
		w->left--;
		node = shape_next(w->pt, l, node, &ok);
		if (!ok)
			return MAX_COUNT;
	}
	return n;
}

static uint64_t
count_at(const unsigned char *at, const struct tcache_layout *l, unsigned i)
{
	uint16_t count;

	if (l->count_bytes == 1)
		return at[i];
	memcpy(&count, at + 2 * i, sizeof count);
	return count;
}

static uint64_t
head_at(const unsigned char *at, const struct tcache_layout *l, unsigned i)
{
	return word_from(at + l->entries + l->word * i, l->word);
}

/* Is the count of bin i right for a list of that length?  One off is. */
static bool
count_fits(const struct pt_params *p, const struct tcache_layout *l, uint64_t count,
    uint64_t length)
{
	uint64_t sum = count + length;

	if (l->counts_down)
		return p->layout ? sum + 1 - p->tcache_count <= 2
				 : sum == 7 || sum == 16;
	return count + 1 - length <= 2;
}

/* Does the count say that a list is empty? */
static bool
is_empty_count(const struct pt_params *p, const struct tcache_layout *l, uint64_t count)
{
	if (!l->counts_down)
		return count == 0;
	return p->layout ? count == p->tcache_count : count == 7 || count == 16;
}

/* How many lists are empty by their count and not by their head, or the reverse. */
static unsigned
count_odd(const struct pt_params *p, const struct tcache_layout *l,
    const unsigned char *at)
{
	unsigned odd = 0;

	for (unsigned i = 0; i < l->bins; i++) {
		uint64_t head = head_at(at, l, i);

		odd += (head == 0) != is_empty_count(p, l, count_at(at, l, i));
	}
	return odd;
}

static struct shape
shape_under(struct weighing *w, const struct pt_params *p, hs_addr chunk,
    const struct tcache_layout *l)
{
	struct shape s = { .layout = l, .wrong = l->bins };
	unsigned char at[MAX_TCACHE_BINS * 10];

	/* most blocks of that size are none: tell them at little cost */
	if (!space_read(w->pt->space, chunk + w->pt->abi->header, at,
		l->entries + l->word * l->bins)
	    || count_odd(p, l, at) > l->bins / 2)
		return s;
	s.wrong = 0;
	for (unsigned i = 0; i < l->bins && s.wrong < MAX_TCACHE_BINS / 2; i++) {
		uint64_t length = list_length(w, l, i, head_at(at, l, i));

		if (length >= MAX_COUNT
		    || !count_fits(p, l, count_at(at, l, i), length)) {
			s.wrong++;
			continue;
		}
		s.lists += length > 0;
		s.nodes += length;
	}
	return s;
}

/* Half of the lists are wrong as far as heads, and the counts of empty ones, tell. */
static bool
is_odd(const struct pt_params *p, const struct tcache_layout *l, const unsigned char *at)
{
	uint64_t empty = !l->counts_down ? 0 : p->layout ? p->tcache_count : 7;
	uint64_t slack = l->counts_down && !p->layout ? 16 + 1 - 7 : 2;
	unsigned wrong = 0;

	for (unsigned i = 0; i < l->bins && wrong < l->bins / 2; i++) {
		uint64_t head = head_at(at, l, i), count = count_at(at, l, i);
		bool bad_head, bad_count = count + 1 - empty > slack;

		bad_head = (head % GRANULE) | (head - LOWEST > HIGHEST - LOWEST);
		wrong += head ? bad_head
			      : bad_count; /* chance for all that we know: no branch */
	}
	return wrong >= l->bins / 2;
}

bool
shape_is_hopeless(const struct malloc_abi *abi, const struct pt_params *p,
    uint64_t size, const unsigned char *at)
{
	const struct tcache_layout *tried = NULL;

	for (const struct tcache_layout *l = abi->tcaches; l->since; l++) {
		if (!tcache_size_fits(l, size)
		    || (tried && tried->bins == l->bins && tried->entries == l->entries
			&& tried->counts_down == l->counts_down))
			continue;
		if (!is_odd(p, l, at))
			return false;
		tried = l;
	}
	return true;
}

static bool
better(const struct shape *a, const struct shape *b)
{
	return !b->layout || a->wrong < b->wrong
	    || (a->wrong == b->wrong && a->nodes > b->nodes);
}

struct shape
shape_of(struct weighing *w, const struct pt_instance *in, const struct block *b)
{
	struct shape best = { .layout = NULL };
	uint64_t size = size_field(w->pt->abi, b);

	for (const struct tcache_layout *l = w->pt->abi->tcaches; l->since; l++) {
		struct shape s;

		if ((b->span->mapped ? size < l->chunk : !tcache_size_fits(l, size))
		    || (l->mangled && in->links == LINKS_PLAIN)
		    || (!l->mangled && in->links == LINKS_MANGLED))
			continue;
		s = shape_under(w, &in->params, b->address - w->pt->abi->header, l);
		if (better(&s, &best))
			best = s;
	}
	return best;
}
