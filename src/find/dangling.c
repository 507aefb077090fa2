/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dangling pointers.
 *
 * Every aligned word that the program can still read is looked at, as for reach:
 * registers, roots and blocks in use; whatever holds an address inside a free
 * block counts.  Links of free lists do not: free blocks are not read, and nor is
 * malloc's own state.
 *
 * What it means is another matter.  A variable that nobody reads again, a slot of
 * an array past its length, a number that looks like an address: there is no way
 * to tell these from a bug to come.  So this is a list to look through, not a
 * finding, and those that hold most come first.
 *
 * Costs a look-up for each word that has an address in the heap, and memory for
 * twice as many holders as are asked for.
 */
#include "find/dangling.h"

#include <string.h>

enum { TICK = 1 << 16 /* blocks between two looks at the clock */ };

struct search {
	const struct heap *heap;
	const struct space *space;
	const struct roots *roots;
	struct suspects *suspects;
	struct dangling *to;
	uint64_t limit;
	struct holder now; /* the one that is being read */
};

static int
by_words(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->words != y->words)
		return x->words > y->words ? -1 : 1;
	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return x->region < y->region ? -1 : x->region > y->region;
}

static struct suspect *
suspect_of(struct suspects *all, hs_addr free)
{
	size_t from = 0, to = all->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (all->at[mid].free < free)
			from = mid + 1;
		else
			to = mid;
	}
	return from < all->n && all->at[from].free == free ? &all->at[from] : NULL;
}

static void
see(struct search *s, hs_addr at, uint64_t word)
{
	struct suspect *suspect;
	struct block b;

	if (!range_has(s->heap->bounds, word) || !heap_chunk_at(s->heap, word, &b)
	    || !state_is_free(b.state) || word < b.address
	    || word - b.address >= b.size)
		return;
	if (s->now.words++ == 0) {
		s->now.at = at;
		s->now.to = b.address;
	}
	s->now.starts += word == b.address;
	suspect = suspect_of(s->suspects, b.address);
	if (!suspect || suspect->holder.words)
		return;
	suspect->holder = s->now;
	suspect->holder.at = at;
	suspect->holder.to = b.address;
}

static void
see_range(struct search *s, struct range r)
{
	const unsigned char *bytes;

	for (uint64_t n; r.start < r.end; r.start += n) {
		n = space_stretch(s->space, r.start, range_size(r), &bytes);
		for (uint64_t i = -r.start % 8; bytes && i + 8 <= n; i += 8) {
			uint64_t word;

			memcpy(&word, bytes + i, sizeof word);
			see(s, r.start + i, word);
		}
	}
}

/* The holder at hand was read: keep it, if it is one. */
static void
done(struct search *s)
{
	struct holders *most = &s->to->most;

	if (s->now.words == 0)
		return;
	s->to->holders++;
	s->to->words += s->now.words;
	vec_push(most, s->now);
	if (most->n / 2 <= s->limit)
		return;
	vec_sort(most, by_words);
	most->n = s->limit;
}

static void
see_registers(struct search *s, const struct image *image, uint32_t thread)
{
	const struct machine *m = image->core->machine;
	const struct core_thread *regs =
	    thread < image->threads.n ? image->threads.at[thread].regs : NULL;

	for (unsigned i = 0; regs && i < m->nregs; i++)
		if (m->holds_pointer(i))
			see(s, i, regs->reg[i]);
}

static void
see_roots(struct search *s, const struct image *image)
{
	for (uint32_t i = 0; i < s->roots->regions.n; i++) {
		const struct region *r = &s->roots->regions.at[i];

		s->now = (struct holder) { .region = i };
		if (r->kind == ROOT_REGISTER)
			see_registers(s, image, r->thread);
		else
			see_range(s, r->range);
		done(s);
	}
}

static bool
see_blocks(struct search *s, const struct progress *progress, struct hs_error *err)
{
	struct block b = { .span = NULL };

	while (heap_next(s->heap, &b)) {
		if (b.number % TICK == 0
		    && !progress_on(progress, "looking for dangling pointers",
			b.number, s->heap->nchunks, err))
			return false;
		if (b.state != STATE_USED)
			continue;
		s->now = (struct holder) { .block = b.address, .size = b.size };
		see_range(s, (struct range) { b.address, b.address + b.size });
		done(s);
	}
	return true;
}

bool
dangling_find(struct dangling *to, const struct heap *heap,
    const struct image *image, const struct roots *roots, uint64_t limit,
    struct suspects *suspects, const struct progress *progress, struct hs_error *err)
{
	struct search s = {
		.heap = heap,
		.space = image->space,
		.roots = roots,
		.suspects = suspects,
		.to = to,
		.limit = limit,
	};

	see_roots(&s, image);
	if (!see_blocks(&s, progress, err))
		return false;
	vec_sort(&to->most, by_words);
	if (to->most.n > limit)
		to->most.n = limit;
	return !to->most.broke || fail_nomem(err);
}

void
dangling_fini(struct dangling *d)
{
	vec_free(&d->most);
}
